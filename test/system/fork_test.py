"""Connections that several processes have, after fork and over exec: who may use and who closes them.

Each test is a conversation between a server's family and a peer, over TCP (the peer is the kernel,
on the other side of a tap) and cut through (the peer is a program on the same stack).
"""
import os
import select
import signal

import pytest
from harness import wait
from harness.family import PORT, World


@pytest.fixture(params=["tcp", "tcp, two workers", "cut-through"])
def world(request, netns, convoyd, run, build, tmp_path):
    made = World(request.param, netns, convoyd, run, build, tmp_path)
    yield made
    made.actors.close()


def ends(client):
    """How the connection ends for the peer: b"" is FIN."""
    return client("c.recv(100)") == b""


def serves(program, client):
    """A byte each way between the client and whoever has its connection."""
    client("c.sendall(b'1')")
    assert program("c.recv(1)") == b"1"
    program("c.sendall(b'2')")
    assert client("c.recv(1)") == b"2"


def serves_to_the_end(program, client):
    """And when it closes, nobody else holds the connection."""
    serves(program, client)
    program("c.close()")
    assert ends(client)


def test_a_client_that_does_not_come_back_is_accepted_and_heard(world):
    """It waits in the backlog, has written, and is busy elsewhere: nothing more is needed of it."""
    server = world.server()
    client = world.lone_client("client")
    client("c.sendall(b'question')")
    server("c, _ = l.accept(); c.settimeout(10)")
    assert server("take(c, 8)") == b"question"
    late = world.lone_client("late")
    server("d, _ = l.accept(); d.settimeout(10)")
    server("c.sendall(b'answer')")
    assert client("take(c, 6)") == b"answer"
    late.start("c.sendall(b'x' * 200000)")
    assert server("take(d, 200000)") == b"x" * 200000
    late.finish()
    client("c.shutdown(socket.SHUT_WR)")
    assert server("c.recv(1)") == b""
    server("c.close(); d.close()")
    assert ends(client) and ends(late)


def test_a_client_may_close_and_end_before_it_is_accepted(world):
    server = world.server()
    client = world.lone_client("client")
    client("c.sendall(b'last words'); c.close()")
    server("c, _ = l.accept(); c.settimeout(10)")
    assert server("take(c, 100)") == b"last words"
    server("c.close()")


def test_child_serves_and_the_last_close_closes(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    client("c.sendall(b'hello')")
    assert child("c.recv(100)") == b"hello"
    child("c.sendall(b'world')")
    assert client("c.recv(100)") == b"world"
    child("c.close()")
    assert ends(client)
    client("c.close()")
    wait.until(world.no_sessions, "nothing is left")


def test_child_finds_what_came_before_the_fork(world):
    server, client = world.pair()
    client("c.sendall(b'x' * 200_000)")
    assert server("take(c, 10)") == b"x" * 10
    child = world.actors.fork(server, "child")
    server("c.close()")
    assert child("len(take(c, 199_990))") == 199_990
    client("c.shutdown(socket.SHUT_WR)")
    assert child("c.recv(1)") == b""
    child.leave()
    assert ends(client)


def test_what_the_parent_wrote_arrives_before_the_childs(world):
    server, client = world.pair()
    server("c.sendall(b'a' * 100_000)")
    child = world.actors.fork(server, "child")
    server("c.close()")
    child.start("c.sendall(b'b' * 3_000_000)")
    got = client("take(c, 3_100_000)")
    child.finish()
    assert got == b"a" * 100_000 + b"b" * 3_000_000
    child.leave()
    assert ends(client)


def test_child_exits_without_touching_it(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    child.leave()
    server("os.wait()")
    serves_to_the_end(server, client)


def test_parent_closes_and_the_child_exits_without_touching_it(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    child.leave()
    assert ends(client)


@pytest.mark.parametrize("touched", [False, True])
def test_parent_is_killed_and_the_child_goes_on(world, touched):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    client("c.sendall(b'1')")
    if touched:
        assert child("c.recv(1)") == b"1"
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    if not touched:
        assert child("c.recv(1)") == b"1"
    child("c.sendall(b'2')")
    assert client("c.recv(1)") == b"2"
    child.leave()
    assert ends(client)


@pytest.mark.parametrize("touched", [False, True])
def test_child_is_killed_and_the_parent_goes_on(world, touched):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    client("c.sendall(b'1')")
    if touched:
        assert child("c.recv(1)") == b"1"
        client("c.sendall(b'1')")
    os.kill(child.pid, signal.SIGKILL)
    server("os.wait()")
    assert server("c.recv(1)") == b"1"
    serves_to_the_end(server, client)


def test_last_holder_is_killed(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    client("c.sendall(b'1')")
    assert child("c.recv(1)") == b"1"
    os.kill(child.pid, signal.SIGKILL)
    assert ends(client)


def test_close_in_the_child_does_not_close_it_in_the_parent(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    child("c.close()")
    serves_to_the_end(server, client)


def test_grandchild_serves(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    grandchild = world.actors.fork(child, "grandchild")
    server("c.close()")
    child.leave()
    serves(grandchild, client)
    grandchild.leave()
    assert ends(client)


def test_parent_and_child_take_turns(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    for turn in range(10):
        one = server if turn % 2 else child
        client("c.sendall(b'ping')")
        assert one("c.recv(4)") == b"ping"
        one(f"c.sendall(b'pong{turn}')")
        assert client("c.recv(5)") == f"pong{turn}".encode()
    server("c.close()")
    child("c.sendall(b'bye')")
    child.leave()
    assert client("c.recv(3)") == b"bye"
    assert ends(client)


def test_one_reads_while_the_other_writes(world):
    """As old chat programs do: a child for each direction."""
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    for turn in range(5):
        child.start("c.recv(1)")
        server(f"c.sendall(b'{turn}')")
        assert client("c.recv(1)") == f"{turn}".encode()
        client(f"c.sendall(b'{turn}')")
        assert child.finish() == f"{turn}".encode()
    server("c.close()")
    child.leave()
    assert ends(client)


def test_parent_polls_while_the_child_has_it(world):
    """The parent is told of what comes after the child has gone."""
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    client("c.sendall(b'1')")
    assert child("c.recv(1)") == b"1"
    server.start("select.select([c], [], [], 10)[0] == [c]")
    child.leave()
    client("c.sendall(b'2')")
    assert server.finish()
    assert server("c.recv(1)") == b"2"
    server("c.close()")
    assert ends(client)


def first_of(*actors):
    """Who has done what it was told, first; and with what result."""
    ready, _, _ = select.select([actor.line for actor in actors], [], [], 20)
    assert ready, "none of those who wait is served"
    actor = next(a for a in actors if a.line == ready[0])
    return actor, actor.finish()


def test_all_who_wait_to_read_are_served(world):
    """Three processes sleep in recv on one connection: what comes is shared out, and all hear of the end."""
    server, client = world.pair()
    family = [server, world.actors.fork(server, "child1"), world.actors.fork(server, "child2")]
    for actor in family:
        actor.start("c.recv(1)")
    served = []
    while len(set(served)) < 3 or len(served) < 12:
        assert len(served) < 500, f"only {set(served)} are served"
        n = len(served) % 10
        client(f"c.sendall(b'{n}')")
        actor, got = first_of(*family)
        assert got == str(n).encode()
        served.append(actor.name)
        actor.start("c.recv(1)")
    client("c.close()")
    assert [actor.finish() for actor in family] == [b""] * 3


def test_all_who_wait_to_read_hear_of_a_reset(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    for actor in server, child:
        actor.start("""
try: got = c.recv(1)
except ConnectionResetError: got = b''
""")
    client("import struct; c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()")
    for actor in server, child:
        actor.finish()
        assert actor("got") == b""


def test_what_one_leaves_lying_goes_to_another(world):
    """The child has been told that there is something to be read and does not read it."""
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server.start("c.recv(1)")
    child.start("select.select([c], [], [])[0] == [c]")
    client("c.sendall(b'1')")
    assert server.finish() == b"1"
    client("c.sendall(b'2')")
    assert child.finish()
    assert child("c.recv(1)") == b"2"


def test_one_who_waits_goes_on_when_the_others_end(world):
    server, client = world.pair()
    children = [world.actors.fork(server, f"child{i}") for i in range(2)]
    for actor in server, *children:
        actor.start("c.recv(2)")
    for child in children:
        os.kill(child.pid, signal.SIGKILL)
    client("c.sendall(b'12')")
    assert server.finish() == b"12"
    server("c.close()")
    assert ends(client)


def test_child_uses_epoll_and_does_not_block(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    child("c.setblocking(False); e = select.epoll(); e.register(c, select.EPOLLIN | select.EPOLLET)")
    client("c.sendall(b'hello')")
    assert child("len(e.poll(10))") == 1
    assert child("c.recv(100)") == b"hello"
    assert child.fails("c.recv(100)") == "BlockingIOError"
    client("c.close()")
    assert child("len(e.poll(10))") == 1
    assert child("c.recv(100)") == b""
    child.leave()


def test_peer_resets(world):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    client("import struct; c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()")
    assert child.fails("c.recv(1)") == "ConnectionResetError"
    server("c.close()")


def test_many_children_at_once(world):
    server = world.server()
    clients, children = [], []
    for i in range(5):
        clients.append(world.client(server, f"client{i}"))
        children.append(world.actors.fork(server, f"child{i}"))
        server("c.close()")
    for i, client in enumerate(clients):
        client(f"c.sendall(b'{i}')")
    for child in children:
        child("c.sendall(c.recv(1))")
        child.leave()
    for i, client in enumerate(clients):
        assert client("take(c, 10)") == f"{i}".encode()


# --- exec ---

def restart(world, actor, keep, name="again"):
    """`actor` executes its program again with the connection `keep` as descriptor 0."""
    again = world.actors.exec(actor, f"os.dup2({keep}.fileno(), 0); os.execv(argv[0], argv)", name)
    again("c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=0)")
    return again


def test_a_connection_stays_open_over_exec(world):
    server, client = world.pair()
    client("c.sendall(b'before')")
    assert server("take(c, 3)") == b"bef"
    server("c.sendall(b'early ')")
    again = restart(world, server, "c")
    assert again("take(c, 3)") == b"ore"
    again("c.sendall(b'late')")
    assert client("take(c, 10)") == b"early late"
    client("c.shutdown(socket.SHUT_WR)")
    assert again("c.recv(1)") == b""
    again("c.close()")
    assert ends(client)


def test_what_is_closed_on_exec_is_not_inherited(world):
    server, client = world.pair()
    server("kept = c")
    other = world.client(server, "other")
    again = restart(world, server, "kept")
    assert other.fails("assert c.recv(1) == b''") in ("ConnectionResetError", "nothing: None")
    again("c.sendall(b'1')")
    assert client("c.recv(1)") == b"1"


def test_a_listener_stays_open_over_exec(world):
    server = world.server()
    again = restart(world, server, "l")
    again("l = c")
    client = world.client(again)
    client("c.sendall(b'1')")
    assert again("c.recv(1)") == b"1"


def test_an_exec_that_fails_changes_nothing(world):
    server, client = world.pair()
    server("os.dup2(c.fileno(), 50)")
    assert server.fails("os.execv('/nowhere', ['nowhere'])") == "FileNotFoundError"
    client("c.sendall(b'1')")
    assert server("c.recv(1)") == b"1"
    server("os.close(50); c.close()")
    assert ends(client)


CAT = "os.posix_spawn('/bin/cat', ['cat'], os.environ, file_actions=[" \
    "(os.POSIX_SPAWN_DUP2, c.fileno(), 0), (os.POSIX_SPAWN_DUP2, c.fileno(), 1)])"


def test_what_posix_spawn_starts_has_its_sockets(world):
    server, client = world.pair()
    client("c.sendall(b'for cat')")
    server(f"pid = {CAT}; c.close()")
    assert client("take(c, 7)") == b"for cat"
    client("c.sendall(b'more'); c.shutdown(socket.SHUT_WR)")
    assert client("take(c, 4)") == b"more"
    assert ends(client)
    assert server("os.waitpid(pid, 0)[1]") == 0


def test_a_spawned_program_shares_them_with_its_parent(world):
    server, client = world.pair()
    server("""p = os.posix_spawn('/bin/sh', ['sh', '-c', 'echo child >&9'], os.environ,
              file_actions=[(os.POSIX_SPAWN_DUP2, c.fileno(), 9)])""")
    assert client("take(c, 6)") == b"child\n"
    assert server("os.waitpid(p, 0)[1]") == 0
    server("c.sendall(b'parent')")
    assert client("take(c, 6)") == b"parent"
    serves_to_the_end(server, client)


def test_spawned_programs_get_only_what_stays_open(world):
    server, client = world.pair()
    # Closed on exec, closed by an action, overwritten by an open; and one that cannot be started.
    server("""d = os.dup(c.fileno()); os.set_inheritable(d, True); os.dup2(d, 50)
    """.strip())
    server("""p = os.posix_spawn('/bin/sleep', ['sleep', '30'], os.environ, file_actions=[
              (os.POSIX_SPAWN_CLOSE, d), (os.POSIX_SPAWN_OPEN, 50, '/dev/null', os.O_RDONLY, 0)])""")
    assert server.fails("os.posix_spawn('/nowhere', ['x'], os.environ)") == "FileNotFoundError"
    server("os.close(d); os.close(50); c.close()")
    assert ends(client)
    server("os.kill(p, signal.SIGKILL); os.waitpid(p, 0)")


def test_exec_twice(world):
    server, client = world.pair()
    once = restart(world, server, "c", "once")
    twice = restart(world, once, "c", "twice")
    client("c.sendall(b'1')")
    assert twice("c.recv(1)") == b"1"
    twice.leave()
    assert ends(client)


def test_inetd(world):
    """Accept, fork, the connection becomes 0, 1 and 2, another program serves it."""
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    child.start("[os.dup2(c.fileno(), fd) for fd in (0, 1, 2)]; os.execvp('cat', ['cat'])")
    client("c.sendall(b'x' * 100_000)")
    assert client("len(take(c, 100_000))") == 100_000
    client("c.shutdown(socket.SHUT_WR)")
    assert ends(client)
    server("os.wait()")


def test_a_shell_script_serves(world):
    """The shell and its children read and write in turns."""
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    script = "read word; echo got $word; head -c 3; echo; wc -c; /bin/echo bye >&2"
    child.start(f"[os.dup2(c.fileno(), fd) for fd in (0, 1, 2)]; os.execvp('sh', ['sh', '-c', {script!r}])")
    client("c.sendall(b'hello\\n')")
    assert client("take(c, 10)") == b"got hello\n"
    client("c.sendall(b'abc')")
    assert client("take(c, 4)") == b"abc\n"
    client("c.sendall(b'12345'); c.shutdown(socket.SHUT_WR)")
    assert client("take(c, 100)") == b"5\nbye\n"
    server("os.wait()")


@pytest.mark.parametrize("command", [
    ["printf", "some words\\n"],
    ["bash", "-c", "echo some words"],
    ["mawk", 'BEGIN { printf "some words\\n" }'],
    # Nobody flushes that but the C library, at the very end.
    ["/usr/bin/python3", "-c", "import ctypes; ctypes.CDLL(None).printf(b'some words\\n')"],
    # The connection is in another place first.
    ["bash", "-c", "exec 1>/dev/null; echo nothing; exec 1>&0; echo some words"],
])
def test_streams_of_the_c_library(world, command):
    server, client = world.pair()
    child = world.actors.fork(server, "child")
    server("c.close()")
    child.start(f"[os.dup2(c.fileno(), fd) for fd in (0, 1, 2)]; os.execvp({command[0]!r}, {command!r})")
    assert client("take(c, 100)") == b"some words\n"
    server("os.wait()")


def test_python_starts_a_program_on_a_connection(world):
    """subprocess uses vfork, and closes descriptors between that and exec."""
    server, client = world.pair()
    server("p = subprocess.Popen(['cat'], stdin=c, stdout=c)")
    client("c.sendall(b'hello')")
    assert client("take(c, 5)") == b"hello"
    client("c.shutdown(socket.SHUT_WR)")
    assert server("p.wait()") == 0
    server("c.sendall(b'still here')")
    assert client("take(c, 10)") == b"still here"
    server("c.close()")
    assert ends(client)


# --- programs that nobody has changed ---

def test_socat_forks_and_executes(world):
    server = world.run(*world.exec, "socat", f"TCP-LISTEN:{PORT},bind={world.host},reuseaddr,fork", "EXEC:cat",
                       netns=world.space)
    wait.until(lambda: world.listening(), f"socat listens: {server}")
    for round in range(3):
        clients = [world.lone_client(f"client{round}{i}") for i in range(3)]
        for i, client in enumerate(clients):
            client(f"c.sendall(b'{i}' * 50_000)")
            assert client("len(take(c, 50_000))") == 50_000
        for client in clients:
            client("c.shutdown(socket.SHUT_WR)")
            assert ends(client)
            client("c.close()")
    wait.until(world.no_sessions, "nothing is left")


def test_socket_server_forks(world):
    """Python's ForkingTCPServer, with a handler that uses buffered files."""
    program = f"""
import socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())
socketserver.TCPServer.allow_reuse_address = True
socketserver.ForkingTCPServer(("{world.host}", {PORT}), Handler).serve_forever()
"""
    server = world.run(*world.exec, "/usr/bin/python3", "-c", program, netns=world.space)
    wait.until(lambda: world.listening(), f"it listens: {server}")
    clients = [world.lone_client(f"client{i}") for i in range(4)]
    for i, client in enumerate(clients):
        client(f"c.sendall(b'hello {i}\\n')")
    for i, client in enumerate(clients):
        assert client("take(c, 8)") == f"HELLO {i}\n".encode()
        client("c.shutdown(socket.SHUT_WR)")
        assert ends(client)
        client("c.close()")
    wait.until(world.no_sessions, "nothing is left")
