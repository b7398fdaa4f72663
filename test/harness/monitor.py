"""What happens in a stack, as `convoy monitor` tells it.

    listening = monitor(stack, topics="link")       # the fixture of conftest.py
    assert listening.next("down")["name"] == "lan"
"""


class Monitor:
    def __init__(self, stack, **params):
        self.control = stack.control()
        self.control.send({"jsonrpc": "2.0", "id": 1, "method": "monitor", "params": params})
        # Answered in order: once this is, the monitor listens.
        self.control.send({"jsonrpc": "2.0", "id": 2, "method": "show version"})
        assert self.control.receive()["id"] == 2

    def item(self):
        """The next event, whatever it is."""
        return self.control.receive()["params"]["item"]

    def next(self, what):
        """The next event of that word; others pass."""
        while (item := self.item())["what"] != what:
            pass
        return item

    def links(self, n):
        """The next n changes of links, as (what, name)."""
        return [(item["what"], item["name"]) for item in (self.item() for _ in range(n))]

    def close(self):
        self.control.close()
