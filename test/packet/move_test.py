"""Interfaces that change in place: MTU, VRF. What goes over them follows, what is fixed stays."""
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from harness import router, wait
from harness.interfaces import interface
from scapy.all import ICMP, IP, UDP, ICMPv6PacketTooBig, IPv6, Raw


@pytest.fixture
def links(netns, convoyd, wire, workers):
    """A function that starts a router: harness/router.py."""
    def start(**more):
        return router.start(netns, convoyd, wire, workers, **more)
    return start


def big(n, df=True):
    return IP(dst="10.1.0.7", flags="DF" if df else 0) / UDP(sport=1000, dport=9) / (b"x" * n)


def test_a_new_mtu_is_what_paths_have_from_then_on(links):
    lan, wan = links()
    stack = lan.lan.stack
    wan.wire.answer_arp("10.1.0.7")
    lan.to(big(1400))
    wan.wire.expect(IP(dst="10.1.0.7") / UDP(sport=1000))
    stack.call("interface set", name="wan", mtu=1300)
    lan.to(big(1400))
    lan.wire.expect(IP(src="10.0.0.1") / ICMP(type=3, code=4, nexthopmtu=1300))
    stack.call("interface set", name="wan", mtu=1500)
    lan.to(big(1400))
    wan.wire.expect(IP(dst="10.1.0.7") / UDP(sport=1000))


def test_a_new_mtu_counts_for_ip6_too(links):
    lan, wan = links()
    stack = lan.lan.stack
    wan.wire.answer_nd("2001:db8:1::7")
    lan.wire.answer_nd("2001:db8::9")
    wait.until(lambda: "tentative" not in str(stack.call("show addresses")), "DAD")
    packet = IPv6(src="2001:db8::9", dst="2001:db8:1::7") / UDP(sport=1000, dport=9) / (b"x" * 1400)
    lan.wire.send(packet)
    wan.wire.expect(IPv6(dst="2001:db8:1::7") / UDP(sport=1000))
    stack.call("interface set", name="wan", mtu=1300)
    lan.wire.send(packet)
    lan.wire.expect(IPv6(dst="2001:db8::9") / ICMPv6PacketTooBig(mtu=1300))


def test_an_mtu_that_does_not_do_is_refused_with_the_reason(links, convoy):
    lan, _ = links()
    stack = lan.lan.stack

    def refused(*words):
        done = convoy("interface", "set", *words, env=stack.env)
        assert done.returncode == 1 and interface(stack, "wan")["mtu_bytes"] == 1500, done
        return done.stderr

    assert "IPv6, which needs an MTU of at least 1280" in refused("wan", "--mtu", "1279")
    stack.call("vlan add", name="wan.5", parent="wan", tags="5")
    assert "larger than the parent's" in refused("wan.5", "--mtu", "1501")
    stack.call("interface set", name="wan", mtu=1400)
    assert interface(stack, "wan.5")["mtu_bytes"] == 1400  # it has the parent's
    stack.call("interface set", name="wan.5", mtu=1300)
    stack.call("interface set", name="wan", mtu=1500)
    assert interface(stack, "wan.5")["mtu_bytes"] == 1300  # its own


def test_an_interface_moves_to_a_vrf_with_all_that_is_its_own(links):
    lan, wan = links()
    stack = lan.lan.stack
    wait.until(lambda: "tentative" not in str(stack.call("show addresses")), "DAD")
    stack.call("vrf add", name="blue")
    for address in "10.1.0.7", "2001:db8:1::7":
        stack.call("neighbor add", interface="wan", address=address, mac=router.WAN_PEER)
    stack.call("route add", prefix="50.0.0.0/8", to="via 10.1.0.7")
    stack.call("route add", prefix="2001:db8:50::/48", to="via 2001:db8:1::7")
    stack.call("vrf move", interface="wan", vrf="blue")
    assert interface(stack, "wan")["state"] == "up"
    assert "tentative" not in str(stack.call("show addresses"))  # nothing is checked anew
    fixed = [n for n in stack.call("show neighbors", interface="wan") if n["state"] == "static"]
    assert {n["address"] for n in fixed} == {"10.1.0.7", "2001:db8:1::7"}
    lan.to(IP(dst="50.0.0.1") / UDP(sport=1000, dport=9) / "x")
    lan.count("ip4-lookup.no-route", 1)
    for to in "50.0.0.1", "2001:db8:50::1", "10.1.0.7", "2001:db8:1::7":
        assert stack.call("show routes", to=to, vrf="blue")[0]["paths"][0]["interface"] == "wan"
    stack.call("vrf move", interface="wan", vrf="default")
    lan.to(IP(dst="50.0.0.1") / UDP(sport=1000, dport=9) / "y")
    wan.wire.expect(IP(dst="50.0.0.1") / UDP(sport=1000) / Raw(b"y"))
    stack.call("vrf delete", name="blue")


@pytest.mark.parametrize("to, vrf, why", [
    ("via 10.1.0.7 via 10.0.0.8", "default", "also elsewhere"),
    ("via 10.1.0.7 vrf default", "blue", "from another VRF"),
    ("via 10.1.0.7", "default", "has one already"),
])
def test_what_cannot_go_along_keeps_the_interface(links, convoy, to, vrf, why):
    lan, _ = links(vrfs=["blue"])
    stack = lan.lan.stack
    if why == "has one already":
        stack.call("route add", prefix="50.0.0.0/8", to="blackhole", vrf="blue")
    stack.call("route add", prefix="50.0.0.0/8", to=to, vrf=vrf)
    done = convoy("vrf", "move", "wan", "blue", env=stack.env)
    assert done.returncode == 1 and why in done.stderr, done
    assert stack.call("show routes", to="10.1.0.7")[0]["paths"][0]["interface"] == "wan"


def test_loaded_routes_keep_the_interface(links, convoy):
    lan, _ = links(vrfs=["blue"])
    stack = lan.lan.stack
    convoy("route", "load", "-", env=stack.env, text="60.0.0.0/8 via 10.1.0.7\n")
    done = convoy("vrf", "move", "wan", "blue", env=stack.env)
    assert done.returncode == 1 and "loaded routes lead over it" in done.stderr, done


@pytest.mark.parametrize("name", ["tap", "memif", "loop"])
def test_an_interface_may_be_named_like_a_driver(links, name):
    lan, _ = links()
    stack = lan.lan.stack
    for _ in range(2):
        stack.call("interface add", name=name, members="{tap: {}, addresses: [10.9.0.1/24]}")
        lan.lan.space.ip("addr", "add", "10.9.0.2/24", "dev", name)
        lan.lan.space.run("ping", "-c1", "-W2", "10.9.0.1")
        stack.call("interface delete", name=name)
        wait.until(lambda: name not in lan.lan.space.ip("-br", "link"), "the device is gone")


def test_routes_that_go_with_an_interface_are_gone(links, convoy):
    lan, wan = links(vrfs=["blue"])
    stack = lan.lan.stack
    text = "".join(f"60.{i}.{k}.0/24 via 10.1.0.7\n" for i in range(100) for k in range(200))
    convoy("route", "load", "-", env=stack.env, text=text + "61.0.0.0/8 via 10.0.0.8\n")
    stack.call("interface delete", name="wan")
    wait.until(lambda: [r["prefix"] for r in stack.call("show routes") if r["source"] == "dynamic"]
               == ["61.0.0.0/8"], "the sweep is over")


def test_apply_changes_mtu_and_vrf_in_place(links, convoy, tmp_path):
    lan, wan = links(vrfs=["blue"])
    stack = lan.lan.stack
    stack.call("neighbor add", interface="wan", address="10.1.0.7", mac=router.WAN_PEER)
    config = yaml.safe_load(stack.call("save", format="text")["text"])
    index = interface(stack, "wan")["index"]
    config["interfaces"][1].update(mtu=1400, vrf="blue")
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(config))
    done = convoy("apply", str(tmp_path / "new.yaml"), "--json", env=stack.env)
    changes = [(c["action"], c["name"]) for c in yaml.safe_load(done.stdout)["changes"]]
    assert changes == [("change", "wan")], done
    now = interface(stack, "wan")
    assert (now["index"], now["mtu_bytes"], now["state"]) == (index, 1400, "up")
    assert stack.call("show routes", to="10.1.0.7", vrf="blue")[0]["paths"][0]["kind"] == "rewrite"
    again = convoy("apply", str(tmp_path / "new.yaml"), env=stack.env)
    assert "nothing to do" in again.stdout, again


def test_commands_are_answered_while_routes_go_in(links, convoy, tmp_path):
    lan, _ = links()
    stack = lan.lan.stack
    lines = [f"{60 + i}.{k}.{m}.0/24 via 10.1.0.{2 + m % 64}\n"
             for m in range(255, -1, -1) for i in range(3) for k in range(200)]  # not in order
    (tmp_path / "routes").write_text("".join(lines))
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(convoy, "route", "load", str(tmp_path / "routes"), env=stack.env)
        answered = 0
        while not loading.done():
            stack.call("show version")
            answered += 1
    assert "153600 routes" in loading.result().stdout and answered > 10


def test_an_index_that_is_used_again_is_in_no_vrf_of_before(links):
    lan, _ = links(vrfs=["blue"])
    stack = lan.lan.stack
    stack.call("vlan add", name="old", parent="wan", tags="5")
    stack.call("vrf move", interface="old", vrf="blue")
    was = interface(stack, "old")["index"]
    stack.call("vlan delete", name="old")
    stack.call("vrf delete", name="blue")

    def again():
        stack.call("vlan add", name="new", parent="wan", tags="5")
        if interface(stack, "new")["index"] == was:
            return True
        stack.call("vlan delete", name="new")  # the workers have not let go of the old one yet
        return False
    wait.until(again, "the index is used again")
    stack.call("address add", interface="new", address="10.5.0.1/24")
    assert stack.call("show routes", to="10.5.0.1")[0]["paths"][0]["kind"] == "local"


@pytest.mark.parametrize("family", [4, 6])
def test_neighbours_go_with_their_network(links, family):
    lan, wan = links(wan={"ipv6": {}})
    stack = lan.lan.stack
    ours, there, here = {4: ("10.1.0.1/24", "10.1.0.7", "10.0.0.9"),
                         6: ("2001:db8:1::1/64", "2001:db8:1::7", "2001:db8::9")}[family]
    layer = IP if family == 4 else IPv6
    wan.wire.answer_arp(there)
    wan.wire.answer_nd(there)
    lan.wire.answer_nd(here)
    wait.until(lambda: "tentative" not in str(stack.call("show addresses")), "DAD")
    lan.wire.send(layer(src=here, dst=there) / UDP(sport=1000, dport=9) / "x")
    wan.wire.expect(layer(dst=there) / UDP(sport=1000))
    stack.call("address delete", interface="wan", address=ours)
    assert there not in [n["address"] for n in stack.call("show neighbors", interface="wan")]
    lan.wire.send(layer(src=here, dst=there) / UDP(sport=1001, dport=9) / "x")
    lan.count(f"ip{family}-lookup.no-route", 1)
