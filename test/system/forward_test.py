"""The stack as a router between two kernels: TCP with every mix of offloads, and losing a path."""
import os
import socket

import pytest
from harness import wait
from harness.control import ControlError
from harness.transfer import MIB, transfer
from harness.wire import socket_in


@pytest.fixture
def router(netns, convoyd):
    """router(LEFT, RIGHT): kernels 10.1.0.2 and 10.2.0.2 on taps with these options."""
    def make(left, right, workers=1):
        home, ends = netns("router"), (netns("left"), netns("right"))
        config = {"workers": workers, "interfaces": []}
        for n, (end, tap) in enumerate(zip(ends, (left, right)), 1):
            config["interfaces"].append({
                "name": f"tap{n}", "addresses": [f"10.{n}.0.1/24"],
                "mtu": tap.pop("mtu", 1500),
                "tap": {"host_netns": end.name, "host_addresses": [f"10.{n}.0.2/24"], **tap}})
        stack = convoyd(config, netns=home)
        for n, end in enumerate(ends, 1):
            end.ip("route", "add", "default", "via", f"10.{n}.0.1")
        return stack, *ends
    return make


@pytest.mark.parametrize("left, right", [
    ({}, {}),                                  # super-segments pass whole
    ({}, {"no_offload": True}),                # and are cut by us
    ({"no_offload": True}, {}),
    ({"no_offload": True}, {"no_offload": True}),
    ({}, {"mtu": 1000}),                       # the sender learns the smaller MTU, RFC 1191
], ids=["offloads", "cut here", "in pieces", "none", "smaller MTU"])
@pytest.mark.parametrize("workers", [1, 2])
def test_tcp_between_kernels(router, workers, left, right):
    _, near, far = router(dict(left), dict(right), workers)
    transfer(near, far, 16 * MIB)


def test_datagrams_in_fragments(router):
    """8 KB datagrams, cut by the kernel, by us for the smaller MTU, and put together at the end."""
    _, near, far = router({}, {"mtu": 800})
    with socket_in(far, socket.AF_INET, socket.SOCK_DGRAM) as to, \
            socket_in(near, socket.AF_INET, socket.SOCK_DGRAM) as source:
        to.bind(("10.2.0.2", 6000))
        to.settimeout(5)
        source.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: no DF
        for size in 100, 1472, 8000:
            data = os.urandom(size)
            source.sendto(data, ("10.2.0.2", 6000))
            assert to.recv(65536) == data


def test_ping_of_64k_reassembled_on_several_workers(router):
    stack, near, _ = router({"queues": 2}, {}, workers=2)
    out = near.run("ping", "-c20", "-i0.02", "-W2", "-s20000", "10.1.0.1").stdout
    assert " 20 received" in out, out
    reassembled = [row for row in stack.call("show errors")
                   if (row["node"], row["reason"]) == ("ip4-reassembly", "reassembled")]
    assert reassembled[0]["count"] == 20


def test_traceroute_sees_us(router):
    _, near, _ = router({}, {})
    out = near.run("ping", "-c1", "-W2", "-t1", "10.2.0.2", check=False).stdout
    assert "From 10.1.0.1" in out and "Time to live exceeded" in out


def test_routes_by_a_gateway_and_their_end(router):
    stack, near, far = router({}, {})
    far.ip("address", "add", "192.168.7.1/32", "dev", "lo")
    assert near.run("ping", "-c1", "-W1", "192.168.7.1", check=False).returncode
    stack.call("route add", prefix="192.168.7.0/24", via="10.2.0.2")
    assert " 1 received" in near.run("ping", "-c1", "-W2", "192.168.7.1").stdout
    shown = {r["prefix"]: r for r in stack.call("show routes")}
    assert shown["192.168.7.0/24"]["paths"][0]["via"] == "10.2.0.2"
    assert stack.call("show routes", to="192.168.7.9")[0]["prefix"] == "192.168.7.0/24"
    stack.call("route delete", prefix="192.168.7.0/24")
    out = near.run("ping", "-c1", "-W1", "192.168.7.1", check=False).stdout
    assert "Net Unreachable" in out


@pytest.mark.parametrize("interface, address, why", [
    ("tap1", "10.2.0.1/24", "already"),
    ("tap1", "10.2.0.9/24", "another interface is on this network"),
    ("tap1", "224.0.0.1/24", "no address of a host"),
    ("tap1", "10.9.0.255/24", "no address of a host"),
    ("tap9", "10.9.0.1/24", "no interface"),
    ("tap1", "10.9.0.1/33", "expected one like 10.0.0.1/24"),
])
def test_addresses_that_cannot_be(router, interface, address, why):
    stack, near, _ = router({}, {})
    with pytest.raises(ControlError, match=why):
        stack.call("address add", interface=interface, address=address)
    assert " 1 received" in near.run("ping", "-c1", "-W2", "10.2.0.2").stdout


def test_addresses_come_and_go(router):
    stack, near, _ = router({}, {})
    stack.call("address add", interface="tap1", address="10.1.0.7/24")
    stack.call("address delete", interface="tap1", address="10.1.0.1/24")
    near.ip("route", "replace", "default", "via", "10.1.0.7")
    assert " 1 received" in near.run("ping", "-c1", "-W2", "10.1.0.7").stdout
    assert " 1 received" in near.run("ping", "-c1", "-W2", "10.2.0.2").stdout
    assert near.run("ping", "-c1", "-W1", "10.1.0.1", check=False).returncode
    stack.call("address delete", interface="tap1", address="10.1.0.7/24")
    assert near.run("ping", "-c1", "-W1", "10.1.0.7", check=False).returncode


def test_neighbor_that_is_fixed_or_deleted(router):
    stack, near, _ = router({}, {})
    assert " 1 received" in near.run("ping", "-c1", "-W2", "10.2.0.2").stdout
    stack.call("neighbor delete", interface="tap2", address="10.2.0.2")
    stack.call("neighbor add", interface="tap2", address="10.2.0.2", mac="02:00:00:00:00:55")
    assert near.run("ping", "-c1", "-W1", "10.2.0.2", check=False).returncode
    stack.call("neighbor delete", interface="tap2", address="10.2.0.2")
    wait.until(lambda: not near.run("ping", "-c1", "-W1", "10.2.0.2", check=False).returncode,
               "the kernel answers for itself again")
