"""Network namespaces with unique names."""
import itertools
import os
import subprocess

from . import wait

PREFIX = f"cv{os.getpid()}-"
_numbers = itertools.count()


class Netns:
    """A named network namespace with loopback up. `run` executes a program inside."""

    def __init__(self, name=""):
        self.name = f"{PREFIX}{next(_numbers)}{name}"
        self.path = f"/run/netns/{self.name}"
        self.enter = ["ip", "netns", "exec", self.name]
        _ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def run(self, *argv, timeout=10.0, check=True, **keywords):
        """Runs a short program to its end; its output is text in .stdout and .stderr."""
        done = subprocess.run([*self.enter, *map(str, argv)], timeout=timeout, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, **keywords)
        output = f"{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{output}"
        return done

    def ip(self, *words):
        return self.run("ip", *words).stdout

    def wait_link(self, *devices):
        """Until each device is up for the kernel: before, a veth loses what is sent without a word."""
        for one in devices:
            wait.until(lambda: "state UP" in self.ip("link", "show", one), f"{one} is up for the kernel")

    def delete(self):
        _ip("netns", "delete", self.name)


def ours():
    """The names of namespaces that this test run has made and that still exist."""
    try:
        return sorted(n for n in os.listdir("/run/netns") if n.startswith(PREFIX))
    except FileNotFoundError:
        return []


def delete_by_name(name):
    _ip("netns", "delete", name)


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
