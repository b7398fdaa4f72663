"""Options of sockets that change what goes over the wire or what TCP does, with the kernel as the peer."""
import json
import socket
import time

import pytest
from harness.wire import socket_in

TAP = {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}}
KERNEL = "10.9.0.2"
PRELUDE = """
import json, socket, struct, sys, time
client = socket.create_connection(("10.9.0.2", 7000))
def option(level, name, value):
    client.setsockopt(level, name, value)
def info():
    raw = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    words = struct.unpack("8B24I", raw)
    return {"state": words[0], "rto": words[8], "mss": words[10], "unacked": words[12],
            "rtt": words[23], "rttvar": words[24], "cwnd": words[26], "total_retrans": words[31]}
def done(**what):
    print(json.dumps(what), flush=True)
"""


@pytest.fixture
def peer(netns, convoyd, run, build):
    """A listener of the kernel, and programs on the stack that connect to it."""
    space = netns("opt")
    stack = convoyd({"interfaces": [TAP]}, netns=space)
    listener = socket_in(space, socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((KERNEL, 7000))
    listener.listen()
    listener.settimeout(20)

    def program(text):
        return run(build / "convoy", "--socket", stack.socket, "exec", "--", "/usr/bin/python3", "-c", PRELUDE + text)

    def accept():
        made = listener.accept()[0]
        made.settimeout(20)
        return made
    with listener:
        yield type("Peer", (), {"stack": stack, "program": staticmethod(program), "accept": staticmethod(accept)})


def impair(peer, **how):
    peer.stack.call("impair", interface="lan", direction="out", limit=5000, **how)


def result(program):
    return json.loads(program.ok(30))


def test_tcp_info_tells_what_the_stack_measures(peer):
    impair(peer, delay="20ms")
    program = peer.program("""
before = info()
client.sendall(b"x" * 200000)
client.recv(1)
info()
time.sleep(0.1)
done(before=before, after=info())
""")
    with peer.accept() as server:
        got = 0
        while got < 200000:
            got += len(server.recv(65536))
        time.sleep(0.3)  # its acknowledgements come meanwhile
        server.sendall(b"y")
        told = result(program)
    for when in told.values():
        assert when["state"] == 1 and 1000 < when["mss"] <= 1460
        assert 15_000 < when["rtt"] < 5_000_000 and when["rto"] >= when["rtt"]  # microseconds
    assert told["before"]["cwnd"] == 10 and told["after"]["cwnd"] > 20
    assert told["after"]["unacked"] == 0


def test_a_cork_comes_off_after_200_ms(peer):
    program = peer.program("""
option(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
client.sendall(b"x")
done(answer=client.recv(1).decode())
""")
    with peer.accept() as server:
        assert server.recv(1) == b"x"
        server.sendall(b"y")
    assert result(program) == {"answer": "y"}


def test_close_lingers_until_all_has_arrived_or_the_time_is_over(peer):
    impair(peer, delay="150ms")
    text = """
option(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, SECONDS))
client.sendall(b"last words")
began = time.monotonic()
client.close()
done(seconds=time.monotonic() - began)
"""
    program = peer.program(text.replace("SECONDS", "60"))
    with peer.accept() as server:
        assert server.recv(100) == b"last words" and server.recv(1) == b""
        assert 0.1 < result(program)["seconds"] < 20
    program = peer.program("client.recv(1)" + text.replace("SECONDS", "1"))
    with peer.accept() as server:
        impair(peer, loss="100%")
        server.sendall(b"y")
        assert 0.9 < result(program)["seconds"] < 20


def test_silent_peers_are_given_up(peer):
    """By keepalive, and by the user timeout for bytes that nobody acknowledges."""
    keepalive = """
option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
option(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
client.recv(1)
began = time.monotonic()
"""
    user = """
option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
client.recv(1)
began = time.monotonic()
client.sendall(b"is anybody there?")
"""
    end = """
try:
    client.recv(1)
    done(error="none")
except OSError as error:
    done(error=type(error).__name__, seconds=time.monotonic() - began)
"""
    programs, servers = [], []
    for text in keepalive, user:
        programs.append(peer.program(text + end))
        servers.append(peer.accept())
    impair(peer, loss="100%")
    for server in servers:
        server.sendall(b"y")  # now they go on
    for program in programs:
        told = result(program)
        assert told["error"] == "TimeoutError" and 1 < told["seconds"] < 20
    for server in servers:
        server.close()
