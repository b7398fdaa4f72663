#!/usr/bin/python3
"""Does a change of the control plane hold up a worker? Its loop time while changes go in.

A worker forwards as fast as it can, generator to sink. `show turns` has how long its turns take when
nothing changes, and in turns with that: while 1,000,000 routes go in, while 1,000 interfaces come and
go, while an interface flaps. churn.pause_us is the 99.99th percentile of the first, its baseline that
of the quiet time before it.

The worker runs with real-time priority where that is allowed, so that other programs of the machine
are not taken for a pause.
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
NET = {"interfaces": [
    {"name": "sink0", "addresses": ["10.9.0.1/16"], "sink": {}},
    {"name": "lo0", "addresses": ["10.7.0.1/24"], "loop": {}},
    {"name": "gen0", "addresses": ["10.8.0.1/24"], "generator": {"start": True, "streams": [
        {"size": 60, "source": "10.8.0.2", "destination": "1.0.0.0-9.255.255.255"}]}},
], "routes": [{"to": "0.0.0.0/0", "via": "10.9.0.2"}]}


def write_routes(path, n):
    """n different prefixes of /20 to /24 by 64 next hops."""
    rng, seen = random.Random(2026), set()
    with open(path, "w", encoding="ascii") as out:
        while len(seen) < n:
            length = rng.choice((20, 21, 22, 22, 23, 23, 24, 24, 24, 24, 24, 24))
            first = rng.randrange(0x01000000, 0xdf000000) >> (32 - length) << (32 - length)
            if first >> 24 in (7, 8, 9, 10, 127) or (first, length) in seen:
                continue
            seen.add((first, length))
            address = ".".join(str(first >> shift & 255) for shift in (24, 16, 8, 0))
            out.write(f"{address}/{length} via 10.9.0.{rng.randrange(2, 66)}\n")


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


class Churn:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.setup = setups.Setup("churn", build, folder)
        self.space = self.setup.namespace("churn")
        self.stack = self.setup.convoyd("stack", NET, self.space)
        for i in range(64):
            self.stack.call("neighbor add", interface="sink0", address=f"10.9.0.{i + 2}",
                            mac=f"02:00:00:00:09:{i:02x}")
        self.routes = folder / "routes"
        write_routes(self.routes, ROUTES)
        if not prefer_worker(self.stack.process.pid):
            print("no permission for real-time priority: other programs count as pauses")

    def convoy(self, *arguments):
        subprocess.run([self.build / "convoy", "--socket", self.stack.socket, *arguments], check=True,
                       stdout=subprocess.DEVNULL, timeout=120)

    def measure(self, change):
        """Turns while `change` happens, and how long it took."""
        self.stack.call("clear runtime")
        began = time.monotonic()
        change()
        seconds = time.monotonic() - began
        return self.stack.call("show turns")[0], seconds

    def load_routes(self):
        self.convoy("route", "load", str(self.routes))

    def add_interfaces(self):
        with self.stack.control() as control:
            for i in range(INTERFACES):
                control.call("vlan add", name=f"v{i}", parent="gen0", tags=str(i + 1))
            for i in range(INTERFACES):
                control.call("vlan delete", name=f"v{i}")

    def flap(self):
        path = self.folder / "flap.json"
        for i in range(2 * FLAPS):
            NET["interfaces"][1]["down"] = i % 2 == 0
            path.write_text(json.dumps(NET))
            self.convoy("apply", str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    results = Results(build / "bench" / "results.json")
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder:
        try:
            churn = Churn(build, pathlib.Path(folder))
            print(f"{'while':>22} {'seconds':>8} {'turns':>9} {'p50 us':>8} {'p99.9':>8} {'p99.99':>8} "
                  f"{'longest':>9} {'quiet p99.99':>13} {'longest':>9}")
            for name, text, change in (("churn.pause_us", f"{ROUTES} routes", churn.load_routes),
                                       ("churn.interfaces_us", f"{INTERFACES} interfaces", churn.add_interfaces),
                                       ("churn.flap_us", f"{FLAPS} flaps", churn.flap)):
                quiet, _ = churn.measure(lambda: time.sleep(3))
                turns, seconds = churn.measure(change)
                print(f"{text:>22} {seconds:8.2f} {turns['turns']:9} {turns['p50_us']:8.1f} {turns['p999_us']:8.1f} "
                      f"{turns['p9999_us']:8.1f} {turns['max_us']:9.1f} {quiet['p9999_us']:13.1f} "
                      f"{quiet['max_us']:9.1f}", flush=True)
                results.add(name, "us", turns["p9999_us"], "quiet", quiet["p9999_us"], 1, turns["p999_us"],
                            turns["max_us"])
        finally:
            setups.close_all()
    results.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
