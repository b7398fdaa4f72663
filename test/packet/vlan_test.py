"""Subinterfaces of a running stack: whose frame is it, tags off and on, counters, parents that go."""
import pytest
from harness import wait
from harness.talk import counters
from harness.wire import CONVOY_MAC
from harness.workers import on_workers
from scapy.all import ARP, ICMP, IP, Dot1AD, Dot1Q, Ether, Raw

MTU = 1500


@pytest.fixture
def trunk(workers, netns, convoyd, wire):
    """trunk(VLANS...) is (stack, wire): a tap "lan" and subinterfaces as net.yaml has them."""
    def make(*vlans, addresses=("10.0.0.1/24",)):
        space = netns("trunk")
        space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        lan = {"name": "lan", "addresses": list(addresses), "mac": CONVOY_MAC,
               "tap": {"no_offload": True}}
        stack = convoyd(on_workers(workers, {"interfaces": [*vlans, lan]}), netns=space)
        return stack, wire(space, "lan")
    return make


def vlan(name, tags, *addresses, **more):
    return {"name": name, "addresses": list(addresses),
            "vlan": {"parent": "lan", "tags": tags, **more}}


def tagged(tags, payload, dst=CONVOY_MAC, src="02:00:00:00:00:09"):
    """The frame with these tags: "100", "ad100.200"."""
    frame = Ether(src=src, dst=dst)
    for number, one in enumerate(t for t in str(tags).removeprefix("ad").split(".") if t):
        kind = Dot1AD if number == 0 and str(tags).startswith("ad") else Dot1Q
        frame = frame / kind(vlan=int(one))
    return frame / payload


def tags_of(frame):
    ids, layer = [], frame.payload
    ad = layer.name == "802_1AD"
    while hasattr(layer, "vlan"):
        ids.append(str(layer.vlan))
        layer = layer.payload
    return ("ad" if ad else "") + ".".join(ids)


def who_has(dst, src):
    return ARP(op="who-has", psrc=src, pdst=dst, hwsrc="02:00:00:00:00:09")


def expect_tagged(wire, tags, template):
    """The first frame like template that has exactly these tags; fails when others come first."""
    frame = wire.expect(template)
    assert tags_of(frame) == tags, frame.summary()
    return frame


ALL = [
    vlan("v100", 100, "10.1.0.1/24"),
    vlan("q", "100.200", "10.2.0.1/24"),
    vlan("ad", "802.1ad 100.200", "10.3.0.1/24"),
    vlan("s100", "802.1ad 100", "10.4.0.1/24"),
]


@pytest.mark.parametrize("tags, net", [
    ("", "10.0.0"), ("100", "10.1.0"), ("100.200", "10.2.0"), ("ad100.200", "10.3.0"),
    ("ad100", "10.4.0")])
def test_each_vlan_is_an_interface(trunk, tags, net):
    # IEEE 802.1Q §6.9: ARP and ping of each network, under its tags, and of no other's.
    _, wire = trunk(*ALL)
    wire.send(tagged(tags, who_has(f"{net}.1", f"{net}.9"), dst="ff:ff:ff:ff:ff:ff"))
    expect_tagged(wire, tags, ARP(op="is-at", psrc=f"{net}.1", hwsrc=CONVOY_MAC))
    wire.send(tagged(tags, IP(src=f"{net}.9", dst=f"{net}.1") / ICMP() / Raw(bytes(100))))
    answer = expect_tagged(wire, tags, IP(src=f"{net}.1") / ICMP(type="echo-reply"))
    assert len(answer) == 14 + 4 * bool(tags) + 4 * tags.count(".") + 20 + 8 + 100


def test_counters_of_its_own(trunk):
    stack, wire = trunk(*ALL)
    wire.send(tagged("100", who_has("10.1.0.1", "10.1.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    wire.expect(ARP(op="is-at"))
    rows = {i["name"]: i["counters"] for i in stack.call("show interfaces")}
    assert (rows["v100"]["rx_packets"], rows["v100"]["rx_bytes"]) == (1, 46)
    assert rows["q"]["rx_packets"] == 0
    # Its own announcement when it came up, and the answer: with the tag, as the parent sends it.
    assert rows["v100"]["tx_packets"] >= 1
    assert rows["lan"]["rx_bytes"] >= 46
    assert stack.call("show interfaces", interface="v100")[0]["driver"] == "vlan"


@pytest.mark.parametrize("what, frame, reason", [
    ("unknown id", tagged("101", IP()), "vlan-input.no-vlan"),
    ("one tag too many", tagged("100.201", IP()), "vlan-input.no-vlan"),
    ("wrong TPID", tagged("ad101", IP()), "vlan-input.no-vlan"),
    ("cut off in the tag", Ether(dst=CONVOY_MAC, type=0x8100) / b"\0\x64\x08", "vlan-input.short"),
    ("three tags", tagged("100.200.300", IP()), "ethernet-input.unknown-type"),
    ("other station", tagged("100", IP(), dst="02:00:00:00:00:77"), "ethernet-input.other-station"),
])
def test_refused(trunk, what, frame, reason):
    stack, wire = trunk(*ALL[:2])
    before = counters(stack)
    if reason == "ethernet-input.unknown-type":
        reason = "vlan-input.no-vlan"  # the third tag is what 100.200 carries, and it has no VLANs
    wire.send(frame)
    wait.until(lambda: counters(stack).get(reason, 0) == before.get(reason, 0) + 1, reason)


def test_priority_tag_is_untagged(trunk):
    # IEEE 802.1Q §6.9.1: VID 0 means no VLAN. The answer is not tagged.
    _, wire = trunk(*ALL)
    frame = Ether(src=wire.mac, dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=0, prio=5)
    wire.send(frame / who_has("10.0.0.1", "10.0.0.9"))
    expect_tagged(wire, "", ARP(op="is-at", psrc="10.0.0.1"))


def test_untagged_subinterface(trunk):
    _, wire = trunk(vlan("plain", "untagged", "10.5.0.1/24"), vlan("v100", 100), addresses=())
    for frame in (Ether(src=wire.mac, dst="ff:ff:ff:ff:ff:ff"),
                  Ether(src=wire.mac, dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=0)):
        wire.send(frame / who_has("10.5.0.1", "10.5.0.9"))
        expect_tagged(wire, "", ARP(op="is-at", psrc="10.5.0.1"))


def test_down_is_its_own(trunk):
    stack, wire = trunk({**ALL[0], "down": True}, ALL[1])
    wire.send(tagged("100", who_has("10.1.0.1", "10.1.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    wait.until(lambda: counters(stack).get("vlan-input.down") == 1, "dropped")
    wire.send(tagged("100.200", who_has("10.2.0.1", "10.2.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    expect_tagged(wire, "100.200", ARP(op="is-at"))


def test_mtu_of_its_own(trunk):
    # 1,400 bytes through the subinterface: a longer answer leaves in fragments, each with the tag.
    _, wire = trunk({**ALL[0], "mtu": 1400})
    wire.send(tagged("100", who_has("10.1.0.1", "10.1.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    wire.expect(ARP(op="is-at"))
    wire.send(tagged("100", IP(src="10.1.0.9", dst="10.1.0.1") / ICMP() / Raw(bytes(1440))))
    first = expect_tagged(wire, "100", IP(src="10.1.0.1", flags="MF"))
    assert first[IP].len <= 1400
    expect_tagged(wire, "100", IP(src="10.1.0.1", flags=0))


def test_add_and_delete_while_it_runs(trunk):
    stack, wire = trunk()
    stack.call("vlan add", name="v7", parent="lan", tags="7")
    stack.call("address add", interface="v7", address="10.7.0.1/24")
    wire.send(tagged("7", who_has("10.7.0.1", "10.7.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    expect_tagged(wire, "7", ARP(op="is-at", psrc="10.7.0.1"))
    assert [(v["name"], v["parent"], v["tags"], v["inside"], v["state"])
            for v in stack.call("show vlans")] == [("v7", "lan", "7", "none", "up")]
    stack.call("vlan delete", name="v7")
    assert stack.call("show vlans") == []
    wire.send(tagged("7", who_has("10.7.0.1", "10.7.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    wait.until(lambda: counters(stack).get("vlan-input.no-vlan") == 1, "unknown again")


@pytest.mark.parametrize("params, says", [
    ({"parent": "nowhere", "tags": "1"}, "no such parent"),
    ({"parent": "v100", "tags": "1"}, "itself a VLAN"),
    ({"parent": "lan", "tags": "100"}, "has these tags"),
    ({"parent": "lan", "tags": "0"}, "1 to 4094"),
    ({"parent": "lan", "tags": "4095"}, "1 to 4094"),
    ({"parent": "lan", "tags": "soup"}, "are no tags"),
    ({"parent": "lan", "tags": "5", "mtu": 9000}, "larger than the parent's"),
    ({"parent": "lan", "tags": "5", "name": "lan"}, "name is taken"),
])
def test_add_refuses(trunk, params, says):
    stack, _ = trunk(ALL[0])
    before = stack.call("show interfaces")
    with pytest.raises(Exception, match=says):
        stack.call("vlan add", **{"name": "new", **params})
    assert len(stack.call("show interfaces")) == len(before)


def test_a_thousand(trunk):
    stack, wire = trunk()
    with stack.control() as control:
        for n in range(1, 1001):
            control.call("vlan add", name=f"lan.{n}", parent="lan", tags=str(n))
    stack.call("address add", interface="lan.1000", address="10.9.0.1/24")
    wire.send(tagged("1000", who_has("10.9.0.1", "10.9.0.9"), dst="ff:ff:ff:ff:ff:ff"))
    expect_tagged(wire, "1000", ARP(op="is-at", psrc="10.9.0.1"))
    assert len(stack.call("show vlans")) == 1000


def test_command_made_subinterfaces_are_saved_and_applied(trunk, tmp_path):
    stack, _ = trunk(ALL[0])
    stack.call("vlan add", name="v7", parent="lan", tags="7", mtu=1000)
    stack.call("vlan add", name="q7", parent="lan", tags="802.1ad 7.8", inside="9")
    stack.call("bridge add", name="office", age=20)
    stack.call("bvi add", name="bvi0", bridge="office", mac="02:00:00:00:00:77")
    stack.call("bridge port add", bridge="office", interface="q7", limit=5)
    saved = stack.call("save")
    named = {i["name"]: i for i in saved["interfaces"]}
    assert named["v7"] == {"name": "v7", "mtu": 1000, "vlan": {"parent": "lan", "tags": 7}}
    assert named["q7"]["vlan"] == {"parent": "lan", "tags": "802.1ad 7.8", "inside": 9}
    assert named["bvi0"] == {"name": "bvi0", "mac": "02:00:00:00:00:77", "mtu": 1500, "bvi": {"bridge": "office"}}
    assert saved["bridges"] == [{"name": "office", "age": "20s", "ports": [{"interface": "q7", "macs_limit": 5}]}]
    # Deleted by a command, one that net.yaml asked for is no longer there for anybody.
    stack.call("vlan delete", name="v100")
    stack.call("vlan add", name="other", parent="lan", tags="100")
    assert {i["name"] for i in stack.call("save")["interfaces"]} == {"lan", "v7", "q7", "bvi0", "other"}
