"""IPv4 headers, forwarding and fragments of a running stack, packet by packet."""
import pytest
from harness import wait
from harness.talk import Talk
from harness.wire import CONVOY_MAC, checksums_ok
from harness.workers import on_workers
from scapy.all import (ICMP, IP, UDP, Ether, IPerror, IPOption, IPOption_LSRR, IPOption_RR,
                       IPOption_Router_Alert, Raw, fragment)

WAN_MAC, WAN_PEER = "02:00:00:00:01:01", "02:00:00:00:01:09"


@pytest.fixture
def talk(lan):
    return Talk(lan)


@pytest.fixture
def router(netns, convoyd, wire, workers):
    """Two links: "lan" 10.0.0.1/24 and "wan" 10.1.0.1/24 with an MTU of 600."""
    from conftest import Lan
    space = netns("router")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    stack = convoyd(on_workers(workers, {"interfaces": [
        {"name": "lan", "addresses": ["10.0.0.1/24"], "mac": CONVOY_MAC,
         "tap": {"no_offload": True}},
        {"name": "wan", "addresses": ["10.1.0.1/24"], "mac": WAN_MAC, "mtu": 600,
         "tap": {"no_offload": True}},
    ]}), netns=space)
    lan = Talk(Lan(stack, wire(space, "lan"), space))
    wan = Talk(Lan(stack, wire(space, "wan", mac=WAN_PEER, peer_mac=WAN_MAC), space),
               here="10.1.0.7", there="10.1.0.1")
    return lan, wan


@pytest.mark.parametrize("what, packet, reason", [
    ("version 6", IP(version=6) / ICMP(), "ip4-input.version"),
    ("header of 16 bytes", IP(ihl=4) / ICMP(), "ip4-input.header"),
    ("header past the packet", Raw(bytes(IP(src="10.0.0.9", dst="10.0.0.1", ihl=15))),
     "ip4-input.header"),
    ("total length under the header", IP(len=19) / ICMP(), "ip4-input.length"),
    ("total length past the frame", IP(len=100) / ICMP(), "ip4-input.length"),
    ("cut off", Raw(bytes(IP(src="10.0.0.9", dst="10.0.0.1"))[:19]), "ip4-input.short"),
    ("bad checksum", IP(chksum=0x1234) / ICMP(), "ip4-input.checksum"),
    ("ttl 0", IP(ttl=0) / ICMP(), "ip4-input.ttl"),
    ("from 0.0.0.0", IP(src="0.0.0.0") / ICMP(), "ip4-input.source"),
    ("from loopback", IP(src="127.0.0.1") / ICMP(), "ip4-input.source"),
    ("from multicast", IP(src="224.0.0.1") / ICMP(), "ip4-input.source"),
    ("from broadcast", IP(src="255.255.255.255") / ICMP(), "ip4-input.source"),
    ("from our address", IP(src="10.0.0.1") / ICMP(), "ip4-local.source"),
    ("from the link's broadcast", IP(src="10.0.0.255") / ICMP(), "ip4-local.source"),
    ("to loopback", IP(dst="127.0.0.1") / ICMP(), "ip4-lookup.blackhole"),
    ("to multicast", IP(dst="224.0.0.1") / ICMP(), "ip4-lookup.blackhole"),
    ("source route", IP(options=[IPOption_LSRR(routers=["10.0.0.1"])]) / ICMP(),
     "ip4-options.source-route"),
])
def test_bad_packets_are_counted_and_not_answered(talk, what, packet, reason):
    if not packet.haslayer(IP):
        packet = Ether(src=talk.wire.mac, dst=talk.wire.peer_mac, type=0x800) / packet
    talk.to(packet)
    talk.count(reason, 1)
    talk.silence(IP(dst="10.0.0.9"), seconds=0.05)


@pytest.mark.parametrize("what, frame, reason", [
    ("another station", Ether(dst="02:00:00:00:00:77") / IP(dst="10.0.0.1") / ICMP(),
     "ethernet-input.other-station"),
    ("group source", Ether(src="01:00:00:00:00:09") / IP(dst="10.0.0.1") / ICMP(),
     "ethernet-input.source"),
    ("vlan tag", Ether(type=0x8100) / b"\0\1\x08\0", "vlan-input.no-vlan"),
    ("IPv6", Ether(type=0x86dd) / b"`\0\0\0", "ip6-input.disabled"),
    ("a length, not a type", Ether(type=0x0026) / bytes(38), "ethernet-input.llc"),
    ("unknown type", Ether(type=0x1234) / b"?", "ethernet-input.unknown-type"),
])
def test_bad_frames(talk, what, frame, reason):
    frame.fields.setdefault("src", talk.wire.mac)
    frame.fields.setdefault("dst", CONVOY_MAC)
    if IP in frame:
        frame[IP].src = talk.here
    talk.wire.send(frame)
    talk.count(reason, 1)


def test_options_are_carried(talk):
    for option in IPOption_Router_Alert(), IPOption_RR(routers=["0.0.0.0"] * 3):
        talk.to(IP(options=[option]) / ICMP(id=9) / b"x")
        assert checksums_ok(talk.back(ICMP(type="echo-reply", id=9)))


def test_malformed_option_is_answered_with_its_place(talk):
    # RFC 1122 §3.2.2.5; RFC 792: the pointer counts from the start of the header.
    talk.to(IP(options=[IPOption(b"\x01\x07\x01\x00")]) / ICMP())
    answer = talk.back(ICMP(type=12, code=0))
    assert answer[ICMP].ptr == 22
    talk.count("ip4-options.malformed", 1)


# --- forwarding ---

def test_forwarding(router):
    lan, wan = router
    lan.to(IP(dst="10.1.0.7", ttl=9, id=5) / UDP(sport=1000, dport=5300) / b"query")
    seen = wan.back(IP(src="10.0.0.9", dst="10.1.0.7") / UDP(dport=5300) / Raw(b"query"))
    assert (seen.src, seen.dst, seen[IP].ttl, seen[IP].id) == (WAN_MAC, WAN_PEER, 8, 5)
    assert checksums_ok(seen)
    wan.to(IP(dst="10.0.0.9") / UDP(sport=5300, dport=1000) / b"answer")
    assert checksums_ok(lan.back(IP(src="10.1.0.7") / UDP(sport=5300) / Raw(b"answer")))


def test_ttl_of_1_is_answered_not_forwarded(router):
    # RFC 1812 §5.3.1
    lan, wan = router
    lan.to(IP(dst="10.1.0.7", ttl=1) / UDP(sport=1000, dport=5300) / b"x")
    # The neighbour's address is not known yet; the packet is looked at when it is.
    wan.wire.receive(0.2)
    answer = lan.back(IP(src="10.0.0.1") / ICMP(type=11, code=0))
    assert answer[IPerror].ttl == 1
    lan.count("ip4-rewrite.ttl", 1)


def test_too_big_with_df(router):
    # RFC 1191 §4
    lan, wan = router
    lan.to(IP(dst="10.1.0.7", flags="DF") / UDP() / bytes(600))
    wan.wire.receive(0.2)
    answer = lan.back(IP(src="10.0.0.1") / ICMP(type=3, code=4))
    assert answer[ICMP].nexthopmtu == 600
    lan.count("ip4-rewrite.too-big", 1)


def collect(talk, n, timeout=2.0):
    return [talk.wire.expect(IP(dst=talk.here), timeout) for _ in range(n)]


def reassembled(packets):
    """The payload that fragments make, and whether they fit together."""
    data = b""
    for packet in sorted(packets, key=lambda p: p[IP].frag):
        assert packet[IP].frag * 8 == len(data)
        data += bytes(packet[IP].payload)[:packet[IP].len - packet[IP].ihl * 4]
    assert [p[IP].flags.MF for p in packets].count(0) == 1
    return data


def test_too_big_is_cut(router):
    lan, wan = router
    whole = IP(src=lan.here, dst="10.1.0.7", id=77, ttl=20) / UDP(sport=1, dport=2) / (
        bytes(range(256)) * 5)
    lan.to(IP(bytes(whole)))
    pieces = collect(wan, 3)
    assert reassembled(pieces) == bytes(whole[IP].payload)
    for piece in pieces:
        assert piece[IP].len <= 600 and piece[IP].id == 77 and piece[IP].ttl == 19
    wan.count("ip4-fragment.fragmented", 1)


def test_options_in_fragments(router):
    # RFC 791 §3.1: router alert is copied, record route is not.
    lan, wan = router
    options = [IPOption_Router_Alert(), IPOption_RR(routers=["0.0.0.0"])]
    lan.to(IP(dst="10.1.0.7", options=options) / UDP() / bytes(1000))
    first, second = collect(wan, 2)
    assert [o.option for o in first[IP].options][:2] == [20, 7]
    assert [o.option for o in second[IP].options] == [20]


def test_fragments_are_forwarded_as_they_are(router):
    lan, wan = router
    pieces = fragment(IP(src=lan.here, dst="10.1.0.7", id=3) / UDP() / bytes(900), fragsize=400)
    lan.to(*pieces)
    assert reassembled(collect(wan, 3)) == bytes((IP(src=lan.here, dst="10.1.0.7") / UDP() /
                                                  bytes(900))[IP].payload)


def test_redirected_broadcast_is_not_forwarded(router):
    # RFC 2644
    lan, wan = router
    lan.to(IP(dst="10.1.0.255") / UDP())
    lan.count("ip4-lookup.broadcast", 1)


def test_other_interfaces_address_is_local(router):
    lan, _ = router
    lan.to(IP(dst="10.1.0.1") / ICMP(id=4))
    lan.back(IP(src="10.1.0.1") / ICMP(type="echo-reply", id=4))


# --- reassembly ---

def echo(size, **fields):
    return IP(src="10.0.0.9", dst="10.0.0.1", **fields) / ICMP(id=size & 0xffff) / bytes(
        i & 0xff for i in range(size))


@pytest.mark.parametrize("order", ["forwards", "backwards", "twice"])
def test_reassembly(talk, order):
    pieces = fragment(echo(3000, id=9), fragsize=600)
    talk.to(*{"forwards": pieces, "backwards": pieces[::-1],
              "twice": [p for p in pieces[:-1] for _ in range(2)] + pieces[-1:]}[order])
    answer = reassembled(collect(talk, 3))
    assert answer[8:] == bytes(i & 0xff for i in range(3000))
    talk.count("ip4-reassembly.reassembled", 1)
    talk.count("ip4-reassembly.duplicate", len(pieces) - 1 if order == "twice" else 0)


def test_rfc791_3_2_fragments_meet_whatever_they_came_by(router):
    # Pieces of one datagram by two interfaces, in turn, the last first.
    lan, wan = router
    for number in range(20):
        pieces = fragment(echo(1200, id=number), fragsize=400)
        lan.to(*pieces[:0:-2])
        wan.to(*pieces[-2::-2])
        lan.back(ICMP(type="echo-reply"))
    lan.count("ip4-reassembly.reassembled", 20)


def test_show_waiting(talk, workers):
    talk.to(IP(flags="MF", id=1, proto=1) / Raw(bytes(8)))

    def waiting():
        rows = talk.lan.stack.call("show waiting")
        assert len(rows) == 4 * workers and all(row["limit"] > 0 for row in rows)
        return {(row["for"], row["family"]): row["waiting"] for row in rows if row["waiting"]}
    wait.until(lambda: waiting() == {("fragments", 4): 1}, "one waits")


def test_overlap_spoils_the_datagram(talk):
    # The policy of RFC 5722: whoever overlaps has something to hide.
    first, second, *_ = fragment(echo(1200, id=1), fragsize=600)
    liar = second.copy()
    liar.frag -= 1
    del liar.len, liar.chksum
    talk.to(first, liar, second)
    talk.silence(IP(dst="10.0.0.9") / ICMP())
    talk.count("ip4-reassembly.overlap", 2)


def test_impossible_fragments(talk):
    talk.to(IP(flags="MF", id=1) / Raw(b"1234567"))  # not a multiple of 8
    talk.to(IP(frag=8191, id=2) / Raw(bytes(100)))   # ends behind 65535
    talk.to(IP(flags="MF", id=3))                    # empty
    talk.count("ip4-reassembly.bad", 3)
    talk.silence(IP(dst="10.0.0.9"))


def test_too_many_fragments(talk):
    talk.to(*[IP(flags="MF", id=1, frag=2 * i, proto=1) / Raw(bytes(8)) for i in range(65)])
    talk.count("ip4-reassembly.too-many", 65)


def test_fragments_leave_buffers_to_others(netns, convoyd, wire, workers):
    """Each of few bytes has a buffer of its own; those that wait would take all there are."""
    from conftest import Lan
    space = netns("lan")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    stack = convoyd(on_workers(workers, {"buffers": 2048, "interfaces": [{
        "name": "lan", "addresses": ["10.0.0.1/24"], "mac": CONVOY_MAC, "tap": {"no_offload": True},
    }]}), netns=space)
    talk = Talk(Lan(stack, wire(space, "lan"), space))
    talk.to(*[IP(flags="MF", id=i, frag=n, proto=1) / Raw(bytes(8)) for i in range(40) for n in range(60)])
    talk.to(IP() / ICMP())
    talk.back(ICMP(type="echo-reply"))
    assert talk.counted("ip4-reassembly.evicted") > 0 == talk.counted("tap-input.no-buffers")


def test_table_of_datagrams_is_bounded(talk, workers):
    # 256 on each worker.
    talk.to(*[IP(flags="MF", id=i, proto=1) / Raw(bytes(8)) for i in range(300 * workers)])
    talk.count("ip4-reassembly.evicted", (300 - 256) * workers)
    talk.to(*fragment(echo(1000, id=999), fragsize=600))
    talk.back(ICMP(type="echo-reply"))


def test_checksum_of_a_reassembled_datagram(talk):
    whole = echo(1200, id=1)
    whole[ICMP].chksum = 0x1111
    talk.to(*fragment(whole, fragsize=600))
    talk.count("ip4-local.l4-checksum", 1)
