# SPDX-License-Identifier: Apache-2.0
"""images, tag, rmi, image inspect: what docker's users expect of them."""
import json
import os
import re

import pytest


@pytest.fixture
def pulled(carrel, images, need):
    """A store with busybox and layers; .ref and .id of both."""
    need("subids")
    carrel.ref, carrel.id = {}, {}
    for name in ("busybox", "layers"):
        carrel.ref[name] = images[name]
        carrel.id[name] = images.info[name]["id"]
        carrel.run("pull", "-q", images[name])
    return carrel


def listed(carrel, *args):
    return carrel.run("images", "--format", "json", *args).json()


def layer_dirs(carrel):
    return sorted(os.listdir(os.path.join(carrel.store, "layers")))


def test_no_store(carrel):
    res = carrel.run("images")
    assert re.fullmatch(r"REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\n", res.out), res
    assert carrel.run("images", "--format", "json").json() == []
    assert carrel.run("images", "-q").out == ""
    for words in (("image", "inspect"), ("inspect", "--type", "image")):
        res = carrel.run(*words, "debian", rc=125)
        assert "no such image: debian" in res.err and "hint" in res.err and res.json() == []
    assert "no such container or image" in carrel.run("inspect", "debian", rc=125).err
    assert not os.path.exists(carrel.store), "a reader made a store"


def test_list(pulled):
    rows = {r["Repository"]: r for r in listed(pulled)}
    for name in ("busybox", "layers"):
        repo, tag = pulled.ref[name].rsplit(":", 1)
        assert rows[repo]["Tag"] == tag
        assert rows[repo]["ID"] == pulled.id[name].split(":")[1][:12]
    lines = pulled.run("images").lines
    assert len(lines) == 3
    full = pulled.run("images", "-q", "--no-trunc").lines
    assert sorted(full) == sorted(pulled.id.values())
    digests = listed(pulled, "--digests")
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", r["Digest"]) for r in digests), digests
    repo = pulled.ref["layers"].rsplit(":", 1)[0]
    for pattern in (repo, pulled.ref["layers"], "*/lay*", "*/layers:lat*"):
        assert [r["Repository"] for r in listed(pulled, "-f", "reference=" + pattern)] == [repo]
        assert [r["Repository"] for r in listed(pulled, pattern)] == [repo]
    assert listed(pulled, "-f", "reference=lay*") == [], "a pattern's * does not cross a slash"
    pulled.fails("images", "--filter", "size=3", has="--filter")
    pulled.fails("images", "--format", "{{.ID}}", has="--format")


def test_inspect(pulled, images):
    doc = pulled.run("image", "inspect", pulled.ref["layers"], pulled.ref["busybox"]).json()
    layers, busybox = doc
    assert layers["Id"] == pulled.id["layers"] and busybox["Id"] == pulled.id["busybox"]
    assert layers["RepoTags"] == [pulled.ref["layers"]]
    repo = pulled.ref["layers"].rsplit(":", 1)[0]
    assert layers["RepoDigests"] == [repo + "@" + images.info["layers"]["manifest"]]
    assert layers["Config"]["User"] == "app"
    assert layers["Config"]["Labels"] == {"made": "by hand"}
    assert len(layers["RootFS"]["Layers"]) == 3 and layers["RootFS"]["Type"] == "layers"
    assert layers["Size"] > busybox["Size"] > 0
    by_digest = pulled.run("image", "inspect", layers["RepoDigests"][0]).json()
    assert by_digest == [layers]
    by_id = pulled.run("image", "inspect", layers["Id"], layers["Id"][7:19]).json()
    assert by_id == [layers, layers]
    # One that is missing does not hide the others.
    res = pulled.run("image", "inspect", "nothing", pulled.ref["layers"], rc=125)
    assert json.loads(res.out) == [layers] and "no such image: nothing" in res.err


def test_inspect_of_either(pulled):
    ref = pulled.ref["busybox"]
    image = pulled.run("image", "inspect", ref)
    assert pulled.run("inspect", ref).out == image.out
    assert image.out == json.dumps(image.json(), indent=4, ensure_ascii=False) + "\n"
    name = "busybox-or-not"
    pulled.run("tag", ref, name)
    pulled.run("run", "--name", name, "--network", "none", ref, "true")
    both = pulled.run("inspect", name)
    assert both.json()[0]["Name"] == "/" + name
    assert both.out == json.dumps(both.json(), indent=4, ensure_ascii=False) + "\n"
    assert pulled.run("inspect", "--type", "container", name).out == both.out
    assert pulled.run("inspect", "--type=image", name).json()[0]["Id"] == image.json()[0]["Id"]
    assert len(pulled.run("inspect", name, ref).json()) == 2
    assert "no such container or image: x" in pulled.run("inspect", "x", rc=125).err
    assert "no such container" in pulled.run("inspect", "--type", "container", ref, rc=125).err
    pulled.fails("inspect", "--type", "volume", name, has=["volume", "hint"])
    pulled.run("rm", name)
    pulled.run("rmi", name)


def test_tag_and_dangling(pulled):
    busybox, layers = pulled.ref["busybox"], pulled.ref["layers"]
    pulled.run("tag", busybox, "mine:1")
    pulled.run("image", "tag", pulled.id["busybox"], "other/name")
    names = {(r["Repository"], r["Tag"]) for r in listed(pulled)}
    assert {("mine", "1"), ("other/name", "latest")} <= names
    assert pulled.run("image", "inspect", "docker.io/library/mine:1").json()[0]["Id"] == \
        pulled.id["busybox"]
    # A name has one meaning: busybox loses it, and with its last name becomes <none>.
    for name in ("mine:1", "other/name", busybox):
        pulled.run("tag", layers, name)
    rows = listed(pulled, "-f", "dangling=true")
    assert [(r["Repository"], r["Tag"], r["ID"]) for r in rows] == \
        [("<none>", "<none>", pulled.id["busybox"][7:19])]
    assert pulled.run("image", "inspect", pulled.id["busybox"]).json()[0]["RepoTags"] == []
    assert all(r["ID"] == pulled.id["layers"][7:19] for r in listed(pulled, "-f", "dangling=false"))
    pulled.fails("tag", "nothing", "x", has="no such image")
    pulled.fails("tag", layers, "UPPER", has="lower case")
    pulled.fails("tag", layers, "x@sha256:" + "0" * 64, has="digest")


def test_rmi(pulled):
    busybox, layers = pulled.ref["busybox"], pulled.ref["layers"]
    before = layer_dirs(pulled)
    pulled.run("tag", layers, "also:1")
    res = pulled.run("rmi", layers)
    assert res.lines == ["Untagged: " + layers]
    assert layer_dirs(pulled) == before
    res = pulled.run("image", "rm", "also:1")
    assert res.lines == ["Untagged: also:1", "Deleted: " + pulled.id["layers"]]
    # What the other image has stays, and works.
    assert 0 < len(layer_dirs(pulled)) < len(before)
    assert pulled.run("run", "--rm", "--network", "none", busybox, "echo", "hi").out == "hi\n"
    pulled.fails("rmi", layers, has="no such image")
    assert pulled.run("rmi", "-f", layers).out == ""
    pulled.run("rmi", pulled.id["busybox"][7:15])
    assert layer_dirs(pulled) == [] and pulled.staging() == []
    pulled.empty_trash()
    for d in ("images", "refs", "blobs/sha256", "trash"):
        assert os.listdir(os.path.join(pulled.store, d)) == [], d


def test_rmi_by_id_of_many_names(pulled):
    pulled.run("tag", pulled.ref["busybox"], "other/busybox")
    pulled.fails("rmi", pulled.id["busybox"], has=["must be forced", "multiple repositories"])
    res = pulled.run("rmi", "-f", pulled.id["busybox"])
    assert len(res.lines) == 3 and res.lines[-1] == "Deleted: " + pulled.id["busybox"]


def digest_of(carrel, images):
    ref = carrel.ref["busybox"]
    repo = ref.rsplit(":", 1)[0]
    return ref, repo, f"{repo}@{images.info['busybox']['manifest']}"


@pytest.mark.parametrize("again", range(4))
def test_rmi_by_digest(pulled, images, again):
    """The name that was asked for goes, not another with the same digest."""
    ref, repo, by_digest = digest_of(pulled, images)
    pulled.run("pull", "-q", by_digest)
    # However many there are, and in whatever order the directory has them.
    for tag in range(again * 3):
        pulled.run("tag", ref, f"{repo}:{tag}")
    assert pulled.run("rmi", by_digest).lines == ["Untagged: " + by_digest]
    assert pulled.run("image", "inspect", ref).json()[0]["Id"] == pulled.id["busybox"]


def test_rmi_by_the_digest_of_tags(pulled, images):
    ref, repo, by_digest = digest_of(pulled, images)
    pulled.run("tag", ref, f"{repo}:other")
    pulled.run("tag", ref, "else/where")
    res = pulled.fails("rmi", by_digest, has=["several tags", ref, f"{repo}:other", "hint"])
    assert "else/where" not in res.err
    assert pulled.run("rmi", "-f", by_digest).lines == \
        [f"Untagged: {name}" for name in sorted([ref, f"{repo}:other"])]
    pulled.run("tag", "else/where", ref)
    assert pulled.run("rmi", by_digest).lines == ["Untagged: " + ref]
    pulled.run("tag", "else/where", ref)
    pulled.run("rmi", "else/where")
    assert pulled.run("rmi", by_digest).lines == \
        ["Untagged: " + ref, "Deleted: " + pulled.id["busybox"]]


def test_digest_beside_a_tag_has_no_row(pulled, images):
    ref, repo, by_digest = digest_of(pulled, images)
    before = [pulled.run("images").out, pulled.run("images", "--digests").out, listed(pulled)]
    pulled.run("pull", "-q", by_digest)
    assert [pulled.run("images").out, pulled.run("images", "--digests").out,
            listed(pulled)] == before
    pulled.run("tag", ref, "else/where")
    pulled.run("rmi", ref)
    row = [r for r in listed(pulled) if r["Repository"] == repo]
    assert [(r["Tag"], r["Digest"]) for r in row] == [("<none>", by_digest.split("@")[1])]


def test_rmi_in_use(pulled):
    ref = pulled.ref["busybox"]
    pulled.run("run", "--name", "user", "--network", "none", ref, "echo", "again")
    pulled.fails("rmi", ref, has=["conflict: unable to remove", "must force", "carrel rm"])
    pulled.fails("rmi", pulled.id["busybox"], has=["conflict: unable to delete"])
    assert pulled.run("rmi", "-f", ref).lines == ["Untagged: " + ref]
    assert pulled.run("images", "-qf", "dangling=true").lines == [pulled.id["busybox"][7:19]]
    user = pulled.run("ps", "-aq").out.strip()
    pulled.fails("rmi", "-f", pulled.id["busybox"], has=["cannot be forced", user, "carrel rm"])
    # The container has all that it needs.
    assert "again" in pulled.run("start", "-a", "user").out
    pulled.run("rm", "user")
    pulled.run("rmi", pulled.id["busybox"])
    assert pulled.run("images", "-q").lines == [pulled.id["layers"][7:19]]


def damage(carrel, images, what, how):
    """What lies in the store about busybox becomes something else."""
    info = images.info["busybox"]
    path = {"name": os.path.join("refs", re.sub("[:/]", lambda m: f"%{ord(m.group(0)):02X}",
                                                images["busybox"])),
            "record": os.path.join("images", info["manifest"][7:]),
            "config": os.path.join("blobs/sha256", info["id"][7:])}[what]
    path = os.path.join(carrel.store, path)
    with open(path, "rb") as f:
        data = f.read()
    os.unlink(path)
    new = {"garbage": b"garbage", "empty": b"", "newer": re.sub(rb"^(carrel-\w+) 1", rb"\1 99", data),
           "same-size": b"x" * len(data)}.get(how)
    if how == "fifo":
        os.mkfifo(path)
    elif new is not None:
        with open(path, "wb") as f:
            f.write(new)
    return path


@pytest.mark.parametrize("what,how,told", [
    ("name", "garbage", "is damaged"), ("name", "empty", "is damaged"),
    ("name", "newer", "of a newer carrel"), ("name", "fifo", "is damaged"),
    ("record", "garbage", "is damaged"), ("record", "newer", "of a newer carrel"),
    ("config", "garbage", "not a JSON document"), ("config", "same-size", "not a JSON document"),
    ("config", "gone", "No such file")])
def test_damaged(pulled, images, what, how, told):
    """One clear line, the other image works, and a pull mends it."""
    ref = images["busybox"]
    damage(pulled, images, what, how)
    for command in (("image", "inspect", ref), ("run", "--rm", "--network", "none", ref, "true")):
        res = pulled.run(*command, rc=125)
        assert told in res.err and "again" in res.err and res.err.count("carrel: ") == 2, res
    listed(pulled)
    assert pulled.run("run", "--rm", "--network", "none", "--user", "0", images["layers"],
                      "cat", "/data/kept").out == "kept"
    pulled.run("pull", "-q", ref)
    assert pulled.run("image", "inspect", ref).json()[0]["Id"] == pulled.id["busybox"]
    assert pulled.run("run", "--rm", "--network", "none", ref, "echo", "in").out == "in\n"


def test_names_are_sorted(pulled):
    for name in ("zz:1", "aa:1", "mm:1"):
        pulled.run("tag", pulled.ref["busybox"], name)
    tags = pulled.run("image", "inspect", "mm:1").json()[0]["RepoTags"]
    assert tags == sorted(tags, key=lambda t: "docker.io/library/" + t if "/" not in t else t)
