"""ICMP and ARP of a running stack, packet by packet."""
from scapy.all import ICMP, IP, Raw


def test_kernel_pings_the_stack(netns, convoyd):
    """The kernel's end of the tap asks, with offloads as they are: the first reply comes too."""
    space = netns("lan")
    convoyd({"interfaces": [{"name": "lan", "addresses": ["10.0.0.1/24"], "tap": {}}]}, netns=space)
    space.ip("address", "add", "10.0.0.9/24", "dev", "lan")
    space.ip("link", "set", "lan", "up")
    out = space.run("ping", "-c3", "-i0.1", "-W2", "10.0.0.1")
    assert " 3 received" in getattr(out, "stdout", out), out


def test_echo(lan):
    # The address is resolved first; the reply that waited for it is sent, not lost.
    lan.wire.answer_arp("10.0.0.9")
    lan.wire.send(IP(src="10.0.0.9", dst="10.0.0.1", ttl=5) / ICMP(id=7, seq=3) / b"hello")
    lan.wire.expect(IP(src="10.0.0.1", dst="10.0.0.9", ttl=64) /
                    ICMP(type="echo-reply", id=7, seq=3) / Raw(b"hello"))
