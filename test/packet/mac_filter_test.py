"""Lists of MAC addresses that interfaces allow or deny, on ports of bridges, subinterfaces and interfaces of l3."""
import pytest
from harness import wait
from harness.switch import A, ALL, B, C, GROUP, Switch, frame
from scapy.all import ARP, Dot1Q, Ether, Raw

LAN = {"name": "lan", "ports": [{"interface": f"p{i}"} for i in range(3)]}


@pytest.fixture
def switch(workers, netns, convoyd, wire):
    def make(*filters, n=3, bridges=(LAN,), **more):
        return Switch(netns("filter"), convoyd, wire, n,
                      {"bridges": list(bridges), "mac_filters": list(filters), **more}, workers=workers)
    return make


def rule(interface, action, **side):
    return {"interface": interface, "action": action, **side}


def dropped(s, interface="p0"):
    rows = s.call("show mac-filters", interface=interface)
    return [(r["dropped_sources"], r["dropped_destinations"]) for r in rows]


def test_denied_sources_are_dropped_and_not_learnt(switch):
    s = switch(rule("p0", "deny", source=A))
    s.passes(0, frame(A, B), to=[])
    s.passes(0, frame(C, B), to=[1, 2])
    s.passes(1, frame(A, B), to=[0, 2])  # another port, which has no list
    assert dropped(s) == [(1, 0)]
    s.count("mac-filter.source", 1)
    assert s.macs() == {C: ("p0", "learned"), A: ("p1", "learned")}
    assert [i["counters"]["rx_drops"] for i in s.call("show interfaces") if i["name"] == "p0"] == [1]


def test_only_allowed_sources_pass(switch):
    s = switch(rule("p0", "allow", source=A), rule("p0", "allow", source=B))
    s.passes(0, frame(A, ALL), to=[1, 2])
    s.passes(0, frame(B, ALL), to=[1, 2])
    s.passes(0, frame(C, ALL), to=[])
    assert dropped(s) == [(1, 0)]


def test_destinations(switch):
    # Groups pass a list of allowed stations, ARP has to work; they can be denied by themselves.
    s = switch(rule("p0", "allow", destination=B), rule("p0", "deny", destination=GROUP))
    s.passes(0, frame(A, B), to=[1, 2])
    s.passes(0, frame(A, ALL), to=[1, 2])
    s.passes(0, frame(A, C), to=[])
    s.passes(0, frame(A, GROUP), to=[])
    assert dropped(s) == [(0, 2)]
    s.count("mac-filter.destination", 2)


def test_by_command_and_without_a_list_again(switch):
    s = switch()
    assert s.call("show mac-filters") == []
    s.call("mac-filter add", interface="p0", action="deny", side="source", mac=A)
    s.passes(0, frame(A, B), to=[])
    s.call("mac-filter delete", interface="p0", side="source", mac=A)
    s.passes(0, frame(A, B), to=[1, 2])
    assert s.call("show mac-filters") == []


def test_subinterface_and_tags(switch):
    """A list of a parent sees all its frames, a list of a subinterface those of its own."""
    vlans = [{"name": f"v{n}", "vlan": {"parent": "p0", "tags": n}} for n in (10, 20)]
    ports = [{"interface": i} for i in ("v10", "v20", "p1")]
    s = switch(rule("v10", "deny", source=A), rule("p0", "deny", source=C), n=2,
               bridges=[{"name": "lan", "ports": ports}], interfaces=vlans)

    def sends(src, vid):
        return s.unique(Ether(src=src, dst=ALL) / Dot1Q(vlan=vid, type=0x88b5) / Raw(bytes(46)))
    for src, vid, passes in ((A, 10, False), (A, 20, True), (B, 10, True), (C, 10, False), (C, 20, False)):
        one = sends(src, vid)
        s.send(0, one)
        assert (1 in s.heard(one, [1] if passes else [])) == passes, (src, vid)
    assert (dropped(s, "v10"), dropped(s)) == ([(1, 0)], [(2, 0)])


def test_interface_of_l3(switch):
    s = switch(rule("p0", "allow", source=B), n=1, bridges=[])
    s.call("address add", interface="p0", address="10.0.0.1/24")
    ask = ARP(op="who-has", pdst="10.0.0.1", psrc="10.0.0.9")
    s.send(0, Ether(src=A, dst=ALL) / ask)
    wait.until(lambda: dropped(s) == [(1, 0)], "the question of A is dropped")
    s.send(0, Ether(src=B, dst=ALL) / ARP(op="who-has", pdst="10.0.0.1", psrc="10.0.0.8", hwsrc=B))
    s.wires[0].expect(ARP(op="is-at", psrc="10.0.0.1", pdst="10.0.0.8"))


def test_the_list_goes_with_its_interface(switch):
    vlan = {"name": "v", "vlan": {"parent": "p0", "tags": 10}}
    s = switch(rule("v", "deny", source=A), n=1, bridges=[], interfaces=[vlan])
    assert len(s.call("show mac-filters")) == 1
    s.call("vlan delete", name="v")
    assert s.call("show mac-filters") == []
    s.call("vlan add", name="v", parent="p0", tags="10")
    assert s.call("show mac-filters") == []


def test_counts_begin_anew_with_the_interface(switch):
    s = switch(rule("v", "deny", source=A), n=1, bridges=[], interfaces=[{"name": "v", "vlan": {"parent": "p0", "tags": 10}}])
    index = {i["name"]: i["index"] for i in s.call("show interfaces")}["v"]
    s.send(0, Ether(src=A, dst=ALL) / Dot1Q(vlan=10, type=0x88b5) / Raw(bytes(50)))
    wait.until(lambda: dropped(s, "v") == [(1, 0)], "the frame of A is dropped")
    s.call("vlan delete", name="v")

    def is_used_again():  # once the workers have let go of the index
        s.call("vlan add", name="v", parent="p0", tags="10")
        if {i["name"]: i["index"] for i in s.call("show interfaces")}["v"] == index:
            return True
        s.call("vlan delete", name="v")
        return False
    wait.until(is_used_again, "the index is used again")
    s.call("mac-filter add", interface="v", action="deny", side="source", mac=B)
    assert dropped(s, "v") == [(0, 0)]


@pytest.mark.parametrize("params, says", [
    ({"interface": "px"}, "show interfaces"),
    ({"action": "perhaps"}, "allow or deny"),
    ({"side": "top"}, "source or destination"),
    ({"mac": "nonsense"}, "no MAC address"),
    ({"mac": ALL}, "group as source"),
    ({"mac": "00:00:00:00:00:00"}, "zero"),
    ({"mac": B}, "delete it first"),
])
def test_refused(switch, params, says):
    s = switch(rule("p0", "deny", source=B), n=1, bridges=[])
    before = s.call("show mac-filters")
    with pytest.raises(Exception, match=says):
        s.call("mac-filter add", **{"interface": "p0", "action": "allow", "side": "source", "mac": A, **params})
    with pytest.raises(Exception, match="show mac-filters"):
        s.call("mac-filter delete", interface="p0", side="destination", mac=B)
    assert s.call("show mac-filters") == before
