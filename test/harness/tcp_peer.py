"""A TCP peer made by hand: every segment is the test's own. Numbers are relative to both ISNs.

    peer = Peer(talk, port=7)
    peer.connect()                      # S, SA, A
    peer.send("PA", b"hello", seq=1)    # to the stack
    peer.expect("A", ack=6)             # from it; others are skipped
"""
import itertools
import time

from scapy.all import IP, TCP

from . import wait

ISN = 0xFFFFFF00  # close to the end, so that every connection wraps
_ports = itertools.count(20000)


class Peer:
    def __init__(self, talk, port=7, mss=1460, sack=True, timestamps=True, shift=7, window=65535):
        self.talk, self.port, self.sport = talk, port, next(_ports)
        self.sack, self.timestamps, self.window = sack, timestamps, window
        self.mss, self.shift = mss, shift
        self.ts, self.ts_echo = 1000, 0
        self.theirs = None  # the stack's ISN
        self.last = None    # its last segment: flags, acknowledgement, window
        self.ack = 0        # what our segments acknowledge unless they say otherwise

    # --- out ---

    def send(self, flags, data=b"", seq=1, ack=None, window=None, options=None, ts=None, **fields):
        """Sends a segment. `seq` and `ack` are relative; `options` are added to the timestamps."""
        options = list(options or [])
        if self.timestamps and "R" not in flags:
            self.ts += 1
            options += [("NOP", None), ("NOP", None),
                        ("Timestamp", (self.ts if ts is None else ts, self.ts_echo))]
        number = 0
        if "A" in flags:
            number = ((self.theirs or 0) + (self.ack if ack is None else ack)) & 0xffffffff
        self.talk.to(IP() / TCP(sport=self.sport, dport=self.port, flags=flags,
                                seq=(ISN + seq) & 0xffffffff, ack=number,
                                window=self.window if window is None else window,
                                options=options, **fields) / data)

    def syn(self, **fields):
        options = [("MSS", self.mss)] if self.mss else []
        if self.sack:
            options.append(("SAckOK", b""))
        if self.shift is not None:
            options += [("NOP", None), ("WScale", self.shift)]
        self.send("S", seq=0, options=options, **fields)

    def connect(self, rtt=0.0):
        """The three-way handshake over a path of that many seconds; returns the SYN-ACK."""
        self.syn()
        answer = self.expect("SA", seq=0, ack=1)
        self.ack = 1
        time.sleep(rtt)  # what the stack measures, and sets its retransmission timer by
        self.send("A")
        return answer

    def sacks(self, *blocks):
        """The option that reports these (left, right) ranges of the stack's data."""
        edges = [(self.theirs + n) & 0xffffffff for block in blocks for n in block]
        return [("NOP", None), ("NOP", None), ("SAck", tuple(edges))]

    # --- in ---

    def receive(self, timeout=2.0):
        """The next segment of this connection, or None. Mere window updates pass."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            packet = self.talk.wire.receive(left)
            if packet is None:
                return None
            if TCP in packet and packet[TCP].dport == self.sport and \
                    packet[TCP].sport == self.port and not self._is_update(packet):
                return self._note(packet)
        return None

    def expect(self, flags=None, seq=None, ack=None, data=None, timeout=3.0):
        """The first segment that has all that is given; those before it pass."""
        deadline = time.monotonic() + timeout
        passed = []
        while (left := deadline - time.monotonic()) > 0:
            packet = self.receive(left)
            if packet is None:
                break
            found = (self.flags(packet), self.seq(packet), self.acked(packet), self.data(packet))
            wanted = (None if flags is None else set(flags), seq, ack, data)
            if all(w is None or w == f for w, f in zip(wanted, found)):
                return packet
            passed.append(f"{packet[TCP].flags} {found[1]}+{len(found[3])} ack {found[2]}")
        raise wait.Late(f"no {flags} seq={seq} ack={ack} within {timeout:g} s; came: {passed}")

    def silence(self, seconds=0.3):
        packet = self.receive(seconds)
        assert packet is None, f"unexpected: {packet.summary()}"

    def collect(self, n, timeout=5.0, acknowledge=True):
        """Bytes 1 to n of the stack's data, in order; acknowledged as they come."""
        have, deadline = b"", time.monotonic() + timeout
        while len(have) < n:
            packet = self.receive(deadline - time.monotonic())
            assert packet, f"{len(have)} of {n} bytes came"
            at = self.seq(packet) - self.ack
            if 0 >= at > -len(self.data(packet)) and self.data(packet)[-at:]:
                have += self.data(packet)[-at:]
                self.ack += len(self.data(packet)) + at
                if acknowledge:
                    self.send("A", seq=self.next_seq)
        return have

    next_seq = 1  # of ours, for acknowledgements by collect()

    # --- what a segment says ---

    def _is_update(self, packet):
        """A pure acknowledgement that says nothing new but a larger window than the one before it.

        A SYN-ACK's window is not scaled and does not count.
        """
        segment = packet[TCP]
        last, self.last = self.last, (self.flags(packet), segment.ack, segment.window)
        return (self.flags(packet) == {"A"} and not self.data(packet) and
                last is not None and segment.ack == last[1] and "SAck" not in dict(
                    o for o in segment.options if len(o) == 2) and
                "S" not in last[0] and segment.window > last[2])

    def _note(self, packet):
        if self.theirs is None and "S" in packet[TCP].flags:
            self.theirs = packet[TCP].seq
        stamp = dict(o for o in packet[TCP].options if len(o) == 2).get("Timestamp")
        if stamp:
            self.ts_echo = stamp[0]
        return packet

    def flags(self, packet):
        return set(str(packet[TCP].flags)) - {"P"}

    def seq(self, packet):
        return (packet[TCP].seq - (self.theirs or 0)) & 0xffffffff

    def acked(self, packet):
        return (packet[TCP].ack - ISN) & 0xffffffff

    def data(self, packet):
        ip = packet[IP]
        length = ip.len - ip.ihl * 4 - packet[TCP].dataofs * 4
        return bytes(packet[TCP].payload)[:length]

    def option(self, packet, name):
        return dict(o for o in packet[TCP].options if len(o) == 2).get(name)

    def reported(self, packet):
        """The SACK blocks of a segment as (left, right), relative to our ISN."""
        edges = [(e - ISN) & 0xffffffff for e in self.option(packet, "SAck") or ()]
        return list(zip(edges[::2], edges[1::2]))
