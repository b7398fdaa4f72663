"""What `show interfaces` says of one interface of a stack."""
from . import wait


def interface(stack, name):
    [row] = stack.call("show interfaces", interface=name)
    return row


def device(stack, name):
    """The driver's own words about the device, as a dictionary."""
    return dict(line.split(" ", 1) for line in interface(stack, name)["device"].splitlines())


def wait_state(stack, name, state, timeout=10.0):
    wait.until(lambda: interface(stack, name)["state"] == state, f"{name} is {state}", timeout)
