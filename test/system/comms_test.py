"""libconvoy's own example programs, joined by convoyd: cut-through, death of either side, no convoyd."""
import re
import signal
import socket
import struct

import pytest
from harness import wait

PORT = 7000


@pytest.fixture
def stack(convoyd):
    return convoyd({"workers": 1})


def start_server(run, build, env, port=PORT):
    server = run(build / "src/comms/echo-server", "127.0.0.1", port, env=env)
    wait.until(lambda: "ready" in server.out or not server.alive(), "the echo server listens")
    assert server.alive(), server
    return server


def echo(run, build, env, rounds, size, connections=1, port=PORT):
    return run(build / "src/comms/echo-client", "127.0.0.1", port, rounds, size, connections, env=env)


@pytest.mark.parametrize("rounds,size", [(1000, 1), (1000, 64), (200, 50_000), (10, 100_000)])
def test_echo(stack, run, build, rounds, size):
    start_server(run, build, stack.env)
    echo(run, build, stack.env, rounds, size).ok()


def test_many_short_connections(stack, run, build):
    start_server(run, build, stack.env)
    echo(run, build, stack.env, 1, 100, connections=10_000).ok(60)


def test_clients_side_by_side(stack, run, build):
    start_server(run, build, stack.env)
    clients = [echo(run, build, stack.env, 2000, 500) for _ in range(8)]
    for client in clients:
        client.ok(60)


def test_without_convoyd_the_socket_is_named(run, build, tmp_path):
    client = echo(run, build, {"CONVOY_SOCKET": str(tmp_path / "none.sock")}, 1, 1)
    assert client.wait() == 1
    assert f"{tmp_path}/none.sock.apps: cannot reach convoyd" in client.err
    assert "Network is down" in client.err


RPC_ATTACH, REQUEST_BYTES, REPLY_BYTES = 1, 128, 52


def attach_request(version):
    return struct.pack("<IIIIIIII24xQ32s32x", RPC_ATTACH, version, 0, 0, 0, 0, 0, 0, 0, b"from-the-future")


def test_convoyd_refuses_another_version(stack):
    """It says so to both sides: version 99 of the protocol, which no library of ours speaks."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(f"{stack.socket}.apps")
        client.send(attach_request(99))
        kind, error, version = struct.unpack_from("<IiI", client.recv(REPLY_BYTES + 1))
        assert kind == RPC_ATTACH and error < 0 and version == 4
    wait.until(lambda: re.search("app.refuse.* name=from-the-future reason=version theirs=99 ours=4", stack.process.err),
               "convoyd has logged it")
    assert stack.call("show apps")["apps"] == []


def test_library_refuses_another_version(stack, run, build, tmp_path):
    """What the library says when a convoyd of version 99 has answered as ours answered above."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as ours:
        ours.connect(f"{stack.socket}.apps")
        ours.send(attach_request(99))
        answer = bytearray(ours.recv(REPLY_BYTES))
    struct.pack_into("<I", answer, 8, 99)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as future:
        future.bind(str(tmp_path / "new.sock.apps"))
        future.listen()
        future.settimeout(10)
        client = echo(run, build, {"CONVOY_SOCKET": str(tmp_path / "new.sock")}, 1, 1)
        with future.accept()[0] as line:
            assert len(line.recv(REQUEST_BYTES + 1)) == REQUEST_BYTES
            line.send(answer)
            assert client.wait() == 1
    assert f"{tmp_path}/new.sock.apps: convoyd speaks version 99 of the shared-memory protocol, this library 4" in client.err
    assert "Protocol not supported" in client.err


def test_nobody_listens(stack, run, build):
    client = echo(run, build, stack.env, 1, 1)
    assert client.wait() == 1
    assert "Connection refused" in client.err


def test_killed_server_ends_its_clients(stack, run, build):
    server = start_server(run, build, stack.env)
    client = echo(run, build, stack.env, 100_000_000, 100)
    wait.until(lambda: stack.call("show sessions")["n_cut_through"] == 1, "they are joined")
    server.kill()
    # An end of file or a reset, by what it had read; to write then is a SIGPIPE.
    assert client.wait() in (1, -signal.SIGPIPE)
    assert stack.call("show sessions")["n_cut_through"] == 0


def test_killed_client_leaves_the_server_serving(stack, run, build):
    server = start_server(run, build, stack.env)
    client = echo(run, build, stack.env, 100_000_000, 100)
    wait.until(lambda: stack.call("show sessions")["n_cut_through"] == 1, "they are joined")
    client.kill()
    echo(run, build, stack.env, 100, 100).ok()
    assert server.alive()


def test_server_listens_again_when_convoyd_returns(convoyd, run, build, tmp_path):
    first = convoyd({"workers": 1})
    server = start_server(run, build, first.env)
    first.stop()
    second = convoyd({"workers": 1}, arguments=("--socket", str(first.socket)))
    assert second.process.alive()

    def answered():
        return echo(run, build, first.env, 1, 100).wait() == 0
    wait.until(answered, "the server answers again", 15)
    assert server.alive()
