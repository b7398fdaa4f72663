"""Makes a running program a hostile one: writes into the shared memory that it may write."""
import contextlib
import re
import struct

PAGE, RING_BYTES, HALF_BYTES, RING_TAIL = 4096, 64 << 10, 128, 64
N_HALVES, PAGES_BYTES = 64, 1 << 20  # what small programs use of them


def writable_segments(pid):
    """[(start, end, name)] of what the process may write: convoy-app toward the stack, convoy-pair."""
    with open(f"/proc/{pid}/maps") as maps:
        found = re.findall(r"^(\w+)-(\w+) rw-s .*/memfd:(convoy-\w+)", maps.read(), re.MULTILINE)
    return [(int(start, 16), int(end, 16), name) for start, end, name in found]


class Scribbler:
    """The segments of the stack, and of cut-through channels, that process `pid` writes."""

    def __init__(self, pid, chance):
        self.chance = chance
        self.segments = writable_segments(pid)
        self.memory = open(f"/proc/{pid}/mem", "r+b", buffering=0)

    def scribble(self, times):
        """Random words in rings, halves of sessions and bytes on their way; cursors stay."""
        for _ in range(times):
            start, end, _ = self.chance.choice(self.segments)
            first, size = self.chance.choice([
                (PAGE, RING_BYTES), (PAGE + RING_BYTES, N_HALVES * HALF_BYTES),
                (PAGE + RING_BYTES, N_HALVES * HALF_BYTES), (end - start - PAGES_BYTES, PAGES_BYTES)])
            value = self.chance.choice([0, 1, 0xffffffff, self.chance.getrandbits(4), self.chance.getrandbits(32)])
            self._write(start + first + self.chance.randrange(size // 4) * 4, value)

    def break_rings(self):
        """More events than a ring holds, said to be there: what no correct program says."""
        for start, _, _ in self.segments:
            self._write(start + RING_TAIL, self.chance.getrandbits(32))

    def _write(self, address, value):
        with contextlib.suppress(OSError):  # unmapped meanwhile
            self.memory.seek(address)
            self.memory.write(struct.pack("<I", value))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.memory.close()
