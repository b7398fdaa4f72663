"""Multicast Listener Discovery, the listener's side: RFC 3810, RFC 2710, RFC 3590."""
import ipaddress

import pytest
from harness import wait
from harness.mld import records
from harness.talk6 import (HERE, LINK_LOCAL, NO_CHECKS, THERE, Talk6, interface6, quiet,
                           usable)
from harness.wire import CONVOY_MAC
from harness.workers import on_workers
from scapy.all import (Ether, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6MLDone, ICMPv6MLQuery,
                       ICMPv6MLQuery2, ICMPv6MLReport, ICMPv6MLReport2, ICMPv6ND_NS,
                       IPv6, IPv6ExtHdrHopByHop, Raw, RouterAlert)

GROUP, OTHER = "ff02::1:ff00:1", "ff02::1:ff00:2"  # of THERE (and LINK_LOCAL), of 2001:db8::2
ALL_NODES, ALL_MLD_ROUTERS = "ff02::1", "ff02::16"
IS_IN, IS_EX, TO_IN, TO_EX = 1, 2, 3, 4


def group_mac(group):
    return "33:33:" + ":".join(f"{b:02x}" for b in ipaddress.ip_address(group).packed[12:])


def alert():
    return IPv6ExtHdrHopByHop(options=[RouterAlert(value=0)])


def query(talk, *arguments, **fields):
    talk.wire.send(frame(talk, *arguments, **fields))


def frame(talk, message, dst=ALL_NODES, src="fe80::9", hlim=1, header=None):
    """A message of MLD as a router sends it, but for what is said."""
    ip = IPv6(src=src, dst=dst, hlim=hlim)
    ip = ip / (alert() if header is None else header) if header != b"" else ip
    to = group_mac(dst) if dst.startswith("ff") else CONVOY_MAC
    return Ether(src=talk.wire.mac, dst=to) / ip / message


def report(talk, timeout=2.0, **fields):
    """The records of the next report of version 2."""
    packet = talk.wire.expect(IPv6(dst=ALL_MLD_ROUTERS, hlim=1, **fields) / ICMPv6MLReport2(),
                              timeout)
    assert RouterAlert in packet and packet.dst == group_mac(ALL_MLD_ROUTERS)
    return records(packet)


def joined(stack):
    return {g["group"]: (g["state"], g["version"]) for g in stack.call("show groups")}


def settled(talk):
    """Waits until all changes were said."""
    wait.until(lambda: {s for s, _ in joined(talk.lan.stack).values()} == {"joined"}, "joined")
    while talk.wire.receive(0.05):
        pass
    return talk


@pytest.fixture
def start(netns, convoyd, wire, workers):
    """start(**ipv6) makes a Talk6 with a stack that has just begun."""
    def begin(addresses=(f"{THERE}/64",), **ipv6):
        from conftest import Lan
        space = quiet(netns, "mld")
        stack = convoyd(on_workers(workers, {"interfaces": [
            interface6("lan", list(addresses), ipv6={**NO_CHECKS, **ipv6})]}), netns=space)
        return Talk6(Lan(stack, wire(space, "lan"), space))
    return begin


@pytest.fixture
def talk(start):
    return settled(start())


# --- RFC 3810 §6.1: changes ---

def test_rfc3810_6_1_joining_is_said_and_repeated(talk):
    talk.lan.stack.call("address add", interface="lan", address="2001:db8::2/64")
    assert report(talk, src=LINK_LOCAL) == {OTHER: (TO_EX, [])}
    assert report(talk, src=LINK_LOCAL) == {OTHER: (TO_EX, [])}
    talk.wire.silence(ICMPv6MLReport2(), 1.2)


def test_rfc3810_6_1_leaving_is_said_and_repeated(talk):
    talk.lan.stack.call("address add", interface="lan", address="2001:db8::2/64")
    settled(talk)
    talk.lan.stack.call("address delete", interface="lan", address="2001:db8::2/64")
    assert report(talk) == {OTHER: (TO_IN, [])}
    assert report(talk) == {OTHER: (TO_IN, [])}
    assert OTHER not in joined(talk.lan.stack)


def test_rfc3810_6_1_a_group_of_two_addresses_is_left_with_the_last(talk):
    talk.lan.stack.call("address add", interface="lan", address="2001:db8:7::1/64")
    talk.lan.stack.call("address delete", interface="lan", address=f"{THERE}/64")
    talk.wire.silence(ICMPv6MLReport2(), 0.3)
    assert GROUP in joined(talk.lan.stack)


def test_rfc4862_5_4_2_groups_are_joined_before_addresses_are_checked(talk):
    talk.lan.stack.call("address delete", interface="lan", address=f"{THERE}/64")
    talk.lan.stack.call("address add", interface="lan", address="2001:db8::2/64")
    seen = []
    while not any(ICMPv6ND_NS in p for p in seen):
        seen.append(talk.wire.receive(2))
        assert seen[-1], "no check"
        if ICMPv6MLReport2 in seen[-1]:
            break
    assert ICMPv6MLReport2 in seen[-1]


def test_rfc3590_4_before_there_is_an_address_from_none_then_again(start):
    talk = start(duplicate_checks=1)
    usable(talk.lan.stack, LINK_LOCAL)
    talk.lan.stack.call("show groups")
    # What was said from :: may have been before we listened; what follows is from the address.
    assert report(talk, src=LINK_LOCAL, timeout=3)[GROUP] == (TO_EX, [])


def test_rfc4861_8_proxied_addresses_are_listened_for(talk):
    talk.lan.stack.call("proxy add", interface="lan", address="2001:db8::2")
    assert report(talk) == {OTHER: (TO_EX, [])}
    talk.lan.stack.call("proxy delete", interface="lan", address="2001:db8::2")
    wait.until(lambda: joined(talk.lan.stack).get(OTHER, ("left",))[0] == "left", "left")


def test_routers_listen_for_routers(start):
    talk = start(advertise={})
    assert "ff02::2" in joined(settled(talk).lan.stack)


# --- RFC 3810 §6.2: being asked ---

def test_rfc3810_6_2_general_query(talk):
    talk.lan.stack.call("address add", interface="lan", address="2001:db8::2/64")
    settled(talk)
    query(talk, ICMPv6MLQuery2(mrd=300))
    assert report(talk, src=LINK_LOCAL) == {GROUP: (IS_EX, []), OTHER: (IS_EX, [])}
    talk.wire.silence(ICMPv6MLReport2(), 0.5)


def test_rfc3810_6_2_the_group_of_all_nodes_is_never_reported(talk):
    query(talk, ICMPv6MLQuery2(mrd=1, mladdr=ALL_NODES), dst=ALL_NODES)
    talk.wire.silence(ICMPv6MLReport2(), 0.4)


@pytest.mark.parametrize("dst", [GROUP, THERE])
def test_rfc3810_6_2_query_of_a_group(talk, dst):
    query(talk, ICMPv6MLQuery2(mrd=100, mladdr=GROUP), dst=dst)
    assert report(talk) == {GROUP: (IS_EX, [])}


def test_rfc3810_6_2_query_of_a_group_that_is_not_ours(talk):
    query(talk, ICMPv6MLQuery2(mrd=1, mladdr=OTHER), dst=ALL_NODES)
    talk.count("mld-input.query", 1)
    talk.wire.silence(ICMPv6MLReport2(), 0.3)


def test_rfc3810_6_2_query_of_sources(talk):
    sources = ["2001:db8::10", "2001:db8::11"]
    query(talk, ICMPv6MLQuery2(mrd=100, mladdr=GROUP, sources=sources, sources_number=2), dst=GROUP)
    assert report(talk) == {GROUP: (IS_IN, sources)}


def test_rfc3810_6_2_answers_are_delayed(talk):
    query(talk, ICMPv6MLQuery2(mrd=2000))
    query(talk, ICMPv6MLQuery2(mrd=2000))
    report(talk, timeout=5)
    talk.wire.silence(ICMPv6MLReport2(), 0.3)


def test_rfc3810_5_2_many_groups_take_several_reports(start):
    talk = settled(start([f"2001:db8::{n:x}/64" for n in range(1, 64)]))
    wait.until(lambda: len(joined(talk.lan.stack)) == 63, "joined")
    settled(talk)
    query(talk, ICMPv6MLQuery2(mrd=1))
    first, second = report(talk), report(talk)
    assert len(first) + len(second) == 63 and not set(first) & set(second)


@pytest.mark.parametrize("what, fields, reason", [
    ("from a global address", {"src": HERE}, "source"),
    ("from nobody", {"src": "::"}, "source"),
    ("hop limit 2", {"hlim": 2}, "hop-limit"),
    ("no hop-by-hop header", {"header": b""}, "no-alert"),
    ("no router alert", {"header": IPv6ExtHdrHopByHop()}, "no-alert"),
])
def test_rfc3810_6_2_queries_that_are_not_believed(talk, what, fields, reason):
    query(talk, ICMPv6MLQuery2(mrd=1), **fields)
    talk.count(f"mld-input.{reason}", 1)
    talk.wire.silence(ICMPv6MLReport2(), 0.2)


@pytest.mark.parametrize("what, message, reason", [
    ("26 bytes", ICMPv6MLQuery(mrd=1) / Raw(b"\0\0"), "format"),
    ("sources cut", ICMPv6MLQuery2(mrd=1, mladdr=GROUP, sources_number=3), "format"),
    ("a host as the group", ICMPv6MLQuery2(mrd=1, mladdr=HERE), "format"),
    ("done", ICMPv6MLDone(mladdr=GROUP), "for-routers"),
])
def test_rfc3810_8_1_malformed_queries(talk, what, message, reason):
    query(talk, message)
    talk.count(f"mld-input.{reason}", 1)
    talk.wire.silence(ICMPv6MLReport2(), 0.2)


# --- RFC 3810 §8.2, RFC 2710: a router of version 1 ---

def test_rfc3810_8_2_reports_of_version_1(talk):
    query(talk, ICMPv6MLQuery(mrd=100))
    answer = talk.wire.expect(IPv6(src=LINK_LOCAL, dst=GROUP, hlim=1) / ICMPv6MLReport(mladdr=GROUP))
    assert RouterAlert in answer
    assert joined(talk.lan.stack)[GROUP] == ("joined", 1)
    talk.lan.stack.call("address add", interface="lan", address="2001:db8::2/64")
    talk.wire.expect(IPv6(dst=OTHER) / ICMPv6MLReport(mladdr=OTHER))
    talk.lan.stack.call("address delete", interface="lan", address="2001:db8::2/64")
    talk.wire.expect(IPv6(dst="ff02::2") / ICMPv6MLDone(mladdr=OTHER))
    talk.wire.silence(ICMPv6MLReport2(), 0.2)


def test_rfc2710_4_somebody_else_was_quicker(talk):
    ours = bytes(frame(talk, ICMPv6MLReport(mladdr=GROUP), dst=GROUP))

    def were_quicker(n):
        """The stack answers after a random part of the second; workers may swap what is sent at once."""
        query(talk, ICMPv6MLQuery(mrd=1000))
        talk.count("mld-input.query", n)
        talk.wire.socket.send(ours)
        talk.count("mld-input.heard", n)
        try:
            talk.wire.expect(ICMPv6MLReport(), 0.05)
        except wait.Late:
            return True
        return False
    assert any(were_quicker(n) for n in range(1, 6))
    talk.wire.silence(ICMPv6MLReport(), 1.3)


def test_a_flood_of_queries_is_bounded(talk):
    for _ in range(500):
        query(talk, ICMPv6MLQuery2(mrd=200))
    wait.until(lambda: talk.counted("mld-input.query") + talk.counted("mld-input.busy") == 500, "seen")
    assert report(talk) == {GROUP: (IS_EX, [])}
    talk.to(IPv6() / ICMPv6EchoRequest(id=3))
    talk.back(ICMPv6EchoReply(id=3))
