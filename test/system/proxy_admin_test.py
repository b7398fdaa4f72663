"""The admin pages, as dashboards and habits use them."""
import re
import socket

import pytest
from harness import proxy as p
from harness import wait

ROUTES = [{"match": {"path": "/hello"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}},
          {"match": {"prefix": "/"}, "route": {"cluster": "b"}}]


@pytest.fixture
def one(proxy, backend):
    return proxy(p.bootstrap([p.listener(ROUTES)], [p.cluster("b", backend.port)]))


def test_ready(one):
    answer = one.admin("/ready")
    assert (answer.status, answer.text) == (200, "LIVE\n")
    assert answer.headers["cache-control"] == "no-cache, max-age=0"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/quitquitquit", "/drain_listeners", "/reset_counters", "/logging", "/reopen_logs"])
def test_changes_need_post(one, path):
    answer = one.admin(path)
    assert (answer.status, answer.text) == (400, "Method GET not allowed, POST required.\n")
    assert one.admin("/ready").status == 200


def test_unknown_page_lists_the_others(one):
    answer = one.admin("/nowhere")
    assert answer.status == 404 and "/quitquitquit (POST): " in answer.text
    assert one.admin("/nowhere").text == "invalid path. " + one.admin("/help").text


def test_stats_in_three_forms(one):
    for _ in range(3):
        assert one.ask("/x").status == 200
    one.wait_stat("http.web.downstream_rq_2xx", 3)
    text = one.admin("/stats").text
    assert re.search(r"^cluster\.b\.upstream_rq_total: 3$", text, re.M)
    assert re.search(r"^http\.web\.downstream_rq_2xx: 3$", text, re.M)
    assert re.search(r"^cluster\.b\.upstream_rq_200: 3$", text, re.M)
    assert re.search(r"^cluster\.b\.upstream_rq_time: P0\(", text, re.M)
    names = [line.partition(": ")[0] for line in text.splitlines() if not re.search(r"P0\(|No recorded", line)]
    assert names == sorted(names)

    found = one.admin("/stats?format=json&filter=%5Ecluster%5C.b%5C.upstream_rq_total%24").json()
    assert found == {"stats": [{"name": "cluster.b.upstream_rq_total", "value": 3}]}

    for path in ("/stats/prometheus", "/stats?format=prometheus"):
        metrics = one.admin(path).text
        assert 'envoy_cluster_upstream_rq_total{envoy_cluster_name="b"} 3\n' in metrics
        assert ('envoy_http_downstream_rq_xx{envoy_response_code_class="2",'
                'envoy_http_conn_manager_prefix="web"} 3\n') in metrics
        types = re.findall(r"^# TYPE (\S+) ", metrics, re.M)
        assert len(types) == len(set(types))
        for line in metrics.splitlines():
            assert re.fullmatch(r"# TYPE \w+ (counter|gauge|histogram)|\w+\{[^{}]*\} [0-9.e+]+", line), line


def test_stats_filters(one):
    one.ask("/x")
    assert "downstream_rq_5xx" not in one.admin("/stats?usedonly").text
    assert "downstream_rq_5xx" in one.admin("/stats").text
    bad = one.admin("/stats?filter=(")
    assert bad.status == 400 and "Invalid regex" in bad.text
    assert one.admin("/stats?format=tarot").status == 400
    # An expression that would take for ever finds nothing instead.
    assert one.admin("/stats?filter=(.%2B)%2B%2B(x%2B)%2B%24%24y").status == 200


def test_reset_counters(one):
    one.ask("/x")
    one.wait_stat("http.web.downstream_rq_2xx", 1)
    assert one.stat("cluster.b.upstream_rq_total") == 1
    assert one.admin("/reset_counters", "POST").text == "OK\n"
    assert one.stat("cluster.b.upstream_rq_total") == 0
    assert one.stat("cluster.b.membership_total") == 1


def test_clusters(one, backend):
    one.ask("/x")
    one.wait_stat("http.web.downstream_rq_2xx", 1)
    text = one.admin("/clusters").text
    assert "b::default_priority::max_connections::1024\n" in text
    assert f"b::127.0.0.1:{backend.port}::rq_total::1\n" in text
    status = one.admin("/clusters?format=json").json()["cluster_statuses"][0]
    host = status["host_statuses"][0]
    assert (status["name"], host["address"]["socket_address"]["port_value"]) == ("b", backend.port)
    assert {"name": "rq_success", "value": "1", "type": "COUNTER"} in host["stats"]


def test_listeners_and_server_info(one):
    assert re.fullmatch(r"web::127\.0\.0\.1:\d+\n", one.admin("/listeners").text)
    listed = one.admin("/listeners?format=json").json()["listener_statuses"][0]
    assert listed["local_address"]["socket_address"]["port_value"] == one.port()
    info = one.admin("/server_info").json()
    assert (info["state"], info["command_line_options"]["concurrency"]) == ("LIVE", 2)


def test_logging_level(one):
    assert "all: info" in one.admin("/logging", "POST").text
    assert "all: debug" in one.admin("/logging?level=debug", "POST").text
    assert one.admin("/logging?level=loud", "POST").status == 400


def test_drain_listeners(one):
    port = one.port()
    assert one.admin("/drain_listeners", "POST").text == "OK\n"

    def refused():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return True
        return False
    wait.until(refused, "the listener is closed")
    assert one.admin("/ready").status == 200
    assert one.stat("listener_manager.total_listeners_active") == 0


def test_allow_paths(proxy):
    config = p.bootstrap()
    config["admin"]["allow_paths"] = [{"exact": "/ready"}, {"prefix": "/STATS", "ignore_case": True}]
    one = proxy(config)
    assert one.admin("/stats/prometheus").status == 200
    assert one.admin("/quitquitquit", "POST").status == 403


def test_bad_requests_are_refused(one):
    for request in (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /\0 HTTP/1.1\r\n\r\n",
                    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", one.admin_port)) as client:
            client.settimeout(10)
            client.sendall(request)
            answer = b""
            while piece := client.recv(4096):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 400 "), request
    assert one.admin("/ready").status == 200


def test_pipelined_requests_and_bodies(one):
    with socket.create_connection(("127.0.0.1", one.admin_port)) as client:
        client.settimeout(10)
        client.sendall(b"POST /reset_counters HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                       b"HEAD /ready HTTP/1.1\r\nHost: a\r\n\r\n"
                       b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b"LIVE\n") == 1 and answer.endswith(b"\r\n\r\nLIVE\n")


def test_peer_that_does_not_read_costs_no_memory(one):
    """Answers pile up to a limit, then reading stops."""
    before = one.stat("server.memory_physical_size")
    with socket.create_connection(("127.0.0.1", one.admin_port)) as client:
        client.settimeout(0.5)
        request = b"GET /stats HTTP/1.1\r\nHost: a\r\n\r\n" * 100
        sent = 0
        try:
            while sent < 64 << 20:
                sent += client.send(request)
        except TimeoutError:
            pass
        assert sent < 64 << 20
        assert one.stat("server.memory_physical_size") < before + (256 << 20)


def test_access_log(proxy, tmp_path):
    config = p.bootstrap()
    config["admin"]["access_log_path"] = str(tmp_path / "admin.log")
    one = proxy(config)
    one.admin("/clusters")
    log = tmp_path / "admin.log"
    wait.until(lambda: "/clusters" in log.read_text(), "it is logged")
    line = next(line for line in log.read_text().splitlines() if "/clusters" in line)
    assert re.match(r'\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "GET /clusters HTTP/1\.1" 200 - 0 0 ', line)
