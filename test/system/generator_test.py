"""Generators and sinks: a path through the stack without any device."""
import subprocess

import pytest
import yaml
from harness import wait
from harness.control import ControlError


def path_of(streams, workers=1, **generator):
    return {"workers": workers, "interfaces": [
        {"name": "gen0", "addresses": ["10.8.0.1/24"],
         "generator": {"streams": streams, **generator}},
        {"name": "sink0", "addresses": ["10.9.0.1/24"], "sink": {}},
    ]}


def udp(**fields):
    return {"source": "10.8.0.2", "destination": "10.9.0.7", **fields}


def counters(stack, name):
    return stack.call("show interfaces", interface=name)[0]["counters"]


@pytest.mark.parametrize("workers", [1, 2])
def test_forwarded_from_generator_to_sink(convoyd, workers):
    stack = convoyd(path_of([udp(count=5000), udp(count=3000, source_port="1-100")],
                            workers=workers, queues=workers))
    stack.call("neighbor add", interface="sink0", address="10.9.0.7", mac="02:00:00:00:00:77")
    assert stack.call("show generators")[0]["state"] == "stopped"
    stack.call("generator start", interface="gen0")
    wait.until(lambda: stack.call("show generators")[0]["state"] == "over", "all packets are made")
    streams = stack.call("show generators")[0]["streams"]
    assert [s["packets"] for s in streams] == [5000, 3000]
    assert [s["bytes"] for s in streams] == [5000 * 60, 3000 * 60]
    # The interface has announced its address once: 8,001.
    wait.until(lambda: counters(stack, "sink0")["tx_packets"] == 8001, "all of them were sent")
    assert counters(stack, "gen0")["rx_packets"] == 8000
    assert stack.call("show errors") == []
    text = stack.call("show generators", format="text")["text"]
    assert "over" in text and "5000" in text


def test_an_idle_generator_costs_no_time(convoyd):
    stack = convoyd(path_of([udp(rate=1)], start=True))
    before = stack.call("show runtime")["workers"][0]["turns"]
    counted = counters(stack, "gen0")["rx_packets"]
    wait.until(lambda: counters(stack, "gen0")["rx_packets"] > counted, "the next packet")
    turns = stack.call("show runtime")["workers"][0]["turns"] - before
    assert turns < 500, "a worker that waits for a rate sleeps"


def test_commands_name_what_is_wrong(convoyd):
    stack = convoyd(path_of([udp()]))
    for command in "generator start", "generator stop":
        with pytest.raises(ControlError, match='no generator "sink0"; `convoy show generators`'):
            stack.call(command, interface="sink0")


@pytest.mark.parametrize("stream, message", [
    ({"source": "10.0.0.1"}, "a stream needs source and destination or destinations, or pcap"),
    (udp(destination="10.9.0.9-10.9.0.1"), "are no addresses; expected some like"),
    (udp(size="10-60"), "expected a number or a range like 14-2048"),
    (udp(size="1500-64"), "expected a number or a range"),
    (udp(source_port="70000"), "expected a number or a range like 0-65535"),
    (udp(vlans=[5000]), "4094"),
    (udp(vlans=[1, 2, 3]), "more than 2 VLAN tags"),
    (udp(pcap="x.pcap"), "from pcap or from addresses"),
    (udp(order="backwards"), "backwards"),
    (udp(destination_mac="2:1"), "is no MAC address"),
])
def test_bad_streams_are_refused(build, tmp_path, stream, message):
    config = tmp_path / "net.yaml"
    config.write_text(yaml.safe_dump(path_of([stream])))
    done = subprocess.run([build / "convoyd", "-c", config, "--check"], capture_output=True, text=True,
                          timeout=10)
    assert done.returncode == 2 and message in done.stderr and f"{config}:" in done.stderr, done.stderr


def test_what_only_shows_at_start(convoyd, build, tmp_path):
    config = tmp_path / "net.yaml"
    config.write_text(yaml.safe_dump(path_of([{"pcap": str(tmp_path / "none.pcap")}])))
    done = subprocess.run([build / "convoyd", "-c", config, "--socket", tmp_path / "s"],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "stream 1" in done.stderr and "none.pcap" in done.stderr
