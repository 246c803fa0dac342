# SPDX-License-Identifier: Apache-2.0
"""pull from real and from small registries: names, platforms, media types, logins, output."""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))

import badregistry as bad  # noqa: E402
from badregistry import BadRegistry  # noqa: E402
from lib import ociimg  # noqa: E402
from lib.registry import Registry  # noqa: E402


def small(text="hello", layers=1, **kw):
    made = []
    for i in range(layers):
        made.append(ociimg.Layer().dir("etc").file(f"etc/file{i}", f"{text} {i}\n"))
    return ociimg.Image(made, **kw)


def read_file(carrel, name):
    """A file of a pulled layer: its tree is readable for the caller where root owns it."""
    out = []
    for d in os.listdir(f"{carrel.store}/layers"):
        path = f"{carrel.store}/layers/{d}/tree/{name}"
        if os.path.exists(path):
            with open(path, encoding="ascii") as f:
                out.append(f.read())
    return out


def test_prints_the_id_and_plain_lines(carrel, images, registry):
    r = carrel.run("pull", images["busybox"])
    assert r.out == images.info["busybox"]["id"] + "\n"
    assert f"pulling {images['busybox']}" in r.err
    assert re.search(r"layer [0-9a-f]{12}: fetching .*B\n", r.err)
    assert re.search(r"layer [0-9a-f]{12}: done\n", r.err)
    assert "\x1b" not in r.err


def test_quiet(carrel, images):
    r = carrel.run("pull", "-q", images["busybox"])
    assert r.out == images.info["busybox"]["id"] + "\n"
    assert r.err == ""


def test_again_fetches_no_layer(carrel):
    image = small()
    with BadRegistry() as reg:
        ref = reg.add(image, "again")
        carrel.run("pull", ref)
        r = carrel.run("pull", ref)
        assert len(reg.asked("blobs", image.layers[0]["digest"])) == 1
    assert re.search(r"layer [0-9a-f]{12}: exists\n", r.err)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_compressions(carrel, compression):
    image = small(compression, layers=5, compression=compression)
    with BadRegistry() as reg:
        r = carrel.run("pull", reg.add(image, "x:1"))
    assert r.out.strip() == image.id
    assert sorted(read_file(carrel, "etc/file3")) == [f"{compression} 3\n"]


def test_docker_media_types(carrel):
    image = small(docker=True)
    with BadRegistry() as reg:
        assert carrel.run("pull", reg.add(image, "x")).out.strip() == image.id


def test_gzip_members_and_padding(carrel):
    """pigz and eStargz write several members; some tools pad the end."""
    raw = ociimg.Layer().file("a", b"x" * 100000).bytes()
    image = ociimg.Image([raw])
    data = (ociimg.compress(raw[:30000], "gzip") + ociimg.compress(raw[30000:], "gzip") +
            bytes(512))
    repack(image, data)
    with BadRegistry() as reg:
        carrel.run("pull", reg.add(image, "x"))
    assert read_file(carrel, "a") == ["x" * 100000]


@pytest.mark.parametrize("tail", [b"", bytes(512), bytes(100), b"what follows the end"],
                         ids=["none", "one", "odd", "garbage"])
def test_archives_that_end_in_their_way(carrel, tail):
    """The two zero blocks of tar's end are a custom; nothing at all is an empty layer."""
    raw = ociimg.Layer().file("a", "text").bytes()[:1024]
    image = ociimg.Image([raw + (bytes(1024) if len(tail) % 512 else b"") + tail, b"" + tail[:512]
                          if len(tail) % 512 == 0 else bytes(1024)])
    with BadRegistry() as reg:
        assert carrel.run("pull", "-q", reg.add(image, "x")).out.strip() == image.id
    assert read_file(carrel, "a") == ["text"]


def repack(image, data):
    """Other compressed bytes for the first layer, everything else fitting."""
    old = image.layers[0]["digest"]
    image.blobs.pop(old)
    image.layers[0] = image.put(data, image.layers[0]["mediaType"])
    image.manifest = image.put(json.dumps({
        "schemaVersion": 2, "mediaType": image.manifest["mediaType"], "config": image.config,
        "layers": image.layers}).encode(), image.manifest["mediaType"])


@pytest.mark.parametrize("log", [27, 28])
def test_zstd_window(carrel, log):
    """The decoder's memory is the image's to ask for, up to a limit that is told."""
    raw = ociimg.Layer().file("a", "text").bytes()
    image = ociimg.Image([raw], compression="zstd")
    repack(image, subprocess.run(["zstd", "-q", "-c", "--ultra", f"--long={log}"], input=raw,
                                 check=True, capture_output=True).stdout)
    with BadRegistry() as reg:
        if log == 27:
            carrel.run("pull", "-q", reg.add(image, "x"))
        else:
            r = carrel.run("pull", "-q", reg.add(image, "x"), rc=125)
            assert "its zstd window is larger than 128 MiB" in r.err and "--long=27" in r.err, r


def test_layer_repeated_in_one_image(carrel):
    layer = ociimg.Layer().file("a", "same").bytes()
    image = ociimg.Image([layer, ociimg.Layer().file("b", "other").bytes(), layer])
    with BadRegistry() as reg:
        carrel.run("pull", reg.add(image, "x"))
        assert len(reg.asked("blobs", image.layers[0]["digest"])) == 1


@pytest.mark.parametrize("way", [
    {"CARREL_ROOTFS": "overlay", "CARREL_OVERLAY": "new"},
    {"CARREL_ROOTFS": "overlay", "CARREL_OVERLAY": "classic"}, {"CARREL_ROOTFS": "fuse"}],
    ids=["new", "classic", "fuse"])
def test_image_with_a_layer_twice_runs(carrel, need, way):
    """Each place of a layer counts: what lies between two of them is covered by the upper one."""
    if way["CARREL_ROOTFS"] == "fuse":
        need("fuse")
    empty = ociimg.Layer().bytes()
    one = ociimg.Layer().dir("d").file("d/one", "1").file("f", "one").dir("x").file("x/one", "1")
    one.whiteout("gone").dir("o").opaque("o").file("o/one", "1").file("kind", "file")
    two = ociimg.Layer().dir("d").file("d/two", "2").file("f", "two").whiteout("x")
    two.file("gone", "g").dir("o").file("o/two", "2").whiteout("d/low").dir("kind")
    low = ociimg.busybox_layer().dir("d").file("d/low", "0").dir("x").file("x/low", "0")
    low.dir("o").file("o/low", "0").file("gone", "g")
    one, two, low = one.bytes(), two.bytes(), low.bytes()
    image = ociimg.Image([low, empty, empty, one, two, one, empty],
                         {"Cmd": ["sh"], "Env": ["PATH=/bin"]})
    with BadRegistry() as reg:
        ref = reg.add(image, "x")
        carrel.run("pull", "-q", ref)
    script = ("echo d/* x/* o/*; cat f kind; ls gone 2>/dev/null; rm -r d; mkdir d; echo d/*;"
              "echo more >>f; tail -n 1 f")
    for keep in (["--rm"], ["--name", "kept"]):
        res = carrel.run("run", *keep, "--network", "none", "-w", "/", ref, "sh", "-c", script,
                         env=way)
        assert res.lines == ["d/one d/two x/one o/one", "onefiled/*", "onemore"], res
    assert carrel.run("start", "-a", "kept", env=way).lines[0] == "d/* x/one o/one"


def test_many_layers(carrel):
    image = small(layers=40)
    with BadRegistry() as reg:
        carrel.run("pull", reg.add(image, "x"))
    assert len(os.listdir(f"{carrel.store}/layers")) == 40


def test_no_layers_is_refused(carrel):
    image = ociimg.Image([])
    with BadRegistry() as reg:
        r = carrel.run("pull", reg.add(image, "x"), rc=125)
    assert "no layers" in r.err


def test_by_digest(carrel):
    image = small()
    with BadRegistry() as reg:
        reg.add(image, "x")
        ref = f"{reg.host}/x@{image.manifest['digest']}"
        assert carrel.run("pull", ref).out.strip() == image.id


def test_index_chooses_the_platform(carrel):
    amd, arm = small("amd"), small("arm", arch="arm64")
    desc, blobs = ociimg.index_of([arm, amd])
    with BadRegistry() as reg:
        ref = reg.add(None, "x", desc, blobs)
        here = {"x86_64": amd, "aarch64": arm}[os.uname().machine]
        assert carrel.run("pull", ref).out.strip() == here.id
        assert carrel.run("pull", "--platform", "linux/arm64", ref).out.strip() == arm.id
        # The operating system alone is not an architecture.
        assert carrel.run("pull", "--platform", "linux", ref).out == carrel.run("pull", ref).out
        r = carrel.run("pull", "--platform", "linux/s390x", ref, rc=125)
    assert "no image for linux/s390x" in r.err
    assert "linux/amd64" in r.err and "linux/arm64" in r.err


def index_with(reg, name, entries, images):
    data = json.dumps({"schemaVersion": 2, "mediaType": ociimg.OCI + "index.v1+json",
                       "manifests": entries}).encode()
    blobs = {ociimg.digest(data): data}
    for image in images:
        blobs.update(image.blobs)
    return reg.add(None, name, {"mediaType": ociimg.OCI + "index.v1+json",
                                "digest": ociimg.digest(data), "size": len(data)}, blobs)


def silent(image):
    return {k: v for k, v in image.manifest.items() if k != "platform"}


def test_index_entry_without_platform(carrel):
    """The image's own config has it."""
    one, two, other = small("one"), small("two"), small("other", arch="s390x")
    attest = dict(two.manifest, platform={"os": "unknown", "architecture": "unknown"})
    with BadRegistry() as reg:
        ref = index_with(reg, "one", [attest, silent(one)], [one, two])
        assert carrel.run("pull", "-q", ref).out.strip() == one.id
        r = carrel.run("pull", "-q", "--platform", "linux/s390x", ref, rc=125)
        assert "is an image for linux/amd64, not linux/s390x" in r.err, r
        # Where there is one that says it, that one.
        ref = index_with(reg, "fits", [silent(one), two.manifest], [one, two])
        assert carrel.run("pull", "-q", ref).out.strip() == two.id
        ref = index_with(reg, "other", [silent(other)], [other])
        assert "linux/s390x" in carrel.run("pull", "-q", ref, rc=125).err
        r = carrel.run("pull", index_with(reg, "many", [silent(one), silent(two)], [one, two]),
                       rc=125)
        by_digest = f"{reg.host}/many@{one.manifest['digest']}"
        assert "no image for linux/" in r.err and f"by digest, as {by_digest}" in r.err, r
        assert carrel.run("pull", "-q", by_digest).out.strip() == one.id
        r = carrel.run("pull", index_with(reg, "attest", [attest], [two]), rc=125)
        assert "attestations or signatures" in r.err, r
        r = carrel.run("pull", index_with(reg, "empty", [], []), rc=125)
        assert "its index is empty" in r.err, r


def test_index_in_an_index(carrel):
    arm = small("arm", arch="arm64")
    amd = small("amd")
    inner, blobs = ociimg.index_of([arm, amd])
    data = json.dumps({"schemaVersion": 2, "mediaType": inner["mediaType"],
                       "manifests": [inner]}).encode()
    blobs[ociimg.digest(data)] = data
    outer = dict(inner, digest=ociimg.digest(data), size=len(data))
    with BadRegistry() as reg:
        ref = reg.add(None, "x", outer, blobs)
        r = carrel.run("pull", "--platform", "linux/arm64", ref)
        assert r.out.strip() == arm.id
        digests = carrel.run("image", "inspect", ref).json()[0]["RepoDigests"]
        assert digests == [f"{reg.host}/x@{outer['digest']}"]


def test_platforms_of_an_index_that_does_not_fit(carrel):
    many = [dict(small().manifest, platform={"os": "linux", "architecture": f"cpu{i // 2}"})
            for i in range(100)]
    data = json.dumps({"schemaVersion": 2, "mediaType": ociimg.OCI + "index.v1+json",
                       "manifests": many}).encode()
    top = {"mediaType": ociimg.OCI + "index.v1+json", "digest": ociimg.digest(data),
           "size": len(data)}
    with BadRegistry() as reg:
        r = carrel.run("pull", "-q", reg.add(None, "x", top, {top["digest"]: data}), rc=125)
    assert "linux/cpu0, linux/cpu1, linux/cpu2, " in r.err and r.err.endswith(", ...\n"), r


def test_manifest_that_an_index_names_and_the_registry_lacks(carrel):
    desc, blobs = ociimg.index_of([small()])
    blobs.pop(small().manifest["digest"])
    with BadRegistry() as reg:
        r = carrel.run("pull", "-q", reg.add(None, "x", desc, blobs), rc=125)
    assert "the registry names it but does not have it" in r.err and "damaged there" in r.err


def test_other_architecture_is_refused(carrel):
    image = small(arch="s390x")
    with BadRegistry() as reg:
        ref = reg.add(image, "x")
        r = carrel.run("pull", ref, rc=125)
        assert "linux/s390x" in r.err and "hint: --platform linux/s390x" in r.err
        carrel.run("pull", "--platform", "linux/s390x", ref)


@pytest.mark.parametrize("arch,os_name", [("", "linux"), (None, ""), ("", "")])
def test_config_that_does_not_say_its_platform(carrel, arch, os_name):
    """It is taken for this machine's, and for what is asked for."""
    native = "amd64" if os.uname().machine == "x86_64" else "arm64"
    image = ociimg.Image([ociimg.busybox_layer()], {"Env": ["PATH=/bin"]},
                         arch=native if arch is None else arch, os_name=os_name)
    with BadRegistry() as reg:
        ref = reg.add(image, "x")
        carrel.run("pull", "-q", ref)
        assert carrel.run("run", "--rm", "--network", "none", ref, "echo", "ok").out == "ok\n"
        assert carrel.run("run", "--rm", "--network", "none", "--pull", "never", "--platform",
                          f"linux/{native}", ref, "echo", "ok").out == "ok\n"


@pytest.mark.parametrize("args,rc,text", [
    (["UPPER"], 125, "lower case"),
    (["a b"], 125, "bad image reference"),
    (["x@sha256:12"], 125, "digest"),
    (["--platform", "a/b/c/d", "x"], 125, "bad platform"),
    (["--tls-verify=maybe", "x"], 125, "--tls-verify"),
    (["--nonsense", "x"], 125, "--nonsense"),
    ([], 125, "pull"),
    (["a", "b"], 125, "pull"),
])
def test_usage(carrel, args, rc, text):
    r = carrel.run("pull", *args, rc=rc)
    assert text in r.err and "hint:" in r.err
    assert r.out == ""


def test_unknown_image(carrel, registry, images):
    r = carrel.run("pull", registry.ref("nowhere/to:befound"), rc=125)
    assert "no such image in the registry" in r.err and "hint:" in r.err
    assert r.err.count("carrel: ") == 2  # the error and its hint


def test_unreachable(carrel):
    r = carrel.run("pull", "127.0.0.1:1/x", rc=125)
    assert "registry 127.0.0.1:1 is not reachable" in r.err and "hint:" in r.err


def test_nothing_is_left(carrel, registry, leftovers):
    carrel.run("pull", registry.ref("nowhere"), rc=125)
    assert os.listdir(f"{carrel.store}/staging") == []
    assert os.listdir(f"{carrel.store}/layers") == []


# ---- logins ------------------------------------------------------------------------------------

def write_auth(path, host, user, password):
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        json.dump({"auths": {host: {"auth": auth}}}, f)


def test_token_dance(carrel):
    image = small()
    with BadRegistry(auth="token") as reg:
        carrel.run("pull", reg.add(image, "team/app:1"))
        assert reg.scopes == [(["bad registry"], ["repository:team/app:pull"])]
        first = reg.asked("manifests", "1")
        assert "Authorization" not in first[0].headers
        assert first[1].headers["Authorization"] == "Bearer t1"


def test_token_that_expires(carrel):
    image = small(layers=2)

    def expire(h, data, kind):
        h.server.registry.token = "another"
        return h.challenge(h.server.registry) is None
    with BadRegistry(auth="token") as reg:
        ref = reg.add(image, "x")
        reg.on("blobs", image.layers[0]["digest"], expire)
        carrel.run("pull", ref)
        assert len(reg.scopes) >= 2


def test_token_needs_credentials(carrel):
    image = small()
    with BadRegistry(auth="token", user="me", password="pw") as reg:
        ref = reg.add(image, "x")
        r = carrel.run("pull", ref, rc=125)
        assert "refuses the credentials" in r.err or "denied" in r.err
        write_auth(f"{carrel.home}/.docker/config.json", reg.host, "me", "pw")
        carrel.run("pull", ref)
        # The password goes to the token service only.
        for req in reg.log:
            if not req.path.startswith("/token"):
                assert "Basic" not in req.headers.get("Authorization", "")


def test_identity_token(carrel):
    """docker's login by a browser leaves a token that only the token service may see."""
    secret = "refresh me/+&="
    with BadRegistry(auth="token") as reg, BadRegistry() as elsewhere:
        reg.refresh = secret
        ref = reg.add(small(), "team/app:1")
        path = f"{carrel.home}/.docker/config.json"
        os.makedirs(os.path.dirname(path))
        with open(path, "w", encoding="ascii") as f:
            json.dump({"auths": {reg.host: {"auth": base64.b64encode(b"me:").decode(),
                                            "identitytoken": secret}}}, f)
        # Not even to where the token service sends it.
        reg.token_fault = bad.redirect(elsewhere.url + "/token")
        carrel.run("pull", ref, rc=125)
        assert elsewhere.log == []
        reg.token_fault, reg.log[:] = None, []
        carrel.run("pull", ref)
        assert reg.scopes == [(["bad registry"], ["repository:team/app:pull"])]
        for req in reg.log:
            assert secret not in str(req) and "refresh" not in req.path
            assert req.path == "/token" or "Basic" not in req.headers.get("Authorization", "")
        reg.refresh = "another"
        r = carrel.run("pull", reg.add(small(layers=2), "team/app:2"), rc=125)
        assert "credentials" in r.err and "refresh" not in r.err


HELPER = """#!/bin/sh
read server
echo "$0 $* $server" >>"$(dirname "$0")/asked"
cat "$(dirname "$0")/answer"
exit $(cat "$(dirname "$0")/status")
"""


@pytest.fixture
def helper(carrel):
    """helper(answer, status) is docker-credential-box, first in PATH; returns what it was asked."""
    where = os.path.join(carrel.home, "helpers")
    os.makedirs(where)
    carrel.env["PATH"] = where + ":" + carrel.env["PATH"]

    def write(answer, status=0):
        for name, text in (("docker-credential-box", HELPER), ("answer", answer),
                           ("status", str(status)), ("asked", "")):
            path = os.path.join(where, name)
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(path, 0o755)

    def asked():
        with open(os.path.join(where, "asked"), encoding="ascii") as f:
            return [line.split(" ", 1)[1] for line in f.read().splitlines()]
    write.asked = asked
    return write


def write_config(carrel, **config):
    path = f"{carrel.home}/.docker/config.json"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        json.dump(config, f)


def test_credential_helper(carrel, helper):
    # Longer than one step of base64, and of a length that wants padding.
    password = 'p:w"\\' + "x" * 62
    with BadRegistry(auth="basic", user="me", password=password) as reg:
        ref = reg.add(small(), "team/app:1")
        answer = json.dumps({"ServerURL": reg.host, "Username": "me", "Secret": password})
        helper(answer)
        write_config(carrel, auths={reg.host: {}}, credHelpers={reg.host: "box", "other": "no"})
        assert carrel.run("pull", "-q", ref).err == ""
        assert helper.asked() == ["get " + reg.host]
        write_config(carrel, credsStore="box")
        carrel.run("rmi", ref)
        helper(answer)
        carrel.run("pull", "-q", ref)
        assert helper.asked() == ["get " + reg.host]
        # It knows nothing: the file itself counts. Then one word of why.
        carrel.run("rmi", ref)
        helper("credentials not found in native keychain\n", 1)
        auth = base64.b64encode(f"me:{password}".encode()).decode()
        write_config(carrel, credsStore="box", auths={reg.host: {"auth": auth}})
        assert carrel.run("pull", "-q", ref).err == ""
        carrel.run("rmi", ref)
        write_config(carrel, credsStore="box")
        assert "wants a login" in carrel.run("pull", "-q", ref, rc=125).err


def test_credential_helper_with_a_token(carrel, helper):
    with BadRegistry(auth="token") as reg:
        reg.refresh = "from the keychain"
        helper(json.dumps({"ServerURL": "x", "Username": "<token>", "Secret": reg.refresh}))
        write_config(carrel, credsStore="box")
        carrel.run("pull", "-q", reg.add(small(), "x"))


@pytest.mark.parametrize("answer,status,told", [
    ("{}", 0, "no Username"), ("nonsense", 0, "gives no login"), ("broken", 3, "status 3"),
    ("x" * 100000, 0, "gives no login")])
def test_credential_helper_that_fails(carrel, helper, answer, status, told):
    with BadRegistry() as reg:  # which wants no login at all
        helper(answer, status)
        write_config(carrel, credsStore="box")
        res = carrel.run("pull", "-q", reg.add(small(), "x"))
        assert told in res.err and "docker-credential-box" in res.err and "warning" in res.err, res


def test_credential_helper_that_is_missing(carrel):
    with BadRegistry() as reg:
        ref = reg.add(small(), "x")
        write_config(carrel, credsStore="desktop")
        res = carrel.run("pull", "-q", ref)
        assert "docker-credential-desktop" in res.err and "not in PATH" in res.err, res
        write_config(carrel, credsStore="../../bin/sh")
        carrel.run("rmi", ref)
        assert "no name of a helper" in carrel.run("pull", "-q", ref).err


@pytest.mark.parametrize("challenge", [
    'Bearer realm="file:///etc/passwd"', "Bearer", 'Bearer realm="', "Digest realm=x",
    'Bearer realm="http://user@127.0.0.1/"', "Bearer realm=" + "x" * 3000,
])
def test_hostile_challenge(carrel, challenge):
    image = small()
    with BadRegistry(auth="token") as reg:
        reg.challenge = challenge
        r = carrel.run("pull", reg.add(image, "x"), rc=125)
    assert r.err.count("carrel: ") <= 2 and "/etc/passwd" not in r.err


@pytest.mark.parametrize("challenge", [
    'Basic realm="x", Bearer realm="{url}/token",service="s"',
    'Negotiate YII=, Bearer realm="{url}/token", service="s"',
    'bearer REALM={url}/token , Service="s"'])
def test_challenges_in_one_field(carrel, challenge):
    with BadRegistry(auth="token") as reg:
        reg.challenge = challenge.format(url=reg.url)
        carrel.run("pull", "-q", reg.add(small(), "team/app:1"))
        assert reg.scopes == [(["s"], ["repository:team/app:pull"])]


def test_login_of_a_kind_that_is_not_known(carrel):
    with BadRegistry(auth="token") as reg:
        reg.challenge = "Negotiate, NTLM"
        r = carrel.run("pull", "-q", reg.add(small(), "x"), rc=125)
    assert "wants a login of a kind" in r.err and "hint: known are" in r.err


def test_token_that_breaks_off_is_asked_for_anew(carrel):
    """Another answer has another token: no Range, and none pieced together of two."""
    first = json.dumps({"token": "the-first-and-longest", "x": "x" * 1000}).encode()

    def cut(h, data, kind):
        reg.token_fault = None
        return bad.truncate(20)(h, first, kind)
    with BadRegistry(auth="token") as reg:
        reg.token_fault = cut
        carrel.run("pull", "-q", reg.add(small(), "x"), env={"CARREL_RETRY_MS": "10"})
        asked = [q for q in reg.log if q.path.startswith("/token")]
        assert len(asked) == 2 and not [q for q in asked if "Range" in q.headers]


@pytest.mark.parametrize("answer,told", [
    (b"<html>please log in</html>", "not a JSON document"), (b"{}", "no token"),
    (b'{"token": 5}', "not a string")])
def test_token_service_that_is_none(carrel, answer, told):
    def other(h, data, kind):
        h.wfile.write(h.begin(answer, kind))
        return True
    with BadRegistry(auth="token") as reg:
        reg.token_fault = other
        r = carrel.run("pull", "-q", reg.add(small(), "x"), rc=125)
        assert told in r.err and f"hint: what answers at {reg.url}/token is no token service" \
            in r.err
        reg.token_fault = bad.status(404)
        r = carrel.run("pull", "-q", f"{reg.host}/x", rc=125)
        assert "its token service is not where it says" in r.err
        reg.token_fault = bad.status(401)
        assert "no token without a login" in carrel.run("pull", f"{reg.host}/x", rc=125).err


def test_token_that_is_refused_after_another_failure(carrel):
    """A layer that was let in once may be let in again, however often the token expires."""
    image = small()

    def expire(h, data, kind):
        h.server.registry.token = "another"
        return h.challenge(h.server.registry) is None
    with BadRegistry(auth="token") as reg:
        ref = reg.add(image, "x")
        reg.on("blobs", image.layers[0]["digest"], expire, bad.status(503), expire)
        carrel.run("pull", "-q", ref, env={"CARREL_RETRY_MS": "10"})


def test_hostile_token(carrel):
    def bad(h, data, kind):
        h.wfile.write(h.begin(json.dumps({"token": "a\r\nX-Evil: 1"}).encode(), kind))
        return True
    with BadRegistry(auth="token") as reg:
        reg.token_fault = bad
        r = carrel.run("pull", reg.add(small(), "x"), rc=125)
        assert "no token" in r.err
        assert not [q for q in reg.log if "X-Evil" in q.headers]


def test_basic_login(carrel, registry_auth, images):
    ref = f"{registry_auth.host}/{images['busybox'].split('/', 1)[1]}"
    r = carrel.run("pull", ref, rc=125)
    assert "wants a login" in r.err and "config.json" in r.err
    write_auth(f"{carrel.home}/.docker/config.json", registry_auth.host,
               Registry.USER, Registry.PASSWORD)
    assert carrel.run("pull", ref).out.strip() == images.info["busybox"]["id"]


@pytest.mark.parametrize("where", ["docker_config", "auth_file", "runtime"])
def test_credential_files(carrel, where):
    files = {"docker_config": f"{carrel.home}/dc/config.json",
             "auth_file": f"{carrel.home}/elsewhere",
             "runtime": f"{carrel.runtime}/containers/auth.json"}
    env = {"docker_config": {"DOCKER_CONFIG": f"{carrel.home}/dc"},
           "auth_file": {"REGISTRY_AUTH_FILE": f"{carrel.home}/elsewhere"}, "runtime": {}}
    with BadRegistry(auth="basic", user="me", password="pw") as reg:
        write_auth(files[where], reg.host, "me", "pw")
        carrel.run("pull", reg.add(small(), "x"), env=env[where])


@pytest.mark.parametrize("first", ["other", "{}", "empty"])
def test_credentials_in_a_later_file(carrel, first):
    """A file that does not know the registry ends no search."""
    path = f"{carrel.runtime}/containers/auth.json"
    with BadRegistry(auth="basic", user="me", password="pw") as reg:
        write_auth(path, "registry.example", "you", "x")
        if first != "other":
            with open(path, "w", encoding="ascii") as f:
                f.write(first if first == "{}" else "")
        ref = reg.add(small(), "x")
        write_auth(f"{carrel.home}/.docker/config.json", reg.host, "me", "pw")
        carrel.run("pull", "-q", ref)
        # An earlier one with a login comes first, right or wrong.
        write_auth(f"{carrel.home}/.config/containers/auth.json", reg.host, "me", "no")
        assert "denied" in carrel.run("pull", "-q", ref, rc=125).err


def test_unreadable_credentials_files(carrel):
    path, asked = f"{carrel.home}/.docker/config.json", f"{carrel.home}/asked.json"
    with BadRegistry() as reg:
        ref = reg.add(small(), "x")
        write_auth(path, reg.host, "me", "pw")
        os.chmod(path, 0)
        r = carrel.run("pull", "-q", ref)
        assert f"warning: credentials file {path} is left out: Permission denied" in r.err, r
        r = carrel.run("pull", "-q", ref, rc=125, env={"REGISTRY_AUTH_FILE": asked})
        assert f"open credentials file {asked}: No such file" in r.err, r
        assert "REGISTRY_AUTH_FILE" in r.err, r


@pytest.mark.parametrize("text,told", [
    ("{bad", "JSON"), ("[]", "JSON"), ('{"auths":[]}', "auths"),
    ('{"auths":{"HOST":{"auth":"no base64!"}}}', "base64"), (None, "Is a directory"),
    ("[" + " " * (1 << 20), "larger than")],
    ids=["cut", "array", "auths", "base64", "directory", "large"])
def test_bad_credentials_file(carrel, text, told):
    """The fault is in a file of the user's: which one, and nothing about the registry."""
    path = f"{carrel.home}/.docker/config.json"
    os.makedirs(os.path.dirname(path))
    with BadRegistry() as reg:
        ref = reg.add(small(), "x")
        if text is None:
            os.mkdir(path)
        else:
            with open(path, "w", encoding="ascii") as f:
                f.write(text.replace("HOST", reg.host))
        r = carrel.run("pull", "-q", ref, rc=125)
        assert f"credentials file {path}: " in r.err and told in r.err, r
        assert "hint: it is your own" in r.err and "push" not in r.err, r
        assert reg.log == []


@pytest.mark.parametrize("text", ["", "\n", "{}"])
def test_empty_credentials_file(carrel, text):
    path = f"{carrel.home}/.docker/config.json"
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    with BadRegistry() as reg:
        carrel.run("pull", "-q", reg.add(small(), "x"))


@pytest.mark.serial
def test_root_has_credentials_that_only_root_can_read(root):
    config = f"{root.home}/dc/config.json"
    with BadRegistry(auth="basic", user="me", password="pw") as reg:
        ref = reg.add(small(), "x")
        write_auth(config, reg.host, "me", "pw")
        os.chmod(config, 0o600)
        os.chmod(os.path.dirname(config), 0o700)
        assert "wants a login" in root.run("pull", ref, rc=125).err
        root.run("pull", ref, env={"DOCKER_CONFIG": os.path.dirname(config)})
        root.run("rmi", ref)
    told = ["Permission denied", "called by root, carrel acts as host id"]
    root.fails("run", "--rm", "--env-file", config, "hello", "true", has=told)
    root.fails("run", "--rm", "-v", f"{config}:/x", "hello", "true", has=told)


def test_wrong_password(carrel):
    with BadRegistry(auth="basic", user="me", password="pw") as reg:
        write_auth(f"{carrel.home}/.docker/config.json", reg.host, "me", "hunter2")
        r = carrel.run("pull", reg.add(small(), "x"), rc=125)
    assert "denied" in r.err
    assert "hunter2" not in r.err and base64.b64encode(b"me:hunter2").decode() not in r.err


# ---- TLS ---------------------------------------------------------------------------------------

def test_tls(carrel, registry_tls, images):
    ref = f"{registry_tls.host}/{images['busybox'].split('/', 1)[1]}"
    r = carrel.run("pull", "--tls-verify=true", ref, rc=125)
    assert "certificate" in r.err and "--tls-verify=false" in r.err
    assert "certificate" in carrel.run("pull", "--tls-verify", ref, rc=125).err  # a flag, as podman's
    carrel.run("pull", "--tls-verify=true", ref, env={"SSL_CERT_FILE": registry_tls.ca})
    carrel.run("pull", ref)  # loopback: as docker


@pytest.fixture
def elsewhere_tls(tmp_path):
    """Certificate and key of another host."""
    pem, key = f"{tmp_path}/pem", f"{tmp_path}/key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", key, "-out", pem, "-subj", "/CN=elsewhere",
                    "-addext", "subjectAltName=IP:127.0.0.2"], check=True, capture_output=True)
    return pem, key


def test_loopback_registry_vouches_for_no_other_host(carrel, elsewhere_tls):
    """It is not verified itself; whom it names as its token service is."""
    with BadRegistry(auth="token") as reg, \
            BadRegistry(tls=elsewhere_tls, user="me", password="pw", address="127.0.0.2") as other:
        ref = reg.add(small(), "x")
        reg.token = "t1"  # which the other gives first
        reg.challenge = f'Bearer realm="{other.url}/token",service="s"'
        write_auth(f"{carrel.home}/.docker/config.json", reg.host, "me", "pw")
        r = carrel.run("pull", "-q", ref, rc=125)
        assert f"token service {other.host} has no certificate to trust" in r.err
        assert other.log == []
        carrel.run("pull", "-q", ref, env={"SSL_CERT_FILE": elsewhere_tls[0]})
        carrel.run("rmi", ref)
        reg.token = "t2"
        carrel.run("pull", "-q", "--tls-verify=false", ref)
        assert [q.headers["Authorization"] for q in other.log] == [other.basic] * 2


def test_loopback_registry_redirects_to_no_unverified_host(carrel, elsewhere_tls):
    image = small()
    layer = image.layers[0]["digest"]
    with BadRegistry() as reg, BadRegistry(tls=elsewhere_tls, address="127.0.0.2") as other:
        ref = reg.add(image, "x")
        other.add(image, "x")
        reg.always("blobs", layer, bad.redirect(f"{other.url}/v2/x/blobs/{layer}"))
        r = carrel.run("pull", "-q", ref, rc=125)
        assert f"{other.host} (by redirect of registry {reg.host}) has no certificate" in r.err
        assert other.log == []
        carrel.run("pull", "-q", ref, env={"SSL_CERT_FILE": elsewhere_tls[0]})


def test_loopback_registry_redirects_to_no_plain_http(carrel):
    image = small()
    with BadRegistry() as reg, BadRegistry(address="127.0.0.2") as other:
        ref = reg.add(image, "x")
        other.add(image, "x")
        reg.always("manifests", "latest", bad.redirect(f"{other.url}/v2/x/manifests/latest"))
        carrel.fails("pull", "-q", ref, has=["redirect", "hint"])
        assert other.log == []
        carrel.run("pull", "-q", "--tls-verify=false", ref)


def test_no_login_over_plain_http_to_another_host(carrel):
    with BadRegistry(auth="token") as reg, BadRegistry(address="127.0.0.2") as other:
        ref = reg.add(small(), "x")
        reg.token = "t1"
        reg.challenge = f'Bearer realm="{other.url}/token",service="s"'
        write_auth(f"{carrel.home}/.docker/config.json", reg.host, "me", "pw")
        r = carrel.run("pull", "-q", ref, rc=125)
        assert f"over plain HTTP to {other.url}/token: refused" in r.err and "hint:" in r.err
        assert other.log == []
        write_auth(f"{carrel.home}/.docker/config.json", "another.example", "me", "pw")
        carrel.run("pull", "-q", ref)  # a token for everybody is no secret of the user's
        assert "Authorization" not in other.log[0].headers


def test_token_service_beside_a_loopback_registry(carrel):
    """Another port, and another of loopback's names, are the same host."""
    with BadRegistry(auth="token") as reg, BadRegistry(user="me", password="pw") as other:
        reg.add(small(), "x")
        reg.token = "t1"
        reg.challenge = f'Bearer realm="{other.url}/token",service="s"'
        ref = f"localhost:{reg.server.server_port}/x"
        write_auth(f"{carrel.home}/.docker/config.json", ref.split("/")[0], "me", "pw")
        carrel.run("pull", "-q", ref)
        assert other.log[0].headers["Authorization"] == other.basic


def certs_d(carrel, host):
    path = f"{carrel.home}/.config/containers/certs.d/{host}"
    os.makedirs(path)
    return path


def test_own_authority_of_a_registry(carrel, registry_tls, images):
    ref = f"{registry_tls.host}/{images['busybox'].split('/', 1)[1]}"
    where = certs_d(carrel, registry_tls.host)
    shutil.copy(registry_tls.ca, f"{where}/ca.crt")
    carrel.run("pull", "--tls-verify=true", ref)
    # It is the registry's alone.
    os.rename(where, os.path.dirname(where) + "/127.0.0.1:1")
    assert "certificate" in carrel.run("pull", "--tls-verify=true", ref, rc=125).err


def test_client_certificate(carrel, registry_tls):
    """The registry wants one; a place that it redirects to does not get to see it."""
    key = os.path.join(os.path.dirname(registry_tls.ca), "key.pem")
    tls = (registry_tls.ca, key)
    image = small()
    with BadRegistry(tls=tls, client_ca=registry_tls.ca) as reg, \
            BadRegistry(tls=tls, client_ca=registry_tls.ca) as elsewhere:
        ref = reg.add(image, "x")
        carrel.run("pull", "--tls-verify=true", ref, rc=125)
        where = certs_d(carrel, reg.host)
        shutil.copy(registry_tls.ca, f"{where}/ca.crt")
        shutil.copy(registry_tls.ca, f"{where}/client.cert")
        res = carrel.run("pull", "--tls-verify=true", ref, rc=125)
        assert "client.cert has no client.key" in res.err, res
        shutil.copy(key, f"{where}/client.key")
        carrel.run("pull", "--tls-verify=true", ref)
        carrel.run("rmi", ref)
        layer = image.layers[0]["digest"]
        reg.always("blobs", layer, bad.redirect(f"{elsewhere.url}/v2/x/blobs/{layer}"))
        elsewhere.add(image, "x")
        carrel.run("pull", "--tls-verify=true", ref, rc=125, env={"CARREL_RETRY_MS": "10"})
        assert elsewhere.log == []


def test_plain_http_is_not_for_verified(carrel, images):
    r = carrel.run("pull", "--tls-verify=true", images["busybox"], rc=125)
    assert "TLS" in r.err and "--tls-verify=false" in r.err
