"""Reports of Multicast Listener Discovery as tests read them."""
from ipaddress import IPv6Address

from scapy.all import ICMPv6MLReport2


def records(packet):
    """{group: (type, sources)}, read here: scapy takes all behind the first record for its payload."""
    message = bytes(packet[ICMPv6MLReport2])
    n, at, found = int.from_bytes(message[6:8], "big"), 8, {}
    for _ in range(n):
        n_sources = int.from_bytes(message[at + 2:at + 4], "big")
        addresses = [str(IPv6Address(message[at + 4 + 16 * i:at + 20 + 16 * i]))
                     for i in range(1 + n_sources)]
        found[addresses[0]] = (message[at], addresses[1:])
        at += 4 + 16 * len(addresses)
    assert at == len(message) and len(found) == n
    return found
