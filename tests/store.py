"""A store of objects on this machine: a server of S3's protocol in a process of its own, and a proxy that fails."""

import hashlib
import http.client
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_MAX_ATTEMPTS": "1",  # so that it is our own patience that is tested
}

SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(name="server", scope="session")
def _server():
    """Start a server and return its port."""
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
                connection.request("GET", "/moto-api/")
                connection.getresponse().read()
                break
            time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


class Bucket:
    """A bucket of the server, read and written by plain requests."""

    def __init__(self, port, name):
        self.port, self.name = port, name
        self._request("PUT", "")

    def url(self, path):
        return f"s3://{self.name}/{path}"

    def _request(self, method, key, body=b"", query=""):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            target = f"/{self.name}/{quote(key, safe='/')}{query}"
            connection.request(method, target, body, {"Authorization": SIGNED})
            answer = connection.getresponse()
            data = answer.read()
        assert answer.status < 300, (method, key, answer.status, data)
        return data

    def put(self, key, data):
        self._request("PUT", key, data)

    def get(self, key):
        return self._request("GET", key)

    def delete(self, key):
        self._request("DELETE", key)

    def upload(self, folder, prefix):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return self.url(prefix)

    def keys(self, prefix):
        import re
        from html import unescape

        found, token = [], ""
        while True:
            query = f"?list-type=2&encoding-type=url&prefix={quote(prefix, safe='')}{token}"
            text = self._request("GET", "", query=query).decode()
            found += [unquote(unescape(key)) for key in re.findall("<Key>(.*?)</Key>", text, re.DOTALL)]
            more = re.search("<NextContinuationToken>(.*?)</NextContinuationToken>", text)
            if more is None:
                return found
            token = f"&continuation-token={quote(more[1], safe='')}"

    def content(self, prefix):
        """Return the hash of every object below a prefix, by its name."""
        begin = len(prefix) + 1
        return {key[begin:]: hashlib.sha256(self.get(key)).hexdigest() for key in self.keys(prefix + "/")}


@pytest.fixture(name="bucket")
def _bucket(server, monkeypatch):
    """Return a new bucket, with the environment that leads to it."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server}")
    return Bucket(server, f"bucket{random.randrange(10**12)}")  # noqa: S311


class Proxy:
    """What stands before the server: `fault` tells for (method, path) what goes wrong, or None.

    Faults are a status, "reset" (the connection is reset within the answer), "cut" (the answer ends too early), "slow",
    and "dead" (no answer at all).
    """

    def __init__(self, port, fault):
        self.requests, self.faults = [], 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                assert "chunked" not in (self.headers.get("Transfer-Encoding") or "")
                with proxy._lock:
                    proxy.requests.append((self.command, unquote(self.path)))
                    wrong = fault(self.command, unquote(self.path))
                    proxy.faults += wrong is not None
                if isinstance(wrong, int):
                    name = {403: "AccessDenied", 503: "SlowDown", 500: "InternalError"}[wrong]
                    text = f"<Error><Code>{name}</Code><Message>as asked for</Message></Error>".encode()
                    self.answer(wrong, [("Content-Type", "application/xml")], text, len(text))
                    return
                if wrong == "slow":
                    time.sleep(0.3)
                if wrong == "dead":
                    self.close_connection = True
                    return
                with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
                    connection.putrequest(self.command, self.path, skip_accept_encoding=True, skip_host=True)
                    connection.putheader("Host", f"127.0.0.1:{port}")
                    for name, value in self.headers.items():
                        if name.lower() not in ("host", "expect", "accept-encoding"):
                            connection.putheader(name, value)
                    connection.endheaders(body)
                    answer = connection.getresponse()
                    data = answer.read()
                headers = [
                    pair for pair in answer.getheaders() if pair[0].lower() not in ("content-length", "connection")
                ]
                size = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
                if wrong in ("cut", "reset"):
                    data = data[: len(data) // 2]
                    self.close_connection = True
                self.answer(answer.status, headers, data, size)
                if wrong == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

            def answer(self, status, headers, data, size):
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(size or 0))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
                    self.wfile.flush()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def failing(bucket, monkeypatch, fault):
    """Have a proxy that fails between augkit and the server."""
    proxy = Proxy(bucket.port, fault)
    try:
        with monkeypatch.context() as patched:
            patched.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            yield proxy
    finally:
        proxy.close()
