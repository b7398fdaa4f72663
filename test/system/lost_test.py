"""Devices that disappear under an interface: it goes down, says so, and convoyd lives on."""
import pytest
from harness import wait


def state(stack, name):
    [row] = stack.call("show interfaces", interface=name)
    return row["state"]


@pytest.mark.parametrize("queues, workers", [(1, 1), (2, 2)])
def test_a_tap_that_is_deleted(netns, convoyd, queues, workers):
    home, other = netns("home"), netns("other")
    stack = convoyd({"workers": workers, "interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"],
         "tap": {"host_addresses": ["10.9.0.2/24"], "queues": queues}},
        {"name": "far", "addresses": ["10.8.0.1/24"],
         "tap": {"host_netns": other.name, "host_addresses": ["10.8.0.2/24"]}}]}, netns=home)
    with stack.control() as listening:
        listening.send({"jsonrpc": "2.0", "id": 1, "method": "monitor", "params": {"topics": "link"}})
        home.run("ping", "-c1", "-W2", "10.9.0.1")
        home.ip("link", "delete", "lan")
        wait.until(lambda: state(stack, "lan") == "no link", "lan is down")
        told = listening.receive()["params"]["item"]
        assert (told["topic"], told["name"]) == ("link", "lan")
    # What is sent to it is dropped; the others go on.
    other.ip("route", "add", "10.9.0.0/24", "via", "10.8.0.1")
    other.run("ping", "-c2", "-i0.05", "-W1", "10.9.0.2", check=False)
    other.run("ping", "-c1", "-W2", "10.8.0.1")
    assert stack.process.err.count("tap.gone") == 1
