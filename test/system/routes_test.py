"""Routes of net.yaml: forwarded between interfaces, shown, refused with their line."""
import pytest

LAN = {"name": "lan", "addresses": ["10.1.0.1/24"], "tap": {"host_addresses": ["10.1.0.2/24"]}}
WAN = {"name": "wan", "addresses": ["10.2.0.1/24"], "tap": {"host_addresses": ["10.2.0.2/24"]}}


def tap_in(interface, space):
    return {**interface, "tap": {**interface["tap"], "host_netns": space.name}}


def test_packets_take_a_static_route(netns, convoyd):
    lan, wan = netns("lan"), netns("wan")
    stack = convoyd({"interfaces": [tap_in(LAN, lan), tap_in(WAN, wan)],
                     "routes": [{"to": "10.3.0.0/16", "via": "10.2.0.2"}]})
    wan.ip("address", "add", "10.3.0.7/32", "dev", "lo")
    wan.ip("route", "add", "10.1.0.0/24", "via", "10.2.0.1")
    lan.ip("route", "add", "10.3.0.0/16", "via", "10.1.0.1")
    assert " 0% packet loss" in lan.run("ping", "-c3", "-i0.2", "-W2", "10.3.0.7").stdout
    assert "10.3.0.0/16" in stack.call("show routes", format="text")["text"]


def test_prohibited_destinations_are_answered(netns, convoyd):
    lan = netns("lan")
    convoyd({"interfaces": [tap_in(LAN, lan)], "routes": [{"to": "10.3.0.0/16", "prohibit": True}]})
    lan.ip("route", "add", "10.3.0.0/16", "via", "10.1.0.1")
    refused = lan.run("ping", "-c1", "-W2", "10.3.0.7", check=False)
    assert refused.returncode == 1 and "Packet filtered" in refused.stdout, refused


@pytest.mark.parametrize("route, status, message", [
    ("{via: 10.1.0.2}", 2, 'a route needs "to"'),
    ("{to: 10.3.0.0/16}", 2, "a route needs one of"),
    ("{to: 10.3.0.0/16, via: 10.1.0.2, blackhole: true}", 2, "a route needs one of"),
    ("{to: 10.3.0.0/33, via: 10.1.0.2}", 2, '"10.3.0.0/33" is no prefix'),
    ("{to: 10.3.0.0/16, via: here}", 2, '"here" is no address'),
    ("{to: 10.3.0.0/16, interface: wan}", 2, 'no interface is called "wan"'),
    ("{to: 10.3.0.0/16, via: 10.1.0.2, next_hops: [{via: 10.1.0.3}]}", 2, "a route needs one of"),
    ("{to: 10.3.0.0/16, next_hops: [{via: '2001:db8::1'}]}", 2, "are of different families"),
    ("{to: 10.3.0.0/16, next_hops: [{weight: 2}]}", 2, "a next hop needs via and/or interface"),
    ("{to: 10.3.0.0/16, next_hops: [{via: 10.1.0.2, weight: 256}]}", 2, "weight"),
    ("{to: 10.3.0.0/16, next_hops: [{via: 10.1.0.2, vrf: red}]}", 2, 'no VRF is called "red"'),
    ("{to: 10.3.0.0/16, next_hops: [{via: 10.1.0.2}], resilient: true}", 2, "for several next_hops"),
    ("{to: 10.3.0.0/16, via: 224.0.0.1}", 1, "the address of a single host"),
    ("{to: 10.3.0.1/16, via: 10.1.0.2}", 1, "bits are set behind the prefix's length"),
    ("{to: 10.3.0.0/16, via: 10.9.0.2}", 1, "the next hop is not on the link of any interface"),
])
def test_bad_routes(convoyd, route, status, message):
    stack = convoyd(f"interfaces: [{{name: lan, loop: {{}}, addresses: [10.1.0.1/24]}}]\n"
                    f"routes:\n  - {route}\n", ready=False)
    assert stack.process.wait() == status
    last = stack.process.err.splitlines()[-1]
    assert last.startswith(f"{stack.config}:3:") and message in last, last


@pytest.mark.parametrize("words, message", [
    ("via 10.1.0.2 via 10.1.0.300", 'no next hop; expected one like'),
    ("via 10.1.0.2 weight 0", "a weight from 1 to 255"),
    ("via 10.1.0.2 dev wan", "no interface of that name"),
    ("via 10.1.0.2 vrf red", "no VRF of that name"),
    ("via 10.1.0.2 resilient", "several next hops only"),
    ("via 10.1.0.2 quickly", 'expected "via", "dev"'),
    ("via 10.9.0.2", "no route leads to it"),
    ("lookup default", "in that VRF itself"),
    ("", "say where to"),
])
def test_bad_routes_by_command(convoyd, convoy, words, message):
    stack = convoyd("interfaces: [{name: lan, loop: {}, addresses: [10.1.0.1/24]}]\n")
    refused = convoy("route", "add", "10.3.0.0/16", *words.split(), env=stack.env)
    assert refused.returncode != 0 and message in refused.stderr, refused
    assert "10.3.0.0" not in str(stack.call("show routes"))


def test_loaded_routes_are_deleted_one_by_one(convoyd, convoy, tmp_path):
    stack = convoyd({"interfaces": [LAN]})
    (tmp_path / "routes").write_text("10.3.0.0/16 via 10.1.0.2\n10.4.0.0/16 blackhole\n")
    assert convoy("route", "load", tmp_path / "routes", env=stack.env).returncode == 0
    refused = convoy("route", "delete", "10.3.0.0/16", env=stack.env)
    assert refused.returncode == 1 and "go with --loaded" in refused.stderr
    assert convoy("route", "delete", "10.3.0.0/16", "--loaded", env=stack.env).returncode == 0
    loaded = [r["prefix"] for r in stack.call("show routes") if r["source"] == "dynamic"]
    assert loaded == ["10.4.0.0/16"]


def test_unreachable_by_option(convoyd, convoy):
    stack = convoyd({})
    assert convoy("route", "add", "10.3.0.0/16", "--unreachable", env=stack.env).returncode == 0
    assert stack.call("show routes", to="10.3.0.1")[0]["paths"][0]["kind"] == "unreachable"
