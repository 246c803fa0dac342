# SPDX-License-Identifier: Apache-2.0
"""Limits where no cgroup is delegated: what holds them instead, and what is said about it.

What a delegated cgroup holds is shown on the hosts of tests/lab."""
import os
import pwd
import re
import subprocess
import time

import pytest

from lib.runner import Carrel

NONE = ["--network", "none"]


@pytest.fixture
def plain(warm):
    """A host without a delegation: there the fallbacks are what there is."""
    if "[D-08]" not in warm.run("doctor", check=False).out:
        pytest.skip("needs no-cgroup: tests/lab shows hosts where limits are delegated")
    return warm


def warnings(res):
    return [line for line in res.err.splitlines() if line.startswith("carrel: warning:")]


def one_warning(res, *words, code="D-08"):
    lines = warnings(res)
    assert len(lines) == 1, res
    for word in words + (f"[{code}]",):
        assert word in lines[0], res


def test_memory_past_the_limit(plain, hog, leftovers):
    before = leftovers.snapshot(plain)
    res = plain.run("run", "--name", "past", *NONE, "-m", "64m", "-v", f"{hog}:/hog", plain.image,
                    "/hog", "memory", "200", rc=137)
    assert "--memory 64 MiB is held by watchdog" in warnings(res)[0], res
    assert len(warnings(res)) == 2 and "passed its memory limit" in warnings(res)[1], res
    (info,) = plain.run("inspect", "past").json()
    assert info["State"]["OOMKilled"] is True and info["State"]["ExitCode"] == 137, info
    assert info["HostConfig"]["Memory"] == 64 << 20, info
    # Once more, by the record alone.
    res = plain.run("start", "-a", "past", rc=137)
    assert "held by watchdog" in res.err, res
    assert plain.run("inspect", "past").json()[0]["State"]["OOMKilled"] is True
    plain.run("rm", "past")
    leftovers.check(plain, before)


def test_memory_in_the_foreground(plain, hog, leftovers):
    before = leftovers.snapshot(plain)
    res = plain.run("run", "--rm", *NONE, "-m", "64m", "-v", f"{hog}:/hog", plain.image, "/hog",
                    "memory", "200", rc=137)
    assert len(warnings(res)) == 2 and "passed its memory limit" in warnings(res)[1], res
    leftovers.check(plain, before)


def test_memory_with_a_terminal(plain, hog, leftovers):
    """Told by the state that it ends with: its record is gone before anybody could look there."""
    before = leftovers.snapshot(plain)
    res = plain.run("run", "-t", "--rm", *NONE, "-m", "32m", "-v", f"{hog}:/hog", plain.image,
                    "/hog", "memory", "200", rc=137)
    assert len(warnings(res)) == 2 and "passed its memory limit" in warnings(res)[1], res
    leftovers.check(plain, before)


def test_memory_is_killed_within_a_second(plain, hog):
    """Its own log tells: it beats every 10 ms from the limit on, and is gone before the 100th. A
    watchdog that gets no processor for so long is not its own fault: once of three times, then."""
    beats = []
    while not beats or (beats[-1] >= 100 and len(beats) < 3):
        res = plain.run("run", "--rm", *NONE, "-m", "64m", "-v", f"{hog}:/hog", plain.image, "/hog",
                        "memory", "80", rc=137)
        assert "held 63" in res.lines, res
        beats.append(sum(line.startswith("beat") for line in res.lines))
    assert beats[-1] < 100, beats


@pytest.mark.parametrize("how", ["vfork", "share"])
def test_memory_that_is_counted_once(plain, hog, how):
    """40 of 64 MiB, lent to a vfork child or shared with three forked ones: nobody is killed."""
    res = plain.run("run", "--rm", *NONE, "-m", "64m", "-v", f"{hog}:/hog", plain.image, "/hog",
                    how, "40")
    assert "lived 1" in res.out, res


def test_mapped_files_are_page_cache(plain, hog):
    """As in a cgroup, which would only take the pages back: a large mapped file is no reason."""
    res = plain.run("run", "--rm", *NONE, "-m", "64m", "-v", f"{hog}:/hog", plain.image, "/hog",
                    "mapped", "150", "/root/file")
    assert "lived 1" in res.out, res


@pytest.mark.parametrize("most", ["40", "300"])
def test_memory_of_a_fork_bomb(plain, hog, most, leftovers):
    """Its processes hold their memory locks nearly all the time, and a look at each would wait."""
    before = leftovers.snapshot(plain)
    res = plain.run("run", "--rm", *NONE, "-m", "32m", "--pids-limit", most, "-v", f"{hog}:/hog",
                    plain.image, "/hog", "bomb", "2", rc=137)
    assert "passed its memory limit" in res.err, res
    leftovers.check(plain, before)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def watchdog_of(carrel, name):
    """It and pid 1 have one parent, the supervisor."""
    parent = status_of(carrel.run("inspect", name).json()[0]["State"]["Pid"])["PPid"]
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as f:
        children = f.read().split()
    (dog,) = [p for p in children if status_of(p)["Name"] == "watchdog"]
    return dog


def test_watchdog_is_confined_and_ends_with_the_container(plain, leftovers):
    before = leftovers.snapshot(plain)
    plain.run("run", "-d", "--name", "watched", *NONE, "-m", "64m", "--cap-add", "ALL",
              plain.image, "sleep", "600")
    try:
        dog = watchdog_of(plain, "watched")
        s = status_of(dog)
        for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(s[which], 16) == 0, s
        assert s["Seccomp"].strip() == "2" and s["NoNewPrivs"].strip() == "1", s
        # Not of the kernel uid of container root: even where it could be named, no signal.
        assert str(os.getuid()) not in s["Uid"].split(), s
        # Its root is the container's proc, and a read-only one.
        root = os.listdir(f"/proc/{dog}/root")
        assert "1" in root and "meminfo" in root and "etc" not in root, root
        with open(f"/proc/{dog}/mountinfo", encoding="utf-8") as f:
            assert f.read() == "", "the host's mounts are below its root"
        # KiB of its own; the program's text is one for all that run.
        assert int(s["RssAnon"].split()[0]) <= 200, s
        # From inside, with all capabilities there: nothing of it is seen, reached or stopped.
        plain.run("exec", "watched", "sh", "-c", "kill -9 -1", check=False)
        plain.run("exec", "watched", "sh", "-c", "kill -STOP -1", check=False)
        res = plain.run("exec", "watched", "sh", "-c", "cat /proc/[0-9]*/comm", check=False)
        assert "watchdog" not in res.out, res
        assert status_of(dog)["State"].split()[0] in "SR"
    finally:
        plain.run("rm", "-f", "watched")
    leftovers.check(plain, before)
    assert not os.path.exists(f"/proc/{dog}") or status_of(dog)["State"].startswith("Z")


def as_owner_of(pid, *argv):
    """Run argv with the kernel uid of a process of carrel's that is another one than ours."""
    uid = int(status_of(pid)["Uid"].split()[0])
    name = pwd.getpwuid(os.getuid()).pw_name
    with open("/etc/subuid", encoding="ascii") as f:
        first = next(int(line.split(":")[1]) for line in f if line.startswith(name + ":"))
    subprocess.run(["unshare", "--map-root-user", "--map-auto", "setpriv", "--reuid",
                    str(uid - first + 1), "--clear-groups", *argv], check=True)


@pytest.mark.parametrize("words", [("-d",), (), ("--rm",), ("-t", "--rm")])
def test_watchdog_is_killed(plain, leftovers, words):
    """Nobody would hold it to its limit: it is ended, and it is said why."""
    before = leftovers.snapshot(plain)
    name = "unwatched"
    p = plain.start("run", *words, "--name", name, *NONE, "-m", "64m", plain.image, "sh", "-c",
                    "echo up; exec sleep 600", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.readline()
    if words == ("--rm",):
        with open(f"/proc/{p.pid}/task/{p.pid}/children", encoding="ascii") as f:
            dog, = [c for c in f.read().split() if status_of(c)["Name"] == "watchdog"]
    else:
        dog = watchdog_of(plain, name)
    # What a logout sends does not end it.
    as_owner_of(dog, "kill", "-TERM", dog)
    as_owner_of(dog, "kill", "-HUP", dog)
    assert plain.run("ps", "-q").out
    as_owner_of(dog, "kill", "-KILL", dog)
    status = plain.run("wait", name).out if words == ("-d",) else None
    err = p.communicate(timeout=90)[1].decode()
    if words == ("-d",):
        state = plain.run("inspect", name).json()[0]["State"]
        assert status == "137\n" and state["ExitCode"] == 137 and not state["OOMKilled"], state
        assert "watchdog of its memory limit" in state["Error"], state
    else:
        assert p.returncode == 137, err
        assert re.search("watchdog of .* memory limit was killed", err), err
        assert "passed its memory limit" not in err, err
    if "--rm" not in words:
        plain.run("rm", name)
    leftovers.check(plain, before)


def test_nothing_of_the_caller_stays_open(plain):
    """Whoever reads the output of `run -d` to its end is not held up by the watchdog."""
    p = plain.start("run", "-d", "--name", "closed", *NONE, "-m", "64m", plain.image, "sleep",
                    "600", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = p.communicate(timeout=90)
        assert p.returncode == 0 and len(out) == 65 and b"watchdog" in err, (out, err)
    finally:
        p.kill()
        p.communicate()
        plain.run("rm", "-f", "closed")


def test_stats_of_a_watched_one(plain):
    """The limit is the container's, whoever holds it."""
    plain.run("run", "-d", "--name", "seen", *NONE, "-m", "64m", plain.image, "sleep", "600")
    try:
        row = plain.run("stats", "--no-stream", "--format", "json", "seen").json()
        assert row["MemUsage"].endswith(" / 64MiB") and row["Source"] == "proc", row
    finally:
        plain.run("rm", "-f", "seen")


def wait_for_processes(carrel, name, n):
    end = time.monotonic() + 20
    while carrel.run("stats", "--no-stream", "--format", "json", name).json()["PIDs"] != str(n):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_pids_limit(plain, hog, leftovers):
    before = leftovers.snapshot(plain)
    res = plain.run("run", "--rm", *NONE, "--pids-limit", "20", "-v", f"{hog}:/hog", plain.image,
                    "/hog", "forks")
    assert res.out == "processes 20, then 0\n", res
    one_warning(res, "--pids-limit 20", "RLIMIT_NPROC")
    # With the watchdog beside it, which is of the same id and does not count.
    res = plain.run("run", "--rm", *NONE, "--pids-limit", "20", "-m", "64m", "-v", f"{hog}:/hog",
                    plain.image, "/hog", "forks")
    assert res.out == "processes 20, then 0\n", res
    assert len(warnings(res)) == 2, res
    leftovers.check(plain, before)


def test_limits_with_the_private_network(plain, need):
    """Its process joins a network namespace whose owner is another id of U here."""
    need("tun")
    res = plain.run("run", "--rm", "--pids-limit", "20", "-m", "64m", plain.image, "sh", "-c",
                    "ip addr show dev eth0 || ls /sys/class/net")
    assert "inet " in res.out, res


def test_pids_limit_counts_its_own_processes_only(plain):
    """Two limited ones and one without: nobody's processes are held against another's limit."""
    many = "for i in 1 2 3 4 5 6 7 8; do sleep 600 & done; echo ready; wait"
    names = [f"count{i}" for i in range(3)]
    try:
        for name, limit in zip(names, (["--pids-limit", "11"], ["--pids-limit", "11"], [])):
            plain.run("run", "-d", "--name", name, *NONE, *limit, plain.image, "sh", "-c", many)
        for name in names:
            wait_for_processes(plain, name, 9)
            assert plain.run("exec", name, "true").rc == 0
        # Full: 1 + 8 + the program of exec (which has a second one while it joins), + 1.
        res = plain.run("exec", names[0], "sh", "-c",
                        "sleep 1 & sleep 1 & wait; echo went on", check=False)
        assert res.rc != 0 and "went on" not in res.out, res
        assert "fork" in res.err, res
        res = plain.run("exec", names[2], "sh", "-c", "sleep 0 & sleep 0 & wait; echo went on")
        assert "went on" in res.out, res
    finally:
        plain.run("rm", "-f", *names, check=False)


def test_one_cpu_only(warm):
    """The CPUs of the host may be more than those of the caller: these are spoken of."""
    cpu = min(os.sched_getaffinity(0))
    only = {"preexec_fn": lambda: os.sched_setaffinity(0, {cpu}), "stderr": subprocess.PIPE}
    for words, has in ((["--cpus", "1.5"], "--cpus 1.5: you may use only 1 CPU\n"),
                       (["--cpuset-cpus", "1000"], f"the CPUs that you may use: {cpu}\n")):
        p = warm.start("run", "--rm", *NONE, *words, warm.image, "true", **only)
        err = p.communicate(timeout=60)[1].decode()
        assert p.returncode == 125 and has in err, err


def test_init_where_one_process_is_allowed(plain, leftovers):
    before = leftovers.snapshot(plain)
    res = plain.run("run", "--rm", *NONE, "--pids-limit", "1", "--init", plain.image, "true",
                    rc=125)
    assert "Resource temporarily unavailable" in res.err and "--pids-limit" in \
        res.err.split("hint:")[1], res
    leftovers.check(plain, before)


def test_exec_where_no_process_is_left(plain):
    name = "full"
    try:
        plain.run("run", "-d", "--name", name, *NONE, "--pids-limit", "3", plain.image, "sh", "-c",
                  "sleep 600 & sleep 600 & wait")
        wait_for_processes(plain, name, 3)
        res = plain.run("exec", name, "true", rc=125)
        assert "Resource temporarily unavailable" in res.err and "--pids-limit" in res.err, res
    finally:
        plain.run("rm", "-f", name, check=False)


@pytest.mark.parametrize("args,words,command,wants", [
    (["--cpus", "0.5"], ["--cpus 0.5", "not enforced"], "echo ran", r"^ran$"),
    (["--cpu-quota", "50000"], ["--cpu-quota 50000/100000", "not enforced"], "echo ran", r"^ran$"),
    (["-c", "256"], ["--cpu-shares 256", "nice"], "cut -d' ' -f19 /proc/1/stat",
     f"^{os.nice(0) + 7}$"),
    (["--cpu-shares", "2048"], ["--cpu-shares 2048", "not enforced"],
     "cut -d' ' -f19 /proc/1/stat", f"^{os.nice(0)}$"),
    (["--cpuset-cpus", "0"], ["--cpuset-cpus 0", "affinity"],
     "grep Cpus_allowed_list /proc/self/status", r"^Cpus_allowed_list:\s0$"),
    (["--cpuset-mems", "0"], ["--cpuset-mems 0", "memory policy"],
     "grep -c bind:0 /proc/1/numa_maps", r"^[1-9]"),
    (["--blkio-weight", "100"], ["--blkio-weight 100", "ionice"], "ionice -p 1",
     r"best-effort: prio 7"),
    (["-m", "64m", "--memory-swap", "-1"], ["--memory 64 MiB", "watchdog"], "echo ran", r"^ran$"),
    (["--memory-reservation", "32m"], ["--memory-reservation 32 MiB", "not enforced"],
     "echo ran", r"^ran$"),
])
def test_what_is_done_instead(plain, args, words, command, wants):
    res = plain.run("run", "--rm", *NONE, *args, plain.image, "sh", "-c", command)
    one_warning(res, *words)
    assert re.search(wants, res.out, re.M), res


def test_shares_of_a_caller_who_is_nice(plain):
    """Below his own number nobody gets; there is room for the difference, up to 19."""
    for more in (3, 17):
        p = plain.start("run", "--rm", *NONE, "-c", "423", plain.image, "cut", "-d ", "-f19",
                        "/proc/1/stat", stdout=subprocess.PIPE,
                        preexec_fn=lambda n=more: os.nice(n))
        out = p.communicate(timeout=60)[0]
        assert p.returncode == 0 and int(out) == min(os.nice(0) + more + 4, 19), (more, out)


def need_autogroup():
    if not os.path.exists("/proc/self/autogroup"):
        pytest.skip("needs autogroup: the kernel has none")


def session_of(carrel, name):
    pid = carrel.run("inspect", name).json()[0]["State"]["Pid"]
    with open(f"/proc/{pid}/autogroup", encoding="ascii") as f:
        return f.read().split()[1:]


def test_shares_of_several_at_once(plain, leftovers):
    """The kernel takes one such change in 100 ms from all users together: they take turns."""
    need_autogroup()
    before = leftovers.snapshot(plain)
    names = [f"turn{i}" for i in range(6)]
    held = 0
    try:
        started = [plain.start("run", "-d", "--name", name, *NONE, "--cpu-shares", "2",
                               plain.image, "sleep", "600", stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE) for name in names]
        for name, p in zip(names, started):
            err = p.communicate(timeout=60)[1].decode()
            assert p.returncode == 0, err
            # Held, or said not to be: on a machine that many others use at the same time.
            got = session_of(plain, name) == ["nice", "19"]
            assert got != ("--cpu-shares 2 is not enforced: the kernel did not take" in err), err
            held += got
            said = {row["what"]: row["by"] for row in
                    plain.run("explain", "--json", name).json()["rows"]}
            assert said["cpu-shares"] == ("nice" if got else "nothing")
        assert held
    finally:
        plain.run("rm", "-f", *names, check=False)
    leftovers.check(plain, before)


@pytest.mark.parametrize("words", [(), ("-t",), ("-u", "33")])
def test_shares_of_exec(plain, words):
    """Its session is another one than that of pid 1."""
    need_autogroup()
    plain.run("run", "-d", "--name", "shared", *NONE, "--cpu-shares", "2", plain.image, "sleep",
              "600")
    try:
        # Held, or said not to be: on a machine that many others use at the same time.
        for _ in range(10):
            res = plain.run("exec", *words, "shared", "cat", "/proc/self/autogroup",
                            "/proc/self/stat")
            assert res.lines[1].split(")")[1].split()[16] == "19", res
            if res.lines[0].split()[1:] == ["nice", "19"]:
                break
            assert len(warnings(res)) == 1 and "--cpu-shares does not hold" in res.err, res
        assert res.lines[0].split()[1:] == ["nice", "19"] and not warnings(res), res
        assert plain.run("exec", *words, "shared", "sh", "-c", "exit 7", check=False).rc == 7
        plain.fails("exec", *words, "shared", "no-such-program", rc=127, has="no-such-program")
    finally:
        plain.run("rm", "-f", "shared")


@pytest.mark.parametrize("args", [
    ["-m", "64m"], ["--memory", "64m", "--memory-swap", "128m"], ["--memory-reservation", "32m"],
    ["--cpus", "0.5"], ["--cpu-quota", "50000"], ["--cpu-shares", "256"], ["--cpuset-cpus", "0"],
    ["--cpuset-mems", "0"], ["--pids-limit", "20"], ["--blkio-weight", "100"],
])
def test_strict_refuses(plain, leftovers, args):
    before = leftovers.snapshot(plain)
    for strict, env in ((["--strict"], None), ([], {"CARREL_STRICT": "1"})):
        res = plain.run("run", *strict, *NONE, *args, plain.image, "true", rc=125, env=env)
        assert "cannot be held as asked" in res.err and "[D-08]" in res.err, res
        leftovers.check(plain, before)


def test_strict_by_the_environment(warm):
    """A word that is not known is not taken for no."""
    for word in ("", "0", "false"):
        warm.run("run", "--rm", *NONE, "--oom-score-adj", "-5", warm.image, "true",
                 env={"CARREL_STRICT": word})
    for word in ("1", "true"):
        warm.fails("run", "--rm", *NONE, "--oom-score-adj", "-5", warm.image, "true",
                   env={"CARREL_STRICT": word}, has="cannot be held")
    warm.fails("ps", env={"CARREL_STRICT": "yes"}, has="CARREL_STRICT is 1 or 0")


def test_strict_start_refuses(plain, leftovers):
    before = leftovers.snapshot(plain)
    plain.run("run", "--name", "once", *NONE, "--cpus", "0.5", plain.image, "true")
    res = plain.run("start", "once", rc=125, env={"CARREL_STRICT": "1"})
    assert "[D-08]" in res.err, res
    assert plain.run("inspect", "once").json()[0]["State"]["ExitCode"] == 0
    plain.run("rm", "once")
    leftovers.check(plain, before)


@pytest.mark.parametrize("args,word", [
    (["-m", "5m"], "minimum of 6m"), (["-m", "x"], "not a size"),
    (["--memory-swap", "64m"], "needs --memory"),
    (["-m", "64m", "--memory-swap", "32m"], "less than --memory"),
    (["-m", "64m", "--memory-reservation", "128m"], "more than --memory"),
    (["--cpus", "0.001"], "minimum of 0.01"), (["--cpus", "-1"], "not a number"),
    (["--cpus", "0.1234567890"], "too precise"), (["--cpus", "4000"], "only"),
    (["--cpus", "4000.000000001"], "--cpus 4000.000000001:"),
    (["--cpus", "1", "--cpu-quota", "5000"], "cannot both"),
    (["--cpus", "1", "--cpu-period", "5000"], "cannot both"),
    (["--cpu-period", "100"], "minimum of 1000"), (["--cpu-quota", "100"], "minimum of 1000"),
    (["--cpu-shares", "262145"], "not in the range"), (["--cpu-shares", "x"], "whole number"),
    (["--cpuset-cpus", "a"], "list"), (["--cpuset-cpus", "3-1"], "list"),
    (["--cpuset-cpus", "1000"], "that you may use"), (["--cpuset-mems", "900"], "there"),
    (["--cpuset-cpus", "0-1000000"], "a number above 1023"),
    (["--pids-limit", "-2"], "range"), (["--pids-limit", "x"], "whole number"),
    (["--blkio-weight", "9"], "range"), (["--blkio-weight", "1001"], "range"),
    (["--device-read-bps", "/dev/sda"], "DEVICE:RATE"),
    (["--device-read-bps", "sda:1m"], "/dev/"),
    (["--device-write-iops", "/dev/null:10"], "not a block device"),
    (["--device-write-bps", "/dev/no-such:10m"], "/dev/no-such"),
    (["--oom-score-adj", "1001"], "range"), (["--cpu-quota", "17592186044416"], "range"),
    (["--shm-size", "x"], "not a size"),
    (["--ulimit", "nofile"], "NAME=SOFT"), (["--ulimit", "frob=1"], "frob"),
    (["--ulimit", "nofile=20:10"], "above the hard one"), (["--ulimit", "nofile=x"], "NAME=SOFT"),
])
def test_mistakes(warm, leftovers, args, word):
    before = leftovers.snapshot(warm)
    warm.fails("run", *NONE, *args, warm.image, "true", rc=125, has=word)
    leftovers.check(warm, before)


def test_memory_that_the_kernel_keeps(plain, hog):
    """Segments and messages stay without a process: each kind has at most the size of the limit."""
    own = "echo 5 >/proc/sys/kernel/shmall"
    if subprocess.run(["unshare", "--map-root-user", "--ipc", "sh", "-c", own],
                      stderr=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.skip("needs linux-6-11: before, nobody may limit those of his own namespace")
    res = plain.run("run", "--rm", *NONE, "-m", "16m", "-v", f"{hog}:/hog", plain.image, "/hog",
                    "sysv", "64")
    assert res.out == "shared 16, messages 16\n", res


@pytest.mark.parametrize("args,command,wants", [
    ([], "df -k /dev/shm | tail -n1 | tr -s ' ' | cut -d' ' -f2", "65536"),
    (["--shm-size", "1m"], "df -k /dev/shm | tail -n1 | tr -s ' ' | cut -d' ' -f2", "1024"),
    (["--ulimit", "nofile=100:200"], "ulimit -Sn; ulimit -Hn", "100\n200"),
    (["--ulimit", "core=0", "--ulimit", "nofile=50", "--ulimit", "nofile=60"],
     "ulimit -c; ulimit -n", "0\n60"),
    (["--ulimit", "nofile=5"], "ulimit -n", "5"),
    (["--ulimit", "nofile=9", "-t"], "ulimit -n", "9"),
    (["--ulimit", "nofile=9", "--init"], "ulimit -n", "9"),
    (["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500"),
])
def test_that_needs_nobody(warm, args, command, wants):
    res = warm.run("run", "--rm", *NONE, *args, warm.image, "sh", "-c", command)
    assert res.out.strip() == wants and not warnings(res), res


def test_tmpfs_is_no_larger_than_the_limit(plain):
    """What is written there is memory that no process has."""
    res = plain.run("run", "--rm", *NONE, "-m", "16m", "--tmpfs", "/a", "--tmpfs",
                    "/b:size=1m,mode=700", "--tmpfs", "/c:mode=711", plain.image, "sh", "-c",
                    "for d in /a /b /c /dev/shm; do df -k $d | tail -n1 | tr -s ' ' |"
                    " cut -d' ' -f2; done; ls -ld /c")
    assert res.lines[:4] == ["16384", "1024", "16384", "16384"], res
    assert res.lines[4].startswith("drwx--x--x"), res


def test_exec_has_the_same(plain):
    """What pid 1 was given holds for another program in its container, too."""
    plain.run("run", "-d", "--name", "two", *NONE, "-c", "256", "--cpuset-cpus", "0", "--ulimit",
              "nofile=77", "--oom-score-adj", "300", "--pids-limit", "30", plain.image, "sleep",
              "600")
    try:
        res = plain.run("exec", "two", "sh", "-c",
                        "cut -d' ' -f19 /proc/self/stat; grep Cpus_allowed_list /proc/self/status;"
                        "ulimit -n; cat /proc/self/oom_score_adj; ulimit -u")
        assert res.lines == [str(os.nice(0) + 7), "Cpus_allowed_list:\t0", "77", "300", "30"], res
        assert not warnings(res), res
    finally:
        plain.run("rm", "-f", "two")


@pytest.mark.parametrize("how", ["busy", "hidden", "nested", "excuse", "headless", "relay"])
def test_memory_of_a_container_that_hides(plain, hog, how, leftovers):
    """Busy processes on all CPUs; undumpable ones of another user; user and pid namespaces of its
    own, where it has the rights for them; one that looks as if it had borrowed all it has; threads
    whose process has lost its first one, or loses each at once: the watchdog sees and kills."""
    before = leftovers.snapshot(plain)
    more = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined"] if how == "nested" else []
    res = plain.run("run", "--rm", *NONE, "-m", "64m", *more, "-v", f"{hog}:/hog", plain.image,
                    "/hog", how, "100", rc=137)
    assert "started" in res.out and "survived" not in res.out, res
    leftovers.check(plain, before)


def test_above_the_own_limit(warm):
    res = warm.run("run", "--rm", *NONE, "--ulimit", "nofile=99999999", warm.image, "sh", "-c",
                   "ulimit -Hn")
    assert len(warnings(res)) == 1 and "your own hard limit" in res.err, res
    assert int(res.out) < 99999999, res
    warm.fails("run", "--strict", *NONE, "--ulimit", "nofile=99999999", warm.image, "true",
               has="your own hard limit")


def test_a_period_alone(plain):
    """Without a cgroup it is as much a word that nobody hears as a quota."""
    res = plain.run("run", "--rm", *NONE, "--cpu-period", "50000", plain.image, "true")
    one_warning(res, "--cpu-period 50000 is not enforced")
    res = plain.run("run", "--rm", *NONE, "--cpus", "0", "--cpu-quota", "50000", "--cpu-period",
                    "50000", plain.image, "true")
    one_warning(res, "--cpu-quota 50000/50000 is not enforced")
    res = plain.run("run", "--rm", *NONE, "--cpus", "0.5", "--cpu-quota", "-1", plain.image, "true")
    one_warning(res, "--cpus 0.5 is not enforced")


def test_oom_score_of_zero(warm, tmp_path):
    """A number like any other: a caller may have more, and may not be let back to it."""
    more = tmp_path / "more"
    more.write_text("#!/bin/sh\necho 300 >/proc/self/oom_score_adj\n"
                    f'exec {warm.program} "$@"\n')
    more.chmod(0o755)
    caller = Carrel(warm.home, str(more))
    args = (*NONE, "--oom-score-adj", "0", warm.image, "cat", "/proc/self/oom_score_adj")
    res = caller.run("run", "--rm", *args)
    if warnings(res):
        assert "--oom-score-adj 0 is not enforced" in res.err, res
        caller.fails("run", "--strict", "--rm", *args, has="--oom-score-adj 0")
    else:
        assert res.out == "0\n", res
    assert caller.run("run", "--rm", *NONE, warm.image, "cat",
                      "/proc/self/oom_score_adj").out == "300\n"


def test_inspect(warm):
    warm.run("run", "--name", "all", *NONE, "-m", "1g", "--memory-swap", "2g", "--cpus", "1.5",
             "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "100", "--blkio-weight",
             "200", "--ulimit", "nofile=64:128", "--shm-size", "2m", "--oom-score-adj", "10",
             warm.image, "true")
    got = warm.run("inspect", "all").json()[0]
    host = got["HostConfig"]
    warm.run("rm", "all")
    assert got["State"]["OOMKilled"] is False
    for key, want in (("Memory", 1 << 30), ("MemorySwap", 2 << 30), ("NanoCpus", 1500000000),
                      ("CpuQuota", 0), ("CpuShares", 512), ("CpusetCpus", "0"), ("PidsLimit", 100),
                      ("BlkioWeight", 200), ("ShmSize", 2 << 20), ("OomScoreAdj", 10),
                      ("Ulimits", [{"Name": "nofile", "Hard": 128, "Soft": 64}])):
        assert host[key] == want, (key, host)


def test_sizes_as_docker_takes_them(warm):
    """A fraction alone, a blank before the unit; not asked, swap is as much as memory."""
    for size, want in ((".5g", 512 << 20), ("64 m", 64 << 20), ("64. MiB", 64 << 20)):
        warm.run("run", "--name", "sized", *NONE, "-m", size, warm.image, "true")
        host = warm.run("inspect", "sized").json()[0]["HostConfig"]
        warm.run("rm", "sized")
        assert (host["Memory"], host["MemorySwap"]) == (want, 2 * want), (size, host)


def test_the_largest_numbers(warm, leftovers):
    """What is taken can be written down, read and removed again; what cannot is refused."""
    before = leftovers.snapshot(warm)
    most = str((1 << 63) - 1)
    warm.run("run", "--name", "most", *NONE, "-m", most, "--memory-reservation", most,
             "--shm-size", most, warm.image, "true")
    assert warm.run("inspect", "most").json()[0]["HostConfig"]["Memory"] == int(most)
    warm.run("rm", "most")
    for option in ("-m", "--memory-reservation", "--shm-size"):
        warm.fails("run", *NONE, option, str(1 << 63), warm.image, "true", has="not a size")
    leftovers.check(warm, before)


def test_without_limits_nothing_is_recorded(warm):
    warm.run("run", "--name", "free", *NONE, warm.image, "true")
    ident = warm.run("inspect", "free").json()[0]["Id"]
    where = os.path.join(warm.store, "containers", ident)
    assert "enforced" not in os.listdir(where)
    warm.run("rm", "free")
