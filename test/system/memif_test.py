"""memif between two convoyd's: they ping through each other's stacks."""
import socket as socket_module
import threading

import pytest
from harness import wait
from harness.wire import socket_in


def wire(role, socket, **more):
    return {"role": role, "socket": str(socket), **more}


def link_state(stack, name):
    return next(i["state"] for i in stack.call("show interfaces") if i["name"] == name)


def test_two_convoyds_on_one_wire(netns, convoyd, tmp_path):
    space = netns("lan")
    socket = tmp_path / "wire.memif"
    left = convoyd({"interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}},
        {"name": "wire", "addresses": ["10.8.0.1/24"], "memif": wire("server", socket)}]},
        netns=space)
    right = convoyd({"interfaces": [
        {"name": "wire", "addresses": ["10.8.0.2/24"], "memif": wire("client", socket)}]})
    for stack in (left, right):
        wait.until(lambda: link_state(stack, "wire") == "up", "the wire is up")
    space.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.1")
    assert " 0% packet loss" in space.run("ping", "-c3", "-i0.1", "-W2", "10.8.0.1").stdout
    right.process.stop()
    wait.until(lambda: link_state(left, "wire") == "no link", "the wire is cut")


def test_wrong_secret_and_occupied_socket(convoyd, tmp_path):
    socket = tmp_path / "wire.memif"
    left = convoyd({"interfaces": [{"name": "w", "memif": wire("server", socket, secret="a")}]})
    right = convoyd({"interfaces": [{"name": "w", "memif": wire("client", socket, secret="b")}]})
    wait.until(lambda: "not permitted" in right.call("show interfaces")[0]["device"],
               "the refusal is told")
    assert link_state(left, "w") == "no link"
    third = convoyd({"interfaces": [{"name": "w", "memif": wire("server", socket)}]}, ready=False)
    assert third.process.wait(timeout=10) != 0
    assert "another program serves" in third.process.err


@pytest.mark.parametrize("no_offload", [False, True], ids=["offload", "plain"])
def test_bulk_forwarded_between_a_tap_and_a_wire(netns, convoyd, run, build, tmp_path, no_offload):
    """The kernel's super-segments cross a router: whole, or cut on one side and joined on the other."""
    space = netns("lan")
    socket = tmp_path / "wire.memif"
    left = convoyd({"interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}},
        {"name": "wire", "addresses": ["10.8.0.1/24"],
         "memif": wire("server", socket, no_offload=no_offload)}]}, netns=space)
    right = convoyd({"interfaces": [{"name": "wire", "addresses": ["10.8.0.2/24"],
                                     "memif": wire("client", socket)}],
                     "routes": [{"to": "10.9.0.0/24", "via": "10.8.0.1"}]})
    for stack in (left, right):
        wait.until(lambda: link_state(stack, "wire") == "up", "the wire is up")
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
