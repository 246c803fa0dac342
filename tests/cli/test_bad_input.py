# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear line with a hint, the right exit status, nothing left behind."""
import gzip
import hashlib
import io
import json
import os
import re
import tarfile

import pytest

from lib import ociimg
from lib.fakeregistry import FakeRegistry, change_manifest
from lib.registry import free_port


def small_image(data=b"x" * 40000, **kw):
    layer = ociimg.Layer().dir("bin").file("bin/data", data)
    arch = "amd64" if os.uname().machine == "x86_64" else "arm64"
    return ociimg.Image([layer], {"Cmd": ["/bin/data"]}, arch=kw.pop("arch", arch), **kw)


@pytest.fixture
def fake():
    reg = FakeRegistry()
    yield reg
    reg.stop()


@pytest.fixture
def clean(carrel, leftovers):
    """The test may only fail commands: state before and after is the same."""
    before = leftovers.snapshot(carrel)
    yield carrel
    leftovers.check(carrel, before)
    assert carrel.run("images", "-q").out == ""


def one_line(res):
    """A message, and perhaps a hint; no more."""
    lines = [x for x in res.err.splitlines()
             if x.startswith("carrel: ") and not x.startswith("carrel: hint:")]
    assert len(lines) == 1, f"more than one line\n{res}"
    return res


def has_hint(res):
    assert "carrel: hint:" in res.err, f"no hint\n{res}"
    return res


@pytest.mark.parametrize("ref", ["Upper/case", "a b", "", "x:", "-x", "a//b", "127.0.0.1:99999/x",
                                 "docker://x", "https://127.0.0.1/x",
                                 "x@sha256:12", "x:" + "t" * 200, "../x", "x\ny"])
@pytest.mark.parametrize("command", ["pull", "run"])
def test_bad_reference(clean, command, ref):
    res = clean.fails(command, "--", ref, rc=125)
    has_hint(one_line(res))
    assert "\n" not in ref or "x\ny" not in res.err, "a control character came through"


def test_unknown_image(clean, fake):
    has_hint(one_line(clean.fails("pull", "-q", f"{fake.host}/nothing:1", rc=125,
                                  has="nothing")))


def test_run_of_unknown_image(clean, fake):
    clean.fails("run", "--rm", f"{fake.host}/nothing:1", "true", rc=125, has="nothing")


def test_run_pull_never(clean):
    has_hint(one_line(clean.fails("run", "--pull", "never", "--rm", "127.0.0.1:1/nothing", "true",
                                  rc=125, has="nothing")))


def test_unreachable_registry(clean):
    has_hint(one_line(clean.fails("pull", "-q", f"127.0.0.1:{free_port()}/img", rc=125,
                                  has="127.0.0.1")))


@pytest.mark.parametrize("fault", ["tamper", "short", "longer", "truncate", "404"])
def test_bad_layer(clean, fake, fault):
    image = small_image(os.urandom(40000))
    ref = fake.add(image)
    fake.faults[image.layers[0]["digest"]] = fault
    has_hint(one_line(clean.fails("pull", "-q", ref, rc=125)))
    # What was fetched is no part of a later pull.
    fake.faults.clear()
    assert clean.run("pull", "-q", ref).out.strip() == image.id
    clean.run("rmi", ref)


@pytest.mark.parametrize("fault", ["tamper", "short", "longer", "404"])
def test_bad_config(clean, fake, fault):
    image = small_image()
    ref = fake.add(image)
    fake.faults[image.config["digest"]] = fault
    has_hint(one_line(clean.fails("pull", "-q", ref, rc=125)))


@pytest.mark.parametrize("fault", ["tamper", "short"])
def test_bad_manifest_by_digest(clean, fake, fault):
    image = small_image()
    fake.add(image)
    fake.faults[image.manifest["digest"]] = fault
    has_hint(one_line(clean.fails("pull", "-q", f"{fake.host}/img@{image.manifest['digest']}",
                                  rc=125, has="digest")))


@pytest.mark.parametrize("by", [-1, 1])
def test_wrong_size_of_a_layer(clean, fake, by):
    def change(doc):
        doc["layers"][0]["size"] += by
    ref = fake.add(change_manifest(small_image(), change))
    has_hint(one_line(clean.fails("pull", "-q", ref, rc=125)))


def test_wrong_digest_of_a_layer(clean, fake):
    image = small_image()
    other = image.put(ociimg.compress(small_image(b"other").blobs[
        small_image(b"other").layers[0]["digest"]], "none"), image.layers[0]["mediaType"])

    def change(doc):
        doc["layers"][0] = other
    has_hint(one_line(clean.fails("pull", "-q", fake.add(change_manifest(image, change)), rc=125)))


def test_not_json(clean, fake):
    image = small_image()
    ref = fake.add(image)
    fake.blobs[image.manifest["digest"]] = b"\x00not json\xff"
    has_hint(one_line(clean.fails("pull", "-q", ref, rc=125)))


def test_other_architecture(clean, images):
    """A single manifest for another machine: refused before anything is unpacked."""
    res = clean.fails("run", "--rm", images["foreign"], "true", rc=125)
    assert "arm64" in res.err or "amd64" in res.err, res
    has_hint(one_line(res))


def test_platform_that_is_not_there(clean, images):
    has_hint(one_line(clean.fails("pull", "-q", "--platform", "linux/s390x", images["busybox"],
                                  rc=125, has="s390x")))


def test_disk_full(make_carrel, fake, small_fs, leftovers):
    c = make_carrel()
    c.store = small_fs(3 << 20)
    c.env["CARREL_ROOT"] = c.store
    before = leftovers.snapshot(c)
    ref = fake.add(small_image(os.urandom(6 << 20)))
    res = one_line(c.fails("pull", "-q", ref, rc=125))
    assert "No space left" in res.err or "D-15" in res.err, res
    has_hint(res)
    leftovers.check(c, before)
    # And there is room again.
    little = fake.add(small_image(b"little"), "little:latest")
    c.run("pull", "-q", little)


@pytest.mark.parametrize("data,told", [
    (b"\xfd7zXZ\x00\x00\x04", "xz"), (b"BZh91AY&SY" + bytes(20), "bzip2"),
    (b"no archive, whatever it is called" * 40, "archive"),
    (gzip.compress(b"half")[:-9], "ends early"), (gzip.compress(b"crc")[:-8] + bytes(8), "damaged")],
    ids=["xz", "bzip2", "text", "cut", "crc"])
def test_layer_that_is_none(clean, fake, data, told):
    image = small_image()
    blob = ociimg.digest(data)
    image.blobs[blob] = data
    change_manifest(image, lambda doc: doc["layers"][0].update(digest=blob, size=len(data)))
    has_hint(one_line(clean.fails("pull", "-q", fake.add(image), rc=125, has=[blob[:19], told])))


def bomb(file_size, total, name="zeros", noise=10 << 20):
    """A real gzip layer: a tar of `total` zeros in files of one size, in members of 16 MiB, and
    noise so that it has 10 MB."""
    zeros = gzip.compress(bytes(16 << 20), 9, mtime=0)
    data = b""
    for i in range(total // file_size):
        info = tarfile.TarInfo(f"{name}{i}")
        info.size = file_size
        data += gzip.compress(info.tobuf(), mtime=0) + zeros * (file_size >> 24)
    return data + gzip.compress(os.urandom(max(0, noise - len(data))), 1, mtime=0)


@pytest.mark.parametrize("file_size", [8 << 30, 64 << 20], ids=["one", "many"])
def test_gzip_bomb(clean, fake, file_size):
    """10 MB that would unpack to 8 GiB are stopped by the ratio, not by the disk: at a glance by
    the size of a file, else when too much has come out of too little."""
    data = bomb(file_size, 8 << 30)
    image = small_image()
    blob = ociimg.digest(data)
    image.blobs[blob] = data
    change_manifest(image, lambda doc: doc["layers"][0].update(digest=blob, size=len(data)))
    ref = fake.add(image)
    # The free gigabyte and 400 MB: with the ratio of every day it is 3 GB, for all disks to write.
    res = has_hint(one_line(clean.fails(
        "pull", "-q", ref, rc=125, has=[blob[:19], "40 times", "CARREL_LAYER_RATIO=0"],
        env={"CARREL_LAYER_RATIO": "40"}, timeout=300)))
    if file_size < 8 << 30:
        assert int(re.search(r": (\d+) bytes of it", res.err).group(1)) < 3 << 20, res
    clean.empty_trash()


def unpacked_digest(data):
    """Of a gzip file, a piece at a time."""
    plain = hashlib.sha256()
    with gzip.open(io.BytesIO(data)) as f:
        while piece := f.read(16 << 20):
            plain.update(piece)
    return "sha256:" + plain.hexdigest()


@pytest.mark.parametrize("file_size", [704 << 20, 16 << 20], ids=["one", "many"])
def test_gzip_bomb_in_layers(clean, fake, file_size):
    """Each of two layers would be below the free GiB, but it is one for the image."""
    image = ociimg.Image([ociimg.Layer().file("a", "a"), ociimg.Layer().file("b", "b")])
    layers, config = [], json.loads(image.blobs[image.id])
    for i, name in enumerate("ab"):
        data = bomb(file_size, 704 << 20, name, noise=0)
        layers.append(image.put(data, image.layers[0]["mediaType"]))
        config["rootfs"]["diff_ids"][i] = unpacked_digest(data)  # the first may be done before
    config = image.put(json.dumps(config).encode(), image.config["mediaType"])
    change_manifest(image, lambda doc: doc.update(layers=layers, config=config))
    has_hint(one_line(clean.fails("pull", "-q", fake.add(image), rc=125, has=[
        "200 times", "1 GiB for all its layers", "CARREL_LAYER_RATIO=0"], timeout=300)))
    clean.empty_trash()


def test_read_only_store(make_carrel, fake, readonly_dir, leftovers):
    c = make_carrel()
    ref = fake.add(small_image())
    c.run("pull", "-q", ref)
    before = leftovers.snapshot(c)
    listing = c.run("images", "-q").out
    readonly_dir(c.store)
    assert c.run("images", "-q").out == listing
    has_hint(one_line(c.fails("pull", "-q", fake.add(small_image(b"other"), "other:1"), rc=125,
                              has="D-15")))
    has_hint(one_line(c.fails("run", "--rm", ref, rc=125, has="D-15")))
    leftovers.check(c, before)


def test_name_in_use(warm, leftovers):
    before = leftovers.snapshot(warm)
    warm.run("run", "-d", "--name", "taken", "--network", "none", warm.image, "sleep", "600")
    try:
        has_hint(one_line(warm.fails("run", "-d", "--name", "taken", warm.image, "true", rc=125,
                                     has="taken")))
    finally:
        warm.run("rm", "-f", "taken")
    leftovers.check(warm, before)


@pytest.mark.parametrize("args,rc,word", [
    (("run", "--frobnicate", "IMG", "true"), 125, "--frobnicate"),
    (("run", "--cpus", "0.001", "IMG", "true"), 125, "cpus"),
    (("run", "-m", "1k", "IMG", "true"), 125, "memory"),
    (("run", "--pids-limit", "all", "IMG", "true"), 125, "pids-limit"),
    (("run", "-p", "80:80", "IMG", "true"), 125, "publish"),
    (("run", "--network", "frob", "IMG", "true"), 125, "frob"),
    (("run", "--user", "nobody-such", "IMG", "true"), 125, "nobody-such"),
    (("run", "--cap-add", "frob", "IMG", "true"), 125, "frob"),
    (("run", "-v", "/nowhere:/x", "IMG", "true"), 125, "/nowhere"),
    (("run", "--env-file", "/nowhere", "IMG", "true"), 125, "/nowhere"),
    (("run", "--name", "bad name", "IMG", "true"), 125, "bad name"),
    (("run", "--rm", "--network", "none", "IMG", "no-such-command"), 127, "no-such-command"),
    (("run", "--rm", "--network", "none", "IMG", "/etc/passwd"), 126, "/etc/passwd"),
    (("run", "--rm", "--network", "none", "IMG", "/etc"), 126, "/etc"),
    (("run", "--network", "none", "IMG", "no-such-command"), 127, "no-such-command"),
    (("run", "-d", "--network", "none", "IMG", "no-such-command"), 127, "no-such-command"),
    (("run",), 125, "IMAGE"),
    (("exec", "nobody", "true"), None, "nobody"),
    (("logs", "nobody"), None, "nobody"),
    (("rm", "nobody"), None, "nobody"),
    (("stop", "nobody"), None, "nobody"),
    (("rmi", "nobody"), None, "nobody"),
    (("ps", "--filter", "frob=1"), 125, "frob"),
])
def test_bad_words(warm, leftovers, args, rc, word):
    before = leftovers.snapshot(warm)
    res = warm.run(*[warm.image if a == "IMG" else a for a in args], check=False)
    assert res.rc == rc if rc is not None else res.rc not in (0,), res
    assert word in res.err, res
    has_hint(one_line(res))
    if "no-such-command" in args and "--rm" not in args:
        # As docker has it: the container that could not start stays, made but never run.
        for c in set(warm.run("ps", "-a", "-q").lines) - set(before["ps"]):
            warm.run("rm", c)
    leftovers.check(warm, before)


@pytest.mark.serial
def test_store_that_root_made_but_carrel_cannot_write(root):
    """Root may write anywhere, the id that carrel steps down to may not: the hint names it."""
    res = root.run("--root", "/usr/share/carrel-no-store", "pull", "-q", "127.0.0.1:1/x",
                   check=False)
    assert res.rc == 125 and "[D-15]" in res.err, res
    assert re.search(r"acts as host id \d+: give it access there", res.err), res


@pytest.mark.serial
@pytest.mark.parametrize("args,rc,word", [
    (("pull", "-q", "127.0.0.1:1/nothing"), 125, "127.0.0.1"),
    (("run", "--rm", "A/b"), 125, "A/b"),
    (("run", "--rm", "--network", "none", "hello", "no-such-command"), 127, "no-such-command"),
    (("run", "--rm", "--network", "none", "hello", "/etc/passwd"), 126, "/etc/passwd"),
])
def test_called_by_root(root, leftovers, args, rc, word):
    root.run("run", "--rm", "--network", "none", "hello", "true")
    before = leftovers.snapshot(root)
    res = root.run(*args, check=False)
    assert res.rc == rc, res
    assert word in res.err, res
    leftovers.check(root, before)


def test_relative_working_directory(clean, fake):
    """The caller wrote nothing that --help would explain."""
    layer = ociimg.Layer().dir("bin").file("bin/data", b"x")
    arch = "amd64" if os.uname().machine == "x86_64" else "arm64"
    ref = fake.add(ociimg.Image([layer], {"Cmd": ["/bin/data"], "WorkingDir": "app"}, arch=arch))
    clean.run("pull", "-q", ref)
    res = clean.fails("run", "--rm", "--network", "none", ref, has=["directory 'app'", "-w PATH"])
    assert "--help" not in res.err, res
    clean.run("rmi", ref)
