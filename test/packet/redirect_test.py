"""Redirects that are sent: RFC 1812 §5.2.7.2, RFC 4861 §8.2. Those received are not followed."""
import time

import pytest
from harness import wait
from harness.talk import Talk
from harness.talk6 import HERE, LINK_LOCAL, THERE, lan6  # noqa: F401
from harness.wire import CONVOY_MAC
from scapy.all import (ICMP, IP, UDP, Ether, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptRedirectedHdr, IPv6, Raw)

ROUTER, ROUTER_MAC = "10.0.0.254", "02:00:00:00:00:fe"


def about(**fields):
    return IP(**fields) / UDP(sport=1000, dport=9) / Raw(b"redirect me")


@pytest.fixture
def talk(lan):
    """A host and a better router for 10.9/16 on the one link."""
    lan.stack.call("neighbor add", interface="lan", address=ROUTER, mac=ROUTER_MAC)
    lan.stack.call("route add", prefix="10.9.0.0/16", via=ROUTER)
    return Talk(lan)


@pytest.fixture
def talk6(lan6):  # noqa: F811
    stack = lan6.lan.stack
    stack.call("neighbor add", interface="lan", address="fe80::fe", mac=ROUTER_MAC)
    stack.call("route add", prefix="2001:db8:9::/48", via="fe80::fe", interface="lan")
    return lan6


def test_rfc1812_5_2_7_2_host_redirect_to_the_better_router(talk):
    talk.to(about(dst="10.9.0.1"))
    said = talk.back(ICMP(type=5, code=1))
    assert said[ICMP].gw == ROUTER and said[IP].src == "10.0.0.1"
    quoted = IP(bytes(said[ICMP].payload))
    assert (quoted.src, quoted.dst, quoted.ttl) == ("10.0.0.9", "10.9.0.1", 64)
    assert b"redirect me" in bytes(quoted)
    talk.count("ip4-rewrite.redirect", 1)


def test_rfc1812_5_2_7_2_the_packet_itself_is_forwarded(talk):
    talk.to(about(dst="10.9.0.1"))
    sent = talk.wire.expect(IP(src="10.0.0.9", dst="10.9.0.1", ttl=63))
    assert sent.dst == ROUTER_MAC


def test_rfc792_to_a_host_on_the_link(talk):
    talk.wire.answer_arp("10.0.0.50")
    talk.to(about(dst="10.0.0.50"))
    assert talk.back(ICMP(type=5, code=1))[ICMP].gw == "10.0.0.50"


def test_rfc1812_5_2_7_2_not_to_who_is_on_another_network(talk):
    talk.to(about(src="172.16.0.1", dst="10.9.0.1"))
    talk.wire.expect(IP(dst="10.9.0.1"))
    talk.lan.stack.call("address add", interface="lan", address="10.5.0.1/24")
    talk.wire.answer_arp("10.5.0.9")
    talk.to(about(src="10.5.0.9", dst="10.9.0.1"))  # on the link, but not of the router's network
    talk.wire.expect(IP(dst="10.9.0.1", src="10.5.0.9"))
    talk.wire.silence(ICMP(type=5))


@pytest.mark.parametrize("packet", [
    IP(dst="10.9.0.1") / ICMP(type=3, code=1) / IP(dst="10.0.0.9") / UDP(),
    IP(dst="10.9.0.1", frag=100, proto=17) / Raw(b"not the first"),
], ids=["an ICMP error", "a later fragment"])
def test_rfc1812_4_3_2_7_not_about(talk, packet):
    talk.to(packet)
    talk.wire.expect(IP(dst="10.9.0.1", ttl=63))
    talk.wire.silence(ICMP(type=5), 0.3)
    talk.count("ip4-rewrite.redirect", 0)


def test_rfc1812_4_3_2_8_one_a_second_for_a_pair(talk):
    talk.to(*[about(dst="10.9.0.1") for _ in range(50)])
    talk.back(ICMP(type=5))
    talk.wire.silence(ICMP(type=5), 0.3)
    talk.count("ip4-rewrite.redirect", 1)


def test_many_pairs_are_bounded(talk, workers):
    """A hundred a second from each worker. A table of 256 pairs would let more than twice as many pass."""
    frames = [bytes(Ether(src=talk.wire.mac, dst=CONVOY_MAC) / about(src=talk.here, dst=f"10.9.{n % 250}.{n // 250}"))
              for n in range(1500)]
    start = time.monotonic()
    for one in frames:
        talk.wire.socket.send(one)

    def is_through():  # what comes too fast for the device is lost, the last one too
        talk.to(about(dst="10.9.254.9"))
        while (seen := talk.wire.receive(0.2)) is not None:
            if IP in seen and seen[IP].dst == "10.9.254.9":
                return True
        return False
    wait.until(is_through, "all that were taken are through")
    seconds = time.monotonic() - start
    assert 50 < talk.counted("ip4-rewrite.redirect") <= (1 + seconds) * 100 * workers


def test_redirects_can_be_switched_off(talk):
    stack = talk.lan.stack
    assert stack.call("show redirects") == [{"interface": "lan", "mode": "on"}]
    stack.call("redirect set", interface="lan", mode="off")
    assert stack.call("show redirects") == [{"interface": "lan", "mode": "off"}]
    talk.to(about(dst="10.9.0.1"))
    talk.wire.expect(IP(dst="10.9.0.1"))
    talk.wire.silence(ICMP(type=5))


def test_not_about_addresses_that_we_answer_for(talk):
    talk.lan.stack.call("proxy add", interface="lan", address="10.0.0.50")
    talk.wire.answer_arp("10.0.0.50")
    talk.to(about(dst="10.0.0.50"))
    talk.wire.expect(IP(dst="10.0.0.50"))
    talk.wire.silence(ICMP(type=5))


def test_not_about_ip6_addresses_that_we_answer_for(talk6):
    talk6.lan.stack.call("proxy add", interface="lan", address="2001:db8::50")
    talk6.wire.answer_nd("2001:db8::50")
    talk6.to(IPv6(dst="2001:db8::50") / UDP(sport=1, dport=9))
    talk6.wire.expect(IPv6(dst="2001:db8::50", hlim=63))
    talk6.wire.silence(ICMPv6ND_Redirect())


def test_rfc1812_5_2_7_2_not_to_who_is_behind_a_router(talk):
    """The next hop would be no neighbour of theirs, though it is one of the router's."""
    talk.lan.stack.call("neighbor add", interface="lan", address="10.0.0.253", mac="02:00:00:00:00:fd")
    talk.lan.stack.call("route add", prefix="172.16.0.0/12", via="10.0.0.253")
    talk.to(about(src="172.16.0.1", dst="10.9.0.1"))
    talk.wire.expect(IP(src="172.16.0.1", dst="10.9.0.1", ttl=63))
    talk.wire.silence(ICMP(type=5))


def test_not_to_the_better_router_itself(talk):
    talk.to(about(src=ROUTER, dst="10.9.0.1"))
    talk.wire.expect(IP(src=ROUTER, dst="10.9.0.1", ttl=63))
    talk.wire.silence(ICMP(type=5))


def test_rfc4861_8_2_not_to_who_is_behind_a_router(talk6):
    stack = talk6.lan.stack
    stack.call("neighbor add", interface="lan", address="fe80::fd", mac="02:00:00:00:00:fd")
    stack.call("route add", prefix="2001:db8:7::/48", via="fe80::fd", interface="lan")
    talk6.to(IPv6(src="2001:db8:7::1", dst="2001:db8:9::1") / UDP(sport=1, dport=9))
    talk6.wire.expect(IPv6(src="2001:db8:7::1", dst="2001:db8:9::1", hlim=63))
    talk6.wire.silence(ICMPv6ND_Redirect())


def test_rfc4861_8_2_to_the_better_router(talk6):
    talk6.to(IPv6(dst="2001:db8:9::1") / UDP(sport=1, dport=9) / Raw(bytes(range(200)) * 6))
    talk6.wire.expect(IPv6(src=HERE, dst="2001:db8:9::1", hlim=63))
    packet = talk6.wire.expect(IPv6(src=LINK_LOCAL, dst=HERE, hlim=255) /
                               ICMPv6ND_Redirect(tgt="fe80::fe", dst="2001:db8:9::1"))
    assert packet[ICMPv6NDOptDstLLAddr].lladdr == ROUTER_MAC and packet.src == CONVOY_MAC
    quoted = bytes(packet[ICMPv6NDOptRedirectedHdr].payload or packet[ICMPv6NDOptRedirectedHdr])
    assert bytes(range(100)) in quoted and packet[IPv6].plen + 40 <= 1280
    talk6.count("ip6-rewrite.redirect", 1)


def test_rfc4861_8_2_to_the_destination_itself(talk6):
    talk6.wire.answer_nd("2001:db8::50")
    talk6.to(IPv6(dst="2001:db8::50") / UDP(sport=1, dport=9))
    talk6.wire.expect(ICMPv6ND_Redirect(tgt="2001:db8::50", dst="2001:db8::50"))


def test_rfc4861_8_2_not_to_who_is_no_neighbour(talk6):
    talk6.to(IPv6(src="2001:db8:7::1", dst="2001:db8:9::1") / UDP(sport=1, dport=9))
    talk6.wire.expect(IPv6(dst="2001:db8:9::1", hlim=63))
    talk6.wire.silence(ICMPv6ND_Redirect())


def test_rfc4861_8_2_not_by_a_router_without_a_link_local_address(talk6):
    stack = talk6.lan.stack
    stack.call("neighbor add", interface="lan", address="2001:db8::fe", mac=ROUTER_MAC)
    stack.call("route add", prefix="2001:db8:a::/48", via="2001:db8::fe")
    talk6.to(IPv6(dst="2001:db8:a::1") / UDP(sport=1, dport=9))
    talk6.wire.expect(IPv6(dst="2001:db8:a::1", hlim=63))
    talk6.wire.silence(ICMPv6ND_Redirect())


def test_rfc4861_8_2_limited_and_switched_off(talk6):
    talk6.to(*[IPv6(dst="2001:db8:9::1") / UDP(sport=1, dport=9) for _ in range(20)])
    talk6.wire.expect(ICMPv6ND_Redirect())
    talk6.wire.silence(ICMPv6ND_Redirect())
    talk6.lan.stack.call("redirect set", interface="lan", mode="off")
    talk6.to(IPv6(dst="2001:db8:9::2") / UDP(sport=1, dport=9))
    talk6.wire.silence(ICMPv6ND_Redirect())


def test_rfc1812_5_2_7_2_redirects_of_others_are_not_followed(talk):
    quoted = IP(src="10.0.0.1", dst="10.9.0.1") / UDP(sport=1, dport=2)
    talk.wire.send(Ether(src=talk.wire.mac, dst=CONVOY_MAC) / IP(src=ROUTER, dst="10.0.0.1") /
                   ICMP(type=5, code=1, gw="10.0.0.9") / quoted)
    talk.to(about(dst="10.9.0.1"))
    assert talk.wire.expect(IP(dst="10.9.0.1", ttl=63)).dst == ROUTER_MAC


def test_net_yaml_says_it_and_save_repeats_it(netns, convoyd):
    stack = convoyd({"interfaces": [{"name": "lan", "no_redirects": True, "tap": {}}]},
                    netns=netns("lan"))
    assert stack.call("show redirects") == [{"interface": "lan", "mode": "off"}]
    assert "no_redirects" in str(stack.call("save"))
    stack.call("redirect set", interface="lan", mode="on")
    assert "no_redirects" not in str(stack.call("save"))
