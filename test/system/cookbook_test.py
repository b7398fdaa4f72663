"""The recipes of docs/cookbook.md work as they stand there: their files are written, their commands run.

Each recipe runs in network, mount and process namespaces of its own, so that the names in it (client,
/run/convoy) are free, and all that it has started is gone with it.
"""
import os
import re
import shutil
import subprocess

import pytest
from conftest import TOP

BLOCK = re.compile(r"^```(yaml|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECONDS = 60
NEEDS = {"testpmd": "dpdk-testpmd"}
SETUP = """set -euo pipefail
mount -t tmpfs none /run
mkdir /run/netns
ip link set lo up
"""


def blocks_of(text):
    return BLOCK.findall(text)


INTRODUCTION, *SECTIONS = re.split(r"^## ", (TOP / "docs" / "cookbook.md").read_text(), flags=re.MULTILINE)
RECIPES = {text.splitlines()[0]: blocks_of(text) for text in SECTIONS}


def prepare(blocks, folder):
    """Writes the files of a recipe; its commands as a script, and what they promise to print."""
    script = SETUP
    for kind, text in blocks_of(INTRODUCTION) + blocks:
        if kind == "yaml":
            name = re.match(r"# (\S+\.yaml)\n", text)
            assert name, f"a yaml block begins with the name of its file: {text}"
            (folder / name[1]).write_text(text)
        else:
            script += text
    return script, re.findall(r"^#> (.+)$", script, re.MULTILINE)


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(title, build, tmp_path):
    for word, program in NEEDS.items():
        if word in title and not shutil.which(program):
            pytest.skip(f"needs {program}")
    script, promises = prepare(RECIPES[title], tmp_path)
    assert promises, "a recipe shows something"
    done = subprocess.run(
        ["timeout", "--kill-after=5", str(SECONDS), "unshare", "--net", "--mount", "--pid", "--fork",
         "--mount-proc", "--kill-child", "bash", "-c", script],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**os.environ, "PATH": f"{build}:{os.environ['PATH']}"})
    seen = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, f"status {done.returncode}\n{seen}"
    rest = done.stdout
    for promise in promises:
        assert promise in rest, f'"{promise}" was not printed, or not in this order:\n{seen}'
        rest = rest[rest.index(promise) + len(promise):]
