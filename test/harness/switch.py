"""A stack as a switch: taps p0, p1, …, each with a Wire, and the stations behind them.

    switch = Switch(netns("switch"), convoyd, wire, 3, {"bridges": [...]})
    switch.send(0, frame(A, B))
    switch.only(1, frame(A, B))     # it comes out of p1 and of no other
"""
import time

from scapy.all import Ether, Raw

from . import wait
from .talk import counters

A, B, C, D = (f"02:00:00:00:0a:0{n}" for n in range(1, 5))
ALL = "ff:ff:ff:ff:ff:ff"
GROUP = "01:00:5e:01:02:03"


def frame(src, dst, payload=b"frame", size=60):
    """A frame of a type that no protocol has, of this many bytes."""
    return Ether(src=src, dst=dst, type=0x88b5) / Raw(payload.ljust(size - 14, b"\0"))


class Switch:
    def __init__(self, space, convoyd, wire, n, config, workers=1, tap=None):
        space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        taps = [{"name": f"p{i}", "mac": f"02:00:00:00:00:f{i}", "tap": {"no_offload": True, **(tap or {})}}
                for i in range(n)]
        config = {**config, "workers": workers, "interfaces": taps + config.get("interfaces", [])}
        self.stack = convoyd(config, netns=space)
        self.wires = [wire(space, f"p{i}", mac=f"02:00:00:00:0b:0{i}") for i in range(n)]
        self.before = counters(self.stack)
        self.serial = 0

    def call(self, method, **params):
        return self.stack.call(method, **params)

    def send(self, port, packet):
        self.wires[port].socket.send(bytes(packet))

    def unique(self, packet):
        """The packet with a payload that no other has, so that it is recognised."""
        self.serial += 1
        packet = packet.copy()
        packet[Raw].load = b"frame %06d" % self.serial + packet[Raw].load[12:]
        return packet

    def heard(self, packet, ports, timeout=2.0, grace=0.08):
        """What comes out of each port like `packet`, until all of `ports` have had it and a little longer."""
        deadline, wanted, got = time.monotonic() + timeout, set(ports), {}
        while time.monotonic() < deadline and not wanted <= set(got):
            self._drain(packet, got)
        time_left = time.monotonic() + grace
        while time.monotonic() < time_left:
            self._drain(packet, got)
        return got

    def _drain(self, packet, got):
        for port, one in enumerate(self.wires):
            while (seen := one.receive(0.002)) is not None:
                if seen.haslayer(Raw) and seen[Raw].load[:12] == packet[Raw].load[:12]:
                    got.setdefault(port, []).append(seen)

    def passes(self, port, packet, to):
        """A frame that comes in by `port` comes out of the ports `to`, once, and of no others."""
        packet = self.unique(packet)
        self.send(port, packet)
        got = self.heard(packet, to)
        assert sorted(got) == sorted(to), f"{packet.summary()} came out of {sorted(got)}, not {sorted(to)}"
        assert all(len(copies) == 1 for copies in got.values()), f"more than once: {got}"
        return [got[port][0] for port in to]

    def macs(self, **params):
        return {m["mac"]: (m["interface"], m["kind"]) for m in self.call("show macs", **params)}

    def learn(self, port, mac):
        """A station shows itself, by a frame to a station that does not exist."""
        self.send(port, frame(mac, "02:00:00:00:99:99"))
        wait.until(lambda: self.macs().get(mac) == (f"p{port}", "learned"), f"{mac} is learnt")
        self.quiet()

    def quiet(self):
        for one in self.wires:
            while one.receive(0.02) is not None:
                pass

    def counted(self, reason):
        return counters(self.stack).get(reason, 0) - self.before.get(reason, 0)

    def count(self, reason, n):
        wait.until(lambda: self.counted(reason) >= n, f"{reason} reaches {n}")
        assert self.counted(reason) == n, f"{reason} is {self.counted(reason)}, not {n}"
