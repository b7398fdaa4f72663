"""What idle connections cost: processor time with 100 open, memory between 1,000 and 10,000."""
import multiprocessing
import socket
import time

import measure
import setups

CPU_CONNECTIONS, CPU_SECONDS = 100, 10
FEW, MANY, BODY = 1000, 10000, "100k"


def _client(namespace, address, port, commands, answers):
    """Holds connections open in the client's namespace: opens as many more as it is told to."""
    with open(f"/run/netns/{namespace}") as handle:
        setups.enter_namespace(handle.fileno())
    held = []
    request = f"GET /{BODY} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    while True:
        total = commands.get()
        if total is None:
            return
        try:
            while len(held) < total:
                held.append(socket.create_connection((address, port), timeout=10))
                held[-1].sendall(request)
                _read_response(held[-1])
            answers.put(len(held))
        except OSError as error:
            answers.put(f"{len(held)} connections, then {error}")


def _read_response(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    left = length - len(body)
    while left > 0:
        left -= len(_more(connection))


def _more(connection):
    data = connection.recv(262144)
    if not data:
        raise OSError("closed early")
    return data


class Client:
    """A process in the namespace of the setup's client."""

    def __init__(self, setup, port):
        self.commands, self.answers = multiprocessing.Queue(), multiprocessing.Queue()
        self.process = multiprocessing.Process(target=_client, daemon=True, args=(
            setup.client.name, setup.address, port, self.commands, self.answers))
        self.process.start()

    def hold(self, total):
        self.commands.put(total)
        answer = self.answers.get(timeout=180)
        if answer != total:
            raise RuntimeError(f"idle connections: {answer}")

    def close(self):
        self.commands.put(None)
        self.process.join(10)
        self.process.kill()


def processor(results, build, folder):
    """Percent of one core that convoyd and the proxy take together while nothing happens."""
    setup = setups.convoy_tap(build, folder / "idle-cpu")
    client = None
    try:
        client = Client(setup, setups.PROXY_PORT)
        client.hold(CPU_CONNECTIONS)
        pids = [setup.stack.process.pid, setup.proxy.pid]
        before, start = sum(map(measure.process_seconds, pids)), time.monotonic()
        time.sleep(CPU_SECONDS)
        spent, took = sum(map(measure.process_seconds, pids)) - before, time.monotonic() - start
        percent = 100 * spent / took
        print(f"idle with {CPU_CONNECTIONS} connections: {percent:.2f}% of one core (convoyd and proxy)")
        results.add("idle.cpu_percent", "percent of one core", percent)
    finally:
        if client:
            client.close()
        setup.close()


def memory(results, build, folder):
    """Bytes of convoyd and shared memory for each connection, between FEW and MANY."""
    setup = setups.convoy_tap(build, folder / "idle-memory")
    client = None
    try:
        client = Client(setup, setups.ORIGIN_PORT)
        pid, used = setup.stack.process.pid, {}
        for total in (FEW, MANY):
            client.hold(total)
            used[total] = measure.private_bytes(pid) + measure.shared_memory_bytes(pid)
            print(f"{total} connections: {used[total] / 1e6:.1f} MB "
                  f"({measure.shared_memory_bytes(pid) / 1e6:.1f} MB shared)")
        each = (used[MANY] - used[FEW]) / (MANY - FEW)
        print(f"memory for each idle connection: {each:.0f} bytes")
        results.add("idle.bytes_per_connection", "bytes", each)
    finally:
        if client:
            client.close()
        setup.close()
