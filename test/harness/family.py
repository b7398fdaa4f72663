"""Programs on the stack and their peers, for conversations that a test leads word by word.

The peer is the kernel, on the other side of a tap ("tcp"), or a program on the same stack ("cut-through"). In the kind
"kernel" all of them are on the kernel, which shows that a test expects the right things.
"""
from harness import wait
from harness.actor import Actors

TAP = {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}}
PORT = 7000


class World:
    """A convoyd, `exec` to run programs on it and `peer` to run them as their clients."""

    def __init__(self, kind, netns, convoyd, run, build, tmp_path):
        self.space = netns("fork")
        self.stack = convoyd({"workers": 2 if kind == "tcp, two workers" else 1, "interfaces": [TAP]},
                             netns=self.space)
        self.host = "10.9.0.2" if kind == "kernel" else "10.9.0.1"
        self.run = run
        self.on_stack = kind != "kernel"
        self.exec = [build / "convoy", "--socket", self.stack.socket, "exec", "--"] if self.on_stack else []
        if not self.on_stack:
            self.space.run("ip", "link", "set", "lo", "up")
        self.cuts_through = kind == "cut-through"
        self.peer = [] if kind.startswith("tcp") else self.exec
        self.actors = Actors(tmp_path, lambda *argv, **words: run(*argv, netns=self.space, **words))

    def server(self):
        """A program that listens at PORT as `l`."""
        server = self.actors.start("server", *self.exec)
        server(f"l = socket.create_server(('{self.host}', {PORT}))")
        return server

    def client(self, server, name="client"):
        """A program whose connection, `c`, `server` has accepted as its `c`."""
        client = self.actors.start(name, *self.peer)
        before = self.stack.call("show sessions")
        server.start("c, _ = l.accept()")
        # One that comes before somebody waits for it would go through the stack.
        wait.until(lambda: not self.on_stack or self.stack.call("show sessions")["n_accepting"] > 0, "it accepts")
        client(f"c = socket.create_connection(('{self.host}', {PORT})); c.settimeout(10)")
        server.finish()
        if self.cuts_through:
            assert self.stack.call("show sessions")["n_cut_through"] > before["n_cut_through"]
        return client

    def lone_client(self, name):
        """A program that has connected, as `c`, to whatever listens."""
        client = self.actors.start(name, *self.peer)
        client(f"c = socket.create_connection(('{self.host}', {PORT})); c.settimeout(10)")
        return client

    def listening(self):
        return any(at.endswith(f":{PORT}") for app in self.stack.call("show apps")["apps"] for at in app["listening"])

    def pair(self):
        server = self.server()
        return server, self.client(server)

    def no_sessions(self):
        shown = self.stack.call("show sessions")
        return shown["n_cut_through"] == 0 and not [s for s in shown["sessions"] if s["state"] == "open"]
