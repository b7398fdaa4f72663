"""CPython's own tests of sockets as victims of the preload library: a quick selection of those for TCP over IPv4."""
import pathlib
import re

import pytest

TESTS = pathlib.Path("/usr/lib/python3.11/test")
CLASSES = ["BasicTCPTest", "NonBlockingTCPTests", "RecvmsgTCPTest", "RecvmsgIntoTCPTest", "SendmsgTCPTest", "ContextManagersTest",
           "UnbufferedFileObjectClassTestCase", "SmallBufferedFileObjectClassTestCase", "SendfileUsingSendfileTest",
           "NetworkConnectionNoServer", "TCPTimeoutTest", "CreateServerFunctionalTest", "TCPCloserTest", "FTPServer"]
SUITES = {
    "test_socket": [f"*.{name}.*" for name in CLASSES],
    "test_epoll": ["*"],
    "test_ftplib": ["*TestFTPClass*"],
    "test_httplib": ["*SourceAddress*", "*Tunnel*", "*TimeoutTest*"],
    "test_asyncio": ["*test_sock_lowlevel.EPoll*", "*test_server.Server*"],
}
# Urgent data: MSG_OOB is not supported (EOPNOTSUPP).
WITHOUT = ["*test_abort"]


@pytest.mark.parametrize("suite", SUITES)
def test_cpythons_own(suite, convoyd, run, build):
    if not (TESTS / "test_socket.py").exists():
        pytest.skip("libpython3.11-testsuite is not installed")
    stack = convoyd({"workers": 1})
    matches = [word for pattern in SUITES[suite] for word in ("-m", pattern)]
    ignored = [word for pattern in WITHOUT for word in ("-i", pattern)]
    tests = run(build / "convoy", "--socket", stack.socket, "exec", "-v", "--", "/usr/bin/python3.11", "-m", "test", "-v",
                "--timeout", "60", *matches, *ignored, suite)
    assert tests.wait(90) == 0, tests.out[-3000:]
    assert int(re.search(r"^Ran (\d+) test", tests.out + tests.err, re.M)[1]) > 2
    assert (tests.out + tests.err).count(": stack") > 4, "its sockets are the stack's"
