# SPDX-License-Identifier: Apache-2.0
"""update, where no cgroup is delegated: what it refuses, and the record of what does not run."""
import os
import random

import pytest


@pytest.fixture
def box(warm, leftovers):
    before = leftovers.snapshot(warm)
    name = f"update{os.getpid()}-{random.randrange(1 << 30)}"
    warm.run("run", "-d", "--name", name, "--network", "none", warm.image, "sleep", "1000")
    yield name
    warm.run("rm", "-f", name)
    leftovers.check(warm, before)


@pytest.fixture
def need_no_cgroup(warm):
    if "[D-08]" not in warm.run("doctor", check=False).out:
        pytest.skip("cgroups are delegated on this host: tests/lab shows those")


def limits(warm, name):
    return warm.run("inspect", name).json()[0]["HostConfig"]


def test_a_running_one_without_a_cgroup(warm, box):
    """What the host has or lacks is not the reason: without limits no cgroup was looked for."""
    res = warm.fails("update", "-m", "64m", box, has=("without limits", "carrel stop"))
    assert box in res.err and "[D-" not in res.err, res
    assert limits(warm, box)["Memory"] == 0


def test_a_running_one_whose_limit_is_held_otherwise(warm, box, need_no_cgroup):
    warm.run("kill", box)
    warm.run("wait", box)
    warm.run("update", "--blkio-weight", "500", box)
    warm.run("start", box)
    before = warm.run("explain", box).out
    warm.fails("update", "--blkio-weight", "100", box, has=("has no cgroup", "[D-08]"))
    assert limits(warm, box)["BlkioWeight"] == 500
    assert warm.run("explain", box).out == before


def test_the_record_of_one_that_has_ended(warm, box):
    warm.run("kill", box)
    warm.run("wait", box)
    assert warm.run("update", "-m", "512m", "--pids-limit", "50", "--cpuset-cpus", "0",
                    box).out == box + "\n"
    now = limits(warm, box)
    assert (now["Memory"], now["PidsLimit"], now["CpusetCpus"]) == (512 << 20, 50, "0")
    # what is not named stays, what is lifted goes
    warm.run("update", "--pids-limit", "-1", "--memory-reservation", "64m", box)
    now = limits(warm, box)
    assert (now["Memory"], now["MemoryReservation"]) == (512 << 20, 64 << 20)
    assert now["PidsLimit"] <= 0
    # the next start has them
    warm.run("update", "-m", "0", "--memory-reservation", "0", "--cpuset-cpus", "0", box)
    warm.run("start", box)
    assert warm.run("exec", box, "grep", "Cpus_allowed_list", "/proc/1/status").out.split()[1] == \
        "0"


@pytest.mark.parametrize("words", [
    ("--memory", "1m"), ("--memory", "x"), ("--cpus", "-1"), ("--cpu-shares", "1000000"),
    ("--pids-limit", "x"), ("--blkio-weight", "5"), ("--memory-swap", "64m"),
])
def test_what_is_wrong_by_itself(warm, box, words):
    warm.run("kill", box)
    warm.run("wait", box)
    warm.fails("update", *words, box, has=words[0])


@pytest.mark.parametrize("words,has", [
    (("--cpus", "4000"), "you may use only"), (("--cpuset-cpus", "900"), "that you may use"),
    (("--cpuset-mems", "900"), "that are there"),
])
def test_what_the_host_does_not_have(warm, box, words, has):
    """Refused now: not at the next start, where nobody thinks of it."""
    warm.run("kill", box)
    warm.run("wait", box)
    warm.fails("update", *words, box, has=has)
    warm.run("start", box)


def test_what_it_has_already(warm, box):
    warm.run("kill", box)
    warm.run("wait", box)
    warm.run("update", "-m", "64m", "--memory-swap", "128m", "--memory-reservation", "32m", box)
    warm.fails("update", "-m", "256m", box, has="the --memory-swap that it has")
    warm.fails("update", "--memory-reservation", "100m", box, has="has the other one already")
    res = warm.fails("update", "-m", "0", "--memory-reservation", "0", box, has="that it has")
    assert "--memory-swap 0" in res.err, res
    warm.run("update", "-m", "256m", "--memory-swap", "-1", box)


def test_cpus_and_quota_are_not_mixed(warm, box):
    """A new period beside --cpus 1 would silently be 2 CPUs: refused, as by docker."""
    warm.run("kill", box)
    warm.run("wait", box)
    warm.run("update", "--cpus", "1", box)
    warm.fails("update", "--cpu-period", "50000", box, has=("--cpu-period conflicts", "--cpus 0"))
    warm.fails("update", "--cpu-quota", "50000", box, has=("--cpu-quota conflicts", "--cpus 0"))
    assert limits(warm, box)["NanoCpus"] == 10**9
    warm.run("update", "--cpus", "0", box)
    warm.run("update", "--cpu-quota", "50000", box)
    warm.fails("update", "--cpus", "1", box, has=("--cpus conflicts", "--cpu-quota -1"))
    warm.run("update", "--cpu-quota", "-1", box)
    warm.run("update", "--cpus", "1", box)


def explained(warm, name):
    return {row["what"]: row for row in warm.run("explain", "--json", name).json()["rows"]}


def test_explain_tells_of_the_next_start(warm, box):
    """What was asked is what the record has now; what holds it is known at the start."""
    warm.run("kill", box)
    warm.run("wait", box)
    warm.run("update", "-m", "64m", "--cpuset-cpus", "0", box)
    warm.run("start", box)
    first = explained(warm, box)
    assert first["memory"]["asked"] == "64 MiB" and first["memory"]["by"], first
    warm.run("kill", box)
    warm.run("wait", box)
    warm.run("update", "-m", "96m", "--pids-limit", "77", box)
    now = explained(warm, box)
    assert now["memory"]["asked"] == "96 MiB" and now["memory"]["by"] == "", now
    assert now["pids-limit"]["asked"] == "77" and "next start" in now["pids-limit"]["note"], now
    assert now["cpuset-cpus"] == dict(first["cpuset-cpus"], enforced=""), now
    # All lifted: nothing is left of them, not after the next start either.
    warm.run("update", "-m", "0", "--cpuset-cpus", "", "--pids-limit", "-1", box)
    assert not {"memory", "cpuset-cpus", "pids-limit"} & set(explained(warm, box))
    warm.run("start", box)
    assert not {"memory", "cpuset-cpus", "pids-limit"} & set(explained(warm, box))


def test_usage(warm, box):
    warm.fails("update", box, has="needs at least one limit")
    warm.fails("update", "-m", "64m", has="at least 1 argument")
    warm.fails("update", "-m", "64m", "not-there", has="no such container")
