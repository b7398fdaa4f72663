"""A convoyd of one's own: temporary folder, configuration, control socket."""
import pathlib

import yaml

from . import wait
from .control import Control
from .process import Process

READY_LINE = "convoyd: ready"


class Convoyd:
    """A running convoyd. `config` is what net.yaml holds, as Python data or text."""

    def __init__(self, build, folder, config, netns=None, arguments=(), ready=True, env=None):
        self.build, self.folder = pathlib.Path(build), pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "convoy.sock"
        self.config = self.folder / "net.yaml"
        text = config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False)
        self.config.write_text(text)
        self.process = Process(
            [self.build / "convoyd", "-c", self.config, "--socket", self.socket, *arguments],
            out=self.folder / "convoyd", netns=netns, env=env)
        self.env = {"CONVOY_SOCKET": str(self.socket)}
        if ready:
            self.wait_ready()

    def wait_ready(self, timeout=10.0):
        def ready_or_dead():
            assert self.process.alive(), f"convoyd ended at start: {self.process}"
            return READY_LINE in self.process.out
        wait.until(ready_or_dead, f"convoyd is ready: {self.process}", timeout)

    def control(self):
        return Control(self.socket)

    def call(self, method, **params):
        """One command on a connection of its own."""
        with self.control() as control:
            return control.call(method, **params)

    def stop(self):
        """Ends it as an operator would; fails if it does not end cleanly."""
        status = self.process.stop()
        assert status == 0, f"convoyd ended with {status}: {self.process}"
