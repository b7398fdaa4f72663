"""Interfaces on devices of the kernel, here veth pairs: traffic, devices that go and come, refusals."""
import os
import platform
import signal
import socket
import subprocess
import time

import pytest
import yaml
from harness import wait
from harness.interfaces import device, interface, wait_state
from harness.transfer import MIB, transfer
from harness.wire import socket_in

UDP_SEGMENT = 103
KINDS = ["af_packet", "af_xdp"]


@pytest.fixture(scope="module", autouse=True)
def veth_exists():
    name = "cvprobe0"
    done = subprocess.run(["ip", "link", "add", name, "type", "veth"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the kernel has no CONFIG_VETH: {done.stderr}")
    subprocess.run(["ip", "link", "delete", name], check=True)


def kernel():
    return tuple(int(n) for n in platform.release().split(".")[:2])


@pytest.fixture(autouse=True)
def kernel_has_it(request):
    """Skips tests of a kind of socket that the kernel lacks."""
    kind = request.node.callspec.params.get("kind") if hasattr(request.node, "callspec") else None
    if kind == "af_xdp":
        try:
            socket.socket(socket.AF_XDP if hasattr(socket, "AF_XDP") else 44, socket.SOCK_RAW).close()
        except OSError as error:
            pytest.skip(f"the kernel has no CONFIG_XDP_SOCKETS: {error}")


def veth(space, name, far, far_name="v0"):
    """A pair: `name` in `space`, `far_name` in `far`, both up; without the kernel's IPv6 noise."""
    for one in space, far:
        one.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    space.ip("link", "add", name, "type", "veth", "peer", "name", far_name, "netns", far.name)
    far.ip("link", "set", far_name, "up")


@pytest.fixture
def router(netns, convoyd):
    """router(KIND, LEFT, RIGHT): kernels 10.1.0.2 and 10.2.0.2 behind veth pairs with these options."""
    def make(kind, left=None, right=None, workers=1):
        home, ends = netns("router"), (netns("left"), netns("right"))
        config = {"workers": workers, "interfaces": []}
        for n, (end, options) in enumerate(zip(ends, (left or {}, right or {})), 1):
            veth(home, f"dev{n}", end)
            end.ip("addr", "add", f"10.{n}.0.2/24", "dev", "v0")
            end.ip("route", "add", "default", "via", f"10.{n}.0.1")
            config["interfaces"].append({
                "name": f"if{n}", "addresses": [f"10.{n}.0.1/24"],
                kind: {"device": f"dev{n}", **options}})
        stack = convoyd(config, netns=home)
        for one in config["interfaces"]:  # packets pass before the kernel says that a device runs
            wait_state(stack, one["name"], "up")
        for end in ends:
            end.wait_link("v0")
        return stack, home, *ends
    return make


@pytest.mark.parametrize("options, workers", [
    ({}, 1), ({}, 2), ({"mode": "generic"}, 1), ({"busy_poll_us": 20, "copy": "always"}, 1),
    ({"send_by_program": "never"}, 1),
], ids=["native", "two workers", "generic", "busy poll", "sends by its socket"])
def test_tcp_between_kernels_over_af_xdp(router, options, workers):
    stack, _, near, far = router("af_xdp", options, options, workers)
    if "mode" in options:  # the generic hook gets super-segments whole, and nobody says that they are some
        near.run("ethtool", "-K", "v0", "tx", "off")
        far.run("ethtool", "-K", "v0", "tx", "off")
    transfer(near, far, 8 * MIB)
    assert device(stack, "if1")["mode"] == options.get("mode", "native")
    assert device(stack, "if1")["copy"] == "once"
    assert device(stack, "if1")["sends-by-program"] == ("no" if "send_by_program" in options else "yes")


def test_a_killed_convoyd_leaves_no_program_behind(router, convoyd):
    stack, home, near, _ = router("af_xdp")
    near.run("ping", "-c1", "-W2", "10.2.0.2")
    assert "xdp" in home.ip("link", "show", "dev1")
    config = stack.config.read_text()
    stack.process.signal(signal.SIGKILL)
    stack.process.wait()
    wait.until(lambda: "xdp" not in home.ip("link", "show", "dev1"), "the program is gone")
    again = convoyd(config, netns=home)
    near.run("ping", "-c1", "-W2", "10.2.0.2")
    again.stop()
    assert "xdp" not in home.ip("link", "show", "dev1")


@pytest.mark.parametrize("left, right, workers", [
    ({}, {}, 1),
    ({}, {"no_offload": True}, 1),
    ({"no_offload": True, "send_by_program": "never"}, {"no_offload": True, "send_by_program": "never"}, 1),
    ({"no_offload": True, "exclusive": True}, {"exclusive": True}, 1),
    ({"queues": 2}, {"queues": 2, "exclusive": True}, 2),
], ids=["offloads", "cut here", "sends by its socket", "exclusive", "two workers"])
def test_tcp_between_kernels_over_af_packet(router, left, right, workers):
    stack, _, near, far = router("af_packet", left, right, workers)
    transfer(near, far, 16 * MIB)
    if not left and not right:  # super-segments pass whole
        counters = interface(stack, "if2")["counters"]
        assert counters["tx_bytes"] / counters["tx_packets"] > 3000, counters


def test_datagrams_that_a_program_left_to_its_device_to_cut(router):
    """UDP_SEGMENT: 40 datagrams in one call, which cross a veth in one piece."""
    if kernel() < (6, 2):
        pytest.skip(f"Linux {platform.release()} drops such packets before a packet socket (6.2 does not)")
    _, _, near, far = router("af_packet")
    with socket_in(far, socket.AF_INET, socket.SOCK_DGRAM) as to, \
            socket_in(near, socket.AF_INET, socket.SOCK_DGRAM) as source:
        to.bind(("10.2.0.2", 6000))
        to.settimeout(5)
        source.sendto(b"hello", ("10.2.0.2", 6000))
        assert to.recv(65536) == b"hello"
        try:
            source.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        except OSError as error:
            pytest.skip(f"the kernel has no UDP_SEGMENT: {error}")
        data = os.urandom(39500)
        source.sendto(data, ("10.2.0.2", 6000))
        assert [to.recv(65536) for _ in range(40)] == [data[at:at + 1000] for at in range(0, 39500, 1000)]


def test_the_kernel_does_not_answer_for_an_exclusive_device(router):
    """Both stacks have the address; only one may answer."""
    stack, home, near, _ = router("af_packet", {"exclusive": True})
    home.ip("addr", "add", "10.1.0.1/24", "dev", "dev1")
    out = near.run("ping", "-c5", "-i0.05", "10.1.0.1").stdout
    assert " 5 received" in out and "duplicate" not in out and "+" not in out, out
    assert "dev1" not in home.ip("neigh", "show"), "the kernel saw the ARP request"
    assert device(stack, "if1")["exclusive"] == ("tcx" if kernel() >= (6, 6) else "nftables")


@pytest.mark.parametrize("kind, queues", [("af_packet", 1), ("af_packet", 2), ("af_xdp", 1)])
def test_sent_packets_are_not_received_back(router, kind, queues):
    options = {"queues": queues}
    stack, _, near, _ = router(kind, options, options, queues)
    near.run("ping", "-c5", "-i0.05", "10.2.0.2")
    counters = interface(stack, "if1")["counters"]
    assert counters["rx_packets"] < counters["tx_packets"] + 4, counters


@pytest.mark.parametrize("kind", KINDS)
def test_device_that_is_deleted_and_comes_back(router, monitor, kind):
    stack, home, near, _ = router(kind)
    near.run("ping", "-c1", "-W2", "10.2.0.2")
    listening = monitor(stack, topics="link")
    for _ in range(2):
        near.ip("link", "set", "v0", "down")
        wait_state(stack, "if1", "no link")
        near.ip("link", "set", "v0", "up")
        wait_state(stack, "if1", "up")
        home.ip("link", "delete", "dev1")
        wait_state(stack, "if1", "no link")
        assert device(stack, "if1")["state"] in ("going", "gone")
        veth(home, "dev1", near)
        near.ip("addr", "add", "10.1.0.2/24", "dev", "v0")
        near.ip("route", "add", "default", "via", "10.1.0.1")
        wait_state(stack, "if1", "up")
        near.wait_link("v0")
        wait.until(lambda: near.run("ping", "-c1", "-W1", "10.2.0.2", check=False).returncode == 0,
                   "packets pass again")
    # Without its carrier, deleted: down each time, and up again.
    assert listening.links(8) == 4 * [("down", "if1"), ("up", "if1")]
    events = stack.process.err
    assert events.count("netdev.gone") == events.count("netdev.back") == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("down", [False, True], ids=["up", "with packets for a device that is down"])
def test_idle_interfaces_sleep(router, kind, down):
    stack, home, near, far = router(kind)
    near.run("ping", "-c1", "-W2", "10.2.0.2")
    if down:
        home.ip("link", "set", "dev2", "down")
        wait_state(stack, "if2", "no link")
        near.run("ping", "-c5", "-i0.02", "-W1", "10.2.0.2", check=False)

    def turns():
        return sum(w["turns"] for w in stack.call("show runtime")["workers"])

    def asleep():
        before = turns()
        time.sleep(0.5)  # the measurement itself
        return turns() - before < 50
    wait.until(asleep, "it has finished what the ping left behind and sleeps")
    if down:
        home.ip("link", "set", "dev2", "up")
        wait_state(stack, "if2", "up")
        wait.until(lambda: near.run("ping", "-c1", "-W1", "10.2.0.2", check=False).returncode == 0,
                   "packets pass again")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options, place, message", [
    ({"device": "nowhere"}, "2:3", 'no network device "nowhere"'),
    ({"device": "lo", "mtu": 70000}, "5:5", 'unknown field "mtu"'),
    ({"device": "lo", "queues": 99}, "5:13", "queues"),
    ({}, "3:", "device"),
], ids=["no device", "field of the interface", "queues", "device missing"])
def test_what_cannot_be_has_its_line(netns, convoyd, kind, options, place, message):
    stack = convoyd({"interfaces": [{"name": "if1", kind: options}]}, netns=netns("x"), ready=False)
    assert stack.process.wait() in (1, 2)
    last = stack.process.err.splitlines()[-1]
    assert last.startswith(f"{stack.config}:{place}") and message in last, last


@pytest.mark.parametrize("kind", KINDS)
def test_interfaces_come_and_go_by_apply_while_packets_pass(router, kind, build):
    """What the driver lent to the kernel comes back: the pool has as many buffers as before."""
    stack, _, near, _ = router(kind)
    near.run("ping", "-c1", "-W2", "10.2.0.2")
    config = yaml.safe_load(stack.config.read_text())
    one = {**config, "interfaces": config["interfaces"][:1]}

    def apply(wanted):
        stack.config.write_text(yaml.safe_dump(wanted))
        done = subprocess.run([build / "convoy", "--socket", stack.socket, "apply", stack.config],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done

    def in_use():
        return stack.call("show buffers")["in_use"]
    before = in_use()
    flood = subprocess.Popen([*near.enter, "ping", "-qf", "-w5", "10.2.0.2"], stdout=subprocess.DEVNULL)
    for _ in range(5):
        apply(one)
        assert len(stack.call("show interfaces")) == 1
        apply(config)
        wait_state(stack, "if2", "up")
    flood.terminate()
    flood.wait()
    near.run("ping", "-c1", "-W2", "10.2.0.2")
    wait.until(lambda: in_use() == before, "every buffer is back", 5)
