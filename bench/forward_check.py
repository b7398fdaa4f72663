#!/usr/bin/python3
"""Instructions per packet of the forwarding paths, compared with what is committed.

Counted by callgrind, so that a busy machine changes nothing; the same build makes the same number.
A path that needs over 10% more than in bench/forward_instructions.txt fails. One that needs over 10%
less asks for the file to be written anew, so that the gain is kept.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from results import Results

TABLE = pathlib.Path(__file__).resolve().parent / "forward_instructions.txt"
SLACK, TURNS = 0.10, 60
HEADER = """# Instructions per packet of a whole turn, generator and sink included, by callgrind.
# Written by `make bench-check ARGS=--write`; compared by `make bench-check`.
"""


def per_packet(program, name, folder):
    """Instructions inside forward_bench_turns(), by packets; the program has warmed up before."""
    out = folder / f"{name}.callgrind"
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
                           "--toggle-collect=forward_bench_turns", program, name, "count", str(TURNS)],
                          capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"forward-bench {name}: {done.stderr}")
    total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
    return int(total.group(1)) / int(done.stdout.split()[0])


def measure(program, names):
    """(name, instructions per packet) of each; as many at once as there are processors."""
    with tempfile.TemporaryDirectory(prefix="convoy-bench-") as folder, \
            concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        one = lambda name: per_packet(program, name, pathlib.Path(folder))  # noqa: E731
        yield from zip(names, pool.map(one, names))


def names_of(program):
    """Every graph; of those that come in sizes only the small ones, which fill quickly."""
    listed = subprocess.run([program, "list"], check=True, capture_output=True, text=True).stdout.split()
    return [n for n in listed if not n.partition(".")[2] or int(n.partition(".")[2]) <= 2000]


def committed():
    if not TABLE.exists():
        return {}
    rows = (line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("CONVOY_BUILD", "build"))
    parser.add_argument("--write", action="store_true", help="accept what is measured")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("bench-check: skipped, there is no valgrind here")
        return 0
    build = pathlib.Path(options.build).resolve()
    program = build / "bench" / "forward-bench"
    results = Results(build / "bench" / "results.json")
    expected, lines, bad = committed(), [], 0
    for name, value in measure(program, names_of(program)):
        old = expected.get(name)
        change = value / old - 1 if old else None
        verdict = ("new; write the table" if old is None else "WORSE" if change > SLACK else
                   "better; write the table" if change < -SLACK else "fine")
        bad += old is None or change > SLACK
        print(f"{name:<16} {value:8.1f} {f'{old:8.1f} {change:+7.1%}' if old else '':17} {verdict}", flush=True)
        lines.append(f"{name} {value:.1f}")
        results.add(f"forward.instructions.{name}", "instructions/packet", value,
                    "committed" if old else None, old)
    results.save()
    if options.write:
        TABLE.write_text(HEADER + "\n".join(lines) + "\n")
        return 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
