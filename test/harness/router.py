"""A stack between two links, "lan" 10.0.0.1/24 and "wan" 10.1.0.1/24, with a peer on each."""
from .talk import Talk
from .wire import CONVOY_MAC
from .workers import on_workers

WAN_MAC, WAN_PEER = "02:00:00:00:01:01", "02:00:00:00:01:09"


def start(netns, convoyd, wire, workers, lan=None, wan=None, **config):
    """Conversations with both sides. `lan`, `wan`: what those interfaces have besides."""
    from conftest import Lan
    space = netns("router")
    space.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    stack = convoyd(on_workers(workers, {"interfaces": [
        {"name": "lan", "addresses": ["10.0.0.1/24", "2001:db8::1/64"], "mac": CONVOY_MAC,
         "tap": {"no_offload": True}, **(lan or {})},
        {"name": "wan", "addresses": ["10.1.0.1/24", "2001:db8:1::1/64"], "mac": WAN_MAC,
         "tap": {"no_offload": True}, **(wan or {})},
    ], **config}), netns=space)
    return (Talk(Lan(stack, wire(space, "lan"), space)),
            Talk(Lan(stack, wire(space, "wan", mac=WAN_PEER, peer_mac=WAN_MAC), space),
                 here="10.1.0.7", there="10.1.0.1"))
