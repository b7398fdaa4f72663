"""ICMPv6 of a running stack: echo, errors, their limits. Named after clauses of RFC 4443."""
import time

import pytest
from harness import wait
from harness.talk6 import HERE, LINK_LOCAL, OUTSIDE, THERE, lan6, router6  # noqa: F401
from scapy.all import (TCP, UDP, Ether, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6PacketTooBig, ICMPv6Unknown, IPerror6, IPv6, Raw)


def checksum_ok(packet):
    again = packet.copy()
    for layer in again.iterpayloads():
        if "cksum" in layer.fields:
            del layer.cksum
    return bytes(Ether(bytes(again))) == bytes(packet)


@pytest.mark.parametrize("size", [0, 1, 7, 56, 1400])
def test_rfc4443_4_2_echo(lan6, size):
    data = (bytes(range(256)) * 6)[:size]
    lan6.to(IPv6(hlim=3) / ICMPv6EchoRequest(id=7, seq=9, data=data))
    answer = lan6.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6EchoReply(id=7, seq=9))
    assert answer[ICMPv6EchoReply].data == data
    assert answer[IPv6].hlim == 64 and checksum_ok(answer)


def test_rfc4443_4_2_echo_to_a_group_is_answered_from_our_address(lan6):
    for src, ours in (HERE, THERE), ("fe80::9", LINK_LOCAL):
        lan6.wire.send(Ether(src=lan6.wire.mac, dst="33:33:00:00:00:01") /
                       IPv6(src=src, dst="ff02::1") / ICMPv6EchoRequest(id=1, data=b"all"))
        assert checksum_ok(lan6.wire.expect(IPv6(src=ours, dst=src) / ICMPv6EchoReply(id=1)))


def test_link_local_echo(lan6):
    lan6.to(IPv6(src="fe80::9", dst=LINK_LOCAL) / ICMPv6EchoRequest(id=4))
    lan6.wire.expect(IPv6(src=LINK_LOCAL, dst="fe80::9") / ICMPv6EchoReply(id=4))


def test_rfc4443_3_1_port_unreachable_quotes_the_packet(lan6):
    lan6.to(IPv6() / UDP(sport=1000, dport=7) / b"payload")
    answer = lan6.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6DestUnreach(code=4))
    quoted = answer[IPerror6]
    assert (quoted.src, quoted.dst) == (HERE, THERE) and bytes(quoted).endswith(b"payload")
    assert checksum_ok(answer)


def test_rfc4443_2_4_c_errors_fit_into_1280_bytes(lan6):
    lan6.to(IPv6() / UDP(sport=1000, dport=7) / bytes(1400))
    answer = lan6.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6DestUnreach(code=4))
    assert len(answer[IPv6]) == 1280


def test_rfc4443_3_1_no_route(lan6):
    lan6.to(IPv6(dst="2001:db8:ffff::1") / UDP(sport=1, dport=2))
    lan6.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6DestUnreach(code=0))
    lan6.count("ip6-lookup.no-route", 1)


def test_rfc4443_3_1_prohibited(lan6):
    lan6.lan.stack.call("route add", prefix="2001:db8:5::/48", prohibit=True)
    lan6.to(IPv6(dst="2001:db8:5::1") / UDP(sport=1, dport=2))
    lan6.wire.expect(IPv6(src=THERE, dst=HERE) / ICMPv6DestUnreach(code=1))
    lan6.lan.stack.call("route add", prefix="2001:db8:6::/48", blackhole=True)
    lan6.to(IPv6(dst="2001:db8:6::1") / UDP(sport=1, dport=2))
    lan6.count("ip6-lookup.blackhole", 1)


@pytest.mark.parametrize("what, packet, reason", [
    ("an error", IPv6(nh=58) / ICMPv6Unknown(type=1, code=7, msgbody=bytes(60)), "about-error"),
    ("an unknown error", IPv6(nh=58) / ICMPv6Unknown(type=99, msgbody=bytes(8)), "about-error"),
])
def test_rfc4443_2_4_e1_no_error_about_errors(router6, what, packet, reason):
    lan, wan = router6
    packet[IPv6].dst = "2001:db8:ffff::1"
    lan.to(packet)
    lan.count(f"icmp6-error.{reason}", 1)
    lan.silence(IPv6(dst=HERE))


def test_rfc4443_2_4_e3_no_error_about_groups(lan6):
    lan6.wire.send(Ether(src=lan6.wire.mac, dst="33:33:00:00:00:01") /
                   IPv6(src=HERE, dst="ff02::1") / UDP(sport=1, dport=7))
    lan6.count("icmp6-error.about-group", 1)
    lan6.wire.send(Ether(src=lan6.wire.mac, dst="33:33:00:00:00:01") /
                   IPv6(src=HERE, dst=THERE) / UDP(sport=1, dport=7))
    lan6.count("ip6-lookup.link-group", 1)


def test_rfc4443_2_4_e6_no_error_to_the_unspecified_address(lan6):
    lan6.to(IPv6(src="::") / UDP(sport=1, dport=7))
    lan6.count("icmp6-error.source", 1)


def test_rfc4443_2_4_f_errors_are_limited(lan6):
    # A bucket of 100 for one network, which the first hundred empty, and 100 more for each second.
    began = time.monotonic()
    lan6.to(*[IPv6() / UDP(sport=1, dport=7)] * 300)
    lan6.count("ip6-local.no-protocol", 300)
    most = 100 + 100 * (time.monotonic() - began) + 1
    wait.until(lambda: lan6.counted("icmp6-error.sent") + lan6.counted("icmp6-error.rate") == 300, "all are decided")
    assert 100 <= lan6.counted("icmp6-error.sent") <= most


def test_rfc4443_2_2_errors_come_from_the_address_that_was_spoken_to(router6):
    lan, wan = router6
    lan.to(IPv6(dst="2001:db8:1::1") / UDP(sport=1, dport=7))
    lan.wire.expect(IPv6(src="2001:db8:1::1", dst=HERE) / ICMPv6DestUnreach(code=4))


@pytest.mark.parametrize("what, quoted, reason", [
    ("not from us", IPv6(src=HERE, dst=OUTSIDE) / UDP() / bytes(8), "not-ours"),
    ("nobody's", IPv6(src=THERE, dst=HERE) / UDP() / bytes(1260), "no-taker"),
    ("cut", Raw(bytes(IPv6(src=THERE, dst=HERE))[:30]), "short"),
    ("no header behind it", IPv6(src=THERE, dst=HERE, nh=60) / Raw(bytes(4)), "quote"),
])
def test_errors_that_are_not_believed(lan6, what, quoted, reason):
    lan6.to(IPv6() / ICMPv6PacketTooBig(mtu=1300) / Raw(bytes(quoted)))
    lan6.count(f"icmp6-input.{reason}", 1)


def test_bad_checksums_are_dropped(lan6):
    lan6.to(IPv6() / ICMPv6EchoRequest(cksum=1), IPv6() / TCP(dport=80, chksum=1))
    lan6.count("ip6-local.l4-checksum", 2)


def test_unknown_informational_messages_are_dropped(lan6):
    lan6.to(IPv6(nh=58) / ICMPv6Unknown(type=200, msgbody=bytes(8)))
    lan6.count("icmp6-input.unknown-type", 1)
