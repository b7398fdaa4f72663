"""Neighbor Discovery of a running stack: RFC 4861, RFC 4862, and what a hostile link may try."""
import pytest
from harness import wait
from harness.talk6 import (HERE, LINK_LOCAL, THERE, Talk6, interface6, lan6, quiet,  # noqa: F401
                           states, usable)
from harness.wire import CONVOY_MAC
from harness.workers import ONE_WORKER, on_workers
from scapy.all import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                       ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU,
                       ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr,
                       ICMPv6DestUnreach, Ether, IPv6, IPv6ExtHdrFragment, Raw, UDP)

ALL_NODES_MAC = "33:33:00:00:00:01"
GROUP, GROUP_MAC = "ff02::1:ff00:1", "33:33:ff:00:00:01"  # where THERE is asked for


@pytest.fixture
def talk(lan6):  # noqa: F811
    """Like lan6, but asked neighbours do not answer by themselves."""
    lan6.wire.answered.clear()
    return lan6


@pytest.fixture
def link(netns, convoyd, wire, workers):
    """link(**IPV6) is a conversation with a stack whose interface has these settings."""
    from conftest import Lan

    def make(**ipv6):
        space = quiet(netns, "lan6")
        lan = interface6("lan", [f"{THERE}/64"], ipv6=ipv6)
        stack = convoyd(on_workers(workers, {"interfaces": [lan]}), netns=space)
        return Talk6(Lan(stack, wire(space, "lan"), space), nd=False)
    return make


def solicit(talk, target=THERE, src=HERE, dst=GROUP, to=GROUP_MAC, mac=None, hlim=255, option=True):
    mac = mac or talk.wire.mac
    message = IPv6(src=src, dst=dst, hlim=hlim) / ICMPv6ND_NS(tgt=target)
    talk.wire.send(Ether(src=mac, dst=to) / (message / ICMPv6NDOptSrcLLAddr(lladdr=mac)
                                             if option else message))


def advertise(talk, target=HERE, mac=None, dst=THERE, to=CONVOY_MAC, src=None, option=True, **flags):
    mac = mac or talk.wire.mac
    flags = {"R": 0, "S": 1, "O": 1, **flags}
    message = IPv6(src=src or target, dst=dst, hlim=255) / ICMPv6ND_NA(tgt=target, **flags)
    talk.wire.send(Ether(src=mac, dst=to) / (message / ICMPv6NDOptDstLLAddr(lladdr=mac)
                                             if option else message))


def neighbors(talk):
    return {n["address"]: (n["state"], n["mac"]) for n in talk.lan.stack.call("show neighbors")}


# --- RFC 4861 §7.2: solicitations ---

def test_rfc4861_7_2_4_solicitation_is_answered(talk):
    solicit(talk)
    answer = talk.wire.expect(IPv6(src=THERE, dst=HERE, hlim=255) / ICMPv6ND_NA(tgt=THERE))
    assert (answer[ICMPv6ND_NA].R, answer[ICMPv6ND_NA].S, answer[ICMPv6ND_NA].O) == (0, 1, 1)
    assert answer[ICMPv6NDOptDstLLAddr].lladdr == CONVOY_MAC and answer.dst == talk.wire.mac


def test_rfc4861_7_2_4_who_checks_an_address_is_answered_to_all(talk):
    # RFC 4862 §5.4.3: the address is ours.
    solicit(talk, src="::", option=False)
    answer = talk.wire.expect(IPv6(src=THERE, dst="ff02::1") / ICMPv6ND_NA(tgt=THERE))
    assert answer[ICMPv6ND_NA].S == 0 and answer.dst == ALL_NODES_MAC


def test_rfc4861_7_2_3_asker_is_stale_then_probed_when_used(talk):
    solicit(talk)
    wait.until(lambda: neighbors(talk).get(HERE) == ("stale", talk.wire.mac), "learnt")
    talk.to(IPv6() / ICMPv6EchoRequest(id=1))
    talk.back(ICMPv6EchoReply(id=1))
    probe = talk.wire.expect(IPv6(dst=HERE) / ICMPv6ND_NS(tgt=HERE), timeout=7)
    assert probe.dst == talk.wire.mac  # unicast, §7.3.3
    advertise(talk)
    wait.until(lambda: neighbors(talk)[HERE][0] == "reachable", "confirmed")


@pytest.mark.parametrize("what, fields, reason", [
    ("hop limit 254", {"hlim": 254}, "hop-limit"),
    ("multicast target", {"target": "ff02::1"}, "format"),
    ("not our address", {"target": "2001:db8::2", "dst": GROUP}, "not-ours"),
    ("checking, with an option", {"src": "::", "option": True}, "option"),
    ("checking, to a unicast address", {"src": "::", "dst": THERE, "to": CONVOY_MAC,
                                        "option": False}, "destination"),
    ("off the link", {"src": "2001:db8:7::9"}, "off-link"),
    ("our own MAC address", {"mac": CONVOY_MAC}, "own"),
])
def test_rfc4861_7_1_1_bad_solicitations(talk, what, fields, reason):
    solicit(talk, **fields)
    talk.count(f"nd-input.{reason}", 1)
    talk.wire.silence(IPv6(dst=HERE) / ICMPv6ND_NA(), seconds=0.1)  # announcements go to all
    assert HERE not in neighbors(talk)


@pytest.mark.parametrize("what, tail", [
    ("no target", b""), ("half an option", bytes(16) + b"\x01"),
    ("option of length 0", bytes(16) + b"\x01\x00" + bytes(6)),
    ("option past the end", bytes(16) + b"\x01\x02" + bytes(6)),
])
def test_rfc4861_4_6_malformed_options(talk, what, tail):
    body = ICMPv6ND_NS(tgt="::")
    packet = IPv6(src=HERE, dst=GROUP, hlim=255, nh=58) / Raw(bytes(body)[:8] + tail)
    from scapy.all import in6_chksum
    raw = bytearray(bytes(packet))
    raw[42:44] = b"\0\0"
    raw[42:44] = in6_chksum(58, packet, bytes(raw[40:])).to_bytes(2, "big")
    talk.wire.send(Ether(src=talk.wire.mac, dst=GROUP_MAC, type=0x86dd) / Raw(bytes(raw)))
    talk.count("nd-input.format", 1)


def test_rfc6980_fragments_are_not_believed(talk):
    message = IPv6(bytes(IPv6(src=HERE, dst=GROUP, hlim=255) / ICMPv6ND_NS(tgt=THERE) /
                         ICMPv6NDOptSrcLLAddr(lladdr=talk.wire.mac)))
    talk.wire.send(Ether(src=talk.wire.mac, dst=GROUP_MAC) / IPv6(src=HERE, dst=GROUP, hlim=255) /
                   IPv6ExtHdrFragment(nh=58, id=1) / Raw(bytes(message.payload)))
    talk.count("nd-input.fragmented", 1)


# --- RFC 4861 §7.2.2, §7.2.5: asking and hearing ---

def test_rfc4861_7_2_2_packets_wait_for_the_answer(talk):
    talk.to(*[IPv6() / ICMPv6EchoRequest(id=1, seq=i) for i in range(40)])
    asked = talk.wire.expect(IPv6(src=THERE, dst="ff02::1:ff00:9", hlim=255) /
                             ICMPv6ND_NS(tgt=HERE))
    assert asked.dst == "33:33:ff:00:00:09"
    assert asked[ICMPv6NDOptSrcLLAddr].lladdr == CONVOY_MAC
    advertise(talk)
    for i in range(40):
        talk.back(ICMPv6EchoReply(seq=i))
    assert neighbors(talk)[HERE] == ("reachable", talk.wire.mac)


def test_rfc4861_7_2_2_the_oldest_gives_way(talk):
    talk.to(*[IPv6() / ICMPv6EchoRequest(id=1, seq=i) for i in range(70)])
    talk.count("ip6-hold.queue-full", 6)
    advertise(talk)
    for i in range(6, 70):
        talk.back(ICMPv6EchoReply(seq=i))


def test_rfc4861_7_2_2_three_tries_then_address_unreachable(link):
    talk = link(duplicate_checks=0)
    talk.wire.answer_nd(HERE)
    talk.to(IPv6(dst="2001:db8::dead") / UDP(sport=1, dport=2))
    for _ in range(3):
        talk.wire.expect(ICMPv6ND_NS(tgt="2001:db8::dead"), timeout=2)
    talk.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6DestUnreach(code=3), timeout=3)
    talk.count("ip6-hold.unresolved", 1)


def test_rfc4861_7_2_5_unsolicited_advertisements_create_nothing(talk):
    advertise(talk, target="2001:db8::66", S=0, dst="ff02::1", to=ALL_NODES_MAC)
    talk.count("nd-input.taken", 1)
    assert "2001:db8::66" not in neighbors(talk)


def test_rfc4861_7_2_5_override(talk):
    moved = "02:00:00:00:00:99"
    talk.to(IPv6() / ICMPv6EchoRequest(id=1))
    talk.wire.expect(ICMPv6ND_NS(tgt=HERE))
    advertise(talk)
    talk.back(ICMPv6EchoReply(id=1))
    # Without the override flag another address is doubted, not taken.
    advertise(talk, mac=moved, O=0)
    wait.until(lambda: neighbors(talk)[HERE] == ("stale", talk.wire.mac), "doubted")
    advertise(talk, mac=moved, S=0, O=1)
    wait.until(lambda: neighbors(talk)[HERE] == ("stale", moved), "moved")
    advertise(talk, mac=moved, S=1, O=1)
    wait.until(lambda: neighbors(talk)[HERE] == ("reachable", moved), "confirmed")


def test_rfc4861_7_1_2_solicited_to_a_group_is_refused(talk):
    advertise(talk, S=1, dst="ff02::1", to=ALL_NODES_MAC)
    talk.count("nd-input.destination", 1)


def test_somebody_claims_our_address(talk):
    advertise(talk, target=THERE, src=HERE, S=0, dst="ff02::1", to=ALL_NODES_MAC)
    talk.count("nd-input.conflict", 1)
    assert states(talk.lan.stack)[THERE] == "preferred"


def test_rfc4861_8_2_routers_ignore_redirects(talk):
    solicit(talk)
    talk.wire.expect(ICMPv6ND_NA(tgt=THERE))
    talk.to(IPv6(src="fe80::9", dst=THERE, hlim=255) /
            ICMPv6ND_Redirect(tgt="fe80::66", dst="2001:db8::77"))
    talk.count("nd-input.redirect", 1)
    assert not any("::77" in r["prefix"] for r in talk.lan.stack.call("show routes"))


def test_static_neighbours(talk):
    stack = talk.lan.stack
    stack.call("neighbor add", interface="lan", address="2001:db8::50", mac="02:00:00:00:00:50")
    advertise(talk, target="2001:db8::50")
    talk.count("nd-input.taken", 1)
    assert neighbors(talk)["2001:db8::50"] == ("static", "02:00:00:00:00:50")
    stack.call("neighbor delete", interface="lan", address="2001:db8::50")
    assert "2001:db8::50" not in neighbors(talk)


def test_rfc6583_a_scan_of_the_link_does_not_stop_others(lan6):  # noqa: F811
    lan6.to(IPv6() / ICMPv6EchoRequest(id=1))
    lan6.back(ICMPv6EchoReply(id=1))
    lan6.to(*[IPv6(dst=f"2001:db8::bad:{n:x}") / UDP() for n in range(1, 600)])
    lan6.to(IPv6() / ICMPv6EchoRequest(id=3))
    lan6.back(ICMPv6EchoReply(id=3))
    wait.until(lambda: lan6.counted("ip6-hold.table-full") > 0, "bounded")


# --- proxies ---

def test_rfc4861_7_2_8_proxy(link):
    talk = link(duplicate_checks=0)
    talk.lan.stack.call("proxy add", interface="lan", address="2001:db8::aa")
    solicit(talk, target="2001:db8::aa", dst="ff02::1:ff00:aa", to="33:33:ff:00:00:aa")
    answer = talk.wire.expect(IPv6(src=LINK_LOCAL, dst=HERE) / ICMPv6ND_NA(tgt="2001:db8::aa"))
    assert answer[ICMPv6ND_NA].O == 0 and answer[ICMPv6NDOptDstLLAddr].lladdr == CONVOY_MAC
    talk.count("nd-input.proxied", 1)
    talk.lan.stack.call("proxy delete", interface="lan", address="2001:db8::aa")
    solicit(talk, target="2001:db8::aa", dst="ff02::1:ff00:aa", to="33:33:ff:00:00:aa")
    talk.count("ip6-lookup.not-joined", 1)


# --- RFC 4862 §5.4: duplicate address detection ---

def test_rfc4862_5_4_addresses_are_checked_before_use(link):
    talk = link()
    assert set(states(talk.lan.stack).values()) == {"tentative"}
    seen = {talk.wire.expect(IPv6(src="::", hlim=255) / ICMPv6ND_NS())[ICMPv6ND_NS].tgt
            for _ in range(2)}
    assert seen == {THERE, LINK_LOCAL}
    solicit(talk)  # §5.4.3: it does not answer for what it does not have yet
    usable(talk.lan.stack, THERE, LINK_LOCAL)
    told = talk.wire.expect(IPv6(src=THERE, dst="ff02::1") / ICMPv6ND_NA(tgt=THERE))
    assert told[ICMPv6ND_NA].S == 0
    solicit(talk)
    talk.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6ND_NA(tgt=THERE, S=1))


@ONE_WORKER
@pytest.mark.parametrize("how", ["advertisement", "solicitation"])
def test_rfc4862_5_4_duplicates_are_not_used(link, how):
    talk = link()
    talk.wire.expect(ICMPv6ND_NS(tgt=THERE), timeout=3)
    if how == "advertisement":
        advertise(talk, target=THERE, S=0, dst="ff02::1", to=ALL_NODES_MAC)
    else:
        solicit(talk, src="::", option=False)
    wait.until(lambda: states(talk.lan.stack)[THERE] == "duplicated", "found out", timeout=3)
    usable(talk.lan.stack, LINK_LOCAL)
    solicit(talk)
    talk.wire.silence(ICMPv6ND_NA(tgt=THERE))


@ONE_WORKER
def test_rfc7527_our_own_question_coming_back_is_no_conflict(link):
    talk = link()
    own = talk.wire.expect(ICMPv6ND_NS(tgt=THERE), timeout=3)
    talk.wire.send(Ether(bytes(own)))
    usable(talk.lan.stack, THERE)


@ONE_WORKER
def test_rfc7217_6_a_stable_identifier_that_is_taken_is_replaced(link):
    talk = link(interface_id="stable")
    first = next(a for a in states(talk.lan.stack) if a.startswith("fe80"))
    assert first != LINK_LOCAL
    talk.wire.expect(ICMPv6ND_NS(tgt=first), timeout=3)
    advertise(talk, target=first, S=0, dst="ff02::1", to=ALL_NODES_MAC)
    wait.until(lambda: first not in states(talk.lan.stack), "another one")
    second = next(a for a in states(talk.lan.stack) if a.startswith("fe80"))
    usable(talk.lan.stack, second)


# --- RFC 4861 §6.2: a router advertises ---

def test_rfc4861_6_2_advertisements(link):
    talk = link(duplicate_checks=0, advertise={
        "lifetime": "600s", "interval": "30s", "hop_limit": 32, "managed": True, "mtu": 1400,
        "reachable_time": "20s", "retransmit_time": "0.5s", "dns": ["2001:db8::53"],
        "prefixes": [{"prefix": "2001:db8:5::/64", "valid": "7200s", "preferred": "3600s"},
                     {"prefix": "2001:db8:6::/48", "autonomous": False, "valid": "infinite"}]})
    talk.wire.send(Ether(src=talk.wire.mac, dst="33:33:00:00:00:02") /
                   IPv6(src="fe80::9", dst="ff02::2", hlim=255) / ICMPv6ND_RS() /
                   ICMPv6NDOptSrcLLAddr(lladdr=talk.wire.mac))
    answer = talk.wire.expect(IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255) / ICMPv6ND_RA(),
                              timeout=5)
    said = answer[ICMPv6ND_RA]
    assert (said.chlim, said.M, said.O, said.routerlifetime) == (32, 1, 0, 600)
    assert (said.reachabletime, said.retranstimer) == (20000, 500)
    assert answer[ICMPv6NDOptSrcLLAddr].lladdr == CONVOY_MAC
    assert answer[ICMPv6NDOptMTU].mtu == 1400
    assert answer[ICMPv6NDOptRDNSS].dns == ["2001:db8::53"]
    first = answer.getlayer(ICMPv6NDOptPrefixInfo, 1)
    second = answer.getlayer(ICMPv6NDOptPrefixInfo, 2)
    assert (first.prefix, first.prefixlen, first.L, first.A) == ("2001:db8:5::", 64, 1, 1)
    assert (first.validlifetime, first.preferredlifetime) == (7200, 3600)
    assert (second.prefix, second.A, second.validlifetime) == ("2001:db8:6::", 0, 0xffffffff)
    solicit(talk)
    assert talk.wire.expect(ICMPv6ND_NA(tgt=THERE))[ICMPv6ND_NA].R == 1


def test_rfc4861_6_2_1_what_is_advertised_by_itself(link):
    talk = link(duplicate_checks=0, advertise={})
    said = talk.wire.expect(ICMPv6ND_RA(), timeout=5)
    # Without prefixes of its own it says those of the interface's addresses.
    assert said[ICMPv6NDOptPrefixInfo].prefix == "2001:db8::"
    assert said[ICMPv6ND_RA].routerlifetime == 1800


@pytest.mark.parametrize("what, message, reason", [
    ("hop limit", IPv6(src="fe80::9", dst="ff02::2", hlim=64) / ICMPv6ND_RS(), "hop-limit"),
    ("option without a source", IPv6(src="::", dst="ff02::2", hlim=255) / ICMPv6ND_RS() /
     ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:09"), "option"),
])
def test_rfc4861_6_1_1_bad_solicitations(link, what, message, reason):
    talk = link(duplicate_checks=0, advertise={})
    talk.wire.send(Ether(src=talk.wire.mac, dst="33:33:00:00:00:02") / message)
    talk.count(f"nd-input.{reason}", 1)


# --- RFC 4861 §6.3, RFC 4862 §5.5: a host listens ---

def announce(talk, src="fe80::9", lifetime=1800, hlim=255, prefixes=(), mac=None):
    message = IPv6(src=src, dst="ff02::1", hlim=hlim) / ICMPv6ND_RA(routerlifetime=lifetime) / \
        ICMPv6NDOptSrcLLAddr(lladdr=mac or talk.wire.mac)
    for prefix, valid, preferred in prefixes:
        message = message / ICMPv6NDOptPrefixInfo(
            prefix=prefix, prefixlen=64, L=1, A=1, validlifetime=valid,
            preferredlifetime=preferred)
    talk.wire.send(Ether(src=talk.wire.mac, dst=ALL_NODES_MAC) / message)


def default_route(talk):
    routes = {r["prefix"]: r for r in talk.lan.stack.call("show routes") if ":" in r["prefix"]}
    return [p["via"] for p in routes["::/0"]["paths"]] if "::/0" in routes else []


@pytest.fixture
def host(link):
    return link(duplicate_checks=0, autoconf=True)


MADE = "2001:db8:5::ff:fe00:1"


def test_rfc4861_6_3_7_routers_are_solicited(host):
    asked = host.wire.expect(IPv6(src=LINK_LOCAL, dst="ff02::2", hlim=255) / ICMPv6ND_RS(),
                             timeout=6)  # the first may have gone before we listened
    assert asked[ICMPv6NDOptSrcLLAddr].lladdr == CONVOY_MAC


def test_rfc4862_5_5_address_and_default_route(host):
    announce(host, prefixes=[("2001:db8:5::", 7200, 3600)])
    usable(host.lan.stack, MADE)
    assert default_route(host) == ["fe80::9"]
    host.wire.answer_nd("fe80::9")
    host.to(IPv6(src="2001:4860::8888", dst=MADE) / ICMPv6EchoRequest(id=3))
    answer = host.wire.expect(IPv6(src=MADE, dst="2001:4860::8888") / ICMPv6EchoReply(id=3))
    assert answer.dst == host.wire.mac
    announce(host, lifetime=0)
    wait.until(lambda: default_route(host) == [], "no default router any more")


def test_rfc4862_5_5_3_e_two_hours(host):
    announce(host, prefixes=[("2001:db8:5::", 86400, 3600)])
    usable(host.lan.stack, MADE)
    announce(host, prefixes=[("2001:db8:5::", 10, 5)])

    def left():
        return next(a["valid_seconds"] for a in host.lan.stack.call("show addresses")
                    if a["address"].startswith(MADE))
    wait.until(lambda: left() <= 7200, "shortened")
    assert left() > 7000


NEAR = "2001:db8:7::5"


def announce_on_link(talk, valid, prefix="2001:db8:7::", length=64, L=1, A=0):
    talk.wire.send(Ether(src=talk.wire.mac, dst=ALL_NODES_MAC) / IPv6(
        src="fe80::9", dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=0) /
        ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=length, L=L, A=A, validlifetime=valid,
                              preferredlifetime=valid))


def on_link(talk):
    return [r["prefix"] for r in talk.lan.stack.call("show routes")
            if ":" in r["prefix"] and r["source"] == "advertised"]


def test_rfc4861_6_3_4_a_prefix_without_addresses_is_on_link(host):
    announce_on_link(host, 1800)
    wait.until(lambda: on_link(host) == ["2001:db8:7::/64"], "on link")
    assert not [a for a in states(host.lan.stack) if a.startswith("2001:db8:7:")]
    host.wire.answer_nd(NEAR)
    host.to(IPv6(src=NEAR) / ICMPv6EchoRequest(id=3))
    answer = host.wire.expect(IPv6(src=THERE, dst=NEAR) / ICMPv6EchoReply(id=3))
    assert answer.dst == host.wire.mac
    announce_on_link(host, 0)
    wait.until(lambda: on_link(host) == [], "not on link any more")


@ONE_WORKER
def test_rfc4861_6_3_4_on_link_prefixes_expire(host):
    announce_on_link(host, 600, prefix="2001:db8:8::1", length=60)  # bits behind are ignored
    announce_on_link(host, 1)
    wait.until(lambda: on_link(host) == ["2001:db8:7::/64", "2001:db8:8::/60"], "on link")
    wait.until(lambda: on_link(host) == ["2001:db8:8::/60"], "one has expired", timeout=4)
    host.lan.stack.call("interface set", name="lan", down=True)
    wait.until(lambda: on_link(host) == [], "what was learnt goes with the link")


@pytest.mark.parametrize("fields", [
    {"L": 0}, {"prefix": "fe80::"}, {"prefix": "ff0e::"}, {"prefix": "::", "length": 0},
    {"prefix": "::ffff:10.0.0.0", "length": 104}],
    ids=["without the flag", "link-local", "multicast", "everything", "IPv4"])
def test_rfc5942_4_what_is_not_on_link(host, fields):
    announce_on_link(host, 1800, **fields)
    announce_on_link(host, 1800, prefix="2001:db8:9::")
    wait.until(lambda: on_link(host) == ["2001:db8:9::/64"], "the other one only")


def test_on_link_prefixes_are_bounded(host):
    for n in range(20):
        announce_on_link(host, 1800, prefix=f"2001:db8:{n + 16:x}::")
    wait.until(lambda: host.counted("nd-input.taken") + host.counted("nd-input.busy") >= 20, "seen")
    assert len(on_link(host)) == 8


@ONE_WORKER
def test_rfc4862_5_5_4_addresses_are_deprecated_then_gone(host):
    announce(host, prefixes=[("2001:db8:5::", 3, 1)])
    usable(host.lan.stack, MADE)
    wait.until(lambda: states(host.lan.stack).get(MADE) == "deprecated", "deprecated", timeout=4)
    wait.until(lambda: MADE not in states(host.lan.stack), "gone", timeout=5)


@pytest.mark.parametrize("what, fields, reason", [
    ("hop limit", {"hlim": 64}, "hop-limit"),
    ("not from a link-local address", {"src": HERE}, "source"),
])
def test_rfc4861_6_1_2_bad_advertisements(host, what, fields, reason):
    announce(host, prefixes=[("2001:db8:5::", 7200, 3600)], **fields)
    host.count(f"nd-input.{reason}", 1)
    assert default_route(host) == [] and MADE not in states(host.lan.stack)


def test_routers_do_not_listen_to_advertisements(talk):
    announce(talk)
    talk.count("nd-input.no-host", 1)


def test_a_flood_of_advertisements_is_bounded(host):
    for n in range(60):
        announce(host, src=f"fe80::bad:{n:x}", prefixes=[(f"2001:db8:{n + 16:x}::", 7200, 3600)])
    wait.until(lambda: host.counted("nd-input.taken") + host.counted("nd-input.busy") >= 60, "seen")
    made = [a for a in states(host.lan.stack) if a.endswith(":ff:fe00:1") and a[:4] != "fe80"]
    assert len(made) == 8 and len(default_route(host)) == 4
    host.wire.answer_nd(HERE)
    host.to(IPv6() / ICMPv6EchoRequest(id=3))
    host.back(ICMPv6EchoReply(id=3))
