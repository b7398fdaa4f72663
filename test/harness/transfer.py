"""Bytes by TCP between two kernels, through whatever lies between them."""
import hashlib
import os
import socket
import threading

from .wire import socket_in

MIB = 1 << 20


def transfer(left, right, size, address="10.2.0.2"):
    """Sends `size` bytes from left to right, where `address` is; fails if others arrive."""
    data = os.urandom(MIB) * (size // MIB)
    received = hashlib.sha256()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket_in(right, family, socket.SOCK_STREAM) as listener:
        listener.bind((address, 5000))
        listener.listen()
        listener.settimeout(20)
        client = socket_in(left, family, socket.SOCK_STREAM)
        client.settimeout(20)

        def send():
            with client:
                client.connect((address, 5000))
                client.sendall(data)
        sender = threading.Thread(target=send)
        sender.start()
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(20)
            while part := accepted.recv(1 << 16):
                received.update(part)
        sender.join()
    assert received.digest() == hashlib.sha256(data).digest()
