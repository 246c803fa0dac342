# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry on loopback, and skopeo to fill it."""
import os
import signal
import socket
import subprocess


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    """Kinds: plain, tls, auth (htpasswd user:secret, plain HTTP). Two may share one storage."""

    USER, PASSWORD = "user", "secret"

    def __init__(self, path, storage, kind="plain", tls=None):
        os.makedirs(path, exist_ok=True)
        self.kind, self.path = kind, path
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.ca = None
        conf = ["version: 0.1", "log: {level: info, accesslog: {disabled: true}}",
                f"storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}",
                "http:", f"  addr: {self.host}", "  secret: test"]
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

    def start(self):
        self.proc = subprocess.Popen(["docker-registry", "serve", f"{self.path}/config.yml"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)
        said = b""
        while b"listening on" not in said:
            line = self.proc.stderr.readline()
            if not line:
                raise RuntimeError("docker-registry: " + said.decode("utf-8", "replace"))
            said += line
        # The rest of what it says goes nowhere, but must be read.
        self.drain = subprocess.Popen(["cat"], stdin=self.proc.stderr, stdout=subprocess.DEVNULL)
        self.proc.stderr.close()

    def stop(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()
        self.drain.wait()

    def ref(self, name):
        return f"{self.host}/{name}"

    def push(self, layout, name, tag="latest"):
        """An image layout, byte for byte (skopeo does not recompress an oci: source)."""
        cmd = ["skopeo", "--insecure-policy", "copy", "-q", "--all", "--preserve-digests",
               "--dest-tls-verify=false", f"oci:{layout}:{tag}", f"docker://{self.ref(name)}"]
        if self.kind == "auth":
            cmd += [f"--dest-creds={self.USER}:{self.PASSWORD}"]
        r = subprocess.run(cmd, capture_output=True, text=True, check=False)
        if r.returncode:
            raise RuntimeError(f"{' '.join(cmd)}: {r.stderr}")
        return self.ref(name)
