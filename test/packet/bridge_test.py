"""Bridge domains of a running stack: learning, flooding, limits, fixed addresses, the routed interface."""
import pytest
from harness import wait
from harness.switch import A, ALL, B, C, D, GROUP, Switch, frame
from harness.workers import ONE_WORKER
from scapy.all import (ARP, ICMP, IP, Dot1AD, Dot1Q, Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptSrcLLAddr, IPv6, Raw)

LAN = {"name": "lan", "ports": [{"interface": f"p{i}"} for i in range(3)]}


@pytest.fixture
def switch(workers, netns, convoyd, wire):
    """switch(N, BRIDGES, **MORE) is a Switch of N ports with these bridges."""
    def make(n=3, bridges=(LAN,), **more):
        return Switch(netns("switch"), convoyd, wire, n, {"bridges": list(bridges), **more},
                      workers=workers)
    return make


def bridge(ports, **more):
    return {"name": "lan", "ports": ports, **more}


def ports(*specs):
    return [{"interface": f"p{i}", **spec} for i, spec in enumerate(specs)]


def counters_of(s, name="lan"):
    return s.call("show bridges", bridge=name)[0]["counters"]


# --- learning and forwarding, IEEE 802.1Q §8.6 to §8.8 ---

def test_unknown_is_flooded_known_is_not(switch):
    s = switch()
    s.passes(0, frame(A, B), to=[1, 2])
    s.passes(1, frame(B, A), to=[0])
    s.passes(0, frame(A, B), to=[1])
    assert s.macs() == {A: ("p0", "learned"), B: ("p1", "learned")}


@pytest.mark.parametrize("dst", [ALL, GROUP, "33:33:00:00:00:01"])
def test_groups_are_flooded(switch, dst):
    s = switch()
    s.passes(2, frame(A, dst), to=[0, 1])
    s.passes(2, frame(A, dst, size=1514), to=[0, 1])


def test_long_copies_share_their_bytes(switch):
    # Each port has the frame as it was, whatever the others do with theirs: a tag put on, a bit turned, l3.
    more = [{"name": "v", "vlan": {"parent": "p3", "tags": 30}}, {"name": "bvi", "bvi": {"bridge": "lan"}}]
    s = switch(5, [bridge([*ports({}, {}, {}), {"interface": "v"}, {"interface": "p4"}])], interfaces=more)
    s.call("impair", interface="p2", direction="out", corrupt="100%")
    for dst in (B, ALL, B, ALL):
        sent = s.unique(frame(A, dst, bytes(range(256)) * 5, size=1500))
        s.send(0, sent)
        got = s.heard(sent, [1, 3, 4])
        assert {1, 3, 4} <= set(got)
        assert [bytes(got[port][0]) for port in (1, 4)] == [bytes(sent)] * 2
        assert (got[3][0][Dot1Q].vlan, bytes(got[3][0])[18:]) == (30, bytes(sent)[14:])
    s.count("impair-out.corrupted", 4)
    s.count("bridge-flood.shared", 4 * 3)


def test_same_port_is_filtered(switch):
    s = switch()
    s.learn(0, A)
    s.learn(0, B)
    s.passes(0, frame(A, B), to=[])
    s.count("bridge-input.same-port", 1)


def test_station_moves(switch):
    s = switch()
    s.learn(0, A)
    s.learn(1, B)
    s.learn(2, A)
    s.passes(1, frame(B, A), to=[2])
    assert counters_of(s)["moved"] == 1


def test_flapping_is_not_believed(switch):
    # More moves in a second than a station that roams makes: the sixth and later are ignored.
    s = switch()

    def flapped():
        for port in range(2):
            s.send(port, frame(A, B))
        return counters_of(s)["flapped"] > 0
    wait.until(flapped, "flapping is counted")


def test_bad_frames(switch):
    s = switch()
    s.passes(0, frame(GROUP, B), to=[])
    s.count("bridge-input.source", 1)
    s.passes(0, frame(A, "01:80:c2:00:00:00"), to=[])
    s.passes(0, frame(A, "01:80:c2:00:00:0e"), to=[])
    s.count("bridge-input.link-local", 2)
    s.passes(0, frame(A, "01:80:c2:00:00:10"), to=[1, 2])


def test_two_bridges_are_apart(switch):
    s = switch(4, [bridge([{"interface": "p0"}, {"interface": "p1"}]),
                   {"name": "other", "ports": [{"interface": "p2"}, {"interface": "p3"}]}])
    s.passes(0, frame(A, B), to=[1])
    s.passes(2, frame(A, B), to=[3])
    s.passes(3, frame(B, A), to=[2])
    s.passes(1, frame(C, A), to=[0])
    assert len(s.call("show macs")) == 4
    assert s.macs(bridge="other") == {A: ("p2", "learned"), B: ("p3", "learned")}


def test_tagged_frames_pass_a_port_unchanged(switch):
    s = switch()
    tagged = Ether(src=A, dst=B) / Dot1Q(vlan=7, prio=3, type=0x88b5) / Raw(bytes(50))
    for seen in s.passes(0, tagged, to=[1, 2]):
        assert (seen[Dot1Q].vlan, seen[Dot1Q].prio) == (7, 3)


def test_too_long_for_a_port(switch):
    s = switch()
    s.call("interface set", name="p1", mtu=1000)
    s.passes(0, frame(A, ALL, size=1014), to=[1, 2])
    s.passes(0, frame(A, ALL, size=1015), to=[2])
    s.count("bridge-flood.too-big", 1)
    s.learn(1, B)
    s.passes(0, frame(A, B, size=1014), to=[1])
    s.passes(0, frame(A, B, size=1015), to=[])
    s.count("bridge-input.too-big", 1)


# --- what floods ---

@pytest.mark.parametrize("field, dst, reason", [
    ("flood_unknown", B, "unknown"), ("flood_broadcast", ALL, "broadcast"),
    ("flood_multicast", GROUP, "multicast")])
def test_flooding_can_be_switched_off(switch, field, dst, reason):
    s = switch(3, [{**LAN, field: False}])
    s.passes(0, frame(A, dst), to=[])
    s.count(f"bridge-flood.{reason}", 1)
    for other in {B, ALL, GROUP} - {dst}:
        s.passes(0, frame(A, other), to=[1, 2])
    s.call("bridge change", **{"bridge": "lan", field.replace("_", "-"): "on"})
    s.passes(0, frame(A, dst), to=[1, 2])


def test_split_horizon(switch):
    s = switch(4, [bridge(ports({"split_horizon": 7}, {"split_horizon": 7}, {}, {"split_horizon": 8}))])
    s.passes(0, frame(A, ALL), to=[2, 3])
    s.passes(1, frame(B, A), to=[])  # known, in the same group
    s.count("bridge-input.split-horizon", 1)
    s.passes(2, frame(C, A), to=[0])
    s.passes(3, frame(D, A), to=[0])


def test_down_ports_hear_nothing(switch):
    s = switch(3, [LAN])
    s.learn(1, B)
    s.call("bridge port delete", interface="p2")
    s.passes(0, frame(A, ALL), to=[1])
    s.call("bridge port add", bridge="lan", interface="p2")
    s.passes(0, frame(A, ALL), to=[1, 2])
    s.passes(2, frame(C, A), to=[0])


def test_ports_that_are_down_get_nothing_and_know_nobody(switch):
    s = switch(3, [{**LAN, "macs": [{"mac": D, "interface": "p2"}]}])
    s.learn(2, C)
    s.learn(1, B)
    s.call("interface set", name="p2", down=True)
    assert s.macs() == {B: ("p1", "learned"), D: ("p2", "static")}  # C may be elsewhere now
    before = counters_of(s)["copies"]
    s.passes(0, frame(A, ALL), to=[1])
    assert counters_of(s)["copies"] == before  # the frame itself went, to one port
    s.passes(0, frame(A, D), to=[])
    s.count("bridge-input.down", 1)
    s.call("interface set", name="p2", up=True)
    s.passes(0, frame(A, D), to=[2])


# --- limits, fixed addresses, flushes, age ---

def test_port_limit(switch):
    s = switch(2, [bridge(ports({"macs_limit": 2}, {}))])
    s.learn(0, A)
    s.learn(0, B)
    s.passes(0, frame(C, D), to=[1])  # forwarded all the same
    assert C not in s.macs() and counters_of(s)["limited"] == 1
    s.learn(1, D)
    s.call("mac delete", bridge="lan", mac=A)
    s.learn(0, C)


def test_a_station_that_moves_counts_where_it_is(switch):
    s = switch(2, [bridge(ports({"macs_limit": 2}, {"macs_limit": 1}))])
    s.learn(0, A)
    s.learn(0, B)
    s.learn(1, A)  # leaves room at the first port …
    s.learn(0, C)
    s.passes(1, frame(B, "02:00:00:00:99:99"), to=[0])  # … and has taken that of the second
    assert s.macs() == {A: ("p1", "learned"), B: ("p0", "learned"), C: ("p0", "learned")}
    assert counters_of(s)["limited"] == 1


def test_what_the_bridge_does_not_learn_takes_no_room_of_the_port(switch):
    s = switch(2, [bridge(ports({"macs_limit": 1}, {}), macs_limit=1)])
    s.learn(1, A)
    s.passes(0, frame(B, D), to=[1])
    assert counters_of(s)["limited"] == 1
    s.call("mac delete", bridge="lan", mac=A)
    s.learn(0, B)


def test_bridge_limit(switch):
    s = switch(2, [bridge(ports({}, {}), macs_limit=2)])
    s.learn(0, A)
    s.learn(1, B)
    s.passes(0, frame(C, D), to=[1])
    assert set(s.macs()) == {A, B} and counters_of(s)["limited"] == 1
    s.call("bridge change", bridge="lan", limit=3)
    s.learn(0, C)


@pytest.mark.parametrize("of_port", [True, False])
def test_learning_can_be_switched_off(switch, of_port):
    s = switch(3, [bridge(ports({"learn": False}, {}, {})) if of_port else {**LAN, "learn": False}])
    s.passes(0, frame(A, B), to=[1, 2])
    s.passes(1, frame(B, A), to=[0, 2])
    assert s.macs() == ({B: ("p1", "learned")} if of_port else {})


def test_static_address(switch):
    s = switch(3, [{**LAN, "macs": [{"mac": B, "interface": "p2"}]}])
    s.passes(0, frame(A, B), to=[2])
    s.passes(1, frame(B, A), to=[])  # somebody else claims to be it
    s.count("bridge-input.fixed-elsewhere", 1)
    s.passes(2, frame(B, A), to=[0])
    s.call("mac flush", bridge="lan")
    assert s.macs() == {B: ("p2", "static")}
    s.passes(0, frame(A, B), to=[2])
    s.call("mac delete", bridge="lan", mac=B)
    s.passes(0, frame(A, B), to=[1, 2])


def test_static_replaces_what_was_learnt(switch):
    s = switch()
    s.learn(1, B)
    s.call("mac add", bridge="lan", mac=B, interface="p2")
    s.passes(0, frame(A, B), to=[2])
    assert s.call("show bridges")[0]["ports"][1]["macs"] == 0


def test_filter(switch):
    s = switch()
    s.call("mac add", bridge="lan", mac=B, filter=True)
    s.passes(0, frame(A, B), to=[])
    s.passes(0, frame(B, A), to=[])
    s.passes(0, frame(B, ALL), to=[])
    s.count("bridge-input.filtered", 3)
    assert s.macs()[B] == (None, "filter")


@pytest.mark.parametrize("of_port", [True, False])
def test_flush(switch, of_port):
    s = switch()
    s.learn(0, A)
    s.learn(1, B)
    s.call("mac flush", **({"interface": "p0"} if of_port else {"bridge": "lan"}))
    assert set(s.macs()) == ({B} if of_port else set())
    s.passes(2, frame(C, A), to=[0, 1])
    s.learn(1, A)
    s.passes(2, frame(C, A), to=[1])
    wait.until(lambda: s.call("show bridges")[0]["macs"] == len(s.macs()), "counts are right again")


@ONE_WORKER
def test_age(switch):
    s = switch(3, [{**LAN, "age": "1s"}])
    s.learn(0, A)
    wait.until(lambda: A not in s.macs(), "forgotten", timeout=8)
    assert s.call("show bridges")[0]["macs"] == 0
    s.passes(1, frame(B, A), to=[0, 2])


def test_removed_port_takes_its_addresses_along(switch):
    s = switch(3, [{**LAN, "macs": [{"mac": B, "interface": "p1"}]}])
    s.learn(1, A)
    s.call("bridge port delete", interface="p1")
    assert s.macs() == {}
    s.call("bridge port add", bridge="lan", interface="p1")
    assert s.macs() == {}
    s.passes(0, frame(C, A), to=[1, 2])


def test_many_stations(switch):
    # A thousand on each side; every one of them is found again behind its port.
    s = switch(2, [bridge(ports({}, {}))])
    sides = [[f"02:00:00:0{side}:{n >> 8:02x}:{n & 255:02x}" for n in range(1000)] for side in range(2)]
    for side in range(2):
        for number in range(0, 1000, 100):
            for mac in sides[side][number:number + 100]:
                s.send(side, frame(mac, ALL))
            wait.until(lambda: s.call("show bridges")[0]["macs"] >= side * 1000 + number + 100, "learnt")
            s.quiet()
    macs = s.macs(limit=5000)
    assert all(macs[mac] == (f"p{side}", "learned") for side in range(2) for mac in sides[side])


# --- subinterfaces as ports ---

def vlan(name, parent, tags, **more):
    return {"name": name, "vlan": {"parent": parent, "tags": tags, **more}}


def tagged(src, dst, *ids):
    head = Ether(src=src, dst=dst)
    for number, one in enumerate(ids):
        head = head / (Dot1Q(vlan=one) if number + 1 < len(ids) else Dot1Q(vlan=one, type=0x88b5))
    if not ids:
        head.type = 0x88b5
    return head / Raw(bytes(50))


def ids_of(seen):
    ids, layer = [], seen
    while (layer := layer.getlayer(Dot1Q)) is not None:
        ids.append(layer.vlan)
        layer = layer.payload
    return ids


REWRITES = [
    # (what it is called, tags of the first port, inside, what arrives; tags of the second, inside, what leaves)
    ("pop 1", "100", "none", [100], "untagged", "none", []),
    ("pop 2", "100.200", "none", [100, 200], "untagged", "none", []),
    ("pop the outer", "100.200", "200", [100, 200], "200", "200", [200]),
    ("push 1", "untagged", "100", [], "100", "100", [100]),
    ("push 2", "untagged", "100.200", [], "100.200", "100.200", [100, 200]),
    ("push 1 on a tagged frame", "5", "100.5", [5], "100.any", "100", [100, 5]),
    ("translate 1-1", "100", "none", [100], "200", "none", [200]),
    ("translate 1-2", "100", "none", [100], "300.400", "none", [300, 400]),
    ("translate 2-1", "100.200", "none", [100, 200], "300", "none", [300]),
    ("translate 2-2", "100.200", "none", [100, 200], "300.400", "none", [300, 400]),
    ("translate 1-1 inside", "100", "7", [100], "rest", "none", [7]),
]


@pytest.mark.parametrize("what, tags_a, inside_a, there, tags_b, inside_b, here", REWRITES,
                         ids=[row[0] for row in REWRITES])
def test_tag_rewrites_and_back(switch, what, tags_a, inside_a, there, tags_b, inside_b, here):
    s = switch(2, [{"name": "lan", "ports": [{"interface": "a"}, {"interface": "b"}]}],
               interfaces=[vlan("a", "p0", tags_a, inside=inside_a),
                           vlan("b", "p1", tags_b, inside=inside_b)])
    seen, = s.passes(0, tagged(A, B, *there), to=[1])
    assert ids_of(seen) == here
    seen, = s.passes(1, tagged(B, A, *here), to=[0])
    assert ids_of(seen) == there


def test_priority_survives_translation(switch):
    s = switch(2, [{"name": "lan", "ports": [{"interface": "a"}, {"interface": "b"}]}],
               interfaces=[vlan("a", "p0", "100", inside="5"), vlan("b", "p1", "200", inside="5")])
    one = tagged(A, B, 100)
    one[Dot1Q].prio = 6
    seen, = s.passes(0, one, to=[1])
    assert (seen[Dot1Q].vlan, seen[Dot1Q].prio) == (200, 6)


def test_frame_without_the_inside_tag_does_not_leave(switch):
    s = switch(2, [{"name": "lan", "ports": [{"interface": "p0"}, {"interface": "b"}]}],
               interfaces=[vlan("b", "p1", "200", inside="5")])
    s.passes(0, tagged(A, B, 6), to=[])
    s.passes(0, tagged(A, B), to=[])
    s.count("vlan-tx.tags", 2)
    s.passes(0, tagged(A, B, 5), to=[1])


def test_trunk_and_access_ports(switch):
    # One bridge for each VLAN: p0 carries both tagged, p1 and p2 are access ports.
    s = switch(3, [{"name": "v10", "ports": [{"interface": "p0.10"}, {"interface": "p1"}]},
                   {"name": "v20", "ports": [{"interface": "p0.20"}, {"interface": "p2"}]}],
               interfaces=[vlan("p0.10", "p0", "10"), vlan("p0.20", "p0", "20")])
    seen, = s.passes(0, tagged(A, ALL, 10), to=[1])
    assert ids_of(seen) == []
    seen, = s.passes(0, tagged(A, ALL, 20), to=[2])
    seen, = s.passes(2, tagged(B, ALL), to=[0])
    assert ids_of(seen) == [20]
    seen, = s.passes(1, tagged(C, A), to=[0])
    assert ids_of(seen) == [10]
    s.passes(0, tagged(A, ALL, 30), to=[])


# --- the routed interface ---

BVI = {"name": "bvi0", "mac": "02:00:00:00:00:01", "addresses": ["10.0.0.1/24"], "bvi": {"bridge": "lan"}}


def test_bvi_is_pinged_through_any_port(switch):
    s = switch(3, [LAN], interfaces=[BVI])
    for port in range(3):
        mine, address = s.wires[port].mac, f"10.0.0.{10 + port}"
        s.send(port, Ether(src=mine, dst=ALL) / ARP(op="who-has", hwsrc=mine, psrc=address, pdst="10.0.0.1"))
        s.wires[port].expect(ARP(op="is-at", psrc="10.0.0.1", hwsrc=BVI["mac"], hwdst=mine))
        s.send(port, Ether(src=mine, dst=BVI["mac"]) / IP(src=address, dst="10.0.0.1") / ICMP() / Raw(bytes(40)))
        s.wires[port].expect(IP(src="10.0.0.1", dst=address) / ICMP(type="echo-reply"))
    # The answers went to the asker's port only: stations were known by then.
    for port in range(3):
        s.wires[port].silence(ICMP(type="echo-reply"), 0.1)
    assert s.macs()[BVI["mac"]] == ("bvi0", "bvi")


def test_bvi_hears_broadcasts_but_no_unknown_unicast(switch):
    s = switch(2, [bridge(ports({}, {}))], interfaces=[BVI])
    before = s.call("show interfaces", interface="bvi0")[0]["counters"]["rx_packets"]
    s.passes(0, frame(A, ALL), to=[1])
    s.passes(0, frame(A, B), to=[1])
    after = s.call("show interfaces", interface="bvi0")[0]["counters"]["rx_packets"]
    assert after - before == 1


def test_nobody_else_has_the_bvis_address(switch):
    s = switch(2, [bridge(ports({}, {}))], interfaces=[BVI])
    s.passes(0, frame(BVI["mac"], ALL), to=[])
    s.count("bridge-input.fixed-elsewhere", 1)


def test_two_bvis_route_between_bridges(switch):
    other = {"name": "bvi1", "mac": "02:00:00:00:00:02", "addresses": ["10.0.1.1/24"], "bvi": {"bridge": "wan"}}
    s = switch(2, [{"name": "lan", "ports": [{"interface": "p0"}]},
                   {"name": "wan", "ports": [{"interface": "p1"}]}], interfaces=[BVI, other])
    s.wires[1].answer_arp("10.0.1.9")
    s.send(0, Ether(src=A, dst=BVI["mac"]) / IP(src="10.0.0.9", dst="10.0.1.9", ttl=9) / ICMP() / Raw(b"x" * 40))
    seen = s.wires[1].expect(IP(src="10.0.0.9", dst="10.0.1.9") / ICMP())
    assert (seen.src, seen[IP].ttl) == (other["mac"], 8)


def test_bvi_comes_and_goes(switch):
    s = switch(2, [bridge(ports({}, {}))])
    s.call("bvi add", name="b0", bridge="lan", mac="02:00:00:00:00:01")
    s.call("address add", interface="b0", address="10.0.0.1/24")
    mine = s.wires[0].mac
    s.send(0, Ether(src=mine, dst=ALL) / ARP(op="who-has", hwsrc=mine, psrc="10.0.0.9", pdst="10.0.0.1"))
    s.wires[0].expect(ARP(op="is-at", psrc="10.0.0.1"))
    with pytest.raises(Exception, match="has a bvi already"):
        s.call("bvi add", name="b1", bridge="lan")
    assert [i["name"] for i in s.call("show interfaces")] == ["p0", "p1", "b0"]
    s.call("bvi delete", name="b0")
    assert s.call("show bridges")[0]["bvi"] is None
    s.call("bridge delete", bridge="lan")
    assert s.call("show bridges") == [] and s.macs() == {}


# --- ARP and Neighbor Discovery answered by the bridge ---

ANSWERING = {**LAN, "answer": True}
STATION, STATION6 = "10.0.0.42", "2001:db8::42"


def who_has(asker, target, sender="10.0.0.9"):
    return Ether(src=asker, dst=ALL) / ARP(op="who-has", hwsrc=asker, psrc=sender, pdst=target)


def solicit(asker, target, source="2001:db8::9"):
    group = f"ff02::1:ff{target.rpartition(':')[2].zfill(6)[:2]}:{target.rpartition(':')[2].zfill(6)[2:]}"
    packet = Ether(src=asker, dst="33:33:ff:00:00:42") / IPv6(src=source, dst=group, hlim=255) / ICMPv6ND_NS(tgt=target)
    return packet if source == "::" else packet / ICMPv6NDOptSrcLLAddr(lladdr=asker)


def answers(s):
    return {a["address"]: (a["mac"], a["kind"], a["router"]) for a in s.call("show answers")}


def test_arp_is_answered_and_not_flooded(switch):
    s = switch(3, [ANSWERING])
    s.send(0, who_has(A, STATION))                       # nobody knows: everybody hears it
    s.wires[1].expect(ARP(op="who-has", pdst=STATION))
    s.wires[2].expect(ARP(op="who-has", pdst=STATION))
    wait.until(lambda: answers(s).get("10.0.0.9") == (A, "heard", False), "the asker is heard")
    s.send(1, who_has(B, "10.0.0.9", sender=STATION))    # the bridge knows the asker of before
    seen = s.wires[1].expect(ARP(op="is-at", hwsrc=A, psrc="10.0.0.9", hwdst=B, pdst=STATION))
    assert (seen.src, seen.dst) == (A, B)
    s.wires[0].silence(ARP, 0.1)
    s.wires[2].silence(ARP, 0.1)
    s.count("bridge-answer.answered", 1)


def test_arp_by_a_fixed_answer(switch):
    s = switch(3, [{**ANSWERING, "answers": [{"address": STATION, "mac": C}, {"address": STATION6, "mac": C}]}])
    s.send(0, who_has(A, STATION))
    s.wires[0].expect(ARP(op="is-at", hwsrc=C, psrc=STATION, hwdst=A))
    s.send(1, who_has(B, "10.0.0.1", sender=STATION))    # B says that it has it: not believed
    s.wires[0].expect(ARP(op="who-has", pdst="10.0.0.1"))
    assert answers(s)[STATION] == (C, "static", False)
    s.call("answer delete", bridge="lan", address=STATION)
    s.send(0, who_has(A, STATION))
    s.wires[1].expect(ARP(op="who-has", pdst=STATION))


def test_arp_that_is_flooded_all_the_same(switch):
    s = switch(3, [ANSWERING])
    s.call("answer add", bridge="lan", address=STATION, mac=C)
    s.send(0, who_has(A, STATION, sender=STATION))       # gratuitous: others are to hear it
    s.wires[1].expect(ARP(op="who-has", psrc=STATION))
    s.learn(0, C)
    s.send(0, who_has(A, STATION))                       # who is asked hears it by himself
    s.wires[0].silence(ARP(op="is-at"), 0.1)
    s.passes(0, frame(A, ALL), to=[1, 2])


def with_tags(packet, *ids, prio=0):
    """The packet under these tags; a service tag first where there are two."""
    payload = packet.payload
    for n, vid in reversed(list(enumerate(ids))):
        kind = Dot1AD if n == 0 and len(ids) == 2 else Dot1Q
        payload = kind(vlan=vid, prio=prio) / payload
    return Ether(src=packet.src, dst=packet.dst) / payload


def tagged_answers(s):
    return {(a["tags"], a["address"]): a["mac"] for a in s.call("show answers")}


@pytest.mark.parametrize("ids, text", [((30,), "30"), ((30, 40), "802.1ad 30.40")])
def test_arp_is_answered_under_its_tags(switch, ids, text):
    # IEEE 802.1Q: who asks in a VLAN is answered there, for who was heard there, with the priority of the question.
    s = switch(3, [ANSWERING])
    s.send(0, with_tags(who_has(A, STATION), *ids))
    s.wires[1].expect(ARP(op="who-has", pdst=STATION))
    wait.until(lambda: tagged_answers(s) == {(text, "10.0.0.9"): A}, "the asker is heard")
    s.send(1, who_has(B, "10.0.0.9", sender=STATION))            # without tags: somebody else's 10.0.0.9
    s.wires[2].expect(ARP(op="who-has", pdst="10.0.0.9"))
    s.send(1, with_tags(who_has(B, "10.0.0.9", sender=STATION), *ids, prio=5))
    seen = s.wires[1].expect(ARP(op="is-at", hwsrc=A, psrc="10.0.0.9", hwdst=B, pdst=STATION))
    tags = [seen.getlayer(n) for n in range(1, 1 + len(ids))]
    assert [(t.vlan, t.prio) for t in tags] == [(vid, 5) for vid in ids]
    assert tags[0].name == ("802_1AD" if len(ids) == 2 else "802.1Q")
    s.count("bridge-answer.answered", 1)
    s.call("answer delete", bridge="lan", address="10.0.0.9")
    s.send(1, with_tags(who_has(B, "10.0.0.9", sender=STATION), *ids))
    s.wires[2].expect(ARP(op="who-has", pdst="10.0.0.9"))


def test_priority_tag_asks_as_if_it_were_none(switch):
    s = switch(3, [{**ANSWERING, "answers": [{"address": STATION, "mac": C}]}])
    s.send(0, with_tags(who_has(A, STATION), 0, prio=3))
    seen = s.wires[0].expect(ARP(op="is-at", hwsrc=C, psrc=STATION, hwdst=A))
    assert (seen[Dot1Q].vlan, seen[Dot1Q].prio) == (0, 3)


def test_nd_is_answered_under_its_tag(switch):
    s = switch(3, [ANSWERING])
    s.send(2, with_tags(solicit(C, "2001:db8::77", source=STATION6), 30))
    wait.until(lambda: tagged_answers(s) == {("30", STATION6): C}, "heard")
    s.send(0, with_tags(solicit(A, STATION6), 31))
    s.wires[1].expect(ICMPv6ND_NS(tgt=STATION6))
    s.send(0, with_tags(solicit(A, STATION6), 30))
    seen = s.wires[0].expect(ICMPv6ND_NA(tgt=STATION6, S=1, O=1))
    assert (seen[Dot1Q].vlan, seen.src, seen.dst) == (30, C, A)


def test_nd_is_answered_and_not_flooded(switch):
    # RFC 4861 §7.2.4: solicited, override, the target's link address; checksum good.
    s = switch(3, [ANSWERING])
    s.send(2, solicit(C, "2001:db8::1", source=STATION6))
    s.wires[0].expect(ICMPv6ND_NS(tgt="2001:db8::1"))
    wait.until(lambda: answers(s).get(STATION6) == (C, "heard", False), "heard")
    s.quiet()
    s.send(0, solicit(A, STATION6))
    seen = s.wires[0].expect(ICMPv6ND_NA(tgt=STATION6, S=1, O=1, R=0))
    assert (seen.src, seen.dst, seen[IPv6].src, seen[IPv6].dst, seen[IPv6].hlim) == (
        C, A, STATION6, "2001:db8::9", 255)
    assert seen[ICMPv6NDOptDstLLAddr].lladdr == C
    again = seen.copy()
    del again[ICMPv6ND_NA].cksum
    assert bytes(again) == bytes(seen)
    s.wires[1].silence(ICMPv6ND_NS, 0.1)
    # Who looks for a duplicate of his address hears it by the group of all nodes. RFC 4862 §5.4
    s.send(1, solicit(B, STATION6, source="::"))
    seen = s.wires[1].expect(ICMPv6ND_NA(tgt=STATION6, S=0, O=1))
    assert (seen.dst, seen[IPv6].dst) == ("33:33:00:00:00:01", "ff02::1")


def test_a_router_is_answered_for_as_a_router(switch):
    # RFC 4861 §7.2.5: a host that hears R=0 from its router would forget it.
    s = switch(3, [ANSWERING])
    s.send(2, Ether(src=C, dst="33:33:00:00:00:01") / IPv6(src="fe80::1", dst="ff02::1", hlim=255)
           / ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=C))
    wait.until(lambda: answers(s).get("fe80::1") == (C, "heard", True), "heard")
    s.send(0, solicit(A, "fe80::1"))
    s.wires[0].expect(ICMPv6ND_NA(tgt="fe80::1", R=1))


@pytest.mark.parametrize("what, packet", [
    ("hop limit", lambda: IPv6(src=STATION6, dst="ff02::1:ff00:1", hlim=64) / ICMPv6ND_NS(tgt="2001:db8::1")
     / ICMPv6NDOptSrcLLAddr(lladdr=C)),
    ("checksum", lambda: IPv6(src=STATION6, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt="2001:db8::1", cksum=1)
     / ICMPv6NDOptSrcLLAddr(lladdr=C)),
    ("another's address", lambda: IPv6(src=STATION6, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt="2001:db8::1")
     / ICMPv6NDOptSrcLLAddr(lladdr=D)),
    ("ARP for another", lambda: ARP(op="who-has", hwsrc=D, psrc=STATION, pdst="10.0.0.1")),
    ("ARP cut off", lambda: Raw(b"\0\1\x08\0\6\4\0\1" + bytes(8))),
])
def test_not_believed(switch, what, packet):
    s = switch(2, [{**ANSWERING, "ports": LAN["ports"][:2]}])
    kind = 0x0806 if "ARP" in what else 0x86dd
    s.send(0, Ether(src=C, dst="33:33:ff:00:00:01", type=kind) / packet())
    s.wires[1].expect(Ether(src=C))
    assert answers(s) == {}


def test_bvi_is_answered_too(switch):
    s = switch(2, [{**ANSWERING, "ports": LAN["ports"][:2], "answers": [{"address": "10.0.0.9", "mac": A}]}],
               interfaces=[BVI])
    s.learn(0, A)
    s.send(1, Ether(src=B, dst=BVI["mac"]) / IP(src="10.0.0.8", dst="10.0.0.9", ttl=9) / ICMP() / Raw(bytes(40)))
    s.wires[0].expect(IP(dst="10.0.0.9", ttl=8) / ICMP())


# --- refusals ---

@pytest.mark.parametrize("method, params, says", [
    ("bridge add", {"name": "lan"}, "a bridge of this name"),
    ("bridge add", {"name": "no good"}, "not printable"),
    ("bridge port add", {"bridge": "none", "interface": "p0"}, "show bridges"),
    ("bridge port add", {"bridge": "lan", "interface": "px"}, "show interfaces"),
    ("bridge port add", {"bridge": "two", "interface": "p0"}, "another bridge"),
    ("bridge port delete", {"interface": "p1"}, "in no bridge"),
    ("mac add", {"bridge": "lan", "mac": "nonsense", "interface": "p0"}, "no MAC address"),
    ("mac add", {"bridge": "lan", "mac": ALL, "interface": "p0"}, "single other station"),
    ("mac add", {"bridge": "lan", "mac": A, "interface": "p1"}, "no port of"),
    ("mac add", {"bridge": "lan", "mac": A}, "--filter"),
    ("mac delete", {"bridge": "lan", "mac": A}, "no such address"),
    ("xconnect add", {"interface": "p0", "other": "p1"}, "already"),
    ("answer add", {"bridge": "lan", "address": "nonsense", "mac": A}, "is no address"),
    ("answer add", {"bridge": "lan", "address": "10.0.0.1", "mac": ALL}, "single station"),
    ("answer delete", {"bridge": "lan", "address": "10.0.0.1"}, "show answers"),
    ("address add", {"interface": "p0", "address": "10.0.0.1/24"}, "convoy bvi add"),
    ("address add", {"interface": "p0", "address": "2001:db8::1/64"}, "convoy bvi add"),
])
def test_refused(switch, method, params, says):
    s = switch(2, [{"name": "lan", "ports": [{"interface": "p0"}]}, {"name": "two"}])
    before = s.call("show bridges")
    with pytest.raises(Exception, match=says):
        s.call(method, **params)
    assert s.call("show bridges") == before
