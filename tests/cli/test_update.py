# SPDX-License-Identifier: Apache-2.0
"""update, where no cgroup is delegated: what it refuses, and the record of what does not run."""
import pytest

from lib.boxes import box, sleeper  # fixtures


@pytest.fixture
def need_no_cgroup(warm):
    if "[D-08]" not in warm.run("doctor", check=False).out:
        pytest.skip("needs no-cgroup: tests/lab shows hosts where limits are delegated")


def limits(warm, name):
    return warm.run("inspect", name).json()[0]["HostConfig"]


def test_a_running_one_without_a_cgroup(warm, sleeper):
    """What the host has or lacks is not the reason: without limits no cgroup was looked for."""
    res = warm.fails("update", "-m", "64m", sleeper, has=("without limits", "carrel stop"))
    assert sleeper in res.err and "[D-" not in res.err, res
    assert limits(warm, sleeper)["Memory"] == 0


def test_a_running_one_whose_limit_is_held_otherwise(warm, sleeper, need_no_cgroup):
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.run("update", "--blkio-weight", "500", sleeper)
    warm.run("start", sleeper)
    before = warm.run("explain", sleeper).out
    warm.fails("update", "--blkio-weight", "100", sleeper, has=("has no cgroup", "[D-08]"))
    assert limits(warm, sleeper)["BlkioWeight"] == 500
    assert warm.run("explain", sleeper).out == before


def test_the_record_of_one_that_has_ended(warm, sleeper):
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    assert warm.run("update", "-m", "512m", "--pids-limit", "50", "--cpuset-cpus", "0",
                    sleeper).out == sleeper + "\n"
    now = limits(warm, sleeper)
    assert (now["Memory"], now["PidsLimit"], now["CpusetCpus"]) == (512 << 20, 50, "0")
    # what is not named stays, what is lifted goes
    warm.run("update", "--pids-limit", "-1", "--memory-reservation", "64m", sleeper)
    now = limits(warm, sleeper)
    assert (now["Memory"], now["MemoryReservation"]) == (512 << 20, 64 << 20)
    assert now["PidsLimit"] <= 0
    # the next start has them
    warm.run("update", "-m", "0", "--memory-reservation", "0", "--cpuset-cpus", "0", sleeper)
    warm.run("start", sleeper)
    allowed = warm.run("exec", sleeper, "grep", "Cpus_allowed_list", "/proc/1/status").out
    assert allowed.split()[1] == "0"


@pytest.mark.parametrize("words", [
    ("--memory", "1m"), ("--memory", "x"), ("--cpus", "-1"), ("--cpu-shares", "1000000"),
    ("--pids-limit", "x"), ("--blkio-weight", "5"), ("--memory-swap", "64m"),
])
def test_what_is_wrong_by_itself(warm, sleeper, words):
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.fails("update", *words, sleeper, has=words[0])


@pytest.mark.parametrize("words,has", [
    (("--cpus", "4000"), "you may use only"), (("--cpuset-cpus", "900"), "that you may use"),
    (("--cpuset-mems", "900"), "that are there"),
])
def test_what_the_host_does_not_have(warm, sleeper, words, has):
    """Refused now: not at the next start, where nobody thinks of it."""
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.fails("update", *words, sleeper, has=has)
    warm.run("start", sleeper)


def test_what_it_has_already(warm, sleeper):
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.run("update", "-m", "64m", "--memory-swap", "128m", "--memory-reservation", "32m", sleeper)
    warm.fails("update", "-m", "256m", sleeper, has="the --memory-swap that it has")
    warm.fails("update", "--memory-reservation", "100m", sleeper, has="has the other one already")
    res = warm.fails("update", "-m", "0", "--memory-reservation", "0", sleeper, has="that it has")
    assert "--memory-swap 0" in res.err, res
    warm.run("update", "-m", "256m", "--memory-swap", "-1", sleeper)


def test_cpus_and_quota_are_not_mixed(warm, sleeper):
    """A new period beside --cpus 1 would silently be 2 CPUs: refused, as by docker."""
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.run("update", "--cpus", "1", sleeper)
    warm.fails("update", "--cpu-period", "50000", sleeper,
               has=("--cpu-period conflicts", "--cpus 0"))
    warm.fails("update", "--cpu-quota", "50000", sleeper,
               has=("--cpu-quota conflicts", "--cpus 0"))
    assert limits(warm, sleeper)["NanoCpus"] == 10**9
    warm.run("update", "--cpus", "0", sleeper)
    warm.run("update", "--cpu-quota", "50000", sleeper)
    warm.fails("update", "--cpus", "1", sleeper, has=("--cpus conflicts", "--cpu-quota -1"))
    warm.run("update", "--cpu-quota", "-1", sleeper)
    warm.run("update", "--cpus", "1", sleeper)


def explained(warm, name):
    return {row["what"]: row for row in warm.run("explain", "--json", name).json()["rows"]}


def test_explain_tells_of_the_next_start(warm, sleeper):
    """What was asked is what the record has now; what holds it is known at the start."""
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.run("update", "-m", "64m", "--cpuset-cpus", "0", sleeper)
    warm.run("start", sleeper)
    first = explained(warm, sleeper)
    assert first["memory"]["asked"] == "64 MiB" and first["memory"]["by"], first
    warm.run("kill", sleeper)
    warm.run("wait", sleeper)
    warm.run("update", "-m", "96m", "--pids-limit", "77", sleeper)
    now = explained(warm, sleeper)
    assert now["memory"]["asked"] == "96 MiB" and now["memory"]["by"] == "", now
    assert now["pids-limit"]["asked"] == "77" and "next start" in now["pids-limit"]["note"], now
    assert now["cpuset-cpus"] == dict(first["cpuset-cpus"], enforced=""), now
    # All lifted: nothing is left of them, not after the next start either.
    warm.run("update", "-m", "0", "--cpuset-cpus", "", "--pids-limit", "-1", sleeper)
    have = explained(warm, sleeper)
    assert not {"memory", "cpuset-cpus"} & set(have)
    assert (have["pids-limit"]["asked"], have["pids-limit"]["by"]) == ("unlimited", "nothing")
    warm.run("start", sleeper)
    have = explained(warm, sleeper)
    assert not {"memory", "cpuset-cpus"} & set(have)
    assert (have["pids-limit"]["asked"], have["pids-limit"]["by"]) == ("unlimited", "nothing")


def test_usage(warm, sleeper):
    warm.fails("update", sleeper, has="needs at least one limit")
    warm.fails("update", "-m", "64m", has="at least 1 argument")
    warm.fails("update", "-m", "64m", "not-there", has="no such container")
