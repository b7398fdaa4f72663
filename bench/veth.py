#!/usr/bin/python3
"""Forwarding between two veth pairs: the kernel's own, and ours by af_packet and AF_XDP on the same pairs.

"shortcuts" is af_packet with `shortcuts: true`: packets are forwarded in the kernel by a program of ours,
not by the graph; that they were is checked.

    source namespace  src ══ in   router namespace   out ══ dst  sink namespace

The forwarders take turns in each round, with the load of bench/veth_load.c: 64 bytes, 256 flows. What
counts is packets per second of processor time of all who take part: load and sink, which are the same
for all, forwarder, softirqs (which run in their threads or in ksoftirqd). On a quiet machine that is
the machine's non-idle time to within 2%, which stands beside it; on a busy one it is what can be compared.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import measure
import setups
from harness import wait
from results import Results

FORWARDERS = ("kernel", "af_packet", "af_xdp", "shortcuts")


DRIVERS = {"shortcuts": "af_packet"}
OPTIONS = {"af_packet": {"exclusive": True}, "af_xdp": {"ring": 4096}, "shortcuts": {"shortcuts": True}}


class Pairs:
    """The two pairs, ready for the kernel to forward."""

    def __init__(self, build, folder):
        self.setup = setups.Setup("veth", build, folder)
        self.build = pathlib.Path(build)
        self.source, self.router, self.sink = (self.setup.namespace(n) for n in ("src", "fwd", "dst"))
        for space in self.source, self.router, self.sink:
            space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        self._pair("in", self.source, "src", "10.1.0")
        self._pair("out", self.sink, "dst", "10.2.0")
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.router.ip("neigh", "add", "10.2.0.2", "lladdr", self.mac(self.sink, "dst"), "dev", "out")

    def _pair(self, name, far, far_name, net):
        self.router.ip("link", "add", name, "type", "veth", "peer", "name", far_name, "netns", far.name)
        far.ip("link", "set", far_name, "up")
        self.router.ip("link", "set", name, "up")
        self.router.ip("addr", "add", f"{net}.1/24", "dev", name)

    @staticmethod
    def mac(space, device):
        return space.run("cat", f"/sys/class/net/{device}/address").stdout.strip()

    def forwarder(self, kind, options):
        """A convoyd that takes the router's devices over, or nothing for the kernel."""
        if kind == "kernel":
            return None
        config = {"buffers": 32768, "interfaces": [
            {"name": name, "addresses": [f"{net}.1/24"], DRIVERS.get(kind, kind): {"device": name, **options}}
            for name, net in (("in", "10.1.0"), ("out", "10.2.0"))]}
        stack = self.setup.convoyd(f"{kind}{len(list(self.setup.folder.iterdir()))}", config, self.router)
        stack.call("neighbor add", interface="out", address="10.2.0.2", mac=self.mac(self.sink, "dst"))
        return stack

    def defer_interrupts(self, on):
        """What src/drivers/af_xdp/README.md advises: packets come to AF_XDP in bunches."""
        for device in "in", "out":
            folder = f"/sys/class/net/{device}"
            self.router.run("sh", "-c", f"echo {2 * on} > {folder}/napi_defer_hard_irqs; "
                                        f"echo {100000 * on} > {folder}/gro_flush_timeout")

    def load(self, seconds):
        """Packets sent and arrived, seconds, processor seconds of the machine and of the load itself."""
        argv = [self.build / "bench" / "veth-load", self.source.name, "src", self.mac(self.router, "in"),
                self.sink.name, "dst", str(seconds)]
        busy = measure.busy_seconds()
        before = os.times()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 20)
        after = os.times()
        busy = measure.busy_seconds() - busy
        if done.returncode:
            raise RuntimeError(done.stderr)
        _, sent, arrived, took = done.stdout.split()
        own = after.children_user + after.children_system - before.children_user - before.children_system
        return int(sent), int(arrived), float(took), busy, own


def one_run(pairs, kind, seconds):
    stack = pairs.forwarder(kind, OPTIONS.get(kind, {}))
    pairs.defer_interrupts(kind == "af_xdp")
    try:
        if stack:
            pairs.load(0.2)
        if kind == "shortcuts":
            wait.until(lambda: any(s["in_use"] for s in stack.call("show shortcuts")["shortcuts"]), "a shortcut")
        own = scheduled(stack)
        sent, arrived, took, busy, load = pairs.load(seconds)
        own = scheduled(stack) - own + load
        if kind == "shortcuts":
            passed = sum(s["packets"] for s in stack.call("show shortcuts")["shortcuts"])
            assert passed > 0.99 * sent, f"{passed} of {sent} packets took shortcuts"
    finally:
        if stack:
            stack.stop()
    return arrived / own, arrived / took, sent - arrived, own / arrived * 1e9, busy / arrived * 1e9


def scheduled(stack):
    """Processor seconds of convoyd's threads and of the kernel's softirq threads, as the scheduler counts."""
    tasks = list(pathlib.Path(f"/proc/{stack.process.pid}/task").iterdir()) if stack else []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "comm").read_text().startswith("ksoftirqd"):
                tasks.append(folder)
        except OSError:
            continue
    return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", default="", help="some of af_packet, af_xdp, shortcuts; all if not given")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    wanted = [f for f in FORWARDERS if f == "kernel" or not options.only or f in options.only.split(",")]
    results = Results(build / "bench" / "results.json")
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder:
        pairs = Pairs(build, folder)
        try:
            measure_all(results, pairs, wanted, options.rounds, options.seconds)
        finally:
            pairs.setup.close()
    results.save()
    return 0


def measure_all(results, pairs, wanted, rounds, seconds):
    runs = {kind: [] for kind in wanted}
    for number in range(-1, rounds):
        for kind in wanted:
            run = one_run(pairs, kind, seconds if number >= 0 else 0.2)
            if number >= 0:
                runs[kind].append(run)
    print(f"\n{'forwarder':10} {'per cpu s':>10} {'ratio':>6} {'spread':>11} {'packets/s':>10} {'lost':>8} {'ns':>7} "
          f"{'machine':>8}")
    base = runs["kernel"]
    for kind in wanted:
        per_cpu = measure.spread([r[0] for r in runs[kind]])[0]
        base_per_cpu = measure.spread([r[0] for r in base])[0]
        ratios = sorted(a[0] / b[0] for a, b in zip(runs[kind], base))
        print(f"{kind:10} {per_cpu:10.0f} {per_cpu / base_per_cpu:6.2f} {ratios[0]:5.2f}-{ratios[-1]:<5.2f} "
              f"{measure.spread([r[1] for r in runs[kind]])[0]:10.0f} {sum(r[2] for r in runs[kind]):8d} "
              f"{measure.spread([r[3] for r in runs[kind]])[0]:7.0f} {measure.spread([r[4] for r in runs[kind]])[0]:8.0f}")
        if kind != "kernel":
            results.add(f"veth.pps_per_cpu.{kind}", "packets per processor second", per_cpu, "kernel",
                        base_per_cpu, rounds, ratios[0], ratios[-1])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    finally:
        setups.close_all()
