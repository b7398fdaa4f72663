"""Load, processor time, memory: what a benchmark reads from wrk and from the kernel."""
import os
import pathlib
import re
import statistics
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def busy_seconds():
    """Non-idle processor time of the whole machine, softirqs and kernel threads included."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, *_ = fields
    return (user + nice + system + irq + softirq) / TICKS


def process_seconds(pid):
    """Processor time of a process with all its threads and reaped children."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(f) for f in fields[11:15]) / TICKS


class Run:
    """One run of wrk: requests, latencies, errors, and what it cost."""

    def __init__(self, text, busy, own, seconds):
        self.rps = float(_find(r"Requests/sec:\s+([\d.]+)", text))
        self.requests = int(_find(r"(\d+) requests in", text))
        self.p50_ms = _milliseconds(_find(r"^\s+50%\s+(\S+)", text))
        self.p99_ms = _milliseconds(_find(r"^\s+99%\s+(\S+)", text))
        sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        self.errors = sum(map(int, sockets.groups())) if sockets else 0
        self.errors += int(_find(r"Non-2xx or 3xx responses: (\d+)", text, "0"))
        self.busy_seconds = busy
        self.cpu_us = busy / max(self.requests, 1) * 1e6
        self.wrk_us = own / max(self.requests, 1) * 1e6
        self.seconds = seconds


def wrk(prefix, url, connections=64, threads=2, seconds=3, env=None, script=None, headers=()):
    """Runs wrk behind `prefix` (a namespace, convoy exec) and returns a Run."""
    argv = [*map(str, prefix), "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency",
            "--timeout", "5s", *(["-s", str(script)] if script else []),
            *(word for header in headers for word in ("-H", header)), url]
    busy = busy_seconds()
    children = os.times()
    done = subprocess.run(argv, text=True, capture_output=True, env={**os.environ, **(env or {})},
                          timeout=seconds + 30)
    after = os.times()
    own = after.children_user + after.children_system - children.children_user - children.children_system
    if done.returncode or "Requests/sec" not in done.stdout:
        raise RuntimeError(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return Run(done.stdout, busy_seconds() - busy, own, seconds)


def spread(values):
    return statistics.median(values), min(values), max(values)


def shared_memory_bytes(pid):
    """Bytes of memfd pages that this process maps, each file counted once."""
    seen = {}
    folder = pathlib.Path(f"/proc/{pid}/map_files")
    for entry in folder.iterdir():
        try:
            if "memfd:convoy-" in os.readlink(entry):
                info = entry.stat()
                seen[info.st_ino] = info.st_blocks * 512
        except OSError:
            continue
    return sum(seen.values())


def private_bytes(pid):
    """Proportional memory of a process without shared memory, which shared_memory_bytes() has."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(_find(rf"^{name}:\s+(\d+) kB", text)) for name in ("Pss_Anon", "Pss_File")) * 1024


def _find(pattern, text, otherwise=None):
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        if otherwise is None:
            raise RuntimeError(f"no {pattern!r} in:\n{text}")
        return otherwise
    return found.group(1)


def _milliseconds(text):
    number, unit = re.match(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]
