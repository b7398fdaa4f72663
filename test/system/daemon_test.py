"""convoyd as a program: start, refuse, answer, stop."""
import os
import socket
import stat

import pytest
from harness.control import ControlError
from harness.daemon import Convoyd


def test_ready_then_answers(convoyd):
    stack = convoyd({"workers": 1})
    version = stack.call("show version")
    assert version["pid"] == stack.process.pid
    assert version["config"] == str(stack.config)


def test_sigterm_ends_it_and_removes_its_socket(convoyd):
    stack = convoyd({})
    assert stat.S_IMODE(os.stat(stack.socket).st_mode) == 0o660
    stack.stop()
    assert not stack.socket.exists()


def test_service_manager_is_told(convoyd, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        convoyd({}, env={"NOTIFY_SOCKET": path})
        assert manager.recv(100) == b"READY=1"


def test_second_convoyd_leaves_the_first_alone(convoyd, run, build):
    first = convoyd({})
    second = run(build / "convoyd", "-c", first.config, "--socket", first.socket)
    assert second.wait() == 1
    assert "in use by another running program" in second.err
    assert first.call("show version")["pid"] == first.process.pid


def test_socket_of_a_killed_convoyd_is_taken_over(convoyd, run, build):
    first = convoyd({})
    first.process.kill()
    assert first.socket.exists()
    second = Convoyd(build, first.folder, {})
    assert second.call("show version")["pid"] == second.process.pid
    second.stop()


@pytest.mark.parametrize("text, message", [
    ("workers: many\n", ":1:10: "),
    ("workers: 0\n", ":1:10: "),
    ("workers: 1\nwrokers: 2\n", ":2:1: "),
    ("workers: [1\n", ":"),
    ("workers: 1\nworkers: 2\n", ":2:1: "),
    ("spin: fast\n", ":1:7: "),
    ("- 1\n", ":1:1: "),
])
def test_bad_configuration_changes_nothing(convoyd, text, message):
    stack = convoyd(text, ready=False)
    assert stack.process.wait() == 2
    lines = stack.process.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{stack.config}{message}"), lines
    assert not stack.socket.exists()
    check = convoyd(text, ready=False, arguments=["--check"])
    assert check.process.wait() == 2
    assert check.process.err.splitlines()[0].startswith(f"{check.config}{message}")


@pytest.mark.parametrize("arguments, message", [
    ([], "name a configuration"),
    (["-c", "/nonexistent/net.yaml"], "/nonexistent/net.yaml"),
    (["-c", "x", "--workers", "none"], '--workers "none": expected a number from 1 to 64'),
    (["-c", "x", "--log-level", "loud"], "expected off, error, warn, info or debug"),
    (["-c", "x", "extra"], 'unexpected argument "extra"'),
    (["--fly"], "see convoyd --help"),
])
def test_bad_usage(run, build, arguments, message):
    program = run(build / "convoyd", *arguments)
    assert program.wait() == 2
    assert message in program.err


def test_command_errors_travel_as_errors(convoyd):
    stack = convoyd({})
    with pytest.raises(ControlError, match='no command "show nothing"'):
        stack.call("show nothing")
    with pytest.raises(ControlError, match='has no argument "colour"'):
        stack.call("show version", colour="red")
