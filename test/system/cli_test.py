"""convoy, the command line: answers, help, errors that say what to do, exit status."""
import json
import os
import shutil
import socket
import subprocess
import tempfile

import pytest
from harness.daemon import Convoyd


def test_text_and_json(convoyd, convoy):
    stack = convoyd({})
    text = convoy("show", "version", env=stack.env)
    assert text.returncode == 0 and text.stdout.startswith("convoyd "), text
    assert all(len(line) <= 80 for line in text.stdout.splitlines() if "/" not in line)
    as_json = convoy("--socket", stack.socket, "show", "version", "--json")
    assert json.loads(as_json.stdout)["pid"] == stack.process.pid


def test_help_names_every_command(convoyd, convoy):
    stack = convoyd({})
    shown = convoy("help", env=stack.env)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    for command in stack.call("commands"):
        assert f"  {command['name']:22} {command['help']}" in lines, command["name"]
    assert all(len(line) <= 80 for line in lines if str(stack.socket) not in line), lines
    names = [line[2:24].strip() for line in lines[lines.index("Commands of convoyd at "
                                                              f"{stack.socket}:") + 2:]]
    assert names == sorted(names) and {"top", "graph", "exec", "completion"} <= set(names)
    one = convoy("help", "show", "version", env=stack.env)
    assert one.returncode == 0 and one.stdout.startswith("usage: convoy show version")
    assert convoy("show", "version", "--help", env=stack.env).stdout == one.stdout


def test_help_of_each_command_shows_what_to_type(convoyd, convoy):
    stack = convoyd({})
    for command in stack.call("commands"):
        shown = convoy("help", *command["name"].split(), env=stack.env)
        assert shown.returncode == 0, shown
        for line in shown.stdout.splitlines():
            assert len(line) <= 90, f"{command['name']}: {line}"
    shown = convoy("help", "route", "add", env=stack.env).stdout
    assert shown.startswith("usage: convoy route add PREFIX [TO...] [--via TEXT]"), shown
    assert "\n  convoy route add 10.3.0.0/16 blackhole\n" in shown
    assert "spread INTERFACE on|off [--json]" in convoy("help", "spread", env=stack.env).stdout
    for own in ("top", "graph", "exec", "completion"):
        assert convoy("help", own).stdout.startswith(f"usage: convoy {own} ")


def completed(build, stack, line):
    """What bash offers after this line, with our function and Tab's variables."""
    script = f"source <(convoy completion bash)\nCOMP_LINE='{line}' COMP_POINT={len(line)}\n" \
             "compopt() { :; }\n_convoy\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    env = {**os.environ, **stack.env, "PATH": f"{build}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True,
                          timeout=20, check=True)
    return done.stdout.split()


def test_tab_completes(convoyd, convoy, build, tmp_path):
    stack = convoyd({"vrfs": ["blue"], "interfaces": [{"name": "lo7", "loop": {}},
                                                      {"name": "sink7", "sink": {}}]})
    for line, expected in [
            ("convoy show inter", ["interfaces"]),
            ("convoy show interfaces ", ["lo7", "sink7"]),
            ("convoy --json sh int s", ["sink7"]),
            ("convoy route add 2001:db8::/32 via dev lo", ["lo7"]),
            ("convoy vrf delete b", ["blue"]),
            ("convoy trace add interface-", ["interface-output"]),
            ("convoy rpf set lo7 ", ["strict", "loose", "off"]),
            ("convoy capture lo7 --fi", ["--filter"]),
            ("convoy top --o", ["--once"]),
            ("convoy help comp", ["completion"]),
            (f"convoy apply {tmp_path}/convoyd0/net", [f"{tmp_path}/convoyd0/net.yaml"]),
            ("convoy exec nologi", ["nologin"])]:
        assert list(dict.fromkeys(completed(build, stack, line))) == expected, line
    assert convoy("completion", "tcsh").returncode == 2


def test_bad_usage_lists_what_there_is(convoyd, convoy):
    stack = convoyd({})
    group = convoy("show", env=stack.env)
    assert group.returncode == 2 and "show version" in group.stderr
    unknown = convoy("fly", env=stack.env)
    assert unknown.returncode == 2 and 'no command "fly"' in unknown.stderr
    option = convoy("show", "version", "--colour", env=stack.env)
    assert option.returncode == 2 and "unknown option --colour" in option.stderr
    assert convoy().returncode == 2


def test_no_convoyd(convoy, tmp_path):
    path = tmp_path / "none.sock"
    missing = convoy("--socket", path, "show", "version")
    assert missing.returncode == 1
    assert f"cannot reach convoyd at {path}: No such file" in missing.stderr
    assert "is convoyd running?" in missing.stderr
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    refused = convoy("show", "version", env={"CONVOY_SOCKET": str(path)})
    assert refused.returncode == 1 and "start convoyd again" in refused.stderr


def test_no_permission(build):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copy = shutil.copy(build / "convoy", folder)
        stack = Convoyd(build, folder, {})
        denied = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
             copy, "--socket", stack.socket, "show", "version"],
            capture_output=True, text=True, timeout=20)
        stack.stop()
    assert denied.returncode == 1, denied
    assert "Permission denied; run as root" in denied.stderr


def test_convoyd_that_goes_away(run, build, tmp_path):
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        client = run(build / "convoy", "--socket", path, "show", "version")
        connection, _ = server.accept()
        connection.close()
    assert client.wait() == 1
    assert "went away before it had answered" in client.err


def test_control_characters_do_not_reach_the_terminal(run, build, tmp_path):
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        client = run(build / "convoy", "--socket", path, "evil")
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            for result in ([{"name": "evil", "help": "", "args": []}], {"text": "a\x1b[2Jb\n"}):
                lines.readline()
                answer = {"jsonrpc": "2.0", "id": 1, "result": result}
                connection.sendall(json.dumps(answer).encode() + b"\n")
            assert client.ok() == "a?[2Jb\n"


def make_static(path):
    source = path.with_suffix(".c")
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-static", "-o", path, source], check=True, timeout=60)


def make_go(path):
    """The mark of Go's linker on an ordinary program."""
    mark = path.with_suffix(".mark")
    mark.write_text("mark")
    subprocess.run(["objcopy", "--add-section", f".go.buildinfo={mark}", "/bin/true", path],
                   check=True, timeout=60)


def make_setuid(path):
    shutil.copy("/bin/true", path)
    os.chown(path, 65534, 65534)
    os.chmod(path, 0o4755)


def make_script(path):
    make_static(path.with_suffix(".static"))
    path.write_text(f"#! {path.with_suffix('.static')} -x\n")
    path.chmod(0o755)


@pytest.mark.parametrize("make, why", [
    (make_static, "it is statically linked"),
    (make_go, "it is a Go program"),
    (make_setuid, "it runs with another user's rights"),
    (make_script, "program.static cannot run on Convoy: it is statically linked"),
    (lambda path: (path.write_text("echo hello\n"), path.chmod(0o755)), "is not a program"),
    (lambda path: (path.write_text("#!/nowhere/sh\n"), path.chmod(0o755)), "cannot be found"),
    (lambda path: path.write_text("x"), "may not be executed"),
    (lambda path: None, "no such program"),
])
def test_exec_refuses_what_would_stay_on_the_kernel(convoy, tmp_path, make, why):
    program = tmp_path / "program"
    make(program)
    refused = convoy("exec", "--", program)
    assert refused.returncode == 1
    assert refused.stderr.startswith("convoy exec: ") and why in refused.stderr


def test_exec_sets_the_programs_environment(convoy, build, tmp_path):
    shown = convoy("--socket", "c.sock", "exec", "-v", "--", "env", env={"LD_PRELOAD": ""})
    assert shown.returncode == 0, shown
    environment = dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
    assert environment["LD_PRELOAD"] == str(build / "libconvoy-preload.so")
    assert environment["CONVOY_SOCKET"] == "c.sock"
    assert environment["CONVOY_VERBOSE"] == "1"
    assert "warning: cannot reach convoyd at c.sock" in shown.stderr


def test_exec_ends_as_the_program_does(convoyd, convoy):
    assert convoy("exec", "--", "sh", "-c", "exit 7", env=convoyd({}).env).returncode == 7


def test_exec_usage(convoy):
    unnamed = convoy("exec")
    assert unnamed.returncode == 2 and "usage: convoy exec [--verbose] PROGRAM...\n" in unnamed.stderr
    assert convoy("exec", "--fly", "true").returncode == 2
    shown = convoy("exec", "--help")
    assert shown.returncode == 0 and "usage: convoy exec" in shown.stdout
