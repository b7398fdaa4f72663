"""Several next hops, next hops of other VRFs and behind other routes."""
import pytest
import yaml
from harness import router, wait
from scapy.all import (IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw,
                       UDP)

FAR = {4: "30.0.0.0/8", 6: "2001:db8:30::/48"}
TO = {4: "30.0.0.1", 6: "2001:db8:30::1"}
LAN_HOP = {4: "10.0.0.8", 6: "2001:db8::8"}
WAN_HOP = {4: "10.1.0.7", 6: "2001:db8:1::7"}
WAN_HOP_2 = {4: "10.1.0.8", 6: "2001:db8:1::8"}
HERE = {4: "10.0.0.9", 6: "2001:db8::9"}


@pytest.fixture
def links(netns, convoyd, wire, workers):
    """A function that starts a router whose neighbours answer."""
    def start(**more):
        lan, wan = router.start(netns, convoyd, wire, workers, **more)
        for talk, hops in (lan, (LAN_HOP,)), (wan, (WAN_HOP, WAN_HOP_2)):
            talk.wire.answer_arp(*(hop[4] for hop in hops))
            talk.wire.answer_nd(*(hop[6] for hop in hops))
        wait.until(lambda: "tentative" not in str(lan.lan.stack.call("show addresses")), "DAD")
        return lan, wan
    return start


def packet(family, port, to):
    ip = IP(src=HERE[4], dst=to) if family == 4 else IPv6(src=HERE[6], dst=to)
    return ip / UDP(sport=port, dport=9) / "x"


def resolve(lan, wan, family):
    """So that no packet of a flow waits for a neighbour's address."""
    for talk, hops in (lan, (LAN_HOP,)), (wan, (WAN_HOP, WAN_HOP_2)):
        for hop in hops:
            lan.wire.send(packet(family, 999, hop[family]))
            talk.wire.expect((IP if family == 4 else IPv6)(dst=hop[family]) / UDP(sport=999))


def flows(wire, family):
    """The source ports of what has come for the far destination."""
    layer, ports = (IP if family == 4 else IPv6), set()
    while (got := wire.receive(0.3)) is not None:
        if layer in got and got[layer].dst == TO[family] and UDP in got:
            ports.add(got[UDP].sport)
    return ports


def spread(lan, wan, family):
    """Sends 64 flows; which of them leave by the lan, which by the wan."""
    for port in range(1000, 1064):
        lan.wire.send(packet(family, port, TO[family]))
    by_lan, by_wan = flows(lan.wire, family), flows(wan.wire, family)
    assert by_lan | by_wan == set(range(1000, 1064)) and not by_lan & by_wan
    return by_lan, by_wan


def add(talk, prefix, to, **more):
    talk.lan.stack.call("route add", prefix=prefix, to=to, **more)


@pytest.mark.parametrize("family", [4, 6])
def test_several_next_hops_share_the_flows_by_weight(links, family):
    lan, wan = links()
    stack = lan.lan.stack
    resolve(lan, wan, family)
    add(lan, FAR[family], f"via {LAN_HOP[family]} weight 1 via {WAN_HOP[family]} dev wan weight 3")
    shown, = stack.call("show routes", to=TO[family])
    assert [(p["interface"], p["weight"]) for p in shown["paths"]] == [("lan", 1), ("wan", 3)]
    by_lan, by_wan = spread(lan, wan, family)
    assert 4 <= len(by_lan) < len(by_wan)
    saved, = yaml.safe_load(stack.call("save", format="text")["text"])["routes"]
    assert saved == {"to": FAR[family], "next_hops": [
        {"via": LAN_HOP[family]}, {"via": WAN_HOP[family], "weight": 3}]}
    stack.call("route delete", prefix=FAR[family])
    lan.wire.send(packet(family, 1000, TO[family]))
    lan.count(f"ip{family}-lookup.no-route", 1)


@pytest.mark.parametrize("family", [4, 6])
def test_flows_of_a_resilient_route_stay_when_a_next_hop_goes(links, family):
    lan, wan = links()
    resolve(lan, wan, family)
    two = f"via {LAN_HOP[family]} via {WAN_HOP[family]} resilient"
    add(lan, FAR[family], f"via {WAN_HOP_2[family]} {two}")
    assert lan.lan.stack.call("show routes", to=TO[family])[0]["resilient"]
    before, _ = spread(lan, wan, family)
    add(lan, FAR[family], two)
    after, _ = spread(lan, wan, family)
    assert before and before < after  # those of the lan stay, and some of the third come


@pytest.mark.parametrize("family", [4, 6])
def test_a_next_hop_of_another_vrf_is_looked_up_there(links, family):
    lan, wan = links(wan={"vrf": "blue"}, vrfs=["blue"], routes=[
        {"to": "192.0.2.0/24", "via": WAN_HOP[4], "vrf": "blue"},
        {"to": "2001:db8:2::/48", "via": WAN_HOP[6], "vrf": "blue"}])
    stack = lan.lan.stack
    layer = IP if family == 4 else IPv6
    for via in WAN_HOP[family], {4: "192.0.2.1", 6: "2001:db8:2::1"}[family]:
        add(lan, FAR[family], f"via {via} vrf blue")
        lan.wire.send(packet(family, 1000, TO[family]))
        wan.wire.expect(layer(dst=TO[family]) / UDP(sport=1000) / Raw(b"x"))
    route = [r for r in yaml.safe_load(stack.call("save", format="text")["text"])["routes"]
             if r["to"] == FAR[family]]
    assert route == [{"to": FAR[family], "next_hops": [{"via": via, "vrf": "blue"}]}]
    with pytest.raises(Exception, match="other routes|still has|look it up"):
        stack.call("vrf delete", name="blue")


def test_the_order_of_routes_in_the_file_does_not_matter(links):
    lan, wan = links(routes=[{"to": "30.0.0.0/8", "via": "198.51.100.1"},
                             {"to": "198.51.100.0/24", "via": "192.0.2.1"},
                             {"to": "192.0.2.0/24", "via": WAN_HOP[4]}])
    lan.wire.send(packet(4, 1000, TO[4]))
    wan.wire.expect(IP(dst=TO[4]) / UDP(sport=1000))


def test_a_next_hop_whose_own_next_hops_are_dead_is_dead(links):
    lan, wan = links(routes=[{"to": "192.0.2.0/24", "via": WAN_HOP[4]},
                             {"to": "198.51.100.0/24", "via": "192.0.2.1"},
                             {"to": "30.0.0.0/8", "next_hops": [{"via": "198.51.100.1"},
                                                                {"via": LAN_HOP[4]}]}])
    stack = lan.lan.stack
    resolve(lan, wan, 4)
    before, by_wan = spread(lan, wan, 4)
    assert before and by_wan
    stack.call("route delete", prefix="192.0.2.0/24")  # two steps behind the flows
    assert spread(lan, wan, 4) == (before | by_wan, set())
    add(lan, "192.0.2.0/24", f"via {WAN_HOP[4]}")
    assert spread(lan, wan, 4) == (before, by_wan)


# --- IPv6 behind extension headers ---

def ways(lan, wan, packets):
    """{what follows b"flow-": "lan" or "wan"} of packets that carry that."""
    for one in packets:
        lan.wire.send(one)
    found = {}
    for name, talk in ("lan", lan), ("wan", wan):
        while (got := talk.wire.receive(0.3)) is not None:
            text = bytes(got)
            if b"flow-" in text and IPv6 in got and got[IPv6].dst == TO[6]:
                key = text[text.index(b"flow-") + 5:][:5].decode()
                found.setdefault(key, set()).add(name)
    return {key: "".join(sorted(where)) for key, where in found.items()}


CHAINS = {
    "hop-by-hop": IPv6ExtHdrHopByHop(),
    "three options headers": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt(),
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_ip6_flows_are_told_apart_behind_extension_headers(links, chain):
    lan, wan = links()
    resolve(lan, wan, 6)
    add(lan, FAR[6], f"via {LAN_HOP[6]} via {WAN_HOP[6]}")

    def flow(port, headers):
        ip = IPv6(src=HERE[6], dst=TO[6])
        return (ip / headers if headers else ip) / UDP(sport=port, dport=9) / f"flow-{port:05}"
    plain = ways(lan, wan, [flow(port, None) for port in range(1000, 1032)])
    behind = ways(lan, wan, [flow(port, chain) for port in range(1000, 1032)])
    assert set(plain.values()) == {"lan", "wan"} and behind == plain


def test_rfc8200_4_5_fragments_of_all_flows_go_one_way(links):
    """Only the first has ports: none are looked at, or its others would take another way."""
    lan, wan = links()
    resolve(lan, wan, 6)
    add(lan, FAR[6], f"via {LAN_HOP[6]} via {WAN_HOP[6]}")
    packets = []
    for port in range(1000, 1016):
        head = IPv6(src=HERE[6], dst=TO[6]) / IPv6ExtHdrDestOpt()
        first = head / IPv6ExtHdrFragment(nh=17, id=port, m=1)
        first = first / Raw(bytes(UDP(sport=port, dport=9, len=32)) + f"flow-{port:05}".encode() + bytes(6))
        last = head / IPv6ExtHdrFragment(nh=17, id=port, offset=3) / Raw(f"flow-{port:05}".encode())
        packets += [first, last]
    found = ways(lan, wan, packets)
    assert len(found) == 16 and len(set(found.values())) == 1
