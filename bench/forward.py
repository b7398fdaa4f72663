#!/usr/bin/python3
"""What a packet costs in each node of the forwarding paths: forward-bench, as a table and as results.

Names are forward.clocks.GRAPH and forward.mpps.GRAPH. Clocks are those of the nodes between the
interface that receives and interface-output, of the best of many short rounds; "all" is the whole
turn of the worker divided by its packets, by other clocks than the nodes' own: it has to be the sum
of all nodes and a little more.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

from results import Results

HERE = pathlib.Path(__file__).resolve().parent
INPUTS = {"generator-input"}
BARS = {"ip4.1": 50, "ip4.1000000": 100, "xconnect": 18}


def machine():
    """One line about where the figures come from."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = text.split("model name\t: ", 1)[1].split("\n", 1)[0]
    cache = subprocess.run(["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    caches = ", ".join(" ".join(line.replace(" cache", "").split()) for line in cache.splitlines() if "cache:" in line)
    return f"{name}; {caches}; huge pages: {huge_pages()}"


def huge_pages():
    return int(pathlib.Path("/proc/meminfo").read_text().split("HugePages_Total:")[1].split()[0])


def names_of(program, only):
    listed = subprocess.run([program, "list"], check=True, capture_output=True, text=True).stdout.split()
    return [n for n in listed if not only or n in only or n.split(".")[0] in only]


def run(program, name, rounds):
    done = subprocess.run([program, name, str(rounds)], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"forward-bench {name}: {done.stderr}")
    return json.loads(done.stdout)


def lookups(program, results):
    """Lookups alone in 1,000,000 prefixes, ours over DPDK's rte_fib where that is there: fib_bench.c."""
    for family in "46":
        done = subprocess.run([program, family, "1000000"], capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise SystemExit(f"fib-bench {family}: {done.stderr}")
        for row in map(json.loads, done.stdout.splitlines()):
            results.add(row["name"], row["unit"], row["value"], row.get("baseline"), row.get("baseline_value"),
                        row.get("runs", 1), row.get("min"), row.get("max"))
            if row.get("ratio"):
                yield (f"{row['name']:<32} {row['value']:8.1f} {row['unit']}, {row['ratio']:.2f} of "
                       f"{row['baseline']}")


def line_of(row):
    nodes = {n: c["clocks"] for n, c in row["nodes"].items()}
    total = sum(nodes.values())
    bar = BARS.get(row["name"])
    verdict = "" if bar is None else f"  bar {bar}: {'held' if row['clocks'] <= bar else 'missed'}"
    head = (f"{row['name']:<16} {row['clocks']:7.1f} {row['median_clocks']:7.1f} {total:7.1f} "
            f"{row['all_clocks']:7.1f} {row['mpps']:7.2f}{verdict}")
    path = " ".join(f"{n} {c:.1f}" for n, c in nodes.items() if n not in INPUTS)
    return head + "\n    " + path


def between_devices(build):
    """The same against others: between veth pairs the kernel, over memif DPDK. False if one of them failed."""
    if os.geteuid() != 0:
        print("veth, memif: left out, they need root")
        return True
    done = [subprocess.run([sys.executable, HERE / f"{name}.py", "--build", build], check=False)
            for name in ("veth", "memif")]
    return not any(d.returncode for d in done)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    parser.add_argument("--only", default="", help="graphs, as ip4 or ip4.1000, and fib: lookups alone; if not given all, and with root veth and memif")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="write the table to bench/forward.txt")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    program = build / "bench" / "forward-bench"
    results = Results(build / "bench" / "results.json")
    lines = ["Clocks of the time stamp counter per packet, 60-byte frames, one core, one worker.", machine(), "",
             f"{'graph':<16} {'path':>7} {'median':>7} {'nodes':>7} {'all':>7} {'Mpps':>7}"]
    print("\n".join(lines), flush=True)
    for name in names_of(program, {w for w in options.only.split(",") if w}):
        row = run(program, name, options.rounds)
        lines.append(line_of(row))
        print(lines[-1], flush=True)
        results.add(f"forward.clocks.{name}", "clocks/packet", row["clocks"], runs=row["rounds"],
                    low=row["clocks"], high=row["median_clocks"])
        results.add(f"forward.mpps.{name}", "Mpps", row["mpps"], runs=row["rounds"])
    if not options.only or "fib" in options.only.split(","):
        for line in lookups(build / "bench" / "fib-bench", results):
            lines.append(line)
            print(line, flush=True)
    results.save()
    if options.write:
        (HERE / "forward.txt").write_text("\n".join(lines) + "\n")
    return 0 if options.only or between_devices(build) else 1


if __name__ == "__main__":
    sys.exit(main())
