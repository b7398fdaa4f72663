"""convoy monitor: links, drops, told as they happen."""
import subprocess

import pytest
from harness import wait
from harness.control import ControlError
from scapy.all import IP, UDP


def test_links_come_and_go(convoyd, convoy, monitor, tmp_path):
    stack = convoyd({})
    listening = monitor(stack, topics="link")
    config = tmp_path / "net.yaml"
    config.write_text("interfaces: [{name: lo0, loop: {}}]")
    assert convoy("apply", config, env=stack.env).returncode == 0
    assert [listening.next(w)["name"] for w in ("added", "enabled")] == ["lo0", "lo0"]
    config.write_text("{}")
    assert convoy("apply", config, env=stack.env).returncode == 0
    gone = listening.next("removed")
    assert (gone["topic"], gone["name"], gone["lost"]) == ("link", "lo0", 0)


def test_growing_counters_are_told_by_their_growth(lan, monitor):
    lan.wire.answer_arp("10.0.0.9")
    listening = monitor(lan.stack, topics="error")
    for _ in range(3):
        lan.wire.send(IP(src="10.0.0.9", dst="10.0.0.1", ttl=0) / UDP())
    first = listening.next("counted")
    assert first["name"] == "ip4-input.ttl" and 1 <= first["count"] <= 3, first


def test_it_ends_after_the_events_asked_for(convoyd, build, tmp_path):
    stack = convoyd({})
    process = subprocess.Popen([build / "convoy", "monitor", "link", "--count", "2"],
                               env=stack.env, stdout=subprocess.PIPE, text=True)
    try:
        def loop_seen():
            (tmp_path / "a.yaml").write_text("interfaces: [{name: lo0, loop: {}}]")
            subprocess.run([build / "convoy", "apply", tmp_path / "a.yaml"], env=stack.env,
                           check=True, stdout=subprocess.DEVNULL)
            (tmp_path / "a.yaml").write_text("{}")
            subprocess.run([build / "convoy", "apply", tmp_path / "a.yaml"], env=stack.env,
                           check=True, stdout=subprocess.DEVNULL)
            return process.poll() is not None
        wait.until(loop_seen, "two events were printed")
        lines = process.stdout.read().splitlines()
    finally:
        process.kill()
        process.wait()
    assert len(lines) == 2 and process.returncode == 0
    assert all(" link " in line and line.endswith("lo0") for line in lines), lines


def test_unknown_topics_are_refused(convoyd):
    stack = convoyd({})
    with pytest.raises(ControlError, match="the topics are link, neighbor, route and error"):
        stack.call("monitor", topics="link,weather")


def test_neighbors_are_found_and_lost(netns, convoyd, monitor):
    space = netns("lan")
    lan = {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}}
    stack = convoyd({"interfaces": [lan]}, netns=space)
    listening = monitor(stack, topics="neighbor")

    def found():
        space.run("ping", "-c1", "-W5", "10.9.0.1")
        event = listening.next("resolved")
        assert (event["name"], event["interface"]) == ("10.9.0.2", "lan")
        assert event["mac"] in space.ip("link", "show", "lan")

    def lost(why):
        why()
        event = listening.next("lost")
        assert (event["name"], event["interface"]) == ("10.9.0.2", "lan"), event
    found()
    lost(lambda: stack.call("neighbor delete", interface="lan", address="10.9.0.2"))
    found()
    lost(lambda: stack.call("interface set", name="lan", down=True))
    stack.call("interface set", name="lan", up=True)
    found()
    lost(lambda: stack.call("interface delete", name="lan"))


def test_neighbors_that_do_not_answer_have_failed(netns, convoyd, monitor):
    space = netns("lan")
    stack = convoyd({"interfaces": [{"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {}}]}, netns=space)
    listening = monitor(stack, topics="neighbor")
    with pytest.raises(ControlError, match="no answer"):
        stack.call("ping", address="10.9.0.77", count=1)
    failed = listening.next("failed")
    assert (failed["name"], failed["interface"]) == ("10.9.0.77", "lan")


def test_routes_are_set_and_deleted(convoyd, monitor):
    stack = convoyd({"interfaces": [{"name": "lo0", "addresses": ["10.9.0.1/24"], "loop": {}}]})
    listening = monitor(stack, topics="route")
    stack.call("route add", prefix="10.66.0.0/16", via="10.9.0.2")
    found = listening.next("set")
    assert (found["name"], found["vrf"]) == ("10.66.0.0/16", "default")
    stack.call("route delete", prefix="10.66.0.0/16")
    assert listening.next("deleted")["name"] == "10.66.0.0/16"
