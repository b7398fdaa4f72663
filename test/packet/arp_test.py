"""ARP of a running stack: answers, the queue of packets that wait, what is learnt and believed."""
import pytest
from harness import wait
from harness.talk import Talk
from harness.wire import CONVOY_MAC
from harness.workers import ONE_WORKER, on_workers
from scapy.all import ARP, ICMP, IP, Ether, Raw, UDP, fragment

ANYBODY = "ff:ff:ff:ff:ff:ff"


@pytest.fixture
def talk(lan):
    return Talk(lan, arp=False)


def who_has(talk, dst="10.0.0.1", src="10.0.0.9", mac=None, to=ANYBODY):
    mac = mac or talk.wire.mac
    talk.wire.send(Ether(src=mac, dst=to) / ARP(op="who-has", hwsrc=mac, psrc=src, pdst=dst))


def is_at(talk, src="10.0.0.9", mac=None, dst="10.0.0.1"):
    mac = mac or talk.wire.mac
    talk.wire.send(Ether(src=mac, dst=CONVOY_MAC) / ARP(
        op="is-at", hwsrc=mac, psrc=src, hwdst=CONVOY_MAC, pdst=dst))


def neighbors(talk):
    return {n["address"]: (n["state"], n["mac"]) for n in talk.lan.stack.call("show neighbors")}


def test_request_is_answered(talk):
    who_has(talk)
    answer = talk.wire.expect(ARP(op="is-at", psrc="10.0.0.1", hwsrc=CONVOY_MAC,
                                  pdst="10.0.0.9", hwdst=talk.wire.mac))
    assert answer.dst == talk.wire.mac
    talk.count("arp-input.answered", 1)


def test_probe_is_answered_and_nothing_learnt(talk):
    # RFC 5227 §2.1.1: the sender does not own an address yet.
    who_has(talk, src="0.0.0.0")
    talk.wire.expect(ARP(op="is-at", psrc="10.0.0.1", pdst="0.0.0.0"))
    assert "0.0.0.0" not in neighbors(talk)


def test_who_asks_from_elsewhere_is_answered_and_not_learnt(talk):
    # RFC 826 has no condition on the sender: Linux asks with the source of the packet that waits.
    who_has(talk, src="192.0.2.9")
    answer = talk.wire.expect(ARP(op="is-at", psrc="10.0.0.1", hwsrc=CONVOY_MAC, pdst="192.0.2.9"))
    assert answer.dst == talk.wire.mac
    talk.count("arp-input.elsewhere", 1)
    is_at(talk, src="192.0.2.9")
    talk.count("arp-input.off-link", 1)
    assert neighbors(talk) == {}


def test_asker_is_learnt(talk):
    # RFC 826: who asks for us will hear from us. No request goes out for it.
    who_has(talk)
    talk.wire.expect(ARP(op="is-at"))
    wait.until(lambda: neighbors(talk).get("10.0.0.9") == ("reachable", talk.wire.mac), "learnt")
    talk.to(IP() / ICMP())
    talk.back(ICMP(type="echo-reply"))


@pytest.mark.parametrize("what, fields, reason", [
    ("another's address", {"pdst": "10.0.0.2"}, "not-ours"),
    ("off the link", {"psrc": "192.0.2.9", "pdst": "10.0.0.2"}, "off-link"),
    ("our address as sender", {"psrc": "10.0.0.1"}, "conflict"),
    ("group MAC", {"hwsrc": "01:00:00:00:00:01"}, "sender"),
    ("zero MAC", {"hwsrc": "00:00:00:00:00:00"}, "sender"),
    ("IPv6 inside", {"ptype": 0x86dd}, "format"),
    ("reverse ARP", {"op": 3}, "format"),
    ("wrong hardware length", {"hwlen": 8}, "format"),
])
def test_bad_requests(talk, what, fields, reason):
    message = ARP(**{"op": 1, "hwsrc": talk.wire.mac, "psrc": "10.0.0.9", "pdst": "10.0.0.1",
                     **fields})
    talk.wire.send(Ether(src=talk.wire.mac, dst=ANYBODY) / message)
    talk.wire.silence(ARP(op="is-at"))
    talk.count(f"arp-input.{reason}", 1)
    assert "10.0.0.9" not in neighbors(talk)


def test_cut_off(talk):
    talk.wire.send(Ether(src=talk.wire.mac, dst=ANYBODY, type=0x806) / Raw(bytes(27)))
    talk.count("arp-input.short", 1)


def test_packets_wait_for_the_answer(talk):
    # RFC 1122 §2.3.2.2, and more than it asks for: none of the first is lost.
    talk.to(*[IP() / ICMP(id=1, seq=i) for i in range(40)])
    request = talk.wire.expect(ARP(op="who-has", pdst="10.0.0.9", psrc="10.0.0.1",
                                   hwsrc=CONVOY_MAC))
    assert request.dst == ANYBODY
    talk.silence(IP(dst="10.0.0.9"))
    is_at(talk)
    for i in range(40):
        talk.back(ICMP(type="echo-reply", seq=i))
    talk.count("ip4-hold.held", 40)


def test_all_fragments_of_the_first_packet_wait(talk):
    """Such as `ping -s 12000` by us as a router."""
    talk.to(*fragment(IP(dst="10.0.0.50") / UDP() / Raw(bytes(12000)), 1400))
    talk.wire.expect(ARP(op="who-has", pdst="10.0.0.50"))
    is_at(talk, src="10.0.0.50")
    got = [talk.back(IP(src="10.0.0.9", dst="10.0.0.50")) for _ in range(9)]
    assert [p[IP].frag for p in got] == [175 * i for i in range(9)]


def test_the_queue_is_bounded_and_the_oldest_gives_way(talk):
    talk.to(*[IP() / ICMP(id=1, seq=i) for i in range(70)])
    talk.count("ip4-hold.queue-full", 6)
    is_at(talk)
    for i in range(6, 70):
        talk.back(ICMP(type="echo-reply", seq=i))


@ONE_WORKER
def test_the_queue_is_bounded_in_bytes(talk):
    for i in range(20):  # answers wait before they are cut: 16 of 8028 bytes are 128 KB
        talk.to(*fragment(IP(src="10.0.0.9", dst="10.0.0.1", id=i) / ICMP(id=1, seq=i) /
                          Raw(bytes(8000)), 1400))
    wait.until(lambda: talk.counted("ip4-hold.held") == 20, "all came")
    talk.count("ip4-hold.queue-full", 4)


@ONE_WORKER
def test_few_neighbours_cannot_take_all_the_room(talk):
    """Half of what may wait is kept for those of whom few packets do."""
    for host in range(20, 60):  # before the first of them is given up, in three seconds
        frame = bytes(Ether(src=talk.wire.mac, dst=CONVOY_MAC) / IP(src=f"10.0.0.{host}", dst="10.0.0.1") / ICMP(id=1))
        for _ in range(60):
            talk.wire.socket.send(frame)
    wait.until(lambda: talk.counted("ip4-hold.held") == 2400, "all came")
    assert 1200 < talk.counted("ip4-hold.queue-full") < 1400  # the first 17 have 60 each, others 4
    assert talk.counted("ip4-hold.table-full") == 0
    talk.to(IP() / ICMP(id=9))
    is_at(talk)
    talk.back(ICMP(type="echo-reply", id=9))


def test_packets_that_wait_leave_buffers_to_others(netns, convoyd, wire, workers):
    from conftest import Lan
    space = netns("lan")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    stack = convoyd(on_workers(workers, {"buffers": 1024, "interfaces": [{
        "name": "lan", "addresses": ["10.0.0.1/24"], "mac": CONVOY_MAC, "tap": {"no_offload": True},
    }]}), netns=space)
    talk = Talk(Lan(stack, wire(space, "lan"), space), arp=False)
    who_has(talk)
    talk.wire.expect(ARP(op="is-at"))
    talk.to(*[IP(dst=f"10.0.0.{host}") / UDP(sport=i) / "x" for host in range(20, 60) for i in range(1, 60)])
    talk.to(IP() / ICMP())
    talk.back(ICMP(type="echo-reply"))
    assert talk.counted("tap-input.no-buffers") == 0


def test_one_request_a_second_then_host_unreachable(talk):
    # RFC 1122 §2.3.2.1 (not more than one a second), RFC 1812 §3.3.2 (host unreachable).
    talk.wire.answer_arp("10.0.0.9")
    talk.to(IP(dst="10.0.0.200") / UDP(sport=1, dport=2) / b"x")
    for _ in range(3):
        talk.wire.expect(ARP(op="who-has", pdst="10.0.0.200"), timeout=2)
    talk.back(IP(src="10.0.0.1") / ICMP(type=3, code=1), timeout=3)
    talk.wire.silence(ARP(op="who-has", pdst="10.0.0.200"))
    talk.count("ip4-hold.unresolved", 1)
    # For a moment the failure is remembered; then it is asked again.
    wait.until(lambda: "10.0.0.200" not in neighbors(talk), "forgotten", timeout=3)


def test_unsolicited_answers_are_not_learnt(talk):
    is_at(talk, src="10.0.0.66")
    talk.count("arp-input.reply", 1)
    assert "10.0.0.66" not in neighbors(talk)


def test_a_neighbour_may_move(talk):
    # A gratuitous request from a new MAC address corrects what is known. RFC 826.
    moved = "02:00:00:00:00:99"
    who_has(talk)
    wait.until(lambda: "10.0.0.9" in neighbors(talk), "learnt")
    who_has(talk, dst="10.0.0.9", mac=moved)
    wait.until(lambda: neighbors(talk)["10.0.0.9"] == ("reachable", moved), "moved")
    talk.to(IP() / ICMP())
    assert talk.back(ICMP(type="echo-reply")).dst == moved


def test_many_silent_neighbours_do_not_stop_others(talk):
    """A scan of the link fills the table of those that are waited for; the rest goes on."""
    who_has(talk)
    wait.until(lambda: "10.0.0.9" in neighbors(talk), "learnt")
    talk.to(*[IP(dst=f"10.0.0.{n}") / UDP() for n in range(10, 250)])
    talk.to(IP() / ICMP(id=3))
    talk.back(ICMP(type="echo-reply", id=3))


def test_address_is_announced(netns, convoyd, wire):
    # RFC 5227 §2.3
    space = netns("lan")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    stack = convoyd({"interfaces": [{"name": "lan", "tap": {"no_offload": True},
                                     "mac": CONVOY_MAC}]}, netns=space)
    lan = wire(space, "lan")
    stack.call("address add", interface="lan", address="10.0.0.1/24")
    lan.expect(ARP(op="who-has", psrc="10.0.0.1", pdst="10.0.0.1", hwsrc=CONVOY_MAC))


def test_a_full_table_gives_up_who_was_silent_longest(talk):
    stack = talk.lan.stack
    stack.call("address add", interface="lan", address="10.5.0.1/16")

    def table():
        return stack.call("show neighbor-table")

    def ask_as(number):
        packet = Ether(src=talk.wire.mac, dst=ANYBODY) / ARP(
            op="who-has", hwsrc=talk.wire.mac, psrc="10.5.0.0", pdst="10.5.0.1")
        frame = bytearray(bytes(packet))
        frame[30:32] = number.to_bytes(2, "big")  # the end of psrc
        talk.wire.socket.send(frame)

    # Older than all others, and not to be given up: who is fixed, and who is a next hop.
    stack.call("neighbor add", interface="lan", address="10.5.0.9", mac="02:00:00:00:00:99")
    stack.call("route add", prefix="30.0.0.0/8", via="10.5.0.8")
    limit = table()["limit"]
    numbers = range(256, 256 + limit + 3)
    for start in range(0, len(numbers), 32):  # not more than a worker has messages for
        for number in numbers[start:start + 32]:
            ask_as(number)
        done = min(start + 32, len(numbers))
        wait.until(lambda: table()["neighbors"] + table()["evicted"] >= done + 2, f"{done} were heard")
    assert table()["neighbors"] == limit and table()["evicted"] == 5 and table()["refused"] == 0
    known = neighbors(talk)
    assert "10.5.1.4" not in known and "10.5.1.5" in known and "10.5.65.2" in known and "10.5.0.9" in known
    stack.call("route delete", prefix="30.0.0.0/8")
