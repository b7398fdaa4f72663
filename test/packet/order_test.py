"""Flows that are spread among workers keep their order: numbered packets of many flows, in turn."""
import struct

import pytest
from harness.switch import Switch
from harness.talk6 import OUTSIDE, WAN_MAC, router6  # noqa: F401
from harness.wire import CONVOY_MAC
from scapy.all import IP, UDP, Ether, IPv6, Raw

FLOWS, PACKETS = 48, 60
ON_THE_WAY = 400  # fewer than a tap holds
MARK = b"number"
NUMBER = struct.Struct("!6sHI")


def numbered(header, flow, number):
    return bytes(header / UDP(sport=20000 + flow, dport=9) / Raw(NUMBER.pack(MARK, flow, number)))


def stream(sender, receiver, headers):
    """Sends PACKETS of each flow, a packet of each in turn; returns {flow: numbers as they came}."""
    # The packets differ in their last bytes only, and nobody checks UDP's checksum on the way.
    frames = [numbered(header, flow, 0)[:-4] for flow, header in enumerate(headers)]
    came = {flow: [] for flow in range(len(headers))}
    sent = got = 0
    for number in range(PACKETS):
        for frame in frames:
            sender.socket.send(frame + number.to_bytes(4, "big"))
            sent += 1
        while sent - got > ON_THE_WAY and (more := collect(receiver, came, 2)):
            got += more
    while got < sent and (more := collect(receiver, came, 2)):
        got += more
    return came


def collect(wire, came, timeout):
    got = 0
    wire.socket.settimeout(timeout)
    try:
        while True:
            frame = wire.socket.recv(2048)
            at = frame.find(MARK)
            if at >= 0:
                _, flow, number = NUMBER.unpack_from(frame, at)
                came[flow].append(number)
                got += 1
                wire.socket.settimeout(0)
    except (BlockingIOError, TimeoutError):
        return got
    finally:
        wire.socket.settimeout(None)


def check(came, stack, workers):
    assert came == {flow: list(range(PACKETS)) for flow in range(FLOWS)}
    moved = sum(row["count"] for row in stack.call("show errors")
                if (row["node"], row["reason"]) == ("spread", "moved"))
    assert (moved > FLOWS * PACKETS // 8) == (workers > 1)


@pytest.mark.parametrize("family", [4, 6])
def test_routed(router6, workers, family):  # noqa: F811
    lan, wan = router6
    if family == 6:
        headers = [Ether(src=lan.wire.mac, dst=CONVOY_MAC) / IPv6(src=lan.here, dst=OUTSIDE)] * FLOWS
        lan.to(IPv6(dst=OUTSIDE) / UDP(sport=1, dport=9) / b"first")
        wan.wire.expect(IPv6(dst=OUTSIDE) / UDP(sport=1))
    else:
        stack = lan.lan.stack
        stack.call("address add", interface="lan", address="10.0.0.1/24")
        stack.call("address add", interface="wan", address="10.1.0.1/24")
        stack.call("neighbor add", interface="wan", address="10.1.0.7", mac=wan.wire.mac)
        headers = [Ether(src=lan.wire.mac, dst=CONVOY_MAC) / IP(src="10.0.0.9", dst="10.1.0.7")] * FLOWS
    check(stream(lan.wire, wan.wire, headers), lan.lan.stack, workers)


def test_bridged(netns, convoyd, wire, workers):
    s = Switch(netns("switch"), convoyd, wire, 2, {
        "bridges": [{"name": "lan", "ports": [{"interface": "p0"}, {"interface": "p1"}]}]}, workers=workers)
    if workers > 1:
        s.call("spread", interface="p0", state="on")
    headers = [Ether(src=f"02:00:00:00:0a:{flow:02x}", dst=f"02:00:00:00:0c:{flow:02x}") /
               IP(src=f"10.9.{flow}.1", dst="10.9.0.1") for flow in range(FLOWS)]
    check(stream(s.wires[0], s.wires[1], headers), s.stack, workers)
