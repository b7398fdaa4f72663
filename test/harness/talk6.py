"""Conversations over IPv6: fixtures, and pieces of packets.

    def test_ping(lan6):
        lan6.to(IPv6() / ICMPv6EchoRequest(id=7))
        lan6.back(ICMPv6EchoReply(id=7))

    def test_forwarding(router6):
        lan, wan = router6
"""
import pytest
from scapy.all import IPv6, IPv6ExtHdrFragment, Raw

from . import wait
from .talk import Talk
from .wire import CONVOY_MAC
from .workers import on_workers

HERE, THERE = "2001:db8::9", "2001:db8::1"
OUTSIDE = "2001:db8:1::7"
LINK_LOCAL = "fe80::ff:fe00:1"  # of CONVOY_MAC
WAN_MAC, WAN_PEER = "02:00:00:00:01:01", "02:00:00:00:01:09"
NO_CHECKS = {"duplicate_checks": 0}


class Talk6(Talk):
    def __init__(self, lan, here=HERE, there=THERE, nd=True):
        super().__init__(lan, here, there, arp=False)
        if nd:
            self.wire.answer_nd(here, "fe80::9")

    def to(self, *packets):
        for one in packets:
            if one.haslayer(IPv6):
                one[IPv6].fields.setdefault("src", self.here)
                one[IPv6].fields.setdefault("dst", self.there)
            self.wire.send(one)

    def back(self, template, timeout=2.0):
        """The message itself: the layer of `template`'s own type."""
        packet = self.wire.expect(IPv6(src=self.there, dst=self.here) / template, timeout)
        return packet[type(template)]

    def silence(self, template=None, seconds=0.2):
        self.wire.silence(template or IPv6(dst=self.here), seconds)


def interface6(name, addresses, mac=CONVOY_MAC, **more):
    return {"name": name, "addresses": addresses, "mac": mac, "tap": {"no_offload": True},
            "ipv6": NO_CHECKS, **more}


def quiet(netns, name):
    """A namespace whose kernel says nothing by itself."""
    space = netns(name)
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    return space


@pytest.fixture
def lan6(netns, convoyd, wire, workers):
    """A stack at 2001:db8::1/64, and us at 2001:db8::9 and fe80::9."""
    from conftest import Lan
    space = quiet(netns, "lan6")
    stack = convoyd(on_workers(workers, {"interfaces": [interface6("lan", [f"{THERE}/64"])]}), netns=space)
    return Talk6(Lan(stack, wire(space, "lan"), space))


@pytest.fixture
def router6(netns, convoyd, wire, workers):
    """Two links: "lan" 2001:db8::1/64 and "wan" 2001:db8:1::1/64 with an MTU of 1280."""
    from conftest import Lan
    space = quiet(netns, "router6")
    stack = convoyd(on_workers(workers, {"interfaces": [
        interface6("lan", [f"{THERE}/64"]),
        interface6("wan", ["2001:db8:1::1/64"], mac=WAN_MAC, mtu=1280),
    ]}), netns=space)
    lan = Talk6(Lan(stack, wire(space, "lan"), space))
    wan = Talk6(Lan(stack, wire(space, "wan", mac=WAN_PEER, peer_mac=WAN_MAC), space),
                here=OUTSIDE, there="2001:db8:1::1")
    return lan, wan


def fragments(packet, size, identification=77):
    """`packet`, without extension headers, in pieces of `size` bytes, a multiple of 8."""
    packet = IPv6(bytes(packet))
    data = bytes(packet.payload)
    pieces = []
    for at in range(0, len(data), size):
        header = IPv6(src=packet.src, dst=packet.dst, hlim=packet.hlim)
        pieces.append(header / IPv6ExtHdrFragment(nh=packet.nh, offset=at // 8, id=identification,
                                                  m=int(at + size < len(data))) /
                      Raw(data[at:at + size]))
    return pieces


def collect(talk, n, dst):
    """The next `n` fragments to `dst`."""
    return [talk.wire.expect(IPv6(dst=dst) / IPv6ExtHdrFragment()) for _ in range(n)]


def reassembled(packets):
    """The payload that fragments make, and whether they fit together."""
    data = b""
    for packet in sorted(packets, key=lambda p: p[IPv6ExtHdrFragment].offset):
        header = packet[IPv6ExtHdrFragment]
        assert header.offset * 8 == len(data)
        data += bytes(header.payload)[:packet[IPv6].plen - 8]
    assert [p[IPv6ExtHdrFragment].m for p in packets].count(0) == 1
    return data


def states(stack, interface=None):
    """{address without its length: state} of a stack's IPv6 addresses."""
    return {a["address"].split("/")[0]: a["state"] for a in stack.call("show addresses")
            if ":" in a["address"] and interface in (None, a["interface"])}


def usable(stack, *addresses, timeout=5):
    """Waits until the stack uses all of these addresses."""
    wait.until(lambda: all(states(stack).get(a) == "preferred" for a in addresses),
               f"{addresses} are preferred", timeout=timeout)

