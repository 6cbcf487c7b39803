"""Small servers between a browser and the app, such as stand there at work or in a course."""

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_OF_ONE_CONNECTION = ("connection", "transfer-encoding", "content-length", "keep-alive", "host")


class _Handler(BaseHTTPRequestHandler):
    """Sends a request on, without the path that the proxy is known by."""

    def _pass_on(self):
        served = self.server
        if not self.path.startswith(served.path):
            self.send_error(404)
            return
        length = int(self.headers.get("content-length", 0))
        kept = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _OF_ONE_CONNECTION
        }
        there = http.client.HTTPConnection(served.target, timeout=120)
        rest = "/" + self.path[len(served.path) :].lstrip("/")
        kept["X-Forwarded-Host"] = self.headers["host"]
        there.request(self.command, rest, self.rfile.read(length), kept)
        found = there.getresponse()
        self.send_response(found.status)
        for name, value in found.getheaders():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            if served.holds:
                self.wfile.write(found.read())
                return
            while part := found.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            pass  # the browser has gone
        finally:
            there.close()

    do_GET = do_POST = do_HEAD = _pass_on

    def log_message(self, *_arguments):
        """Say nothing."""


class _Page(BaseHTTPRequestHandler):
    """A page of somebody else that shows the app in a frame."""

    def do_GET(self):
        body = f'<!doctype html><iframe id="app" src="{self.server.shows}" width=1400 height=880>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments):
        """Say nothing."""


@contextmanager
def _serving(handler, **known):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    for name, value in known.items():
        setattr(server, name, value)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def proxy(url, path="", *, holds=False):
    """Serve an app below a path; yields the address.

    Args:
        url: Of the app.
        path: What the proxy takes off, such as `/play`.
        holds: Whether a response is sent when it is whole, as a proxy that scans it does.
    """
    with _serving(_Handler, target=urlsplit(url).netloc, path=path, holds=holds) as port:
        yield f"http://127.0.0.1:{port}{path}/"


@contextmanager
def framed(url):
    """Show an app in a page of another site; yields that page's address."""
    with _serving(_Page, shows=url) as port:
        yield f"http://localhost:{port}/"
