"""An interface without an address of its own: it uses another's, and routes name it."""
import pytest

OURS, HOST, FAR = "10.255.0.1", "10.9.9.2", "10.77.0.1"


@pytest.fixture
def lan(netns):
    space = netns("lan")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    return space


def configuration(lan):
    return {"interfaces": [
        {"name": "lo0", "loop": {}, "addresses": [f"{OURS}/32"]},
        {"name": "tap0", "unnumbered": "lo0",
         "tap": {"host_netns": lan.path, "host_addresses": [f"{HOST}/32"]}}],
        "routes": [{"to": f"{HOST}/32", "interface": "tap0"},
                   {"to": "10.77.0.0/16", "via": HOST, "interface": "tap0"}]}


def test_both_sides_reach_each_other(lan, convoyd):
    stack = convoyd(configuration(lan))
    lan.ip("route", "add", OURS, "dev", "tap0")
    lan.ip("address", "add", f"{FAR}/32", "dev", "lo")
    lan.ip("link", "set", "lo", "up")
    assert " 0% packet loss" in lan.run("ping", "-c2", "-i0.2", "-W2", OURS).stdout
    assert HOST in {n["address"] for n in stack.call("show neighbors")}
    lan.run("ping", "-c1", "-W2", "-I", FAR, OURS)


def test_we_ask_first(lan, convoyd):
    stack = convoyd(configuration(lan))
    lan.ip("route", "add", OURS, "dev", "tap0")
    with stack.control() as control:
        control.send({"jsonrpc": "2.0", "id": 1, "method": "ping",
                      "params": {"address": HOST, "count": 1}})
        while "method" in (answer := control.receive()):
            pass
    assert answer["result"]["received"] == 1 and answer["result"]["source"] == OURS


@pytest.mark.parametrize("change, message", [
    ({"unnumbered": "nobody"}, "has to stand before it"),
    ({"addresses": ["10.1.0.1/24"]}, "it uses another's addresses"),
])
def test_what_cannot_be(lan, convoyd, change, message):
    wrong = configuration(lan)
    wrong["interfaces"][1].update(change)
    stack = convoyd(wrong, ready=False)
    assert stack.process.wait() == 1
    assert message in stack.process.err
