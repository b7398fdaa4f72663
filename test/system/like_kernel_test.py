"""Conversations that go alike on the kernel and on the stack: each runs on both, with the same expectations.

"kernel" shows that the expectations are the kernel's; "tcp" has the kernel as the peer of a program on the stack,
"cut-through" two programs on the stack. What is looked at is always the server's side.
"""
import errno
import os
import signal

import pytest
from harness import wait
from harness.family import World

RESET = "import struct; c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()"
MASK = "(lambda p: (p.register(c, 0x201f | select.POLLRDHUP), p.poll(0))[1])(select.poll())"


@pytest.fixture(params=["kernel", "tcp", "cut-through"])
def world(request, netns, convoyd, run, build, tmp_path):
    made = World(request.param, netns, convoyd, run, build, tmp_path)
    yield made
    made.actors.close()


def polled(actor):
    """The names of what poll says of its connection."""
    names = {1: "IN", 4: "OUT", 8: "ERR", 16: "HUP", 0x2000: "RDHUP"}
    events = actor(MASK)
    return {name for bit, name in names.items() if events and events[0][1] & bit}


def becomes(actor, *events):
    wait.until(lambda: polled(actor) == set(events), f"poll says {events}")


def close(world, client, how):
    """The ways in which a peer that has read everything can end."""
    if how == "close":
        client("c.close()")
    elif how == "exit":
        client.leave()
    else:
        os.kill(client.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["close", "exit", "kill"])
def test_the_first_write_to_one_who_has_closed_succeeds(world, how):
    """Then his reset makes it EPIPE, since the end of the stream came first; reading goes on to be the end."""
    server, client = world.pair()
    close(world, client, how)
    becomes(server, "IN", "OUT", "RDHUP")
    assert server("c.recv(10)") == b""
    assert server("c.send(b'anybody there?')") == 14
    becomes(server, "IN", "OUT", "RDHUP", "HUP", "ERR")
    assert server("c.recv(10)") == b""
    assert server.fails("c.send(b'x')") == "BrokenPipeError"
    assert server.fails("c.send(b'x')") == "BrokenPipeError"
    assert server("c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)") == 0
    assert server("c.recv(10)") == b""


def test_so_error_after_that_is_a_broken_pipe(world):
    server, client = world.pair()
    client("c.sendall(b'last words'); c.close()")
    becomes(server, "IN", "OUT", "RDHUP")
    assert server("c.send(b'x')") == 1
    becomes(server, "IN", "OUT", "RDHUP", "HUP", "ERR")
    assert server("c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)") == errno.EPIPE
    assert server("c.recv(100)") == b"last words"
    assert server("c.recv(100)") == b""
    assert server.fails("c.send(b'x')") == "BrokenPipeError"


def test_a_write_raises_sigpipe_only_for_a_broken_pipe(world):
    server, client = world.pair()
    server("hits = []; signal.signal(signal.SIGPIPE, lambda *_: hits.append(1))")
    client(RESET)
    becomes(server, "IN", "OUT", "RDHUP", "HUP", "ERR")
    assert server.fails("c.send(b'x')") == "ConnectionResetError" and server("len(hits)") == 0
    assert server.fails("c.send(b'x')") == "BrokenPipeError" and server("len(hits)") == 1
    assert server.fails("c.send(b'x', socket.MSG_NOSIGNAL)") == "BrokenPipeError" and server("len(hits)") == 1


def test_a_reset_is_read_once(world):
    server, client = world.pair()
    server("c.sendall(b'never read')")
    wait.until(lambda: client("len(c.recv(100, socket.MSG_PEEK))") == 10, "it has arrived")
    client("c.close()")
    becomes(server, "IN", "OUT", "RDHUP", "HUP", "ERR")
    assert server.fails("c.recv(1)") == "ConnectionResetError"
    assert server("c.recv(1)") == b""
    assert server.fails("c.send(b'x')") == "BrokenPipeError"


def test_a_reset_after_the_end_is_a_broken_pipe(world):
    server, client = world.pair()
    server("c.sendall(b'never read')")
    wait.until(lambda: client("len(c.recv(100, socket.MSG_PEEK))") == 10, "it has arrived")
    client("c.shutdown(socket.SHUT_WR)")
    becomes(server, "IN", "OUT", "RDHUP")
    client("c.close()")
    becomes(server, "IN", "OUT", "RDHUP", "HUP", "ERR")
    assert server("c.recv(1)") == b""
    assert server.fails("c.send(b'x')") == "BrokenPipeError"


def test_one_who_has_only_ended_his_stream_reads_on(world):
    server, client = world.pair()
    client("c.shutdown(socket.SHUT_WR)")
    becomes(server, "IN", "OUT", "RDHUP")
    for word in b"one", b"two":
        server(f"c.sendall({word})")
        assert client("c.recv(3)") == word
    assert server("c.recv(1)") == b""
    server("c.shutdown(socket.SHUT_WR)")
    becomes(server, "IN", "OUT", "RDHUP", "HUP")
    assert server.fails("c.send(b'x')") == "BrokenPipeError"


def test_after_the_peers_close_names_and_shutdown_work(world):
    server, client = world.pair()
    client("c.close()")
    becomes(server, "IN", "OUT", "RDHUP")
    assert server("c.getpeername()[0]") == server("c.getsockname()[0]") or not world.cuts_through
    server("c.shutdown(socket.SHUT_WR)")
    assert server.fails("c.send(b'x')") == "BrokenPipeError"


# --- options ---

INFO = "struct.unpack('8B24I', c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))"


def info(actor):
    """The fields of TCP_INFO by which programs judge a connection."""
    words = actor("import struct") or actor(INFO)
    names = {0: "state", 8: "rto", 10: "snd_mss", 11: "rcv_mss", 12: "unacked", 13: "sacked", 14: "lost", 15: "retrans",
             21: "pmtu", 23: "rtt", 24: "rttvar", 25: "ssthresh", 26: "cwnd", 27: "advmss", 31: "total_retrans"}
    return {name: words[at] for at, name in names.items()}


def test_tcp_info_follows_the_connection(world):
    """States by Linux's numbers; what is measured has plausible values, and what did not happen is zero."""
    server, client = world.pair()
    server("c.sendall(b'x' * 1000)")
    client("c.sendall(take(c, 1000))")
    assert len(server("take(c, 1000)")) == 1000
    told = info(server)
    assert told["state"] == 1
    for name in "rto", "snd_mss", "rcv_mss", "pmtu", "rtt", "rttvar", "ssthresh", "cwnd", "advmss":
        assert told[name] > 0, f"{name} in {told}"
    assert told["cwnd"] >= 10 and told["snd_mss"] <= told["pmtu"] <= 65535
    assert told["rto"] >= 200_000 and told["rtt"] < told["rto"]
    for name in "unacked", "sacked", "lost", "retrans", "total_retrans":
        assert told[name] == 0, f"{name} in {told}"
    client("c.shutdown(socket.SHUT_WR)")
    wait.until(lambda: info(server)["state"] == 8, "CLOSE_WAIT")
    other = world.client(server, "other")
    server("c.shutdown(socket.SHUT_WR)")
    wait.until(lambda: info(server)["state"] == 5, "FIN_WAIT2")
    other("c.close()")


def test_a_cork_comes_off_when_told_and_after_200_ms(world):
    server, client = world.pair()
    cork = "c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, {})"
    client.start("c.recv(10)")
    server(cork.format(1))
    server("c.sendall(b'x')")
    server(cork.format(0))
    assert client.finish() == b"x"
    server(cork.format(1))
    client.start("c.recv(10)")
    server.start("began = time.monotonic(); c.sendall(b'y'); c.recv(1)")
    assert client.finish() == b"y"
    client("c.sendall(b'z')")
    server.finish()
    took = server("time.monotonic() - began")
    assert took < 5 and (took > 0.15 or world.cuts_through)  # who looks there by himself sees the bytes


def test_close_waits_as_long_as_it_is_told_to(world):
    """For what does not fit into the peer's window; a cut-through peer has everything in its memory."""
    server, client = world.pair()
    server("import struct; c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 1)); c.setblocking(False)")
    server("""
try:
    while True: c.send(b'x' * 65536)
except BlockingIOError: pass
""")
    server("c.setblocking(True); began = time.monotonic(); c.close(); took = time.monotonic() - began")
    assert server("took") < 5 and (server("took") > 0.9 or world.cuts_through)
    server("del l")
    assert client("len(take(c, 1)) == 1")
