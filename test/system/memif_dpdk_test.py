"""memif against DPDK's, an implementation that is not ours, in both roles: testpmd answers pings."""
import itertools
import shutil
import subprocess

import pytest
from harness import wait

TESTPMD = shutil.which("dpdk-testpmd")
pytestmark = pytest.mark.skipif(not TESTPMD, reason="dpdk-testpmd (package dpdk-dev) is not installed")
MTU = 9000
numbers = itertools.count()


class Wire:
    """convoyd between a tap and a memif, and testpmd at its other end."""

    def __init__(self, space, convoyd, run, folder, ours, queues, zero_copy):
        self.space, self.convoyd, self.run, self.folder = space, convoyd, run, folder
        self.ours, self.queues, self.zero_copy = ours, queues, zero_copy
        self.socket = folder / "wire.memif"
        starts = [self.start_convoyd, self.start_testpmd]
        for start in starts if ours == "server" else reversed(starts):
            start()
        self.wait_up()
        space.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.1")

    def start_convoyd(self):
        memif = {"role": self.ours, "socket": str(self.socket), "id": 3, "queues": self.queues}
        if self.zero_copy:  # DPDK's clients cannot seal their memory
            memif["zero_copy" if self.ours == "client" else "trusted"] = True
        self.stack = self.convoyd({"workers": self.queues, "shared_buffers": True, "interfaces": [
            {"name": "lan", "addresses": ["10.9.0.1/24"], "mtu": MTU,
             "tap": {"queues": self.queues, "host_addresses": ["10.9.0.2/24"]}},
            {"name": "wire", "addresses": ["10.8.0.1/24"], "mtu": MTU, "memif": memif}]}, netns=self.space)

    def start_testpmd(self):
        theirs = "client" if self.ours == "server" else "server"
        device = f"net_memif0,role={theirs},id=3,socket={self.socket},socket-abstract=no"
        if theirs == "client":
            device += f",zero-copy={'yes' if self.zero_copy else 'no'}"
        self.testpmd = self.run(
            TESTPMD, "--no-huge", "--single-file-segments", "-m", "256", "--no-pci", "--lcores", "0@0,1@0",
            "--file-prefix", f"{self.folder.name}-{next(numbers)}", f"--vdev={device}", "--", "--no-mlockall",
            "--total-num-mbufs=8192", f"--rxq={self.queues}", f"--txq={self.queues}",
            "--forward-mode=icmpecho", "--port-topology=loop",
            name=f"testpmd{next(numbers)}", stdin=subprocess.PIPE)  # it ends when its input does

    def wire(self):
        return next(i for i in self.stack.call("show interfaces") if i["name"] == "wire")

    def wait_up(self):
        wait.until(lambda: self.wire()["state"] == "up", f"the wire is up: {self.testpmd}", 20)

    def ping(self, address, *options):
        return self.space.run("ping", *options, address, check=False)

    def wait_answer(self):
        """It forwards some time after its link is up."""
        wait.until(lambda: self.ping("10.8.0.77", "-c1", "-W1").returncode == 0, "testpmd answers", 20)


@pytest.mark.parametrize("ours, queues, zero_copy", [
    ("server", 1, False), ("client", 1, False), ("server", 2, False), ("client", 2, False),
    ("server", 2, True), ("client", 2, True)])
def test_pings_through_dpdk(netns, convoyd, run, tmp_path, ours, queues, zero_copy):
    w = Wire(netns("lan"), convoyd, run, tmp_path, ours, queues, zero_copy)
    about = w.wire()["device"]
    assert "peer DPDK" in about
    assert f"rx-queues {queues}\ntx-queues {queues}" in about
    assert f"zero-copy {'yes' if zero_copy and ours == 'client' else 'no'}" in about
    w.wait_answer()
    for size in ("56", "1400", "8000"):  # the last in several buffers of either side
        out = w.ping("10.8.0.77", "-c5", "-i0.1", "-W2", f"-s{size}").stdout
        assert " 0% packet loss" in out, (out, w.stack.call("show errors"), w.stack.call("show interfaces"))


@pytest.mark.parametrize("ours", ["server", "client"])
def test_every_queue_carries_and_all_come_back(netns, convoyd, run, tmp_path, ours):
    """Flows of both workers by rings of their own; testpmd is killed and started again."""
    w = Wire(netns("lan"), convoyd, run, tmp_path, ours, 2, False)
    assert [(q["queue"], q["worker"]) for q in w.stack.call("show placement")
            if q["interface"] == "wire"] == [(0, 0), (1, 1)]
    w.wait_answer()
    for n in range(16):  # the kernel spreads them over the tap's queues
        assert w.ping(f"10.8.0.{100 + n}", "-c2", "-i0.05", "-W2").returncode == 0
    received = {n["worker"]: n["vectors"] for n in w.stack.call("show runtime", each=True)["nodes"]
                if n["node"] == "memif-input"}
    assert sorted(worker for worker, n in received.items() if n) == [0, 1]
    w.testpmd.kill()
    wait.until(lambda: w.wire()["state"] == "no link", "the wire is cut")
    if ours == "client":
        w.socket.unlink()  # which DPDK does not do before it listens
    w.start_testpmd()
    w.wait_up()
    w.wait_answer()
