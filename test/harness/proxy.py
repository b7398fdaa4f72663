"""A convoy-proxy of one's own: configuration, admin page, requests."""
import http.client
import json
import pathlib

import yaml

from . import wait
from .process import Process

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def socket_address(port, address="127.0.0.1"):
    return {"socket_address": {"address": address, "port_value": port}}


def listener(routes, name="web", port=0, **hcm):
    """A listener on a free port with one virtual host."""
    return {
        "name": name, "address": socket_address(port),
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {
            "@type": HCM, "stat_prefix": name,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}], **hcm}}]}]}


def cluster(name, *ports, address="127.0.0.1", **more):
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": socket_address(port, address)}} for port in ports]}]}, **more}


def bootstrap(listeners=(), clusters=(), **more):
    return {"admin": {"address": socket_address(0)},
            "static_resources": {"listeners": list(listeners), "clusters": list(clusters)}, **more}


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def ask(port, path="/", method="GET", host="127.0.0.1", timeout=10.0, **keywords):
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, **keywords)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Proxy:
    """A running convoy-proxy. `config` is Python data or text; it needs an admin address."""

    def __init__(self, build, folder, config, arguments=("--concurrency", "2"), netns=None, env=None, live=True):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "envoy.yaml"
        self.config.write_text(config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False))
        self._admin_path = self.folder / "admin.txt"
        self.process = Process(
            [pathlib.Path(build) / "convoy-proxy", "-c", self.config, "--admin-address-path", self._admin_path,
             *arguments], out=self.folder / "proxy", netns=netns, env=env)
        if live:
            self.wait_live()

    @property
    def admin_port(self):
        def written():
            assert self.process.alive(), f"convoy-proxy ended at start: {self.process}"
            return self._admin_path.exists() and self._admin_path.read_text()
        return int(wait.until(written, "the admin address is written").rpartition(":")[2])

    def wait_live(self, timeout=10.0):
        wait.until(lambda: self.admin("/ready").status == 200, f"convoy-proxy is live: {self.process}", timeout)

    def admin(self, path, method="GET"):
        return ask(self.admin_port, path, method)

    def port(self, name="web"):
        """The port that listener `name` has."""
        for line in self.admin("/listeners").text.splitlines():
            found, _, address = line.partition("::")
            if found == name:
                return int(address.rpartition(":")[2])
        raise KeyError(name)

    def ask(self, path="/", name="web", **keywords):
        return ask(self.port(name), path, **keywords)

    def stat(self, name):
        lines = self.admin(f"/stats?filter=^{name}$").text.splitlines()
        return int(lines[0].rpartition(": ")[2]) if lines else None

    def wait_stat(self, name, value):
        """Workers count what they have answered after the answer; fails if it is not this in time."""
        wait.until(lambda: self.stat(name) == value, f"{name} is {value}: {self.stat(name)}")
