#!/usr/bin/python3
"""memif between two convoyd's, one core each, beside DPDK's net_memif between two testpmd's in the same run.

    generator ── xconnect ── wire ══ shared memory ══ wire ── IPv4 ── sink      processor 0 │ processor 1
      txonly ───────────── net_memif ══ shared memory ══ net_memif ── rxonly

memif.mpps.SIZE counts frames of SIZE bytes that have arrived, in the best of many short windows: on a machine
that does other things too, the others say more about those. There the receiver is a client with zero copy, which
DPDK's and VPP's clients are as well unless told otherwise: testpmd's beside it is one. memif.mpps.copied.SIZE is
with the defaults, where each packet is copied out of shared memory too. The clocks are of convoyd's own nodes: both
ends of the wire, and all that the receiving worker does for a packet.
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

    def __init__(self, build, folder, size, zero_copy, ring):
        self.setup = setups.Setup(f"memif{size}{zero_copy}", build, folder)
        space = self.setup.namespace("memif")
        socket = str(self.setup.folder / "wire.memif")
        server = {"role": "server", "socket": socket}
        client = {"role": "client", "socket": socket, "log2_ring_size": ring}
        receiver, sender = ({**client, "zero_copy": True}, server) if zero_copy else (server, client)
        mac = "02:00:00:00:08:02"
        stream = {"size": size, "source": "10.8.0.1", "destination": "10.9.0.2", "destination_mac": mac}
        self.right = self.setup.convoyd("right", {"spin": "0.01s", "buffers": 8192, "shared_buffers": zero_copy, "interfaces": [
            {"name": "wire", "mac": mac, "addresses": ["10.8.0.2/24"], "memif": receiver},
            {"name": "out", "addresses": ["10.9.0.1/24"], "sink": {}}]}, space)
        self.left = self.setup.convoyd("left", {"spin": "0.01s", "buffers": 8192, "interfaces": [
            {"name": "gen", "generator": {"streams": [stream]}},
            {"name": "wire", "memif": sender}],
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


def ours(build, folder, size, seconds, zero_copy, ring):
    wire = Wire(build, folder, size, zero_copy, ring)
    try:
        return wire.windows(seconds)
    finally:
        wire.close()


def testpmd(folder, size, role, processor, mode, socket):
    device = f"net_memif0,role={role},socket={socket},socket-abstract=no,rsize=10"
    device += ",zero-copy=yes" if role == "client" else ""
    argv = ["stdbuf", "-oL", TESTPMD, "--no-huge", "--single-file-segments", "-m", "256", "--no-pci",
            "--lcores", f"0@{1 - processor},1@{processor}",
            "--file-prefix", f"{folder.name}{role}", f"--vdev={device}", "--", "--no-mlockall",
            "--total-num-mbufs=8192", f"--forward-mode={mode}", f"--txpkts={size}", "--burst=64",
            "--txd=1024", "--rxd=1024", "--stats-period=1"]
    return Process(argv, out=folder / f"testpmd-{role}", stdin=subprocess.PIPE)


def theirs(folder, size, seconds):
    """Mpps of each second, as the receiving testpmd says; warm-up left out."""
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    socket = place / "wire.memif"
    server = testpmd(place, size, "server", 0, "txonly", socket)
    client = testpmd(place, size, "client", 1, "rxonly", socket)
    try:
        def rates():
            return [int(n) / 1e6 for n in re.findall(r"Rx-pps:\s+(\d+)", client.out) if int(n)]
        for process in server, client:
            pin(process.pid)
        wanted = max(2, round(seconds)) + 1
        setups.wait.until(lambda: len(rates()) >= wanted, f"testpmd receives: {client} {server}", wanted + 20)
        return rates()[1:]
    finally:
        for process in client, server:
            process.stop()


def theirs_or_none(folder, size, seconds):
    """The same; now and then a testpmd does not start, and what was measured shall not be lost for it."""
    for _ in range(2):
        try:
            return theirs(folder, size, seconds)
        except setups.wait.Late:
            print(f"{size:5} testpmd    did not start", flush=True)
    return []


def line_of(what, size, runs, clocks=None):
    best = max(runs)
    text = f"{size:5} {what:<10} {best:8.2f} {measure.spread(runs)[0]:8.2f} {best * size * 8 / 1e3:7.1f}"
    if clocks:
        verdict = "held" if best >= BARS[size] else "missed"
        text += " ".join(f"{c:7.1f}" for c in clocks) + f"  bar {BARS[size]:.1f}: {verdict}"
    return text


def measure_size(results, build, folder, size, options):
    runs, clocks, peer = {True: [], False: []}, {True: [], False: []}, []
    for number in range(options.rounds):
        place = pathlib.Path(folder) / f"{size}-{number}"
        place.mkdir()
        for zero_copy in True, False:
            rates, cost = ours(build, place, size, options.seconds, zero_copy, options.ring)
            runs[zero_copy] += rates
            clocks[zero_copy].append(cost)
        if TESTPMD and not options.no_peer:
            peer += theirs_or_none(place, size, options.seconds)
    for zero_copy, suffix, what in (True, "", "zero copy"), (False, ".copied", "copied"):
        mpps, best = runs[zero_copy], [min(column) for column in zip(*clocks[zero_copy])]
        print(line_of(what, size, mpps, best), flush=True)
        results.add(f"memif.mpps{suffix}.{size}", "Mpps", max(mpps), "testpmd" if peer else None,
                    max(peer) if peer else None, len(mpps), min(mpps), max(mpps))
        for node, value in zip(("send", "receive", "worker"), best):
            results.add(f"memif.clocks.{node}{suffix}.{size}", "clocks/packet", value, runs=options.rounds)
    if peer:
        print(line_of("testpmd", size, peer), flush=True)


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
    print(f"{'bytes':>5} {'':10} {'Mpps':>8} {'median':>8} {'Gb/s':>7} {'send':>7} {'receive':>7} {'worker':>7}  clocks/packet")
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
