"""The benchmark's setups: who runs where. Each brings up an origin, a proxy and a way to load it."""
import contextlib
import ctypes
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "test"))

from harness import wait  # noqa: E402
from harness.daemon import Convoyd  # noqa: E402
from harness.netns import Netns  # noqa: E402
from harness.process import Process  # noqa: E402

import servers  # noqa: E402

STACK, STACK_PEER, VETH_SERVER, VETH_CLIENT = "10.77.0.1", "10.77.0.2", "10.78.0.1", "10.78.0.2"
ORIGIN_PORT, PROXY_PORT = 8080, 10000
CLONE_NEWNET = 0x40000000


_open = []


def close_all():
    """Ends whatever is still up, the last first: also what failed while it was being brought up."""
    while _open:
        _open[-1].close()


class Setup:
    """A running topology: `wrk` is the prefix under which wrk runs, `url` what it loads."""

    def __init__(self, name, build, folder):
        _open.append(self)
        self.name, self.build = name, pathlib.Path(build)
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.parts = contextlib.ExitStack()
        self.wrk, self.env = [], {}
        self.stack = self.proxy = self.origin = None
        self.address = "127.0.0.1"

    def url(self, size, port=PROXY_PORT):
        return f"http://{self.address}:{port}/{size}"

    def namespace(self, name):
        space = Netns(name)
        self.parts.callback(space.delete)
        return space

    def start(self, name, argv, netns):
        folder = self.folder / name
        process = Process(argv, out=folder, netns=netns)
        self.parts.callback(self._stop, process)
        return process

    @staticmethod
    def _stop(process):
        if process.alive():
            process.stop()

    def convoyd(self, name, config, netns):
        stack = Convoyd(self.build, self.folder / name, config, netns=netns)
        self.parts.callback(self._stop, stack.process)
        return stack

    def on_stack(self, stack, argv):
        return [self.build / "convoy", "--socket", stack.socket, "exec", "--", *argv]

    def subfolder(self, name):
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def fetch(self, size, port=PROXY_PORT):
        """One body through the setup, by curl from where wrk runs."""
        done = subprocess.run([*map(str, self.wrk), "curl", "-sS", "--max-time", "5", self.url(size, port)],
                              capture_output=True, env={**os.environ, **self.env})
        return done.stdout if done.returncode == 0 else None

    def wait_served(self):
        expected = (self.folder / "origin" / "root" / "64").read_bytes()
        wait.until(lambda: self.fetch("64") == expected, f"{self.name} answers", 20)

    def verify_bodies(self):
        for size in servers.SIZES:
            expected = (self.folder / "origin" / "root" / size).read_bytes()
            if self.fetch(size) != expected:
                raise RuntimeError(f"{self.name}: body of {size} is not what the origin serves")

    def close(self):
        _open.remove(self)
        self.parts.close()


def kernel(build, folder, proxy="convoy"):
    """Everything on the kernel's loopback; `proxy` is convoy, nginx or haproxy."""
    s = Setup("kernel" if proxy == "convoy" else proxy, build, folder)
    space = s.namespace(s.name[:6])
    s.wrk = space.enter
    _kernel_servers(s, space, "127.0.0.1", proxy)
    return s


def kernel_veth(build, folder):
    """The client in a namespace of its own, behind a veth pair with its default offloads."""
    s = Setup("kernel-veth", build, folder)
    server, client = s.namespace("srv"), s.namespace("cli")
    server.ip("link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", client.name)
    server.ip("addr", "add", f"{VETH_SERVER}/24", "dev", "v0")
    client.ip("addr", "add", f"{VETH_CLIENT}/24", "dev", "v0")
    server.ip("link", "set", "v0", "up")
    client.ip("link", "set", "v0", "up")
    s.wrk, s.address = client.enter, VETH_SERVER
    _kernel_servers(s, server, VETH_SERVER, "convoy")
    return s


def _kernel_servers(s, space, address, proxy):
    upstream = f"{address}:{ORIGIN_PORT}"
    s.origin = s.start("origin.log", servers.origin(s.subfolder("origin"), address, ORIGIN_PORT), space)
    folder = s.subfolder("proxy")
    argv = {"convoy": lambda: servers.convoy_proxy(s.build, folder, address, PROXY_PORT, upstream),
            "nginx": lambda: servers.nginx_proxy(folder, address, PROXY_PORT, upstream),
            "haproxy": lambda: servers.haproxy(folder, address, PROXY_PORT, upstream)}[proxy]()
    s.proxy = s.start("proxy.log", argv, space)
    s.wait_served()


def _stack_servers(s, space):
    upstream = f"{STACK}:{ORIGIN_PORT}"
    s.origin = s.start("origin.log", s.on_stack(
        s.stack, servers.origin(s.subfolder("origin"), STACK, ORIGIN_PORT)), space)
    argv = servers.convoy_proxy(s.build, s.subfolder("proxy"), STACK, PROXY_PORT, upstream, "convoy")
    s.proxy = s.start("proxy.log", ["env", f"CONVOY_SOCKET={s.stack.socket}", *argv], space)
    s.address = STACK


def convoy(build, folder):
    """wrk, proxy and origin on one convoyd: cut-through on both hops."""
    s = Setup("convoy", build, folder)
    space = s.namespace("cut")
    s.stack = s.convoyd("stack", {"interfaces": [{"name": "lo0", "addresses": [f"{STACK}/32"], "loop": {}}]}, space)
    _stack_servers(s, space)
    s.wrk = [*space.enter, *s.on_stack(s.stack, [])]
    s.wait_served()
    return s


def convoy_tcp(build, folder):
    """wrk on a second convoyd, joined by memif: TCP on the client's hop, cut-through upstream."""
    s = Setup("convoy-tcp", build, folder)
    space = s.namespace("tcp")
    link = str(s.folder / "memif.sock")
    s.stack = s.convoyd("stack", {"interfaces": [{"name": "m0", "addresses": [f"{STACK}/24"],
                                                  "memif": {"role": "server", "socket": link}}]}, space)
    peer = s.convoyd("peer", {"interfaces": [{"name": "m0", "addresses": [f"{STACK_PEER}/24"],
                                              "memif": {"role": "client", "socket": link}}]}, space)
    _stack_servers(s, space)
    s.peer = peer
    s.wrk = [*space.enter, *s.on_stack(peer, [])]
    s.wait_served()
    return s


def convoy_tap(build, folder):
    """A kernel client through the tap: TCP between the kernel and the stack."""
    s = Setup("convoy-tap", build, folder)
    space, client = s.namespace("tap"), s.namespace("kcl")
    s.stack = s.convoyd("stack", {"interfaces": [{
        "name": "tap0", "addresses": [f"{STACK}/24"],
        "tap": {"host_name": "tap0", "host_netns": client.name, "host_addresses": [f"{STACK_PEER}/24"]}}]}, space)
    _stack_servers(s, space)
    s.client, s.wrk = client, client.enter
    s.wait_served()
    return s


def enter_namespace(descriptor):
    """Moves this process into the network namespace that the descriptor is of."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
