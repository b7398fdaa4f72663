"""Child processes that cannot outlive their test."""
import ctypes
import os
import pathlib
import signal
import subprocess

from . import wait

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans():
    """Daemons that detach become children of this process, so that a leak is seen."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def state_of(pid):
    """The kernel's letter for what the process does: R, S, Z …"""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def descendants():
    """{pid: command line} of all live children of this process, adopted orphans included."""
    found, stack = {}, [os.getpid()]
    while stack:
        pid = stack.pop()
        try:
            tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
            children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
        except OSError:
            continue
        for child in children:
            try:
                state = state_of(child)
                command = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            if state != "Z":
                found[child] = command.decode(errors="replace").strip()
            stack.append(child)
    return found


def reap_orphans(known):
    """Collects exited children that no Process object of `known` pids waits for."""
    for child in _zombie_children():
        if child not in known:
            try:
                os.waitpid(child, os.WNOHANG)
            except ChildProcessError:
                pass


def _zombie_children():
    for task in pathlib.Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                if state_of(child) == "Z":
                    yield int(child)
            except OSError:
                continue


class Process:
    """A running program. Output goes to files, so that no pipe can fill up and block it."""

    def __init__(self, argv, out, netns=None, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.argv = [str(a) for a in argv]
        self.out_path = pathlib.Path(f"{out}.out")
        self.err_path = pathlib.Path(f"{out}.err")
        prefix = netns.enter if netns else []
        with open(self.out_path, "wb") as stdout, open(self.err_path, "wb") as stderr:
            self.popen = subprocess.Popen(
                [*prefix, *self.argv], stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd,
                env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)
        self.pid = self.popen.pid

    @property
    def out(self):
        return self.out_path.read_text(errors="replace")

    @property
    def err(self):
        return self.err_path.read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def crashed(self):
        """True if a signal that nobody sends on purpose has ended it."""
        status = self.popen.poll()
        return status is not None and status < 0 and -status not in (signal.SIGKILL, signal.SIGTERM)

    def wait(self, timeout=10.0):
        """The exit status (negative: the signal). Late if it still runs after `timeout` seconds."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise wait.Late(f"still running after {timeout:g} s: {self}") from None

    def ok(self, timeout=10.0):
        """Waits for success; returns standard output."""
        status = self.wait(timeout)
        assert status == 0, f"status {status}: {self}"
        return self.out

    def signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def interrupt(self):
        """SIGINT, once the program has a handler for it."""
        def handles():
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            caught = int(status.partition("SigCgt:")[2].split()[0], 16)
            return caught >> (signal.SIGINT - 1) & 1
        wait.until(lambda: not self.alive() or handles(), f"it handles SIGINT: {self}")
        self.signal(signal.SIGINT)

    def stop(self, timeout=10.0):
        """SIGTERM, and SIGKILL (an error) if it does not end in time. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise wait.Late(f"SIGTERM did not end it within {timeout:g} s: {self}") from None

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait(10)

    def __str__(self):
        return (f"{' '.join(self.argv)}\n--- stdout ---\n{self.out[-4000:]}"
                f"\n--- stderr ---\n{self.err[-4000:]}")


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(pids):
    """Kills these children and collects them."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
