"""`convoy ping` and `convoy traceroute` against the kernel, over both families."""
import re
import signal

import pytest
from harness import wait

HOST, FAR = {4: "10.1.0.2", 6: "2001:db8:1::2"}, {4: "10.2.0.2", 6: "2001:db8:2::2"}
NOWHERE = {4: "10.1.0.77", 6: "2001:db8:1::77"}


@pytest.fixture
def path(netns, convoyd):
    """convoyd ── lan: a router ── far, a host."""
    lan, far = netns("lan"), netns("far")
    for space in lan, far:
        space.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    stack = convoyd({"interfaces": [{
        "name": "tap0", "addresses": ["10.1.0.1/24", "2001:db8:1::1/64"],
        "ipv6": {"duplicate_checks": 0},
        "tap": {"host_netns": lan.path, "host_addresses": ["10.1.0.2/24", "2001:db8:1::2/64"]}}],
        "routes": [{"to": "10.2.0.0/16", "via": "10.1.0.2"},
                   {"to": "2001:db8:2::/48", "via": "2001:db8:1::2"}]})
    lan.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    lan.ip("link", "add", "east", "type", "veth", "peer", "name", "west", "netns", far.name)
    lan.ip("address", "add", "10.2.0.1/24", "dev", "east")
    lan.ip("address", "add", "2001:db8:2::1/64", "dev", "east", "nodad")
    lan.ip("link", "set", "east", "up")
    far.ip("address", "add", "10.2.0.2/24", "dev", "west")
    far.ip("address", "add", "2001:db8:2::2/64", "dev", "west", "nodad")
    far.ip("link", "set", "west", "up")
    far.ip("route", "add", "default", "via", "10.2.0.1")
    far.ip("-6", "route", "add", "default", "via", "2001:db8:2::1")
    lan.wait_link("east")
    far.wait_link("west")
    return stack


def call(stack, method, **params):
    """The result of a command that streams; its items pass by."""
    with stack.control() as control:
        control.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        while "method" in (answer := control.receive()):
            pass
        assert "error" not in answer, answer
        return answer["result"]


def convoy(build, stack, *words):
    return [str(build / "convoy"), "--socket", str(stack.socket), *words]


@pytest.mark.parametrize("family", [4, 6])
def test_ping(path, family):
    result = call(path, "ping", address=HOST[family], count=3, interval=100)
    assert (result["sent"], result["received"], result["errors"]) == (3, 3, 0)
    assert 0 < result["ms"]["min"] <= result["ms"]["mean"] <= result["ms"]["max"]
    assert call(path, "ping", address=FAR[family], count=1)["received"] == 1


def test_times_are_in_order_to_the_last_digit(path):
    for _ in range(20):  # one answer: smallest, mean and largest are the same time
        ms = call(path, "ping", address=HOST[4], count=1)["ms"]
        assert f"{ms['min']:.3f}" == f"{ms['mean']:.3f}" == f"{ms['max']:.3f}"


def test_ping_and_traceroute_in_a_vrf(netns, convoyd, build, run):
    space = netns("blue")
    stack = convoyd({"vrfs": ["blue"], "interfaces": [{
        "name": "tap0", "vrf": "blue", "addresses": ["10.1.0.1/24"],
        "tap": {"host_netns": space.path, "host_addresses": ["10.1.0.2/24"]}}]})
    assert call(stack, "ping", address=HOST[4], count=1, vrf="blue")["received"] == 1
    assert call(stack, "ping", address=HOST[4], count=1, interface="tap0")["received"] == 1
    assert call(stack, "traceroute", address=HOST[4], vrf="blue")["reached"]
    outside = run(*convoy(build, stack, "ping", HOST[4], "--count", "1"))
    assert outside.wait() == 1 and "no address of ours leads there" in outside.err
    inside = run(*convoy(build, stack, "ping", "10.9.0.1", "--count", "1", "--vrf", "blue"))
    assert inside.wait() == 1 and "see: convoy show routes --vrf blue" in inside.err
    assert run(*convoy(build, stack, "ping", HOST[4], "--vrf", "red")).wait() == 1


@pytest.mark.parametrize("family", [4, 6])
def test_large_pings_are_cut_and_put_together(path, family):
    assert call(path, "ping", address=HOST[family], count=1, size=5000)["received"] == 1


@pytest.mark.parametrize("family", [4, 6])
def test_ping_ourselves(path, family):
    ours = {4: "10.1.0.1", 6: "2001:db8:1::1"}[family]
    assert call(path, "ping", address=ours, count=1)["received"] == 1


@pytest.mark.parametrize("family, answer", [(4, "host unreachable"), (6, "address unreachable")])
def test_ping_a_silent_host(build, path, run, family, answer):
    ping = run(*convoy(build, path, "ping", NOWHERE[family], "--count", "1", "--wait", "5000"))
    assert ping.wait(timeout=10) == 1
    assert answer in ping.out and "no answer: 1 sent, " in ping.err


@pytest.mark.parametrize("family, answer", [(4, "time to live exceeded"), (6, "hop limit exceeded")])
def test_ping_with_a_short_life(build, path, run, family, answer):
    ping = run(*convoy(build, path, "ping", FAR[family], "--count", "1", "--ttl", "1"))
    assert ping.wait(timeout=10) == 1
    assert f"{answer} from {HOST[family]}" in ping.out


def test_ping_is_stopped_and_says_what_it_saw(build, path, run):
    ping = run(*convoy(build, path, "ping", HOST[6], "--interval", "100"))
    wait.until(lambda: ping.out.count("reply from") >= 2, "answers")
    ping.signal(signal.SIGINT)
    assert ping.wait(timeout=5) == 0
    sent, received = re.search(r"(\d+) sent, (\d+) received, \d+% lost, 0 errors\nround trip: min [\d.]+",
                               ping.out).groups()
    assert int(sent) - int(received) in (0, 1), "the last may have been on its way"


@pytest.mark.parametrize("family", [4, 6])
def test_traceroute(build, path, run, family):
    trace = run(*convoy(build, path, "traceroute", FAR[family]))
    assert trace.wait(timeout=15) == 0
    lines = trace.out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f" 1  {HOST[family]}") and lines[1].startswith(f" 2  {FAR[family]}")


def test_traceroute_to_nowhere_is_bounded(path):
    result = call(path, "traceroute", address="10.2.0.77", hops=2, wait=300)
    assert result == {"reached": False, "hops": 2}


@pytest.mark.parametrize("arguments, message", [
    ({"address": "ff02::1"}, "only a single host"),
    ({"address": "224.0.0.1"}, "only a single host"),
    ({"address": "fe80::1"}, "needs --interface"),
    ({"address": "192.0.2.1"}, "no address of ours leads there"),
    ({"address": "10.1.0.2", "source": "2001:db8:1::1"}, "different families"),
    ({"address": "10.1.0.2", "source": "10.1.0.9"}, "no usable address of ours"),
    ({"address": "here"}, "is no address"),
])
def test_what_cannot_be_pinged(path, arguments, message):
    with pytest.raises(AssertionError, match=message):
        call(path, "ping", count=1, **arguments)
