# SPDX-License-Identifier: Apache-2.0
"""The store: made once, refused in time, moved, shared, full, read-only, killed beside."""
import os
import random
import signal
import subprocess
import time

import pytest


def tree(path):
    return sorted(os.path.relpath(os.path.join(d, n), path)
                  for d, dirs, files in os.walk(path) for n in dirs + files)


def test_many_first_commands(carrel):
    # An absent image is no failure by force, and the command makes the store.
    procs = [carrel.start("rmi", "-f", "nothing", stderr=subprocess.PIPE) for _ in range(50)]
    said = [p.communicate()[1] for p in procs]
    assert [p.returncode for p in procs] == [0] * 50, said
    assert carrel.staging() == []
    with open(os.path.join(carrel.store, "version"), encoding="ascii") as f:
        lines = f.read().splitlines()
    assert lines[0] == "carrel-store 1" and lines[-1] == "end"
    assert not [n for n in os.listdir(carrel.store) if n.startswith(".")]


def test_refused_places(carrel):
    place = os.path.join(carrel.home, "thesis")
    os.mkdir(place)
    open(os.path.join(place, "chapter1"), "wb").close()
    carrel.fails("--root", place, "rmi", "-f", "x", has=["neither empty nor a carrel store",
                                                         "chapter1", "hint"])
    assert tree(place) == ["chapter1"]
    file = os.path.join(place, "chapter1")
    carrel.fails("--root", file, "rmi", "-f", "x", has="Not a directory")
    carrel.fails("--root", file, "images", has="Not a directory")
    carrel.fails("--root", "/proc/none", "rmi", "-f", "x", has="/proc/none")
    carrel.fails("--root", "", "images", has=["--root is empty", "hint"])


def test_newer_format(carrel):
    carrel.run("rmi", "-f", "x")
    marker = os.path.join(carrel.store, "version")
    with open(marker, encoding="ascii") as f:
        text = f.read()
    os.chmod(marker, 0o600)
    with open(marker, "w", encoding="ascii") as f:
        f.write(text.replace("carrel-store 1", "carrel-store 2"))
    for command in (("images",), ("ps",), ("rmi", "-f", "x")):
        carrel.fails(*command, has=["newer carrel", "hint"])
    with open(marker, "w", encoding="ascii") as f:
        f.write("something else\n")
    carrel.fails("images", has="not the marker")


def test_foreign_entries_stay(carrel):
    carrel.run("rmi", "-f", "x")
    for name in ("notes", "layers/notes", "images/notes", "containers/notes", "blobs/sha256/notes",
                 "staging/notes", "names/notes"):
        with open(os.path.join(carrel.store, name), "w", encoding="ascii") as f:
            f.write("mine")
    before = tree(carrel.store)
    for _ in range(2):
        carrel.run("rmi", "-f", "x")
        carrel.run("images")
        carrel.run("ps", "-a")
    assert tree(carrel.store) == before


def test_moved(carrel, images, need):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    to = os.path.join(carrel.home, "moved")
    os.rename(carrel.store, to)
    assert carrel.run("--root", to, "run", "--rm", "--network", "none", images["busybox"],
                      "echo", "hi").out == "hi\n"
    carrel.run("--root", to, "rmi", images["busybox"])


def test_readonly(carrel, images, readonly_dir, need):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    readonly_dir(carrel.store)
    assert len(carrel.run("images", "-q").lines) == 1
    assert carrel.run("image", "inspect", images["busybox"]).json()
    assert carrel.run("ps", "-aq").out == ""
    carrel.fails("rmi", images["busybox"], has=["Read-only", "[D-15]"])
    carrel.fails("tag", images["busybox"], "x", has=["Read-only", "[D-15]"])


def test_trash_makes_room(carrel, images, small_fs, need):
    """What was deleted but still lies in trash/ is no reason for a full disk."""
    need("subids")
    root = os.path.join(small_fs(24 << 20), "store")
    carrel.run("--root", root, "rmi", "-f", "x")
    os.mkdir(os.path.join(root, "trash", "old"))
    with open(os.path.join(root, "trash", "old", "big"), "wb") as f:
        free = os.fstatvfs(f.fileno())
        f.write(bytes(max(0, free.f_bavail * free.f_frsize - (256 << 10))))
    carrel.run("--root", root, "pull", "-q", images["busybox"])
    assert os.listdir(os.path.join(root, "trash")) == []


def test_full(carrel, images, small_fs, need):
    need("subids")
    root = os.path.join(small_fs(24 << 20), "store")
    carrel.run("--root", root, "rmi", "-f", "x")
    big = os.path.join(os.path.dirname(root), "big")
    with open(big, "wb") as f:
        free = os.fstatvfs(f.fileno())
        f.write(bytes(max(0, free.f_bavail * free.f_frsize - (256 << 10))))
    carrel.fails("--root", root, "pull", "-q", images["busybox"],
                 has=["No space left", "[D-15]", "hint"])
    assert os.listdir(os.path.join(root, "staging")) == []
    assert os.listdir(os.path.join(root, "layers")) == []
    os.unlink(big)
    carrel.run("--root", root, "pull", "-q", images["busybox"])


def whole(carrel):
    """Every image has its layers, every layer an image: nothing else is there."""
    used = set()
    for image in carrel.run("images", "-q", "--no-trunc").lines:
        doc = carrel.run("image", "inspect", image).json()[0]
        used |= {x.split(":")[1] for x in doc["RootFS"]["Layers"]}
    assert set(os.listdir(os.path.join(carrel.store, "layers"))) == used
    assert carrel.staging() == []
    return used


@pytest.mark.parametrize("seed", range(3))
def test_killed_pull_and_rmi(carrel, images, need, seed):
    need("subids")
    rnd = random.Random(seed)
    carrel.run("rmi", "-f", "x")
    for _ in range(8):
        command = rnd.choice([("pull", "-q", images["layers"]), ("rmi", "-f", images["layers"]),
                              ("pull", "-q", images["busybox"])])
        p = carrel.start(*command)
        try:
            p.wait(timeout=rnd.uniform(0, 0.12))
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGKILL)
            p.wait()
        # The next writer reclaims, once the last process of the killed one is gone.
        for _ in range(200):
            carrel.run("rmi", "-f", "x")
            if not carrel.staging():
                break
        whole(carrel)
    carrel.run("pull", "-q", images["layers"])
    assert whole(carrel)
    assert carrel.run("run", "--rm", "--network", "none", "--user", "0", images["layers"],
                      "cat", "/data/new").out == "new"


def plant_trash(carrel):
    """What a killed command left to be unlinked: all that the file system has."""
    top = os.path.join(carrel.store, "trash", "planted", "upper")
    os.makedirs(top)
    with open(os.path.join(top, "big"), "wb", buffering=0) as f, \
            pytest.raises(OSError, match="No space left"):
        while True:
            f.write(bytes(65536))
    n = 0
    with pytest.raises(OSError, match="No space left"):  # and what a part of a block gives
        while True:
            with open(os.path.join(top, f"small{n}"), "wb", buffering=0) as f:
                f.write(bytes(4096))
            n += 1


def debris(carrel, n=12000):
    """What killed pulls left."""
    for k in range(n // 2000):
        top = os.path.join(carrel.store, "trash", f"pile{k}")
        os.mkdir(top)
        for i in range(2000):
            os.mknod(os.path.join(top, str(i)))


def test_debris_is_reclaimed(carrel, images, need):
    """A removal or a pull leaves none; the end of a container at least not more."""
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    for words in (["pull", "-q", images["busybox"]], ["rmi", "--force", "no-such-image"],
                  ["rm", "--force", "no-such-container"]):
        debris(carrel)
        carrel.run(*words)
        assert carrel.trash() == 0, words
    debris(carrel)
    trash, own, end = os.path.join(carrel.store, "trash"), True, time.monotonic() + 90
    while own:  # its moment may be over before it has begun; the older debris waits for it
        assert time.monotonic() < end, own
        carrel.run("run", "--rm", "--network", "none", images["busybox"], "true")
        piles = [name for name in os.listdir(trash) if name.startswith("pile")]
        own = sorted(set(os.listdir(trash)) - set(piles))
        left = sum(len(os.listdir(os.path.join(trash, name))) for name in piles)
        assert not own or left == 12000, (own, left)
    carrel.empty_trash()


def test_writers_on_a_full_disk_empty_the_trash_first(make_carrel, images, small_fs, need,
                                                      leftovers):
    need("subids")
    c = make_carrel()
    c.store = small_fs(24 << 20)
    c.env["CARREL_ROOT"] = c.store
    c.run("pull", "-q", images["busybox"])
    for words in (["run", "--rm", "--network", "none", images["busybox"], "echo", "in"],
                  ["run", "--name", "c", "--network", "none", images["busybox"], "echo", "in"],
                  ["pull", "-q", images["layers"]]):
        plant_trash(c)
        assert os.statvfs(c.store).f_bavail == 0
        res = c.run(*words)
        assert res.out in ("in\n", images.info["layers"]["id"] + "\n")
        assert os.listdir(os.path.join(c.store, "trash")) == []
