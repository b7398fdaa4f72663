"""convoy-proxy between real clients and a real nginx, over the kernel's sockets: HTTP/1.1 as curl, wrk
and raw sockets speak it, and every request that two parsers might read in two ways."""
import contextlib
import hashlib
import os
import random
import re
import socket
import threading

import pytest
from harness import proxy as p
from harness import wait

ANY = [{"match": {"prefix": "/"}, "route": {"cluster": "web"}}]
SIZES = {"64": 64, "10k": 10_000, "1m": 1_000_000}


def content(size):
    return bytes((i * 7 + i // 251) % 251 for i in range(size))


def free_port():
    """Below those that the kernel gives to clients, which could have it again before the server does."""
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@pytest.fixture
def nginx(run, tmp_path):
    """nginx("DIRECTIVE; ...") serves files named after their sizes; returns its port."""
    def start(directives="", port=None):
        port = port or free_port()
        folder = tmp_path / f"nginx{port}"
        folder.mkdir(exist_ok=True)
        for name, size in SIZES.items():
            (folder / name).write_bytes(content(size))
        os.chmod(tmp_path, 0o755)
        config = folder / "nginx.conf"
        config.write_text(f"""
            daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
            user root;
            events {{ worker_connections 512; }}
            http {{ access_log off; {directives}
              server {{ listen 127.0.0.1:{port}; root {folder};
                location /echo {{ return 200 "$request_method $request_uri $http_host $http_x_forwarded_proto"; }}
            }} }}""")
        process = run("nginx", "-c", config, "-p", folder)
        wait.until(lambda: listening(port), f"nginx listens: {process}")
        return port
    return start


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Host:
    """A host in this process that answers each request with the digest of its body, and remembers."""

    def __init__(self):
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                head = [line]
                while head[-1] not in (b"\r\n", b""):
                    head.append(stream.readline())
                text = b"".join(head).decode()
                body = self._body(stream, text)
                self.requests.append(text)
                digest = hashlib.sha256(body).hexdigest().encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(digest), digest))

    @staticmethod
    def _body(stream, head):
        length = re.search(r"content-length: (\d+)", head)
        if length:
            return stream.read(int(length[1]))
        if "transfer-encoding: chunked" not in head:
            return b""
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        return body

    def close(self):
        self._listener.close()


@pytest.fixture
def host():
    one = Host()
    yield one
    one.close()


def talk(port, data, until=None, timeout=10.0):
    """Sends bytes; returns what comes back up to `until`, or to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(data)
        heard = b""
        while until is None or until not in heard:
            try:
                piece = s.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            heard += piece
        return heard


def test_curl_gets_files_of_every_size(proxy, nginx, run):
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", nginx())]))
    for name, size in SIZES.items():
        url = f"http://127.0.0.1:{one.port()}/{name}"
        file = one.folder / name
        run("curl", "-sS", "--fail", "-o", file, url).ok()
        assert file.read_bytes() == content(size)
    head = run("curl", "-sSI", "--fail", f"http://127.0.0.1:{one.port()}/10k").ok()
    assert "content-length: 10000" in head and "server: envoy" in head
    one.wait_stat("cluster.web.upstream_rq_200", len(SIZES) + 1)
    one.wait_stat("http.web.downstream_rq_2xx", len(SIZES) + 1)


def test_a_service_proxy_routes_by_prefix(proxy, nginx, run):
    """The shape of Envoy's front-proxy example: a STRICT_DNS cluster behind /service/1."""
    config = f"""
static_resources:
  listeners:
  - address:
      socket_address:
        address: 0.0.0.0
        port_value: 0
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {p.HCM}
          codec_type: AUTO
          stat_prefix: service_envoy_1
          route_config:
            name: local_route
            virtual_hosts:
            - name: backend
              domains:
              - "*"
              routes:
              - match:
                  prefix: "/echo"
                route:
                  cluster: service1
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": {p.ROUTER}
  clusters:
  - name: service1
    type: STRICT_DNS
    dns_lookup_family: V4_ONLY
    lb_policy: ROUND_ROBIN
    load_assignment:
      cluster_name: service1
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address:
                address: localhost
                port_value: {nginx()}
admin:
  address:
    socket_address:
      address: 127.0.0.1
      port_value: 0
"""
    one = proxy(config)
    port = int(re.search(r"::.*:(\d+)", one.admin("/listeners").text)[1])
    answer = run("curl", "-sS", "--fail", "-H", "Host: shop.example:8000",
                 f"http://127.0.0.1:{port}/echo/1?q").ok()
    assert answer == "GET /echo/1?q shop.example:8000 http"
    missing = p.ask(port, "/other")
    assert (missing.status, missing.body) == (404, b"")


def test_bodies_go_up_whole(proxy, host, run, tmp_path):
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", host.port)]))
    body = content(3_000_000)
    file = tmp_path / "body"
    file.write_bytes(body)
    url = f"http://127.0.0.1:{one.port()}/up"
    digest = hashlib.sha256(body).hexdigest()
    assert run("curl", "-sS", "--fail", "-T", file, url).ok() == digest
    assert run("curl", "-sS", "--fail", "-T", file, "-H", "Transfer-Encoding: chunked", url).ok() == digest
    assert "transfer-encoding: chunked" in host.requests[1]
    assert all("\r\nexpect:" not in head for head in host.requests)


def test_pipelined_requests_are_answered_in_order(proxy, host):
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", host.port)]))
    data = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(50))
    data += b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    heard = talk(one.port(), data)
    assert heard.count(b"HTTP/1.1 200 OK") == 51 and heard.count(b"connection: close") == 1
    paths = [head.split()[1] for head in host.requests]
    assert paths == [f"/{i}" for i in range(50)] + ["/last"]
    assert one.stat("cluster.web.upstream_cx_total") == 1


HOST = b"Host: a\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\n" + HOST + b"\r\n"
AMBIGUOUS = {
    "both lengths": (400, POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "lengths the other way round": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n"),
    "two lengths": (400, POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n"),
    "a list of lengths": (400, POST + b"Content-Length: 0, 0\r\n\r\n"),
    "a signed length": (400, POST + b"Content-Length: +0\r\n\r\n"),
    "a huge length": (400, POST + b"Content-Length: 99999999999999999999\r\n\r\n"),
    "an unknown coding": (501, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked, then identity": (501, POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "chunked twice": (501, POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    "a coding after a vertical tab": (400, POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "a coding in HTTP/1.0": (400, b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a blank before the colon": (400, POST + b"Content-Length : 40\r\n\r\n"),
    "a folded line": (400, POST + b"X: a\r\n Content-Length: 40\r\n\r\n"),
    "a bare LF": (400, b"POST / HTTP/1.1\nHost: a\n\n"),
    "a bare LF in the fields": (400, POST + b"X: a\nContent-Length: 40\r\n\r\n"),
    "a bare CR": (400, POST + b"X: a\rContent-Length: 40\r\n\r\n"),
    "NUL in a value": (400, POST + b"X: a\0b\r\n\r\n"),
    "NUL in a name": (400, POST + b"X\0: ab\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\n" + HOST + b"Host: b\r\n\r\n"),
    "user info in the host": (400, b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    "an odd chunk size": (400, CHUNKED + b"0x0\r\n\r\n"),
    "a signed chunk size": (400, CHUNKED + b"+0\r\n\r\n"),
    "a blank after the chunk size": (400, CHUNKED + b"0 \r\n\r\n"),
    "a huge chunk size": (400, CHUNKED + b"ffffffffffffffff0\r\n\r\n"),
    "LF in a chunk extension": (400, CHUNKED + b"0;a\nb\r\n\r\n"),
    "a chunk longer than its size": (400, CHUNKED + b"1\r\nab\r\n0\r\n\r\n"),
    "a blank in the target": (400, b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n"),
    "no version": (400, b"GET /\r\n" + HOST + b"\r\n"),
    "another version": (400, b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    "an unknown method": (400, b"NOPE / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a fragment in the target": (400, b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "a long line": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 70_000 + b"\r\n\r\n"),
    "many fields": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 101 + b"\r\n"),
    "HTTP/1.0": (426, b"GET / HTTP/1.0\r\n" + HOST + b"\r\n"),
    "an upgrade": (403, b"GET / HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    "CONNECT": (403, b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
}
# What is well framed may be followed by another request; after the others, nothing is read any more.
FRAMED = {"a fragment in the target", "no host", "an upgrade", "CONNECT"}


def test_ambiguous_requests_hide_nothing(proxy, host):
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", host.port)]))
    port = one.port()
    for name, (status, data) in AMBIGUOUS.items():
        if name in FRAMED:
            heard = talk(port, data, until=b"\r\n\r\n")
        else:
            heard = talk(port, data + HIDDEN)
            assert heard.count(b"HTTP/1.1 ") == 1 and b"connection: close" in heard, (name, heard)
        assert heard.startswith(b"HTTP/1.1 %d " % status), (name, heard)
    assert not [head for head in host.requests if "hidden" in head]
    assert one.ask("/").status == 200


def test_heads_split_anywhere_mean_the_same(proxy, host):
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", host.port)]))
    data = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    digest = hashlib.sha256(b"abc").hexdigest().encode()
    with socket.create_connection(("127.0.0.1", one.port()), 10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(1, len(data), 5):
            s.sendall(data[:at])
            s.sendall(data[at:])
            heard = b""
            while digest not in heard:
                piece = s.recv(4096)
                assert piece, (at, heard)
                heard += piece
    assert one.stat("http.web.downstream_cx_protocol_error") == 0


def test_a_host_that_is_away_and_comes_back(proxy, nginx, run):
    port = free_port()
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", port)]))
    away = one.ask("/64")
    assert away.status == 503
    assert away.text == ("upstream connect error or disconnect/reset before headers. "
                         "reset reason: remote connection failure")
    nginx(port=port)
    assert one.ask("/64").body == content(64)


def test_kept_connections_that_the_host_ends_cost_nothing(proxy, nginx, run):
    """nginx ends each connection after 7 requests, with and without a word; no client notices."""
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", nginx("keepalive_requests 7;"))]))
    out = run("wrk", "-t1", "-c16", "-d2s", f"http://127.0.0.1:{one.port()}/64").ok(timeout=30)
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    assert int(re.search(r"(\d+) requests in", out)[1]) > 100


def test_limits_answer_instead_of_queueing(proxy, backend):
    tight = {"circuit_breakers": {"thresholds": [{"max_connections": 1, "max_pending_requests": 1}]}}
    one = proxy(p.bootstrap([p.listener(ANY)], [p.cluster("web", backend.port, **tight)]),
                arguments=("--concurrency", "1"))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(one.ask("/wait"))) for _ in range(2)]
    threads[0].start()
    assert backend.waiting.wait(10)
    threads[1].start()
    wait.until(lambda: one.stat("cluster.web.upstream_rq_pending_active") == 1, "the second request waits")
    refused = one.ask("/wait")
    assert refused.status == 503 and refused.headers["x-envoy-overloaded"] == "true"
    assert refused.text.endswith("reset reason: overflow")
    backend.go_on.set()
    for t in threads:
        t.join(10)
    assert [a.status for a in answers] == [200, 200]


def test_access_log_and_identity(proxy, host, tmp_path):
    log = tmp_path / "access.log"
    file_log = {"name": "file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": str(log)}}
    one = proxy(p.bootstrap([p.listener(ANY, access_log=[file_log], use_remote_address=True)],
                            [p.cluster("web", host.port)]), arguments=("--concurrency", "1"))
    one.ask("/hello", headers={"User-Agent": "test/1", "X-Forwarded-For": "8.8.8.8", "X-Request-Id": "mine"})
    talk(one.port(), b"GET / HTTP/1.1\nbad")
    lines = wait.until(lambda: log.exists() and log.read_text().count("\n") >= 2 and log.read_text().splitlines(),
                       "both requests are logged")
    identity = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(r'\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "GET /hello HTTP/1.1" 200 - 0 64 \d+ \d+ '
                        rf'"8\.8\.8\.8,127\.0\.0\.1" "test/1" "{identity}" "127\.0\.0\.1:{one.port()}" '
                        rf'"127\.0\.0\.1:{host.port}"', lines[0])
    assert ' "- - -" 400 DPE 0 11 ' in lines[1]
    assert "x-request-id: mine" not in host.requests[0] and "x-envoy-external-address" in host.requests[0]
