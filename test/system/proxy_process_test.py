"""convoy-proxy as a program: flags, refusals, start, draining, end."""
import os
import signal
import socket
import stat
import threading
import time

import pytest
from harness import proxy as p
from harness import wait

HELLO = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}}]


@pytest.mark.parametrize("arguments, message", [
    ([], "no configuration"),
    (["--nonsense"], 'unknown argument "--nonsense"'),
    (["-c"], 'a value is missing after "-c"'),
    (["-c", "x", "--mode", "dream"], 'unknown mode "dream"'),
    (["-c", "x", "--concurrency", "0"], 'concurrency "0"'),
    (["-c", "x", "--concurrency=many"], 'concurrency "many"'),
    (["-c", "x", "-l", "loud"], 'unknown log level "loud"'),
    (["-c", "x", "--restart-epoch", "1"], 'restart-epoch "1"'),
    (["-c", "x", "extra"], 'unknown argument "extra"'),
])
def test_bad_usage(run, build, arguments, message):
    process = run(build / "convoy-proxy", *arguments)
    assert process.wait() == 2
    assert message in process.err and process.err.count("\n") == 1


def test_help_and_version(run, build):
    helped = run(build / "convoy-proxy", "--help").ok()
    assert "--config-path FILE" in helped and max(map(len, helped.splitlines())) <= 100
    assert run(build / "convoy-proxy", "--version").ok().startswith("convoy-proxy ")


@pytest.mark.parametrize("text, status, message", [
    ("a: [", 2, ":2:1: not valid YAML or JSON: "),
    ("admin: 7", 2, ":1:8: a map of fields expected (Admin), not a single value (at admin)"),
    ("bogus: 1", 2, ':1:1: unknown field "bogus" in Bootstrap (at bogus)'),
])
def test_bad_configuration(run, build, tmp_path, text, status, message):
    path = tmp_path / "envoy.yaml"
    path.write_text(text + "\n")
    served = run(build / "convoy-proxy", "-c", path)
    validated = run(build / "convoy-proxy", "-c", path, "--mode=validate")
    assert (served.wait(), validated.wait()) == (status, 1)
    for process in (served, validated):
        assert process.err.startswith(f"{path}:") and message in process.err and process.err.count("\n") == 1


def test_missing_file(run, build):
    process = run(build / "convoy-proxy", "-c", "/nowhere/envoy.yaml")
    assert process.wait() == 2
    assert process.err == "/nowhere/envoy.yaml:1:1: cannot open the file: No such file or directory\n"


def test_config_yaml_is_merged_over_the_file(proxy):
    one = proxy(p.bootstrap([p.listener(HELLO)]),
                arguments=("--concurrency", "1", "--config-yaml", "node: {id: over}"))
    assert one.admin("/server_info").json()["node"]["id"] == "over"
    assert one.ask().text == "hello"


def test_validate_opens_nothing(run, build, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = tmp_path / "envoy.yaml"
        path.write_text("admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}"
                        % taken.getsockname()[1])
        assert run(build / "convoy-proxy", "-c", path, "--mode", "validate").wait() == 0


@pytest.mark.parametrize("who", ["listener", "admin"])
def test_port_in_use(build, run, tmp_path, who):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = p.bootstrap([p.listener(HELLO, port=port if who == "listener" else 0)])
        if who == "admin":
            config["admin"]["address"]["socket_address"]["port_value"] = port
        one = p.Proxy(build, tmp_path, config, live=False)
        assert one.process.wait() == 1
        last = one.process.err.splitlines()[-1]
        assert f"cannot listen on 127.0.0.1:{port}: the address is in use" in last
        assert last.startswith(f"{one.config}:")


def test_address_that_is_not_ours(build, tmp_path):
    config = p.bootstrap([p.listener(HELLO)])
    config["static_resources"]["listeners"][0]["address"] = p.socket_address(8080, "192.0.2.1")
    one = p.Proxy(build, tmp_path, config, live=False)
    assert one.process.wait() == 1
    assert "cannot listen on 192.0.2.1:8080: this machine has no such address" in one.process.err


def test_access_log_that_cannot_be_opened(build, tmp_path):
    access_log = [{"name": "file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": "/nowhere/access.log"}}]
    one = p.Proxy(build, tmp_path, p.bootstrap([p.listener(HELLO, access_log=access_log)]), live=False)
    assert one.process.wait() == 1
    assert one.process.err.startswith(f"{one.config}:")
    assert 'cannot open the access log "/nowhere/access.log": No such file or directory' in one.process.err
    assert one.process.err.count("\n") == 1


def test_convoyd_that_is_not_there(build, tmp_path):
    config = p.bootstrap([p.listener(HELLO)], default_socket_interface="convoy")
    one = p.Proxy(build, tmp_path, config, live=False, env={"CONVOY_SOCKET": str(tmp_path / "none.sock")})
    assert one.process.wait() == 1
    lines = one.process.err.splitlines()
    assert f"{tmp_path}/none.sock" in one.process.err
    assert lines[-1].startswith(f"{one.config}:") and "convoyd cannot be reached" in lines[-1]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "/quitquitquit"])
def test_ends_at_once_when_idle(proxy, how):
    one = proxy(p.bootstrap([p.listener(HELLO)]))
    idle = socket.create_connection(("127.0.0.1", one.port()))
    wait.until(lambda: one.stat("listener.127.0.0.1_0.downstream_cx_active") == 1, "the connection is there")
    if how.startswith("/"):
        assert one.admin(how, "POST").text == "OK\n"
    else:
        one.process.signal(getattr(signal, how))
    assert one.process.wait() == 0
    idle.close()


def test_survives_its_terminal(proxy):
    one = proxy(p.bootstrap([p.listener(HELLO)]))
    one.process.signal(signal.SIGHUP)
    wait.until(lambda: "signal number=1" in one.process.err, "the signal is seen")
    assert one.ask().text == "hello"


def test_requests_under_way_finish(proxy, backend):
    route = [{"match": {"prefix": "/"}, "route": {"cluster": "b"}}]
    one = proxy(p.bootstrap([p.listener(route)], [p.cluster("b", backend.port)]))
    port, answers = one.port(), []
    thread = threading.Thread(target=lambda: answers.append(p.ask(port, "/wait")))
    thread.start()
    backend.waiting.wait(10)
    one.process.signal(signal.SIGTERM)
    wait.until(lambda: one.admin("/ready").status == 503, "draining")
    assert one.admin("/ready").text == "DRAINING\n"
    with pytest.raises(OSError):
        wait.until(lambda: socket.create_connection(("127.0.0.1", port)).close(), "never")
    assert one.process.alive()
    backend.go_on.set()
    thread.join(10)
    assert (answers[0].status, answers[0].headers["connection"]) == (200, "close")
    assert one.process.wait() == 0


def test_second_signal_does_not_wait(proxy, backend):
    route = [{"match": {"prefix": "/"}, "route": {"cluster": "b"}}]
    one = proxy(p.bootstrap([p.listener(route)], [p.cluster("b", backend.port)]))
    port = one.port()
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.waiting.wait(10)
    one.process.signal(signal.SIGTERM)
    wait.until(lambda: one.admin("/ready").status == 503, "draining")
    one.process.signal(signal.SIGTERM)
    assert one.process.wait() == 0
    backend.go_on.set()
    client.close()


def test_drain_time_is_kept(proxy, backend):
    route = [{"match": {"prefix": "/"}, "route": {"cluster": "b"}}]
    one = proxy(p.bootstrap([p.listener(route)], [p.cluster("b", backend.port)]),
                arguments=("--concurrency", "1", "--drain-time-s", "1"))
    client = socket.create_connection(("127.0.0.1", one.port()))
    client.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.waiting.wait(10)
    began = time.monotonic()
    one.process.signal(signal.SIGTERM)
    assert one.process.wait(10) == 0
    assert time.monotonic() - began > 0.9
    backend.go_on.set()
    client.close()


def test_rotated_logs_are_reopened(proxy, tmp_path):
    log, access = tmp_path / "proxy.log", tmp_path / "access.log"
    access_log = [{"name": "file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(access),
        "log_format": {"text_format_source": {"inline_string": "%RESPONSE_CODE%\n"}}}}]
    one = proxy(p.bootstrap([p.listener(HELLO, access_log=access_log)]),
                arguments=("--log-path", str(log), "--concurrency", "1"))
    assert "proxy.ready" in log.read_text() and not one.process.err
    one.ask()
    wait.until(lambda: access.read_text() == "200\n", "the line is written")
    os.rename(access, f"{access}.1")
    os.rename(log, f"{log}.1")
    one.process.signal(signal.SIGUSR1)
    wait.until(log.exists, "the log is there again")
    wait.until(access.exists, "the access log is there again")
    one.ask()
    wait.until(lambda: access.read_text() == "200\n", "the line is in the new file")
    assert (tmp_path / "access.log.1").read_text() == "200\n"


def test_names_are_resolved_before_it_is_live(proxy, backend):
    route = [{"match": {"prefix": "/"}, "route": {"cluster": "b"}}]
    named = p.cluster("b", backend.port, address="localhost", type="STRICT_DNS", dns_lookup_family="V4_ONLY")
    one = proxy(p.bootstrap([p.listener(route)], [named]))
    assert one.ask("/x").text == "you asked for /x"
    assert one.stat("cluster.b.update_success") >= 1
    assert one.stat("cluster.b.membership_total") == 1


def test_all_workers_share_a_free_port(proxy):
    one = proxy(p.bootstrap([p.listener(HELLO)]), arguments=("--concurrency", "4"))
    for _ in range(20):
        assert one.ask().text == "hello"
    one.wait_stat("listener.127.0.0.1_0.downstream_cx_total", 20)


def test_listener_on_a_path(proxy, tmp_path):
    path = tmp_path / "web.sock"
    web = p.listener(HELLO)
    web["address"] = {"pipe": {"path": str(path), "mode": 0o600}}
    proxy(p.bootstrap([web]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    assert answer.endswith(b"\r\n\r\nhello")


def test_each_address_chooses_its_sockets(convoyd, netns, proxy):
    """One listener on the kernel, one on the stack, whose control socket the configuration names."""
    lan = netns("lan")
    stack = convoyd({"interfaces": [{
        "name": "lan", "addresses": ["10.0.0.1/24"], "tap": {"host_addresses": ["10.0.0.2/24"]}}]}, netns=lan)
    on_stack = p.listener(HELLO, name="stack", port=8000)
    on_stack["address"] = p.socket_address(8000, "10.0.0.1")
    on_stack["address"]["socket_address"]["resolver_name"] = "convoy"
    one = proxy(p.bootstrap([p.listener(HELLO), on_stack], bootstrap_extensions=[{
        "name": "convoy", "typed_config": {
            "@type": "type.googleapis.com/convoy.extensions.v1.ConvoySocketInterface",
            "control_socket": str(stack.socket)}}]))
    assert one.ask().text == "hello"
    assert lan.run("curl", "-sS", "http://10.0.0.1:8000/").stdout == "hello"
    one.wait_stat("listener.10.0.0.1_8000.downstream_cx_total", 1)
