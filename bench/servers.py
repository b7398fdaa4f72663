"""Configurations of the programs under load, tuned as their operators would for a benchmark."""
import json

SIZES = {"64": 64, "1k": 1024, "10k": 10 * 1024, "100k": 100 * 1024, "1m": 1024 * 1024}

_NGINX = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    open_file_cache max=1000 inactive=600s;
    {body}
}}
"""


def _nginx(folder, body):
    path = folder / "nginx.conf"
    path.write_text(_NGINX.format(folder=folder, body=body))
    return ["nginx", "-p", folder, "-c", path]


def origin(folder, address, port):
    """nginx that serves /64, /1k … from files."""
    root = folder / "root"
    root.mkdir(parents=True)
    for name, size in SIZES.items():
        (root / name).write_bytes(bytes((i * 31 + i // 251) % 256 for i in range(size)))
    return _nginx(folder, f"server {{ listen {address}:{port} backlog=4096; root {root}; }}")


def nginx_proxy(folder, address, port, upstream):
    return _nginx(folder, f"""
    upstream origin {{ server {upstream}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen {address}:{port} backlog=4096;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering on;
        }}
    }}""")


def haproxy(folder, address, port, upstream):
    path = folder / "haproxy.cfg"
    path.write_text(f"""
global
    nbthread 2
    maxconn 8000
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    http-reuse always
frontend in
    bind {address}:{port}
    default_backend origin
backend origin
    server origin {upstream}
""")
    return ["haproxy", "-db", "-f", path]


def convoy_proxy(build, folder, address, port, upstream, interface=None):
    """convoy-proxy with two workers; `interface` names its socket interface, the kernel's if None."""
    host, _, upstream_port = upstream.rpartition(":")
    hcm = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    limits = {name: 1000000 for name in ("max_connections", "max_pending_requests", "max_requests")}
    config = {
        "static_resources": {
            "listeners": [{
                "name": "in",
                "address": {"socket_address": {"address": address, "port_value": port}},
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": hcm, "stat_prefix": "in", "generate_request_id": False,
                        "route_config": {"virtual_hosts": [{
                            "name": "all", "domains": ["*"],
                            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin"}}]}]},
                        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
                    }}]}],
            }],
            "clusters": [{
                "name": "origin", "type": "STATIC", "circuit_breakers": {"thresholds": [limits]},
                "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [{"endpoint": {
                    "address": {"socket_address": {"address": host, "port_value": int(upstream_port)}}}}]}]},
            }],
        },
    }
    if interface:
        config["default_socket_interface"] = interface
    path = folder / "proxy.json"
    path.write_text(json.dumps(config))
    return [build / "convoy-proxy", "-c", path, "--concurrency", "2", "-l", "warning"]
