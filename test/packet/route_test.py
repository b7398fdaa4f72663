"""Where packets go: next hops behind next hops, several paths, VRFs, reverse path checks."""
import pytest
from harness.talk import Talk
from harness.wire import CONVOY_MAC
from scapy.all import IP, UDP, IPv6, Raw

WAN_MAC, WAN_PEER = "02:00:00:00:01:01", "02:00:00:00:01:09"


@pytest.fixture
def links(netns, convoyd, wire):
    """A function that starts a stack with "lan" 10.0.0.1/24 and "wan" 10.1.0.1/24."""
    from conftest import Lan

    def start(lan=None, wan=None, **config):
        space = netns("router")
        space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        stack = convoyd({"interfaces": [
            {"name": "lan", "addresses": ["10.0.0.1/24", "2001:db8::1/64"], "mac": CONVOY_MAC,
             "tap": {"no_offload": True}, **(lan or {})},
            {"name": "wan", "addresses": ["10.1.0.1/24", "2001:db8:1::1/64"], "mac": WAN_MAC,
             "tap": {"no_offload": True}, **(wan or {})},
        ], **config}, netns=space)
        return (Talk(Lan(stack, wire(space, "lan"), space)),
                Talk(Lan(stack, wire(space, "wan", mac=WAN_PEER, peer_mac=WAN_MAC), space),
                     here="10.1.0.7", there="10.1.0.1"))
    return start


def route(talk, prefix, via, **more):
    talk.lan.stack.call("route add", prefix=prefix, via=via, **more)


def test_a_next_hop_behind_a_next_hop_follows_the_route_that_covers_it(links):
    lan, wan = links()
    wan.wire.answer_arp("10.1.0.7")
    lan.wire.answer_arp("10.0.0.8")
    route(wan, "192.0.2.0/24", "10.1.0.7")
    route(wan, "20.0.0.0/8", "192.0.2.1")
    lan.to(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / "one")
    wan.wire.expect(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / Raw(b"one"))
    route(wan, "192.0.2.0/25", "10.0.0.8")  # covers it better
    lan.to(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / "two")
    lan.wire.expect(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / Raw(b"two"))
    wan.lan.stack.call("route delete", prefix="192.0.2.0/25")
    lan.to(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / "three")
    wan.wire.expect(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / Raw(b"three"))
