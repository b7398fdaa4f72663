"""A network device as a test sees it: packets out, packets in, by scapy.

    lan = wire(space, "lan")
    lan.answer_arp("10.0.0.9")
    lan.send(IP(src="10.0.0.9", dst="10.0.0.1") / ICMP() / b"hello")
    lan.expect(IP(src="10.0.0.1", dst="10.0.0.9") / ICMP(type="echo-reply") / Raw(b"hello"))
    lan.silence(ARP)
"""
import ctypes
import os
import select
import socket
import struct
import time

from scapy.all import (ARP, IP, Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6,
                       conf)

from . import wait

conf.verb = 0
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_TIMESTAMPNS, TIMESPEC = 35, struct.Struct("@qq")
SO_RCVBUFFORCE, RECEIVE_BYTES = 33, 8 << 20  # a flood of answers waits until the test looks
VLAN_VALID, TPID_VALID = 0x10, 0x40  # in the status of struct tpacket_auxdata
AUXDATA = struct.Struct("=IIIHHHH")
CLONE_NEWNET = 0x40000000
OUR_MAC, CONVOY_MAC = "02:00:00:00:00:09", "02:00:00:00:00:01"
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def socket_in(netns, *arguments):
    """A socket of that namespace; this thread is back in its own when it returns."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(netns.path, os.O_RDONLY)
    try:
        _enter(there)
        try:
            return socket.socket(*arguments)
        finally:
            _enter(here)
    finally:
        os.close(here)
        os.close(there)


class Wire:
    """Sends and receives on a device, under addresses that the kernel knows nothing of."""

    def __init__(self, netns, device, mac=OUR_MAC, peer_mac=CONVOY_MAC):
        self.mac, self.peer_mac = mac, peer_mac
        self.answered = set()
        self.socket = socket_in(netns, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((device, 0))

    def close(self):
        self.socket.close()

    def answer_arp(self, *addresses):
        """From now on, whoever asks for one of these addresses hears our MAC."""
        self.answered.update(addresses)

    def answer_nd(self, *addresses):
        """The same for IPv6 and Neighbor Discovery."""
        self.answered.update(addresses)

    def send(self, packet):
        """Sends a packet; one without an Ethernet header goes from our MAC to convoyd's."""
        if not packet.haslayer(Ether):
            packet = Ether(src=self.mac, dst=self.peer_mac) / packet
        self.socket.send(bytes(packet))

    def receive(self, timeout):
        """The next packet, or None; ARP requests for our addresses are answered on the way."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            packet = self._take()
            if not self._answer(packet):
                return packet

    def _take(self):
        """A packet with the outer VLAN tag that the kernel keeps beside it, and the .time when it came."""
        frame, extras, _, _ = self.socket.recvmsg(
            65536 + 64, socket.CMSG_SPACE(AUXDATA.size) + socket.CMSG_SPACE(TIMESPEC.size))
        when = 0
        for level, _, data in extras:
            if level == socket.SOL_SOCKET:
                seconds, ns = TIMESPEC.unpack(data)
                when = seconds + ns / 1e9
                continue
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
            if status & VLAN_VALID:
                tpid = tpid if status & TPID_VALID else 0x8100
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        packet = Ether(frame)
        packet.time = when
        return packet

    def expect(self, template, timeout=2.0):
        """The first packet with the layers of `template` and the fields that it sets; others pass."""
        deadline = time.monotonic() + timeout
        passed = []
        while (left := deadline - time.monotonic()) > 0:
            packet = self.receive(left)
            if packet is None:
                break
            if matches(packet, template):
                return packet
            passed.append(packet.summary())
        raise wait.Late(f"no {template!r} within {timeout:g} s; what came: {passed or 'nothing'}")

    def silence(self, template, seconds=0.3):
        """Fails if a packet like `template` comes within `seconds`."""
        try:
            packet = self.expect(template, seconds)
        except wait.Late:
            return
        raise AssertionError(f"unexpected: {packet.summary()}")

    def _answer(self, packet):
        if ICMPv6ND_NS in packet:
            return self._answer_nd(packet)
        if ARP not in packet or packet[ARP].op != 1 or packet[ARP].pdst not in self.answered:
            return False
        asked = packet[ARP]
        self.send(Ether(src=self.mac, dst=asked.hwsrc) / ARP(
            op="is-at", hwsrc=self.mac, psrc=asked.pdst, hwdst=asked.hwsrc, pdst=asked.psrc))
        return True

    def _answer_nd(self, packet):
        target, asker = packet[ICMPv6ND_NS].tgt, packet[IPv6].src
        if target not in self.answered or asker == "::":
            return False
        self.send(Ether(src=self.mac, dst=packet.src) / IPv6(src=target, dst=asker, hlim=255) /
                  ICMPv6ND_NA(tgt=target, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=self.mac))
        return True


def matches(packet, template):
    """Has `packet` every layer of `template`, in order, with the fields that the template sets?"""
    layer = packet
    while template:
        layer = layer.getlayer(type(template))
        if layer is None:
            return False
        for name in template.fields:
            wanted, seen = getattr(template, name), getattr(layer, name)
            if isinstance(wanted, list) and not wanted:
                continue  # scapy fills in empty lists, such as IP.options, by itself
            if name == "load":
                wanted, seen = bytes(wanted), bytes(seen)[:len(wanted)]
            if wanted != seen:
                return False
        layer, template = layer.payload or None, template.payload
        if template and layer is None:
            return False
    return True


def checksums_ok(packet):
    """Are the checksums of IP and what it carries those that scapy computes?"""
    again = packet.copy()
    for layer in again.iterpayloads():
        if "chksum" in layer.fields:
            del layer.chksum
    return bytes(Ether(bytes(again))) == bytes(packet) and IP in packet
