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
