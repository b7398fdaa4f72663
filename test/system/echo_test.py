"""A program on libconvoy answers the kernel's TCP through the whole stack."""
import hashlib
import os
import socket
import threading

import pytest
from harness import wait
from harness.wire import socket_in

TAP = {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}}


@pytest.fixture(params=[1, 2], ids=["1 worker", "2 workers"])
def echo(netns, convoyd, run, build, request):
    """The namespace of the kernel's end, with an echo server at 10.9.0.1:7 on the stack."""
    space = netns("lan")
    stack = convoyd({"workers": request.param, "interfaces": [TAP]}, netns=space)
    server = run(build / "src/comms/echo-server", "10.9.0.1", "7", env=stack.env)
    wait.until(lambda: stack.call("show apps"), f"the server is attached: {server}")
    return space


def connected(space):
    def connect():
        client = socket_in(space, socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(20)
        try:
            client.connect(("10.9.0.1", 7))
            return client
        except ConnectionRefusedError:
            client.close()
            return None
    return wait.until(connect, "the server listens")


def test_hello(echo):
    with connected(echo) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_many_connections_at_once(echo):
    """Enough of them that each worker has some."""
    clients = [connected(echo) for _ in range(50)]
    for number, client in enumerate(clients):
        client.sendall(b"%d" % number)
    for number, client in enumerate(clients):
        assert client.recv(100) == b"%d" % number
        client.close()


def test_megabytes_come_back_unchanged(echo):
    data = os.urandom(1 << 20) * 8
    received = hashlib.sha256()
    with connected(echo) as client:
        sender = threading.Thread(target=lambda: (client.sendall(data),
                                                  client.shutdown(socket.SHUT_WR)))
        sender.start()
        while part := client.recv(1 << 16):
            received.update(part)
        sender.join()
    assert received.digest() == hashlib.sha256(data).digest()
