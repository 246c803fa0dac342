# SPDX-License-Identifier: Apache-2.0
"""The frame: version, help, words that do not exist."""
import os


def test_version(carrel, leftovers):
    res = carrel.run("version")
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    assert res.lines[1].split() == ["OS/Arch:", f"linux/{arch}"], res
    doc = carrel.run("version", "--format", "json").json()
    assert doc["Client"]["OsArch"] == f"linux/{arch}"


def test_help_has_one_column_of_summaries(carrel):
    rows = [line for line in carrel.run("--help").out.split("\nOptions:")[0].split("\n")
            if line.startswith("  ")]
    column = min(line.index(line.split(None, 1)[1]) for line in rows if line.startswith("  run "))
    assert len(rows) > 20 and all(r[column - 1] == " " != r[column] for r in rows), rows


def test_help_is_on_stdout(carrel):
    res = carrel.run("--help")
    assert "run" in res.out
    assert max(map(len, res.lines)) <= 80, res


def test_help_of_a_group(carrel):
    """`image` and `container` alone are commands in docker: they list what comes after them."""
    res = carrel.run("image", "--help")
    rows = {line.split()[0]: line.split(None, 1)[1] for line in res.lines if line[:2] == "  "}
    assert set(rows) == {"inspect", "ls", "list", "rm", "remove", "tag", "pull"}, res
    assert rows["ls"] == rows["list"] == "list images"
    assert carrel.run("help", "image").out == carrel.run("image", "-h").out == res.out
    alone = carrel.run("container")
    assert alone.out == "" and alone.err == carrel.run("container", "--help").out
    assert "\n  exec " in alone.err and "\n  inspect " in alone.err
    carrel.fails("image", "--frobnicate", has=["second word", "carrel image --help"])
    carrel.fails("image", "frobnicate", has=["image frobnicate", "carrel image --help"])


def test_unknown_command(carrel):
    carrel.fails("frobnicate", rc=125, has="frobnicate")


def test_unknown_flag(carrel):
    carrel.fails("version", "--frobnicate", rc=125, has="--frobnicate")


def test_installed_into_the_users_prefix(make_carrel, need):
    """~/.local as prefix: the embedded image may not lie where the store is going to be."""
    need("subids")
    import shutil
    c = make_carrel()
    local = os.path.join(c.home, ".local")
    shutil.copytree(c.prefix, local, symlinks=True)
    c.program = os.path.join(local, "bin/carrel")
    del c.env["XDG_DATA_HOME"]
    c.store = os.path.join(local, "share/carrel")
    assert "uid 0" in c.run("run", "--rm", "--network", "none", "hello").out
