"""Where packets go: next hops behind next hops, several paths, VRFs, reverse path checks."""
import pytest
from harness import router
from scapy.all import IP, UDP, IPv6, Raw


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
