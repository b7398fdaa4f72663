"""Capture files as interfaces: played into the stack, answers written into another file."""
import pytest
from harness import wait
from harness.interfaces import device
from harness.wire import CONVOY_MAC, OUR_MAC
from scapy.all import ARP, ICMP, IP, Ether, Raw, rdpcap, wrpcap

SECONDS = 30  # the worker may get little of a loaded machine


def requests(n, pause=0.0):
    """An ARP request, from which the stack learns who asks, and n pings."""
    packets = [Ether(src=OUR_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=OUR_MAC, psrc="10.0.0.9", pdst="10.0.0.1")]
    packets[0].time = 1700000000
    for number in range(n):
        packet = (Ether(src=OUR_MAC, dst=CONVOY_MAC) / IP(src="10.0.0.9", dst="10.0.0.1")
                  / ICMP(id=7, seq=number) / Raw(bytes([number]) * (20 + number * 40)))
        packet.time = 1700000000 + number * pause
        packets.append(packet)
    return packets


def tape(folder, **options):
    return {"interfaces": [{"name": "tape", "addresses": ["10.0.0.1/24"], "mac": CONVOY_MAC, "down": True, "pcap": {
        "read": str(folder / "in.pcap"), "write": str(folder / "out.pcap"), **options}}]}


@pytest.mark.parametrize("options, n", [({}, 21), ({"loops": 3, "rate": 2000}, 63), ({"rate": 1000}, 21), ({"as_recorded": True}, 21)])
def test_what_is_played_is_answered_into_the_other_file(convoyd, tmp_path, options, n):
    wrpcap(str(tmp_path / "in.pcap"), requests(20, pause=0.002))
    config = tape(tmp_path, **options)
    del config["interfaces"][0]["down"]
    stack = convoyd(config)
    wait.until(lambda: int(device(stack, "tape")["played"]) == n, "the file is played", SECONDS)
    # A worker that is late plays all at once, and the stack holds few answers until it knows who asks.
    wait.until(lambda: int(device(stack, "tape")["written"]) > 4, "answers are written", SECONDS)
    stack.stop()
    replies = [p for p in rdpcap(str(tmp_path / "out.pcap")) if ICMP in p]
    assert replies and all(p[Ether].dst == OUR_MAC for p in replies)
    sent = requests(20)[1:]
    for reply in replies:
        assert bytes(reply[ICMP].payload) == bytes(sent[reply[ICMP].seq][ICMP].payload)


@pytest.mark.parametrize("options, message", [
    ({"read": "/nowhere/in.pcap"}, "/nowhere/in.pcap"),
    ({"write": "/nowhere/out.pcap"}, "/nowhere/out.pcap"),
    ({"rate": 5, "as_recorded": True}, "either a rate or as_recorded"),
])
def test_files_that_cannot_be(convoyd, tmp_path, options, message):
    wrpcap(str(tmp_path / "in.pcap"), requests(1))
    stack = convoyd(tape(tmp_path, **options), ready=False)
    assert stack.process.wait() == 1
    last = stack.process.err.splitlines()[-1]
    assert last.startswith(f"{stack.config}:2:3: ") and message in last, last
