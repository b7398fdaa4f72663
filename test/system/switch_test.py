"""The stack as a switch between kernels: bridge, cross-connect, VLANs, the routed interface; a kernel
bridge as its neighbour. Super-segments pass, are cut where a port cannot take them, and reach our own
TCP."""
import pytest
from harness import wait
from harness.talk import counters
from harness.transfer import MIB, transfer

MIXES = pytest.mark.parametrize("left, right", [
    ({}, {}), ({}, {"no_offload": True}), ({"no_offload": True}, {})],
    ids=["offloads", "cut here", "in pieces"])
WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
def switch(netns, convoyd):
    """switch(CONFIG, TAPS...): kernels 10.1.0.2, 10.1.0.3, … on taps tap1, tap2, … of one stack."""
    def make(config, *taps, workers=1):
        ends = [netns(f"end{n}") for n in range(1, len(taps) + 1)]
        interfaces = [{"name": f"tap{n}", "tap": {
            "host_netns": end.name, "host_addresses": [f"10.1.0.{n + 1}/24"], **tap}}
            for n, (end, tap) in enumerate(zip(ends, taps), 1)]
        config = {**config, "workers": workers, "interfaces": interfaces + config.get("interfaces", [])}
        return convoyd(config, netns=netns("switch")), *ends
    return make


def bridge(*ports, **more):
    return {"bridges": [{"name": "lan", "ports": [{"interface": p} for p in ports], **more}]}


def ping(space, address, *more):
    out = space.run("ping", "-c3", "-i0.05", "-W2", *more, address).stdout
    assert " 3 received" in out, out


@MIXES
@WORKERS
def test_bridge(switch, workers, left, right):
    stack, near, far = switch(bridge("tap1", "tap2"), left, right, workers=workers)
    transfer(near, far, 8 * MIB, "10.1.0.3")
    assert not [r for r in counters(stack) if r.endswith(".lanes")]


@MIXES
def test_cross_connect(switch, left, right):
    _, near, far = switch({"xconnects": [{"ports": ["tap1", "tap2"]}]}, left, right)
    transfer(near, far, 8 * MIB, "10.1.0.3")


@WORKERS
def test_three_on_a_bridge_with_a_router(switch, workers):
    stack, a, b, c = switch({**bridge("tap1", "tap2", "tap3"), "interfaces": [
        {"name": "bvi0", "addresses": ["10.1.0.1/24"], "bvi": {"bridge": "lan"}}]}, {}, {}, {}, workers=workers)
    for one in (a, b, c):
        ping(one, "10.1.0.1")
        ping(one, "10.1.0.1", "-s", "4000")
    ping(a, "10.1.0.3")
    ping(b, "10.1.0.4")
    assert stack.call("show bridges")[0]["macs"] == 3


def test_bvi_routes_super_segments(switch, netns):
    """From a bridge through its BVI to a routed tap: TCP with all offloads, both ways."""
    router = netns("routed")
    stack, near = switch({**bridge("tap1"), "interfaces": [
        {"name": "bvi0", "addresses": ["10.1.0.1/24"], "bvi": {"bridge": "lan"}},
        {"name": "out", "addresses": ["10.2.0.1/24"],
         "tap": {"host_netns": router.name, "host_addresses": ["10.2.0.2/24"]}}]}, {})
    near.ip("route", "add", "default", "via", "10.1.0.1")
    router.ip("route", "add", "default", "via", "10.2.0.1")
    transfer(near, router, 8 * MIB, "10.2.0.2")
    transfer(router, near, 8 * MIB, "10.1.0.2")


def test_kernel_bridge_as_neighbour(switch, netns):
    """Our bridge and the kernel's in a row: stations behind either find each other, and move."""
    stack, near, trunk = switch(bridge("tap1", "tap2"), {}, {"host_addresses": []})
    far = netns("far")
    trunk.ip("link", "add", "br0", "type", "bridge")
    trunk.ip("link", "set", "br0", "up")
    trunk.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", far.name)
    for device in "v0", "tap2":
        trunk.ip("link", "set", device, "master", "br0", "up")
    far.ip("addr", "add", "10.1.0.9/24", "dev", "v1")
    far.ip("link", "set", "v1", "up")
    wait.until(lambda: "state UP" in far.ip("link", "show", "v1"), "the link is up")
    ping(near, "10.1.0.9")
    transfer(near, far, 4 * MIB, "10.1.0.9")
    mac = far.run("cat", "/sys/class/net/v1/address").stdout.strip()
    assert {m["mac"]: m["interface"] for m in stack.call("show macs")}[mac] == "tap2"
    # The bridge's own group address (spanning tree) does not pass us.
    trunk.ip("link", "set", "br0", "type", "bridge", "stp_state", "1")
    wait.until(lambda: counters(stack).get("bridge-input.link-local", 0) > 0, "a BPDU has come", timeout=8)
