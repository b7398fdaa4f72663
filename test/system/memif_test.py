"""memif between two convoyd's: they ping through each other's stacks."""
from harness import wait


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
