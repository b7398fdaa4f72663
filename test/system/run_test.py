"""`make run` as a newcomer meets it: shows an answer, ends with a status, leaves nothing behind."""
import pathlib
import signal
import subprocess

import pytest
from conftest import TOP
from harness import wait

STATE = pathlib.Path("/run/convoy-run")
NETNS = pathlib.Path("/run/netns/convoy-run")
SCRIPT = TOP / "deploy" / "run"


def nothing_is_left():
    return not STATE.exists() and not NETNS.exists()


@pytest.fixture(autouse=True)
def clean(leaves_nothing_behind):
    wait.until(nothing_is_left, "no other make run goes on", timeout=60)
    yield
    assert nothing_is_left()


def test_once(run, build):
    shown = run(SCRIPT, "--once", "--build", build).ok(timeout=60)
    assert "Hello from nginx on Convoy: GET /hello for 10.77.0.1" in shown
    assert "Answered by convoy-proxy itself." in shown
    assert "1 cut through" in shown, "the proxy's connection to nginx makes no packet"
    for command in "interfaces", "sessions", "apps", "runtime":
        assert f"$ convoy show {command}" in shown


def test_serves_until_it_is_interrupted(run, build):
    demonstration = run(SCRIPT, "--build", build)
    wait.until(lambda: "Ctrl-C ends everything" in demonstration.out, "it serves", timeout=60)
    socket = STATE / "convoy.sock"
    subprocess.run([build / "convoy", "--socket", socket, "show", "version"], check=True,
                   timeout=20)
    page = f"http://{(STATE / 'admin').read_text().strip()}/ready"
    assert subprocess.check_output(["curl", "-sS", page], text=True, timeout=20) == "LIVE\n"
    second = run(SCRIPT, "--build", build)
    assert second.wait(timeout=20) == 1
    assert "another `make run` is running" in second.err
    demonstration.signal(signal.SIGINT)
    assert demonstration.wait(timeout=30) == 0


def test_clears_what_a_killed_run_left(run, build):
    killed = run(SCRIPT, "--build", build)
    wait.until(lambda: "Ctrl-C ends everything" in killed.out, "it serves", timeout=60)
    killed.kill()
    assert STATE.exists() and NETNS.exists()
    run(SCRIPT, "--once", "--build", build).ok(timeout=60)


def as_nobody(run, build, mode):
    """The script as nobody, with a /dev/net/tun of these permissions."""
    private_tun = (f"mount -t tmpfs tmpfs /mnt -o dev && mknod -m {mode} /mnt/tun c 10 200 && "
                   "mount --bind /mnt/tun /dev/net/tun && cd / && "
                   "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"")
    return run("unshare", "-m", "sh", "-c", private_tun, "sh", SCRIPT, "--once", "--build", build)


def test_without_root_it_says_what_helps(run, build):
    refused = as_nobody(run, build, "600")
    assert refused.wait(timeout=60) == 1
    assert "run as root (sudo make run)" in refused.err


def test_without_root_it_uses_a_user_namespace(run, build):
    shown = as_nobody(run, build, "666").ok(timeout=60)
    assert "in a user namespace of its own" in shown
    assert "Hello from nginx on Convoy: GET /hello" in shown
