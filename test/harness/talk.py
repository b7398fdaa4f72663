"""Conversations with a stack: what goes in, what comes out, what was counted.

    talk = Talk(lan, "10.0.0.9")
    talk.to(IP(dst="10.0.0.1", ttl=0) / ICMP())          # from 10.0.0.9, addresses filled in
    talk.back(ICMP(type="echo-reply"))
    talk.count("ip4-input.ttl", 1)
"""
from scapy.all import IP

from . import wait

CONVOY = "10.0.0.1"


def counters(stack):
    """Every counted reason as {"node.reason": count}."""
    return {f"{row['node']}.{row['reason']}": row["count"] for row in stack.call("show errors")}


class Talk:
    """One side of a conversation with the stack; counts are since the conversation began."""

    def __init__(self, lan, here="10.0.0.9", there=CONVOY, arp=True):
        self.lan, self.wire, self.here, self.there = lan, lan.wire, here, there
        if arp:
            self.wire.answer_arp(here)
        self.before = counters(lan.stack)

    def to(self, *packets):
        """Sends packets; IP addresses that a packet does not set are those of the conversation."""
        for one in packets:
            if one.haslayer(IP):
                one[IP].fields.setdefault("src", self.here)
                one[IP].fields.setdefault("dst", self.there)
            self.wire.send(one)

    def back(self, template, timeout=2.0):
        """Waits for a packet to us with the layers and fields of `template`."""
        if not template.haslayer(IP):
            template = IP(src=self.there, dst=self.here) / template
        return self.wire.expect(template, timeout)

    def silence(self, template=None, seconds=0.2):
        self.wire.silence(template or IP(dst=self.here), seconds)

    def counted(self, reason):
        return counters(self.lan.stack).get(reason, 0) - self.before.get(reason, 0)

    def count(self, reason, n):
        """Waits until "node.reason" has been counted n times since the conversation began."""
        wait.until(lambda: self.counted(reason) >= n, f"{reason} reaches {n}")
        assert self.counted(reason) == n, f"{reason} is {self.counted(reason)}, not {n}"
