"""Configurations that people use with Envoy: loaded, or refused by the name of what is missing."""
import os
import pathlib
import re
import sys

import pytest
import yaml
from harness import wait
from harness.proxy import socket_address

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIGS = pathlib.Path(os.environ.get("CONVOY_ENVOY_CONFIGS", TOP / "../shared/envoy-configs"))
SNIPPET = "vcl-doc-snippet.yaml"

LOADS = ["front-proxy__service-envoy.yaml", "front-proxy__service-envoy-2.yaml", "double-proxy__envoy.yaml",
         "benchmarks__envoy-http.yaml"]

REFUSED = {
    "benchmarks__envoy-grpc.yaml": 'transport socket "tls"',
    "best-practices__edge.yaml": "overload manager",
    "cors__backend__envoy.yaml": 'HTTP filter "cors"',
    "cors__frontend__envoy.yaml": 'HTTP filter "cors"',
    "double-proxy__envoy-backend.yaml": 'listener filter "tls_inspector"',
    "double-proxy__envoy-frontend.yaml": 'network filter "tcp_proxy"',
    "dynamic-config-fs__configs__cds.yaml": "dynamic resources (xDS)",
    "dynamic-config-fs__configs__lds.yaml": "dynamic resources (xDS)",
    "dynamic-config-fs__envoy.yaml": "dynamic resources (xDS)",
    "envoy-demo.yaml": "host rewriting",
    "envoyproxy_io_proxy_http3_downstream.yaml": 'transport socket "tls"',
    "ext_authz__config__http-service.yaml": 'HTTP filter "ext_authz"',
    "grpc-bridge__server__envoy-proxy.yaml": "route matching by gRPC",
    "gzip__envoy.yaml": 'HTTP filter "compressor"',
    "locality-load-balancing__envoy.yaml": "locality-weighted load balancing",
    "lua__envoy.yaml": 'HTTP filter "lua"',
    "proxy_connect.yaml": "CONNECT requests",
    "quick-start__envoy-demo-tls-validation.yaml": "host rewriting",
    "quick-start__envoy-dynamic-cds-demo.yaml": "dynamic resources (xDS)",
    "quick-start__envoy-dynamic-filesystem-demo.yaml": "dynamic resources (xDS)",
    "quick-start__envoy-dynamic-lds-demo.yaml": "dynamic resources (xDS)",
    "rbac__envoy.yaml": 'HTTP filter "rbac"',
    "route-mirror__envoy.yaml": "request mirroring",
    "tls-sni__envoy-client.yaml": 'transport socket "tls"',
    "tls-sni__envoy.yaml": 'listener filter "tls_inspector"',
    "websocket__envoy-ws-route.yaml": "HTTP upgrades",
    "websocket__envoy-ws.yaml": "HTTP upgrades",
    "zipkin__envoy-1.yaml": "tracing",
}


def text_of(name):
    path = CONFIGS / name
    if not path.exists():
        pytest.skip(f"no public configurations at {CONFIGS}; set CONVOY_ENVOY_CONFIGS")
    return path.read_text()


def filled_in(name):
    return text_of(name).replace("DOWNSTREAM_ADDRESS", "127.0.0.1").replace("DOWNSTREAM_PORT", "8080")


@pytest.fixture
def validate(build, run, tmp_path):
    def check(text):
        path = tmp_path / "envoy.yaml"
        path.write_text(text)
        process = run(build / "convoy-proxy", "-c", path, "--mode", "validate")
        return process.wait(), process
    return check


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("snippet", ["", SNIPPET], ids=["kernel", "vcl"])
def test_loads(validate, name, snippet):
    status, process = validate(filled_in(name) + (text_of(snippet) if snippet else ""))
    assert status == 0, process.err
    assert process.out.endswith("OK\n") and not process.err


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_is_refused_by_the_name_of_what_is_missing(validate, name):
    status, process = validate(text_of(name))
    assert status == 1
    line, rest = process.err.split("\n", 1)
    assert not rest, "one line"
    where = re.fullmatch(r".*/envoy\.yaml:(\d+):(\d+): (.*): not supported yet \(at (\S.*)\)", line)
    assert where, line
    assert REFUSED[name] in where.group(3)
    # The last name of the path stands in that line of the file.
    last = re.split(r"[.\[]", where.group(4).replace("]", ""))[-1].strip('"')
    assert last in text_of(name).splitlines()[int(where.group(1)) - 1]


def test_every_public_configuration_is_accounted_for():
    text_of(SNIPPET)
    assert {p.name for p in CONFIGS.glob("*.yaml")} == {*LOADS, *REFUSED, SNIPPET}


def with_addresses(text, listener, port, static_host, dns_host):
    """The configuration with its own admin port, this listener address, and this backend."""
    config = yaml.safe_load(text)
    config.setdefault("admin", {})["address"] = socket_address(0)
    config["static_resources"]["listeners"][0]["address"] = listener
    for cluster in config["static_resources"]["clusters"]:
        host = static_host if cluster["type"] == "static" else dns_host
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = socket_address(
            port, host)
        cluster["dns_lookup_family"] = "V4_ONLY"
    return config


def path_for(name):
    return "/service/2/x" if name.endswith("-2.yaml") else "/service/1/x"


@pytest.mark.parametrize("name", LOADS)
def test_serves(proxy, backend, name):
    """With addresses filled in, each answers a request."""
    one = proxy(with_addresses(text_of(name), socket_address(0), backend.port, "127.0.0.1", "localhost"))
    path = path_for(name)
    answer = one.ask(path, name=one.admin("/listeners").text.partition("::")[0])
    assert (answer.status, answer.text) == (200, f"you asked for {path}")


@pytest.mark.parametrize("name", LOADS)
def test_serves_on_the_stack(convoyd, netns, proxy, run, name):
    """The same, with VCL's lines added: clients and the backend are the kernel's, the proxy is not."""
    lan = netns("lan")
    stack = convoyd({"interfaces": [{
        "name": "lan", "addresses": ["10.0.0.1/24"], "tap": {"host_addresses": ["10.0.0.2/24"]}}]}, netns=lan)
    run(sys.executable, TOP / "test/harness/backend.py", "10.0.0.2", 8081, netns=lan)
    wait.until(lambda: lan.run("curl", "-s", "10.0.0.2:8081/", check=False).stdout, "the backend answers")
    text = text_of(name) + text_of(SNIPPET)
    one = proxy(with_addresses(text, socket_address(8000, "0.0.0.0"), 8081, "10.0.0.2", "10.0.0.2"), env=stack.env)
    path = path_for(name)
    for _ in range(10):
        done = lan.run("curl", "-sS", "-w", " %{http_code}", f"http://10.0.0.1:8000{path}")
        assert done.stdout == f"you asked for {path} 200"
    one.wait_stat("cluster.*upstream_rq_200", 10)
