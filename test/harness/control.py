"""JSON-RPC 2.0 over convoyd's control socket: one object a line."""
import json
import socket


class ControlError(Exception):
    """convoyd has answered with an error."""

    def __init__(self, code, message, data=None):
        super().__init__(f"{message} ({code})")
        self.code, self.message, self.data = code, message, data


class Control:
    def __init__(self, path, timeout=10.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.lines = self.socket.makefile("rb")
        self.next_id = 1

    def call(self, method, **params):
        """The result of one command, as Python data."""
        request_id, self.next_id = self.next_id, self.next_id + 1
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        answer = self.receive()
        assert answer["id"] == request_id, answer
        if "error" in answer:
            error = answer["error"]
            raise ControlError(error["code"], error["message"], error.get("data"))
        return answer["result"]

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self):
        line = self.lines.readline()
        if not line:
            raise EOFError("convoyd closed the control connection")
        return json.loads(line)

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
