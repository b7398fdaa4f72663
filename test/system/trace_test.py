"""Traces and captures inside the graph: filters, golden traces, any node."""
import contextlib
import os
import pathlib
import re
import subprocess
import time

import pytest
from harness import wait
from harness.control import ControlError
from harness.interfaces import interface

GOLDEN = pathlib.Path(__file__).parent / "golden"
NEIGHBOR = {"interface": "sink0", "address": "10.9.0.7", "mac": "02:00:00:00:00:77"}


def path_of(*streams):
    return {"interfaces": [
        {"name": "gen0", "mac": "02:00:00:00:00:08", "addresses": ["10.8.0.1/24"], "generator": {
            "streams": [{"source": "10.8.0.2", "destination": "10.9.0.7", "count": 20, "order": "sequential",
                         **s} for s in streams]}},
        {"name": "sink0", "mac": "02:00:00:00:00:09", "addresses": ["10.9.0.1/24"], "sink": {}},
    ]}


def run_all(stack):
    stack.call("generator start", interface="gen0")
    wait.until(lambda: stack.call("show generators")[0]["state"] == "over", "all packets are made")


def trace_of(stack):
    """The trace as text, without what differs from run to run."""
    text = stack.call("trace", format="text")["text"]
    return re.sub(r"\bid \d+", "id N", re.sub(r"\+\d+ clocks", "+N clocks", text))


def compare(name, stack):
    """With the golden file, or with GOLDEN=write into it (make golden): look at the difference, then commit it.

    The last packets may be on their way yet when they have been made."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        time.sleep(0.5)
        path.write_text(trace_of(stack))
    assert path.exists(), f"{path} is missing; make golden writes it"
    with contextlib.suppress(wait.Late):  # what differs is told below
        wait.until(lambda: trace_of(stack) == path.read_text(), "the trace is the golden one")
    assert trace_of(stack) == path.read_text()


@pytest.mark.parametrize("name, stream", [
    ("trace_forwarded", {}),
    ("trace_ttl", {"ttl": 1, "protocol": "tcp"}),
    ("trace_no_route", {"destination": "10.77.0.1"}),
    ("trace_vlan", {"vlans": [10]}),
])
def test_golden_trace(convoyd, name, stream):
    stack = convoyd(path_of(stream))
    stack.call("neighbor add", **NEIGHBOR)
    stack.call("trace add", node="generator-input", count=1)
    run_all(stack)
    compare(name, stack)


@pytest.mark.parametrize("name, stream", [
    ("trace_forwarded6", {}),
    ("trace_hop_limit6", {"ttl": 1}),
    ("trace_no_route6", {"destination": "2001:db8:77::1"}),
])
def test_golden_trace_of_ip6(convoyd, name, stream):
    stream = {"source": "2001:db8:8::2", "destination": "2001:db8:9::7", "size": 80, **stream}
    config = path_of(stream)
    for interface, address in zip(config["interfaces"], ("2001:db8:8::1/64", "2001:db8:9::1/64")):
        interface.update({"addresses": [address], "ipv6": {"duplicate_checks": 0}})
    stack = convoyd(config)
    stack.call("neighbor add", interface="sink0", address="2001:db8:9::7", mac="02:00:00:00:00:77")
    stack.call("trace add", node="generator-input", count=1)
    run_all(stack)
    compare(name, stack)


def switched(*streams, **more):
    """A generator and two sinks without addresses."""
    gen = path_of(*({"source_mac": "02:00:00:00:0a:01", "destination_mac": "02:00:00:00:0a:02", "count": 2, **s}
                    for s in streams))["interfaces"][0]
    del gen["addresses"]
    sinks = [{"name": f"sink{n}", "mac": f"02:00:00:00:00:1{n}", "sink": {}} for n in range(2)]
    return {"interfaces": [gen, *sinks, *more.pop("interfaces", [])], **more}


def ports(*names):
    return [{"name": "lan", "ports": [{"interface": n} for n in names]}]


VLANS = [{"name": "in", "vlan": {"parent": "gen0", "tags": 10}},
         {"name": "out", "vlan": {"parent": "sink0", "tags": "802.1ad 20.30"}}]
TAGGED = {"vlans": [10]}


@pytest.mark.parametrize("name, config", [
    # Two packets each: what the first one teaches the second one finds.
    ("trace_bridge_flooded", switched({}, bridges=ports("gen0", "sink0", "sink1"))),
    ("trace_bridge_known", switched({}, bridges=[{**ports("gen0", "sink0", "sink1")[0], "macs": [
        {"mac": "02:00:00:00:0a:02", "interface": "sink1"}]}])),
    ("trace_bridge_fixed_elsewhere", switched({}, bridges=[{**ports("gen0", "sink0")[0], "macs": [
        {"mac": "02:00:00:00:0a:01", "interface": "sink0"}]}])),
    ("trace_bridge_limit", switched({"source_macs": 2}, bridges=[{**ports("gen0", "sink0")[0], "macs_limit": 1}])),
    ("trace_bridge_vlan", switched(TAGGED, interfaces=VLANS, bridges=ports("in", "out", "sink1"))),
    ("trace_bvi", switched({"destination_mac": "02:00:00:00:00:20", "destination": "10.2.0.1", "source": "10.2.0.9",
                            "count": 1},
                           interfaces=[{"name": "bvi", "mac": "02:00:00:00:00:20", "addresses": ["10.2.0.1/24"],
                                        "bvi": {"bridge": "lan"}}], bridges=ports("gen0", "sink0"))),
    ("trace_xconnect", switched({}, xconnects=[{"ports": ["gen0", "sink0"]}])),
    ("trace_xconnect_vlan", switched(TAGGED, interfaces=VLANS, xconnects=[{"ports": ["in", "out"]}])),
    ("trace_mac_filter", switched({}, bridges=ports("gen0", "sink0"), mac_filters=[
        {"interface": "gen0", "action": "deny", "source": "02:00:00:00:0a:01"}])),
])
def test_golden_trace_of_l2(convoyd, name, config):
    stack = convoyd(config)
    stack.call("trace add", node="generator-input", count=2)
    run_all(stack)
    compare(name, stack)


def sink_has(stack, n):
    """n packets of the generator, and the sink's own announcement of its address."""
    wait.until(lambda: interface(stack, "sink0")["counters"]["tx_packets"] == n + 1, f"{n} have come to the sink")


def dports(stack, node):
    """Destination ports of the packets traced at `node`."""
    hops = [h for p in stack.call("trace") for h in p["hops"] if h["node"] == node]
    return sorted(int(re.search(r"> ?(\d+)", h["packet"].split("|")[-1]).group(1)) for h in hops)


@pytest.mark.parametrize("node", ["ethernet-input", "ip4-lookup", "sink0-tx"])
@pytest.mark.parametrize("arguments, expected", [
    ({"filter": "udp dst port 1003"}, [1003]),
    ({"port": 1004}, [1004]),
    ({"address": "10.8.0.2", "filter": "udp dst portrange 1001-1002", "protocol": "udp"}, [1001, 1002]),
    ({"address": "10.8.0.3"}, []),
    ({"protocol": "tcp"}, []),
])
def test_filters_at_any_node(convoyd, node, arguments, expected):
    stack = convoyd(path_of({"destination_port": "1000-1019"}))
    stack.call("neighbor add", **NEIGHBOR)
    stack.call("trace add", node=node, count=20, **arguments)
    run_all(stack)
    sink_has(stack, 20)
    assert dports(stack, node) == expected
    stack.call("trace add", node=node, count=20)
    run_all(stack)
    sink_has(stack, 40)
    assert dports(stack, node) == list(range(1000, 1020)), "the filter went with its trace"


def test_bad_filter(convoyd):
    stack = convoyd({})
    with pytest.raises(ControlError, match='filter "no such thing"'):
        stack.call("trace add", node="drop", filter="no such thing")
    assert stack.call("trace") == []


def capture(build, stack, path, *arguments):
    argv = [build / "convoy", "--socket", stack.socket, "capture", "--output", path, *arguments]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait.until(lambda: path.exists() and path.stat().st_size > 0, "the capture has begun")
    return process


@pytest.mark.parametrize("node", ["ethernet-input", "ip4-lookup", "interface-output", "sink0-tx"])
def test_capture_at_a_node(convoyd, build, tmp_path, node):
    stack = convoyd(path_of({"destination_port": "1000-1019"}))
    stack.call("neighbor add", **NEIGHBOR)
    path = tmp_path / "node.pcapng"
    process = capture(build, stack, path, "--node", node, "--count", "3", "--filter", "udp dst portrange 1005-1007")
    run_all(stack)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0 and "3 packets captured, 0 lost" in output, output
    seen = subprocess.run(["tcpdump", "-enr", path], capture_output=True, text=True).stdout
    assert [re.search(r"10\.9\.0\.7\.(\d+)", line).group(1) for line in seen.splitlines()] == \
        ["1005", "1006", "1007"]
    ours = "02:00:00:00:00:08" if node in ("ethernet-input", "ip4-lookup") else "02:00:00:00:00:77"
    assert seen.count(f"> {ours}") == 3, seen


def test_capture_of_what_is_made_here(convoyd, build, tmp_path):
    stack = convoyd(path_of({"ttl": 1, "count": 1}))
    path = tmp_path / "node.pcapng"
    process = capture(build, stack, path, "--node", "ip4-rewrite", "--count", "1", "--filter", "icmp")
    stack.call("neighbor add", **NEIGHBOR)
    stack.call("neighbor add", interface="gen0", address="10.8.0.2", mac="02:00:00:00:00:02")
    run_all(stack)
    process.communicate(timeout=10)
    seen = subprocess.run(["tcpdump", "-nr", path], capture_output=True, text=True).stdout
    assert "ICMP time exceeded in-transit" in seen


@pytest.mark.parametrize("arguments, message", [
    ([], "say what to capture: an interface or --node"),
    (["gen0", "--node", "drop"], "say what to capture"),
    (["--node", "nowhere"], 'no node "nowhere"; see: convoy show runtime --all'),
    (["--node", "generator-input"], "is an input: nothing enters it"),
    (["--node", "drop", "--in"], "--in and --out are for interfaces"),
    (["--node", "drop", "--filter", "what is this"], 'filter "what is this"'),
])
def test_what_cannot_be_captured(convoyd, build, tmp_path, arguments, message):
    stack = convoyd(path_of({}))
    done = subprocess.run([build / "convoy", "--socket", stack.socket, "capture", *arguments, "--output",
                           tmp_path / "x"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and message in done.stderr, done


def test_one_capture_a_node_at_a_time(convoyd, build, tmp_path):
    stack = convoyd(path_of({}))
    first = capture(build, stack, tmp_path / "a", "--node", "drop")
    again = subprocess.run([build / "convoy", "--socket", stack.socket, "capture", "--node", "drop", "--output",
                            tmp_path / "b"], capture_output=True, text=True, timeout=10)
    assert again.returncode == 1 and "drop is being captured already" in again.stderr
    first.kill()
    first.communicate()
    wait.until(lambda: "No space left" in subprocess.run(
        [build / "convoy", "--socket", stack.socket, "capture", "--node", "drop", "--output", "/dev/full"],
        capture_output=True, text=True, timeout=10).stderr, "the node can be captured again")
