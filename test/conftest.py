"""Fixtures for tests of the running stack: each gets its own namespaces, processes and convoyd.

    def test_ping(netns, convoyd):
        lan = netns("lan")
        stack = convoyd({"interfaces": [...]}, netns=lan)
        lan.run("ping", "-c1", "10.0.0.1")
        assert stack.call("show interfaces")

    def test_echo(lan):
        lan.wire.answer_arp("10.0.0.9")
        lan.wire.send(IP(src="10.0.0.9", dst="10.0.0.1") / ICMP())
        lan.wire.expect(IP(src="10.0.0.1") / ICMP(type="echo-reply"))

What a test starts is stopped when it ends, in reverse order. A test that leaves a process or a
namespace behind fails, and what it left is removed so that the next one starts clean.
"""
import collections
import os
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "test"))

from harness import netns as namespaces  # noqa: E402
from harness import process as processes  # noqa: E402
from harness import wait  # noqa: E402
from harness.backend import Backend  # noqa: E402
from harness.daemon import Convoyd  # noqa: E402
from harness.monitor import Monitor  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.wire import CONVOY_MAC, Wire  # noqa: E402
from harness.workers import each, on_workers  # noqa: E402

Lan = collections.namedtuple("Lan", "stack wire space")


def pytest_configure(config):
    processes.adopt_orphans()
    config.addinivalue_line("markers", "one_worker: not repeated with several workers")


def pytest_generate_tests(metafunc):
    if metafunc.definition.path.parent.name == "packet":
        each(metafunc)


@pytest.fixture(scope="session")
def build():
    """The build folder: $CONVOY_BUILD, relative to the top of the tree, or build/."""
    path = TOP / os.environ.get("CONVOY_BUILD", "build")
    assert (path / "build.ninja").exists(), f"{path} is not built; run make first"
    return path


ENDING_SECONDS = 5.0  # for those that have seen the end of their line, and are not gone yet


@pytest.fixture(autouse=True)
def leaves_nothing_behind():
    before = set(processes.descendants())
    yield

    def running():
        return {pid: line for pid, line in processes.descendants().items() if pid not in before}
    wait.may(lambda: not running(), ENDING_SECONDS)
    processes.reap_orphans(known=set())
    left = running()
    spaces = namespaces.ours()
    processes.end(left)
    for name in spaces:
        namespaces.delete_by_name(name)
    assert not left, f"processes left behind: {left}"
    assert not spaces, f"namespaces left behind: {spaces}"


@pytest.fixture
def netns(leaves_nothing_behind):
    """netns(NAME="") makes a network namespace that lasts as long as the test."""
    made = []

    def make(name=""):
        made.append(namespaces.Netns(name))
        return made[-1]
    yield make
    for space in reversed(made):
        space.delete()


@pytest.fixture
def run(netns, tmp_path):
    """run(PROGRAM, ARG..., netns=, env=, name=) starts a Process in the background.

    At the end of the test it is told to stop; one that ignores SIGTERM fails the test.
    """
    started = []

    def start(*argv, name=None, **keywords):
        name = name or f"{len(started)}-{pathlib.Path(str(argv[0])).name}"
        started.append(processes.Process(argv, out=tmp_path / name, **keywords))
        return started[-1]
    yield start
    stop_all(started)


@pytest.fixture
def convoyd(netns, build, tmp_path):
    """convoyd(CONFIG, netns=, arguments=(), ready=True) starts one, which must end cleanly."""
    started = []

    def start(config, **keywords):
        folder = tmp_path / f"convoyd{len(started)}"
        try:
            daemon = Convoyd(build, folder, config, **keywords)
        except BaseException:
            # Not ready in time: the object never reached us, its process did.
            processes.end(p for p, line in processes.descendants().items() if str(folder) in line)
            raise
        started.append(daemon)
        return daemon
    yield start
    alive = [d for d in started if d.process.alive()]
    crashed = [d.process for d in started if not d.process.alive() and d.process.crashed()]
    stop_all([d.process for d in alive], expected={0})
    assert not crashed, f"convoyd crashed: {[str(p) for p in crashed]}"


@pytest.fixture
def monitor():
    """monitor(STACK, TOPICS) is a Monitor: what happens in a stack from then on."""
    opened = []

    def listen(stack, **params):
        opened.append(Monitor(stack, **params))
        return opened[-1]
    yield listen
    for one in opened:
        one.close()


@pytest.fixture
def wire(netns):
    """wire(NETNS, DEVICE) is a Wire: packets by scapy, on a device such as a tap's kernel end."""
    made = []

    def make(space, device, **keywords):
        made.append(Wire(space, device, **keywords))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def workers(request):
    """How many workers a stack has; test/packet runs with each number of harness/workers.py."""
    return getattr(request, "param", 1)


@pytest.fixture
def lan(netns, convoyd, wire, workers):
    """A stack at 10.0.0.1/24 and a Wire to it, as Lan: .stack, .wire, .space.

    The kernel end has no address and no IPv6, so that only the test speaks; without offloads, so
    that packets are what a wire would carry.
    """
    space = netns("lan")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    stack = convoyd(on_workers(workers, {"interfaces": [{
        "name": "lan", "addresses": ["10.0.0.1/24"], "mac": CONVOY_MAC, "tap": {"no_offload": True},
    }]}), netns=space)
    return Lan(stack, wire(space, "lan"), space)


@pytest.fixture
def proxy(build, tmp_path):
    """proxy(CONFIG, arguments=, netns=, env=, live=True) starts a convoy-proxy, which must end cleanly."""
    started = []

    def start(config, **keywords):
        folder = tmp_path / f"proxy{len(started)}"
        try:
            one = Proxy(build, folder, config, **keywords)
        except BaseException:
            # Not live in time: the object never reached us, its process did.
            processes.end(p for p, line in processes.descendants().items() if str(folder) in line)
            raise
        started.append(one)
        return one
    yield start
    crashed = [p.process for p in started if not p.process.alive() and p.process.crashed()]
    stop_all([p.process for p in started if p.process.alive()], expected={0})
    assert not crashed, f"convoy-proxy crashed: {[str(p) for p in crashed]}"


@pytest.fixture
def backend():
    """An HTTP server that answers "you asked for PATH"; /wait answers once go_on is set."""
    server = Backend()
    yield server
    server.close()


def stop_all(started, expected=None):
    """Stops processes, last started first, then reports all that did not end as they should."""
    faults = []
    for process in reversed(started):
        if not process.alive():
            continue
        try:
            status = process.stop()
            if expected is not None and status not in expected:
                faults.append(f"ended with {status}: {process}")
        except wait.Late as late:
            faults.append(str(late))
    assert not faults, "\n".join(faults)


@pytest.fixture
def convoy(build, tmp_path):
    """convoy(WORD...) runs the command line to its end."""
    def call(*words, env=None, text=""):
        return subprocess.run([build / "convoy", *words], capture_output=True, text=True,
                              timeout=20, input=text, cwd=tmp_path,
                              env={**os.environ, **(env or {})})
    return call
