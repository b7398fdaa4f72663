"""Interfaces on DPDK's devices: kernels, our own memif and testpmd as peers; going, coming, refusals."""
import json
import shutil
import subprocess

import pytest
import yaml
from harness import wait
from harness.footprint import cpu_percent
from harness.interfaces import device, interface, wait_state
from harness.transfer import MIB, transfer

TESTPMD = shutil.which("dpdk-testpmd")
INSTALL = "apt-get install libdpdk-dev"


@pytest.fixture
def dpdk(build):
    if not (build / "convoy-dpdk.so").exists():
        pytest.skip("convoy-dpdk.so is not built: package libdpdk-dev is not installed")


def veth(space, name, far):
    """A pair: `name` in `space`, v0 in `far`. DPDK's sockets have no word for what is left to a device."""
    for one in space, far:
        one.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    space.ip("link", "add", name, "type", "veth", "peer", "name", "v0", "address", "02:00:00:00:02:02",
             "netns", far.name)
    space.ip("link", "set", name, "up")
    far.ip("link", "set", "v0", "up")
    far.run("ethtool", "-K", "v0", "tx", "off")


def address(far):
    far.ip("addr", "add", "10.2.0.2/24", "dev", "v0")
    far.ip("route", "add", "default", "via", "10.2.0.1")


@pytest.fixture
def router(dpdk, netns, convoyd):
    """router(WORKERS, OPTION=...): the kernel of `home` behind net_tap, that of `far` behind net_af_packet."""
    def make(workers=1, **options):
        home, far = netns("home"), netns("far")
        veth(home, "dev2", far)
        address(far)
        stack = convoyd({"workers": workers, "interfaces": [
            {"name": "if1", "addresses": ["10.1.0.1/24"], "mac": "02:00:00:00:00:01",
             "dpdk": {"device": "net_tap0,iface=dev1", "queues": workers, **options}},
            {"name": "if2", "addresses": ["10.2.0.1/24"],
             "dpdk": {"device": f"net_af_packet0,iface=dev2,qpairs={workers}", "queues": workers}}],
        }, netns=home)
        home.ip("link", "set", "dev1", "address", "02:00:00:00:00:99", "up")
        home.ip("addr", "add", "10.1.0.2/24", "dev", "dev1")
        home.ip("route", "add", "10.2.0.0/24", "via", "10.1.0.1")
        for name in "if1", "if2":
            wait_state(stack, name, "up")
        far.wait_link("v0")
        return stack, home, far
    return make


@pytest.mark.parametrize("workers, options", [(1, {}), (1, {"no_offload": True}), (2, {})],
                         ids=["offloads", "no offloads", "two workers"])
def test_tcp_between_kernels(router, workers, options):
    stack, home, far = router(workers, **options)
    transfer(home, far, 8 * MIB)
    transfer(far, home, 8 * MIB, "10.1.0.2")
    ours = device(stack, "if1")
    assert (ours["pmd"], ours["state"], ours["rx-queues"]) == ("net_tap", "there", str(workers))
    assert ("tx-segments" in ours["offloads"]) == (not options)
    assert device(stack, "if2")["wake"] == "poll"


def test_an_idle_stack_uses_no_cpu(router):
    stack, home, _ = router()
    home.run("ping", "-c1", "-W2", "10.2.0.2")
    wait.until(lambda: cpu_percent([stack.process.pid]) < 4, "it has slowed down")


def test_a_device_that_is_deleted_and_made_again(router, monitor):
    stack, home, far = router()
    home.run("ping", "-c1", "-W2", "10.2.0.2")
    listening = monitor(stack, topics="link")
    home.ip("link", "delete", "dev2")
    wait_state(stack, "if2", "no link")
    assert device(stack, "if2")["state"] in ("gone", "going")
    veth(home, "dev2", far)
    address(far)
    wait_state(stack, "if2", "up")
    assert listening.links(2) == [("down", "if2"), ("up", "if2")]
    wait.until(lambda: home.run("ping", "-c1", "-W1", "10.2.0.2", check=False).returncode == 0,
               "it forwards again")


def test_a_memif_between_dpdk_and_us(dpdk, netns, convoyd, tmp_path):
    """DPDK's net_memif in one convoyd, our own driver in the other."""
    spaces = netns("one"), netns("two")
    wire = tmp_path / "wire.memif"
    kinds = ({"memif": {"role": "server", "socket": str(wire), "id": 1}},
             {"dpdk": {"device": f"net_memif0,role=client,id=1,socket={wire},socket-abstract=no"}})
    stacks = [convoyd({
        "interfaces": [{"name": "lan", "addresses": [f"10.{n}.0.1/24"], "tap": {"host_addresses": [f"10.{n}.0.2/24"]}},
                       {"name": "wire", "addresses": [f"10.9.0.{n}/24"], **kind}],
        "routes": [{"to": f"10.{3 - n}.0.0/24", "via": f"10.9.0.{3 - n}"}],
    }, netns=space) for n, (space, kind) in enumerate(zip(spaces, kinds), 1)]
    for n, (space, stack) in enumerate(zip(spaces, stacks), 1):
        space.run("ip", "route", "add", "default", "via", f"10.{n}.0.1")
        wait_state(stack, "wire", "up")
    transfer(*spaces, 8 * MIB)
    transfer(spaces[1], spaces[0], 8 * MIB, "10.1.0.2")
    stacks[0].stop()
    wait_state(stacks[1], "wire", "no link")


@pytest.mark.skipif(not TESTPMD, reason="dpdk-testpmd (package dpdk-dev) is not installed")
def test_testpmd_answers_over_memif(dpdk, netns, convoyd, run, tmp_path):
    space, wire = netns("lan"), tmp_path / "wire.memif"
    stack = convoyd({"workers": 2, "dpdk": {"eal": ["-m", "128"]}, "interfaces": [
        {"name": "lan", "addresses": ["10.9.0.1/24"], "tap": {"host_addresses": ["10.9.0.2/24"]}},
        {"name": "wire", "addresses": ["10.8.0.1/24"],
         "dpdk": {"device": f"net_memif0,role=server,id=3,socket={wire},socket-abstract=no"}}]}, netns=space)
    run(TESTPMD, "--no-huge", "-m", "256", "--no-pci", "--lcores", "0@0,1@0", "--file-prefix", tmp_path.name,
        f"--vdev=net_memif0,role=client,id=3,socket={wire},socket-abstract=no,zero-copy=no", "--",
        "--no-mlockall", "--total-num-mbufs=4096", "--forward-mode=icmpecho", "--port-topology=loop",
        name="testpmd", stdin=subprocess.PIPE)
    wait.until(lambda: interface(stack, "wire")["state"] == "up", "the wire is up", 20)
    space.run("ip", "route", "add", "10.8.0.0/24", "via", "10.9.0.1")
    wait.until(lambda: space.run("ping", "-c1", "-W1", "10.8.0.77", check=False).returncode == 0,
               "testpmd answers", 20)
    out = space.run("ping", "-c20", "-i0.02", "-W2", "-s1400", "10.8.0.77").stdout
    assert " 0% packet loss" in out


def test_apply_adds_and_removes_them(dpdk, netns, convoyd, convoy, tmp_path):
    space = netns("lan")
    ring = {"name": "ring", "addresses": ["10.3.0.1/24"], "dpdk": {"device": "net_ring0"}}
    tap = {"name": "wire", "addresses": ["10.4.0.1/24"], "mac": "02:00:00:00:00:04",
           "dpdk": {"device": "net_tap0,iface=dev4"}}
    stack = convoyd({}, netns=space)

    def apply(*interfaces):
        (tmp_path / "new.yaml").write_text(yaml.safe_dump({"interfaces": list(interfaces)}))
        return convoy("apply", "new.yaml", env=stack.env)
    for _ in range(2):
        assert apply(ring, tap).returncode == 0
        space.ip("link", "set", "dev4", "address", "02:00:00:00:00:44", "up")
        space.ip("addr", "add", "10.4.0.2/24", "dev", "dev4")
        wait_state(stack, "wire", "up")
        space.run("ping", "-c1", "-W2", "10.4.0.1")
        assert yaml.safe_load(convoy("save", env=stack.env).stdout)["interfaces"] == [ring, tap]
        assert apply().returncode == 0
        assert stack.call("show interfaces") == []
        wait.until(lambda: "dev4" not in space.ip("link"), "the device is gone")
    assert stack.call("show buffers")["in_use"] == 0


def test_the_mtu_changes_in_place_as_far_as_the_device_takes_it(dpdk, netns, convoyd, convoy, tmp_path):
    space = netns("lan")
    wire = {"name": "wire", "dpdk": {"device": "net_tap0,iface=dev4"}}
    stack = convoyd({"interfaces": [wire]}, netns=space)

    def apply(mtu):
        (tmp_path / "new.yaml").write_text(yaml.safe_dump({"interfaces": [{**wire, "mtu": mtu}]}))
        return convoy("apply", "new.yaml", env=stack.env)
    assert apply(1400).returncode == 0
    assert "mtu 1400" in space.ip("link", "show", "dev4")
    done = apply(9000)
    assert done.returncode and "1504 bytes at most" in done.stderr, done.stderr
    assert interface(stack, "wire")["mtu_bytes"] == 1400


def test_what_fails_names_the_place_and_changes_nothing(dpdk, convoyd, convoy, tmp_path):
    stack = convoyd({"dpdk": {"eal": ["--no-such-argument"]}})
    for interface_of, says in (({"device": "net_ring0"}, "cannot be initialised"),
                               ({"device": "net_ring0"}, "start anew")):  # the second time as well
        (tmp_path / "new.yaml").write_text(yaml.safe_dump({
            "dpdk": {"eal": ["--no-such-argument"]},
            "interfaces": [{"name": "a", "loop": {}}, {"name": "ring", "dpdk": interface_of}]}))
        done = convoy("apply", "new.yaml", env=stack.env)
        assert done.returncode and "new.yaml:" in done.stderr and '"ring"' in done.stderr, done.stderr
        assert says in done.stderr, done.stderr
        assert stack.call("show interfaces") == []
    (tmp_path / "new.yaml").write_text(yaml.safe_dump({"dpdk": {"eal": ["--no-huge"]}}))
    done = convoy("apply", "new.yaml", env=stack.env)
    assert done.returncode and '"dpdk" cannot change while convoyd runs' in done.stderr


def test_without_the_module_the_kind_is_refused(build, tmp_path):
    """convoyd as it is where DPDK was not there when it was built."""
    alone = shutil.copy(build / "convoyd", tmp_path)
    config = tmp_path / "net.yaml"
    config.write_text("interfaces:\n- name: wan\n  dpdk: {device: net_ring0}\n")
    done = subprocess.run([alone, "-c", config, "--socket", tmp_path / "s"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 1
    assert f"{config}:2:" in done.stderr and "built without DPDK" in done.stderr and INSTALL in done.stderr


@pytest.mark.parametrize("config, says", [
    ({"interfaces": [{"name": "a", "dpdk": {}}]}, "device"),
    ({"interfaces": [{"name": "a", "dpdk": {"device": "net_ring0", "descriptors": 3}}]}, "64"),
    ({"interfaces": [{"name": "a", "dpdk": {"device": "net_ring0", "zero_copy": True}}]}, "zero_copy"),
    ({"dpdk": {"eal": "--no-huge --no-pci", "huge": True}}, "huge"),
], ids=["device", "descriptors", "unknown field", "unknown setting"])
def test_a_bad_configuration_is_refused(build, tmp_path, config, says):
    path = tmp_path / "net.yaml"
    path.write_text(json.dumps(config))
    done = subprocess.run([build / "convoyd", "-c", path, "--check"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and says in done.stderr, done.stderr
