# SPDX-License-Identifier: Apache-2.0
"""The frame: version, help, words that do not exist."""


def test_version(carrel, leftovers):
    assert carrel.run("version").out.strip()


def test_help_is_on_stdout(carrel):
    res = carrel.run("--help")
    assert "run" in res.out
    assert max(map(len, res.lines)) <= 80, res


def test_unknown_command(carrel):
    carrel.fails("frobnicate", rc=125, has="frobnicate")


def test_unknown_flag(carrel):
    carrel.fails("version", "--frobnicate", rc=125, has="--frobnicate")
