"""The packet harness itself, with a kernel that answers."""
import pytest
from harness import wait
from harness.wire import checksums_ok
from scapy.all import ARP, ICMP, IP, Ether, Raw


@pytest.fixture
def kernel(netns, wire):
    """A veth pair: the kernel at 10.8.0.1, a Wire at the other end."""
    here, there = netns("here"), netns("there")
    there.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    here.ip("link", "add", "far", "netns", there.name, "type", "veth", "peer", "name", "near")
    here.ip("address", "add", "10.8.0.1/24", "dev", "near")
    here.ip("link", "set", "near", "address", "02:00:00:00:00:01", "up")
    there.ip("link", "set", "far", "up")
    return wire(there, "far")


def test_expect_finds_the_answer(kernel):
    kernel.answer_arp("10.8.0.9")
    kernel.send(IP(src="10.8.0.9", dst="10.8.0.1") / ICMP(id=7) / b"hello")
    answer = kernel.expect(IP(src="10.8.0.1", dst="10.8.0.9") /
                           ICMP(type="echo-reply", id=7) / Raw(b"hello"))
    assert checksums_ok(answer)
    answer[ICMP].chksum ^= 1
    assert not checksums_ok(answer)


def test_expect_says_what_came_instead(kernel):
    kernel.send(Ether(src=kernel.mac, dst="ff:ff:ff:ff:ff:ff") /
                ARP(psrc="10.8.0.9", pdst="10.8.0.1"))
    with pytest.raises(wait.Late, match="ARP is at"):
        kernel.expect(IP(src="10.8.0.1"), timeout=0.2)


def test_silence(kernel):
    kernel.silence(IP(src="10.8.0.1"), seconds=0.1)
    kernel.answer_arp("10.8.0.9")
    kernel.send(IP(src="10.8.0.9", dst="10.8.0.1") / ICMP())
    with pytest.raises(AssertionError, match="unexpected"):
        kernel.silence(IP(src="10.8.0.1"))
