"""What a process costs: processor time, descriptors, shared memory of the stack."""
import os
import pathlib
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Processor time of a process and its threads, without its children."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(f) for f in fields[11:13]) / TICKS


def cpu_percent(pids, seconds=1.0):
    """The share of one core that these processes take together, measured for that long."""
    before = sum(map(cpu_seconds, pids))
    time.sleep(seconds)  # the measurement itself
    return 100 * (sum(map(cpu_seconds, pids)) - before) / seconds


def n_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def shared_segments(pid):
    """{inode: bytes in memory} of the stack's segments that this process maps."""
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/map_files").iterdir():
        try:
            if "memfd:convoy-" in os.readlink(entry):
                info = entry.stat()
                found[info.st_ino] = info.st_blocks * 512
        except OSError:
            continue  # unmapped meanwhile
    return found


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
