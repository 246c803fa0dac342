# SPDX-License-Identifier: Apache-2.0
"""Containers in cgroups of their own: what is written, that it bites, who joins, what is left."""
import json
import random
import re
import shlex

import pytest

from conftest import shared  # noqa: F401  (the fixture `delegated` is conftest's)

USER = "/sys/fs/cgroup/lab.slice/user"
RUN = "carrel run --rm --network none "
HOG = "head -c 200m /dev/zero | tail >/dev/null"  # tail keeps it all
# Of every mount namespace: a container's own shows none of its mounts to the host's.
MOUNTS = ("cat /proc/[0-9]*/mounts 2>/dev/null | "
          "grep -E ' (overlay|fuse[.][a-z-]+) |carrel' | grep -v ' hostfs ' | sort -u")
PROCESSES = "pgrep -a 'carrel|supervisor|netstack'"

host_with_systemd = shared("normal", kind="systemd")


class Login:
    """A host as its user sees it after a login."""

    def __init__(self, machine):
        self.session, self.root = machine.login(), machine.root
        self.run = self.session.run


@pytest.fixture(scope="module")
def systemd(host_with_systemd):
    return Login(host_with_systemd)


def cgroups(host, top="/sys/fs/cgroup"):
    """Those of carrel, below the mount."""
    return host.root(f"cd {top} && find . -type d -name '*carrel*' | sort").out.split()


def start(host, name, options="", command="sleep 1000"):
    r = host.run(f"carrel run -d --name {name} --network none {options} hello {command}")
    assert r.status == 0, r
    return r


def info(host, name):
    return json.loads(host.run(f"carrel inspect {name}").out)[0]


def rows(host, name):
    """{limit: by what} of `explain`."""
    out = host.run(f"carrel explain {name}").out
    return {line.split("  ")[0]: line for line in out.splitlines()[1:]}


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """Each test ends as it began: no container, cgroup, process or mount of carrel's."""
    name = {"delegated", "systemd", "boot"} & set(request.fixturenames)
    host = request.getfixturevalue(name.pop()) if name - {"boot"} else None
    mounts = host.root(MOUNTS).out if host else None
    yield
    if host:
        host.run("for c in $(carrel ps -aq); do carrel rm -f $c; done")
        host.run("systemctl --user is-system-running --wait 2>/dev/null; :")
        # Who has let go of all that others wait for may still be about to end.
        host.root(f"i=0; while {PROCESSES} && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done")
        assert host.root(PROCESSES).out == ""
        assert cgroups(host) == []
        assert host.root(MOUNTS).out == mounts


def test_the_files_have_what_was_asked(delegated):
    r = delegated.run(RUN + "-m 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 "
                      "--cpu-shares 512 --pids-limit 20 hello sh -c " + shlex.quote("""
        cat /proc/self/cgroup; cd /sys/fs/cgroup
        cat memory.max memory.swap.max memory.low cpu.max cpu.weight pids.max memory.oom.group
        echo max >memory.max || echo refused
        mkdir x || echo refused"""))
    assert r.status == 0, r
    assert r.out.split("\n")[:-1] == [
        "0::/", "67108864", "33554432", "33554432", "50000 100000", "50", "20", "0", "refused",
        "refused"], r
    assert "warning" not in r.err, r
    # without --memory-swap as much swap as memory, as docker has it
    r = delegated.run(RUN + "-m 64m hello cat /sys/fs/cgroup/memory.swap.max")
    assert r.out == "67108864\n", r


def test_the_memory_limit_bites(delegated):
    r = delegated.run(RUN + f"-m 64m hello sh -c '{HOG}'")
    assert r.status == 137, r
    start(delegated, "hog", "-m 64m", f"sh -c '{HOG}'")
    assert delegated.run("carrel wait hog").out == "137\n"
    state = info(delegated, "hog")["State"]
    assert state["OOMKilled"] and state["ExitCode"] == 137, state
    # One process is killed, not the container, as docker has it; and it is told.
    start(delegated, "part", "-m 64m", f"sh -c '({HOG}); echo alive; exit 3'")
    assert delegated.run("carrel wait part").out == "3\n"
    state = info(delegated, "part")["State"]
    assert state["OOMKilled"] and state["ExitCode"] == 3, state
    assert delegated.run("carrel logs part 2>/dev/null").out.splitlines()[-1] == "alive"
    for words in ("--rm", ""):
        r = delegated.run(f"carrel run {words} --network none -m 64m hello "
                          f"sh -c '({HOG}); exit 3'")
        assert r.status == 3 and "at least one of its processes was killed" in r.err, r
    # The next start begins anew.
    delegated.run("carrel update -m 512m part; carrel start part; carrel wait part")
    assert not info(delegated, "part")["State"]["OOMKilled"]


def test_the_process_limit_bites(delegated):
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; echo all"
    r = delegated.run(RUN + f"--pids-limit 8 hello sh -c '{script}'")
    assert r.status != 0 and "all" not in r.out and "fork" in r.err, r
    r = delegated.run(RUN + f"--pids-limit 12 hello sh -c '{script}; kill $(jobs -p)'")
    assert "all" in r.out, r


def test_exec_is_below_the_limits(delegated):
    start(delegated, "box", "-m 64m --pids-limit 30")
    assert delegated.run("carrel exec box cat /proc/self/cgroup").out == "0::/\n"
    r = delegated.run(f"carrel exec box sh -c '{HOG}'")
    assert r.status == 137, r
    assert info(delegated, "box")["State"]["Running"]
    # Stopped by a full cgroup, not let in beside it.
    where = f"{USER}/{cgroups(delegated, USER)[0]}"
    delegated.root(f"echo 1 >{where}/pids.max")
    r = delegated.run("carrel exec box true")
    assert r.status == 125 and r.out == "", r


def test_explain_and_update(delegated):
    start(delegated, "box", "-m 64m")
    where = f"{USER}/{cgroups(delegated, USER)[0]}"
    assert "cgroup v2" in rows(delegated, "box")["memory"]
    r = delegated.run("carrel update -m 128m --pids-limit 30 --cpu-shares 512 --cpus 0.5 box")
    assert (r.status, r.out) == (0, "box\n"), r
    now = delegated.root(f"cd {where}; cat memory.max pids.max cpu.weight cpu.max").out.split("\n")
    assert now[:4] == ["134217728", "30", "50", "50000 100000"]
    told = rows(delegated, "box")
    for what in ("memory", "pids-limit", "cpu-shares", "cpus"):
        assert "cgroup v2" in told[what] and "DIFFERS" not in told[what], told[what]
    assert info(delegated, "box")["HostConfig"]["Memory"] == 128 << 20
    delegated.run("carrel update --pids-limit -1 --cpus 0 box")
    assert delegated.root(f"cd {where}; cat pids.max cpu.max").out == "max\nmax 100000\n"
    row = rows(delegated, "box")["pids-limit"]
    assert row.split()[1] == "unlimited" and "DIFFERS" not in row, row
    # A period of its own, without a quota or when that is gone.
    for words, want in (("--cpu-period 50000", "max 50000"), ("--cpu-quota 10000", "10000 50000"),
                        ("--cpus 0 --cpu-quota -1", "max 50000"), ("--cpu-period 0", "max 100000")):
        r = delegated.run(f"carrel update {words} box")
        assert r.status == 0, r
        assert delegated.root(f"cat {where}/cpu.max").out == want + "\n", words
    # A controller that is not there: nothing at all is changed.
    r = delegated.run("carrel update --cpuset-cpus 0 -m 96m box")
    assert r.status == 125 and "[D-20]" in r.err, r
    assert delegated.root(f"cat {where}/memory.max").out == "134217728\n"
    # Of one that does not run the record.
    delegated.run("carrel kill box; carrel wait box")
    assert delegated.run("carrel update -m 96m --memory-swap 96m box").status == 0
    delegated.run("carrel start box")
    assert delegated.root(f"cat {where}/memory.max").out == "100663296\n"
    # One that was started without a cgroup gets none later.
    start(delegated, "plain")
    r = delegated.run("carrel update -m 64m plain")
    assert r.status == 125 and "without limits" in r.err and "carrel stop plain" in r.err, r
    assert "[D-" not in r.err, r


def without(host, controller):
    for where in (USER, "/sys/fs/cgroup/lab.slice"):
        host.root(f"echo -{controller} >{where}/cgroup.subtree_control")


def again(host, controller):
    host.root(f"echo +{controller} >/sys/fs/cgroup/lab.slice/cgroup.subtree_control")


def refused(host, words, *has):
    """A command about `box` that changes nothing, and the record neither."""
    look = "carrel explain box; carrel inspect box"
    before = host.run(look).out
    r = host.run(f"carrel update {words} box")
    assert r.status == 125 and r.out == "" and all(word in r.err for word in has), r
    assert host.run(look).out == before


def test_update_of_what_no_cgroup_holds(delegated):
    """Beside a cgroup that holds the rest: what processes were given at their start stays."""
    start(delegated, "box", "-m 64m --blkio-weight 500 --cpuset-cpus 0")
    for words, by in (("--blkio-weight 100", "ionice"), ("--blkio-weight 0", "ionice"),
                      ("--cpuset-cpus ''", "affinity"), ("-m 96m --blkio-weight 100", "ionice")):
        refused(delegated, words, by, "fixed at its start", "[D-20]", "carrel stop box")
    r = delegated.run("carrel update -m 96m --blkio-weight 500 box")
    assert r.status == 0, r
    told = rows(delegated, "box")
    assert "96 MiB" in told["memory"] and "ionice" in told["blkio-weight"], told
    delegated.run("carrel rm -f box")
    without(delegated, "cpu")
    try:
        start(delegated, "box", "-m 64m --cpus 0.5 --cpu-shares 512")
        refused(delegated, "--cpu-shares 256", "nice", "[D-20]")
        refused(delegated, "--cpus 0.25", "no controller cpu", "[D-20]")
        # What nobody holds can be given up.
        assert delegated.run("carrel update --cpus 0 box").status == 0
        assert "cpus" not in rows(delegated, "box")
        assert info(delegated, "box")["HostConfig"]["NanoCpus"] == 0
    finally:
        again(delegated, "cpu")


def test_a_file_that_is_not_there(delegated):
    """The controller io without weights: told at the start, refused later."""
    delegated.root("for d in /sys/fs/cgroup /sys/fs/cgroup/lab.slice; do "
                   "echo +io >$d/cgroup.subtree_control; done")
    try:
        start(delegated, "box", "--device-write-bps /dev/ubda:1m")
        where = f"{USER}/{cgroups(delegated, USER)[0]}"
        assert "wbps=1048576" in delegated.root(f"cat {where}/io.max").out
        assert "cgroup v2" in rows(delegated, "box")["device-write-bps"]
        refused(delegated, "--blkio-weight 100", "no file io.weight", "[D-20]", "bfq")
        refused(delegated, "--pids-limit 9 --blkio-weight 100", "no file io.weight")
        delegated.run("carrel rm -f box")
        # Refused after others were written: they are what they were, and so is the record.
        delegated.root("cp -a /dev/ubda /dev/gone")
        start(delegated, "box", "-m 64m --cpus 0.9 --cpu-shares 256 --pids-limit 20 "
              "--device-write-bps /dev/gone:1m")
        where = f"{USER}/{cgroups(delegated, USER)[0]}"
        delegated.root("rm /dev/gone")
        look = f"cd {where}; cat memory.max memory.swap.max cpu.max pids.max cpu.weight"
        before = delegated.root(look).out
        refused(delegated, "-m 96m --cpus 0.5 --pids-limit 9 --cpu-shares 512", "/dev/gone")
        assert delegated.root(look).out == before
        delegated.run("carrel rm -f box")
        r = start(delegated, "box", "--device-write-bps /dev/ubda:1m --blkio-weight 100")
        assert "--blkio-weight 100 is held by ionice" in r.err and "[D-20]" in r.err, r
        assert "device-write-bps" not in r.err, r
        refused(delegated, "--blkio-weight 500", "ionice", "[D-20]")
        r = delegated.run("carrel run --strict --rm --network none --blkio-weight 100 hello true")
        assert r.status == 125 and "[D-20]" in r.err, r
        delegated.run("carrel rm -f box")
    finally:
        without(delegated, "io")
        delegated.root("echo -io >/sys/fs/cgroup/cgroup.subtree_control")


def test_pause_by_the_freezer(delegated):
    start(delegated, "box", "-m 64m", "sh -c 'n=0; while :; do n=$((n + 1)); done'")
    where = f"{USER}/{cgroups(delegated, USER)[0]}"
    assert " overlay " in delegated.root(MOUNTS).out  # else nothing_is_left() looks in vain
    assert delegated.run("carrel pause box").status == 0
    assert "frozen 1" in delegated.root(f"cat {where}/cgroup.events").out
    pid = info(delegated, "box")["State"]["Pid"]
    assert " T " not in delegated.root(f"cat /proc/{pid}/stat").out  # nothing it could see
    assert delegated.run("carrel ps --filter status=paused").out.count("(Paused)") == 1
    ticks = f"cut -d ' ' -f 14 /proc/{pid}/stat"
    before = delegated.root(ticks).out
    assert delegated.root(ticks).out == before
    assert delegated.run("carrel unpause box").status == 0
    assert "frozen 0" in delegated.root(f"cat {where}/cgroup.events").out
    # killed and removed as it is
    delegated.run("carrel pause box")
    assert delegated.run("carrel kill box; carrel wait box").out == "box\n137\n"
    delegated.run("carrel start box; carrel pause box")
    assert delegated.run("carrel rm -f box").status == 0


def test_stats_from_the_files(delegated):
    start(delegated, "box", "-m 64m --pids-limit 30", "sh -c 'sleep 1000 & while :; do :; done'")
    r = delegated.run("carrel stats --no-stream --format json box")
    s = json.loads(r.out)
    assert s["Source"] == "cgroup v2" and s["PIDs"] == "2", s
    assert s["MemUsage"].endswith(" / 64MiB") and float(s["CPUPerc"].rstrip("%")) > 20, s
    assert r.err == "", r


def test_without_clone3(delegated):
    """Where clone3 is filtered, as some container engines do, processes are moved by a write."""
    as_user = (f"echo $$ >{USER}/shell/cgroup.procs; cd /home/lab; "
               "strace -f -u lab -E HOME=/home/lab -o /dev/null -e inject=clone3:error=ENOSYS ")
    r = delegated.root(as_user + "carrel run --rm --network none -m 64m hello "
                       "cat /proc/self/cgroup /sys/fs/cgroup/memory.max")
    assert (r.status, r.out) == (0, "0::/\n67108864\n") and "warning" not in r.err, r
    start(delegated, "box", "-m 64m")
    r = delegated.root(as_user + "carrel exec box cat /proc/self/cgroup")
    assert (r.status, r.out) == (0, "0::/\n"), r


def test_in_part_by_a_cgroup(delegated):
    """A controller that is missing: the rest is the cgroup's all the same."""
    r = delegated.run(RUN + "-m 64m --pids-limit 20 --cpuset-cpus 0 hello sh -c "
                      "'cat /proc/self/cgroup /sys/fs/cgroup/memory.max; "
                      "grep Cpus_allowed_list /proc/self/status'")
    assert r.status == 0 and r.out.split() == ["0::/", "67108864", "Cpus_allowed_list:", "0"], r
    assert "--cpuset-cpus" in r.err and "[D-20]" in r.err, r
    # memory is missing: its watchdog wants another owner of N, whom clone3 lets not in
    slices = ("/sys/fs/cgroup/lab.slice", USER)
    for where in reversed(slices):
        delegated.root(f"echo -memory >{where}/cgroup.subtree_control")
    try:
        start(delegated, "box", "-m 64m --pids-limit 20")
        assert delegated.run("carrel exec box cat /proc/self/cgroup").out == "0::/\n"
        told = rows(delegated, "box")
        assert "cgroup v2" in told["pids-limit"] and "watchdog" in told["memory"], told
        r = delegated.run("carrel stats --no-stream box")
        assert " / 64MiB " in r.out and "that no cgroup counts are sums" in r.err, r
        delegated.run("carrel rm -f box")
    finally:
        delegated.root(f"echo +memory >{slices[0]}/cgroup.subtree_control")


def test_a_supervisor_that_was_killed(delegated):
    start(delegated, "box", "-m 64m", "sh -c 'sleep 1000 & sleep 1000 & wait'")
    pid = info(delegated, "box")["State"]["Pid"]
    assert len(cgroups(delegated)) == 1
    delegated.root(f"kill -9 $(awk '/^PPid/ {{ print $2 }}' /proc/{pid}/status)")
    assert delegated.run(RUN + "hello true").status == 0
    assert cgroups(delegated) == []
    assert info(delegated, "box")["State"]["ExitCode"] == 137


def test_killed_at_any_moment(delegated):
    """What a start leaves behind that is killed is found by the next command."""
    for i in range(40):
        options = ("--rm", "-d --rm", "-d")[i % 3]
        delegated.run(f"carrel run {options} --network none -m 64m hello sleep 1000 "
                      ">/dev/null 2>&1 & "
                      f"sleep {random.uniform(0, 0.25):.3f}; kill -9 $!")
    delegated.run("for c in $(carrel ps -aq); do carrel rm -f $c; done")
    assert delegated.run(RUN + "hello true").status == 0
    assert cgroups(delegated) == []


def test_configured(delegated):
    """The subtree that the configuration names comes first; what is wrong with it is told."""
    other = f"{USER}/other"
    delegated.run(f"mkdir {other}")

    def place(env):
        r = delegated.run(f"{env} carrel run -d --name box --network none -m 64m hello sleep 1000 "
                          "&& ls -d /sys/fs/cgroup/lab.slice/user/carrel-* "
                          "/sys/fs/cgroup/lab.slice/user/*/carrel-* 2>/dev/null")
        delegated.run("carrel rm -f box")
        return r

    # Its parent has to hand the controllers on.
    delegated.run(f"for c in memory cpu pids; do echo +$c >{USER}/cgroup.subtree_control; done")
    r = place(f"CARREL_CGROUP={other}")
    assert f"{other}/carrel-" in r.out and "warning" not in r.err, r
    delegated.run("mkdir -p .config/carrel; "
                  f"echo 'cgroup = {other}/' >.config/carrel/carrel.conf")
    assert f"{other}/carrel-" in place("").out
    r = place("CARREL_CGROUP=/sys/fs/cgroup/not-there")
    assert "/sys/fs/cgroup/not-there" in r.err and r.status == 125, r
    r = place("CARREL_CGROUP=/tmp")
    assert "must be a directory below /sys/fs/cgroup" in r.err and r.status == 125, r
    delegated.run("echo 'cgruop = x' >.config/carrel/carrel.conf")
    r = place("")
    assert "line 1: the key 'cgruop' is not known" in r.err and r.status == 125, r
    # Read only where it is needed.
    assert delegated.run(RUN + "hello true").status == 0
    delegated.run(f"rm -r .config/carrel; rmdir {other}/*; rmdir {other}")


def test_alone_in_its_own_cgroup(boot):
    """Nobody else is in the way: carrel goes into a leaf, and leaves the place as it was."""
    host = boot("delegated-own")
    alone = (f"echo $$ >{USER}/cgroup.procs && cd /home/lab && "
             "exec setpriv --reuid lab --regid lab --init-groups env -i HOME=/home/lab "
             "PATH=/usr/local/bin:/usr/bin:/bin ")
    state = f"cd {USER}; cat cgroup.procs cgroup.subtree_control; find . -name '*carrel*'"
    r = host.root(alone + RUN + "-m 64m hello sh -c "
                  "'cat /proc/self/cgroup /sys/fs/cgroup/memory.max'")
    assert (r.status, r.out) == (0, "0::/\n67108864\n") and "warning" not in r.err, r
    assert host.root(state).out.strip() == ""
    # Again, and under a supervisor, which cannot remove what it lives in.
    r = host.root(alone + "carrel run -d --name box --network none -m 64m hello sleep 1000")
    assert r.status == 0 and "warning" not in r.err, r
    where, leaf = sorted(host.root(f"cd {USER}; ls -d carrel-*").out.split())
    assert leaf == where + ".super"
    assert host.root(f"cat {USER}/{where}/memory.max").out == "67108864\n"
    assert host.root("setpriv --reuid lab --regid lab --init-groups env -i HOME=/home/lab "
                     "/usr/local/bin/carrel kill box").status == 0
    host.root("setpriv --reuid lab --regid lab --init-groups env -i HOME=/home/lab "
              "/usr/local/bin/carrel wait box")
    host.root("while pgrep -x carrel; do :; done")
    assert host.root(state).out.strip() == ""
    for words in ("rm box", "run --name box --network none -m 64m hello true", "start -a box",
                  "rm box"):
        r = host.root(alone + "carrel " + words)
        assert r.status == 0 and "warning" not in r.err, r
        assert host.root(state).out.strip() == "", words
    # With --rm nothing is left to the next one.
    r = host.root(alone + "carrel run -d --rm --name box --network none -m 64m hello sleep 1000")
    assert r.status == 0, r
    r = host.root("cd /home/lab; setpriv --reuid lab --regid lab --init-groups env -i "
                  "HOME=/home/lab /usr/local/bin/carrel stop -t 0 box; "
                  "while pgrep -x carrel; do :; done")
    assert r.status in (0, 1) and host.root(state).out.strip() == "", r
    # A shell that is in there is never moved: the limit is held by something else, and it says so.
    r = host.run(RUN + "-m 64m hello true")
    assert r.status == 0 and "[D-08]" in r.err, r
    assert host.run("cat /proc/self/cgroup").out == "0::/lab.slice/user\n"


CALLS = "trace=execve,execveat,openat,connect,mkdirat,clone3"


def unlimited_calls(host):
    """Lines of strace of an unlimited `run --rm` that speak of cgroups, the bus or carrel.conf."""
    r = host.root(f"cd /home/lab; strace -f -u lab -E HOME=/home/lab -e {CALLS} -o /tmp/calls "
                  "carrel run --rm --network none hello true; grep -c . /tmp/calls")
    assert r.status == 0 and int(r.out) > 20, r
    return host.root("grep -E '/sys/fs/cgroup|CLONE_INTO_CGROUP|\"scope\"|/bus|/private|"
                     "carrel[.]conf' /tmp/calls").out


def test_an_unlimited_start_asks_nobody(delegated):
    start(delegated, "box", "-m 64m")
    assert unlimited_calls(delegated) == ""


@pytest.mark.slow
def test_a_thousand_cycles(delegated):
    before = delegated.root("ls /run/user/*/carrel /tmp /home/lab/.local/share/carrel/* "
                            "2>/dev/null; cat /proc/sys/fs/file-nr | cut -f 1").out
    r = delegated.run("n=0; while [ $n -lt 500 ]; do n=$((n + 1)); "
                      "carrel run --rm --network none -m 64m --pids-limit 20 hello true || exit 1; "
                      "carrel run -d --name c --network none -m 64m hello sleep 100 >/dev/null && "
                      "carrel rm -f c >/dev/null || exit 2; done", timeout=1500)
    assert r.status == 0, r
    after = delegated.root("ls /run/user/*/carrel /tmp /home/lab/.local/share/carrel/* "
                           "2>/dev/null; cat /proc/sys/fs/file-nr | cut -f 1").out
    files = [x.rsplit("\n", 2)[0] for x in (before, after)]
    assert files[0] == files[1]
    fds = [int(x.split("\n")[-2]) for x in (before, after)]
    assert abs(fds[0] - fds[1]) < 64, fds


APP = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice"


def units(host):
    return host.run("systemctl --user list-units --all --plain --no-legend 'carrel*'").out


def test_a_scope_from_a_login_shell(systemd):
    shell = systemd.run("cat /proc/self/cgroup").out
    assert "session-" in shell
    r = systemd.run(RUN + "-m 64m --pids-limit 20 --cpus 0.5 hello sh -c "
                    "'cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max pids.max cpu.max'")
    assert r.status == 0 and "warning" not in r.err, r
    assert r.out == "0::/\n67108864\n20\n50000 100000\n", r
    start(systemd, "box", "-m 64m")
    pid = info(systemd, "box")["State"]["Pid"]
    where = systemd.run(f"cat /proc/{pid}/cgroup").out
    assert re.search(r"/app\.slice/carrel-\w{12}-\w{8}\.scope/carrel-\w{64}$", where), where
    assert "cgroup v2" in rows(systemd, "box")["memory"]
    # The shell stays where it is; exec goes in all the same.
    r = systemd.run(f"carrel exec box sh -c 'cat /proc/self/cgroup; {HOG}'")
    assert (r.status, r.out.split()[0]) == (137, "0::/") and "warning" not in r.err, r
    assert systemd.run("cat /proc/self/cgroup").out == shell
    # A restart gets a scope of its own.
    systemd.run("carrel kill box; carrel wait box; carrel start box")
    assert systemd.run("carrel exec box cat /proc/self/cgroup").out == "0::/\n"
    systemd.run("carrel rm -f box")
    assert units(systemd) == ""


def test_without_a_limit_no_scope(systemd):
    start(systemd, "box", "-m 64m")
    assert unlimited_calls(systemd) == ""
    start(systemd, "plain")
    assert len(units(systemd).splitlines()) == 1
    assert info(systemd, "plain")["State"]["Running"]


def test_no_bus(systemd):
    """A bus that is not there is one warning, not a hang."""
    r = systemd.run("env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR=/nowhere "
                    f"{RUN} -m 64m hello cat /proc/self/cgroup")
    # the manager's own socket in /run/user/UID is found all the same
    assert (r.status, r.out) == (0, "0::/\n") and "warning" not in r.err, r
    r = systemd.run("DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere/bus "
                    f"{RUN} -m 64m hello true")
    assert r.status == 0, r
