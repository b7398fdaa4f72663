"""Several ways at once: kernels as multipath routers before and behind ours, and ways that go.

    near ══ a0, a1 ══ the stack ══ b0, b1, b2 ══ far        every route has all links of its side as next hops
"""
import socket
import threading

import pytest
from harness.interfaces import interface, wait_state
from harness.wire import socket_in
from harness.workers import on_workers
from scapy.all import IP, UDP, IPv6, IPv6ExtHdrFragment

NEAR, FAR = {4: "192.0.2.1", 6: "2001:db8:100::1"}, {4: "198.51.100.1", 6: "2001:db8:200::1"}
PORTS = range(20000, 20064)
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
N_NEAR, N_FAR = 2, 3


def link_of(number):
    """The networks of a link: (ours, theirs) of each family."""
    return [(f"10.{number}.0.1", f"10.{number}.0.2"), (f"2001:db8:{number}::1", f"2001:db8:{number}::2")]


class Side:
    """A kernel with several links to the stack, and addresses of its own behind them."""

    def __init__(self, space, letter, first, n, own, to):
        self.space, self.own, self.to = space, own, to
        self.links = {f"{letter}{i}": link_of(first + i) for i in range(n)}
        for line in ("ipv4.conf.all.rp_filter=0", "ipv4.conf.default.rp_filter=0", "ipv6.conf.all.accept_dad=0",
                     "ipv6.conf.default.accept_dad=0", "ipv4.fib_multipath_hash_policy=1",
                     "ipv6.fib_multipath_hash_policy=1"):
            space.run("sysctl", "-qw", f"net.{line}")
        for address in own.values():
            space.ip("address", "add", address, "dev", "lo")

    def interfaces(self):
        return [{"name": name, "addresses": [f"{ours4}/24", f"{ours6}/64"], "ipv6": {"duplicate_checks": 0},
                 "tap": {"host_netns": self.space.path, "no_offload": True,
                         "host_addresses": [f"{theirs4}/24", f"{theirs6}/64"]}}
                for name, ((ours4, theirs4), (ours6, theirs6)) in self.links.items()]

    def routes(self, **more):
        """Those of the stack to here."""
        return [{"to": f"{self.own[family]}/{length}", **more,
                 "next_hops": [{"via": link[at][1]} for link in self.links.values()]}
                for at, (family, length) in enumerate(((4, 32), (6, 128)))]

    def route_by_all(self):
        for at, family in enumerate((4, 6)):
            hops = [word for name, link in self.links.items()
                    for word in ("nexthop", "via", link[at][0], "dev", name)]
            self.space.ip(f"-{family}", "route", "replace", self.to[family], "src", self.own[family], *hops)


class Echo:
    """Answers every datagram at FAR's port 7 until it is closed."""

    def __init__(self, space, family):
        self.socket = socket_in(space, FAMILY[family], socket.SOCK_DGRAM)
        self.socket.bind((FAR[family], 7))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            if not data:
                return
            self.socket.sendto(data, peer)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


class Paths:
    """near, the stack, far, and who sees what on which of their links."""

    def __init__(self, netns, convoyd, wire, workers, **more):
        self.near = Side(netns("near"), "a", 1, N_NEAR, NEAR, FAR)
        self.far = Side(netns("far"), "b", 11, N_FAR, FAR, NEAR)
        self.stack = convoyd(on_workers(workers, {
            "interfaces": [*self.near.interfaces(), *self.far.interfaces()],
            "routes": [*self.near.routes(**more), *self.far.routes(**more)]}))
        for side in self.near, self.far:
            side.route_by_all()
        self.wires = {name: wire(side.space, name) for side in (self.near, self.far) for name in side.links}

    def talk(self, family, size=100, rounds=3):
        """64 flows, some datagrams each way in each; fails if one is not answered."""
        for port in PORTS:
            with socket_in(self.near.space, FAMILY[family], socket.SOCK_DGRAM) as one:
                one.settimeout(5)
                one.bind((NEAR[family], port))
                for number in range(rounds):
                    data = bytes([number]) * size
                    one.sendto(data, (FAR[family], 7))
                    assert one.recv(65536) == data

    def ways(self, family, names, flow):
        """{flow: the links by which its packets came to a kernel}."""
        seen, layer = {}, IP if family == 4 else IPv6
        for name in names:
            while (packet := self.wires[name].receive(0.05)) is not None:
                if layer in packet and packet[layer].src in (NEAR[family], FAR[family]):
                    seen.setdefault(flow(packet), set()).add(name)
        return seen


@pytest.fixture(params=[1, 2], ids=["1 worker", "2 workers"])
def paths(request, netns, convoyd, wire):
    """A function that starts all of it; **MORE is of the stack's routes."""
    return lambda **more: Paths(netns, convoyd, wire, request.param, **more)


@pytest.fixture
def echo():
    opened = []

    def start(space, family):
        opened.append(Echo(space, family))
    yield start
    for one in opened:
        one.close()


def by_port(packet):
    return ({packet[UDP].sport, packet[UDP].dport} - {7}).pop()


def by_datagram(packet):
    return packet[IP].id if IP in packet else packet[IPv6ExtHdrFragment].id


def spread(seen, links):
    """Which flow came by which link; fails unless each had one, and each link a fair share."""
    assert set(seen) == set(PORTS)
    assert all(len(names) == 1 for names in seen.values()), seen
    one = {port: names.pop() for port, names in seen.items()}
    shares = {name: list(one.values()).count(name) for name in links}
    assert min(shares.values()) >= len(PORTS) // len(shares) // 3, shares
    return one


@pytest.mark.parametrize("family", [4, 6])
def test_flows_spread_and_each_keeps_its_way(paths, echo, family):
    p = paths()
    echo(p.far.space, family)
    p.talk(family)
    spread(p.ways(family, p.far.links, by_port), p.far.links)
    spread(p.ways(family, p.near.links, by_port), p.near.links)
    # The kernels have spread theirs over us as well.
    for name in p.wires:
        assert interface(p.stack, name)["counters"]["rx_packets"] >= 20, name


@pytest.mark.parametrize("family", [4, 6])
def test_the_fragments_of_a_datagram_take_one_way(paths, echo, family):
    """Only the first has the ports."""
    p = paths()
    echo(p.far.space, family)
    p.talk(family, size=4000, rounds=1)
    for side in p.near, p.far:
        seen = p.ways(family, side.links, by_datagram)
        assert len(seen) == len(PORTS) and all(len(names) == 1 for names in seen.values()), seen


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("resilient", [False, True])
def test_a_way_that_goes_is_left_to_the_others(paths, echo, resilient, family):
    p = paths(resilient=True) if resilient else paths()
    echo(p.far.space, family)
    p.talk(family)
    before = spread(p.ways(family, p.far.links, by_port), p.far.links)
    p.far.space.ip("link", "delete", "b2")
    wait_state(p.stack, "b2", "no link")
    del p.far.links["b2"]
    p.far.route_by_all()  # the kernel drops an IPv4 route one of whose devices is deleted
    p.talk(family)
    after = spread(p.ways(family, p.far.links, by_port), p.far.links)
    if resilient:
        stay = {port: name for port, name in before.items() if name != "b2"}
        assert stay.items() <= after.items()
