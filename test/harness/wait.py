"""Waiting for a state, with a deadline."""
import time

POLL_SECONDS = 0.01


class Late(AssertionError):
    """Something did not come about before its deadline."""


def until(condition, what, timeout=10.0):
    """Polls `condition` until it is true; returns its value. Late, naming `what`, after that."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Late(f"not within {timeout:g} s: {what}")
        time.sleep(POLL_SECONDS)  # one poll of a condition with a deadline


def may(condition, timeout):
    """Polls `condition` until it is true or the time is over; returns its last value."""
    try:
        return until(condition, "", timeout)
    except Late:
        return condition()
