"""The talk's topology under harm: programs killed under load, convoyd restarted, bursts, idleness.

    kernel ── tap ──┐
    wrk, echo ──────┴── convoyd ── convoy-proxy ── nginx with two workers

Points in time are random; CONVOY_SEED repeats those of an earlier run.
"""
import hashlib
import itertools
import os
import random
import re
import signal
import socket
import time

import pytest
from harness import footprint, wait
from harness import proxy as p
from harness.scribble import Scribbler, writable_segments
from harness.wire import socket_in

STACK, KERNEL = "10.77.0.1", "10.77.0.2"
ORIGIN_PORT, PROXY_PORT, ECHO_PORT = 8080, 10000, 7
TAP = {"name": "lan", "addresses": [f"{STACK}/24"], "tap": {"host_addresses": [f"{KERNEL}/24"]}}
BODIES = {"64": 64, "100k": 100 << 10, "100m": 100 << 20}
SEED = int(os.environ.get("CONVOY_SEED", random.randrange(1 << 32)))
LONG = 120  # seconds of a load that its test ends
SLACK_BYTES = 16 << 20  # pages once used stay with their channel; how many are in use at once varies
NGINX = """
daemon off; user root; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; sendfile on;
        client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
        uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
        server {{ listen {address}:{port} backlog=4096; root {folder}/root; }} }}
"""


class Site:
    """convoyd, nginx and convoy-proxy on it, and ways to send them requests."""

    def __init__(self, tools, workers):
        self.run, self.build, self.start_stack, self.start_proxy = tools.run, tools.build, tools.convoyd, tools.proxy
        self.folder, self.space, self.workers = tools.folder, tools.netns("lan"), workers
        self.stack = self._start_stack()
        self.socket_path = self.stack.socket
        self.origin = self._start_origin()
        self.proxy = self._start_proxy()
        wait.until(lambda: self.answers(PROXY_PORT), "the proxy answers with nginx's page", 20)

    def _start_stack(self, *arguments):
        return self.start_stack({"workers": self.workers, "interfaces": [TAP]}, netns=self.space,
                                arguments=arguments)

    def _start_origin(self):
        root = self.folder / "origin" / "root"
        root.mkdir(parents=True)
        for name, size in BODIES.items():
            (root / name).write_bytes(random.Random(size).randbytes(size))
        config = self.folder / "origin" / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder / "origin", address=STACK, port=ORIGIN_PORT))
        process = self.execute("nginx", "-p", self.folder / "origin", "-c", config)
        wait.until(lambda: len(footprint.children(process.pid)) == 2 and self.answers(ORIGIN_PORT),
                   f"nginx serves: {process}", 20)
        return process

    def _start_proxy(self):
        limits = {name: 100000 for name in ("max_connections", "max_pending_requests", "max_requests")}
        web = p.listener([{"match": {"prefix": "/"}, "route": {"cluster": "web"}}])
        web["address"] = p.socket_address(PROXY_PORT, STACK)
        origin = p.cluster("web", ORIGIN_PORT, address=STACK, circuit_breakers={"thresholds": [limits]})
        return self.start_proxy(p.bootstrap([web], [origin], default_socket_interface="convoy"),
                                env={"CONVOY_SOCKET": str(self.socket_path)})

    def restart_stack(self, how):
        self.stack.process.signal(how)
        assert self.stack.process.wait() == (0 if how == signal.SIGTERM else -how)
        self.stack = self._start_stack("--socket", self.socket_path)
        self.stack.socket = self.socket_path

    def execute(self, *argv):
        """Runs an unmodified program on the stack."""
        return self.run(self.build / "convoy", "--socket", self.stack.socket, "exec", "--", *argv)

    def client(self, path, *argv):
        """Runs a program as a client: on the stack ("cut-through") or on the kernel ("tap")."""
        return self.execute(*argv) if path == "cut-through" else self.run(*argv, netns=self.space)

    def wrk(self, path, seconds, port=PROXY_PORT, connections=16, body="64", *more):
        return self.client(path, "wrk", "-t2", f"-c{connections}", f"-d{seconds}", "--timeout", "30s", *more,
                           f"http://{STACK}:{port}/{body}")

    def answers(self, port, path="cut-through", seconds=2):
        got = self.client(path, "curl", "-s", "-m", str(seconds), "-w", "%{http_code}", "-o", "/dev/null",
                          f"http://{STACK}:{port}/64")
        return got.wait() == 0 and got.out == "200"

    def sessions(self):
        shown = self.stack.call("show sessions")
        return shown["n_transport"], shown["n_cut_through"]

    def apps(self):
        return self.stack.call("show apps")["apps"]

    def servers(self):
        """The processes that stay: convoyd, nginx with its workers, the proxy."""
        return [self.stack.process.pid, self.proxy.process.pid, self.origin.pid,
                *footprint.children(self.origin.pid)]

    def connect(self, port):
        made = socket_in(self.space, socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(10)
        made.connect((STACK, port))
        return made


class Tools:
    def __init__(self, netns, convoyd, proxy, run, build, folder):
        self.netns, self.convoyd, self.proxy, self.run, self.build, self.folder = \
            netns, convoyd, proxy, run, build, folder


@pytest.fixture
def chance():
    print(f"CONVOY_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def tools(netns, convoyd, proxy, run, build, tmp_path):
    os.chmod(tmp_path, 0o755)
    return Tools(netns, convoyd, proxy, run, build, tmp_path)


@pytest.fixture
def site(tools):
    return Site(tools, workers=1)


class Cost:
    """What the servers hold, to be compared with later."""

    def __init__(self, site):
        self.site = site
        self.apps, self.fds, self.segments, self.bytes = self._now()

    def _now(self):
        pids, shared = self.site.servers(), {}
        for pid in pids:
            shared.update(footprint.shared_segments(pid))
        return (len(self.site.apps()), sum(map(footprint.n_fds, pids)), len(shared), sum(shared.values()))

    def is_back(self, spare_fds=0):
        apps, fds, segments, held = self._now()
        return (apps == self.apps and fds <= self.fds + spare_fds and segments <= self.segments and
                held <= self.bytes + SLACK_BYTES)

    def wait_back(self, spare_fds=0):
        try:
            wait.until(lambda: self.is_back(spare_fds), "all that was held is given back")
        except wait.Late as late:
            before = (self.apps, self.fds, self.segments, self.bytes)
            raise wait.Late(f"{late}: apps, fds, segments, bytes were {before}, are {self._now()}") from None


def wait_for_load(site, path, n):
    index = 0 if path == "tap" else 1
    wait.until(lambda: site.sessions()[index] >= n, f"{n} sessions of the load, {path}")


def errors_of(report):
    """wrk's counts of failed connects, reads, writes, timeouts, and answers other than 2xx and 3xx."""
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    return [int(n) for n in (sockets.groups() if sockets else (0, 0, 0, 0))] + [int(others[1]) if others else 0]


def end_load(load):
    """Its errors; it has lasted for as long as the test needed it."""
    load.interrupt()
    return errors_of(load.ok(20))


def a_moment(chance, most=0.2):
    time.sleep(chance.random() * most)  # when the harm is done is random; nothing waits for it


@pytest.mark.parametrize("path", ["cut-through", "tap"])
def test_clients_killed_under_load(site, chance, path):
    """Sessions and memory come back, and a neighbour's load sees no error."""
    assert errors_of(site.wrk(path, 1, connections=40, body="100m").ok(20)) == [0] * 5  # fills pools
    wait.until(lambda: site.sessions()[0] == 0, "the load is gone")
    cost = Cost(site)
    neighbour = site.wrk(path, LONG, connections=8, body="100k")
    wait_for_load(site, path, 8)
    for _ in range(6):
        victim = site.wrk(path, LONG, connections=32, body=chance.choice(["64", "100k", "100m"]))
        wait_for_load(site, path, 24)
        a_moment(chance)
        victim.kill()
    assert end_load(neighbour) == [0] * 5
    assert site.answers(PROXY_PORT, path, 10)
    wait.until(lambda: site.sessions()[0] == 0, "their connections are reset")
    cost.wait_back(spare_fds=64)  # connections that the proxy keeps to nginx


@pytest.mark.parametrize("path", ["cut-through", "tap"])
def test_server_killed_under_load(site, chance, path):
    """Its peers see the end of their connections, others go on; a new server takes the address."""
    program = [site.build / "src/comms/echo-server", STACK, ECHO_PORT]
    assert errors_of(site.wrk(path, 1).ok(20)) == [0] * 5
    wait.until(lambda: site.sessions()[0] == 0, "the load is gone")
    cost = Cost(site)
    neighbour = site.wrk(path, LONG, connections=8)
    wait_for_load(site, path, 8)
    for _ in range(4):
        server = site.run(*program, env=site.stack.env)
        wait.until(lambda: "ready" in server.out, f"it listens: {server}")
        clients = [start_peer(site, path) for _ in range(3)]
        for client in clients:
            client.wait_busy()
        a_moment(chance)
        server.kill()
        for client in clients:
            client.expect_end()
    assert end_load(neighbour) == [0] * 5
    cost.wait_back(spare_fds=64)


class EchoClient:
    """A program on the stack that sends and receives for ever."""

    def __init__(self, site):
        before = site.sessions()[1]
        self.site, self.process = site, site.run(
            site.build / "src/comms/echo-client", STACK, ECHO_PORT, 1 << 30, 30_000, env=site.stack.env)
        wait.until(lambda: site.sessions()[1] > before, "it is connected")

    def wait_busy(self):
        assert self.process.alive(), self.process

    def expect_end(self):
        assert self.process.wait() == 1
        assert "reset" in self.process.err or "recv" in self.process.err, self.process


class KernelClient:
    """A socket of the kernel that has sent more than comes back unread."""

    def __init__(self, site):
        self.socket = site.connect(ECHO_PORT)

    def wait_busy(self):
        self.socket.sendall(b"x" * 30_000)
        assert self.socket.recv(1000)

    def expect_end(self):
        with self.socket:
            try:
                while self.socket.recv(1 << 16):
                    pass
            except ConnectionResetError:
                pass


def start_peer(site, path):
    return KernelClient(site) if path == "tap" else EchoClient(site)


@pytest.mark.parametrize("path", ["cut-through", "tap"])
def test_proxy_killed_under_load(site, path):
    """Its clients are cut off, nginx goes on, and a new proxy serves at the same address."""
    load = site.wrk(path, LONG)
    wait_for_load(site, path, 16)
    direct = site.wrk(path, LONG, port=ORIGIN_PORT, connections=4)
    wait_for_load(site, path, 20)
    site.proxy.process.kill()
    assert end_load(direct) == [0] * 5
    site.proxy = site._start_proxy()
    assert site.answers(PROXY_PORT, path, 10)
    assert end_load(load)[3] == 0, "a connection hangs"


def test_workers_of_nginx_killed_under_load(site, chance):
    """The master replaces them, and nobody waits for an answer that will not come."""
    load = site.wrk("cut-through", LONG, port=ORIGIN_PORT)
    wait_for_load(site, "cut-through", 16)
    for _ in range(3):
        before = footprint.children(site.origin.pid)
        os.kill(chance.choice(before), signal.SIGKILL)
        wait.until(lambda: len(footprint.children(site.origin.pid)) == 2 and
                   footprint.children(site.origin.pid) != before, "nginx has replaced it")
        assert site.answers(ORIGIN_PORT, seconds=10)
        a_moment(chance)
    connect, _, _, timeout, others = end_load(load)
    assert (connect, timeout, others) == (0, 0, 0)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_convoyd_restarted_under_load(site, how):
    loads = [site.wrk(path, LONG, connections=8) for path in ("cut-through", "tap")]
    for path in ("cut-through", "tap"):
        wait_for_load(site, path, 8)
    servers = site.servers()[1:]
    site.restart_stack(how)
    for port in (ORIGIN_PORT, PROXY_PORT):
        for path in ("cut-through", "tap"):
            wait.until(lambda: site.answers(port, path), f"{port} answers again, {path}", 10)
    for load in loads:
        load.stop()
    assert site.servers()[1:] == servers, "nobody has crashed"
    wait.until(lambda: site.sessions()[0] == 0, "only the servers are left")
    wait.until(lambda: footprint.cpu_percent(site.servers(), 0.5) < 5, "nobody spins")


def test_bursts_of_short_connections(site):
    """20,000 connections from four programs at once, through the listener's backlog and back to nothing."""
    server = site.run(site.build / "src/comms/echo-server", STACK, ECHO_PORT, env=site.stack.env)
    wait.until(lambda: "ready" in server.out, "it listens")

    def burst(n):
        clients = [site.run(site.build / "src/comms/echo-client", STACK, ECHO_PORT, 1, 100, n,
                            env=site.stack.env) for _ in range(4)]
        for client in clients:
            client.ok(30)
    burst(50)
    wait.until(lambda: len(site.apps()) == 5, "they have gone")  # nginx thrice, the proxy, the server
    cost, pids = Cost(site), [server.pid]
    held = sum(map(footprint.n_fds, pids)), sum(len(footprint.shared_segments(pid)) for pid in pids)
    for _ in range(2):
        burst(2500)
    cost.wait_back()
    wait.until(lambda: site.sessions()[0] == 0, "no session is left")
    wait.until(lambda: (sum(map(footprint.n_fds, pids)),
                        sum(len(footprint.shared_segments(pid)) for pid in pids)) <= held, "the server holds no more")


def test_1000_idle_connections_cost_no_time(site):
    clients = [site.connect(PROXY_PORT) for _ in range(1000)]
    for client in clients:
        ask(client)
    pids = site.servers()
    wait.until(lambda: footprint.cpu_percent(pids, 2.0) < 2, "they idle", 15)
    for client in clients:
        ask(client)
        client.close()
    wait.until(lambda: site.sessions()[0] == 0, "every session is gone")


def ask(client):
    client.sendall(b"GET /64 HTTP/1.1\r\nhost: a\r\n\r\n")
    heard = b""
    while not heard.partition(b"\r\n\r\n")[2][63:]:
        part = client.recv(4096)
        assert part, "the proxy closed"
        heard += part
    assert heard.startswith(b"HTTP/1.1 200 ")


def broken_apps(stack):
    return sum(e["count"] for e in stack.call("show errors") if e["reason"] == "broken-app")


def scribble_all_over(site, victim, hostile):
    """Until it has stumbled over its own nonsense, or long enough."""
    for _ in range(2000):
        hostile.scribble(5)
        if not victim.alive():
            return


def break_rings(site, victim, hostile):
    counted = broken_apps(site.stack)

    def detached():
        hostile.break_rings()
        return broken_apps(site.stack) > counted
    wait.until(detached, f"it is detached, and that is counted: {victim}")


def test_scribbling_program_harms_only_itself(site, chance):
    """A program with cut-through sessions to the proxy and to nginx writes nonsense all over its memory."""
    server = site.run(site.build / "src/comms/echo-server", STACK, ECHO_PORT, env=site.stack.env)
    wait.until(lambda: "ready" in server.out, "it listens")
    loads = [site.wrk(path, LONG, connections=4, body="100k") for path in ("cut-through", "tap")]
    checked = site.run(site.build / "src/comms/echo-client", STACK, ECHO_PORT, 1 << 30, 30_000, env=site.stack.env)
    servers = site.servers()
    for port, harm in itertools.product((PROXY_PORT, ORIGIN_PORT), (scribble_all_over, break_rings)):
        victim = site.wrk("cut-through", LONG, port=port, body="100k")
        wait.until(lambda: {name for _, _, name in writable_segments(victim.pid)} == {"convoy-app", "convoy-pair"},
                   "it has channels")
        wait.until(lambda: site.sessions()[1] >= 16, "it has sessions")
        with Scribbler(victim.pid, chance) as hostile:
            harm(site, victim, hostile)
        victim.kill()
    assert checked.alive(), f"other bytes came back: {checked}"
    for load in loads:
        assert end_load(load) == [0] * 5
    assert site.servers() == servers, "nobody has crashed"
    assert site.answers(PROXY_PORT, seconds=10) and site.answers(PROXY_PORT, "tap", 10)
    wait.until(lambda: footprint.cpu_percent(site.servers(), 0.3) < 5, "nobody spins")


def test_two_workers_of_convoyd(tools):
    site = Site(tools, workers=2)
    wanted = hashlib.sha256((site.folder / "origin/root/100m").read_bytes()).hexdigest()
    for path in ("cut-through", "tap"):
        assert errors_of(site.wrk(path, 1).ok(20)) == [0] * 5
        for port in (ORIGIN_PORT, PROXY_PORT):
            got = site.folder / "got"
            site.client(path, "curl", "-sS", "-o", got, f"http://{STACK}:{port}/100m").ok(30)
            assert hashlib.sha256(got.read_bytes()).hexdigest() == wanted, f"{path} {port}"
    wait.until(lambda: site.sessions()[0] == 0, "no session is left")
