#!/usr/bin/python3
"""memif between two convoyd's, one core each, beside DPDK's net_memif between two testpmd's in the same run.

    generator ── xconnect ── wire ══ shared memory ══ wire ── IPv4 ── sink      processor 0 │ processor 1
      txonly ───────────── net_memif ══ shared memory ══ net_memif ── rxonly

memif.mpps.SIZE counts frames of SIZE bytes that have arrived, in the best of many short windows: on a machine
that does other things too, the others say more about those. The clocks are of convoyd's own nodes: both ends of
the wire, and all that the receiving worker does for a packet.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import measure
import setups
from harness.process import Process
from results import Results

BARS = {64: 16.0, 1500: 50e9 / (1500 * 8) / 1e6}
SINK_MAC = "02:00:00:00:09:02"
WINDOW_SECONDS = 0.1
TESTPMD = shutil.which("dpdk-testpmd")


def pin(pid, processor=None):
    """Its threads on one processor, and before whatever else the machine does."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(task.name), -20)
        if processor is not None:
            os.sched_setaffinity(int(task.name), {processor})


class Wire:
    """Two convoyd's and the wire between them; the generator stands still."""

    def __init__(self, build, folder, size, client, ring):
        self.setup = setups.Setup(f"memif{size}", build, folder)
        space = self.setup.namespace("memif")
        socket = str(self.setup.folder / "wire.memif")
        mac = "02:00:00:00:08:02"
        stream = {"size": size, "source": "10.8.0.1", "destination": "10.9.0.2", "destination_mac": mac}
        self.right = self.setup.convoyd("right", {"spin": "0.01s", "buffers": 8192, "interfaces": [
            {"name": "wire", "mac": mac, "addresses": ["10.8.0.2/24"], "memif": {"role": "server", "socket": socket}},
            {"name": "out", "addresses": ["10.9.0.1/24"], "sink": {}}]}, space)
        self.left = self.setup.convoyd("left", {"spin": "0.01s", "buffers": 8192, "interfaces": [
            {"name": "gen", "generator": {"streams": [stream]}},
            {"name": "wire", "memif": {"role": "client", "socket": socket, "log2_ring_size": ring, **client}}],
            "xconnects": [{"ports": ["gen", "wire"]}]}, space)
        self.right.call("neighbor add", interface="out", address="10.9.0.2", mac=SINK_MAC)
        setups.wait.until(lambda: self.state() == "up", "the wire is up")
        for processor, stack in enumerate((self.left, self.right)):
            pin(stack.process.pid, processor)

    def state(self):
        return self.left.call("show interfaces", interface="wire")[0]["state"]

    def arrived(self):
        return self.right.call("show interfaces", interface="out")[0]["counters"]["tx_packets"]

    def windows(self, seconds):
        """Mpps of each short window."""
        self.left.call("generator start", interface="gen")
        rates = list(windows(self.arrived, seconds))
        clocks = self.clocks()
        self.left.call("generator stop", interface="gen")
        return rates, clocks

    def clocks(self):
        """(sending node, receiving node, whole receiving worker), clocks per packet since the start."""
        sent, got = self.left.call("show runtime"), self.right.call("show runtime")
        for r in (sent, got) if os.environ.get("VERBOSE") else ():
            print(r["workers"], [(n["node"], round(n["vectors_per_call"]), round(n["clocks_per_vector"], 1)) for n in r["nodes"]])
        return node_clocks(sent, "wire-tx"), node_clocks(got, "memif-input"), worker_clocks(got)

    def close(self):
        self.setup.close()


def node_clocks(runtime, name):
    return next(n["clocks_per_vector"] for n in runtime["nodes"] if n["node"] == name)


def worker_clocks(runtime):
    [worker] = runtime["workers"]
    return worker["clocks"] / max(worker["packets"], 1)


def windows(count, seconds):
    end = time.monotonic() + seconds
    at, n = time.monotonic(), count()
    while at < end:
        time.sleep(WINDOW_SECONDS)  # the window itself
        now, now_n = time.monotonic(), count()
        yield (now_n - n) / (now - at) / 1e6
        at, n = now, now_n


def ours(build, folder, size, seconds, client, ring):
    wire = Wire(build, folder, size, client, ring)
    try:
        return wire.windows(seconds)
    finally:
        wire.close()


def testpmd(folder, size, seconds, role, processor, mode, socket, zero_copy):
    device = f"net_memif0,role={role},socket={socket},socket-abstract=no,rsize=10"
    device += f",zero-copy={zero_copy}" if role == "client" else ""
    argv = [TESTPMD, "--no-huge", "-m", "256", "--no-pci", "--lcores", f"0@{1 - processor},1@{processor}",
            "--file-prefix", f"{os.getpid()}{role}", f"--vdev={device}", "--", "--no-mlockall",
            "--total-num-mbufs=8192", f"--forward-mode={mode}", f"--txpkts={size}", "--burst=64",
            "--txd=1024", "--rxd=1024", "--stats-period=1"]
    return Process(argv, out=folder / f"testpmd-{role}", stdin=subprocess.PIPE)


def theirs(folder, size, seconds):
    """Mpps of each second, as the receiving testpmd says; warm-up left out."""
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    socket = place / "wire.memif"
    server = testpmd(place, size, seconds, "server", 1, "rxonly", socket, "no")
    client = testpmd(place, size, seconds, "client", 0, "txonly", socket, "no")
    try:
        def rates():
            return [int(n) / 1e6 for n in re.findall(r"Rx-pps:\s+(\d+)", server.out) if int(n)]
        for process in server, client:
            pin(process.pid)
        wanted = max(2, round(seconds)) + 1
        setups.wait.until(lambda: len(rates()) >= wanted, f"testpmd receives: {server}", wanted + 20)
        return rates()[1:]
    finally:
        for process in client, server:
            process.stop()


def line_of(size, mpps, runs, clocks):
    gbps = mpps * size * 8 / 1e3
    verdict = "held" if mpps >= BARS[size] else "missed"
    return (f"{size:5} {mpps:8.2f} {measure.spread(runs)[0]:8.2f} {gbps:7.1f} {clocks[0]:7.1f} {clocks[1]:7.1f} "
            f"{clocks[2]:7.1f}  bar {BARS[size]:.1f}: {verdict}")


def measure_size(results, build, folder, size, options):
    runs, peer, clocks = [], [], []
    for number in range(options.rounds):
        round_folder = pathlib.Path(folder) / str(number)
        round_folder.mkdir(exist_ok=True)
        rates, cost = ours(build, round_folder, size, options.seconds, {}, options.ring)
        runs += rates
        clocks.append(cost)
        if TESTPMD and not options.no_peer:
            peer += theirs(round_folder, size, options.seconds)
    best = [min(column) for column in zip(*clocks)]
    print(line_of(size, max(runs), runs, best), flush=True)
    if peer:
        print(f"{size:5} {max(peer):8.2f} {measure.spread(peer)[0]:8.2f} {max(peer) * size * 8 / 1e3:7.1f}  testpmd")
    results.add(f"memif.mpps.{size}", "Mpps", max(runs), "testpmd" if peer else None, max(peer) if peer else None,
                len(runs), min(runs), max(runs))
    for name, value in zip(("send", "receive", "worker"), best):
        results.add(f"memif.clocks.{name}.{size}", "clocks/packet", value, runs=options.rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--sizes", default="64,1500")
    parser.add_argument("--ring", type=int, default=10, help="log2 of the ring's size")
    parser.add_argument("--no-peer", action="store_true", help="without testpmd")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    results = Results(build / "bench" / "results.json")
    print(f"{'bytes':>5} {'Mpps':>8} {'median':>8} {'Gb/s':>7} {'send':>7} {'receive':>7} {'worker':>7}  clocks/packet")
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder:
        for size in map(int, options.sizes.split(",")):
            measure_size(results, build, folder, size, options)
    results.save()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    finally:
        setups.close_all()
