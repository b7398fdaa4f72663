"""Impairments: pings through a tap that was made a bad wire."""
import re

from harness import wait

LAN = {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}}


def ping(space, count, *options):
    """The summary of a ping: packets received, duplicates, shortest round trip in ms."""
    out = space.run("ping", f"-c{count}", "-i0.01", "-W1", *options, "10.9.0.1", check=False).stdout
    received = int(re.search(r"(\d+) received", out)[1])
    doubled = int((re.search(r"\+(\d+) duplicates", out) or [0, 0])[1])
    return received, doubled, float(re.search(r"= ([\d.]+)/", out)[1])


def counter(stack, name):
    node, reason = name.split(".")
    return sum(e["count"] for e in stack.call("show errors") if (e["node"], e["reason"]) == (node, reason))


def test_delay_loss_and_duplication(netns, convoyd):
    space = netns("lan")
    stack = convoyd({"interfaces": [LAN]}, netns=space)
    assert ping(space, 20)[0] == 20

    stack.call("impair", interface="lan", direction="out", delay="20ms")
    received, _, least = ping(space, 20)
    assert received == 20 and least >= 20

    stack.call("impair", interface="lan", direction="in", loss="30%", seed=5)
    received, *_ = ping(space, 100)
    lost = counter(stack, "impair-in.loss")
    assert 15 <= lost <= 45 and received >= 100 - lost

    stack.call("impair", interface="lan", direction="in", duplicate="50%")
    received, doubled, *_ = ping(space, 50)
    assert received == 50 and doubled > 5

    assert {(i["interface"], i["direction"]) for i in stack.call("show impair")} == {("lan", "in"), ("lan", "out")}
    stack.call("impair clear", interface="lan")
    received, doubled, _ = ping(space, 20)
    assert (received, doubled) == (20, 0)
    wait.until(lambda: ping(space, 5)[2] < 20, "the delay is gone")
    assert stack.call("show impair") == []
