"""Who leaves a link says so: RFC 4861 §6.2.5, RFC 3810 §6.1. On a device that outlives the stack."""
import pytest
from harness import wait
from harness.talk6 import LINK_LOCAL, THERE, Talk6, interface6, quiet
from harness.workers import on_workers
from harness.mld import records
from scapy.all import ICMPv6MLReport2, ICMPv6ND_RA, IPv6

GROUP, ROUTERS = "ff02::1:ff00:1", "ff02::2"
TO_IN = 3


@pytest.fixture
def talk(netns, convoyd, wire, workers):
    """A router on one end of a veth pair; we are at the other."""
    from conftest import Lan
    space, far = quiet(netns, "leave"), quiet(netns, "leave-far")
    space.ip("link", "add", "dev0", "type", "veth", "peer", "name", "v0", "netns", far.name)
    far.ip("link", "set", "v0", "up")
    listener = wire(far, "v0")
    lan = interface6("lan", [f"{THERE}/64"], ipv6={"duplicate_checks": 0, "advertise": {}})
    del lan["tap"]
    stack = convoyd(on_workers(workers, {"interfaces": [
        {**lan, "af_packet": {"device": "dev0", "no_offload": True}, "spread": workers > 1}]}),
        netns=space)
    talk = Talk6(Lan(stack, listener, space))
    assert talk.wire.expect(ICMPv6ND_RA(), timeout=5)[ICMPv6ND_RA].routerlifetime == 1800
    wait.until(lambda: all(g["state"] == "joined" for g in stack.call("show groups")), "joined")
    while talk.wire.receive(0.05):
        pass
    return talk


def last_words(talk):
    """The two farewells, in whatever order they come: lifetime, {group: record type}."""
    lifetime, left = None, {}
    while lifetime is None or not left:
        packet = talk.wire.receive(3)
        assert packet, f"no farewell; heard: lifetime {lifetime}, groups {left}"
        if ICMPv6ND_RA in packet:
            assert (packet[IPv6].src, packet[IPv6].dst, packet[IPv6].hlim) == \
                (LINK_LOCAL, "ff02::1", 255)
            lifetime = packet[ICMPv6ND_RA].routerlifetime
        if ICMPv6MLReport2 in packet:
            assert packet[IPv6].src == LINK_LOCAL
            left = {g: kind for g, (kind, _) in records(packet).items()}
    return lifetime, left


def test_rfc4861_6_2_5_convoyd_is_told_to_end(talk):
    talk.lan.stack.stop()
    assert last_words(talk) == (0, {GROUP: TO_IN, ROUTERS: TO_IN})


def test_rfc4861_6_2_5_the_interface_is_removed(talk):
    talk.lan.stack.call("interface delete", name="lan")
    assert last_words(talk) == (0, {GROUP: TO_IN, ROUTERS: TO_IN})


def test_rfc4861_6_2_5_the_interface_is_told_to_go_down(talk):
    talk.lan.stack.call("interface set", name="lan", down=True)
    assert last_words(talk) == (0, {GROUP: TO_IN, ROUTERS: TO_IN})


def test_rfc4861_6_2_5_advertising_ends(talk):
    talk.lan.stack.call("interface set", name="lan",
                        members="{ipv6: {duplicate_checks: 0}}")
    lifetime, left = last_words(talk)
    assert (lifetime, left[ROUTERS]) == (0, TO_IN)
    talk.wire.silence(ICMPv6ND_RA(), 0.5)
