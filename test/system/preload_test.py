"""Unmodified programs under `convoy exec`: curl, wrk, nginx, redis, iperf3; forks, restarts, deaths."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest
from harness import wait

HOST = "127.0.0.1"
BIG = os.urandom(3_000_001)
NGINX = """
daemon off;
user root;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000;
  upstream self {{ server {host}:8081; keepalive 16; }}
  server {{ listen {host}:8081; location / {{ return 200 "hello\\n"; }}
            location /files/ {{ alias {folder}/files/; sendfile on; tcp_nopush on; }}
            location /who {{ return 200 "$remote_addr:$remote_port $server_addr:$server_port\\n"; }} }}
  server {{ listen {host}:8082; location / {{ proxy_pass http://self; proxy_http_version 1.1;
            proxy_set_header Connection ""; }} }}
}}
"""


@pytest.fixture
def stack(convoyd):
    return convoyd({"workers": 1})


@pytest.fixture
def execute(run, build, stack):
    """execute(PROGRAM, ...) runs it with its sockets on the stack."""
    def start(*argv, **keywords):
        return run(build / "convoy", "--socket", stack.socket, "exec", "--", *argv, **keywords)
    return start


def listening(stack, port):
    return any(at.endswith(f":{port}") for app in stack.call("show apps")["apps"] for at in app["listening"])


@pytest.fixture
def nginx(execute, stack, tmp_path):
    folder = tmp_path / "nginx"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "big").write_bytes(BIG)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, host=HOST))
    process = execute("nginx", "-c", folder / "nginx.conf")
    wait.until(lambda: workers_of(process) == 2 and listening(stack, 8082) and answers(execute), "nginx serves", 20)
    return process


def answers(execute):
    return execute("curl", "-s", "-m", 2, f"http://{HOST}:8081/").wait() == 0


def children_of(process):
    path = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(p) for p in path.read_text().split()]


def workers_of(process):
    return len(children_of(process))


def requests_of(report):
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    return int(re.search(r"(\d+) requests in", report)[1])


def test_curl_gets_a_page_and_a_file(nginx, execute, tmp_path):
    assert execute("curl", "-sS", f"http://{HOST}:8081/").ok() == "hello\n"
    execute("curl", "-sS", "-o", tmp_path / "got", f"http://{HOST}:8081/files/big").ok()
    assert (tmp_path / "got").read_bytes() == BIG


def test_servers_see_the_addresses_of_their_clients(nginx, execute):
    shown = execute("curl", "-sS", "-w", "%{local_ip}:%{local_port}", f"http://{HOST}:8081/who").ok()
    client_seen, server_seen, client = re.fullmatch(r"(\S+) (\S+)\n(\S+)", shown).groups()
    assert client_seen == client and server_seen == f"{HOST}:8081"


def test_wrk_with_two_threads_straight_and_through_a_proxy(nginx, execute):
    for port in 8081, 8082:
        report = execute("wrk", "-t2", "-c32", "-d1", f"http://{HOST}:{port}/").ok(30)
        assert requests_of(report) > 0


def test_wrk_with_one_connection(nginx, execute):
    assert requests_of(execute("wrk", "-t1", "-c1", "-d1", f"http://{HOST}:8081/").ok(30)) > 0


def test_short_connections(nginx, execute):
    report = execute("wrk", "-t2", "-c32", "-d2", "-H", "Connection: close", f"http://{HOST}:8081/").ok(30)
    assert requests_of(report) > 0
    assert answers(execute)


def test_sessions_are_counted(nginx, execute, stack):
    load = execute("wrk", "-t2", "-c20", "-d60", f"http://{HOST}:8081/")
    wait.until(lambda: stack.call("show sessions")["n_cut_through"] == 20, "20 sessions are cut through")
    load.interrupt()
    load.ok(30)
    wait.until(lambda: stack.call("show sessions")["n_cut_through"] == 0, "they have gone")


def test_nginx_answers_after_a_worker_was_killed_under_load(nginx, execute, stack):
    load = execute("wrk", "-t2", "-c20", "-d60", f"http://{HOST}:8081/")
    wait.until(lambda: stack.call("show sessions")["n_cut_through"] == 20, "the load runs")
    killed = children_of(nginx)[0]
    os.kill(killed, signal.SIGKILL)
    wait.until(lambda: workers_of(nginx) == 2 and killed not in children_of(nginx), "nginx has replaced it")
    load.interrupt()
    load.ok(30)
    assert answers(execute)


ASK_AND_WAIT = """
import socket, sys
def ask(n):
    clients = [socket.create_connection(("127.0.0.1", 8081)) for _ in range(n)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
    return clients
def answer(client):
    got = b""
    while chunk := client.recv(4096):
        got += chunk
    return got.endswith(b"hello\\n")
print("known", all(answer(c) for c in ask(8)), flush=True)
sys.stdin.readline()
clients = ask(8)
print("asked", flush=True)
print("answered", sum(answer(c) for c in clients), flush=True)
"""


def test_what_a_dead_worker_had_not_accepted_is_answered_by_another(nginx, execute):
    """Clients that have met the worker before, and have sent their request to it, and new ones."""
    worker = children_of(nginx)[0]
    client = execute("/usr/bin/python3", "-c", ASK_AND_WAIT, stdin=subprocess.PIPE)
    wait.until(lambda: "known True" in client.out, "the client knows both workers")
    os.kill(worker, signal.SIGSTOP)
    client.popen.stdin.write(b"\n")
    client.popen.stdin.flush()
    wait.until(lambda: "asked" in client.out, "requests are on their way")
    curls = [execute("curl", "-sS", "-m", 20, f"http://{HOST}:8081/") for _ in range(6)]
    wait.until(lambda: sum(not curl.alive() for curl in curls) >= 3, "the other worker serves its share")
    assert any(curl.alive() for curl in curls) and "answered" not in client.out
    os.kill(worker, signal.SIGKILL)
    client.ok()
    assert "answered 8" in client.out
    assert all(curl.ok() == "hello\n" for curl in curls)


def test_nginx_answers_after_convoyd_was_restarted(nginx, execute, stack, convoyd):
    stack.stop()
    convoyd({"workers": 1}, arguments=("--socket", str(stack.socket)))
    wait.until(lambda: answers(execute), "nginx answers again", 40)
    assert nginx.alive() and workers_of(nginx) == 2


def test_nginx_reloads(nginx, execute):
    before = set(children_of(nginx))
    nginx.signal(signal.SIGHUP)
    wait.until(lambda: workers_of(nginx) == 2 and not before & set(children_of(nginx)), "new workers", 20)
    assert answers(execute)


def test_nginx_stops_in_order(nginx):
    nginx.signal(signal.SIGQUIT)
    assert nginx.wait() == 0


def test_debians_nginx_daemonises(convoyd, netns, run, build, tmp_path):
    """Debian's own configuration, in namespaces of its own: IPv4 on the stack, IPv6 on the kernel."""
    space = netns("nginx")
    stack = convoyd({"workers": 1}, netns=space)
    own_run = "mount -t tmpfs none /run && mount -t tmpfs none /var/log/nginx && exec"
    inside = f"{own_run} {build}/convoy --socket {stack.socket} exec -v -- nginx"
    pid_file = tmp_path / "pid"
    start = run("unshare", "-m", "sh", "-c", f"({inside}); cp /run/nginx.pid {pid_file}", netns=space)
    start.ok(20)
    assert "bind 0.0.0.0:80: stack" in re.sub(r" fd \d+", "", start.err), start.err
    assert "IPv6 sockets stay with the kernel" in start.err
    page = run(build / "convoy", "--socket", stack.socket, "exec", "--", "curl", "-sS", f"http://{HOST}/",
               netns=space)
    assert "nginx" in page.ok()
    assert "nginx" in space.run("curl", "-sS", "http://[::1]/").stdout
    os.kill(int(pid_file.read_text()), signal.SIGQUIT)
    wait.until(lambda: not stack.call("show apps")["apps"], "nginx has gone")


def test_redis_serves_saves_and_stops(execute, stack, tmp_path):
    server = execute("redis-server", "--port", 6390, "--bind", HOST, "--dir", tmp_path, "--save", "")
    wait.until(lambda: listening(stack, 6390), f"redis listens: {server}")
    cli = ["redis-cli", "-h", HOST, "-p", 6390]
    assert execute(*cli, "set", "word", "convoy").ok() == "OK\n"
    speed = execute("redis-benchmark", "-h", HOST, "-p", 6390, "-n", 20000, "-q", "-t", "set,get", "--threads", 2)
    assert len(re.findall(r"(SET|GET): [\d.]+ requests per second", speed.ok(30))) == 2
    assert "started" in execute(*cli, "bgsave").ok()
    wait.until(lambda: (tmp_path / "dump.rdb").exists(), "the child has saved")
    assert execute(*cli, "get", "word").ok() == "convoy\n"
    execute(*cli, "shutdown", "nosave").wait()
    assert server.wait() == 0


def test_redis_answers_commands_from_a_script(execute, stack, tmp_path):
    server = execute("redis-server", "--port", 6391, "--bind", HOST, "--dir", tmp_path, "--save", "")
    wait.until(lambda: listening(stack, 6391), f"redis listens: {server}")
    script = tmp_path / "commands"
    script.write_text("".join(f"set k{i} {'v' * (i + 1)}\n" for i in range(2000)) + "dbsize\n")
    with open(script, "rb") as commands:
        client = execute("redis-cli", "-h", HOST, "-p", 6391, stdin=commands)
        assert client.ok(30).splitlines()[-1] == "2000"


@pytest.mark.parametrize("options", [(), ("-R",), ("-P", "4"), ("-R", "-P", "4")])
def test_iperf3(execute, stack, options):
    execute("iperf3", "-4", "-s", "-1", "-B", HOST, "-p", 5290)
    wait.until(lambda: listening(stack, 5290), "iperf3 listens")
    report = json.loads(execute("iperf3", "-4", "-J", "-c", HOST, "-p", 5290, "-t", 1, *options).ok(30))
    assert report["end"]["sum_received"]["bits_per_second"] > 0


def test_loopback_without_a_listener_on_the_stack_is_the_kernels(execute):
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(10)
        client = execute("curl", "-sS", "-m", "5", f"http://{HOST}:{server.getsockname()[1]}/")
        with server.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        assert client.ok() == "ok"


def test_without_convoyd_the_network_is_down(run, build, tmp_path):
    client = run("curl", "-sS", "http://10.77.0.1/", env={
        "LD_PRELOAD": str(build / "libconvoy-preload.so"), "CONVOY_SOCKET": str(tmp_path / "none")})
    assert client.wait() != 0
    assert f"{tmp_path}/none.apps: cannot reach convoyd" in client.err


PROXY = """
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
bootstrap_extensions:
- name: envoy.extensions.vcl.vcl_socket_interface
  typed_config: {{"@type": type.googleapis.com/envoy.extensions.vcl.v3alpha.VclSocketInterface}}
default_socket_interface: envoy.extensions.vcl.vcl_socket_interface
static_resources:
  listeners:
  - address: {{socket_address: {{address: {host}, port_value: 8090}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: nginx}}}}]}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: nginx
    connect_timeout: 1s
    load_assignment:
      cluster_name: nginx
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {host}, port_value: 8081}}}}}}
"""


@pytest.fixture
def proxy(nginx, run, build, stack, tmp_path):
    config = tmp_path / "envoy.yaml"
    config.write_text(PROXY.format(host=HOST))
    process = run(build / "convoy-proxy", "-c", config, "--concurrency", 2, env=stack.env)
    wait.until(lambda: listening(stack, 8090), f"the proxy listens: {process}")
    return process


def test_everything_on_the_stack(proxy, execute, stack, tmp_path):
    url = f"http://{HOST}:8090"
    assert execute("curl", "-sS", f"{url}/").ok() == "hello\n"
    execute("curl", "-sS", "-o", tmp_path / "got", f"{url}/files/big").ok()
    assert (tmp_path / "got").read_bytes() == BIG
    load = execute("wrk", "-t2", "-c20", "-d60", f"{url}/")
    wait.until(lambda: stack.call("show sessions")["n_cut_through"] > 20, "both hops are cut through")
    load.interrupt()
    assert requests_of(load.ok(30)) > 0
    assert requests_of(execute("wrk", "-t1", "-c4", "-d1", f"{url}/files/big").ok(30)) > 0


def test_the_proxy_answers_after_convoyd_was_restarted(proxy, execute, stack, convoyd):
    stack.stop()
    convoyd({"workers": 1}, arguments=("--socket", str(stack.socket)))
    wait.until(lambda: execute("curl", "-sf", "-m", 2, f"http://{HOST}:8090/").wait() == 0, "it answers again", 40)
    assert proxy.alive()


def test_without_convoyd_connect_says_enetdown(run, build, tmp_path):
    program = "import errno, socket; print(errno.errorcode[socket.socket().connect_ex(('10.77.0.1', 80))])"
    client = run("/usr/bin/python3", "-c", program, env={
        "LD_PRELOAD": str(build / "libconvoy-preload.so"), "CONVOY_SOCKET": str(tmp_path / "none")})
    assert client.ok() == "ENETDOWN\n"
