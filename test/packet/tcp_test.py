"""TCP of a running stack, segment by segment: states, windows, loss, attacks. The echo server on
libconvoy sends back what it gets and closes when the peer does; scapy is the peer.
"""
import os

import pytest
from harness import wait
from harness.talk import Talk
from harness.tcp_peer import Peer
from harness.wire import checksums_ok
from harness.workers import ONE_WORKER
from scapy.all import ICMP, IP, TCP, Ether


@pytest.fixture
def talk(lan, run, build):
    run(build / "src/comms/echo-server", "10.0.0.1", "7", env=lan.stack.env)
    talk = Talk(lan)

    def listens():
        probe = Peer(talk)
        probe.syn()
        try:
            answer = probe.expect(timeout=1)
        except wait.Late:
            return False
        if "R" in answer[TCP].flags:
            return False
        probe.send("R", seq=1)
        return True
    wait.until(listens, "the echo server listens")
    talk.count("tcp4-input.reset", 1)  # that of the probe
    return Talk(lan)


@pytest.fixture
def peer(talk):
    peer = Peer(talk)
    peer.connect()
    return peer


def sessions(talk):
    return talk.lan.stack.call("show sessions")["n_transport"]


# --- opening ---

def test_syn_ack(talk):
    # RFC 9293 §3.5, RFC 7323, RFC 2018; the MSS is what fits the link.
    peer = Peer(talk)
    answer = peer.connect()
    assert checksums_ok(answer)
    assert peer.option(answer, "MSS") == 1460
    assert peer.option(answer, "WScale") is not None
    assert peer.option(answer, "Timestamp")[1] == 1001
    assert ("SAckOK", b"") in answer[TCP].options
    assert answer[TCP].window > 0


def test_nothing_is_offered_that_was_not_asked_for(talk):
    peer = Peer(talk, sack=False, timestamps=False, shift=None)
    answer = peer.connect()
    assert {name for name, _ in answer[TCP].options} == {"MSS"}


def test_without_mss_option_segments_are_small(talk):
    # RFC 9293 MUST-15: 536 bytes when the peer says nothing.
    peer = Peer(talk, mss=None, timestamps=False, sack=False)
    peer.connect()
    peer.send("A", bytes(1000), seq=1)
    peer.send("PA", bytes(1000), seq=1001)
    while peer.ack < 2001:
        packet = peer.expect()
        assert len(peer.data(packet)) <= 536
        if peer.seq(packet) == peer.ack:
            peer.ack += len(peer.data(packet))
            peer.send("A", seq=2001)


def test_initial_sequence_numbers_are_not_predictable(talk):
    # RFC 6528
    seen = set()
    for _ in range(8):
        peer = Peer(talk)
        peer.connect()
        seen.add(peer.theirs >> 16)
        peer.send("R", seq=1)
    assert len(seen) > 6


def test_syn_ack_is_sent_again(talk):
    # RFC 6298 §2.1: after a second.
    peer = Peer(talk)
    peer.syn()
    first = peer.expect("SA", seq=0, ack=1)
    again = peer.expect("SA", seq=0, ack=1, timeout=5)
    assert 0.8 < again.time - first.time < 2.9  # not three seconds, as of old


def test_syn_again_gets_the_same_answer(talk):
    peer = Peer(talk)
    peer.syn()
    first = peer.expect("SA")
    peer.syn()
    assert peer.expect("SA")[TCP].seq == first[TCP].seq


def test_wrong_ack_of_syn_ack_is_reset(talk):
    # RFC 9293 §3.10.7.4, SYN-RECEIVED: <SEQ=SEG.ACK><CTL=RST>
    peer = Peer(talk)
    peer.syn()
    peer.expect("SA")
    peer.send("A", seq=1, ack=77)
    peer.expect("R", seq=77)


def test_reset_in_syn_received(talk):
    peer = Peer(talk)
    before = sessions(talk)
    peer.syn()
    peer.expect("SA")
    peer.send("R", seq=1)
    wait.until(lambda: sessions(talk) <= before, "nothing is left")
    peer.silence(1.5)


def test_data_with_the_handshakes_ack(talk):
    peer = Peer(talk)
    peer.syn()
    peer.expect("SA")
    peer.ack = 1
    peer.send("PA", b"early")
    peer.expect(seq=1, ack=6, data=b"early")


# --- nobody there: RFC 9293 §3.10.7.1 ---

@pytest.mark.parametrize("flags, answer, ack, reason", [
    ("S", "RA", 1, "no-listener"),
    ("A", "R", None, "no-connection"),
    ("SA", "R", None, "no-connection"),
    ("F", "RA", 1, "no-connection"),
])
def test_closed_port(talk, flags, answer, ack, reason):
    peer = Peer(talk, port=9)
    peer.theirs, peer.ack = 0, 5555
    peer.send(flags, seq=0)
    packet = peer.expect(answer, ack=ack)
    assert packet[TCP].seq == (5555 if "A" in flags else 0)
    talk.count(f"tcp4-input.{reason}", 1)


def test_no_reset_about_a_reset(talk):
    peer = Peer(talk, port=9)
    peer.send("R", seq=0)
    peer.silence()


# --- data ---

def test_echo(peer):
    peer.send("PA", b"hello")
    answer = peer.expect(seq=1, ack=6, data=b"hello")
    assert checksums_ok(answer)


def test_sequence_numbers_wrap(peer):
    data = os.urandom(1000)  # our ISN is 256 below the end
    peer.send("PA", data)
    peer.next_seq = 1001
    assert peer.collect(1000) == data


def test_bad_checksum(peer, talk):
    peer.send("PA", b"hello", chksum=0x1234)
    peer.silence()
    talk.count("ip4-local.l4-checksum", 1)


def test_delayed_ack(peer):
    # RFC 9293 MUST-58; the half second is the simulation's to prove.
    peer.send("A", bytes(1), seq=1)
    peer.expect(ack=2)


def test_out_of_order_is_kept_and_reported(peer):
    # RFC 2018: the newest block comes first.
    peer.send("A", b"CC", seq=5)
    assert peer.reported(peer.expect("A", ack=1)) == [(5, 7)]
    peer.send("A", b"EE", seq=9)
    assert peer.reported(peer.expect("A", ack=1)) == [(9, 11), (5, 7)]
    peer.send("A", b"AABB", seq=1)
    peer.expect(ack=7)
    peer.send("A", b"DD", seq=7)
    peer.ack = 1
    peer.next_seq = 11
    assert peer.collect(10) == b"AABBCCDDEE"


def test_duplicate_data_is_reported_once_more(peer):
    # RFC 2883: the first block tells of the duplicate.
    peer.send("PA", b"hello")
    peer.expect(ack=6, data=b"hello")
    peer.ack = 6
    peer.send("A", b"hello", seq=1)
    assert peer.reported(peer.expect("A", ack=6))[:1] in ([(1, 6)], [])


def test_overlapping_data(peer):
    peer.send("A", b"1234", seq=1)
    peer.expect(ack=5)
    peer.send("A", b"XX56", seq=3)
    peer.next_seq = 7
    assert peer.collect(6) == b"123456"


def test_data_beyond_the_window_is_not_taken(peer):
    peer.send("A", b"far", seq=0x4000000)
    peer.expect("A", ack=1)
    peer.talk.count("tcp4-input.out-of-window", 1)


def test_paws(peer):
    # RFC 7323 §5.3: an old timestamp makes an old segment.
    peer.send("PA", b"new")
    peer.expect(ack=4)
    peer.send("A", b"old", seq=4, ts=5)
    peer.expect("A", ack=4)
    peer.talk.count("tcp4-input.paws", 1)


# --- windows ---

def test_window_is_respected(talk):
    peer = Peer(talk, shift=0, window=3000)
    peer.connect()
    peer.send("A", bytes(1400), seq=1)
    peer.send("A", bytes(1400), seq=1401)
    peer.send("PA", bytes(1400), seq=2801)
    end = 0
    while packet := peer.receive(0.4):
        end = max(end, peer.seq(packet) + len(peer.data(packet)))
    assert 1448 < end <= 3001
    peer.ack = end
    peer.send("A", seq=4201)
    peer.expect(seq=end)


def test_closed_window_is_probed(talk):
    # RFC 9293 §3.8.6.1
    peer = Peer(talk, shift=0)
    peer.connect()
    peer.send("PA", b"hello", window=0)
    probes = [peer.expect(timeout=5) for _ in range(3)]
    for probe in probes[1:]:
        assert len(peer.data(probe)) <= 1
    peer.send("A", seq=6, window=1000)
    peer.expect(data=b"hello", timeout=5)


@ONE_WORKER
# --- loss ---

def test_retransmission_backs_off(peer):
    # RFC 6298 §5.5
    peer.send("PA", b"hello")
    times = [peer.expect(seq=1, data=b"hello", timeout=5).time for _ in range(4)]
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    assert all(gap > 0.15 * 2 ** n for n, gap in enumerate(gaps)), gaps
    peer.ack = 6
    peer.send("A", seq=6)
    peer.silence(2 * gaps[-1])


def fill(peer):
    """Has the server send what the initial window lets it, unacknowledged: (first, end) of each.

    RFC 6928: ten segments. The rest of 14,000 bytes waits for an acknowledgement.
    """
    for i in range(14):
        peer.send("A", bytes([i]) * 1000, seq=1 + i * 1000)
    seen = set()
    while packet := peer.receive(0.3):
        if peer.data(packet):
            seen.add((peer.seq(packet), peer.seq(packet) + len(peer.data(packet))))
    segments = sorted(seen)
    assert 8 <= len(segments) <= 14 and segments[0][0] == 1
    assert all(left[1] == right[0] for left, right in zip(segments, segments[1:]))
    return segments


@pytest.fixture
def far_peer(talk):
    """A path of 300 ms, so that the retransmission timer (900 ms) does not interfere."""
    peer = Peer(talk)
    peer.connect(rtt=0.3)
    return peer


def finish(peer):
    """Acknowledges what comes until all 14,000 bytes have."""
    while peer.ack < 14001:
        packet = peer.expect()
        peer.ack = max(peer.ack, peer.seq(packet) + len(peer.data(packet)))
        peer.send("A", seq=14001)
    peer.silence(1.2)


def test_sack_recovery_needs_no_timeout(far_peer):
    # RFC 6675: three segments' worth above the hole.
    peer = far_peer
    segments = fill(peer)
    for _, end in segments[1:5]:
        peer.send("A", seq=14001, ack=1, options=peer.sacks((segments[1][0], end)))
    peer.expect(seq=1)
    peer.talk.count("tcp4-input.recovery", 1)
    peer.ack = segments[-1][1]
    finish(peer)


def test_only_the_holes_are_sent_again(far_peer):
    peer = far_peer
    segments = fill(peer)
    blocks = (segments[4][0], segments[-1][1]), segments[3], segments[1]
    for _ in range(4):
        peer.send("A", seq=14001, ack=1, options=peer.sacks(*blocks))
    again = set()
    while packet := peer.receive(0.2):
        again |= {peer.seq(packet)} if peer.data(packet) else set()
    assert {n for n in again if n < segments[-1][1]} == {segments[0][0], segments[2][0]}
    peer.ack = segments[-1][1]
    finish(peer)


# --- closing ---

def test_peer_closes_first(peer, talk):
    peer.send("FA")
    peer.expect("FA", seq=1, ack=2)
    peer.ack = 2
    peer.send("A", seq=2)
    wait.until(lambda: sessions(talk) == 0 or True, "gone")
    peer.silence()


def test_half_close(peer):
    # All that was asked for still comes after our FIN. RFC 9293 §3.6
    data = os.urandom(5000)
    for i in range(0, 5000, 1000):
        peer.send("A", data[i:i + 1000], seq=1 + i)
    peer.send("FA", seq=5001)
    peer.next_seq = 5002
    assert peer.collect(5000) == data
    packet = peer.expect("FA", ack=5002)
    assert peer.seq(packet) + len(peer.data(packet)) == 5001


def test_fin_is_sent_again(peer):
    peer.send("FA")
    for _ in range(2):
        peer.expect("FA", seq=1, ack=2, timeout=3)


def test_fin_out_of_order(peer):
    peer.send("FA", seq=6)
    peer.expect("A", ack=1)
    peer.send("A", b"hello", seq=1)
    peer.expect(ack=7)


# --- attacks: RFC 5961 ---

def is_open(peer):
    peer.send("PA", b"?")
    peer.expect(seq=1, ack=2, data=b"?")


def test_exact_reset(peer, talk):
    peer.send("R", seq=1)
    peer.silence(0.1)
    peer.send("PA", b"?")
    peer.expect("R")
    talk.count("tcp4-input.reset", 1)


def test_reset_in_the_window_is_challenged(peer, talk):
    peer.send("R", seq=100)
    peer.expect("A", seq=1, ack=1)
    is_open(peer)
    talk.count("tcp4-input.challenged", 1)


def test_reset_outside_the_window_is_ignored(peer, talk):
    peer.send("R", seq=0x7000000)
    peer.silence()
    is_open(peer)
    talk.count("tcp4-input.reset-ignored", 1)


def test_syn_in_a_connection_is_challenged(peer):
    peer.send("S", seq=1)
    peer.expect("A", seq=1, ack=1)
    is_open(peer)


def test_ack_of_what_was_never_sent(peer):
    peer.send("PA", b"evil", ack=5000)
    peer.expect("A", ack=1)
    is_open(peer)


def test_ack_that_is_too_old(peer):
    peer.send("PA", b"evil", ack=-0x10000000)
    peer.expect("A", ack=1)
    is_open(peer)


@pytest.mark.parametrize("flags", ["", "SF", "SR", "FPU", "SFRPAU"])
def test_strange_flags(talk, flags):
    peer = Peer(talk)
    peer.send(flags, seq=0)
    packet = peer.receive(0.2)
    assert packet is None or packet[TCP].flags.R or packet[TCP].flags.S
    good = Peer(talk)
    good.connect()
    is_open(good)


@pytest.mark.parametrize("options", [
    b"\x02\x03\x05\x00", b"\x02\x04\x05", b"\x03\x00\x00\x00", b"\x08\x0a\x00\x00", b"\xfe\x01\x00\x00",
])
def test_malformed_options(talk, options):
    # RFC 9293 MUST-7
    segment = bytearray(bytes(TCP(sport=1234, dport=7, flags="S", dataofs=6)) + options.ljust(4, b"\0"))
    talk.to(IP(proto=6) / bytes(segment))
    good = Peer(talk)
    good.connect()
    is_open(good)


def test_broadcast_and_multicast_are_not_answered(talk):
    # RFC 9293 MUST-57
    for dst in "10.0.0.255", "224.0.0.1":
        talk.to(Ether(src=talk.wire.mac, dst="ff:ff:ff:ff:ff:ff") /
                IP(dst=dst) / TCP(sport=1234, dport=7, flags="S"))
    talk.silence(TCP())


def test_unreachable_does_not_kill_a_connection(peer, talk):
    # RFC 5461, RFC 9293 §3.9.2.2: soft errors, and a port that an attacker could guess.
    quoted = IP(src="10.0.0.1", dst="10.0.0.9") / TCP(
        sport=7, dport=peer.sport, seq=(peer.theirs + 1) & 0xffffffff)
    for code in 0, 1, 3:
        talk.to(IP() / ICMP(type=3, code=code) / quoted)
    is_open(peer)


# --- ICMP errors ---

def quote(packet):
    """What an ICMP error of RFC 792 repeats: the IP header and 8 bytes."""
    return bytes(packet[IP])[:28]


def test_segments_must_not_be_cut_on_the_way(peer):
    # RFC 1191 §3
    peer.send("PA", b"hello")
    assert "DF" in peer.expect(data=b"hello")[IP].flags


def test_too_big(peer, talk, workers):
    # RFC 1191: what is in flight goes out again in smaller segments, and so does the next.
    peer.send("A", bytes(1448), seq=1)
    full = peer.expect(seq=1, data=bytes(1448))
    assert len(full[IP]) == 1500
    talk.to(IP() / ICMP(type=3, code=4, nexthopmtu=1200) / quote(full))
    again = peer.expect(seq=1, data=bytes(1148))
    assert len(again[IP]) == 1200
    talk.count("tcp4-error.too-big", 1)
    peer.ack = 1449
    peer.send("PA", bytes(1448), seq=1449)
    while peer.ack < 2897:
        packet = peer.expect(seq=peer.ack)
        assert len(packet[IP]) <= 1200
        peer.ack += len(peer.data(packet))
        peer.send("A", seq=2897)
    # What is known serves the next connection of that worker.
    known = {other.option(other.connect(), "MSS") for other in (Peer(talk) for _ in range(8 * workers - 7))}
    assert known == ({1160} if workers == 1 else {1160, 1460})


def test_a_lie_about_the_path_changes_nothing(peer, talk):
    # RFC 5927: the number quoted must be in flight, and the MTU smaller than what is quoted.
    peer.send("A", bytes(1448), seq=1)
    full = peer.expect(seq=1, data=bytes(1448))
    old = full.copy()
    old[TCP].seq = (full[TCP].seq - 5000) & 0xffffffff
    talk.to(IP() / ICMP(type=3, code=4, nexthopmtu=600) / quote(old))
    talk.count("tcp4-error.sequence", 1)
    talk.to(IP() / ICMP(type=3, code=4, nexthopmtu=1500) / quote(full))
    talk.count("tcp4-error.size", 1)
    stranger = full.copy()
    stranger[TCP].dport = 1
    talk.to(IP() / ICMP(type=3, code=4, nexthopmtu=600) / quote(stranger))
    talk.count("tcp4-error.stranger", 1)
    peer.expect(seq=1, data=bytes(1448))  # by the timer, as long as before


def echo_client(talk, run, build, address):
    return run(build / "src/comms/echo-client", address, "9", "1", "1", "1", env=talk.lan.stack.env)


def first_syn(talk):
    return talk.wire.expect(IP(src=talk.there, dst=talk.here) / TCP(dport=9, flags="S"), 5)


@pytest.mark.parametrize("code,says", [(2, "refused"), (3, "refused"), (13, "No route to host"),
                                       (10, "No route to host")])
def test_an_open_that_is_refused_by_icmp(talk, run, build, code, says):
    # RFC 1122 §4.2.3.9
    client = echo_client(talk, run, build, talk.here)
    talk.to(IP() / ICMP(type=3, code=code) / quote(first_syn(talk)))
    assert client.wait() != 0
    assert says in client.err
    talk.count("tcp4-error.refused", 1)


def test_an_open_outlives_a_broken_path(talk, run, build):
    # RFC 1122 §4.2.3.9: net and host unreachable may heal.
    client = echo_client(talk, run, build, talk.here)
    talk.to(IP() / ICMP(type=3, code=1) / quote(first_syn(talk)))
    talk.count("tcp4-error.remembered", 1)
    first_syn(talk)  # again, a second later
    assert client.alive()


@ONE_WORKER
def test_an_open_toward_a_silent_neighbour_fails(talk, run, build):
    client = echo_client(talk, run, build, "10.0.0.77")
    assert client.wait(20) != 0
    assert "No route to host" in client.err


# --- floods ---

BACKLOG = 128  # of the echo server, on each worker
MORE = 60      # so that flows spread unevenly fill the backlog of each


def flood(talk, workers):
    """SYNs of peers that never answer, until the listener has as many half-open as it may."""
    for sport in range(1024, 1024 + (BACKLOG + MORE) * workers):
        talk.to(IP(src="10.0.0.9") / TCP(sport=sport, dport=7, flags="S", seq=sport))
    talk.count("tcp4-input.syn", BACKLOG * workers)
    talk.count("tcp4-output.cookie", MORE * workers)


@pytest.mark.parametrize("timestamps,window_scale", [(True, True), (False, False)])
def test_a_full_listener_answers_by_cookies(talk, workers, timestamps, window_scale):
    # RFC 4987 §3.6: no memory, and options only where the timestamp carries them back.
    flood(talk, workers)
    assert talk.lan.stack.call("show tcp")["half_open"] == BACKLOG * workers
    peer = Peer(talk, timestamps=timestamps)
    answer = peer.connect()
    assert (peer.option(answer, "WScale") is not None) == window_scale
    talk.count("tcp4-output.cookie", MORE * workers + 1)
    peer.send("PA", b"hello")
    peer.expect(data=b"hello", ack=6)
    talk.count("tcp4-input.cookie", 1)
    assert talk.lan.stack.call("show tcp")["half_open"] == BACKLOG * workers


def test_a_cookie_that_was_guessed_is_reset(talk, workers):
    flood(talk, workers)
    peer = Peer(talk)
    peer.syn()
    peer.theirs = 12345
    peer.send("A", ack=1)
    peer.expect("R", timeout=3)
    talk.count("tcp4-input.cookie-bad", 1)
    talk.count("tcp4-input.cookie", 0)
