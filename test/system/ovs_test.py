"""Open vSwitch's userspace datapath as the neighbour: a trunk of VLANs between it and us."""
import os
import shutil

import pytest
from harness import wait
from harness.talk import counters

pytestmark = pytest.mark.skipif(not shutil.which("ovs-vswitchd", path="/usr/sbin:/usr/bin"),
                                reason="openvswitch-switch is not installed")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class Ovs:
    """An Open vSwitch of its own in a namespace."""

    def __init__(self, space, run, folder):
        self.space, self.db = space, folder / "db.sock"
        self.env = {**os.environ, "OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(folder), "OVS_DBDIR": str(folder)}
        space.run("ovsdb-tool", "create", folder / "conf.db", SCHEMA, env=self.env)
        run("/usr/sbin/ovsdb-server", folder / "conf.db", f"--remote=punix:{self.db}",
            f"--pidfile={folder}/db.pid", netns=space, env=self.env, name="ovsdb")
        wait.until(self.db.exists, "ovsdb-server listens")
        self.vsctl("--no-wait", "init")
        run("/usr/sbin/ovs-vswitchd", f"unix:{self.db}", f"--pidfile={folder}/switch.pid", netns=space,
            env=self.env, name="ovs-vswitchd")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", timeout=20)

    def vsctl(self, *words, timeout=10):
        self.space.run("ovs-vsctl", f"--db=unix:{self.db}", *words, env=self.env, timeout=timeout)


@pytest.fixture
def trunk(netns, convoyd, run, tmp_path):
    """trunk(CONFIG) is (stack, stations): our tap is OVS's trunk, two access ports in VLANs 100 and 200."""
    def make(config):
        space = netns("ovs")
        stations = [netns("a"), netns("b")]
        tap = {"name": "trunk", "tap": {"host_netns": space.name, "no_offload": True}}
        stack = convoyd({**config, "interfaces": [tap, *config["interfaces"]]}, netns=netns("switch"))
        ovs = Ovs(space, run, tmp_path)
        ovs.vsctl("add-port", "br0", "trunk", "trunks=100,200")
        for number, station in enumerate(stations, 1):
            space.ip("link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", station.name)
            space.ip("link", "set", f"v{number}", "up")
            # OVS's userspace datapath fills no checksums in.
            station.run("ethtool", "-K", "eth0", "tx", "off")
            station.ip("addr", "add", f"10.{number}.0.9/24", "dev", "eth0")
            station.ip("link", "set", "eth0", "up")
            ovs.vsctl("add-port", "br0", f"v{number}", f"tag={number}00")
        return stack, stations
    return make


def ping(space, address, *more):
    def answered():
        return space.run("ping", "-c1", "-W1", *more, address, check=False).returncode == 0
    wait.until(answered, f"{address} answers", timeout=15)


def test_routing_between_vlans(trunk):
    """Two VLANs of one trunk, each an interface with an address: a router on a stick."""
    stack, (a, b) = trunk({"interfaces": [
        {"name": f"trunk.{n}00", "addresses": [f"10.{n}.0.1/24"], "vlan": {"parent": "trunk", "tags": n * 100}}
        for n in (1, 2)]})
    for number, station in enumerate((a, b), 1):
        station.ip("route", "add", "default", "via", f"10.{number}.0.1")
        ping(station, f"10.{number}.0.1")
    ping(a, "10.2.0.9")
    ping(b, "10.1.0.9", "-s", "1472")
    assert not counters(stack).get("vlan-input.no-vlan")


def test_bridging_two_vlans(trunk):
    """A bridge joins both VLANs, translating one tag into the other."""
    stack, (a, b) = trunk({"bridges": [{"name": "lan", "ports": [{"interface": "x"}, {"interface": "y"}]}],
                           "interfaces": [{"name": "x", "vlan": {"parent": "trunk", "tags": 100}},
                                          {"name": "y", "vlan": {"parent": "trunk", "tags": 200}}]})
    b.ip("addr", "add", "10.1.0.8/24", "dev", "eth0")
    ping(a, "10.1.0.8")
    ping(b, "10.1.0.9")
    assert {m["interface"] for m in stack.call("show macs")} == {"x", "y"}
