"""Namespaces of net.yaml: which applications may attach."""
import pytest
from harness import wait

APPS = {"namespaces": [{"name": "web", "secret": 7042}]}


@pytest.mark.parametrize("environment, attaches", [
    ({"CONVOY_NAMESPACE": "web", "CONVOY_SECRET": "7042"}, True),
    ({"CONVOY_NAMESPACE": "web", "CONVOY_SECRET": "7043"}, False),
    ({"CONVOY_NAMESPACE": "web"}, False),
    ({"CONVOY_NAMESPACE": "db", "CONVOY_SECRET": "7042"}, False),
    ({}, False),
])
def test_only_who_knows_the_secret_attaches(convoyd, run, build, environment, attaches):
    stack = convoyd({"apps": APPS})
    server = run(build / "src/comms/echo-server", "127.0.0.1", "7", env={**stack.env, **environment})
    if attaches:
        wait.until(lambda: stack.call("show apps")["apps"], "it is attached")
    else:
        assert server.wait() == 1
        assert "convoyd does not let this program attach" in server.err
        assert stack.call("show apps")["apps"] == []


@pytest.mark.parametrize("apps, message", [
    ("{namespaces: [{name: a}, {name: a}]}", 'two namespaces are called "a"'),
    ("{namespaces: [{name: 01234567890123456789012345678901}]}", "longer than 31 bytes"),
    ("{namespaces: [{secret: -1}]}", ""),
    ('{socket_mode: "0888"}', "are no permissions"),
])
def test_bad_apps(convoyd, apps, message):
    stack = convoyd(f"apps: {apps}\n", ready=False)
    assert stack.process.wait() == 2
    [line] = stack.process.err.splitlines()
    assert line.startswith(f"{stack.config}:1:") and message in line, line
