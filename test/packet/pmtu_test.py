"""Path MTUs of our own IPv6 packets: RFC 8201."""
import pytest
from harness.talk6 import HERE, OUTSIDE, THERE, collect, lan6, reassembled  # noqa: F401
from scapy.all import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6,
                       IPv6ExtHdrFragment, Raw)


def answer_to(lan6, size):  # noqa: F811
    """The echo reply of that many bytes of data, in pieces if it comes in pieces."""
    lan6.to(IPv6() / ICMPv6EchoRequest(id=7, data=bytes(size)))
    return lan6.wire.expect(IPv6(src=THERE, dst=HERE))


def too_big(lan6, quoted, mtu, src="2001:db8:7::1"):  # noqa: F811
    lan6.wire.answer_nd(HERE)
    lan6.to(IPv6(src=src) / ICMPv6PacketTooBig(mtu=mtu) / Raw(bytes(quoted)[:1200]))


def known(lan6):  # noqa: F811
    return {p["address"]: p["mtu"] for p in lan6.lan.stack.call("show path-mtus")}


def test_rfc8201_4_packets_are_cut_to_what_the_path_takes(lan6):  # noqa: F811
    whole = answer_to(lan6, 1400)
    assert whole[IPv6].plen == 1408 and ICMPv6EchoReply in whole
    too_big(lan6, whole[IPv6], 1300)
    lan6.count("icmp6-input.mtu-learnt", 1)
    assert known(lan6) == {HERE: 1300}
    lan6.to(IPv6() / ICMPv6EchoRequest(id=7, data=bytes(1400)))
    pieces = collect(lan6, 2, HERE)
    assert all(p[IPv6].plen + 40 <= 1300 for p in pieces) and len(reassembled(pieces)) == 1408
    # A shorter one still goes whole, and so does one to somebody else.
    assert IPv6ExtHdrFragment not in answer_to(lan6, 1200)
    lan6.wire.answer_nd("2001:db8::8")
    lan6.to(IPv6(src="2001:db8::8") / ICMPv6EchoRequest(id=8, data=bytes(1400)))
    assert lan6.wire.expect(IPv6(dst="2001:db8::8"))[IPv6].plen == 1408


def test_rfc8201_4_fragments_shrink_as_well(lan6):  # noqa: F811
    whole = answer_to(lan6, 1400)
    too_big(lan6, whole[IPv6], 1400)
    lan6.count("icmp6-input.mtu-learnt", 1)
    lan6.to(IPv6() / ICMPv6EchoRequest(id=7, data=bytes(1430)))
    first = max(collect(lan6, 2, HERE), key=lambda p: p[IPv6].plen)
    too_big(lan6, first[IPv6], 1280)
    lan6.count("icmp6-input.mtu-learnt", 2)
    assert known(lan6) == {HERE: 1280}


@pytest.mark.parametrize("what, mtu, reason", [
    ("under 1280", 1279, "mtu"), ("nothing", 0, "mtu"), ("it would have fit", 1448, "mtu"),
])
def test_rfc8201_4_what_is_not_believed(lan6, what, mtu, reason):  # noqa: F811
    whole = answer_to(lan6, 1400)
    too_big(lan6, whole[IPv6], mtu)
    lan6.count(f"icmp6-input.{reason}", 1)
    assert known(lan6) == {} and IPv6ExtHdrFragment not in answer_to(lan6, 1400)


def test_rfc8201_4_never_more_than_before(lan6):  # noqa: F811
    whole = answer_to(lan6, 1400)
    too_big(lan6, whole[IPv6], 1300)
    too_big(lan6, whole[IPv6], 1400)
    lan6.count("icmp6-input.mtu-learnt", 1)
    assert known(lan6) == {HERE: 1300}


def test_rfc5927_only_about_packets_of_ours(lan6):  # noqa: F811
    quoted = IPv6(src=OUTSIDE, dst=HERE) / ICMPv6EchoReply(id=7, data=bytes(1400))
    too_big(lan6, quoted, 1300)
    lan6.count("icmp6-input.not-ours", 1)
    assert known(lan6) == {}
