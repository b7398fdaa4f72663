"""Interfaces of net.yaml: made, shown, refused with their line, gone with convoyd."""
import pytest
from harness import wait

TAP = {"name": "lan", "mac": "02:00:00:00:00:01", "tap": {"host_name": "cvlan"}}


def test_tap_appears_and_goes(netns, convoyd):
    space = netns("lan")
    stack = convoyd({"interfaces": [TAP]}, netns=space)
    assert "cvlan" in space.ip("link", "show", "cvlan")
    [lan] = stack.call("show interfaces")
    assert lan["addresses"] == []
    assert (lan["name"], lan["driver"], lan["mac"]) == ("lan", "tap", "02:00:00:00:00:01")
    wait.until(lambda: stack.call("show interfaces")[0]["state"] == "up", "the interface is up")
    stack.stop()
    assert "cvlan" not in space.ip("link")


def test_tap_in_another_namespace(netns, convoyd):
    here, there = netns("here"), netns("there")
    tap = {"host_netns": there.name, "host_addresses": ["10.9.0.2/24"]}
    convoyd({"interfaces": [{"name": "lan", "tap": tap}]}, netns=here)
    assert "lan" not in here.ip("link")
    assert "10.9.0.2/24" in there.ip("-4", "address", "show", "lan")


def test_received_packets_are_counted_and_traced(netns, convoyd):
    space = netns("lan")
    tap = {"host_addresses": ["10.9.0.2/24"]}
    stack = convoyd({"interfaces": [{"name": "lan", "tap": tap}]}, netns=space)
    stack.call("trace add", node="tap-input", count=5)
    space.run("ping", "-c1", "-W1", "10.9.0.1", check=False)
    wait.until(lambda: stack.call("show interfaces")[0]["counters"]["rx_packets"] > 0,
               "a packet is counted")
    packets = wait.until(lambda: [h["packet"] for p in stack.call("trace") for h in p["hops"]],
                         "a packet is traced")
    assert any("who-has 10.9.0.1 tell 10.9.0.2" in p for p in packets), packets


def test_loop(convoyd):
    stack = convoyd({"interfaces": [{"name": "lo0", "loop": {}}]})
    assert stack.call("show interfaces")[0]["driver"] == "loop"


def test_interface_may_stay_down(convoyd):
    stack = convoyd({"interfaces": [{"name": "lo0", "loop": {}, "down": True}]})
    assert stack.call("show interfaces")[0]["state"] == "down"


@pytest.mark.parametrize("text, place, message", [
    ("- {name: a}", "2:3", 'the interface "a" has no kind; give it one of: tap'),
    ("- name: a\n  tap:", "2:3", 'nothing stands behind "tap:"; write "tap: {}"'),
    ("- {tap: {}}", "2:3", "name"),
    ("- {name: a, tap: {}, loop: {}}", "2:22", "loop"),
    ("- {name: a b, tap: {}}", "2:10", "printable ASCII characters, no blanks"),
    ("- {name: a, tap: {}}\n- {name: a, tap: {}}", "3:10", 'two interfaces are called "a"'),
    ("- {name: a, tap: {}, mac: ff:ff:ff:ff:ff:ff}", "2:27", "no MAC address"),
    ("- {name: a, tap: {}, mtu: 60}", "2:27", ""),
    ("- {name: a, tap: {}, addresses: [10.0.0.300/24]}", "2:34", "is no prefix"),
    ("- {name: a, tap: {}, addresses: ['fd00::1/129']}", "2:34", "is no prefix"),
    ("- {name: a, tap: {colour: red}}", "2:19", 'unknown field "colour" in tap'),
    ("- {name: a, loop: {mtu: 5}}", "2:19", "a loop has no fields"),
])
def test_bad_interfaces(convoyd, text, place, message):
    stack = convoyd(f"interfaces:\n{text}\n", ready=False)
    assert stack.process.wait() == 2
    [line] = stack.process.err.splitlines()
    assert message in line, line
    assert line.startswith(f"{stack.config}:{place}: "), line


def test_what_the_system_refuses_has_its_line(netns, convoyd):
    space = netns("lan")
    stack = convoyd({"interfaces": [{"name": "lan", "tap": {"host_netns": "nowhere"}}]},
                    netns=space, ready=False)
    assert stack.process.wait() == 1
    last = stack.process.err.splitlines()[-1]
    assert last.startswith(f"{stack.config}:2:3: ") and "nowhere" in last, last
    assert "lan" not in space.ip("link")
    assert not stack.socket.exists()
