"""The harness itself: what it promises to tests that rely on it."""
import sys

import pytest
from harness import process as processes
from harness import wait


def test_namespace_is_a_network_of_its_own(netns):
    lan = netns("lan")
    assert "LOOPBACK,UP" in lan.ip("link", "show", "lo")
    assert "eth0" not in lan.ip("link")


def test_process_has_a_deadline(run):
    sleeper = run("sleep", "60")
    with pytest.raises(wait.Late):
        sleeper.wait(timeout=0.05)
    assert sleeper.stop() == -15


def test_process_output_is_kept_apart(run):
    assert run("sh", "-c", "echo out; echo err >&2").ok() == "out\n"


def test_detached_daemon_is_seen(run):
    """A process that daemonises becomes our child, so the leak check finds it."""
    code = ("import os, time\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    if os.fork() == 0: time.sleep(60)  # the daemon, found while it polls nothing\n"
            "    os._exit(0)\n")
    run(sys.executable, "-c", code).ok()
    left = wait.until(
        lambda: {p: c for p, c in processes.descendants().items() if "os.setsid" in c},
        "the daemon is adopted")
    assert len(left) == 1
    processes.end(left)
