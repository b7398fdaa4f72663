#!/usr/bin/python3
"""Does a change of the control plane hold up a worker? Its loop time while changes go in.

A worker forwards as fast as it can, generator to sink, and `show turns` has how long its turns take.
Each kind of change (1,000,000 routes, 1,000 interfaces, flaps) goes in by parts; every part takes
turns with as long a time in which nothing changes, and with one in which the worker sleeps and
bench/pause_probe.c has turns of the same length without any work: what the machine itself takes.

churn.pause_us is the 99.99th percentile of the worker's turns while routes go in; churn.pause_own_us that of
the turns in which the kernel ran nobody else in the worker's place. Baselines are those of the quiet
times; churn.machine_us and churn.machine_own_us are those of the probe. The worker and the probe run
with real-time priority where that is allowed.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import setups
from results import Results

ROUTES, INTERFACES, FLAPS = 1000000, 1000, 20
PARTS, SHORTEST = 5, 0.5
NET = {"interfaces": [
    {"name": "sink0", "addresses": ["10.9.0.1/16"], "sink": {}},
    {"name": "lo0", "addresses": ["10.7.0.1/24"], "loop": {}},
    {"name": "gen0", "addresses": ["10.8.0.1/24"], "generator": {"start": True, "streams": [
        {"size": 60, "source": "10.8.0.2", "destination": "1.0.0.0-9.255.255.255"}]}},
], "routes": [{"to": "0.0.0.0/0", "via": "10.9.0.2"}]}


def write_routes(folder, n):
    """n different prefixes of /20 to /24 by 64 next hops, in PARTS files."""
    rng, seen = random.Random(2026), set()
    paths = [folder / f"routes{part}" for part in range(PARTS)]
    for part, path in enumerate(paths):
        with open(path, "w", encoding="ascii") as out:
            while len(seen) < n * (part + 1) // PARTS:
                length = rng.choice((20, 21, 22, 22, 23, 23, 24, 24, 24, 24, 24, 24))
                first = rng.randrange(0x01000000, 0xdf000000) >> (32 - length) << (32 - length)
                if first >> 24 in (7, 8, 9, 10, 127) or (first, length) in seen:
                    continue
                seen.add((first, length))
                address = ".".join(str(first >> shift & 255) for shift in (24, 16, 8, 0))
                out.write(f"{address}/{length} via 10.9.0.{rng.randrange(2, 66)}\n")
    return paths


def prefer_worker(pid):
    """Real-time priority for the thread that uses the processor: the worker. False if not allowed."""
    def used(task):
        return sum(int(f) for f in (task / "stat").read_text().rpartition(")")[2].split()[11:13])
    tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    before = {t: used(t) for t in tasks}
    time.sleep(0.5)
    worker = max(tasks, key=lambda t: used(t) - before[t])
    try:
        os.sched_setscheduler(int(worker.name), os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True


def stolen_seconds():
    """What the hypervisor gave to others while a processor of ours had work, all processors together."""
    return int(pathlib.Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


class Turns:
    """Histograms of turns, added up: of all, and of those that were not preempted ("own")."""

    def __init__(self):
        self.buckets, self.seconds, self.stolen = {}, 0.0, 0.0

    def add(self, shown, seconds=0.0, stolen=0.0):
        for bucket in shown["buckets"]:
            below = bucket["below_us"]
            near = next((b for b in self.buckets if abs(b - below) < 0.02 * below), below)
            n, own = self.buckets.get(near, (0, 0))
            self.buckets[near] = n + bucket["turns"], own + bucket["own"]
        self.seconds += seconds
        self.stolen += stolen
        return self

    def count(self, own=False):
        return sum(n[own] for n in self.buckets.values())

    def percentile(self, p, own=False):
        """Microseconds that this share of turns does not exceed, to an eighth."""
        wanted, seen = p * self.count(own), 0
        for below in sorted(self.buckets):
            seen += self.buckets[below][own]
            if seen and seen >= wanted:
                return below
        return 0.0


class Churn:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.setup = setups.Setup("churn", build, folder)
        self.space = self.setup.namespace("churn")
        self.stack = self.setup.convoyd("stack", NET, self.space)
        for i in range(64):
            self.stack.call("neighbor add", interface="sink0", address=f"10.9.0.{i + 2}",
                            mac=f"02:00:00:00:09:{i:02x}")
        self.routes = write_routes(folder, ROUTES)
        if not prefer_worker(self.stack.process.pid):
            print("no permission for real-time priority: other programs count as pauses")

    def convoy(self, *arguments):
        subprocess.run([self.build / "convoy", "--socket", self.stack.socket, *arguments], check=True,
                       stdout=subprocess.DEVNULL, timeout=120)

    def during(self, happens):
        """Turns while it happens, seconds, and how many of these the hypervisor took."""
        stolen = stolen_seconds()
        self.stack.call("clear runtime")
        began = time.monotonic()
        happens()
        seconds = time.monotonic() - began
        return self.stack.call("show turns")[0], seconds, stolen_seconds() - stolen

    def machine(self, seconds, turn_us):
        """As during(), of the probe, while the worker has nothing to do."""
        stolen = stolen_seconds()
        self.stack.call("generator stop", interface="gen0")
        try:
            done = subprocess.run([self.build / "bench" / "pause-probe", str(seconds), str(turn_us)], check=True,
                                  capture_output=True, text=True, timeout=60)
        finally:
            self.stack.call("generator start", interface="gen0")
        return json.loads(done.stdout), seconds, stolen_seconds() - stolen

    def compare(self, change):
        """All parts of a change: turns while it goes in, in quiet, of the machine; and the ratios of each part."""
        changing, quiet, machine, ratios = Turns(), Turns(), Turns(), []
        for part in range(PARTS):
            now = self.during(lambda part=part: change(part))
            still = self.during(lambda: time.sleep(max(SHORTEST, now[1])))
            ratios.append(tuple(Turns().add(now[0]).percentile(0.9999, own) /
                                Turns().add(still[0]).percentile(0.9999, own) for own in (False, True)))
            changing.add(*now)
            quiet.add(*still)
            machine.add(*self.machine(max(SHORTEST, now[1]), quiet.percentile(0.5)))
        return changing, quiet, machine, ratios

    def load_routes(self, part):
        self.convoy("route", "load", str(self.routes[part]))

    def add_interfaces(self, part):
        mine = range(part * INTERFACES // PARTS, (part + 1) * INTERFACES // PARTS)
        with self.stack.control() as control:
            for i in mine:
                control.call("vlan add", name=f"v{i}", parent="gen0", tags=str(i + 1))
            if part == PARTS - 1:
                for i in range(INTERFACES):
                    control.call("vlan delete", name=f"v{i}")

    def flap(self, _part):
        path = self.folder / "flap.json"
        for i in range(2 * FLAPS // PARTS):
            NET["interfaces"][1]["down"] = i % 2 == 0
            path.write_text(json.dumps(NET))
            self.convoy("apply", str(path))


def report(text, changing, quiet, machine, ratios):
    print(f"\n{text}: {changing.seconds:.2f} s")
    print(f"{'':>12} {'turns':>9} {'p50 us':>7} {'p99.9':>7} {'p99.99':>7} {'longest':>9} | own: {'p99.9':>7} {'p99.99':>7} "
          f"{'longest':>9} {'preempted':>9} {'stolen s':>8}")
    for name, t in ("changes", changing), ("quiet", quiet), ("the machine", machine):
        print(f"{name:>12} {t.count():9} {t.percentile(0.5):7.1f} {t.percentile(0.999):7.1f} "
              f"{t.percentile(0.9999):7.1f} {t.percentile(1):9.1f} | {'':4} {t.percentile(0.999, True):7.1f} "
              f"{t.percentile(0.9999, True):7.1f} {t.percentile(1, True):9.1f} {t.count() - t.count(True):9} "
              f"{t.stolen:8.2f}")
    for name, own in ("all", False), ("own", True):
        values = sorted(r[own] for r in ratios)
        print(f"{name:>12}: p99.99 over quiet, by part: {values[len(values) // 2]:.2f} ({values[0]:.2f}-{values[-1]:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    results = Results(build / "bench" / "results.json")
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder:
        try:
            churn = Churn(build, pathlib.Path(folder))
            for name, text, change in (("pause", f"{ROUTES} routes", churn.load_routes),
                                       ("interfaces", f"{INTERFACES} interfaces", churn.add_interfaces),
                                       ("flap", f"{FLAPS} flaps", churn.flap)):
                changing, quiet, machine, ratios = churn.compare(change)
                report(text, changing, quiet, machine, ratios)
                for suffix, own in ("", False), ("_own", True):
                    values = sorted(r[own] for r in ratios)
                    results.add(f"churn.{name}{suffix}_us", "us", changing.percentile(0.9999, own), "quiet",
                                quiet.percentile(0.9999, own), PARTS, values[0], values[-1])
                    if name == "pause":
                        results.add(f"churn.machine{suffix}_us", "us", machine.percentile(0.9999, own))
        finally:
            setups.close_all()
    results.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
