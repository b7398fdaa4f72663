"""What a running convoyd shows of itself."""
import pytest
from harness.control import ControlError


@pytest.mark.parametrize("workers", [1, 2])
def test_runtime_has_every_worker(convoyd, workers):
    stack = convoyd({"workers": workers})
    runtime = stack.call("show runtime", all=True)
    assert [w["worker"] for w in runtime["workers"]] == list(range(workers))
    names = [n["node"] for n in runtime["nodes"]]
    assert "drop" in names and len(names) == len(set(names))
    assert "packets/call" in stack.call("show runtime", all=True, format="text")["text"]


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
