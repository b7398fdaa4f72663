"""IPv4 and ICMP by the clauses of RFC 791, 792, 950, 1122, 1191, 1624, 1812, 6864 and their heirs.

What ip4_test.py, icmp_test.py, arp_test.py and redirect_test.py have under other names is not
repeated here.
"""
import pytest
from harness.talk import Talk
from harness.wire import checksums_ok
from ip4_test import collect, echo, reassembled, router  # noqa: F401
from scapy.all import (ICMP, IP, UDP, Ether, IPerror, IPOption, IPOption_EOL, IPOption_LSRR,
                       IPOption_NOP, IPOption_SSRR, IPOption_Timestamp, Raw, fragment)

ANYBODY = "ff:ff:ff:ff:ff:ff"


@pytest.fixture
def talk(lan):
    return Talk(lan)


# --- RFC 1122 §3.2.1, RFC 1812 §5.3.7: addresses ---

@pytest.mark.parametrize("dst", ["0.0.0.0", "0.1.2.3", "127.9.9.9", "240.0.0.1", "10.0.0.0"])
def test_rfc1812_5_3_7_nothing_goes_to_martians(talk, dst):
    talk.to(IP(dst=dst) / UDP(sport=1, dport=2))
    talk.to(IP(dst=dst) / ICMP())
    talk.to(IP() / ICMP(id=77))
    talk.back(ICMP(type="echo-reply", id=77))  # the first thing that is heard
    talk.silence(seconds=0.1)


@pytest.mark.parametrize("src", ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "239.1.1.1",
                                 "240.0.0.1", "255.255.255.255"])
def test_rfc1122_3_2_1_3_no_host_has_such_a_source(talk, src):
    talk.to(IP(src=src) / ICMP())
    talk.count("ip4-input.source", 1)


def test_rfc950_2_2_all_ones_of_the_subnet_is_a_broadcast(talk):
    talk.to(Ether(src=talk.wire.mac, dst=ANYBODY) / IP(dst="10.0.0.255") / UDP(sport=1, dport=9))
    talk.silence()  # taken, and not answered with an error: RFC 1122 §3.2.2
    talk.count("icmp4-error.about-group", 1)


def test_rfc1812_5_3_4_link_broadcasts_are_not_forwarded(router):  # noqa: F811
    lan, wan = router
    lan.to(Ether(src=lan.wire.mac, dst=ANYBODY) / IP(dst="10.1.0.7") / UDP(sport=1, dport=2))
    lan.count("ip4-lookup.link-group", 1)
    wan.silence(IP(dst="10.1.0.7"))


def test_rfc1812_5_3_5_1_limited_broadcast_is_not_forwarded(router):  # noqa: F811
    lan, wan = router
    lan.to(Ether(src=lan.wire.mac, dst=ANYBODY) / IP(dst="255.255.255.255") / UDP(sport=1, dport=2))
    wan.silence(IP(dst="255.255.255.255"))


# --- time to live ---

def test_rfc1122_3_2_1_7_a_ttl_of_1_is_enough_for_us(talk):
    talk.to(IP(ttl=1) / ICMP(id=3))
    assert talk.back(ICMP(type="echo-reply", id=3))[IP].ttl == 64


@pytest.mark.parametrize("ttl", [2, 255])
def test_rfc1812_5_3_1_one_less_on_the_way(router, ttl):  # noqa: F811
    lan, wan = router
    lan.to(IP(dst="10.1.0.7", ttl=ttl) / UDP(sport=1, dport=2))
    assert wan.back(IP(dst="10.1.0.7"))[IP].ttl == ttl - 1


def test_rfc1624_3_checksums_stay_right(router):  # noqa: F811
    # Also where the sum carries: identifications all around it.
    lan, wan = router
    base = IP(bytes(IP(src=lan.here, dst="10.1.0.7", id=0, flags="DF") / UDP(sport=1, dport=2)))
    carry = [(base.chksum + n) & 0xffff for n in range(-3, 4)]
    for i in [*carry, *[c - 0x100 & 0xffff for c in carry], *[c + 0x100 & 0xffff for c in carry]]:
        lan.to(IP(dst="10.1.0.7", id=i, flags="DF") / UDP(sport=1, dport=2))
        assert checksums_ok(wan.back(IP(dst="10.1.0.7", id=i)))


# --- RFC 791 §3.1: options ---

@pytest.mark.parametrize("option", [IPOption_LSRR(routers=["10.1.0.7"]),
                                    IPOption_SSRR(routers=["10.1.0.7"])], ids=["loose", "strict"])
def test_rfc7126_4_3_source_routes_are_refused(router, option):  # noqa: F811
    lan, wan = router
    lan.to(IP(options=[option]) / UDP(sport=1, dport=2))
    lan.count("ip4-options.source-route", 1)
    wan.silence(IP())
    lan.silence(ICMP(), seconds=0.05)


@pytest.mark.parametrize("options", [
    [IPOption_NOP(), IPOption_NOP(), IPOption_EOL()],
    [IPOption_Timestamp(flg=0)],
    [IPOption(b"\x5e\x04\x12\x34")],  # nobody knows it
], ids=["padding", "timestamp", "unknown"])
def test_rfc791_3_1_other_options_are_carried(router, options):  # noqa: F811
    lan, wan = router
    packet = IP(src=lan.here, dst="10.1.0.7", options=options) / UDP(sport=1, dport=2)
    lan.to(IP(bytes(packet)))
    seen = wan.back(IP(dst="10.1.0.7"))
    assert bytes(seen[IP])[20:seen[IP].ihl * 4] == bytes(packet)[20:IP(bytes(packet)).ihl * 4]
    assert checksums_ok(seen)


@pytest.mark.parametrize("what, option, at", [
    ("a length of 0", b"\x94\x00\0\0", 20), ("a length of 1", b"\x01\x94\x01\0", 21),
    ("past the header", b"\x94\x05\0\0", 20), ("a route of 2 bytes", b"\x07\x02\0\0", 20),
])
def test_rfc1812_4_3_3_5_malformed_options(talk, what, option, at):
    talk.to(IP(options=[IPOption(option)]) / ICMP())
    answer = talk.back(ICMP(type=12, code=0))
    assert at <= answer[ICMP].ptr <= at + 1


# --- RFC 791 §3.2, RFC 6864: fragments ---

def test_rfc6864_4_1_identification_and_df_are_not_changed_on_the_way(router):  # noqa: F811
    lan, wan = router
    for i in (0, 1, 0xffff):
        lan.to(IP(dst="10.1.0.7", id=i, flags="DF") / UDP(sport=1, dport=2))
        seen = wan.back(IP(dst="10.1.0.7", id=i))
        assert seen[IP].flags.DF


def test_rfc6864_4_3_what_we_send_to_be_cut_has_its_own_identification(talk):
    talk.to(*[IP() / ICMP(id=5, seq=i) for i in range(50)])
    seen = [talk.back(ICMP(type="echo-reply", id=5))[IP].id for _ in range(50)]
    assert len(set(seen)) == 50


def test_rfc791_3_2_fragments_are_cut_again(router):  # noqa: F811
    lan, wan = router
    whole = IP(src=lan.here, dst="10.1.0.7", id=9) / UDP(sport=1, dport=2) / Raw(bytes(range(250)) * 8)
    lan.to(*fragment(IP(bytes(whole)), fragsize=1200))
    pieces = collect(wan, 5)
    assert reassembled(pieces) == bytes(IP(bytes(whole))[UDP])
    assert all(p[IP].len <= 600 for p in pieces)


def test_rfc791_3_2_a_later_fragment_with_df_is_answered_by_nobody(router):  # noqa: F811
    # RFC 1812 §4.3.2.7: no error about fragments other than the first.
    lan, wan = router
    lan.to(IP(dst="10.1.0.7", flags="DF", frag=10, proto=17) / Raw(bytes(900)))
    wan.wire.receive(0.2)  # asks for the neighbour, and is answered
    lan.count("ip4-rewrite.too-big", 1)
    lan.count("icmp4-error.about-fragment", 1)
    lan.silence(ICMP(), seconds=0.1)


@pytest.mark.parametrize("mtu_payload, fits", [(572, True), (573, False)])
def test_rfc1191_3_an_mtu_is_what_just_fits(router, mtu_payload, fits):  # noqa: F811
    lan, wan = router
    lan.to(IP(dst="10.1.0.7", flags="DF") / UDP(sport=1, dport=2) / Raw(bytes(mtu_payload)))
    if fits:
        assert wan.back(IP(dst="10.1.0.7"))[IP].len == 600
    else:
        wan.wire.receive(0.2)
        answer = lan.back(IP(src="10.0.0.1") / ICMP(type=3, code=4))
        assert (answer[ICMP].nexthopmtu, answer[IPerror].len) == (600, 601)


@pytest.mark.parametrize("what, at, size", [("inside of another", 8, 64), ("over its end", 64, 128),
                                            ("around it", 0, 600)])
def test_rfc5722_3_overlaps_are_for_nobody(talk, what, at, size):
    first, *others = fragment(echo(1200, id=1), fragsize=592)
    liar = IP(src=talk.here, dst=talk.there, id=1, flags="MF", frag=at // 8, proto=1) / Raw(bytes(size))
    talk.to(first, liar, *others)
    talk.silence(IP(dst="10.0.0.9") / ICMP(), seconds=0.1)
    assert talk.counted("ip4-reassembly.overlap") >= 1


def test_rfc815_3_last_fragment_alone_waits(talk):
    first, last = fragment(echo(1000, id=2), fragsize=800)
    talk.to(last)
    talk.silence(IP(dst="10.0.0.9"), seconds=0.1)
    talk.to(first)
    talk.back(ICMP(type="echo-reply"))


@pytest.mark.parametrize("field, value", [("src", "10.0.0.8"), ("id", 4), ("proto", 17)])
def test_rfc791_3_2_fragments_of_others_do_not_meet(talk, field, value):
    talk.wire.answer_arp("10.0.0.8")
    first, last = fragment(echo(1000, id=3), fragsize=800)
    setattr(last, field, value)
    del last.chksum
    talk.to(first, last)
    talk.silence(IP(dst="10.0.0.9") / ICMP(type="echo-reply"), seconds=0.1)


# --- ICMP ---

def test_rfc1122_3_2_2_6_echoes_return_what_they_got(talk):
    data = bytes(range(256)) * 3
    talk.to(IP(tos=0xb8) / ICMP(id=0xffff, seq=0xfffe) / Raw(data))
    answer = talk.back(ICMP(type="echo-reply", code=0, id=0xffff, seq=0xfffe) / Raw(data))
    assert answer[IP].src == "10.0.0.1" and answer[IP].tos == 0xb8 and checksums_ok(answer)


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
def test_rfc1812_4_3_2_7_no_error_about_an_error(talk, kind):
    talk.to(IP(dst="192.0.2.1") / ICMP(type=kind) / Raw(bytes(28)))
    talk.count("icmp4-error.about-error", 1)
    talk.silence(ICMP(), seconds=0.1)


@pytest.mark.parametrize("kind", [0, 8, 13, 14, 15, 17])
def test_rfc1122_3_2_2_errors_are_due_about_questions(talk, kind):
    talk.to(IP(dst="192.0.2.1") / ICMP(type=kind) / Raw(bytes(28)))
    talk.back(IP(src="10.0.0.1") / ICMP(type=3, code=0))


@pytest.mark.parametrize("src", ["10.0.0.255", "10.0.0.0"])
def test_rfc1122_3_2_2_no_error_to_who_is_no_single_host(talk, src):
    talk.to(IP(src=src, dst="192.0.2.1") / UDP(sport=1, dport=2))
    talk.silence(ICMP(), seconds=0.1)
    assert talk.counted("icmp4-error.source") == 1


def test_rfc1812_4_3_2_3_errors_quote_the_packet_as_it_came(router):  # noqa: F811
    lan, _ = router
    packet = IP(bytes(IP(src=lan.here, dst="192.0.2.1", ttl=9, id=44, tos=8) /
                      UDP(sport=5, dport=6) / b"0123456789"))
    lan.to(packet)
    answer = lan.back(IP(src="10.0.0.1") / ICMP(type=3, code=0))
    assert bytes(answer[ICMP])[8:] == bytes(packet)


def test_rfc1812_4_3_2_5_errors_have_precedence_6(talk):
    talk.to(IP(dst="192.0.2.1", tos=0) / UDP(sport=1, dport=2))
    assert talk.back(IP(src="10.0.0.1") / ICMP(type=3))[IP].tos >> 5 == 6


def test_rfc6633_source_quench_is_ignored(talk):
    talk.to(IP() / ICMP(type=4) / IP(src="10.0.0.1", dst="10.0.0.9") / UDP(sport=1, dport=2))
    talk.to(IP() / ICMP(id=8))
    talk.back(ICMP(type="echo-reply", id=8))


@pytest.mark.parametrize("kind", [1, 2, 6, 7, 9, 10, 13, 15, 16, 17, 30, 255])
def test_rfc1122_3_2_2_unknown_types_are_dropped_in_silence(talk, kind):
    talk.to(IP() / ICMP(type=kind) / Raw(bytes(8)))
    talk.count("icmp4-input.unknown-type", 1)
    talk.silence(seconds=0.05)
