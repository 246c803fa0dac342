# SPDX-License-Identifier: Apache-2.0
"""pull from registries that misbehave: either the right image, or one clear line and nothing left."""
import base64
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))

import badregistry as bad  # noqa: E402
from lib import ociimg  # noqa: E402

WHOLE = bad.ignore_range()
# Silence of a second is a fault of the machine as well: only where it is the fault asked for.
FAST = {"CARREL_RETRY_MS": "10", "CARREL_STALL_SECONDS": "60"}
SILENT = dict(FAST, CARREL_STALL_SECONDS="1")


@pytest.fixture(scope="module")
def image():
    """3 MiB that do not compress, so that Range has something to do; then a small layer."""
    noise = random.Random(7).randbytes(3 << 20)
    return ociimg.Image([ociimg.Layer().file("noise", noise), ociimg.Layer().file("b", "b")])


@pytest.fixture
def reg():
    with bad.BadRegistry() as r:
        yield r


def assert_clean(carrel):
    assert os.listdir(f"{carrel.store}/staging") == []
    carrel.empty_trash()
    assert carrel.run("images", "-q").out == ""


def fails(carrel, ref, *words, env=None, **kw):
    r = carrel.run("pull", "-q", ref, rc=125, env=dict(env or FAST, **kw))
    errors = [line for line in r.err.splitlines() if "hint:" not in line]
    assert len(errors) == 1, r
    for w in words:
        assert w in r.err, r
    assert r.out == ""
    assert_clean(carrel)
    return r


@pytest.mark.parametrize("faults", [
    [bad.truncate(1 << 20)],
    [bad.truncate(0)],
    [bad.truncate(1 << 20), bad.truncate(1 << 20), bad.truncate(1000)],
    [bad.stall(1 << 20)],
    [bad.status(503), bad.status(500), bad.status(502)],
    [bad.status(429, retry_after=1)],
    [bad.truncate(1 << 20), WHOLE],
    [bad.truncate(1 << 20), bad.status(503), bad.stall(100)],
], ids=["truncated", "empty", "thrice", "stall", "5xx", "429", "no-range", "mixed"])
def test_recovers(carrel, image, reg, faults, request):
    ref = reg.add(image, "x")
    big = image.layers[0]["digest"]
    reg.on("blobs", big, *faults)
    env = SILENT if request.node.callspec.id in ("stall", "mixed") else FAST
    assert carrel.run("pull", "-q", ref, env=env).out.strip() == image.id
    # A whole answer to a Range request is right, only wasteful.
    wrong = [f for f in faults if f is not WHOLE]
    asked = len(reg.asked("blobs", big))
    assert asked == len(wrong) + 1 or (env is SILENT and asked > len(wrong))


def test_resumes_where_it_broke(carrel, image, reg):
    ref = reg.add(image, "x")
    big = image.layers[0]["digest"]
    reg.on("blobs", big, bad.truncate(2 << 20))
    carrel.run("pull", "-q", ref, env=FAST)
    ranges = [r.headers.get("Range") for r in reg.asked("blobs", big)]
    assert ranges == [None, f"bytes={2 << 20}-"]


def test_manifest_is_retried(carrel, image, reg):
    ref = reg.add(image, "x")
    reg.on("manifests", "latest", bad.status(503), bad.truncate(10))
    carrel.run("pull", "-q", ref, env=FAST)


@pytest.mark.parametrize("fault,words", [
    (bad.truncate(10), ["layer sha256:", "tried"]),
    (bad.stall(10), ["sent nothing for 1 seconds"]),
    (bad.status(503), ["status 503"]),
    (bad.status(429), ["too many requests"]),
    (bad.status(404), ["does not have it"]),
    (bad.status(403), ["denied"]),
    (bad.tamper(), ["layer sha256:"]),
    (bad.tamper(1 << 20), ["layer sha256:"]),
    (bad.replace(b"short"), ["where", "promised"]),
    (bad.replace(bytes(4 << 20)), ["where", "promised"]),
    (bad.endless(), ["more than"]),
    (bad.redirect("file:///etc/passwd"), ["redirect"]),
    (bad.redirect("ftp://127.0.0.1/x"), ["redirect"]),
], ids=["truncated", "stall", "503", "429", "404", "403", "tampered-head", "tampered", "short",
        "long", "endless", "redirect-file", "redirect-ftp"])
def test_gives_up_clearly(carrel, image, reg, fault, words, request):
    ref = reg.add(image, "x")
    reg.always("blobs", image.layers[0]["digest"], fault)
    fails(carrel, ref, *words, env=SILENT if request.node.callspec.id == "stall" else FAST)


def test_wrong_digest_of_right_size(carrel, image, reg):
    """Bytes that inflate well, but are others."""
    other = ociimg.Image([ociimg.Layer().file("a", "one")], compression="none")
    evil = ociimg.Image([ociimg.Layer().file("a", "two")], compression="none")
    ref = reg.add(other, "x")
    reg.always("blobs", other.layers[0]["digest"],
               bad.replace(evil.blobs[evil.layers[0]["digest"]]))
    fails(carrel, ref, "does not match its digest")


def test_wrong_diff_id(carrel, reg):
    """The compressed digest is right, the config promises another content."""
    right = ociimg.Image([ociimg.Layer().file("a", "one")])
    wrong = ociimg.Image([ociimg.Layer().file("a", "two")])
    right.config = wrong.config
    right.blobs.update(wrong.blobs)
    doc = {"schemaVersion": 2, "mediaType": right.manifest["mediaType"], "config": right.config,
           "layers": right.layers}
    right.manifest = right.put(json.dumps(doc).encode(), right.manifest["mediaType"])
    fails(carrel, reg.add(right, "x"), "diff-id")


@pytest.mark.parametrize("where", ["manifest", "config"])
def test_tampered_document(carrel, image, reg, where):
    ref = reg.add(image, "x")
    if where == "manifest":
        d = image.manifest["digest"]
        reg.always("manifests", d, bad.tamper(-1))
        ref = f"{reg.host}/x@{d}"
    else:
        reg.always("blobs", image.config["digest"], bad.tamper(-1))
    fails(carrel, ref, "does not match its digest")


@pytest.mark.parametrize("doc,word", [
    (b"", "JSON"), (b"{", "JSON"), (b"[]", "JSON"), (b"[" * 5000, "JSON"),
    (b'{"schemaVersion":2,"layers":[],"manifests":[]}', "ambiguous"),
    (b'{"schemaVersion":1,"fsLayers":[]}', "schema 1"),
    (b" " * (5 << 20), "larger"),
], ids=["empty", "cut", "array", "deep", "both", "schema1", "huge"])
def test_hostile_manifest(carrel, image, reg, doc, word):
    ref = reg.add(image, "x")
    reg.always("manifests", "latest", bad.replace(doc))
    fails(carrel, ref, word)


def test_wrong_range_is_refused(carrel, image, reg):
    ref = reg.add(image, "x")
    reg.on("blobs", image.layers[0]["digest"], bad.truncate(1 << 20), bad.wrong_range())
    fails(carrel, ref, "range")


def test_redirect_keeps_credentials_home(carrel, image):
    with bad.BadRegistry() as store, bad.BadRegistry(auth="token") as reg:
        store.add(image, "x")
        ref = reg.add(image, "x")
        big = image.layers[0]["digest"]
        reg.always("blobs", big, bad.redirect(f"{store.url}/v2/x/blobs/{big}"))
        carrel.run("pull", "-q", ref, env=FAST)
        assert "Authorization" in reg.asked("blobs", big)[-1].headers
        assert "Authorization" not in store.asked("blobs", big)[0].headers


def write_login(carrel, host, **entry):
    os.makedirs(f"{carrel.home}/.docker")
    with open(f"{carrel.home}/.docker/config.json", "w", encoding="ascii") as f:
        json.dump({"auths": {host: entry}}, f)


@pytest.mark.parametrize("auth", [None, "token"])
@pytest.mark.parametrize("login", [
    {"auth": base64.b64encode(b"me:pw").decode()}, {"identitytoken": "refresh me"}],
    ids=["password", "identity"])
@pytest.mark.parametrize("kind", ["Basic", "Bearer"])
def test_redirect_asks_for_credentials(carrel, image, auth, login, kind):
    """CVE-2020-15157 by a redirect: storage names a token service of its own."""
    with bad.BadRegistry() as store, bad.BadRegistry(auth=auth) as reg:
        if "auth" in login:
            reg.basic = f"Basic {login['auth']}"
        else:
            reg.refresh = login["identitytoken"]
        ref = reg.add(image, "x")
        store.auth = "token"  # which nothing can satisfy
        store.challenge = f'{kind} realm="{store.url}/token",service="x"'
        write_login(carrel, reg.host, **login)
        big = image.layers[0]["digest"]
        reg.always("blobs", big, bad.redirect(f"{store.url}/v2/x/blobs/{big}"))
        r = fails(carrel, ref, "refuses it (status 401)", store.host, "hint:")
        assert "no such image" not in r.err
        assert {q.path for q in store.log} == {f"/v2/x/blobs/{big}"}
        assert not [q for q in store.log if "Authorization" in q.headers]
        assert len(reg.asked("blobs", big)) == 3  # for an address that has not expired


@pytest.mark.parametrize("code", [400, 401, 403])
def test_redirect_that_has_expired(carrel, image, code):
    with bad.BadRegistry() as store, bad.BadRegistry(auth="token") as reg:
        store.add(image, "x")
        ref = reg.add(image, "x")
        big = image.layers[0]["digest"]
        reg.always("blobs", big, bad.redirect(f"{store.url}/v2/x/blobs/{big}"))
        store.on("blobs", big, bad.status(code), bad.truncate(1 << 20), bad.status(code))
        assert carrel.run("pull", "-q", ref, env=FAST).out.strip() == image.id
        assert len(reg.scopes) == 1  # no token was to blame


def test_redirect_loop(carrel, image, reg):
    ref = reg.add(image, "x")
    big = image.layers[0]["digest"]
    reg.always("blobs", big, bad.redirect(f"{reg.url}/v2/x/blobs/{big}"))
    fails(carrel, ref, "too many redirects")


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_signal_cleans_up(carrel, image, reg, leftovers, sig):
    ref = reg.add(image, "x")
    reg.on("blobs", image.layers[0]["digest"], bad.stall(2 << 20))
    p = carrel.start("pull", ref, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                     start_new_session=True)
    said = b""
    while b"fetching" not in said:  # the first layer is under way
        said += p.stderr.readline()
    os.killpg(p.pid, sig)
    p.wait(90)
    p.stdout.close()
    p.stderr.close()
    assert_clean(carrel)


def test_kill_is_swept_by_the_next_command(carrel, image, reg, leftovers):
    ref = reg.add(image, "x")
    reg.on("blobs", image.layers[0]["digest"], bad.stall(2 << 20))
    p = carrel.start("pull", ref, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                     start_new_session=True)
    said = b""
    while b"fetching" not in said:
        said += p.stderr.readline()
    os.killpg(p.pid, signal.SIGKILL)
    p.wait(90)
    p.stdout.close()
    p.stderr.close()
    leftovers.wait_processes()
    carrel.run("pull", "-q", ref, env=FAST)
    assert os.listdir(f"{carrel.store}/staging") == []
    carrel.empty_trash()


UNPACK_CAPS = sum(1 << n for n in (0, 1, 3, 4, 27, 31))  # CHOWN ... FSETID, MKNOD, SETFCAP


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def confined(pid):
    """Its status, once it has shut itself in: before that it has read nothing from outside."""
    end = time.monotonic() + 20
    while True:
        s = status_of(pid)
        if (s["NoNewPrivs"], s["Seccomp"]) == ("1", "2"):
            return s
        assert time.monotonic() < end, s
        time.sleep(0.01)


def test_both_halves_are_confined(carrel, image, reg, leftovers):
    """While a layer is under way: no new privileges, a filter, only the capabilities needed."""
    ref = reg.add(image, "x")
    reg.on("blobs", image.layers[0]["digest"], bad.stall(2 << 20))
    p = carrel.start("pull", ref, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = b""
    # The second layer is done: the first one's unpacker is there, ready or not.
    while b": done" not in said:
        said += p.stderr.readline()
    transfer, = children(p.pid)
    try:
        halves = [confined(pid) for pid in children(transfer)]
    finally:
        p.send_signal(signal.SIGTERM)
        p.wait(90)
        p.stdout.close()
        p.stderr.close()
    caps = []
    for s in halves:
        assert s["CapBnd"] == s["CapEff"] or int(s["CapEff"], 16) == 0, s
        caps.append(int(s["CapEff"], 16))
    assert sorted(caps) == [0, UNPACK_CAPS]  # the fetcher and one unpacker
