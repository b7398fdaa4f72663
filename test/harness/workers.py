"""The same test with one worker and with two.

A fixture that starts a stack takes `workers` and gives convoyd on_workers(workers, CONFIG); every
test of test/packet that uses such a fixture then runs with each of NUMBERS. A test that takes
seconds for a timer of main or of one worker says @ONE_WORKER.
"""
import pytest

NUMBERS = [1, 2]
ONE_WORKER = pytest.mark.one_worker


def name_of(n):
    return "1 worker" if n == 1 else f"{n} workers"


def on_workers(n, config):
    """CONFIG with that many workers; with several, the flows of each device are spread among them."""
    if n == 1:
        return config
    return {**config, "workers": n, "interfaces": [
        {**one, "spread": True} if "tap" in one else one for one in config.get("interfaces", [])]}


def each(metafunc):
    """Repeats a test with each number, if its stack can have several workers."""
    if "workers" not in metafunc.fixturenames:
        return
    numbers = [1] if metafunc.definition.get_closest_marker("one_worker") else NUMBERS
    metafunc.parametrize("workers", numbers, ids=name_of, indirect=True)
