"""IPv6 headers, extension headers, forwarding and fragments of a running stack, packet by packet."""
import pytest
from harness.talk6 import (HERE, OUTSIDE, THERE, Talk6, collect, fragments, interface6,  # noqa: F401
                           lan6, quiet, reassembled, router6)
from harness.wire import CONVOY_MAC
from scapy.all import (UDP, Ether, HBHOptUnknown, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPerror6, IPv6,
                       ICMPv6DestUnreach, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, Raw, RouterAlert)

ECHO = ICMPv6EchoRequest(id=7, seq=1, data=b"hello")


@pytest.mark.parametrize("what, packet, reason", [
    ("version 4", IPv6(version=4) / ECHO, "ip6-input.version"),
    ("payload past the frame", IPv6(plen=200) / ECHO, "ip6-input.length"),
    ("cut off", Raw(bytes(IPv6(src=HERE, dst=THERE))[:39]), "ip6-input.short"),
    ("jumbogram", IPv6(plen=0, nh=0) / Raw(bytes(16)), "ip6-input.jumbo"),
    ("from loopback", IPv6(src="::1") / ECHO, "ip6-input.source"),
    ("from multicast", IPv6(src="ff02::1") / ECHO, "ip6-input.source"),
    ("from IPv4-mapped", IPv6(src="::ffff:10.0.0.9") / ECHO, "ip6-input.source"),
    ("to loopback", IPv6(dst="::1") / ECHO, "ip6-input.destination"),
    ("to unspecified", IPv6(dst="::") / ECHO, "ip6-input.destination"),
    ("to interface-local multicast", IPv6(dst="ff01::1") / ECHO, "ip6-input.destination"),
    ("to a group of nobody", IPv6(dst="ff02::99") / ECHO, "ip6-lookup.not-joined"),
    ("from our address", IPv6(src=THERE) / ECHO, "ip6-local.source"),
    ("to another's link-local", IPv6(dst="fe80::77") / ECHO, "ip6-lookup.link-local"),
    ("bad checksum", IPv6() / ICMPv6EchoRequest(cksum=0x1234), "ip6-local.l4-checksum"),
    ("UDP without checksum", IPv6() / UDP(dport=9, chksum=0) / b"x", "ip6-local.l4-checksum"),
    ("no next header", IPv6(nh=59), "ip6-local.nothing"),
])
def test_rfc8200_bad_packets_are_counted_and_not_answered(lan6, what, packet, reason):
    if not packet.haslayer(IPv6):
        packet = Ether(src=lan6.wire.mac, dst=CONVOY_MAC, type=0x86dd) / packet
    lan6.to(packet)
    lan6.count(reason, 1)
    lan6.silence(IPv6(dst=HERE), seconds=0.05)


def test_rfc8200_3_hop_limit_0_is_taken_by_the_destination(lan6):
    lan6.to(IPv6(hlim=0) / ECHO)
    lan6.back(ICMPv6EchoReply(id=7))


def test_padding_is_cut(lan6):
    # The checksum does not cover what is behind the payload length.
    lan6.to(IPv6(bytes(IPv6(src=HERE, dst=THERE) / ECHO) + b"padding"))
    assert lan6.back(ICMPv6EchoReply(id=7)).data == b"hello"


# --- extension headers ---

def test_rfc8200_4_options_that_may_be_skipped_are(lan6):
    lan6.to(IPv6() / IPv6ExtHdrHopByHop(options=[RouterAlert(), HBHOptUnknown(otype=0x1e)]) /
            IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1f, optdata=b"abc")]) / ECHO)
    lan6.back(ICMPv6EchoReply(id=7))


@pytest.mark.parametrize("header, node", [(IPv6ExtHdrHopByHop, "ip6-hop-by-hop"),
                                          (IPv6ExtHdrDestOpt, "ip6-local")])
@pytest.mark.parametrize("kind, code", [(0x40, None), (0x80, 2), (0xc0, 2)])
def test_rfc8200_4_2_unknown_options(lan6, header, node, kind, code):
    lan6.to(IPv6() / header(options=[HBHOptUnknown(otype=kind | 0x1e, optdata=b"abcd")]) / ECHO)
    lan6.count(f"{node}.option", 1)
    if code is None:
        lan6.silence(IPv6(dst=HERE))
    else:
        assert lan6.back(ICMPv6ParamProblem(code=code)).ptr == 42


def test_rfc8200_4_2_unknown_option_to_multicast(lan6):
    # 10: answered even for a group; 11: not then. RFC 4443 §2.4 (e.3).
    for kind, answered in (0x80, True), (0xc0, False):
        lan6.wire.send(Ether(src=lan6.wire.mac, dst="33:33:00:00:00:01") /
                       IPv6(src=HERE, dst="ff02::1") /
                       IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=kind | 0x1e)]) / ECHO)
        if answered:
            lan6.wire.expect(IPv6(dst=HERE) / ICMPv6ParamProblem(code=2))
        else:
            lan6.silence(IPv6(dst=HERE))


def test_rfc8200_4_1_hop_by_hop_has_to_be_first(lan6):
    lan6.to(IPv6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / ECHO)
    assert lan6.back(ICMPv6ParamProblem(code=1)).ptr == 40


def test_rfc5095_source_routes_are_refused(lan6):
    lan6.to(IPv6() / IPv6ExtHdrRouting(type=0, addresses=["2001:db8::77"]) / ECHO)
    assert lan6.back(ICMPv6ParamProblem(code=0)).ptr == 42
    lan6.to(IPv6() / IPv6ExtHdrRouting(type=0, segleft=0, addresses=["2001:db8::77"]) / ECHO)
    lan6.back(ICMPv6EchoReply(id=7))


def test_rfc8504_5_3_chains_and_options_are_bounded(lan6):
    many = IPv6()
    for _ in range(9):
        many = many / IPv6ExtHdrDestOpt()
    lan6.to(many / ECHO)
    lan6.count("ip6-local.too-many", 1)
    lan6.to(IPv6() / IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x1e)] * 9) / ECHO)
    lan6.count("ip6-hop-by-hop.too-many", 1)


def test_rfc4443_3_4_unknown_next_header(lan6):
    lan6.to(IPv6(nh=253) / Raw(b"what is this?"))
    assert lan6.back(ICMPv6ParamProblem(code=1)).ptr == 6
    lan6.to(IPv6() / IPv6ExtHdrDestOpt(nh=253) / Raw(b"and this?"))
    assert lan6.back(ICMPv6ParamProblem(code=1)).ptr == 40


# --- forwarding ---

def test_forwarding(router6):
    lan, wan = router6
    lan.to(IPv6(dst=OUTSIDE, hlim=9, tc=0x28, fl=0x12345) / UDP(sport=1, dport=5300) / b"query")
    seen = wan.wire.expect(IPv6(src=HERE, dst=OUTSIDE) / UDP(dport=5300) / Raw(b"query"))
    assert (seen[IPv6].hlim, seen[IPv6].tc, seen[IPv6].fl) == (8, 0x28, 0x12345)
    assert seen.src == wan.wire.peer_mac
    wan.to(IPv6(src=OUTSIDE, dst=HERE) / UDP(sport=5300, dport=1) / b"answer")
    lan.wire.expect(IPv6(src=OUTSIDE, dst=HERE) / UDP(sport=5300) / Raw(b"answer"))


def test_extension_headers_pass_through(router6):
    lan, wan = router6
    packet = IPv6(src=HERE, dst=OUTSIDE) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / \
        IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x9e)]) / UDP(sport=1, dport=2) / b"x"
    lan.to(packet)
    seen = wan.wire.expect(IPv6(src=HERE, dst=OUTSIDE))
    assert bytes(seen[IPv6])[8:] == bytes(packet)[8:]


def test_rfc8200_3_hop_limit_1_is_answered_not_forwarded(router6):
    lan, wan = router6
    lan.to(IPv6(dst=OUTSIDE, hlim=1) / UDP(sport=1, dport=2) / b"x")
    wan.wire.receive(0.2)  # the neighbour is asked for first
    answer = lan.back(ICMPv6TimeExceeded(code=0))
    assert answer[IPerror6].dst == OUTSIDE
    lan.count("ip6-rewrite.hop-limit", 1)


def test_rfc8200_5_routers_do_not_cut(router6):
    lan, wan = router6
    lan.to(IPv6(dst=OUTSIDE) / UDP(sport=1, dport=2) / bytes(1300))
    wan.wire.silence(UDP(), 0.5)  # it is asked who it is meanwhile
    assert lan.back(ICMPv6PacketTooBig(code=0)).mtu == 1280
    lan.count("ip6-rewrite.too-big", 1)


def test_rfc4291_2_5_6_link_local_stays_on_its_link(router6):
    lan, wan = router6
    lan.to(IPv6(src="fe80::9", dst=OUTSIDE) / UDP(sport=1, dport=2) / b"x")
    wan.wire.receive(0.2)
    lan.wire.expect(IPv6(dst="fe80::9") / ICMPv6DestUnreach(code=2), timeout=2)
    lan.count("ip6-rewrite.scope", 1)


def test_rfc4291_2_5_2_unspecified_is_not_forwarded(router6):
    lan, wan = router6
    lan.to(IPv6(src="::", dst=OUTSIDE) / UDP(sport=1, dport=2) / b"x")
    lan.count("ip6-lookup.no-source", 1)


def test_fragments_pass_through(router6):
    lan, wan = router6
    whole = IPv6(src=HERE, dst=OUTSIDE) / UDP(sport=1, dport=2) / bytes(range(256))
    for piece in fragments(whole, 120):
        lan.to(piece)
    assert reassembled(collect(wan, 3, OUTSIDE)) == bytes(whole.payload)


# --- fragments for us ---

def ping_in_pieces(size=200, identification=77):
    echo = IPv6(src=HERE, dst=THERE) / ICMPv6EchoRequest(id=7, data=bytes(range(200))[:size])
    return fragments(IPv6(bytes(echo)), 80, identification)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 1, 1, 2)])
def test_rfc8200_4_5_reassembly(lan6, order):
    pieces = ping_in_pieces()
    for i in order:
        lan6.to(pieces[i])
    assert lan6.back(ICMPv6EchoReply(id=7)).data == bytes(range(200))


def test_rfc8200_4_5_large_answer_is_cut_by_us(router6):
    lan, wan = router6
    echo = IPv6(src=OUTSIDE, dst="2001:db8:1::1") / ICMPv6EchoRequest(id=9, data=bytes(2000))
    for piece in fragments(IPv6(bytes(echo)), 1000):
        wan.to(piece)
    pieces = collect(wan, 2, OUTSIDE)
    assert all(len(p[IPv6]) <= 1280 for p in pieces)
    assert reassembled(pieces)[0] == 129


def test_rfc5722_overlap_drops_all_that_came_and_comes(lan6):
    pieces = ping_in_pieces()
    lan6.to(pieces[0])
    evil = pieces[1].copy()
    evil[IPv6ExtHdrFragment].offset -= 1
    lan6.to(evil)
    lan6.count("ip6-reassembly.overlap", 2)
    lan6.to(*pieces)
    lan6.count("ip6-reassembly.overlap", 5)
    lan6.silence(IPv6(dst=HERE))


def test_rfc6946_atomic_fragments_do_not_meet_others(lan6):
    pieces = ping_in_pieces(identification=5)
    lan6.to(pieces[0])
    echo = IPv6(src=HERE, dst=THERE) / ICMPv6EchoRequest(id=8, data=b"atom")
    echo = IPv6(bytes(echo))
    lan6.to(IPv6(src=HERE, dst=THERE) / IPv6ExtHdrFragment(nh=58, offset=0, m=0, id=5) /
            Raw(bytes(echo.payload)))
    lan6.back(ICMPv6EchoReply(id=8))
    lan6.to(*pieces[1:])
    lan6.back(ICMPv6EchoReply(id=7))
    lan6.count("ip6-reassembly.atomic", 1)


def test_rfc8200_4_5_odd_length_is_answered(lan6):
    lan6.to(IPv6(src=HERE, dst=THERE) / IPv6ExtHdrFragment(nh=58, m=1, id=5) /
            Raw(b"\x80" * 83))
    assert lan6.back(ICMPv6ParamProblem(code=0)).ptr == 4


def test_rfc8200_4_5_too_long_is_answered(lan6):
    lan6.to(IPv6(src=HERE, dst=THERE) / IPv6ExtHdrFragment(nh=58, offset=8191, id=5) /
            Raw(bytes(80)))
    assert lan6.back(ICMPv6ParamProblem(code=0)).ptr == 42


def test_rfc7112_first_fragment_has_all_headers(lan6):
    lan6.to(IPv6(src=HERE, dst=THERE) / IPv6ExtHdrFragment(nh=60, m=1, id=5) /
            Raw(bytes([58, 4]) + bytes(6)))
    assert lan6.back(ICMPv6ParamProblem(code=3)).ptr == 0


def test_reassembly_is_bounded(lan6, workers):
    # 256 on each worker.
    first = ping_in_pieces()[0]
    for i in range(300 * workers):
        one = first.copy()
        one[IPv6ExtHdrFragment].id = i
        lan6.to(one)
    lan6.count("ip6-reassembly.evicted", 44 * workers)
    lan6.to(*ping_in_pieces(identification=1000))
    lan6.back(ICMPv6EchoReply(id=7))


def test_fragments_meet_on_one_worker_wherever_they_came_in(router6):
    # Pieces of one packet by two interfaces, in turn, the last first.
    lan, wan = router6
    for identification in range(20):
        pieces = ping_in_pieces(identification=identification)
        for number, piece in enumerate(reversed(pieces)):
            (lan, wan)[number % 2].wire.send(piece)
        assert lan.back(ICMPv6EchoReply(id=7)).data == bytes(range(200))
    lan.count("ip6-reassembly.reassembled", 20)
