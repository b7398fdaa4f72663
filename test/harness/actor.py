"""Programs that do what a test tells them, line by line: to play a server, its children and its peer.

    family = actors.start("server", *argv)      # argv runs this file: python3 actor.py
    family("l = socket.create_server(('10.0.0.1', 7000))")
    child = actors.fork(family, "child")
    assert child("c.recv(5)") == b"hello"

Each process has a line to the test of its own; a fork opens another one.
"""
import ast
import json
import os
import socket
import sys

SCRIPT = os.path.abspath(__file__)
SECONDS = 20


class Failed(Exception):
    """What a program was told to do raised this; `kind` is the name of the exception."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Actor:
    """One process. Call it with a statement or an expression; the value of the latter comes back."""

    def __init__(self, line):
        self.line = line
        self.file = line.makefile("rw")
        self.name, self.pid = json.loads(self.file.readline())

    def start(self, code):
        """Says what to do and does not wait; finish() does."""
        self.file.write(json.dumps(code) + "\n")
        self.file.flush()

    def finish(self):
        answer = self.file.readline()
        assert answer, f"{self.name} has gone"
        error, value = json.loads(answer)
        if error:
            raise Failed(error, value)
        return ast.literal_eval(value)

    def __call__(self, code):
        self.start(code)
        return self.finish()

    def fails(self, code):
        """The name of the exception that `code` raises."""
        try:
            return f"nothing: {self(code)!r}"
        except Failed as failed:
            return failed.kind

    def leave(self):
        """Ends it by _exit(), as children end."""
        self.start("os._exit(0)")
        self.close()

    def close(self):
        self.file.close()
        self.line.close()


class Actors:
    """All programs of a test; `run` starts them, as the fixture of that name does."""

    def __init__(self, folder, run):
        self.path = str(folder / "actors.sock")
        self.run = run
        self.all = []
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(self.path)
        self.door.listen()
        self.door.settimeout(SECONDS)

    def _enter(self):
        line, _ = self.door.accept()
        line.settimeout(SECONDS)
        self.all.append(Actor(line))
        return self.all[-1]

    def start(self, name, *before, **keywords):
        """Starts one with `before` in front of its command line; its process is .process."""
        process = self.run(*before, "/usr/bin/python3", SCRIPT, self.path, name, name=name, **keywords)
        actor = self._enter()
        actor.process = process
        return actor

    def fork(self, actor, name):
        actor.start(f"fork({name!r})")
        child = self._enter()
        assert actor.finish() == child.pid
        return child

    def exec(self, actor, code, name):
        """`code` makes the process execute this file again; NAME and its line are in `argv`."""
        actor.start(f"argv = {['/usr/bin/python3', SCRIPT, self.path, name]!r}; {code}")
        actor.close()
        return self._enter()

    def close(self):
        for actor in self.all:
            actor.close()
        self.door.close()


def perform(path, name):
    """The program's side: do what the line says until it ends."""
    import select  # noqa: F401  for what it is told to do
    import signal  # noqa: F401
    import subprocess  # noqa: F401
    import time  # noqa: F401
    known = dict(globals(), **locals())

    def enter(own_name):
        line = socket.socket(socket.AF_UNIX)
        line.connect(path)
        file = line.makefile("rw")
        file.write(json.dumps([own_name, os.getpid()]) + "\n")
        file.flush()
        return file

    def fork(child_name):
        nonlocal file
        pid = os.fork()
        if pid == 0:
            file = enter(child_name)
            raise Reborn()
        return pid

    def take(connection, n):
        got = b""
        while len(got) < n and (some := connection.recv(n - len(got))):
            got += some
        return got

    class Reborn(Exception):
        pass

    known.update(fork=fork, take=take)
    file = enter(name)
    while True:
        text = file.readline()
        if not text:
            return
        try:
            answer = [None, repr(obey(json.loads(text), known))]
        except Reborn:
            continue
        except OSError as error:
            answer = [type(error).__name__ if type(error) is not OSError else
                      __import__("errno").errorcode.get(error.errno, "OSError"), str(error)]
        except Exception as error:
            answer = [type(error).__name__, str(error)]
        file.write(json.dumps(answer) + "\n")
        file.flush()


def obey(code, known):
    try:
        expression = compile(code, "told", "eval")
    except SyntaxError:
        exec(code, known)
        return None
    return eval(expression, known)


if __name__ == "__main__":
    perform(*sys.argv[1:])
