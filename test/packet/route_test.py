"""Where packets go: next hops behind next hops, several paths, VRFs, reverse path checks."""
import pytest
from harness import router, wait
from scapy.all import (ICMP, IP, UDP, Ether, ICMPv6DestUnreach, ICMPv6ND_NA, ICMPv6ND_NS, IPv6,
                       Raw)


@pytest.fixture
def links(netns, convoyd, wire, workers):
    """A function that starts a router: harness/router.py."""
    def start(**more):
        return router.start(netns, convoyd, wire, workers, **more)
    return start


def route(talk, prefix, via, **more):
    talk.lan.stack.call("route add", prefix=prefix, via=via, **more)


def test_a_next_hop_behind_a_next_hop_follows_the_route_that_covers_it(links):
    lan, wan = links()
    wan.wire.answer_arp("10.1.0.7")
    lan.wire.answer_arp("10.0.0.8")
    route(wan, "192.0.2.0/24", "10.1.0.7")
    route(wan, "20.0.0.0/8", "192.0.2.1")
    lan.to(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / "one")
    wan.wire.expect(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / Raw(b"one"))
    route(wan, "192.0.2.0/25", "10.0.0.8")  # covers it better
    lan.to(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / "two")
    lan.wire.expect(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / Raw(b"two"))
    wan.lan.stack.call("route delete", prefix="192.0.2.0/25")
    lan.to(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / "three")
    wan.wire.expect(IP(dst="20.1.2.3") / UDP(sport=1000, dport=9) / Raw(b"three"))


def load(convoy, stack, file, text=""):
    return convoy("route", "load", str(file), env={"CONVOY_SOCKET": str(stack.socket)}, text=text)


def test_a_file_of_routes_goes_in_whole_or_not_at_all(links, convoy, tmp_path):
    lan, wan = links()
    stack = wan.lan.stack
    wan.wire.answer_arp("10.1.0.7", "10.1.0.8")
    routes = tmp_path / "routes"
    routes.write_text("# a full table\n21.0.0.0/8 via 10.1.0.7@wan\n"
                      "21.5.0.0/16 via 10.1.0.8 3 via 10.1.0.8 1\n22.0.0.0/8 blackhole\n")
    assert "3 routes" in load(convoy, stack, routes).stdout
    lan.to(IP(dst="21.5.0.1") / UDP(sport=1000, dport=9) / "x")
    wan.wire.expect(IP(dst="21.5.0.1"))
    lan.to(IP(dst="22.0.0.1") / UDP(sport=1000, dport=9) / "x")
    lan.count("ip4-lookup.blackhole", 1)
    routes.write_text("21.0.0.0/8 blackhole\n21.5.0.1/16 via 10.1.0.7\n")
    refused = load(convoy, stack, routes)
    assert refused.returncode == 2 and f"{routes}:2:1: bits are set" in refused.stderr, refused
    assert stack.call("show routes", to="21.6.0.1")[0]["paths"][0]["interface"] == "wan"


def test_vrfs_are_apart_and_interfaces_move_between_them(links):
    lan, wan = links()
    stack = lan.lan.stack
    stack.call("vrf add", name="blue")
    stack.call("vrf move", interface="wan", vrf="blue")
    lan.to(IP(dst="10.1.0.7") / UDP(sport=1000, dport=9) / "x")
    lan.count("ip4-lookup.no-route", 1)
    assert stack.call("show routes", to="10.1.0.7", vrf="blue")[0]["paths"][0]["interface"] == "wan"
    assert "2001:db8:1::/64" not in str(stack.call("show routes"))
    stack.call("vrf move", interface="wan", vrf="default")
    stack.call("vrf delete", name="blue")
    wan.wire.answer_arp("10.1.0.7")
    lan.to(IP(dst="10.1.0.7") / UDP(sport=1000, dport=9) / "y")
    wan.wire.expect(IP(dst="10.1.0.7"))


def flows(wire):
    """The source ports of what has come for 30.0.0.1."""
    ports = set()
    while (packet := wire.receive(0.3)) is not None:
        if IP in packet and packet[IP].dst == "30.0.0.1":
            ports.add(packet[UDP].sport)
    return ports


def test_several_paths_share_the_flows(links, convoy):
    lan, wan = links()
    stack = lan.lan.stack
    wan.wire.answer_arp("10.1.0.7", "10.1.0.8")
    lan.wire.answer_arp("10.0.0.8")
    load(convoy, stack, "-", "30.0.0.0/8 via 10.1.0.7 via 10.0.0.8\n")
    for dst in "10.1.0.7", "10.0.0.8":  # so that none waits for the neighbour's address
        lan.to(IP(dst=dst) / UDP(sport=1000, dport=9) / "first")
    wan.wire.expect(IP(dst="10.1.0.7"))
    lan.wire.expect(IP(dst="10.0.0.8"))
    ports = set(range(1000, 1064))
    for port in ports:
        lan.to(IP(dst="30.0.0.1") / UDP(sport=port, dport=9) / "x")
    by_lan = flows(lan.wire)
    by_wan = flows(wan.wire)
    assert by_lan | by_wan == ports and not by_lan & by_wan
    assert len(by_lan) > 16 and len(by_wan) > 16


def test_reverse_paths_are_checked(links):
    lan, wan = links()
    stack = lan.lan.stack
    lan.wire.answer_arp("10.0.0.9")
    wan.wire.answer_arp("10.1.0.7")
    stack.call("rpf set", interface="wan", mode="strict")
    wan.to(IP(dst="10.0.0.9") / UDP(sport=1000, dport=9) / "good")
    lan.wire.expect(IP(src="10.1.0.7", dst="10.0.0.9"))
    wan.to(IP(src="10.0.0.77", dst="10.0.0.9") / UDP(sport=1000, dport=9) / "spoofed")
    wan.count("ip4-rpf.source", 1)
    wan.to(IP(src="10.0.0.1", dst="10.0.0.9") / UDP(sport=1000, dport=9) / "ours")
    wan.count("ip4-rpf.source", 2)
    stack.call("rpf set", interface="wan", mode="loose")
    wan.to(IP(src="10.0.0.77", dst="10.0.0.9") / UDP(sport=1000, dport=9) / "by another way")
    lan.wire.expect(IP(src="10.0.0.77", dst="10.0.0.9"))
    wan.to(IP(src="99.0.0.1", dst="10.0.0.9") / UDP(sport=1000, dport=9) / "from nowhere")
    wan.count("ip4-rpf.source", 3)
    wan.wire.send(IPv6(src="2001:db8:77::1", dst="2001:db8::9") / UDP(sport=1000, dport=9))
    wan.count("ip6-rpf.source", 1)


def test_reverse_paths_of_ip6_are_checked(links):
    lan, wan = links()
    stack = lan.lan.stack
    lan.wire.answer_nd("2001:db8::9")
    wan.wire.answer_nd("2001:db8:1::7")
    wait.until(lambda: "tentative" not in str(stack.call("show addresses")), "DAD")

    def come_by_wan(src, n):
        wan.wire.send(IPv6(src=src, dst="2001:db8::9") / UDP(sport=1000, dport=9) / Raw(b"%d" % n))
    for mode in "strict", "loose":
        stack.call("rpf set", interface="wan", mode=mode)
        before = wan.counted("ip6-rpf.source")
        come_by_wan("2001:db8:1::7", 1)
        lan.wire.expect(IPv6(src="2001:db8:1::7") / UDP() / Raw(b"1"))
        come_by_wan("2001:db8::77", 2)  # it is on the other link
        if mode == "loose":
            lan.wire.expect(IPv6(src="2001:db8::77"))
        come_by_wan("2001:db8:99::1", 3)  # nobody knows it
        come_by_wan("2001:db8:1::1", 4)  # it is ours
        wan.count("ip6-rpf.source", before + (3 if mode == "strict" else 2))
    while wan.wire.receive(0.05):
        pass  # our own announcements look like the answer
    asked = "2001:db8:1::1"  # who checks an address of ours for duplicates has none yet
    wan.wire.send(Ether(src=wan.wire.mac, dst="33:33:ff:00:00:01") / IPv6(src="::", dst="ff02::1:ff00:1", hlim=255) /
                  ICMPv6ND_NS(tgt=asked))
    wan.wire.expect(IPv6(src=asked, dst="ff02::1") / ICMPv6ND_NA(tgt=asked))


DEAD = [("blackhole", None, None), ("unreachable", (3, 0), (1, 0)), ("prohibit", (3, 13), (1, 1))]


@pytest.mark.parametrize("kind, said4, said6", DEAD, ids=[kind for kind, *_ in DEAD])
def test_dead_ends_answer_as_they_are_told(links, kind, said4, said6):
    lan, _ = links()
    stack = lan.lan.stack
    lan.wire.answer_nd("2001:db8::9")
    wait.until(lambda: "tentative" not in str(stack.call("show addresses")), "DAD")
    stack.call("route add", prefix="30.0.0.0/8", to=kind)
    stack.call("route add", prefix="2001:db8:30::/48", to=kind)
    lan.wire.send(IP(src="10.0.0.9", dst="30.0.0.1") / UDP(sport=1, dport=9))
    if said4:
        lan.wire.expect(IP(src="10.0.0.1", dst="10.0.0.9") / ICMP(type=said4[0], code=said4[1]))
    lan.wire.send(IPv6(src="2001:db8::9", dst="2001:db8:30::1") / UDP(sport=1, dport=9))
    if said6:
        got = lan.wire.expect(IPv6(src="2001:db8::1", dst="2001:db8::9") / ICMPv6DestUnreach(code=said6[1]))
        assert got[ICMPv6DestUnreach].type == said6[0]
    else:
        lan.count("ip4-lookup.blackhole", 1)
        lan.count("ip6-lookup.blackhole", 1)
        lan.wire.silence(IP(dst="10.0.0.9") / ICMP())
        lan.wire.silence(ICMPv6DestUnreach())


@pytest.mark.parametrize("family", [4, 6])
def test_unicast_in_a_link_broadcast_is_not_forwarded_to_who_is_known(links, family):
    """RFC 1812 §5.3.4: also on the quick way, to a neighbour whose address is resolved."""
    lan, wan = links()
    src, dst = {4: ("10.0.0.9", "10.1.0.7"), 6: ("2001:db8::9", "2001:db8:1::7")}[family]
    wan.wire.answer_nd(dst)
    packet = (IP(src=src, dst=dst) if family == 4 else IPv6(src=src, dst=dst)) / UDP(sport=1, dport=9)
    if family == 6:
        wait.until(lambda: "tentative" not in str(lan.lan.stack.call("show addresses")), "DAD")
    lan.wire.send(packet)
    wan.wire.expect(packet[0].__class__(dst=dst))
    for to in "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01":
        lan.wire.send(Ether(src=lan.wire.mac, dst=to) / packet)
    lan.count(f"ip{family}-lookup.link-group", 2)
    wan.wire.silence(packet[0].__class__(dst=dst))


def test_an_interface_inherits_nothing_of_who_had_its_index(links):
    lan, _ = links()
    stack = lan.lan.stack
    stack.call("interface add", name="old", members="{loop: {}, rpf: strict, no_redirects: true}")
    index = {i["name"]: i["index"] for i in stack.call("show interfaces")}
    stack.call("interface delete", name="old")

    def is_used_again():  # once the workers have let go of it
        stack.call("vlan add", name="new", parent="lan", tags="7")  # net.yaml would say it anew
        if {i["name"]: i["index"] for i in stack.call("show interfaces")}["new"] == index["old"]:
            return True
        stack.call("interface delete", name="new")
        return False
    wait.until(is_used_again, "the index is used again")
    assert "new" not in str(stack.call("show rpf"))
    assert {"interface": "new", "mode": "on"} in stack.call("show redirects")


def test_vrfs_of_the_file_and_routes_that_lead_to_them(links):
    lan, wan = links(wan={"vrf": "blue", "rpf": "loose"}, vrfs=["blue"], routes=[
        {"to": "40.0.0.0/8", "lookup": "blue"},
        {"to": "40.1.0.0/16", "via": "10.1.0.7", "vrf": "blue"}])
    stack = lan.lan.stack
    wan.wire.answer_arp("10.1.0.7")
    lan.to(IP(dst="40.1.0.1") / UDP(sport=1000, dport=9) / "leaked")
    wan.wire.expect(IP(dst="40.1.0.1"))
    lan.to(IP(dst="40.2.0.1") / UDP(sport=1000, dport=9) / "not there")
    lan.count("ip4-lookup.no-route", 1)
    lan.to(IP(dst="10.1.0.7") / UDP(sport=1000, dport=9) / "apart")
    lan.count("ip4-lookup.no-route", 2)
    running = stack.call("save")
    assert "blue" in str(running) and "lookup" in str(running) and "loose" in str(running)
