#!/usr/bin/env python3
"""Checks the source tree: who includes whom (src/LAYERS), file length, words that mark unfinished work.

Prints FILE:LINE: message for each fault; exit status 1 if there was one, 2 if LAYERS cannot be read.
"""
import pathlib
import re
import sys

LENGTH_WARN, LENGTH_FAIL = 600, 1000
INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
SOURCES = {".c", ".h"}
CHECKED_FOR_WORDS = SOURCES | {".py", ".build", ".md", ""}


class Layers:
    """The rules of a LAYERS file."""

    def __init__(self, path):
        self.folders = {}  # folder -> what it may include
        self.system = {}  # system header, or prefix ending in "/" -> folders that may include it
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            name, colon, allowed = line.partition(":")
            if not colon:
                sys.exit(f"{path}:{number}: expected 'folder: what it may include'")
            table = self.system if name.startswith("<") else self.folders
            table[name.strip().strip("<>")] = allowed.split()

    def rule_of(self, path):
        """The most specific folder with a line, for a file at `path` relative to src."""
        for folder in path.parents:
            if folder.as_posix() in self.folders:
                return folder.as_posix()
        return None

    def fault_of(self, path, own, system):
        """Why `path` may not include this header, or None."""
        folder = self.rule_of(path)
        if folder is None:
            return f"{path.parent} has no line in LAYERS"
        if own:
            allowed = [folder, *self.folders[folder]]
            if not any(within(own, name) for name in allowed):
                return f"{folder} may not include {own}; it may include: {' '.join(allowed)}"
        for header, users in self.system.items():
            if system and (system == header or header.endswith("/") and system.startswith(header)):
                if not any(within(path.as_posix(), name) for name in users):
                    return f"<{system}> is for {' '.join(users)} only"
        return None


def within(path, name):
    return path == name or path.startswith(name + "/")


def check_source(path, src, layers, text):
    for number, line in enumerate(text, 1):
        include = INCLUDE.match(line)
        if include:
            fault = layers.fault_of(path.relative_to(src), include[1], include[2])
            if fault:
                yield number, fault
    if len(text) > LENGTH_FAIL:
        yield LENGTH_FAIL, f"{len(text)} lines; files end at {LENGTH_FAIL}: split it by job"
    elif len(text) > LENGTH_WARN:
        print(f"{path}: warning: {len(text)} lines; 100 to 400 is the aim", file=sys.stderr)


def main():
    top = pathlib.Path(__file__).resolve().parent.parent
    src = top / "src"
    layers = Layers(src / "LAYERS")
    faults = 0
    for folder in ("src", "test", "bench", "fuzz", "deploy"):
        for path in sorted((top / folder).rglob("*")):
            if not path.is_file() or path.suffix not in CHECKED_FOR_WORDS:
                continue
            text = path.read_text(errors="replace").splitlines()
            found = [(n, f"{m[0]}: finish it or leave it out") for n, line in enumerate(text, 1)
                     if (m := UNFINISHED.search(line))]
            if folder == "src" and path.suffix in SOURCES:
                found += check_source(path, src, layers, text)
            for number, fault in found:
                print(f"{path.relative_to(top)}:{number}: {fault}")
            faults += len(found)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
