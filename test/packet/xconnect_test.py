"""Cross-connects of a running stack: two ports as one wire."""
import pytest
from harness.switch import A, ALL, B, Switch, frame
from scapy.all import Dot1Q, Ether, Raw


@pytest.fixture
def switch(workers, netns, convoyd, wire):
    def make(n=2, pairs=(("p0", "p1"),), **more):
        return Switch(netns("switch"), convoyd, wire, n,
                      {"xconnects": [{"ports": list(p)} for p in pairs], **more}, workers=workers)
    return make


@pytest.mark.parametrize("dst", [B, ALL, "01:80:c2:00:00:00", "01:00:5e:00:00:01"])
def test_everything_passes_both_ways(switch, dst):
    s = switch()
    s.passes(0, frame(A, dst), to=[1])
    s.passes(1, frame(A, dst, size=1514), to=[0])


def test_pairs_are_apart(switch):
    s = switch(4, [("p0", "p3"), ("p1", "p2")])
    s.passes(0, frame(A, ALL), to=[3])
    s.passes(2, frame(A, ALL), to=[1])
    assert [x["ports"] for x in s.call("show xconnects")] == [["p0", "p3"], ["p1", "p2"]]


def test_tags_stay_or_change(switch):
    s = switch(2, [("a", "b")], interfaces=[
        {"name": "a", "vlan": {"parent": "p0", "tags": "100"}},
        {"name": "b", "vlan": {"parent": "p1", "tags": "200.300"}}])
    one = Ether(src=A, dst=B) / Dot1Q(vlan=100, prio=4, type=0x88b5) / Raw(bytes(50))
    seen, = s.passes(0, one, to=[1])
    assert (seen[Dot1Q].vlan, seen[Dot1Q:2].vlan) == (200, 300)
    seen, = s.passes(1, Ether(src=B, dst=A) / Dot1Q(vlan=200) / Dot1Q(vlan=300, type=0x88b5) / Raw(bytes(50)), to=[0])
    assert seen[Dot1Q].vlan == 100
    s.passes(0, frame(A, B), to=[])


def test_too_long(switch):
    # 1,600 bytes into p0, whose device takes them; p1 has an MTU of 1,500.
    s = switch()
    s.call("xconnect delete", interface="p0")
    s.call("vlan add", name="small", parent="p1", tags="untagged", mtu=1000)
    s.call("xconnect add", interface="p0", other="small")
    s.passes(0, frame(A, B, size=1015), to=[])
    s.count("xconnect.too-big", 1)
    s.passes(0, frame(A, B, size=1014), to=[1])
    # A tag does not count.
    one = Ether(src=A, dst=B) / Dot1Q(vlan=5, type=0x88b5) / Raw(bytes(1000))
    s.passes(0, one, to=[1])


def test_nothing_goes_to_a_port_that_is_down(switch):
    s = switch()
    s.call("interface set", name="p1", down=True)
    s.passes(0, frame(A, B), to=[])
    s.count("xconnect.down", 1)
    s.call("interface set", name="p1", up=True)
    s.passes(0, frame(A, B), to=[1])


def test_ends_with_either_port(switch):
    s = switch(2, [], interfaces=[{"name": "v", "vlan": {"parent": "p0", "tags": "rest"}}])
    s.call("xconnect add", interface="v", other="p1")
    s.passes(0, frame(A, B), to=[1])
    s.call("vlan delete", name="v")
    assert s.call("show xconnects") == []
    s.passes(1, frame(A, B), to=[])
    s.call("xconnect add", interface="p0", other="p1")
    s.passes(0, frame(A, B), to=[1])
    s.call("xconnect delete", interface="p1")
    s.passes(0, frame(A, B), to=[])


@pytest.mark.parametrize("params, says", [
    ({"interface": "p0", "other": "p1"}, "already"),
    ({"interface": "p2", "other": "p2"}, "itself"),
    ({"interface": "p2", "other": "nobody"}, "show interfaces"),
])
def test_refused(switch, params, says):
    s = switch(3)
    with pytest.raises(Exception, match=says):
        s.call("xconnect add", **params)
    s.passes(0, frame(A, B), to=[1])
