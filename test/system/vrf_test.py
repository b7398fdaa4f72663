"""Kernels in VRFs of their own, which see each other only where a route leaks."""
import pytest
from harness import wait
from harness.transfer import MIB, transfer

HOST = {"red": ("10.1.0.2", "2001:db8:1::2"), "blue": ("10.2.0.2", "2001:db8:2::2")}
HIDDEN = ("10.99.0.1", "2001:db8:99::1")  # known to blue, leaked to nobody


def interface(space, vrf, number):
    return {"name": vrf, "vrf": vrf, "addresses": [f"10.{number}.0.1/24", f"2001:db8:{number}::1/64"],
            "ipv6": {"duplicate_checks": 0},
            "tap": {"host_netns": space.path,
                    "host_addresses": [f"10.{number}.0.2/24", f"2001:db8:{number}::2/64"]}}


@pytest.fixture
def sides(netns, convoyd):
    """The stack, and the kernels of red and blue, with no route from one to the other yet."""
    spaces = []
    for vrf in HOST:
        spaces.append(netns(vrf))
        spaces[-1].run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    stack = convoyd({
        "vrfs": list(HOST), "interfaces": [interface(space, vrf, n) for n, (space, vrf) in enumerate(zip(spaces, HOST), 1)],
        "routes": [{"to": HIDDEN[at] + suffix, "via": HOST["blue"][at], "vrf": "blue"}
                   for at, suffix in enumerate(("/32", "/128"))]})
    for number, space in enumerate(spaces, 1):
        space.ip("route", "add", "default", "via", f"10.{number}.0.1")
        space.ip("-6", "route", "add", "default", "via", f"2001:db8:{number}::1")
    for address in HIDDEN:
        spaces[1].ip("address", "add", address, "dev", "lo")
    return stack, *spaces


def reaches(space, address):
    return space.run("ping", "-c1", "-W1", address, check=False).returncode == 0


@pytest.mark.parametrize("at", [0, 1], ids=["IPv4", "IPv6"])
def test_what_leaks_passes_both_ways_and_nothing_else_does(sides, at):
    stack, red, blue = sides
    prefix = {"red": ("10.1.0.0/24", "2001:db8:1::/64")[at], "blue": ("10.2.0.0/24", "2001:db8:2::/64")[at]}
    assert not reaches(red, HOST["blue"][at])
    stack.call("route add", prefix=prefix["blue"], to="lookup blue", vrf="red")
    assert not reaches(red, HOST["blue"][at])  # there, but not back
    stack.call("route add", prefix=prefix["red"], to="lookup red", vrf="blue")
    for space, host in (red, HOST["blue"][at]), (blue, HOST["red"][at]):
        wait.until(lambda: reaches(space, host), f"{host} is reached")
    transfer(red, blue, 4 * MIB, HOST["blue"][at])
    transfer(blue, red, 4 * MIB, HOST["red"][at])
    assert not reaches(red, HIDDEN[at])
    stack.call("route delete", prefix=prefix["blue"], vrf="red")
    assert not reaches(red, HOST["blue"][at])
