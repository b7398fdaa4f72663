"""A small HTTP server for proxies to forward to: in this process, or as `backend.py ADDRESS PORT`."""
import http.server
import signal
import sys
import threading


class Backend:
    """Listens on a free port of `address`. `waiting` is set while a request for /wait is held."""

    def __init__(self, address="127.0.0.1", port=0):
        self.waiting, self.go_on = threading.Event(), threading.Event()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path == "/wait":
                    backend.waiting.set()
                    backend.go_on.wait(30)
                body = f"you asked for {self.path}".encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a proxy that goes away is part of many tests

        self._server = Server((address, port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


if __name__ == "__main__":
    Backend(sys.argv[1], int(sys.argv[2]))
    signal.pause()
