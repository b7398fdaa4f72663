"""convoy top and convoy graph: what a running stack is doing."""
import json
import os
import pty
import select
import subprocess
import xml.dom.minidom

import pytest
from harness import wait

BUSY = {"interfaces": [{"name": "gen0", "addresses": ["10.8.0.1/24"], "generator": {"start": True, "streams": [
    {"rate": 20000, "source": "10.8.0.2", "destination": "10.99.0.1"}]}}],
    "routes": [{"to": "10.99.0.0/16", "blackhole": True}]}


@pytest.fixture
def convoy(convoyd, build):
    stack = convoyd(BUSY)

    def run(*arguments, status=0):
        done = subprocess.run([build / "convoy", "--socket", stack.socket, *arguments],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == status, done
        return done.stdout if status == 0 else done.stderr
    run.stack = stack
    return run


def test_top_once(convoy):
    text = convoy("top", "--once", "--interval", "0.3")
    lines = text.splitlines()
    assert len(lines) <= 24 and all(len(line) <= 80 for line in lines), text
    assert "gen0" in text and "ip4-lookup" in text
    assert "ip4-lookup.blackhole" in text, "drops are shown with their reason"


def test_top_json(convoy):
    d = json.loads(convoy("top", "--json", "--interval", "0.5"))
    assert d["packets_per_s"] > 0
    assert d["interfaces"][0]["rx_packets_per_s"] == pytest.approx(d["packets_per_s"], rel=0.2)
    assert 0 < sum(n["share_percent"] for n in d["nodes"]) < 100.1, "the rest are polls that found nothing"
    assert d["errors"][0]["reason"] == "blackhole"


def test_top_on_a_terminal_ends_with_q(convoy, build):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([build / "convoy", "--socket", convoy.stack.socket, "top"],
                               stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""

    def read():
        nonlocal seen
        while select.select([ours], [], [], 0)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:
                break
        return seen
    wait.until(lambda: b"ip4-lookup" in read(), "a picture with nodes")
    os.write(ours, b"q")
    wait.until(lambda: (read(), process.poll())[1] is not None, "it ends")
    assert process.returncode == 0
    assert seen.startswith(b"\x1b[?1049h") and read().rstrip().endswith(b"\x1b[?1049l")
    os.close(ours)


def test_graph(convoy):
    text = convoy("graph", "--interval", "0.3")
    assert "generator-input" in text and "└─> ethernet-input" in text
    dot = convoy("graph", "--interval", "0.1", "--format", "dot")
    assert dot.startswith("digraph convoy {") and '-> n' in dot
    svg = convoy("graph", "--interval", "0.1", "--format", "svg", "--all")
    names = {t.firstChild.data for t in xml.dom.minidom.parseString(svg).getElementsByTagName("text")}
    assert {"ip4-input", "ip4-options", "tcp4-input"} <= names, "--all shows what was not used as well"
    edges = {(e["from"], e["to"]): e["packets_per_s"] for e in
             json.loads(convoy("graph", "--json", "--interval", "0.5"))["edges"]}
    assert edges["ip4-input", "ip4-lookup"] > 0


@pytest.mark.parametrize("arguments, message", [
    (["top", "--interval", "0"], "--interval needs seconds"),
    (["top", "--what"], 'top does not know "--what"'),
    (["graph", "--format", "png"], "--format needs one of: text, dot, svg"),
    (["graph", "--interval"], "--interval needs seconds"),
])
def test_bad_usage(convoy, arguments, message):
    assert message in convoy(*arguments, status=2)


def test_without_convoyd(build, tmp_path):
    for command in "top", "graph":
        done = subprocess.run([build / "convoy", "--socket", tmp_path / "none", command],
                              capture_output=True, text=True, timeout=10)
        assert done.returncode == 1 and "is convoyd running?" in done.stderr
        assert done.stderr.count("\n") == 1
    done = subprocess.run([build / "convoy", "help", "top"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "--once" in done.stdout
