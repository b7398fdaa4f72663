"""Shortcuts: packets that the kernel's devices forward by themselves, and what ends that at once."""
import signal
import socket
import subprocess

import pytest
import yaml
from harness import wait
from harness.control import ControlError
from harness.interfaces import device, interface, wait_state
from harness.transfer import MIB, transfer
from harness.wire import socket_in
from scapy.all import IP, UDP, Dot1Q, Ether

NO_CHECKS = {"duplicate_checks": 0}
FAR = {4: "10.2.0.2", 6: "2001:db8:2::2"}
NEAR = {4: "10.1.0.2", 6: "2001:db8:1::2"}


def veth(space, n, far):
    """dev{n} in `space`, v0 in `far` with the addresses of a host."""
    space.ip("link", "add", f"dev{n}", "type", "veth", "peer", "name", "v0", "netns", far.name)
    far.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.v0.accept_dad=0")
    far.ip("link", "set", "v0", "up")
    far.ip("addr", "add", f"10.{n}.0.2/24", "dev", "v0")
    far.ip("addr", "add", f"2001:db8:{n}::2/64", "dev", "v0")
    far.ip("route", "add", "default", "via", f"10.{n}.0.1")
    far.ip("-6", "route", "add", "default", "via", f"2001:db8:{n}::1")


@pytest.fixture
def router(netns, convoyd):
    """router(**OF_BOTH): kernels 10.1.0.2 and 10.2.0.2 with IPv6, a stack between them, running."""
    def make(workers=1, left=None, right=None, **options):
        home, ends = netns("router"), (netns("left"), netns("right"))
        home.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        config = {"workers": workers, "interfaces": []}
        for n, (end, more) in enumerate(zip(ends, (left or {}, right or {})), 1):
            veth(home, n, end)
            config["interfaces"].append({
                "name": f"if{n}", "addresses": [f"10.{n}.0.1/24", f"2001:db8:{n}::1/64"], "ipv6": NO_CHECKS,
                **more, "af_packet": {"device": f"dev{n}", "shortcuts": True, **options}})
        stack = convoyd(config, netns=home)
        for n in 1, 2:
            wait_state(stack, f"if{n}", "up")
        return stack, home, *ends
    return make


def row_or_none(stack, address):
    rows = [r for r in stack.call("show shortcuts")["shortcuts"] if r["destination"] == address]
    return rows[0] if rows else None


def ping(space, address, *options):
    """True if all come back."""
    return space.run("ping", "-c1", "-W1", *options, address, check=False).returncode == 0


def learn(stack, space, address):
    """Pings until packets to `address` take a shortcut."""
    def in_use():
        assert ping(space, address)
        row = row_or_none(stack, address)
        return row and row["in_use"]
    wait.until(in_use, f"a shortcut to {address}")


def graph_packets(stack, family):
    nodes = {n["node"]: n["vectors"] for n in stack.call("show runtime", all=True)["nodes"]}
    return nodes[f"ip{family}-rewrite"]


def refused(stack, why):
    return stack.call("show shortcuts")["refused"][why]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("workers", [1, 2])
def test_packets_pass_the_graph_by_and_are_counted(router, family, workers):
    stack, _, near, _ = router(workers, queues=workers)
    wait.until(lambda: ping(near, FAR[family]), "a first answer")
    learn(stack, near, FAR[family])
    learn(stack, near, FAR[family])
    wait.until(lambda: (row_or_none(stack, NEAR[family]) or {"in_use": False})["in_use"], "the way back")
    before = [interface(stack, f"if{n}")["counters"] for n in (1, 2)]
    graph, there = graph_packets(stack, family), row_or_none(stack, FAR[family])
    assert ping(near, FAR[family], "-c20", "-i0.01", "-s1000")
    row = row_or_none(stack, FAR[family])
    assert row["packets"] - there["packets"] == 20
    assert row["bytes"] - there["bytes"] == 20 * (14 + {4: 20, 6: 40}[family] + 8 + 1000)
    assert (row["from"], row["to"], row["mtu_bytes"]) == ("if1", "if2", 1500)
    assert graph_packets(stack, family) - graph < 20  # neighbours may ask for each other
    for was, n in zip(before, (1, 2)):
        counters = interface(stack, f"if{n}")["counters"]
        assert 20 <= counters["rx_packets"] - was["rx_packets"] < 30
        assert 20 <= counters["tx_packets"] - was["tx_packets"] < 30
        assert counters["tx_bytes"] - was["tx_bytes"] >= row["bytes"] - there["bytes"]
    assert device(stack, "if1")["shortcuts"] == "yes"


@pytest.mark.parametrize("family", [4, 6])
def test_super_segments_both_ways(router, family):
    stack, _, near, far = router()
    wait.until(lambda: ping(near, FAR[family]), "a first answer")
    learn(stack, near, FAR[family])
    transfer(near, far, 32 * MIB, FAR[family])
    transfer(far, near, 32 * MIB, NEAR[family])
    for address in FAR[family], NEAR[family]:
        row = row_or_none(stack, address)
        assert row["bytes"] > 16 * MIB and row["bytes"] / row["packets"] > 1500, row


@pytest.mark.parametrize("family, text", [(4, "Time to live exceeded"), (6, "Hop limit")])
def test_what_runs_out_of_hops_is_answered_by_the_graph(router, family, text):
    stack, _, near, _ = router()
    learn(stack, near, FAR[family])
    out = near.run("ping", "-c1", "-W2", "-t1", FAR[family], check=False).stdout
    assert text in out, out


def test_fragments_and_what_needs_them(router):
    """Pieces take the shortcut; what has to be cut, or must not be, is the graph's."""
    stack, _, near, far = router(right={"mtu": 1300})
    learn(stack, near, FAR[4])
    assert ping(near, FAR[4], "-s1200", "-c5", "-i0.01")
    assert ping(near, FAR[4], "-s1400", "-Mdont", "-c3", "-i0.01")  # cut by us
    assert ping(near, FAR[4], "-s5000", "-Mdont", "-c3", "-i0.01")
    out = near.run("ping", "-c1", "-W2", "-s1400", "-Mdo", FAR[4], check=False).stdout
    assert "mtu = 1300" in out or "mtu=1300" in out, out
    assert interface(stack, "if2")["mtu_bytes"] == 1300


def spray(near, n=50):
    """Datagrams to 10.2.0.2:6000, at once."""
    with socket_in(near, socket.AF_INET, socket.SOCK_DGRAM) as source:
        for _ in range(n):
            source.sendto(b"x" * 100, (FAR[4], 6000))


def received(sink):
    """How many datagrams wait, after those that are on their way."""
    n = 0
    sink.settimeout(0.2)
    try:
        while True:
            sink.recv(1000)
            n += 1
    except TimeoutError:
        return n


@pytest.fixture
def sink(router):
    """A router whose shortcut to 10.2.0.2 is in use, with a socket there."""
    stack, home, near, far = router()
    learn(stack, near, FAR[4])
    with socket_in(far, socket.AF_INET, socket.SOCK_DGRAM) as to:
        to.bind((FAR[4], 6000))
        spray(near)
        assert received(to) == 50
        yield stack, home, near, far, to


@pytest.mark.parametrize("call, undo", [
    (("route add", {"prefix": "10.2.0.2/32", "blackhole": True}), ("route delete", {"prefix": "10.2.0.2/32"})),
    (("neighbor add", {"interface": "if2", "address": "10.2.0.2", "mac": "02:00:00:00:00:55"}),
     ("neighbor delete", {"interface": "if2", "address": "10.2.0.2"})),
    (("interface set", {"name": "if2", "down": True}), ("interface set", {"name": "if2", "up": True})),
    (("interface set", {"name": "if1", "down": True}), ("interface set", {"name": "if1", "up": True})),
    (("vrf move", {"interface": "if2", "vrf": "red"}), ("vrf move", {"interface": "if2", "vrf": "default"})),
    (("impair", {"interface": "if1", "direction": "in", "loss": "100%"}),
     ("impair clear", {"interface": "if1"})),
], ids=["route", "neighbour", "egress down", "ingress down", "VRF", "impairment"])
def test_a_change_holds_from_when_it_is_told_as_done(sink, call, undo):
    stack, _, near, _, to = sink
    stack.call("vrf add", name="red")
    for _ in range(3):
        stack.call(call[0], **call[1])
        spray(near)
        assert received(to) == 0
        stack.call(undo[0], **undo[1])
        learn_again(stack, near)
        spray(near)
        assert received(to) == 50


def learn_again(stack, near):
    wait.until(lambda: ping(near, FAR[4]), "packets pass again")
    learn(stack, near, FAR[4])


def test_a_smaller_mtu_holds_at_once(sink):
    stack, _, near, _, to = sink
    stack.call("interface set", name="if2", mtu=1300)
    out = near.run("ping", "-c1", "-W2", "-s1400", "-Mdo", FAR[4], check=False).stdout
    assert "mtu = 1300" in out or "mtu=1300" in out, out


def test_a_trace_sees_the_next_packet_and_ends_shortcuts(sink):
    stack, _, near, _, to = sink
    stack.call("trace add", node="af-packet-input", count=5)
    spray(near, 5)
    assert received(to) == 5
    assert "10.2.0.2" in stack.call("trace", format="text")["text"]
    graph = graph_packets(stack, 4)
    spray(near)
    assert received(to) == 50
    assert graph_packets(stack, 4) >= graph + 50
    wait.until(lambda: refused(stack, "watched") > 0, "main was told")
    stack.call("trace clear")
    learn(stack, near, FAR[4])


@pytest.mark.parametrize("where", [["if2", "--out"], ["--node", "ip4-rewrite"]], ids=["interface", "node"])
def test_a_capture_sees_every_packet(sink, build, tmp_path, where):
    stack, _, near, _, to = sink
    path = tmp_path / "all.pcapng"
    capture = subprocess.Popen(
        [str(build / "convoy"), "--socket", str(stack.socket), "capture", *where, "--output", str(path),
         "--count", "50", "--filter", "udp"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait.until(lambda: path.exists() and path.stat().st_size > 0, "the capture has begun")
    spray(near)
    assert received(to) == 50
    output, _ = capture.communicate(timeout=10)
    assert "50 packets captured, 0 lost" in output
    learn(stack, near, FAR[4])


def test_reverse_path_checks_have_none(sink):
    stack, _, near, _, to = sink
    stack.call("rpf set", interface="if1", mode="strict")
    graph = graph_packets(stack, 4)
    for _ in range(5):
        spray(near)
        assert received(to) == 50
    assert graph_packets(stack, 4) >= graph + 250
    wait.until(lambda: refused(stack, "feature") > 0, "and it says why")
    stack.call("rpf set", interface="if1", mode="off")
    learn(stack, near, FAR[4])


def test_several_paths_and_the_same_interface_have_none(router):
    stack, _, near, far = router()
    far.ip("addr", "add", "10.2.0.3/24", "dev", "v0")
    far.ip("addr", "add", "192.168.9.1/32", "dev", "lo")
    stack.call("route add", prefix="192.168.9.0/24", to="via 10.2.0.2 via 10.2.0.3")
    wait.until(lambda: ping(near, "192.168.9.1"), "an answer")
    wait.until(lambda: ping(near, "192.168.9.1") and refused(stack, "paths") > 2, "several paths are no way")
    assert row_or_none(stack, "192.168.9.1") is None
    near.ip("route", "add", "10.1.0.77/32", "via", "10.1.0.1")
    near.ip("addr", "add", "10.1.0.77/32", "dev", "lo")
    stack.call("route delete", prefix="192.168.9.0/24")
    stack.call("route add", prefix="192.168.9.0/24", via="10.2.0.2")
    learn(stack, near, "192.168.9.1")


def test_tagged_frames_are_nobodys(sink):
    """A tag that the kernel took out of the frame is still a tag; one for its priority is none."""
    stack, _, near, _, to = sink
    mac = near.run("cat", "/sys/class/net/v0/address").stdout.strip()
    frame = IP(src=NEAR[4], dst=FAR[4]) / UDP(sport=7000, dport=6000) / b"hello"
    with socket_in(near, socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("v0", 0))
        for vlan in 7, 0, None:
            ether = Ether(src=mac, dst=interface(stack, "if1")["mac"])
            raw.send(bytes(ether / frame if vlan is None else ether / Dot1Q(vlan=vlan) / frame))
            assert received(to) == (vlan != 7), vlan


def test_device_that_is_deleted_and_comes_back(router):
    stack, home, near, far = router()
    learn(stack, near, FAR[4])
    for _ in range(2):
        home.ip("link", "delete", "dev2")
        wait_state(stack, "if2", "no link")
        wait.until(lambda: row_or_none(stack, FAR[4]) is None, "no shortcut to nowhere")
        veth(home, 2, far)
        wait_state(stack, "if2", "up")
        wait.until(lambda: ping(near, FAR[4]), "packets pass again")
        learn(stack, near, FAR[4])


def test_a_killed_convoyd_leaves_nothing(router, convoyd):
    stack, home, near, _ = router()
    learn(stack, near, FAR[4])
    home.ip("addr", "add", "10.1.0.99/24", "dev", "dev1")
    assert not ping(near, "10.1.0.99")  # the kernel's stack sees nothing
    config = stack.config.read_text()
    stack.process.signal(signal.SIGKILL)
    stack.process.wait()
    wait.until(lambda: ping(near, "10.1.0.99"), "the kernel has its device back")
    assert not ping(near, FAR[4])
    again = convoyd(yaml.safe_load(config), netns=home)
    wait.until(lambda: ping(near, FAR[4]), "packets pass again")
    learn(again, near, FAR[4])


def test_clear_forgets_them_and_idle_ones_are_kept_for_a_while(sink):
    stack, _, near, _, to = sink
    assert row_or_none(stack, FAR[4])["packets"] >= 50
    stack.call("shortcuts clear")
    assert row_or_none(stack, FAR[4]) is None
    learn(stack, near, FAR[4])


@pytest.mark.parametrize("method, params", [
    ("vlan add", {"name": "if1.5", "parent": "if1", "tags": "5"}),
    ("xconnect add", {"interface": "if1", "other": "if2"}),
    ("bridge port add", {"bridge": "b", "interface": "if1"}),
], ids=["subinterface", "cross-connect", "bridge"])
def test_l2_on_it_is_refused(router, method, params):
    stack, _, near, _ = router()
    stack.call("bridge add", name="b")
    with pytest.raises(ControlError, match="shortcuts"):
        stack.call(method, **params)
    wait.until(lambda: ping(near, FAR[4]), "an answer")
