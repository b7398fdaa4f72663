"""Devices that disappear under an interface: it goes down, says so, and convoyd lives on."""
import pytest
from harness import wait
from harness.interfaces import wait_state


@pytest.mark.parametrize("queues, workers", [(1, 1), (2, 2)])
def test_a_tap_that_is_deleted_is_made_again(netns, convoyd, monitor, queues, workers):
    home, other = netns("home"), netns("other")
    stack = convoyd({"workers": workers, "interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"],
         "tap": {"host_addresses": ["10.9.0.2/24"], "queues": queues}},
        {"name": "far", "addresses": ["10.8.0.1/24"],
         "tap": {"host_netns": other.name, "host_addresses": ["10.8.0.2/24"]}}]}, netns=home)
    wait_state(stack, "lan", "up")
    listening = monitor(stack, topics="link")
    home.run("ping", "-c1", "-W2", "10.9.0.1")
    home.run("sh", "-c", "ip link delete lan && ip link add lan type veth peer name taken")
    wait_state(stack, "lan", "no link")
    # It cannot be made again yet. What is sent to it is dropped; the others go on.
    other.ip("route", "add", "10.9.0.0/24", "via", "10.8.0.1")
    other.run("ping", "-c2", "-i0.05", "-W1", "10.9.0.2", check=False)
    other.run("ping", "-c1", "-W2", "10.8.0.1")
    wait.until(lambda: "tap.open" in stack.process.err, "it has tried")
    home.ip("link", "delete", "lan")
    wait_state(stack, "lan", "up")
    assert listening.links(2) == [("down", "lan"), ("up", "lan")]
    home.run("ping", "-c1", "-W2", "10.9.0.1")
    other.run("ping", "-c1", "-W2", "10.9.0.1")
    events = stack.process.err
    assert [events.count(event) for event in ("tap.gone", "tap.open", "tap.back")] == [1, 1, 1]


FAR_HOSTS = range(1, 17)
WAYS = "one", "two"


def two_ways(netns, convoyd, workers):
    """A client behind a tap; 30.0.0.0/24 behind two veth pairs, `one` and `two`, which are two next hops."""
    home, client, far = netns("home"), netns("client"), netns("far")
    interfaces = [{"name": "lan", "addresses": ["10.0.0.1/24"],
                   "tap": {"host_netns": client.name, "host_addresses": ["10.0.0.2/24"]}}]
    for n, name in enumerate(WAYS, 1):
        for space in home, far:
            space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        home.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", far.name)
        far.ip("link", "set", name, "up")
        far.ip("addr", "add", f"10.{n}.0.2/24", "dev", name)
        interfaces.append({"name": name, "addresses": [f"10.{n}.0.1/24"],
                           "af_packet": {"device": name, "exclusive": True}})
    far.ip("link", "set", "lo", "up")
    far.ip("route", "add", "local", "30.0.0.0/24", "dev", "lo")
    stack = convoyd({"workers": workers, "interfaces": interfaces, "routes": [
        {"to": "30.0.0.0/24", "next_hops": [{"via": "10.1.0.2"}, {"via": "10.2.0.2"}]}]}, netns=home)
    client.ip("route", "add", "default", "via", "10.0.0.1")
    return stack, client, far


def route_back(far, *ways):
    for n in ways:
        far.ip("route", "replace", "10.0.0.0/24", "via", f"10.{n}.0.1", "metric", str(n))


def ask_all(client):
    for host in FAR_HOSTS:
        client.run("ping", "-c1", "-W2", f"30.0.0.{host}")


def sent(stack):
    return {row["name"]: row["counters"]["tx_packets"] for row in stack.call("show interfaces")}


@pytest.mark.parametrize("workers", [1, 2])
def test_flows_leave_a_link_that_is_lost_and_come_back(netns, convoyd, workers):
    stack, client, far = two_ways(netns, convoyd, workers)
    for name in WAYS:
        wait_state(stack, name, "up")
    far.wait_link(*WAYS)
    route_back(far, 1, 2)
    ask_all(client)
    far.ip("link", "set", "one", "down", "address", "02:00:00:00:00:77")
    wait_state(stack, "one", "no link")
    assert {n["state"] for n in stack.call("show neighbors") if n["interface"] == "one"} == {"idle"}
    ask_all(client)
    far.ip("link", "set", "one", "up")
    route_back(far, 1)
    wait_state(stack, "one", "up")
    far.wait_link("one")
    before = sent(stack)
    ask_all(client)  # at once, though the neighbour has another address now
    after = sent(stack)
    assert after["one"] >= before["one"] + 3 and after["two"] >= before["two"] + 3
