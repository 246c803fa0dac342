# SPDX-License-Identifier: Apache-2.0
"""A registry that can misbehave: one fault per digest (or tag), on demand."""
import http.server
import threading

from .ociimg import digest

# Faults of a blob or manifest:
#   truncate   the full length is promised, half of it is sent, then the connection closes; always
#   tamper     one byte in the middle is another
#   short      half of it, as if that were all
#   longer     some bytes follow
#   404 500    that status


class FakeRegistry:
    def __init__(self):
        self.blobs, self.tags, self.faults, self.requests = {}, {}, {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.serve(self)
            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def add(self, image, name="img:latest"):
        self.blobs.update(image.blobs)
        self.tags[name] = image.manifest["digest"]
        return f"{self.host}/{name}"

    def serve(self, h):
        self.requests.append((h.command, h.path))
        parts = h.path.split("/")
        if h.path.rstrip("/") == "/v2":
            return self.reply(h, 200, b"{}", "application/json")
        what = parts[-1]
        if parts[-2] == "manifests" and ":" not in what:
            what = self.tags.get("/".join(parts[2:-2]) + ":" + what)
        data = self.blobs.get(what)
        fault = self.faults.get(what)
        if data is None or fault == "404":
            return self.reply(h, 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}',
                              "application/json")
        if fault == "500":
            return self.reply(h, 500, b"", "text/plain")
        kind = "application/octet-stream"
        if parts[-2] == "manifests":
            kind = "application/vnd.oci.image.manifest.v1+json"
        half = len(data) // 2
        if fault == "tamper":
            data = data[:half] + bytes([data[half] ^ 1]) + data[half + 1:]
        elif fault == "short":
            data = data[:half]
        elif fault == "longer":
            data += b"more"
        return self.reply(h, 200, data, kind, what, truncate=fault == "truncate")

    @staticmethod
    def reply(h, status, data, kind, d=None, truncate=False):
        h.send_response(status)
        h.send_header("Content-Type", kind)
        h.send_header("Content-Length", str(len(data)))
        if d:
            h.send_header("Docker-Content-Digest", d)
        h.end_headers()
        if h.command == "HEAD":
            return
        if truncate:
            h.wfile.write(data[:len(data) // 2])
            h.wfile.flush()
            h.close_connection = True
            return
        h.wfile.write(data)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def change_manifest(image, change):
    """The same image with another manifest document: change(doc) edits it."""
    import json
    doc = json.loads(image.blobs.pop(image.manifest["digest"]))
    change(doc)
    data = json.dumps(doc).encode()
    image.blobs[digest(data)] = data
    image.manifest.update(digest=digest(data), size=len(data))
    return image
