"""Queues on workers: placed by configuration, shown, flows spread over all workers."""
from harness import wait


def tap(**more):
    return {"name": "lan", "addresses": ["10.9.0.1/24"],
            "tap": {"queues": 1, "host_addresses": ["10.9.0.2/24"]}, **more}


def placement(stack):
    return [(row["interface"], row["queue"], row["worker"])
            for row in stack.call("show placement")]


def counts(stack, name):
    return {row["reason"]: row["count"] for row in stack.call("show errors")
            if row["node"] == name}


def test_queues_take_turns(netns, convoyd):
    lan = {"name": "lan", "tap": {"queues": 3}}
    stack = convoyd({"workers": 2, "interfaces": [lan]}, netns=netns("lan"))
    assert placement(stack) == [("lan", 0, 0), ("lan", 1, 1), ("lan", 2, 0)]


def test_queues_go_where_they_are_put(netns, convoyd):
    space = netns("lan")
    stack = convoyd({"workers": 2, "interfaces": [tap(workers=[1])]}, netns=space)
    assert placement(stack) == [("lan", 0, 1)]
    space.run("ping", "-c1", "-W5", "10.9.0.1")


def test_a_worker_that_is_not_there_is_named(netns, convoyd):
    stack = convoyd({"interfaces": [tap(workers=[1])]}, netns=netns("lan"), ready=False)
    wait.until(lambda: not stack.process.alive(), "convoyd ends")
    assert '"workers" names one that is not there; convoyd has 1' in stack.process.err


SEND_FLOWS = """
import socket
for port in range(64):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("10.9.0.2", 20000 + port))
        s.sendto(b"x", ("10.9.0.1", 9))
"""


def test_flows_of_one_queue_reach_both_workers(netns, convoyd):
    """64 flows by one queue: some stay, some move."""
    space = netns("lan")
    stack = convoyd({"workers": 2, "interfaces": [tap(workers=[0], spread=True)]}, netns=space)
    space.run("ping", "-c1", "-W5", "10.9.0.1")
    before = counts(stack, "spread").get("moved", 0)
    space.run("/usr/bin/python3", "-c", SEND_FLOWS)
    wait.until(lambda: counts(stack, "ip4-local").get("no-protocol", 0) >= 64,
               "all have come to where nobody listens")
    assert 10 < counts(stack, "spread")["moved"] - before < 60
    [queue] = stack.call("show placement")
    assert queue["spread"] is True
    stack.call("spread", interface="lan", state="off")
    moved = counts(stack, "spread")["moved"]
    space.run("/usr/bin/python3", "-c", SEND_FLOWS)
    wait.until(lambda: counts(stack, "ip4-local").get("no-protocol", 0) >= 128, "all have come")
    assert counts(stack, "spread")["moved"] == moved
