"""convoy apply: what differs changes, what does not carries on; all of it or nothing."""
import copy
import json

import pytest
import yaml
from harness import wait

LAN = {"name": "lan", "mac": "02:00:00:00:00:01", "addresses": ["10.9.0.1/24"],
       "tap": {"host_addresses": ["10.9.0.2/24"]}}
WAN = {"name": "wan", "mac": "02:00:00:00:00:02", "addresses": ["10.8.0.1/24"],
       "tap": {"host_addresses": ["10.8.0.2/24"]}}


@pytest.fixture
def applied(netns, convoyd, convoy, tmp_path):
    """A stack with one interface, and apply(CONFIG, OPTION...) for it."""
    class Applied:
        space = netns("lan")
        stack = convoyd({"interfaces": [LAN]}, netns=space)
        file = tmp_path / "new.yaml"

        def apply(self, config, *options):
            self.file.write_text(config if isinstance(config, str)
                                 else yaml.safe_dump(config, sort_keys=False))
            return convoy("apply", "new.yaml", *options, env=self.stack.env)

        def changes(self, config, *options):
            done = self.apply(config, "--json", *options)
            assert done.returncode == 0, done.stderr
            return [(c["action"], c["kind"], c["name"])
                    for c in json.loads(done.stdout)["changes"]]

        def saved(self):
            return convoy("save", env=self.stack.env).stdout

        def ping(self, address):
            self.space.run("ping", "-c1", "-W5", address)

        def names(self):
            return [i["name"] for i in self.stack.call("show interfaces")]
    return Applied()


def test_the_same_file_changes_nothing(applied):
    done = applied.apply({"interfaces": [LAN]})
    assert (done.returncode, done.stdout) == (0, "nothing to do: 2 objects are as wanted\n")


def test_other_spellings_of_the_same_change_nothing(applied):
    lan = copy.deepcopy(LAN)
    lan["down"] = False
    lan["tap"]["no_offload"] = "false"
    lan["addresses"] = "10.9.0.1/24"
    assert applied.changes({"interfaces": lan, "workers": 1}) == []


def test_an_interface_comes_and_goes(applied):
    assert applied.changes({"interfaces": [LAN, WAN]}) == [
        ("add", "interface", "wan"), ("add", "address", "wan 10.8.0.1/24")]
    applied.ping("10.8.0.1")
    applied.ping("10.9.0.1")
    assert applied.changes({"interfaces": [WAN]}) == [
        ("delete", "interface", "lan"), ("delete", "address", "lan 10.9.0.1/24")]
    wait.until(lambda: "lan:" not in applied.space.ip("link"), "the device is gone")
    applied.ping("10.8.0.1")


def test_what_is_as_wanted_loses_nothing(applied):
    """The interface that stays keeps its counters: it is the same object."""
    applied.ping("10.9.0.1")
    before = applied.stack.call("show interfaces")[0]
    applied.changes({"interfaces": [WAN, LAN]})
    after = [i for i in applied.stack.call("show interfaces") if i["name"] == "lan"][0]
    assert after["index"] == before["index"]
    assert after["counters"]["rx_packets"] >= before["counters"]["rx_packets"] > 0


def test_addresses_change_by_themselves(applied):
    lan = {**LAN, "addresses": ["10.9.0.7/24", "10.7.0.1/16"]}
    assert applied.changes({"interfaces": [lan]}) == [
        ("add", "address", "lan 10.7.0.1/16"), ("delete", "address", "lan 10.9.0.1/24"),
        ("add", "address", "lan 10.9.0.7/24")]
    applied.ping("10.9.0.7")
    [row] = applied.stack.call("show interfaces")
    assert sorted(row["addresses"]) == ["10.7.0.1/16", "10.9.0.7/24"]


def test_a_changed_device_is_made_anew_under_its_name(applied):
    """The device's name is taken until the old one is gone; apply waits for that."""
    lan = copy.deepcopy(LAN)
    lan["tap"]["queues"] = 2
    done = applied.apply({"interfaces": [lan]}, "--diff")
    assert done.stdout == ("~ interface  lan  (made anew)\n"
                           '    - tap: {"host_addresses":["10.9.0.2/24"]}\n'
                           '    + tap: {"queues":2,"host_addresses":["10.9.0.2/24"]}\n'
                           "~ address    lan 10.9.0.1/24  (its interface is made anew)\n"
                           "2 changes made, 0 objects were as wanted\n"), done.stderr
    applied.ping("10.9.0.1")


def test_down_and_up_keep_the_interface(applied):
    before = applied.stack.call("show interfaces")[0]["index"]
    assert applied.changes({"interfaces": [{**LAN, "down": True}]}) == [
        ("change", "interface", "lan")]
    [lan] = applied.stack.call("show interfaces")
    assert (lan["index"], lan["state"]) == (before, "down")
    applied.changes({"interfaces": [LAN]})
    applied.ping("10.9.0.1")


def test_an_mtu_that_is_not_asked_for_any_more_is_the_usual_one(applied):
    wan = {"name": "wan", "loop": {}}
    assert applied.changes({"interfaces": [LAN, {**wan, "mtu": 1400}]}) == [("add", "interface", "wan")]
    assert applied.changes({"interfaces": [LAN, wan]}) == [("change", "interface", "wan")]
    assert applied.changes({"interfaces": [LAN, wan]}) == []


def test_dry_run_touches_nothing(applied):
    done = applied.apply({"interfaces": [WAN]}, "--dry-run")
    assert done.stdout.endswith("dry run: 4 changes to make, 0 objects are as wanted\n")
    assert applied.names() == ["lan"]
    applied.ping("10.9.0.1")


def test_changes_by_command_count_as_running(applied):
    applied.stack.call("address add", interface="lan", address="10.6.0.1/24")
    assert applied.changes({"interfaces": [LAN]}) == [("delete", "address", "lan 10.6.0.1/24")]


def test_a_step_that_fails_undoes_the_others(applied):
    """The second interface wants a network that the first has; what was changed comes back."""
    lan = copy.deepcopy(LAN)
    lan["tap"]["queues"] = 2
    bad = {"name": "bad", "loop": {}, "addresses": ["10.9.0.9/24"]}
    done = applied.apply({"interfaces": [lan, WAN, bad]})
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("convoy: new.yaml:17:3: interface \"bad\" cannot have the address "
                                  "10.9.0.9/24: another interface is on this network"), done.stderr
    assert done.stderr.endswith("; nothing has changed\n")
    assert applied.names() == ["lan"]
    assert applied.apply({"interfaces": [LAN]}).stdout.startswith("nothing to do")
    applied.ping("10.9.0.1")


def test_what_commands_have_changed_comes_back_too(applied):
    """The interface is made anew, then the apply fails: it is not as its file once said, but as it was."""
    stack = applied.stack
    stack.call("vrf add", name="blue")
    stack.call("vrf move", interface="lan", vrf="blue")
    stack.call("spread", interface="lan", state="on")
    stack.call("rpf set", interface="lan", mode="loose")
    stack.call("redirect set", interface="lan", mode="off")
    stack.call("proxy add", interface="lan", address="10.9.0.7")
    saved = yaml.safe_load(applied.saved())
    lan, = saved["interfaces"]
    assert {"vrf": "blue", "spread": True, "rpf": "loose", "no_redirects": True,
            "proxies": ["10.9.0.7"]}.items() <= lan.items()
    anew = {**copy.deepcopy(LAN), "mac": "02:00:00:00:00:07"}
    done = applied.apply({"interfaces": [anew, {"name": "bad", "loop": {}, "addresses": ["10.9.0.9/24"]}]})
    assert done.returncode == 1 and done.stderr.endswith("; nothing has changed\n"), done.stderr
    assert yaml.safe_load(applied.saved()) == saved


def test_a_loop_gets_its_mtu_back(applied):
    loop = {"name": "lo0", "loop": {}}
    applied.changes({"interfaces": [LAN, loop]})
    for mtu in 9000, 65521:
        assert applied.changes({"interfaces": [LAN, {**loop, "mtu": mtu}]}) == [("change", "interface", "lo0")]
        assert applied.changes({"interfaces": [LAN, loop]}) == [("change", "interface", "lo0")]


@pytest.mark.parametrize("text, place, what", [
    ("interfaces: [{name: lan}]", "1:14", "has no kind"),
    ("interfaces: [", "2:1", "not valid YAML"),
    ("nonsense: 1", "1:1", 'unknown field "nonsense"'),
    ("interfaces: [{name: lan, tap: {}}]\nxconnects: [{ports: [lan, x]}]", "2:13", 'is called "x"'),
    ("mac_filters: [{interface: lan, action: deny, source: ff:ff:ff:ff:ff:ff}]", "1:15", "a group as source"),
    ("mac_filters: [{interface: lan, action: deny}]", "1:15", "source, destination"),
    ("mac_filters: [{interface: lan, action: perhaps, source: 02:00:00:00:00:01}]", "1:40", "allow"),
    ("interfaces: [{name: lan, tap: {que: 2}}]", "1:32", 'did you mean "queues"?'),
    ("interfaces: [{name: 'l an', tap: {}}]", "1:21", "no blanks"),
    ("bridges: [{name: 'l\x1ban'}]", "1:18", "printable"),
    ("vrfs: ['']", "1:7", "1 to 31 printable characters"),
    ("vrfs: [default]", "1:7", "always there"),
    ("interfaces: [{name: a, loop: {}}, {name: b, vlan: {parent: c, tags: 2}}, {name: c, vlan: {parent: a, tags: 1}}]",
     "1:51", 'the parent "c" is itself a vlan'),
    ("interfaces: [{name: a, vlan: {parent: a, tags: 1}}]", "1:30", "itself a vlan"),
    ("mac_filters: [{interface: x, action: deny, source: 02:00:00:00:00:01}]", "1:15", 'is called "x"'),
])
def test_a_bad_file_is_named_by_line(applied, text, place, what):
    done = applied.apply(text)
    assert done.returncode == 2
    assert done.stderr.startswith(f"new.yaml:{place}") and what in done.stderr
    assert applied.names() == ["lan"]


def test_settings_of_the_start_are_refused(applied):
    done = applied.apply({"workers": 2, "interfaces": [LAN]})
    assert done.returncode == 1
    assert 'new.yaml:1:10: "workers" cannot change while convoyd runs' in done.stderr


def test_save_gives_what_apply_takes(applied, convoy):
    applied.changes({"interfaces": [LAN, WAN]})
    applied.stack.call("address add", interface="wan", address="10.5.0.1/24")
    saved = applied.saved()
    wan = {**WAN, "addresses": ["10.8.0.1/24", "10.5.0.1/24"]}
    assert yaml.safe_load(saved) == {"interfaces": [LAN, wan]}, saved
    again = convoy("apply", "-", env=applied.stack.env, text=saved)
    assert again.stdout == "nothing to do: 5 objects are as wanted\n", again


def test_what_is_required_is_saved_whatever_its_value(applied, tmp_path):
    """A server is the first of the roles: to say nothing of it would be no net.yaml."""
    wire = {"name": "wire", "memif": {"role": "server", "socket": str(tmp_path / "m")}}
    filters = [{"interface": "wire", "action": "allow", "source": "02:00:00:00:00:09"}]
    applied.changes({"interfaces": [LAN, wire], "mac_filters": filters})
    saved = applied.saved()
    assert yaml.safe_load(saved)["interfaces"][1] == wire and yaml.safe_load(saved)["mac_filters"] == filters
    assert applied.changes(saved) == []


def test_names_that_net_yaml_refuses_are_refused_by_commands(applied):
    for name in "", "a b", "a\x1b[2J", "x" * 32:
        for command in "vrf add", "bridge add":
            with pytest.raises(Exception, match="printable"):
                applied.stack.call(command, name=name)
    assert applied.changes(applied.saved()) == []


def test_mac_filters_come_change_and_go(applied):
    """Of an interface that is made anew too; those made by commands are saved and taken back like the others."""
    one, other = (f"02:00:00:00:00:{n}" for n in ("66", "67"))
    denied = {"interface": "lan", "action": "deny", "source": one}
    assert applied.changes({"interfaces": [LAN], "mac_filters": [denied]}) == [
        ("add", "mac filter", f"lan source {one}")]
    applied.ping("10.9.0.1")
    assert applied.changes({"interfaces": [LAN], "mac_filters": [{**denied, "action": "allow"}]}) == [
        ("replace", "mac filter", f"lan source {one}")]
    lan = copy.deepcopy(LAN)
    lan["tap"]["queues"] = 2
    applied.stack.call("mac-filter add", interface="lan", action="deny", side="destination", mac=other)
    saved = yaml.safe_load(applied.saved())
    assert saved["mac_filters"] == [{**denied, "action": "allow"},
                                    {"interface": "lan", "action": "deny", "destination": other}]
    assert ("redo", "mac filter", f"lan source {one}") in applied.changes({**saved, "interfaces": [lan]})
    assert len(applied.stack.call("show mac-filters")[0]["entries"]) == 2
    assert applied.changes({"interfaces": [lan]}) == [("delete", "mac filter", f"lan destination {other}"),
                                                      ("delete", "mac filter", f"lan source {one}")]
    assert applied.stack.call("show mac-filters") == []
    applied.ping("10.9.0.1")


def routes(stack):
    return {r["prefix"]: r for r in stack.call("show routes") if r["source"] == "static"}


def test_routes_come_change_and_go(applied):
    to = "10.66.0.0/16"
    assert applied.changes({"interfaces": [LAN], "routes": [{"to": to, "via": "10.9.0.2"}]}) == [
        ("add", "route", to)]
    assert applied.changes({"interfaces": [LAN], "routes": [
        {"to": to, "via": "10.9.0.2", "interface": "lan"}]}) == []
    assert applied.changes({"interfaces": [LAN], "routes": [{"to": to, "blackhole": True}]}) == [
        ("change", "route", to)]
    assert yaml.safe_load(applied.saved())["routes"] == [{"to": to, "blackhole": True}]
    assert list(routes(applied.stack)) == [to]
    applied.stack.call("route add", prefix="10.67.0.0/16", via="10.9.0.3")
    assert applied.changes({"interfaces": [LAN]}) == [
        ("delete", "route", to), ("delete", "route", "10.67.0.0/16")]
    assert routes(applied.stack) == {}


def test_routes_survive_their_interface_being_made_anew(applied):
    lan = copy.deepcopy(LAN)
    lan["tap"]["queues"] = 2
    here = [{"to": "10.66.0.0/16", "via": "10.9.0.2"}, {"to": "10.67.0.0/16", "prohibit": True}]
    applied.changes({"interfaces": [LAN], "routes": here})
    assert ("redo", "route", "10.66.0.0/16") in applied.changes(
        {"interfaces": [lan], "routes": here})
    assert list(routes(applied.stack)) == ["10.66.0.0/16", "10.67.0.0/16"]
    applied.space.ip("route", "add", "10.1.0.0/16", "via", "10.9.0.1")
    applied.ping("10.9.0.1")


def test_several_next_hops_come_change_and_go(applied):
    def changes(hops, **more):
        return applied.changes({"interfaces": [LAN, WAN], "routes": [
            {"to": "10.66.0.0/16", "next_hops": hops, **more}]})

    a, b = {"via": "10.9.0.2"}, {"via": "10.8.0.2", "weight": 2}
    applied.changes({"interfaces": [LAN, WAN]})
    assert changes([a, b]) == [("add", "route", "10.66.0.0/16")]
    assert changes([{**a, "weight": 1, "interface": "lan"}, b]) == []
    assert changes([a, b], resilient=True) == [("change", "route", "10.66.0.0/16")]
    saved = yaml.safe_load(applied.saved())
    assert saved["routes"] == [{"to": "10.66.0.0/16", "next_hops": [a, b], "resilient": True}]
    assert applied.changes(saved) == []
    wan = {**WAN, "mac": "02:00:00:00:00:77"}  # made anew: what leads over both is put back
    assert ("redo", "route", "10.66.0.0/16") in applied.changes(
        {**saved, "interfaces": [saved["interfaces"][0], wan]})
    shown, = [r for r in applied.stack.call("show routes") if r["prefix"] == "10.66.0.0/16"]
    assert [p["interface"] for p in shown["paths"]] == ["lan", "wan"] and shown["resilient"]


def test_a_vrf_goes_with_the_routes_that_look_into_it(applied):
    leaks = [{"to": "40.0.0.0/8", "lookup": "red"}, {"to": "50.0.0.0/8", "vrf": "red", "lookup": "default"},
             {"to": "60.0.0.0/8", "next_hops": [{"via": "70.0.0.1", "vrf": "red"}]},
             {"to": "70.0.0.0/8", "vrf": "red", "via": "10.9.0.2", "interface": "lan"}]
    for _ in range(3):
        done = applied.apply({"vrfs": ["red"], "interfaces": [{**LAN, "vrf": "red"}], "routes": leaks})
        assert done.returncode == 0, done.stderr
        done = applied.apply({"interfaces": [LAN]})
        assert done.returncode == 0, done.stderr


def test_routes_over_routes_are_applied_in_any_order_or_not_at_all(applied):
    over = [{"to": "10.66.0.0/16", "via": "192.0.2.1"}, {"to": "10.67.0.0/16", "blackhole": True}]
    lost = applied.apply({"interfaces": [LAN], "routes": over})
    assert lost.returncode == 1 and "new.yaml:10:3: no route to 10.66.0.0/16" in lost.stderr, lost
    assert routes(applied.stack) == {}
    over.append({"to": "192.0.2.0/24", "via": "10.9.0.2"})
    assert len(applied.changes({"interfaces": [LAN], "routes": over})) == 3
    assert applied.changes({"interfaces": [LAN], "routes": over[::-1]}) == []


def test_interfaces_come_change_and_go_by_command(applied, convoy):
    def command(*words):
        return convoy("interface", *words, env=applied.stack.env)

    made = command("add", "wan", "{addresses: [10.8.0.1/24], tap: {host_addresses: [10.8.0.2/24]}}")
    assert made.returncode == 0 and "+ interface  wan" in made.stdout, made
    applied.ping("10.8.0.1")
    assert command("set", "wan", "{proxies: [10.8.0.77], ipv6: {}}", "--mtu", "1400").returncode == 0
    assert "mtu 1400" in applied.space.ip("link", "show", "wan")
    wan = yaml.safe_load(applied.saved())["interfaces"][1]
    assert (wan["mtu"], wan["proxies"], wan["ipv6"]) == (1400, ["10.8.0.77"], {})
    assert command("set", "wan", "{proxies: null, mtu: null}", "--down").returncode == 0
    wan = yaml.safe_load(applied.saved())["interfaces"][1]
    assert wan["down"] and "proxies" not in wan and "mtu" not in wan
    assert "mtu 1500" in applied.space.ip("link", "show", "wan")
    assert command("delete", "wan").returncode == 0
    assert applied.names() == ["lan"]


@pytest.mark.parametrize("words, what", [
    (["add", "lan", "{loop: {}}"], 'two interfaces are called "lan"'),
    (["add", "wan", "{loop: {}, colour: red}"], 'unknown field "colour"'),
    (["add", "wan", "loop"], "expected members of an interface"),
    (["set", "wan", "--mtu", "1400"], 'no interface "wan"'),
    (["set", "lan", "--mtu", "67"], "must be within 68 to 65521"),
    (["delete", "wan"], 'no interface "wan"'),
])
def test_bad_interface_commands_change_nothing(applied, convoy, words, what):
    before = applied.saved()
    done = convoy("interface", *words, env=applied.stack.env)
    assert done.returncode != 0 and what in done.stderr, done
    assert applied.saved() == before


def test_a_vlan_may_not_have_a_larger_mtu_than_its_parent(applied):
    vlan = {"name": "lan.5", "mtu": 1600, "vlan": {"parent": "lan", "tags": 5}}
    lost = applied.apply({"interfaces": [{**LAN, "mtu": 1500}, vlan]})
    assert lost.returncode == 2 and 'larger than the MTU of "lan"' in lost.stderr, lost
    both = [{**LAN, "mtu": 9000}, {**vlan, "name": "a.5", "mtu": 8000}]
    applied.changes({"interfaces": both})
    both[0]["mtu"], both[1]["mtu"] = 1500, 1400
    assert [c[0] for c in applied.changes({"interfaces": both})] == ["change", "change"]
    assert applied.changes({"interfaces": both}) == []


def test_fixed_neighbors_and_proxies_are_saved_and_applied(applied, convoy):
    stack = applied.stack
    one, six = ({"interface": "lan", "address": "10.9.0.5", "mac": "02:00:00:00:00:55"},
                {"interface": "lan", "address": "2001:db8::5", "mac": "02:00:00:00:00:56"})
    stack.call("address add", interface="lan", address="2001:db8::1/64")
    stack.call("neighbor add", **one)
    stack.call("proxy add", interface="lan", address="10.9.0.78")
    stack.call("proxy add", interface="lan", address="10.9.0.77")
    saved = yaml.safe_load(applied.saved())
    assert saved["neighbors"] == [one]
    assert saved["interfaces"][0]["proxies"] == ["10.9.0.77", "10.9.0.78"]
    assert applied.changes(saved) == []
    saved["interfaces"][0]["proxies"] = "10.9.0.78"
    saved["neighbors"] = [{**one, "mac": "02:00:00:00:00:66"}, six]
    assert applied.changes(saved) == [
        ("change", "interface", "lan"), ("change", "neighbor", "lan 10.9.0.5"),
        ("add", "neighbor", "lan 2001:db8::5")]
    fixed = {n["address"]: n["mac"] for n in stack.call("show neighbors") if n["state"] == "static"}
    assert fixed == {"10.9.0.5": "02:00:00:00:00:66", "2001:db8::5": "02:00:00:00:00:56"}
    assert [p["address"] for p in stack.call("show proxies")] == ["10.9.0.78"]
    lan = {**saved["interfaces"][0], "mac": "02:00:00:00:00:99"}  # made anew
    assert ("redo", "neighbor", "lan 10.9.0.5") in applied.changes({**saved, "interfaces": [lan]})
    assert len([n for n in stack.call("show neighbors") if n["state"] == "static"]) == 2
    lost = applied.apply({**saved, "neighbors": [{**one, "address": "10.99.0.5"}]})
    assert lost.returncode == 1 and "neighbor lan 10.99.0.5: it is in no prefix" in lost.stderr, lost
    assert len([n for n in stack.call("show neighbors") if n["state"] == "static"]) == 2


@pytest.mark.parametrize("neighbor, what", [
    ("{interface: wan, address: 10.9.0.5, mac: 02:00:00:00:00:55}", 'no interface is called "wan"'),
    ("{interface: lan, address: 10.9.0.5}", 'needs "interface", "address" and "mac"'),
    ("{interface: lan, address: here, mac: 02:00:00:00:00:55}", '"here" is no address'),
    ("{interface: lan, address: 10.9.0.5, mac: 'ff:ff:ff:ff:ff:ff'}", "no MAC address of a station"),
])
def test_bad_neighbors_are_named_by_line(applied, neighbor, what):
    lost = applied.apply(f"interfaces: [{{name: lan, loop: {{}}}}]\nneighbors:\n  - {neighbor}\n")
    assert lost.returncode == 2 and "new.yaml:3:" in lost.stderr and what in lost.stderr, lost


def test_what_has_to_be_said_is_saved_though_it_is_the_usual(applied, convoy, tmp_path):
    """A memif without its role would not load again, nor would any interface be added."""
    wire = {"name": "wire", "memif": {"role": "server", "socket": str(tmp_path / "wire.memif")}}
    applied.changes({"interfaces": [LAN, wire]})
    assert yaml.safe_load(applied.saved()) == {"interfaces": [LAN, wire]}
    added = convoy("interface", "add", "lo0", "{loop: {}}", env=applied.stack.env)
    assert added.returncode == 0, added.stderr
    assert "\n1 change made, " in added.stdout, added.stdout


def test_a_refused_interface_is_not_placed_in_a_file_that_nobody_wrote(applied, convoy):
    for members, message in [("{af_packet: {device: nope}}", 'convoy: interface "gg": there is no network device'),
                             ("{loop: {}, mtuu: 3}", 'convoy: unknown field "mtuu"')]:
        refused = convoy("interface", "add", "gg", members, env=applied.stack.env)
        assert refused.returncode == 1 and refused.stderr.startswith(message), refused.stderr


def test_saves_of_the_same_are_the_same_text(convoyd, convoy):
    """Whatever came first: commands, or the file that was saved after them."""
    first = convoyd({"interfaces": [{"name": "a", "sink": {}}, {"name": "b", "loop": {}}]})
    for words in ["address add a 10.1.0.1/24", "neighbor add a 10.1.0.9 02:00:00:00:00:09", "vrf add blue",
                  "vrf move b blue", "interface set b --down", "spread a on", "bridge add office --age 60",
                  "interface set a --mtu 1400", "route add 10.2.0.0/16 via 10.1.0.9"]:
        done = convoy(*words.split(), env=first.env)
        assert done.returncode == 0, done
    saved = convoy("save", env=first.env).stdout
    assert saved.index("- name: a") < saved.index("addresses:") < saved.index("mtu: 1400")
    assert convoy("save", env=convoyd(saved).env).stdout == saved
