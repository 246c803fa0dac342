# SPDX-License-Identifier: Apache-2.0
"""Images whose layers are gone, or belong to another range of ids: `run` and `pull` bring them."""
import os
import shutil
import struct
import subprocess

import pytest

from test_crashed import crc32c, metas
from test_doctor import Obstructed

RUN = ("run", "--rm", "--network", "none")


@pytest.fixture
def behind(carrel, need):
    need("root")
    return lambda name: Obstructed(carrel, name)


def lose(carrel):
    for meta in metas(carrel):
        shutil.rmtree(os.path.dirname(meta), ignore_errors=True)
        subprocess.run(["unshare", "--map-root-user", "--map-auto", "rm", "-rf",
                        os.path.dirname(meta)], check=False, stderr=subprocess.DEVNULL)
    assert metas(carrel) == []


def owner(meta):
    with open(meta, "rb") as f:
        return struct.unpack_from("<5I", f.read(244), 224)


def give_away(meta):
    """As if it had been unpacked when /etc/subuid named another range."""
    with open(meta, "r+b") as f:
        head = bytearray(f.read(508))
        n, uid0, uid1, gid0, gid1 = owner(meta)
        struct.pack_into("<5I", head, 224, n, uid0, uid1 + 7, gid0, gid1 + 7)
        f.seek(0)
        f.write(head + struct.pack("<I", crc32c(head)))


def test_run_fetches_what_is_lost(pulled):
    lose(pulled)
    pulled.fails(*RUN, "--pull", "never", pulled.image, "true", has=["not in the store", "hint"])
    res = pulled.run(*RUN, pulled.image, "echo", "back")
    assert res.out == "back\n" and "fetching the image again" in res.err, res
    lose(pulled)
    image = pulled.run("images", "-q").lines[0]
    assert pulled.run(*RUN, image, "echo", "by id").out == "by id\n"
    lose(pulled)
    name = pulled.run("run", "-d", "--network", "none", pulled.image, "true").out.strip()
    pulled.run("rm", "-f", name)
    assert pulled.run("ps", "-aq").out == ""


def test_start_fetches_what_is_lost(pulled, images):
    pulled.run("run", "--name", "c", "--network", "none", pulled.image, "sh", "-c",
               "echo x >>/kept; cat /kept")
    lose(pulled)
    res = pulled.run("start", "-a", "c")
    assert res.out == "x\nx\n" and "fetching the image again" in res.err, res
    pulled.run("rm", "c")


@pytest.mark.parametrize("how", ["run", "pull"])
def test_a_tree_is_missing(pulled, how):
    for meta in metas(pulled):
        tree = os.path.join(os.path.dirname(meta), "tree")
        subprocess.run(["unshare", "--map-root-user", "--map-auto", "rm", "-rf", tree], check=True)
    if how == "pull":
        pulled.run("pull", "-q", pulled.image)
    res = pulled.run(*RUN, pulled.image, "echo", "back")
    assert res.out == "back\n" and ("damaged" in res.err) == (how == "run"), res


def names(carrel):
    rows = carrel.run("images", "--no-trunc", "--format", "json").json()
    return sorted((r["Repository"], r["Tag"], r["ID"]) for r in rows)


def test_what_comes_back_is_what_was_lost(pulled, images):
    """A tag made here is no place to fetch from: its registry has another image by that name, or
    somebody else has one."""
    show = ("sh", "-c", "ls -d /data 2>/dev/null; echo mine")
    for tag in (images["layers"], "mytool"):
        pulled.run("tag", pulled.image, tag)
        before = names(pulled)
        lose(pulled)
        res = pulled.run(*RUN, tag, *show)
        assert res.out == "mine\n" and "fetching the image again" in res.err, res
        assert names(pulled) == before, res
        lose(pulled)
        pulled.run("run", "--name", "c", "--network", "none", tag, *show)
        lose(pulled)
        assert pulled.run("start", "-a", "c").out == "mine\n"
        pulled.run("rm", "c")
        assert names(pulled) == before
    pulled.run("rmi", pulled.image)
    before = names(pulled)
    lose(pulled)
    res = pulled.fails(*RUN, tag, *show, has="cannot be fetched again")
    assert "hint: " in res.err and "pulling" not in res.err and names(pulled) == before, res
    assert pulled.staging() == [] and pulled.run("ps", "-aq").out == ""


def test_hello_by_another_name_comes_back(carrel, need):
    need("subids")
    carrel.run(*RUN, "hello")
    carrel.run("tag", "hello", "mine")
    carrel.run("rmi", "hello")
    before = names(carrel)
    lose(carrel)
    assert "uid 0" in carrel.run(*RUN, "mine").out
    assert names(carrel) == before


def test_hello_comes_back_from_beside_the_program(carrel, need):
    need("subids")
    for _ in range(2):
        assert "uid 0" in carrel.run(*RUN, "hello").out
        lose(carrel)


@pytest.mark.parametrize("how", ["pull", "run"])
def test_another_range_of_ids(pulled, how):
    before = [owner(m) for m in metas(pulled)]
    for meta in metas(pulled):
        give_away(meta)
    assert [owner(m) for m in metas(pulled)] != before
    pulled.fails(*RUN, "--pull", "never", pulled.image, "true", has="[D-19]")
    if how == "pull":
        pulled.run("pull", "-q", pulled.image)
    res = pulled.run(*RUN, pulled.image, "echo", "mine")
    assert res.out == "mine\n" and ("D-19" in res.err) == (how == "run"), res
    assert [owner(m) for m in metas(pulled)] == before
    assert pulled.staging() == []


STICKY = ("stat", "-c", "%u:%g", "/data/sticky")


def test_a_range_grows_and_is_cut(carrel, behind, images):
    """Its first id stays where it is: a squashed owner comes back, and none is lost in silence."""
    ids = *RUN, "-u", "0", images["layers"]
    assert "[D-03]" in behind("short-range").run("pull", images["layers"]).err
    assert behind("short-range").run(*ids, *STICKY).out == "1000:1000\n"
    whole = behind("other-range")
    text = " ".join(whole.run("doctor").out.split())
    assert "[D-19] 1 of 3 layers were unpacked for other ids than yours are now" in text, text
    res = whole.run(*RUN, "--pull", "never", images["layers"], "true")
    assert res.rc == 125 and "[D-19]" in res.err, res
    for host in whole, behind("cut-range"), behind("short-range"), whole:
        res = host.run(*ids, *STICKY)
        assert "[D-19]" in res.err, res
        assert res.out == ("1000:1000\n" if host.name == "short-range" else "1000:2000\n"), res
        res = host.run(*ids, *STICKY)
        assert "[D-19]" not in res.err, res
    assert "D-19" not in whole.run("doctor").out


def test_a_range_grows_where_it_makes_no_difference(carrel, behind, images):
    """All owners have ids in all of these, the same ones."""
    behind("short-range").run("pull", "-q", images["busybox"])
    for name in "other-range", "cut-range", "short-range", "wide-range":
        res = behind(name).run(*RUN, "--pull", "never", images["busybox"], "echo", "mine")
        assert (res.out, "D-19" in res.err) == ("mine\n", False), res


def test_what_a_container_wrote(carrel, behind, images):
    whole, cut = behind("other-range"), behind("cut-range")
    whole.run("run", "--name", "c", "--network", "none", images["busybox"], "sh", "-c",
              "test -e /f || { touch /f /g; chown 1:1 /g; chown 2000:2000 /f; }; stat -c %u /f /g")
    for _ in range(2):
        res = cut.run("start", "-a", "c")
        assert res.out == "65534\n1\n" and res.err.count("[D-19]") == 1, res
        res = cut.run("--strict", "start", "-a", "c")
        assert res.rc == 125 and "[D-19]" in res.err and "hint: put the old range" in res.err, res
        assert "fetching" not in res.err, res
    res = whole.run("start", "-a", "c")
    assert res.out == "2000\n1\n" and "[D-19]" not in res.err, res
    whole.run("rm", "c")
