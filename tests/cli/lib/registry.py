# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry on loopback, and a push of our own: tests want exact bytes."""
import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def manifest_type(data):
    """The media type of a manifest or an index; None for every other blob."""
    if data[:1] != b"{" or len(data) > 1 << 20:
        return None
    return json.loads(data).get("mediaType")


class Registry:
    """Kinds: plain, tls, auth (htpasswd user:secret, plain HTTP). Two may share one storage."""

    USER, PASSWORD = "user", "secret"

    def __init__(self, path, storage, kind="plain", tls=None):
        os.makedirs(path, exist_ok=True)
        self.kind, self.path = kind, path
        self.ca, self.scheme = None, "https" if kind == "tls" else "http"
        conf = ["version: 0.1", "log: {level: info, accesslog: {disabled: true}}",
                f"storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}",
                "http:", "  secret: test"]
        if kind == "tls":
            self.make_certificate()
            conf += [f"  tls: {{certificate: {path}/cert.pem, key: {path}/key.pem}}"]
        if kind == "auth":
            line = subprocess.run(["htpasswd", "-Bbn", self.USER, self.PASSWORD],
                                  capture_output=True, text=True, check=True).stdout
            with open(f"{path}/htpasswd", "w", encoding="ascii") as f:
                f.write(line)
            conf += [f"auth: {{htpasswd: {{realm: test, path: {path}/htpasswd}}}}"]
        with open(f"{path}/config.yml", "w", encoding="ascii") as f:
            f.write("\n".join(conf) + "\n")
        self.start()

    def make_certificate(self):
        self.ca = f"{self.path}/cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", f"{self.path}/key.pem", "-out", self.ca, "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, capture_output=True)

    def try_start(self):
        """What it says until it listens, or ends."""
        self.host = f"127.0.0.1:{free_port()}"
        self.proc = subprocess.Popen(["docker-registry", "serve", f"{self.path}/config.yml"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE,
                                     env=dict(os.environ, REGISTRY_HTTP_ADDR=self.host))
        said = b""
        while b"listening on" not in said and (line := self.proc.stderr.readline()):
            said += line
        return said

    def start(self):
        said = b"address already in use"
        while b"address already in use" in said:  # somebody was faster: another one
            said = self.try_start()
        if b"listening on" not in said:
            raise RuntimeError("docker-registry: " + said.decode("utf-8", "replace"))
        # The rest of what it says goes nowhere, but must be read.
        self.drain = subprocess.Popen(["cat"], stdin=self.proc.stderr, stdout=subprocess.DEVNULL)
        self.proc.stderr.close()

    def stop(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()
        self.drain.wait()

    def ref(self, name):
        return f"{self.host}/{name}"

    def request(self, method, path, data=None, kind="application/octet-stream"):
        url = path if "://" in path else f"{self.scheme}://{self.host}{path}"
        req = urllib.request.Request(url, data=data, method=method,
                                     headers={"Content-Type": kind})
        if self.kind == "auth":
            pair = f"{self.USER}:{self.PASSWORD}".encode()
            req.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
        ctx = ssl.create_default_context(cafile=self.ca) if self.ca else None
        return urllib.request.urlopen(req, context=ctx)

    def push(self, blobs, manifest, name):
        """{digest: bytes} and the descriptor of one of them, byte for byte as they are."""
        repo, _, tag = name.partition(":")
        later = []
        for digest, data in blobs.items():
            kind = manifest_type(data)
            if kind:  # after the blobs that it names, and an index after its manifests
                later.append(("index" in kind or "list" in kind, digest, data, kind))
                continue
            where = self.request("POST", f"/v2/{repo}/blobs/uploads/", b"").headers["Location"]
            self.request("PUT", f"{where}&digest={digest}", data)
        for _, digest, data, kind in sorted(later, key=lambda row: row[0]):
            self.request("PUT", f"/v2/{repo}/manifests/{digest}", data, kind)
            if digest == manifest["digest"]:
                self.request("PUT", f"/v2/{repo}/manifests/{tag or 'latest'}", data, kind)
        return self.ref(name)

    def push_image(self, image, name):
        return self.push(image.blobs, image.manifest, name)
