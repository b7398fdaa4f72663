"""What a running convoyd shows of itself."""
import pytest
from harness import wait
from harness.control import ControlError


@pytest.mark.parametrize("workers", [1, 2])
def test_runtime_has_every_worker(convoyd, workers):
    stack = convoyd({"workers": workers})
    runtime = stack.call("show runtime", all=True)
    assert [w["worker"] for w in runtime["workers"]] == list(range(workers))
    names = [n["node"] for n in runtime["nodes"]]
    assert "drop" in names and len(names) == len(set(names))
    assert "per call" in stack.call("show runtime", all=True, format="text")["text"]


def test_runtime_turns_and_graph_begin_at_zero_again(convoyd):
    stack = convoyd({"workers": 2, "interfaces": [
        {"name": "gen0", "addresses": ["10.8.0.1/24"], "generator": {"queues": 2, "start": True, "streams": [
            {"count": 1000, "source": "10.8.0.2", "destination": "10.99.0.1"}]}}],
        "routes": [{"to": "10.99.0.0/16", "blackhole": True}]})
    wait.until(lambda: stack.call("show generators")[0]["state"] == "over", "all packets are made")

    def row(name, **arguments):
        rows = stack.call("show runtime", **arguments)["nodes"]
        return [r["vectors"] for r in rows if r["node"] == name]

    wait.until(lambda: row("drop") == [1000], "the last of them has come to its end")
    assert row("ip4-lookup") == [1000] and row("ip4-lookup", worker=1) == [500]
    assert row("ip4-lookup", each=True) == [500, 500]
    edges = {(e["from"], e["to"]): e["packets"] for e in stack.call("show graph")["edges"]}
    assert edges["ip4-input", "ip4-lookup"] == 1000
    assert ("ip4-input", "ip4-options") not in edges
    everything = {(e["from"], e["to"]): e["packets"] for e in stack.call("show graph", all=True)["edges"]}
    assert everything["ip4-input", "ip4-options"] == 0
    turns = stack.call("show turns")
    assert [t["worker"] for t in turns] == [0, 1]
    assert all(t["p50_us"] <= t["p99_us"] <= t["p9999_us"] <= t["max_us"] for t in turns)
    assert all(sum(b["turns"] for b in t["buckets"]) == t["turns"] > 0 for t in turns)
    errors = stack.call("show errors")
    assert sum(e["count"] for e in errors if e["node"] == "ip4-lookup") == 1000
    stack.call("clear runtime")
    assert row("ip4-lookup") == [] and stack.call("show graph")["edges"] == []
    assert stack.call("show errors") == errors
    stack.call("clear errors")
    assert stack.call("show errors") == []
    with pytest.raises(ControlError, match="no worker 2; the last is 1"):
        stack.call("show runtime", worker=2)


def test_errors_have_names_and_meanings(convoyd):
    stack = convoyd({})
    assert stack.call("show errors") == []
    for error in stack.call("show errors", all=True):
        assert error["count"] == 0 and error["reason"] and error["text"], error


def test_buffers(convoyd):
    stack = convoyd({"buffers": 2048})
    buffers = stack.call("show buffers")
    assert buffers["buffers"] == 2048 and buffers["in_use"] == 0
    assert buffers["pool_bytes"] >= 2048 * buffers["bytes_each"]


def test_trace(convoyd):
    stack = convoyd({})
    assert stack.call("trace") == []
    assert stack.call("trace add", node="drop", count=3) == {"node": "drop", "count": 3}
    stack.call("trace clear")
    with pytest.raises(ControlError, match='no node "nowhere"; see: convoy show runtime --all'):
        stack.call("trace add", node="nowhere")


def test_no_such_interface(convoyd):
    stack = convoyd({})
    assert stack.call("show interfaces") == []
    with pytest.raises(ControlError, match='no interface "tap9"'):
        stack.call("show interfaces", interface="tap9")


def test_every_table_fits_80_columns(convoyd):
    stack = convoyd({})
    for command in stack.call("commands"):
        if command["name"].startswith("show ") and not any(a["required"] for a in command["args"]):
            for line in stack.call(command["name"], format="text")["text"].splitlines():
                assert len(line) <= 80 or "/" in line, (command["name"], line)


def test_one_interface_says_what_the_table_has_no_room_for(convoyd):
    stack = convoyd({"vrfs": ["blue"], "bridges": [{"name": "office", "ports": [{"interface": "lo1"}]}],
                     "interfaces": [{"name": "lo0", "vrf": "blue", "rpf": "strict", "mtu": 1400,
                                     "mac": "02:00:00:00:00:01", "loop": {}},
                                    {"name": "lo1", "loop": {}}]})
    text = stack.call("show interfaces", interface="lo0", format="text")["text"]
    for line in ("mtu 1400", "mac 02:00:00:00:00:01", "vrf blue", "rpf strict"):
        assert f"\n  {line}\n" in text, text
    assert "bridge" not in text
    assert "\n  bridge office\n" in stack.call("show interfaces", interface="lo1", format="text")["text"]
    assert "mtu" not in stack.call("show interfaces", format="text")["text"]


def test_one_bridge_shows_its_ports_and_settings(convoyd):
    stack = convoyd({
        "interfaces": [{"name": f"lo{n}", "loop": {}} for n in (1, 2)],
        "bridges": [{"name": "office", "age": "2m", "answer": True, "macs_limit": 9,
                     "ports": [{"interface": "lo1", "split_horizon": 7, "macs_limit": 3},
                               {"interface": "lo2", "learn": False}],
                     "macs": [{"mac": f"02:00:00:00:00:{n:02x}", "interface": "lo1"}
                              for n in (9, 3, 7, 1)]}]})
    text = stack.call("show bridges", bridge="office", format="text")["text"]
    for line in ("learn on", "answer on", "age 120 s", "limit 9"):
        assert f"\n  {line}\n" in text, text
    ports = [line.split() for line in text.splitlines()[-2:]]
    assert ports == [["lo1", "7", "yes", "0", "3"], ["lo2", "0", "no", "0", "0"]], text
    macs = [row["mac"] for row in stack.call("show macs")]
    assert len(macs) == 4 and macs == sorted(macs)


def test_a_route_that_looks_up_says_where(convoyd):
    stack = convoyd({"vrfs": ["blue"], "routes": [{"to": "10.9.0.0/16", "lookup": "blue"}]})
    path = stack.call("show routes", to="10.9.0.1")[0]["paths"][0]
    assert (path["kind"], path["vrf"]) == ("lookup", "blue")
    assert "lookup  vrf blue" in stack.call("show routes", to="10.9.0.1", format="text")["text"]
