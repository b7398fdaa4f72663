"""A host of IPv6: what it believes of the routers that it hears. RFC 4861 §6.3, RFC 4191, RFC 6724."""
import time

import pytest
from harness import wait
from harness.routers import ALL_NODES_MAC, announce, makes, on_link, routes
from harness.talk6 import HERE, THERE, Talk6, interface6, quiet, usable
from harness.workers import ONE_WORKER, on_workers
from scapy.all import (Ether, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA,
                       ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU,
                       ICMPv6NDOptRouteInfo, IPv6, UDP)


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


# --- RFC 4861 §6.3.4, §6.3.6, RFC 4191: where routers lead ---

FAR = "2001:4860::8888"
A, B = "fe80::a", "fe80::b"
A_MAC, B_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
HIGH, MEDIUM, RESERVED, LOW = 1, 0, 2, 3
TO = "2001:db8:50::/48"


def leads(prefix, seconds=1800, preference=MEDIUM, length=None):
    """The option for a route, RFC 4191 §2.3."""
    addr, bits = prefix.split("/")
    return ICMPv6NDOptRouteInfo(prefix=addr, plen=int(bits), prf=preference, rtlifetime=seconds,
                                **({"len": length} if length else {}))


def becomes(host, prefix, *hops, timeout=3):
    wait.until(lambda: sorted(routes(host).get(prefix, ("", []))[1]) == sorted(hops),
               f"{prefix} by {hops}", timeout=timeout)


def test_rfc4191_2_2_routers_of_high_preference_come_first(host):
    announce(host, A)
    announce(host, B, prf=HIGH)
    becomes(host, "::/0", B)
    announce(host, A, prf=HIGH)
    becomes(host, "::/0", B, A)
    announce(host, B, prf=LOW)
    becomes(host, "::/0", A)
    announce(host, A, lifetime=0)  # RFC 4861 §6.3.4: no default router any more
    becomes(host, "::/0", B)
    announce(host, B, lifetime=0)
    becomes(host, "::/0")


def test_rfc4191_2_2_reserved_preferences_are_medium(host):
    announce(host, A, prf=RESERVED)
    announce(host, B, prf=LOW)
    becomes(host, "::/0", A)
    announce(host, B, prf=MEDIUM)
    becomes(host, "::/0", A, B)


@ONE_WORKER
def test_rfc4861_6_3_5_routers_expire(host):
    announce(host, A, prf=HIGH, lifetime=1)
    announce(host, B)
    becomes(host, "::/0", A)
    becomes(host, "::/0", B, timeout=4)


def test_rfc4191_2_3_routes_to_prefixes(host):
    announce(host, A, prf=HIGH)
    announce(host, B, lifetime=0, options=[leads(TO), leads("2001:db8:51::/64", preference=LOW),
                                           leads("fe80::/10"), leads("ff00::/8")])
    becomes(host, TO, B)
    becomes(host, "2001:db8:51::/64", B)
    becomes(host, "::/0", A)
    announce(host, A, options=[leads(TO, preference=HIGH)])
    becomes(host, TO, A)
    announce(host, A, options=[leads(TO, 0)])
    becomes(host, TO, B)
    announce(host, B, lifetime=0, options=[leads(TO, 0), leads("2001:db8:51::/64", 0xffffffff)])
    becomes(host, TO)
    becomes(host, "2001:db8:51::/64", B)


def test_rfc4191_3_1_a_route_to_everything_is_a_default_router(host):
    announce(host, A)
    announce(host, B, prf=LOW, options=[leads("::/0", preference=HIGH)])
    becomes(host, "::/0", B)
    announce(host, B, prf=HIGH, options=[leads("::/0", 0)])
    becomes(host, "::/0", A)


def test_rfc4191_2_3_what_is_no_route(host):
    announce(host, A, options=[leads("2001:db8:52::/48", preference=RESERVED),
                               leads("2001:db8:53::/64", length=1), leads(TO)])
    becomes(host, TO, A)
    assert [p for p in routes(host) if p.startswith("2001:db8:5")] == [TO]


@ONE_WORKER
def test_rfc4191_2_3_routes_expire(host):
    announce(host, A, options=[leads(TO, 1)])
    becomes(host, TO, A)
    becomes(host, TO, timeout=4)
    assert routes(host)["::/0"][1] == [A]


def test_routes_are_bounded(host):
    for n in range(10):
        announce(host, A, options=[leads(f"2001:db8:{n + 80:x}{k}::/48") for k in range(4)])
    announce(host, B)
    becomes(host, "::/0", A, B)
    assert len([p for p in routes(host) if p.endswith("/48")]) == 16


def test_on_link_prefixes_come_before_routes(host):
    announce(host, A, options=[leads(NEAR), on_link("2001:db8:7::", 1800)])
    becomes(host, NEAR, "lan")
    announce(host, A, options=[on_link("2001:db8:7::", 0)])
    becomes(host, NEAR, A)


def test_rfc4861_7_2_5_who_is_no_router_any_more(host):
    announce(host, A, prf=HIGH, mac=A_MAC, options=[leads(TO)])
    announce(host, B, mac=B_MAC)
    becomes(host, "::/0", A)
    host.wire.send(Ether(src=A_MAC, dst=ALL_NODES_MAC) / IPv6(src=A, dst="ff02::1", hlim=255) /
                   ICMPv6ND_NA(tgt=A, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=A_MAC))
    becomes(host, "::/0", B)


@ONE_WORKER
def test_rfc4861_6_3_6_a_router_that_is_silent_gives_way(host):
    """The better router does not answer: the other one serves, until the first speaks again."""
    host.wire.answer_nd(B)
    message = IPv6(src=A, dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=1800, prf=HIGH,
                                                                retranstimer=200)
    host.wire.send(Ether(src=A_MAC, dst=ALL_NODES_MAC) / message)  # who it is has to be asked
    announce(host, B, mac=host.wire.mac)
    becomes(host, "::/0", A)
    host.to(IPv6(src=FAR) / ICMPv6EchoRequest(id=1))
    becomes(host, "::/0", B)
    host.to(IPv6(src=FAR) / ICMPv6EchoRequest(id=2))
    assert host.wire.expect(IPv6(dst=FAR) / ICMPv6EchoReply(id=2)).dst == host.wire.mac
    announce(host, A, prf=HIGH, mac=A_MAC)
    becomes(host, "::/0", A)


# --- RFC 6724 §5, rule 5.5: the source that the next hop gave ---

@pytest.fixture
def two_routers(host):
    """A advertises 2001:db8:a::/64, B 2001:db8:b::/64, each leads to a prefix, B by default."""
    announce(host, A, mac=A_MAC, options=[makes("2001:db8:a::"), leads("2001:db8:b:1::/64")])
    announce(host, B, mac=B_MAC, prf=HIGH, options=[makes("2001:db8:b::"),
                                                    leads("2001:db8:a:1::/64")])
    usable(host.lan.stack, OF_A, OF_B)
    becomes(host, "::/0", B)
    return host


OF_A, OF_B = "2001:db8:a::ff:fe00:1", "2001:db8:b::ff:fe00:1"


def pinged(host, convoy, dst, **fields):
    """How an echo request of ours looks: its source, and to which router it goes."""
    convoy("ping", dst, "--count", "1", "--wait", "100", env=host.lan.stack.env)
    packet = host.wire.expect(IPv6(dst=dst, **fields) / ICMPv6EchoRequest())
    return packet[IPv6].src, packet.dst


@pytest.mark.parametrize("dst, source, router", [
    (FAR, OF_B, B_MAC),
    # Rule 8 alone would take the other one.
    ("2001:db8:b:1::1", OF_A, A_MAC), ("2001:db8:a:1::1", OF_B, B_MAC)])
def test_rfc6724_5_5_sources_go_with_their_router(two_routers, convoy, dst, source, router):
    assert pinged(two_routers, convoy, dst) == (source, router)


def test_rfc6724_5_5_prefixes_change_hands(two_routers, convoy):
    host = two_routers
    heard(host, makes("2001:db8:b::"))  # by another router as well
    announce(host, B, mac=B_MAC, prf=HIGH, options=[makes("2001:db8:b::", 0, 0)])  # not by B now
    announce(host, B, mac=B_MAC, prf=HIGH, options=[makes("2001:db8:a::"),
                                                    on_link("2001:db8:f::", 1800)])
    wait.until(lambda: LATER in routes(host), "heard")
    assert pinged(host, convoy, FAR) == (OF_A, B_MAC)


# --- RFC 4861 §6.3.4: what routers say about the link ---

def test_rfc4861_6_3_4_hop_limit(host, convoy):
    host.wire.answer_nd("fe80::9")
    heard(host, lifetime=1800)
    host.to(IPv6() / ICMPv6EchoRequest(id=1))
    assert host.wire.expect(ICMPv6EchoReply(id=1))[IPv6].hlim == 64
    announce(host, chlim=33)
    heard(host)  # scapy's usual header says 0: nothing
    host.to(IPv6() / ICMPv6EchoRequest(id=2))
    assert host.wire.expect(ICMPv6EchoReply(id=2))[IPv6].hlim == 33
    host.to(IPv6() / UDP(sport=1, dport=9))
    assert host.wire.expect(IPv6(dst=HERE) / ICMPv6DestUnreach())[IPv6].hlim == 33
    convoy("ping", HERE, "--count", "1", "--wait", "100", env=host.lan.stack.env)
    assert host.wire.expect(ICMPv6EchoRequest())[IPv6].hlim == 33


def test_rfc4861_6_3_4_mtu(host):
    def longest(id):
        """Of the fragments, or the whole, of a reply of 1,500 bytes."""
        host.to(IPv6() / ICMPv6EchoRequest(id=id, data=bytes(1452)))
        sizes = []
        while not sizes or sum(sizes) < 1500:
            sizes.append(40 + host.wire.expect(IPv6(src=THERE, dst=HERE))[IPv6].plen)
        return max(sizes)
    assert longest(1) == 1500
    heard(host, ICMPv6NDOptMTU(mtu=1400))
    assert longest(2) in range(1392, 1401)
    for wrong in (1279, 1501, 65535, 0):
        heard(host, ICMPv6NDOptMTU(mtu=wrong))
    assert longest(3) in range(1392, 1401)
    heard(host, ICMPv6NDOptMTU(mtu=1500))
    assert longest(4) == 1500
    heard(host, ICMPv6NDOptMTU(mtu=1280))
    assert longest(5) in range(1272, 1281)
    host.lan.stack.call("interface set", name="lan", down=True)  # what was heard goes with the link
    host.lan.stack.call("interface set", name="lan", up=True)
    usable(host.lan.stack, THERE)
    assert longest(6) == 1500


@ONE_WORKER
def test_rfc4861_6_3_4_retransmit_time(host):
    heard(host, lifetime=1800)
    announce(host, retranstimer=300)
    heard(host)
    host.wire.answered.clear()
    host.to(IPv6(dst="2001:db8::1", src="2001:db8::77") / ICMPv6EchoRequest(id=1))
    began = time.monotonic()
    for _ in range(3):
        host.wire.expect(IPv6() / ICMPv6ND_NS(tgt="2001:db8::77"))
    assert time.monotonic() - began < 1.5  # a second apart by themselves


@ONE_WORKER
def test_rfc4861_6_3_4_reachable_time(host):
    announce(host, reachabletime=1000)
    heard(host)

    def asked():  # to resolve, and to see whether it is still there: after 30 seconds by itself
        host.to(IPv6() / ICMPv6EchoRequest(id=1))
        return host.lan.stack.call("show neighbor-table")["asked"] >= 2
    wait.until(asked, "asked again", timeout=4)


# --- what is shown of it ---

def test_show_routers(host, convoy):
    announce(host, A, prf=HIGH, lifetime=1800, chlim=33, reachabletime=20000, retranstimer=500,
             options=[ICMPv6NDOptMTU(mtu=1400), leads(TO, 0xffffffff, LOW),
                      on_link("2001:db8:7::", 600)])
    becomes(host, TO, A)
    [link] = host.lan.stack.call("show routers")
    assert {k: link[k] for k in ("interface", "mtu", "hop_limit", "retransmit_ms", "heard",
                                 "ignored")} == \
        {"interface": "lan", "mtu": 1400, "hop_limit": 33, "retransmit_ms": 500, "heard": 1,
         "ignored": 0}
    assert 10000 <= link["reachable_ms"] <= 30000  # RFC 4861 §6.3.2
    by_prefix = {r["to"]: r for r in link["routers"]}
    assert 1790 <= by_prefix["::/0"].pop("seconds") <= 1800
    assert by_prefix == {
        "::/0": {"router": A, "to": "::/0", "preference": "high", "answers": True},
        TO: {"router": A, "to": TO, "preference": "low", "answers": True, "seconds": None}}
    assert [p["prefix"] for p in link["on_link"]] == [NEAR]
    text = convoy("show", "routers", env=host.lan.stack.env).stdout
    assert "1400" in text and [line.split() for line in text.splitlines() if TO in line] == \
        [["lan", A, TO, "low", "yes", "-"]]


def test_show_advertisements(netns, convoyd, convoy, wire, workers):
    space = quiet(netns, "router")
    lan = interface6("lan", [f"{THERE}/64"], ipv6={"duplicate_checks": 0, "advertise": {
        "lifetime": "600s", "interval": "30s", "mtu": 1400, "dns": ["2001:db8::53"]}})
    stack = convoyd(on_workers(workers, {"interfaces": [lan]}), netns=space)
    assert wire(space, "lan").expect(ICMPv6ND_RA(), timeout=8)
    [one] = stack.call("show advertisements")
    assert {k: one[k] for k in ("interface", "lifetime_seconds", "interval_seconds", "hop_limit",
                                "mtu", "reachable_ms", "managed", "dns")} == \
        {"interface": "lan", "lifetime_seconds": 600, "interval_seconds": 30, "hop_limit": 64,
         "mtu": 1400, "reachable_ms": None, "managed": False, "dns": ["2001:db8::53"]}
    assert one["prefixes"] == [{"prefix": "2001:db8::/64", "on_link": True, "autonomous": True,
                                "valid_seconds": 2592000, "preferred_seconds": 604800}]
    assert one["sent"] >= 1 and one["next_seconds"] <= 30
    text = convoy("show", "advertisements", env=stack.env).stdout
    assert "2001:db8::/64" in text and "600" in text
