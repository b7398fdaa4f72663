"""A host of IPv6: what it believes of the routers that it hears. RFC 4861 §6.3, RFC 4191, RFC 6724."""
import pytest
from harness import wait
from harness.routers import announce, on_link, routes
from harness.talk6 import HERE, THERE, Talk6, interface6, quiet
from harness.workers import on_workers


@pytest.fixture
def host(netns, convoyd, wire, workers):
    """A host at 2001:db8::1/64 that listens to advertisements, and us at 2001:db8::9."""
    from conftest import Lan
    space = quiet(netns, "host")
    lan = interface6("lan", [f"{THERE}/64"], ipv6={"duplicate_checks": 0, "autoconf": True})
    stack = convoyd(on_workers(workers, {"interfaces": [lan]}), netns=space)
    return Talk6(Lan(stack, wire(space, "lan"), space))


# --- whose routes forward ---

NEAR = "2001:db8:7::/64"
LOADED = ("dynamic", [HERE])
LATER = "2001:db8:f::/64"  # advertised last: what came before has been heard


def load(host, convoy, *lines):
    convoy("route", "load", "-", env=host.lan.stack.env, text="".join(f"{one}\n" for one in lines))


def heard(host, *options, lifetime=1800):
    """An advertisement, and a wait until it is taken."""
    announce(host, lifetime=lifetime, options=[*options, on_link("2001:db8:f::", 1800)])
    wait.until(lambda: LATER in routes(host), "heard")
    announce(host, lifetime=lifetime, options=[on_link("2001:db8:f::", 0)])
    wait.until(lambda: LATER not in routes(host), "heard again")


def test_loaded_routes_come_before_advertised_ones(host, convoy):
    load(host, convoy, f"{NEAR} via {HERE}", f"::/0 via {HERE}")
    heard(host, on_link("2001:db8:7::", 1800))
    assert routes(host)[NEAR] == LOADED and routes(host)["::/0"] == LOADED
    heard(host, on_link("2001:db8:7::", 0), lifetime=0)  # withdrawn: the loaded ones stand
    assert routes(host)[NEAR] == LOADED and routes(host)["::/0"] == LOADED


def test_advertised_routes_stand_behind_loaded_ones(host, convoy):
    announce(host, options=[on_link("2001:db8:7::", 1800)])
    wait.until(lambda: routes(host).get(NEAR) == ("advertised", ["lan"]), "advertised")
    load(host, convoy, f"{NEAR} via {HERE}", f"::/0 via {HERE}")
    assert routes(host)[NEAR] == LOADED and routes(host)["::/0"] == LOADED
    host.lan.stack.call("route add", prefix=NEAR, via="2001:db8::5")
    assert routes(host)[NEAR] == ("static", ["2001:db8::5"])
    host.lan.stack.call("route delete", prefix=NEAR)
    assert routes(host)[NEAR] == LOADED
    heard(host, on_link("2001:db8:7::", 0))
    assert routes(host)[NEAR] == LOADED


def test_advertised_routes_come_back_when_the_operators_go(host):
    host.lan.stack.call("route add", prefix=NEAR, via="2001:db8::5")
    heard(host, on_link("2001:db8:7::", 1800))
    assert routes(host)[NEAR] == ("static", ["2001:db8::5"])
    host.lan.stack.call("route delete", prefix=NEAR)
    assert routes(host)[NEAR] == ("advertised", ["lan"])


def test_connected_prefixes_come_before_advertised_ones(host):
    heard(host, on_link("2001:db8::", 1800))
    assert routes(host)["2001:db8::/64"] == ("interface", ["lan"])
