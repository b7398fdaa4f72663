"""Routers that a host hears of: advertisements with whatever options, and what became of them.

    announce(talk, "fe80::9", options=[on_link("2001:db8:7::", 1800)])
    default_route(talk) == ["fe80::9"]
"""
from scapy.all import (Ether, ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6)

ALL_NODES_MAC = "33:33:00:00:00:01"


def on_link(prefix, seconds, length=64):
    """The option for a prefix that is on the link, and that no address is made of."""
    return ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=length, L=1, A=0, validlifetime=seconds,
                                 preferredlifetime=seconds)


def makes(prefix, valid=7200, preferred=3600):
    """The option for a prefix that addresses are made of."""
    return ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=64, L=1, A=1, validlifetime=valid,
                                 preferredlifetime=preferred)


def announce(talk, src="fe80::9", lifetime=1800, mac=None, options=(), **fields):
    """A router advertisement; `fields` are of its header, as scapy names them; of medium preference."""
    message = IPv6(src=src, dst="ff02::1", hlim=255) / \
        ICMPv6ND_RA(routerlifetime=lifetime, **{"prf": 0, **fields}) / \
        ICMPv6NDOptSrcLLAddr(lladdr=mac or talk.wire.mac)
    for option in options:
        message = message / option
    talk.wire.send(Ether(src=talk.wire.mac, dst=ALL_NODES_MAC) / message)


def routes(talk):
    """{prefix: (source, [next hop or interface])} of IPv6."""
    return {r["prefix"]: (r["source"], [p["via"] or p["interface"] for p in r["paths"]])
            for r in talk.lan.stack.call("show routes") if ":" in r["prefix"]}


def default_route(talk):
    return routes(talk).get("::/0", (None, []))[1]
