# SPDX-License-Identifier: Apache-2.0
"""Limits where a cgroup does not hold them: the warnings, and that they bite on Linux 6.1, too."""
import pytest

from conftest import shared

RUN = "carrel run --rm --network none "
FORKS = "for i in $(seq 40); do sleep 3 & done; wait"
HOG = "head -c 100m /dev/zero | tail >/dev/null"  # tail keeps it all

plain = shared("normal")
one_id = shared("no-subuid")


@pytest.mark.parametrize("which", ["plain", "one_id"])
def test_without_a_delegation(request, which):
    """The kernel refuses the process too many, the watchdog ends what has too much."""
    host = request.getfixturevalue(which)
    r = host.run(RUN + f"--pids-limit 20 hello sh -c '{FORKS}'")
    assert r.status != 0 and "can't fork" in r.err, r
    assert "--pids-limit 20 is held by RLIMIT_NPROC" in r.err and "[D-08]" in r.err, r
    r = host.run(RUN + "--pids-limit 20 hello sh -c 'for i in $(seq 18); do sleep 1 & done; wait'")
    assert r.status == 0, r
    r = host.run(RUN + f"-m 32m hello sh -c '{HOG}; sleep 30'")
    assert r.status == 137 and "passed its memory limit" in r.err, r
    assert host.root("pgrep -a '^carrel|supervisor|watchdog$'").out == ""


@pytest.mark.parametrize("option", ["-m 64m", "--pids-limit 20", "--cpus 0.5", "--cpu-shares 256"])
def test_each_limit_has_its_warning(plain, option):
    """One line with the option and its code; with --strict nothing is started."""
    name = {"-m": "--memory"}.get(option.split()[0], option.split()[0])
    r = plain.run(RUN + f"{option} hello echo works")
    assert (r.status, r.out) == (0, "works\n"), r
    assert r.err.count("warning") == 1 and r.err.startswith(f"carrel: warning: {name} "), r
    assert r.err.endswith(" [D-08]\n"), r
    r = plain.run(f"carrel run --strict --name box --network none {option} hello echo works")
    assert (r.status, r.out) == (125, "") and f"{name} " in r.err and "[D-08]" in r.err, r
    assert plain.run("carrel ps -aq").out == ""


def test_without_a_controller(delegated):
    """cpuset and io are not delegated there: the others are held, these are said to be not."""
    r = delegated.run(RUN + "-m 64m --cpuset-cpus 0 hello grep Cpus_allowed_list /proc/self/status")
    assert r.status == 0 and r.out.split() == ["Cpus_allowed_list:", "0"], r
    assert r.err.count("warning") == 1 and "affinity" in r.err and "[D-20]" in r.err, r
    r = delegated.run(RUN + "--cpuset-cpus 0 hello true")
    assert r.status == 0 and "[D-20]" in r.err, r
    r = delegated.run(RUN + "--strict -m 64m --pids-limit 20 --cpus 0.5 hello true")
    assert r.status == 0 and r.err == "", r
    for option in ("--cpuset-cpus 0", "-m 64m --cpuset-cpus 0", "--device-read-bps /dev/ubda:1m"):
        r = delegated.run(RUN + f"--strict {option} hello true")
        assert r.status == 125 and "[D-20]" in r.err, r
    assert delegated.root("find /sys/fs/cgroup -name '*carrel*'").out == ""
