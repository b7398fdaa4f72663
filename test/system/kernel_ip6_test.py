"""IPv6 with the kernel as the peer: neighbours, forwarding, fragments, advertisements, duplicates."""
import pytest
from harness import wait
from harness.talk6 import states, usable

OURS, LAN_HOST, WAN_HOST = "2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::2"
NO_CHECKS = {"duplicate_checks": 0}


def tap(name, space, *addresses, ipv6=NO_CHECKS, hosts=(), **more):
    return {"name": name, "addresses": list(addresses), "ipv6": ipv6, **more,
            "tap": {"host_netns": space.path, "host_addresses": list(hosts)}}


@pytest.fixture
def lan(netns):
    space = netns("lan")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    return space


@pytest.fixture
def router(netns, lan, convoyd):
    """Two hosts of the kernel, and a stack between them."""
    wan = netns("wan")
    wan.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    stack = convoyd({"interfaces": [
        tap("lan0", lan, f"{OURS}/64", hosts=[f"{LAN_HOST}/64"]),
        tap("wan0", wan, "2001:db8:2::1/64", hosts=[f"{WAN_HOST}/64"]),
    ]})
    lan.ip("-6", "route", "add", "default", "via", OURS)
    wan.ip("-6", "route", "add", "default", "via", "2001:db8:2::1")
    return stack, lan, wan


def test_ping_both_ways(router):
    stack, lan, wan = router
    assert " 0% packet loss" in lan.run("ping", "-6", "-c3", "-i0.2", "-W2", OURS).stdout
    assert " 0% packet loss" in lan.run("ping", "-6", "-c3", "-i0.2", "-W2", WAN_HOST).stdout
    seen = {n["address"] for n in stack.call("show neighbors")}
    assert {LAN_HOST, WAN_HOST} <= seen


def test_link_local_ping(router):
    stack, lan, wan = router
    ours = next(a["address"].split("/")[0] for a in stack.call("show addresses")
                if a["interface"] == "lan0" and a["origin"] == "link-local")
    lan.run("ping", "-6", "-c1", "-W2", f"{ours}%lan0")
    lan.run("ping", "-6", "-c1", "-W2", "ff02::1%lan0")


@pytest.mark.parametrize("size", [2000, 20000, 60000])
def test_fragments_to_us_and_through(router, size):
    stack, lan, wan = router
    for host in OURS, WAN_HOST:
        lan.run("ping", "-6", "-c1", "-W2", "-s", str(size), host)


def test_path_mtu_is_found(router):
    stack, lan, wan = router
    wan.ip("link", "set", "wan0", "mtu", "1500")
    lan.ip("link", "set", "lan0", "mtu", "9000")
    # Our own side has 1500: what is longer is answered, and the kernel learns.
    lan.run("ping", "-6", "-c2", "-i0.2", "-W2", "-M", "want", "-s", "3000", WAN_HOST, check=False)
    lan.run("ping", "-6", "-c1", "-W2", "-M", "want", "-s", "3000", WAN_HOST)


def test_traceroute_by_the_kernel_sees_us(router):
    stack, lan, wan = router
    out = lan.run("ping", "-6", "-c1", "-W2", "-t", "1", WAN_HOST, check=False).stdout
    assert OURS in out and "Hop limit" in out


@pytest.mark.parametrize("no_offload", [False, True])
def test_tcp_passes_through_with_and_without_offloads(netns, lan, convoyd, run, no_offload):
    """Super-segments of the kernel travel whole, or are cut where the other side cannot take them."""
    wan = netns("wan")
    wan.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    first = tap("lan0", lan, f"{OURS}/64", hosts=[f"{LAN_HOST}/64"])
    second = tap("wan0", wan, "2001:db8:2::1/64", hosts=[f"{WAN_HOST}/64"])
    second["tap"]["no_offload"] = no_offload
    stack = convoyd({"interfaces": [first, second]})
    lan.ip("-6", "route", "add", "default", "via", OURS)
    wan.ip("-6", "route", "add", "default", "via", "2001:db8:2::1")
    n = 3_000_000
    server = run("/usr/bin/python3", "-c", SINK, WAN_HOST, netns=wan, name="sink")
    wait.until(lambda: "ready" in server.out, "listening")
    source = run("/usr/bin/python3", "-c", SOURCE, WAN_HOST, str(n), netns=lan, name="source")
    assert source.wait(timeout=20) == 0 and server.wait(timeout=20) == 0
    assert server.out.split()[-1] == f"{n}:{sum(i % 251 for i in range(n)) % 65521}"
    packets = next(i["counters"]["rx_packets"] for i in stack.call("show interfaces")
                   if i["name"] == "lan0")
    assert packets < n / 1400, "super-segments were not kept whole"


SINK = """
import socket, sys
s = socket.create_server((sys.argv[1], 5001), family=socket.AF_INET6)
print("ready", flush=True)
c, n, total = s.accept()[0], 0, 0
while data := c.recv(1 << 16):
    n, total = n + len(data), (total + sum(data)) % 65521
print(f"{n}:{total}")
"""
SOURCE = """
import socket, sys
c = socket.create_connection((sys.argv[1], 5001))
c.sendall(bytes(i % 251 for i in range(int(sys.argv[2]))))
"""


# --- who tells whom ---

def test_the_kernel_makes_addresses_of_our_advertisement(lan, convoyd):
    convoyd({"interfaces": [tap("lan0", lan, f"{OURS}/64", ipv6={
        **NO_CHECKS, "advertise": {"interval": "10s", "lifetime": "60s", "mtu": 1400}})]})
    lan.run("sysctl", "-qw", "net.ipv6.conf.lan0.accept_ra=2")

    def has_address():
        return "2001:db8:1:" in lan.ip("-6", "address", "show", "dev", "lan0", "scope", "global")
    wait.until(has_address, "an address by autoconfiguration", timeout=25)  # the interval, and more
    routes = lan.ip("-6", "route", "show", "default")
    assert "proto ra" in routes and "fe80::" in routes
    assert lan.run("sysctl", "-n", "net.ipv6.conf.lan0.mtu").stdout.strip() == "1400"
    lan.run("ping", "-6", "-c1", "-W2", OURS)


def test_the_kernel_finds_out_that_we_have_its_address(netns, convoyd):
    space = netns("lan")
    stack = convoyd({"interfaces": [tap("lan0", space, f"{OURS}/64")]})
    usable(stack, OURS)
    space.ip("address", "add", f"{OURS}/64", "dev", "lan0")
    wait.until(lambda: "dadfailed" in space.ip("-6", "address", "show", "dev", "lan0"),
               "the kernel has found out")


def test_we_find_out_that_the_kernel_has_our_address(lan, convoyd):
    stack = convoyd({"interfaces": [
        tap("lan0", lan, f"{OURS}/64", ipv6={}, hosts=[f"{OURS}/64"])]})
    wait.until(lambda: states(stack)[OURS] == "duplicated", "found out")


def test_a_route_to_a_single_host_by_its_interface(router):
    # The neighbour's own route is to the same prefix: it must not be hidden by one that gleans.
    stack, lan, wan = router
    stack.call("route add", prefix=f"{WAN_HOST}/128", interface="wan0")
    lan.run("ping", "-6", "-c2", "-i0.2", "-W2", WAN_HOST)


def test_a_snooping_bridge_lets_neighbour_discovery_through(netns, lan, convoyd):
    """The kernel's bridge sends groups only to ports that reported them: MLD has to have done so."""
    host = netns("host")
    host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    lan.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "1", "mcast_query_response_interval",
           "100", "mcast_startup_query_interval", "100")
    lan.ip("link", "set", "br0", "up")
    lan.ip("link", "add", "side", "type", "veth", "peer", "name", "eth0", "netns", host.name)
    lan.ip("link", "set", "side", "master", "br0", "up")
    host.ip("address", "add", f"{LAN_HOST}/64", "dev", "eth0")
    host.ip("link", "set", "eth0", "up")
    stack = convoyd({"interfaces": [tap("lan0", lan, f"{OURS}/64")]})
    lan.ip("link", "set", "lan0", "master", "br0")
    lan.run("bridge", "link", "set", "dev", "lan0", "mcast_flood", "off")
    lan.ip("link", "set", "br0", "type", "bridge", "mcast_querier", "1")
    groups = {g["group"] for g in stack.call("show groups")}
    assert "ff02::1:ff00:1" in groups

    def known():
        table = lan.run("bridge", "mdb", "show", "dev", "br0").stdout
        return all(f"port lan0 grp {group} " in table for group in groups)
    wait.until(known, "the bridge knows our groups", timeout=20)
    wait.until(lambda: host.run("ping", "-6", "-c1", "-W1", OURS, check=False).returncode == 0,
               "found through the bridge", timeout=20)
    stack.call("address delete", interface="lan0", address=f"{OURS}/64")
    wait.until(lambda: "ff02::1:ff00:1 " not in lan.run("bridge", "mdb", "show", "dev", "br0").stdout,
               "the bridge forgot the group", timeout=20)
