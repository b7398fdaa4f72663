"""ICMP of a running stack, packet by packet."""
import time

import pytest
from harness import wait
from harness.talk import Talk
from harness.wire import checksums_ok
from harness.workers import on_workers
from scapy.all import ICMP, IP, TCP, UDP, Ether, IPerror, Raw, UDPerror


@pytest.fixture
def talk(lan):
    return Talk(lan)


def test_kernel_pings_the_stack(netns, convoyd, workers):
    """The kernel's end of the tap asks, with offloads as they are: the first reply comes too."""
    space = netns("lan")
    lan = {"name": "lan", "addresses": ["10.0.0.1/24"], "tap": {}}
    convoyd(on_workers(workers, {"interfaces": [lan]}), netns=space)
    space.ip("address", "add", "10.0.0.9/24", "dev", "lan")
    space.ip("link", "set", "lan", "up")
    for size in "56", "0", "1400", "9000", "60000":
        assert " 3 received" in space.run("ping", "-c3", "-i0.1", "-W2", f"-s{size}",
                                          "10.0.0.1").stdout


def test_echo(talk):
    # The address is resolved first; the reply that waited for it is sent, not lost.
    talk.to(IP(ttl=5) / ICMP(id=7, seq=3) / b"hello")
    answer = talk.back(ICMP(type="echo-reply", id=7, seq=3) / Raw(b"hello"))
    assert answer[IP].ttl == 64
    assert checksums_ok(answer)
    talk.count("icmp4-input.echo", 1)


def test_echo_of_odd_and_empty_payloads(talk):
    for size in 0, 1, 3, 17, 1471:
        talk.to(IP() / ICMP(id=size) / (b"x" * size))
        assert checksums_ok(talk.back(ICMP(type="echo-reply", id=size)))


def test_padding_is_cut(talk):
    # A short frame is padded to 60 bytes by the sender's device.
    frame = Ether(src=talk.wire.mac, dst=talk.wire.peer_mac) / IP(
        src=talk.here, dst=talk.there) / ICMP(id=1) / b"ab"
    talk.wire.send(Ether(bytes(frame) + bytes(60)))
    answer = talk.back(ICMP(type="echo-reply", id=1))
    assert answer[IP].len == 30


def test_echo_with_bad_checksum(talk):
    talk.to(IP() / ICMP(id=7, chksum=0x1234) / b"hello")
    talk.silence()
    talk.count("ip4-local.l4-checksum", 1)


def test_echo_to_broadcast_is_not_answered(talk):
    # RFC 1122 §3.2.2.6 lets us be silent.
    for dst in "10.0.0.255", "255.255.255.255":
        talk.to(Ether(src=talk.wire.mac, dst="ff:ff:ff:ff:ff:ff") / IP(dst=dst) / ICMP())
    talk.silence()
    talk.count("icmp4-input.broadcast-echo", 2)


def test_unicast_in_a_broadcast_frame(talk):
    # RFC 1122 §3.3.6
    talk.to(Ether(src=talk.wire.mac, dst="ff:ff:ff:ff:ff:ff") / IP() / ICMP())
    talk.silence()
    talk.count("ip4-lookup.link-group", 1)


def test_unknown_protocol(talk):
    # RFC 1122 §3.2.2.1
    talk.to(IP(proto=200) / b"whatever")
    answer = talk.back(ICMP(type=3, code=2))
    assert answer[IPerror].proto == 200
    assert checksums_ok(answer)
    talk.count("ip4-local.no-protocol", 1)


def test_udp_to_nobody(talk):
    # RFC 1122 §4.1.3.1
    talk.to(IP() / UDP(sport=1000, dport=5300) / b"x")
    answer = talk.back(ICMP(type=3, code=3))
    assert (answer[IPerror].src, answer[UDPerror].dport) == ("10.0.0.9", 5300)


def test_no_route(talk):
    talk.to(IP(dst="192.0.2.1") / UDP(sport=1000, dport=5300) / b"x")
    answer = talk.back(IP(src="10.0.0.1", dst="10.0.0.9") / ICMP(type=3, code=0))
    assert answer[IPerror].dst == "192.0.2.1"
    talk.count("ip4-lookup.no-route", 1)


def test_error_quotes_at_most_576_bytes(talk):
    # RFC 1812 §4.3.2.3
    talk.to(IP(dst="192.0.2.1") / UDP(sport=1, dport=2) / bytes(1400))
    assert talk.back(IP(src="10.0.0.1") / ICMP(type=3, code=0))[IP].len == 576


@pytest.mark.parametrize("what, packet, reason", [
    # RFC 1122 §3.2.2: no ICMP error is sent about …
    ("an ICMP error", IP(dst="192.0.2.1") / ICMP(type=3, code=1) / bytes(28), "about-error"),
    ("a later fragment", IP(dst="192.0.2.1", frag=8) / UDP() / b"xxxx", "about-fragment"),
    ("a broadcast", IP(dst="10.0.0.255", proto=200) / b"x", "about-group"),
    ("a broadcast source", IP(src="10.0.0.255", dst="192.0.2.1") / UDP(), "source"),
])
def test_no_error_about(talk, what, packet, reason):
    dst = "ff:ff:ff:ff:ff:ff" if reason == "about-group" else talk.wire.peer_mac
    talk.to(Ether(src=talk.wire.mac, dst=dst) / packet)
    talk.silence(ICMP())
    talk.count(f"icmp4-error.{reason}", 1)


def test_ping_about_nothing_may_be_answered_with_an_error(talk):
    # Only errors are exempt: an echo request to nowhere is answered.
    talk.to(IP(dst="192.0.2.1") / ICMP() / b"x")
    talk.back(IP(src="10.0.0.1") / ICMP(type=3, code=0))


def test_errors_are_rate_limited(talk):
    talk.to(IP(dst="192.0.2.1") / UDP())
    talk.back(IP(src="10.0.0.1") / ICMP(type=3))
    began = time.monotonic()
    talk.to(*[IP(dst="192.0.2.1") / UDP() for _ in range(250)])
    talk.count("ip4-lookup.no-route", 251)
    most = 100 + 100 * (time.monotonic() - began) + 1  # a hundred, and so many more each second
    wait.until(lambda: talk.counted("icmp4-error.sent") + talk.counted("icmp4-error.rate") == 251, "all are decided")
    assert 90 <= talk.counted("icmp4-error.sent") - 1 <= most


def test_error_about_a_packet_that_is_not_ours(talk):
    # RFC 5927: believe only what quotes a packet of ours.
    quoted = IP(src="192.0.2.9", dst="10.0.0.9") / TCP(sport=1, dport=2)
    talk.to(IP() / ICMP(type=3, code=4, nexthopmtu=500) / quoted)
    talk.count("icmp4-input.not-ours", 1)
    talk.to(IP() / ICMP(type=3, code=4) / b"short")
    talk.count("icmp4-input.short", 1)


def test_unknown_type(talk):
    talk.to(IP() / ICMP(type=13))
    talk.count("icmp4-input.unknown-type", 1)
