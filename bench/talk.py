#!/usr/bin/python3
"""wrk -> proxy -> nginx: the stack against the kernel, and the proxy against nginx and HAProxy.

Every setup is up at the same time (idle ones use no processor) and they are loaded in turn, so that a
noisy machine is noisy for all. Ratios are of medians; their spread is over the rounds.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import idle
import lasting
import measure
import servers
import setups
from results import Results

CONNECTIONS, THREADS = 64, 2


def load(setup, size, seconds):
    return measure.wrk(setup.wrk, setup.url(size), CONNECTIONS, THREADS, seconds, setup.env)


def rounds_of(group, sizes, rounds, seconds):
    """{(setup name, size): [Run, …]}, the setups taking turns."""
    runs = {}
    for size in sizes:
        for number in range(-1, rounds):
            for setup in group:
                run = load(setup, size, seconds if number >= 0 else 1)
                if number >= 0:
                    runs.setdefault((setup.name, size), []).append(run)
    return runs


def sessions_by_hop(setup):
    """How many sessions of the stack belong to the client's hop and to the origin's."""
    rows = setup.stack.call("show sessions", limit=10000)["sessions"]
    ports = [{row["local"].rpartition(":")[2], row["remote"].rpartition(":")[2]} for row in rows]
    return (sum(str(setups.PROXY_PORT) in p for p in ports), sum(str(setups.ORIGIN_PORT) in p for p in ports))


def check_sessions(setup):
    """Both hops run over the stack and not over the kernel: their sessions are there under load."""
    argv = [*map(str, setup.wrk), "wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", "-d2s", setup.url("64")]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **setup.env})
    most = (0, 0)
    while process.poll() is None:
        most = tuple(map(max, most, sessions_by_hop(setup)))
        time.sleep(0.1)
    if most[0] < CONNECTIONS or most[1] < 1:
        raise RuntimeError(f"{setup.name}: {most} sessions on the stack, ({CONNECTIONS}, at least 1) expected")
    return most


def report(results, runs, sizes, name, baseline):
    """Prints a line for each size and records rps and cpu against the baseline."""
    errors = 0
    for size in sizes:
        ours, theirs = runs[name, size], runs[baseline, size]
        ratios = sorted(a.rps / b.rps for a, b in zip(ours, theirs))
        costs = sorted(a.cpu_us / b.cpu_us for a, b in zip(ours, theirs))
        rps, base = measure.spread([r.rps for r in ours]), measure.spread([r.rps for r in theirs])
        cpu, base_cpu = measure.spread([r.cpu_us for r in ours]), measure.spread([r.cpu_us for r in theirs])
        p99 = measure.spread([r.p99_ms for r in ours])[0]
        base_p99 = measure.spread([r.p99_ms for r in theirs])[0]
        p50 = measure.spread([r.p50_ms for r in ours])[0]
        wrk_us = measure.spread([r.wrk_us for r in ours])[0]
        bad = sum(r.errors for r in ours)
        errors += bad
        print(f"{name:11} {size:>5} {rps[0]:9.0f} {base[0]:9.0f} {rps[0] / base[0]:6.2f} "
              f"{ratios[0]:5.2f}-{ratios[-1]:<5.2f} {cpu[0]:7.1f} {cpu[0] / base_cpu[0]:5.2f} {wrk_us:6.1f} "
              f"{p50:7.2f} {p99:7.2f} {base_p99:7.2f} {bad:5d}")
        results.add(f"talk.rps.{name}.{size}", "requests/s", rps[0], baseline, base[0], len(ours), ratios[0], ratios[-1])
        results.add(f"talk.cpu.{name}.{size}", "us/request", cpu[0], baseline, base_cpu[0], len(ours), costs[0], costs[-1])
    return errors


def talk(results, build, folder, sizes, rounds, seconds, wanted):
    """The talk's topology. Returns the number of errors that wrk saw on our stack."""
    pairs = [(n, b) for n, b in (("convoy", "kernel"), ("convoy-tcp", "kernel-veth"), ("convoy-tap", "kernel-veth"))
             if not wanted or n in wanted]
    makers = {"kernel": setups.kernel, "kernel-veth": setups.kernel_veth, "convoy": setups.convoy,
              "convoy-tcp": setups.convoy_tcp, "convoy-tap": setups.convoy_tap}
    group, errors = [], 0
    try:
        for name in dict.fromkeys(n for pair in pairs for n in pair):
            group.append(makers[name](build, folder))
            group[-1].verify_bodies()
        for setup in group:
            if setup.stack:
                print("{}: {} + {} sessions on the stack".format(setup.name, *check_sessions(setup)))
        print(f"\n{'setup':11} {'body':>5} {'req/s':>9} {'baseline':>9} {'ratio':>6} {'spread':>11} "
              f"{'cpu us':>7} {'ratio':>5} {'wrk us':>6} {'p50 ms':>7} {'p99 ms':>7} {'base p99':>8} {'err':>4}")
        runs = rounds_of(group, sizes, rounds, seconds)
        for name, baseline in pairs:
            errors += report(results, runs, sizes, name, baseline)
        for setup in group:
            setup.verify_bodies()
    finally:
        for setup in reversed(group):
            setup.close()
    return errors


def proxies(results, build, folder, rounds, seconds):
    """Requests per processor second of the proxy alone, all on kernel sockets, 64 bytes."""
    group = []
    try:
        group = [setups.kernel(build, folder / "p", proxy) for proxy in ("convoy", "nginx", "haproxy")]
        costs = {}
        for number in range(-1, rounds):
            for setup in group:
                before = sum(map(measure.process_seconds, _family(setup.proxy)))
                run = load(setup, "64", seconds if number >= 0 else 1)
                spent = sum(map(measure.process_seconds, _family(setup.proxy))) - before
                if number >= 0:
                    costs.setdefault(setup.name, []).append((run.requests / spent, run.rps, run.errors))
        print(f"\n{'proxy':8} {'req per cpu s':>14} {'req/s':>8}   (kernel sockets, 64 B)")
        for name, values in costs.items():
            print(f"{name:8} {measure.spread([v[0] for v in values])[0]:14.0f} "
                  f"{measure.spread([v[1] for v in values])[0]:8.0f}")
        for other in ("nginx", "haproxy"):
            ratios = sorted(a[0] / b[0] for a, b in zip(costs["kernel"], costs[other]))
            results.add(f"proxy.rps_per_cpu.{other}.64", "requests per processor second",
                        measure.spread([v[0] for v in costs["kernel"]])[0], other,
                        measure.spread([v[0] for v in costs[other]])[0], rounds, ratios[0], ratios[-1])
            print(f"convoy-proxy over {other}: {measure.spread(ratios)[0]:.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})")
    finally:
        for setup in reversed(group):
            setup.close()


def _family(process):
    """The process and its children: nginx's workers do the work."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
    children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    return [process.pid, *children]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    parser.add_argument("--sizes", default=",".join(servers.SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default="", help="convoy, convoy-tcp, convoy-tap, proxies, idle, latency, bursts; all if not given")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    results = Results(build / "bench" / "results.json")
    wanted = [w for w in options.only.split(",") if w]
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder:
        folder = pathlib.Path(folder)
        os.chmod(folder, 0o755)
        if not wanted or "proxies" in wanted:
            proxies(results, build, folder, options.rounds, options.seconds)
        if not wanted or "idle" in wanted:
            idle.processor(results, build, folder)
            idle.memory(results, build, folder)
        if not wanted or "latency" in wanted:
            lasting.latency(results, build, folder, options.rounds, options.seconds)
        if not wanted or "bursts" in wanted:
            lasting.bursts(results, build, folder)
        wanted = [w for w in wanted if w not in ("proxies", "idle", "latency", "bursts")]
        if wanted or not options.only:
            errors = talk(results, build, folder, options.sizes.split(","), options.rounds, options.seconds,
                          wanted)
            results.add("errors", "requests", errors)
    results.save()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    finally:
        setups.close_all()
