"""Our TCP against the kernel's, over a tap: bulk data both ways, many connections, bad paths."""
import hashlib
import os
import signal
import socket
import threading
import time

import pytest
from harness import wait
from harness.wire import socket_in

TAP = {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}}
STACK, KERNEL = "10.9.0.1", "10.9.0.2"
MIB = 1 << 20


class Host:
    """convoyd with an echo server at port 7, and the kernel on the other side of its tap."""

    def __init__(self, space, stack, run, build):
        self.space, self.stack, self.run, self.build = space, stack, run, build
        self.server = run(build / "src/comms/echo-server", STACK, "7", env=stack.env)
        with wait.until(self._try_connect, "the server listens"):
            pass

    def _try_connect(self):
        try:
            return self.connect()
        except ConnectionRefusedError:
            return None

    def socket(self):
        made = socket_in(self.space, socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(60)
        return made

    def connect(self, port=7):
        made = self.socket()
        try:
            made.connect((STACK, port))
        except OSError:
            made.close()
            raise
        return made

    def count(self, node, reason):
        return sum(e["count"] for e in self.stack.call("show errors")
                   if (e["node"], e["reason"]) == (node, reason))

    def unread(self):
        return sum(s["rx_unread"] for s in self.stack.call("show sessions")["sessions"])

    def connections(self):
        return self.stack.call("show sessions")["n_transport"]

    def impair(self, **how):
        """Makes both directions a bad wire, each with its own seed."""
        for seed, direction in enumerate(["in", "out"], 1):
            self.stack.call("impair", interface="lan", direction=direction, seed=seed, limit=5000,
                            **how)


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def host(request, netns, convoyd, run, build):
    space = netns("lan")
    config = {"workers": request.param, "interfaces": [TAP]}
    return Host(space, convoyd(config, netns=space), run, build)


@pytest.fixture
def lone(netns, convoyd, run, build):
    space = netns("lan")
    return Host(space, convoyd({"interfaces": [TAP]}, netns=space), run, build)


def echo(client, mebibytes):
    """Sends that much, closes its side, and checks that the same comes back, and then the end."""
    block = os.urandom(MIB)
    sent, received = hashlib.md5(), hashlib.md5()

    def send():
        for _ in range(mebibytes):
            client.sendall(block)
            sent.update(block)
        client.shutdown(socket.SHUT_WR)
    sender = threading.Thread(target=send)
    sender.start()
    n = 0
    while part := client.recv(1 << 18):
        received.update(part)
        n += len(part)
    sender.join()
    assert n == mebibytes * MIB
    assert received.digest() == sent.digest()


def exchange(client, data=b"0123456789"):
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        part = client.recv(len(data))
        assert part, "the server closed"
        got += part
    assert got == data


def test_100_mib_each_way(host):
    with host.connect() as client:
        echo(client, 100)


def test_eight_at_once(host):
    def one():
        with host.connect() as client:
            echo(client, 10)
        done.append(1)
    done = []
    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8


BAD_PATHS = {
    "delay": ({"delay": "10ms"}, 100),
    "loss": ({"loss": "1%"}, 100),
    "delay and loss": ({"delay": "5ms", "loss": "0.5%"}, 10),
    "reordering": ({"delay": "2ms", "reorder": "2%"}, 100),
    "jitter": ({"delay": "5ms", "jitter": "3ms"}, 50),
    "duplication": ({"duplicate": "5%"}, 100),
    "corruption": ({"corrupt": "0.5%"}, 20),
    "a slow link": ({"rate": "100Mbit", "delay": "5ms"}, 10),
    "everything": ({"delay": "3ms", "jitter": "1ms", "loss": "0.5%", "reorder": "1%",
                    "duplicate": "1%", "corrupt": "0.1%"}, 10),
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_bad_path(host, name):
    how, mebibytes = BAD_PATHS[name]
    host.impair(**how)
    with host.connect() as client:
        echo(client, mebibytes)


def test_windows_grow_to_what_the_path_needs(lone):
    """Over a path with delay both fifos leave 60 and 240 KiB behind; by bytes, not by time."""
    lone.impair(delay="10ms")
    most = {"tx_unacked": 0, "window_bytes": 0}
    with lone.connect() as client:
        echoing = threading.Thread(target=echo, args=(client, 20), daemon=True)
        echoing.start()

        def grown():
            for row in lone.stack.call("show sessions")["sessions"]:
                for name in most:
                    most[name] = max(most[name], row[name])
            return min(most.values()) > 300 * 1024
        wait.until(grown, "both windows are larger than 240 KiB", 30)
        echoing.join(60)
        assert not echoing.is_alive()


def test_short_connections_on_a_lossy_path(host):
    host.impair(loss="2%")
    for _ in range(50):
        with host.connect() as client:
            exchange(client)


def test_10000_short_connections(host):
    for _ in range(10_000):
        with host.connect() as client:
            exchange(client)
    wait.until(lambda: host.connections() == 0, "every session is gone")


def test_1000_idle_connections(lone):
    clients = [lone.connect() for _ in range(1000)]
    for client in clients:
        exchange(client)
    before = lone.count("tcp4-output", "segments")
    time.sleep(60)
    assert lone.count("tcp4-output", "segments") - before < 10
    for client in clients:
        exchange(client)
        client.close()
    wait.until(lambda: lone.connections() == 0, "every session is gone")


def test_a_port_where_nobody_listens(lone):
    with pytest.raises(ConnectionRefusedError):
        lone.connect(8)


def test_a_killed_server_that_had_read_all_ends_in_order(lone):
    # As Linux closes what a dead process leaves.
    with lone.connect() as client:
        exchange(client)
        lone.server.kill()
        assert client.recv(1) == b""
    wait.until(lambda: lone.connections() == 0, "every session is gone")


def test_a_killed_server_with_something_unread_resets_its_peers(lone):
    # RFC 9293 §3.10.4; RFC 1122 §4.2.2.13.
    with lone.connect() as client:
        exchange(client)
        lone.server.signal(signal.SIGSTOP)
        client.sendall(b"unread")
        wait.until(lambda: lone.unread() == len(b"unread"), "it waits to be read")
        lone.server.kill()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


class KernelEcho:
    """An echo server in the kernel's namespace, one thread for each connection."""

    def __init__(self, host):
        self.listener = host.socket()
        self.listener.settimeout(None)
        self.listener.bind((KERNEL, 0))
        self.listener.listen(100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(client,), daemon=True).start()

    @staticmethod
    def _echo(client):
        with client:
            while part := client.recv(1 << 18):
                client.sendall(part)


@pytest.fixture
def kernel_echo(host):
    server = KernelEcho(host)
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


@pytest.mark.parametrize("rounds,size,connections", [(1000, 1, 1), (100, 500_000, 1), (1, 100, 2000)])
def test_we_connect(host, kernel_echo, rounds, size, connections):
    host.run(host.build / "src/comms/echo-client", KERNEL, kernel_echo.port, rounds, size, connections,
             env=host.stack.env).ok(60)


def test_we_are_refused(host):
    client = host.run(host.build / "src/comms/echo-client", KERNEL, 9, 1, 1, env=host.stack.env)
    assert client.wait(10) != 0
    assert "refused" in client.err


def test_show_tcp(lone):
    with lone.connect() as client:
        exchange(client, bytes(100_000))
        wait.until(lambda: lone.connections() == 1, "the one that saw the server listen is gone")
        before = lone.count("tcp4-output", "segments")
        shown = lone.stack.call("show tcp", all=True)
        count = {(row["node"], row["name"]): row["count"] for row in shown["counters"]}
        assert shown["connections"] == 1 and len(count) == len(shown["counters"])
        assert count["tcp4-input", "accepted"] >= 1
        assert 0 < before <= count["tcp4-output", "segments"] <= lone.count("tcp4-output", "segments")
        assert "sent again" in lone.stack.call("show tcp", all=True, format="text")["text"]
        port = client.getsockname()[1]
        one, = lone.stack.call("show sessions", port=port)["sessions"]
        assert one["remote"].endswith(f":{port}") and "timeouts" in one
        text = lone.stack.call("show sessions", port=port, detail=True, format="text")["text"]
        assert "srtt_us" in text and "ssthresh_bytes" in text
        assert lone.stack.call("show sessions", port=9)["sessions"] == []
