"""memif between two convoyd's: they ping through each other's stacks."""
import socket as socket_module
import threading

import pytest
from harness import wait
from harness.interfaces import interface, wait_state
from harness.wire import socket_in


def wire(role, socket, **more):
    return {"role": role, "socket": str(socket), **more}


@pytest.mark.parametrize("left_has, right_has, zero_copy", [
    ((1, 1), (1, 1), False), ((2, 2), (2, 2), False), ((2, 4), (1, 2), False), ((1, 1), (2, 2), True),
    ((2, 2), (2, 2), True)], ids=lambda v: str(v).replace(" ", ""))
def test_two_convoyds_on_one_wire(netns, convoyd, monitor, tmp_path, left_has, right_has, zero_copy):
    """Each with (workers, queues) of its own: both show what was agreed on, packets pass, the wire comes and goes."""
    space = netns("lan")
    socket = tmp_path / "wire.memif"
    left = convoyd({"workers": left_has[0], "interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"], "queues": 2}},
        {"name": "wire", "addresses": ["10.8.0.1/24"],
         "memif": wire("server", socket, queues=left_has[1])}]}, netns=space)

    def start_right():
        return convoyd({"workers": right_has[0], "shared_buffers": zero_copy, "interfaces": [
            {"name": "wire", "addresses": ["10.8.0.2/24"], "mac": "02:00:00:00:08:02",  # as it is known to left
             "memif": wire("client", socket, queues=right_has[1], zero_copy=zero_copy)}],
            "routes": [{"to": "10.9.0.0/24", "via": "10.8.0.1"}]})
    right = start_right()
    space.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.1")
    agreed = min(left_has[1], right_has[1])
    for again in (False, True):
        for stack, (workers, _) in ((left, left_has), (right, right_has)):
            wait_state(stack, "wire", "up")
            shown = interface(stack, "wire")
            assert shown["queues"] == agreed
            assert f"rx-queues {agreed}\ntx-queues {agreed}" in shown["device"]
            placed = [(q["queue"], q["worker"]) for q in stack.call("show placement") if q["interface"] == "wire"]
            assert [q for q, _ in placed] == list(range(agreed))
            assert agreed == 1 or [w for _, w in placed] == [q % workers for q in range(agreed)]
        assert f"zero-copy {'yes' if zero_copy else 'no'}" in shown["device"]
        for size in ("56", "1400"):
            assert " 0% packet loss" in space.run("ping", "-c3", "-i0.1", "-W2", f"-s{size}", "10.8.0.2").stdout
        if not again:
            listening = monitor(left, topics="link")
            right.process.kill()
            wait_state(left, "wire", "no link")
            right = start_right()
    right.process.stop()
    wait_state(left, "wire", "no link")
    assert listening.links(3) == [("down", "wire"), ("up", "wire"), ("down", "wire")]


def test_zero_copy_needs_buffers_that_can_be_shared(convoyd, tmp_path):
    stack = convoyd({"interfaces": [{"name": "w", "memif": wire("client", tmp_path / "w", zero_copy=True)}]}, ready=False)
    assert stack.process.wait(timeout=10) == 2
    assert 'zero_copy of "w" needs "shared_buffers: true"' in stack.process.err


def test_wrong_secret_and_occupied_socket(convoyd, tmp_path):
    socket = tmp_path / "wire.memif"
    left = convoyd({"interfaces": [{"name": "w", "memif": wire("server", socket, secret="a")}]})
    right = convoyd({"interfaces": [{"name": "w", "memif": wire("client", socket, secret="b")}]})
    wait.until(lambda: "not permitted" in right.call("show interfaces")[0]["device"],
               "the refusal is told")
    assert interface(left, "w")["state"] == "no link"
    third = convoyd({"interfaces": [{"name": "w", "memif": wire("server", socket)}]}, ready=False)
    assert third.process.wait(timeout=10) != 0
    assert "another program serves" in third.process.err


@pytest.mark.parametrize("no_offload, zero_copy", [(False, False), (True, False), (False, True), (True, True)],
                         ids=["offload", "plain", "offload-zero-copy", "plain-zero-copy"])
def test_bulk_forwarded_between_a_tap_and_a_wire(netns, convoyd, run, build, tmp_path, no_offload, zero_copy):
    """The kernel's super-segments cross a router: whole, or cut on one side and joined on the other."""
    space = netns("lan")
    socket = tmp_path / "wire.memif"
    left = convoyd({"interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}},
        {"name": "wire", "addresses": ["10.8.0.1/24"],
         "memif": wire("server", socket, no_offload=no_offload)}]}, netns=space)
    right = convoyd({"shared_buffers": zero_copy,
                     "interfaces": [{"name": "wire", "addresses": ["10.8.0.2/24"],
                                     "memif": wire("client", socket, zero_copy=zero_copy)}],
                     "routes": [{"to": "10.9.0.0/24", "via": "10.8.0.1"}]})
    for stack in (left, right):
        wait_state(stack, "wire", "up")
    space.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.1")
    run(build / "src/comms/echo-server", "10.8.0.2", "7", env=right.env)

    def connect():
        made = socket_in(space, socket_module.AF_INET, socket_module.SOCK_STREAM)
        made.settimeout(20)
        try:
            made.connect(("10.8.0.2", 7))
        except OSError:
            made.close()
            return None
        return made
    body = bytes(range(256)) * 65536
    with wait.until(connect, "the server listens") as client:
        writer = threading.Thread(target=lambda: (client.sendall(body), client.shutdown(socket_module.SHUT_WR)))
        writer.start()
        echoed = b"".join(iter(lambda: client.recv(1 << 20), b""))
        writer.join()
    assert echoed == body
    joined = sum(e["count"] for e in left.call("show errors") if (e["node"], e["reason"]) == ("gro", "joined"))
    assert (joined > 0) == no_offload
