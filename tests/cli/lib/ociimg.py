# SPDX-License-Identifier: Apache-2.0
"""OCI images made by hand, entry by entry, so that a test says exactly what is in a layer."""
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."

PLAIN = {"Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"]}  # a config


def native():
    return "amd64" if os.uname().machine == "x86_64" else "arm64"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layer:
    """A tar in the making. Paths as in an image: no leading slash."""

    def __init__(self):
        self.buf = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buf, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, kind, data=b"", mode=None, uid=0, gid=0, link="", rdev=(0, 0),
            mtime=1700000000, xattrs=None):
        info = tarfile.TarInfo(name)
        info.type = kind
        info.mode = mode if mode is not None else (0o755 if kind == tarfile.DIRTYPE else 0o644)
        info.uid, info.gid, info.mtime, info.linkname = uid, gid, mtime, link
        info.devmajor, info.devminor = rdev
        if kind == tarfile.REGTYPE:
            info.size = len(data)
        for key, value in (xattrs or {}).items():
            info.pax_headers["SCHILY.xattr." + key] = value
        self.tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
        return self

    def dir(self, name, **kw):
        return self.add(name, tarfile.DIRTYPE, **kw)

    def file(self, name, data=b"", **kw):
        data = data.encode() if isinstance(data, str) else data
        return self.add(name, tarfile.REGTYPE, data, **kw)

    def symlink(self, name, to, **kw):
        return self.add(name, tarfile.SYMTYPE, link=to, mode=0o777, **kw)

    def hardlink(self, name, to, **kw):
        return self.add(name, tarfile.LNKTYPE, link=to, **kw)

    def fifo(self, name, **kw):
        return self.add(name, tarfile.FIFOTYPE, **kw)

    def char(self, name, major, minor, **kw):
        return self.add(name, tarfile.CHRTYPE, rdev=(major, minor), **kw)

    def whiteout(self, name):
        head, tail = os.path.split(name)
        return self.file(os.path.join(head, ".wh." + tail))

    def opaque(self, name):
        return self.file(os.path.join(name, ".wh..wh..opq"))

    def bytes(self):
        self.tar.close()
        return self.buf.getvalue()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True,
                              check=True).stdout
    return data


class Image:
    """Blobs and documents of one image; `write` makes a layout that skopeo reads."""

    def __init__(self, layers, config=None, arch="amd64", os_name="linux", compression="gzip",
                 docker=False):
        self.blobs = {}
        self.layers, diff_ids = [], []
        suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[compression]
        for item in layers:
            raw = item.bytes() if isinstance(item, Layer) else item
            diff_ids.append(digest(raw))
            kind = OCI + "layer.v1.tar" + suffix
            if docker:
                kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
            self.layers.append(self.put(compress(raw, compression), kind))
        doc = {"architecture": arch, "os": os_name, "config": config or {},
               "rootfs": {"type": "layers", "diff_ids": diff_ids},
               "history": [{"created_by": "test"} for _ in diff_ids]}
        self.config = self.put(json.dumps(doc).encode(),
                               "application/vnd.docker.container.image.v1+json" if docker
                               else OCI + "config.v1+json")
        kind = DOCKER + "v2+json" if docker else OCI + "manifest.v1+json"
        self.manifest = self.put(json.dumps({
            "schemaVersion": 2, "mediaType": kind, "config": self.config,
            "layers": self.layers}).encode(), kind)
        self.manifest["platform"] = {"architecture": arch, "os": os_name}

    @property
    def id(self):
        return self.config["digest"]

    def put(self, data, kind):
        d = digest(data)
        self.blobs[d] = data
        return {"mediaType": kind, "digest": d, "size": len(data)}

    def write(self, path, tag="latest"):
        write_layout(path, self.blobs, [dict(
            self.manifest, annotations={"org.opencontainers.image.ref.name": tag})])
        return path


def index_of(images):
    """Several platforms under one index: (descriptor, all blobs)."""
    blobs = {}
    for image in images:
        blobs.update(image.blobs)
    data = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json",
                       "manifests": [i.manifest for i in images]}).encode()
    blobs[digest(data)] = data
    return {"mediaType": OCI + "index.v1+json", "digest": digest(data), "size": len(data)}, blobs


def write_layout(path, blobs, manifests):
    os.makedirs(os.path.join(path, "blobs/sha256"), exist_ok=True)
    for d, data in blobs.items():
        with open(os.path.join(path, "blobs/sha256", d.split(":")[1]), "wb") as f:
            f.write(data)
    with open(os.path.join(path, "oci-layout"), "w", encoding="ascii") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(os.path.join(path, "index.json"), "w", encoding="ascii") as f:
        json.dump({"schemaVersion": 2, "manifests": manifests}, f)


def busybox_layer():
    """Debian's static busybox with its applets: enough of a system for most tests."""
    with open("/bin/busybox", "rb") as f:
        program = f.read()
    layer = Layer()
    for d in ("bin", "etc", "root", "home", "proc", "sys", "dev", "var", "usr", "usr/bin"):
        layer.dir(d)
    layer.dir("tmp", mode=0o1777)
    layer.file("bin/busybox", program, mode=0o755)
    applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True,
                             check=True).stdout.split()
    for name in applets:
        if name != "busybox":
            layer.symlink("bin/" + name, "busybox")
    layer.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/:/bin/sh\n"
                             "app:x:4711:4711:app:/home:/bin/sh\n")
    layer.file("etc/group", "root:x:0:\nwww:x:33:\napp:x:4711:\nextra:x:2000:app\n")
    return layer
