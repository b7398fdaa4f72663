"""memif against DPDK's, an implementation that is not ours, in both roles: testpmd answers pings."""
import shutil
import subprocess

import pytest
from harness import wait

TESTPMD = shutil.which("dpdk-testpmd")
pytestmark = pytest.mark.skipif(not TESTPMD, reason="dpdk-testpmd (package dpdk-dev) is not installed")


@pytest.mark.parametrize("ours, theirs", [("server", "client"), ("client", "server")])
def test_pings_through_dpdk(netns, convoyd, run, tmp_path, ours, theirs):
    space = netns("lan")
    socket = tmp_path / "wire.memif"
    device = f"net_memif0,role={theirs},id=3,socket={socket},socket-abstract=no"
    if theirs == "client":
        device += ",zero-copy=no"

    def start_testpmd():
        return run(TESTPMD, "--no-huge", "-m", "256", "--no-pci", "--lcores", "0@0,1@0",
                   "--file-prefix", tmp_path.name, f"--vdev={device}", "--", "--no-mlockall",
                   "--total-num-mbufs=4096", "--forward-mode=icmpecho", "--port-topology=loop",
                   name="testpmd", stdin=subprocess.PIPE)  # it ends when its input does

    def start_convoyd():
        return convoyd({"interfaces": [
            {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}},
            {"name": "wire", "addresses": ["10.8.0.1/24"],
             "memif": {"role": ours, "socket": str(socket), "id": 3}}]}, netns=space)
    if ours == "server":
        stack = start_convoyd()
        start_testpmd()
    else:
        start_testpmd()
        stack = start_convoyd()
    wait.until(lambda: stack.call("show interfaces")[1]["state"] == "up", "the wire is up", 20)
    assert "peer DPDK" in stack.call("show interfaces")[1]["device"]
    space.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.1")
    # It forwards some time after its link is up.
    wait.until(lambda: space.run("ping", "-c1", "-W1", "10.8.0.77", check=False).returncode == 0,
               "testpmd answers", 20)
    for size in ("56", "1400"):
        out = space.run("ping", "-c5", "-i0.1", "-W2", f"-s{size}", "10.8.0.77").stdout
        assert " 0% packet loss" in out
