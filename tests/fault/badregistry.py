# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves to order, in this process, on loopback.

    with BadRegistry() as reg:
        ref = reg.add(image, "name:tag")
        reg.on("blobs", layer_digest, truncate(1000), status(503))
        ...                       # the first two requests for it go wrong, the third is right
        reg.log                   # what was asked: Request(path, headers)

A fault is a function (handler, data, kind): it answers the request and returns True, or returns
False (or None) to let the right answer follow.
"""
import base64
import collections
import http.server
import json
import ssl
import threading
import urllib.parse

Request = collections.namedtuple("Request", "path headers port")


def status(code, retry_after=None, headers=()):
    def fault(h, data, kind):
        h.send_response(code)
        if retry_after is not None:
            h.send_header("Retry-After", str(retry_after))
        for name, value in headers:
            h.send_header(name, value)
        h.send_header("Content-Length", "0")
        h.end_headers()
        return True
    return fault


def truncate(n):
    """Promise all, send n bytes (of what was asked for), close."""
    def fault(h, data, kind):
        part = h.begin(data, kind)
        h.wfile.write(part[:n])
        h.close_connection = True
        return True
    return fault


def stall(n):
    """Send n bytes, then nothing until the client goes away."""
    def fault(h, data, kind):
        part = h.begin(data, kind)
        h.wfile.write(part[:n])
        h.wfile.flush()
        h.connection.settimeout(60)
        try:
            h.connection.recv(1)
        except OSError:
            pass
        h.close_connection = True
        return True
    return fault


def tamper(at=0):
    """One bit is another."""
    def fault(h, data, kind):
        bad = bytearray(data)
        bad[at] ^= 1
        h.wfile.write(h.begin(bytes(bad), kind))
        return True
    return fault


def replace(other):
    def fault(h, data, kind):
        h.wfile.write(h.begin(other, kind))
        return True
    return fault


def endless():
    """More than was promised, without a length."""
    def fault(h, data, kind):
        h.send_response(200)
        h.send_header("Content-Type", kind)
        h.end_headers()
        h.close_connection = True
        try:
            h.wfile.write(data)
            while True:
                h.wfile.write(bytes(65536))
        except OSError:
            return True
    return fault


def ignore_range():
    """The whole of it, however it was asked for."""
    def fault(h, data, kind):
        h.send_response(200)
        h.send_header("Content-Type", kind)
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)
        return True
    return fault


def wrong_range():
    def fault(h, data, kind):
        h.send_response(206)
        h.send_header("Content-Range", f"bytes 0-{len(data) - 1}/{len(data)}")
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)
        return True
    return fault


def redirect(url):
    return status(307, headers=(("Location", url),))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def begin(self, data, kind):
        """Status and headers; returns the part of the data that Range asks for."""
        want = self.headers.get("Range")
        first = int(want.split("=")[1].split("-")[0]) if want else 0
        self.send_response(206 if want else 200)
        if want:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        return data[first:]

    def do_GET(self):
        reg = self.server.registry
        with reg.lock:
            reg.log.append(Request(self.path, dict(self.headers), self.server.server_port))
        try:
            self.answer(reg)
        except OSError:
            self.close_connection = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        reg = self.server.registry
        with reg.lock:
            reg.log.append(Request(self.path, dict(self.headers), self.server.server_port))
        if reg.refresh and self.path == "/token":
            if not (reg.token_fault and reg.token_fault(self, b"{}", "application/json")):
                self.refresh(reg, urllib.parse.parse_qs(body))
        else:
            status(404)(self, b"", "")

    def refresh(self, reg, form):
        """OAuth 2 in return for the identity token."""
        one = {k: v[0] for k, v in form.items()}
        if one.get("grant_type") != "refresh_token" or one.get("refresh_token") != reg.refresh \
                or "Authorization" in self.headers or not one.get("client_id"):
            status(401)(self, b"", "")
            return
        reg.scopes.append((form.get("service"), form.get("scope")))
        reg.token = f"t{len(reg.scopes)}"
        answer = json.dumps({"access_token": reg.token, "expires_in": 60}).encode()
        self.wfile.write(self.begin(answer, "application/json"))

    def answer(self, reg):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/token":
            return self.token(reg, urllib.parse.parse_qs(url.query))
        if not self.allowed(reg):
            return self.challenge(reg)
        parts = url.path.rsplit("/", 2)
        found = reg.find(url.path)
        if not url.path.startswith("/v2/") or len(parts) != 3 or found is None:
            return status(404)(self, b"", "")
        data, kind = found
        fault = reg.next_fault(parts[1], parts[2])
        if fault and fault(self, data, kind):
            return None
        self.wfile.write(self.begin(data, kind))
        return None

    def allowed(self, reg):
        have = self.headers.get("Authorization", "")
        if reg.auth == "token":
            return have == f"Bearer {reg.token}"
        if reg.auth == "basic":
            return have == reg.basic
        return True

    def challenge(self, reg):
        if reg.auth == "basic":
            value = 'Basic realm="test"'
        elif reg.challenge:
            value = reg.challenge
        else:
            name = self.path.split("/v2/")[1].rsplit("/", 2)[0]
            value = (f'Bearer realm="{reg.url}/token",service="bad registry",'
                     f'scope="repository:{name}:pull"')
        status(401, headers=(("WWW-Authenticate", value),))(self, b"", "")

    def token(self, reg, query):
        have = self.headers.get("Authorization")
        if reg.token_fault and reg.token_fault(self, b"{}", "application/json"):
            return
        if reg.refresh or (reg.basic and have != reg.basic):
            status(401)(self, b"", "")
            return
        reg.scopes.append((query.get("service"), query.get("scope")))
        reg.token = f"t{len(reg.scopes)}"
        answer = json.dumps({"token": reg.token, "expires_in": 60}).encode()
        self.wfile.write(self.begin(answer, "application/json"))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class BadRegistry:
    def __init__(self, auth=None, tls=None, user=None, password=None, client_ca=None,
                 address="127.0.0.1"):
        self.server = Server((address, 0), Handler)
        self.server.registry = self
        self.lock = threading.Lock()
        self.auth, self.challenge, self.token = auth, None, None
        self.token_fault, self.scopes = None, []
        self.basic, self.refresh = None, None
        if user:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.basic = "Basic " + pair
        self.blobs, self.tags, self.kinds, self.faults, self.log = {}, {}, {}, {}, []
        self.host = f"{address}:{self.server.server_port}"
        self.url = f"http://{self.host}"
        if tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ctx.load_cert_chain(*tls)
            if client_ca:
                ctx.verify_mode = ssl.CERT_REQUIRED
                ctx.load_verify_locations(client_ca)
            self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True)
            self.url = f"https://{self.host}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def add(self, image, name, descriptor=None, blobs=None):
        descriptor = descriptor or image.manifest
        repo, _, tag = name.partition(":")
        self.blobs.update(blobs or image.blobs)
        self.tags[(repo, tag or "latest")] = descriptor["digest"]
        self.kinds[descriptor["digest"]] = descriptor["mediaType"]
        return f"{self.host}/{name}"

    def on(self, where, what, *faults):
        """where: "blobs" or "manifests"; what: digest or tag, as it is asked for."""
        self.faults.setdefault((where, what), []).extend(faults)

    def always(self, where, what, fault):
        self.on(where, what, *[fault] * 100)

    def next_fault(self, where, what):
        with self.lock:
            queue = self.faults.get((where, what))
            return queue.pop(0) if queue else None

    def find(self, path):
        repo, where, what = path[len("/v2/"):].rsplit("/", 2)
        d = self.tags.get((repo, what), what) if where == "manifests" else what
        data = self.blobs.get(d)
        if data is None:
            return None
        return data, self.kinds.get(d) or self.kind_of(where, data)

    @staticmethod
    def kind_of(where, data):
        if where == "manifests":
            return json.loads(data).get("mediaType", "application/json")
        return "application/octet-stream"

    def asked(self, where, what):
        return [r for r in self.log if r.path.endswith(f"/{where}/{what}")]
