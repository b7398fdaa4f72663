"""Who leaves a link says so: RFC 4861 §6.2.5, RFC 3810 §6.1. On a device that outlives the stack."""
import pytest
from harness import wait
from harness.talk6 import LINK_LOCAL, THERE, Talk6, interface6, quiet
from harness.workers import on_workers
from harness.mld import records
from scapy.all import Dot1Q, ICMPv6MLReport2, ICMPv6ND_RA, IPv6

GROUP, ROUTERS = "ff02::1:ff00:1", "ff02::2"
TO_IN = 3


LAN = interface6("lan", [f"{THERE}/64"], ipv6={"duplicate_checks": 0, "advertise": {}})
del LAN["tap"]


@pytest.fixture
def on(netns, convoyd, wire, workers):
    """on(MEMBERS, ...) is a router whose interface has these, on one end of a veth pair; we are at
    the other."""
    from conftest import Lan

    def start(members, device="lan", **more):
        space, far = quiet(netns, "leave"), quiet(netns, "leave-far")
        space.ip("link", "add", "dev0", "type", "veth", "peer", "name", "v0", "netns", far.name)
        far.ip("link", "set", "v0", "up")
        listener = wire(far, "v0")
        af_packet = {"af_packet": {"device": "dev0", "no_offload": True}, "spread": workers > 1}
        interfaces = [{**LAN, **af_packet, **members}]
        if device != "lan":
            interfaces = [{"name": device, **af_packet}, {**LAN, **members}]
        if "vlan" in members:  # it has its parent's address
            interfaces[0]["mac"] = interfaces[1].pop("mac")
        stack = convoyd(on_workers(workers, {"interfaces": interfaces, **more}), netns=space)
        talk = Talk6(Lan(stack, listener, space))
        assert talk.wire.expect(ICMPv6ND_RA(), timeout=5)[ICMPv6ND_RA].routerlifetime == 1800
        wait.until(lambda: all(g["state"] == "joined" for g in stack.call("show groups")
                               if g["interface"] == "lan"), "joined")
        while talk.wire.receive(0.05):
            pass
        return talk
    return start


@pytest.fixture
def talk(on):
    return on({})


BVI = {"device": "port", "bridges": [{"name": "b", "ports": [{"interface": "port"}]}]}


@pytest.fixture(params=["a VLAN", "QinQ", "a BVI"])
def upon(request, on):
    """An interface that sends through another, and the VLANs that its frames are in."""
    if request.param == "a BVI":
        return on({"bvi": {"bridge": "b"}}, **BVI), []
    tags = [30] if request.param == "a VLAN" else [30, 40]
    return on({"vlan": {"parent": "trunk", "tags": ".".join(map(str, tags))}}, device="trunk"), tags


def tags_of(packet):
    tags = []
    while Dot1Q in packet:
        tags.append(packet[Dot1Q].vlan)
        packet = packet[Dot1Q].payload
    return tags


def last_words(talk, tags=()):
    """The two farewells, in whatever order they come: lifetime, {group: record type}."""
    lifetime, left = None, {}
    while lifetime is None or not left:
        packet = talk.wire.receive(3)
        assert packet, f"no farewell; heard: lifetime {lifetime}, groups {left}"
        assert tags_of(packet) == list(tags)
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


def test_rfc4861_6_2_5_the_interface_alone_is_removed(upon):
    talk, tags = upon
    talk.lan.stack.call("interface delete" if tags else "bvi delete", name="lan")
    assert last_words(talk, tags) == (0, {GROUP: TO_IN, ROUTERS: TO_IN})


def test_rfc4861_6_2_5_the_interface_alone_goes_down(upon):
    talk, tags = upon
    talk.lan.stack.call("interface set", name="lan", down=True)
    assert last_words(talk, tags) == (0, {GROUP: TO_IN, ROUTERS: TO_IN})


def test_rfc4861_6_2_5_the_parent_is_removed(on):
    talk = on({"vlan": {"parent": "trunk", "tags": "30"}}, device="trunk")
    talk.lan.stack.call("interface delete", name="trunk")
    assert last_words(talk, [30]) == (0, {GROUP: TO_IN, ROUTERS: TO_IN})
