# SPDX-License-Identifier: Apache-2.0
"""What commands print of a container: its log, what inspect knows, and what --debug tells."""
import os

import pytest


@pytest.fixture
def made(warm, leftovers):
    """made(*command): a container that has ended."""
    before = leftovers.snapshot(warm)
    names = []

    def run(*command, flags=(), wait=True):
        names.append(f"said{os.getpid()}-{len(names)}")
        warm.run("run", "-d", "--name", names[-1], "--network", "none", *flags, warm.image, *command)
        if wait:
            warm.run("wait", names[-1])
        return names[-1]
    yield run
    for name in names:
        warm.run("rm", "-f", name)
    leftovers.check(warm, before)


LONG = "x" * 100000


def test_tail_counts_lines(warm, made):
    """Not the pieces of which the log has a long one."""
    name = made("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo 'b\\n'; printf c")
    lines = [LONG + "\n", "b\\n\n", "c"]
    for n in range(5):
        assert warm.run("logs", "--tail", n, name).out == "".join(lines[3 - n if n < 3 else 0:]), n
    for every in ("-1", "-20", "all"):
        assert warm.run("logs", "-n", every, name).out == "".join(lines), every
    warm.fails("logs", "--tail", "-", name, has="--tail")
    warm.fails("logs", "--tail", "some", name, has="--tail")


def test_tail_of_a_long_line_alone(warm, made):
    name = made("sh", "-c", "echo a; head -c 100000 /dev/zero | tr '\\0' x; echo")
    assert warm.run("logs", "--tail", "1", name).out == LONG + "\n"
    assert warm.run("logs", "--tail", "2", name).out == "a\n" + LONG + "\n"


def test_inspect_as_docker_has_it(warm, made, tmp_path):
    """Its times can be parsed also where there is none, and a mount's mode says ro."""
    name = made("sleep", "1000", wait=False, flags=(
        "-v", f"{tmp_path}:/a:ro", "-v", f"{tmp_path}:/b", "-v", f"{tmp_path}:/c:noexec,ro"))
    about = warm.run("inspect", name).json()[0]
    assert about["State"]["FinishedAt"] == "0001-01-01T00:00:00Z"
    assert about["State"]["StartedAt"] > about["Created"] > "2020"
    assert [m["Mode"] for m in about["Mounts"]] == ["ro", "", "ro,noexec"]
    warm.run("kill", name)
    state = warm.run("inspect", name).json()[0]["State"]
    assert state["FinishedAt"] > state["StartedAt"]


def test_help_is_a_flag_as_others(carrel):
    assert carrel.run("ps", "--help=true").out == carrel.run("ps", "--help").out
    carrel.fails("ps", "--help=x", has=["--help is true or false"])
    assert "CONTAINER ID" in carrel.run("ps", "--help=false").out


def test_debug_tells_the_steps(carrel, images, need):
    need("subids")
    image = images["busybox"]
    res = carrel.run("--debug", "run", "--rm", "--network", "none", image, "true")
    debug = [line[len("carrel: debug: "):] for line in res.err.splitlines()
             if line.startswith("carrel: debug: ")]
    steps = ("store: " + carrel.store, f"fetch: {image}: not in the store", "fetch: transfer, pid ",
             f"fetch: {image} is sha256:", "run: container ", "launch: in ", "launch: true runs as process ")
    at = 0
    for step in steps:
        found = [i for i, line in enumerate(debug) if i >= at and line.startswith(step)]
        assert found, (step, debug)
        at = found[0]
    assert not any("debug" in line for line in carrel.run(
        "run", "--rm", "--network", "none", image, "true").err.splitlines())
