"""The manual is true: its links lead somewhere, its configurations load, its commands exist."""
import re
import subprocess

import pytest
from conftest import TOP

PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("src/**/README.md"),
                *TOP.glob("fuzz/*.md")])
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
YAML_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
CONVOY_COMMAND = re.compile(r"\bconvoy ((?:show|clear|trace|capture|generator|impair|route|address|neighbor|vlan|bridge|bvi|mac|mac-filter|answer|xconnect|interface|vrf|rpf|redirect|spread|proxy|monitor|ping|traceroute|apply|save)(?: [a-z-]+)*)")
MAKE_TARGET = re.compile(r"\bmake ([a-z]+)\b(?= *(?:$|`|,|&|\||#| ARGS))", re.MULTILINE)


def name_of(page):
    return str(page.relative_to(TOP))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text()):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z ]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    known = {word for line in targets for word in line.split()}
    for target in MAKE_TARGET.findall(page.read_text()):
        assert target in known, f"make {target}"


def test_net_yaml_of_the_manual_loads(build, tmp_path):
    blocks = YAML_BLOCK.findall((TOP / "docs" / "operate.md").read_text())
    assert blocks
    for number, block in enumerate(blocks):
        config = tmp_path / f"{number}.yaml"
        config.write_text(block)
        subprocess.run([build / "convoyd", "-c", config, "--check"], check=True, timeout=20)


def test_envoy_yaml_of_the_manual_loads(build, tmp_path):
    blocks = YAML_BLOCK.findall((TOP / "docs" / "proxy.md").read_text())
    assert blocks
    for number, block in enumerate(blocks):
        config = tmp_path / f"{number}.yaml"
        config.write_text(block)
        subprocess.run([build / "convoy-proxy", "-c", config, "--mode", "validate"], check=True, timeout=20)


def test_commands_of_the_manual_exist(convoyd):
    known = {c["name"] for c in convoyd({}).call("commands")}
    for page in PAGES:
        for words in CONVOY_COMMAND.findall(page.read_text()):
            # Words after a command's name are its arguments; "show" alone stands for its group.
            assert any(f"{words} ".startswith(f"{name} ") or name.startswith(f"{words} ")
                       for name in known), f"{name_of(page)}: convoy {words}"
