# SPDX-License-Identifier: Apache-2.0
"""How containers that stay are ended: stop, kill, and the host's wish to a supervisor."""
import fcntl
import glob
import os
import signal
import struct
import subprocess
import time

import pytest

from lib.boxes import box, info, supervisor_of, wait_dead, wait_log  # box: a fixture


def test_stop_of_a_deaf_pid_1_does_not_wait(warm, box):
    name = box("sleep", "1000")
    began = time.monotonic()
    warm.run("stop", name)
    assert time.monotonic() - began < 9  # of the ten that it would have
    assert info(warm, name)["State"]["ExitCode"] == 137


# With a limit that a watchdog or RLIMIT_NPROC holds, the container's namespace is another id's.
@pytest.mark.parametrize("extra", [("-u", "0"), ("-u", "1000"), ("-m", "64m"), ("--pids-limit", "50")],
                         ids="-".join)
@pytest.mark.parametrize("how", ["stop", "supervisor"])
def test_stop_of_one_that_waits_for_signals(warm, box, hog, how, extra):
    """By sigwait, as tini and our own init do: /proc shows the signal as not even blocked."""
    caught = ("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    for command, flags in ((("/hog", "sigwait"), ("-v", f"{hog}:/hog")), (caught, ("--init",))):
        name = box(*command, flags=(*flags, *extra))
        wait_log(warm, name, "ready")
        if how == "stop":
            warm.run("stop", "-t", "60", name)
        else:
            os.kill(supervisor_of(warm, name), signal.SIGTERM)
        assert warm.run("wait", name).out == "7\n"


def test_kill_waits_for_the_end(warm, box):
    """As docker's: what follows finds them ended. All are signalled before the first is waited for."""
    first, second = box("sleep", "1000"), box("sleep", "1000")
    pids = [info(warm, n)["State"]["Pid"] for n in (first, second)]
    supervisor = supervisor_of(warm, first)
    os.kill(supervisor, signal.SIGSTOP)
    p = warm.start("kill", first, "nobody", second, first, stdout=subprocess.PIPE,
                   stderr=subprocess.PIPE)
    try:
        for pid in pids:
            wait_dead(pid)
        assert p.poll() is None
    finally:
        os.kill(supervisor, signal.SIGCONT)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 125 and b"no such container: nobody" in err
    assert out.decode().split() == [first, second, first]
    assert not any(info(warm, n)["State"]["Running"] for n in (first, second))


def test_kill_and_then(warm, box):
    name = box("sleep", "1000")
    for _ in range(5):
        warm.run("kill", name)
        warm.run("start", name)
        assert info(warm, name)["State"]["Running"]
    warm.run("kill", "-s", "KILL", name)
    warm.run("rm", name)
    for _ in range(5):
        warm.run("run", "-d", "--rm", "--name", name, "--network", "none", warm.image, "sleep", "9")
        warm.run("kill", name)
    assert warm.fails("kill", name, has="no such container")


def test_stop_waits_and_then_kills(warm, box):
    name = box("sh", "-c", "trap '' TERM; trap : USR1; echo ready; while :; do sleep 0.05; done")
    # SIGTERM is ignored, which is not caught: killed at once; what is caught has its time
    name2 = box("sh", "-c", "trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done")
    name3 = box("sh", "-c", "trap 'sleep 3; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    for n in (name, name2, name3):
        wait_log(warm, n, "ready")
    warm.run("stop", "-t", "-1", name3)
    assert info(warm, name3)["State"]["ExitCode"] == 7
    warm.fails("stop", "-t", "-2", name2, has=["-2", "hint", "-1"])
    began = time.monotonic()
    warm.run("stop", "-t", "2", name2)
    assert time.monotonic() - began > 1.9
    assert info(warm, name2)["State"]["ExitCode"] == 137
    assert "no\n" in warm.run("logs", name2).out


def test_stop_of_several_is_side_by_side(warm, box, tmp_path):
    """The first ends only when the second was asked, too; named twice it is asked once."""
    shared = ("-v", f"{tmp_path}:/shared")
    first = box("sh", "-c", "trap 'echo asked; until [ -e /shared/second ] && [ -e /shared/third ];"
                " do sleep 0.05; done; exit 7' TERM; echo ready; while :; do sleep 0.05; done",
                flags=shared)
    second = box("sh", "-c", "trap 'touch /shared/second; exit 8' TERM; echo ready;"
                 " while :; do sleep 0.05; done", flags=shared)
    deaf = box("sleep", "1000")
    for n in (first, second):
        wait_log(warm, n, "ready")
    p = warm.start("stop", "-t", "60", first, "nobody", first, second, deaf,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert warm.run("wait", deaf).out == "137\n"  # while the first is waited for
    (tmp_path / "third").touch()
    out, err = (x.decode() for x in p.communicate(timeout=90))
    assert p.returncode == 125 and out.split() == [first, first, second, deaf], (out, err)
    assert "no such container: nobody" in err
    ends = [info(warm, n)["State"] for n in (first, second, deaf)]
    assert [state["ExitCode"] for state in ends] == [7, 8, 137]
    assert ends[2]["FinishedAt"] < ends[0]["FinishedAt"]  # nobody waited to kill it
    assert warm.run("logs", first).lines == ["ready", "asked"]


def test_stop_does_not_wait_for_the_next_life(warm, box, tmp_path):
    """One that somebody starts again while another is waited for."""
    slow = box("sh", "-c", "trap 'until [ -e /shared/again ]; do sleep 0.05; done; exit 7' TERM;"
               " echo ready; while :; do sleep 0.05; done", flags=("-v", f"{tmp_path}:/shared"))
    quick = box("sleep", "1000")
    wait_log(warm, slow, "ready")
    p = warm.start("stop", "-t", "30", slow, quick)
    warm.run("wait", quick)
    warm.run("start", quick)
    (tmp_path / "again").touch()
    try:
        assert p.wait(timeout=90) == 0
    finally:
        p.kill()
    assert info(warm, quick)["State"]["Running"]


@pytest.mark.parametrize("command", [["update", "-m", "1g"], ["start"], ["rm"]])
def test_supervisor_at_its_last_lines(warm, box, command):
    """Its state says that the container has ended before its lock is free, and `wait` goes by that:
    what comes next waits for it, and not for ever."""
    name = box("sleep", "1000")
    container = info(warm, name)["Id"]
    warm.run("stop", name)
    (swept,) = glob.glob(f"{warm.runtime}/carrel/*/swept")
    fd = os.open(f"{os.path.dirname(swept)}/{container}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK,
                struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    if command == ["rm"]:
        warm.fails(*command, name, has=["something holds it all the same", "hint: "])
    p = warm.start(*command, name)
    time.sleep(0.2)
    assert p.poll() is None
    os.close(fd)
    assert p.wait(timeout=90) == 0


@pytest.mark.parametrize("user", ["0", "1000"])
def test_sigterm_to_the_supervisor_is_a_stop(warm, box, user):
    """At shutdown, and with its cgroup at logout, every process gets it."""
    for script, status in (("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", 7),
                           ("trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done", 137)):
        name = box("sh", "-c", script, flags=("-u", user))
        wait_log(warm, name, "ready")
        os.kill(supervisor_of(warm, name), signal.SIGTERM)
        assert warm.run("wait", name).out == f"{status}\n"
        state = info(warm, name)["State"]
        assert state["ExitCode"] == status and state["FinishedAt"], state
    assert "no\n" in warm.run("logs", name).out


def test_sigterm_to_the_supervisor_before_it_listens(warm, box):
    """`run -d` is back as soon as the container runs, and a logout may follow at once."""
    box("sleep", "1000")  # its user namespace is taken: newuidmap would not work below strace
    name = f"early{os.getpid()}"
    p = warm.start("-f", "-o", "/dev/null", "-e", "trace=signalfd4", "-e",
                   "inject=signalfd4:delay_enter=300000", warm.program, "run", "-d", "--name",
                   name, "--network", "none", warm.image, "sh", "-c",
                   "trap 'exit 7' TERM; while :; do sleep 0.05; done",
                   program="/usr/bin/strace", stdout=subprocess.PIPE)
    assert len(p.stdout.readline()) == 65
    os.kill(supervisor_of(warm, name), signal.SIGTERM)
    assert warm.run("wait", name).out in ("7\n", "137\n")  # 137: before its trap
    assert info(warm, name)["State"]["FinishedAt"]
    warm.run("rm", name)
    p.stdout.close()
    assert p.wait(60) == 0


@pytest.mark.parametrize("extra", [(), ("-m", "64m"), ("--pids-limit", "50")], ids="-".join)
def test_sigterm_to_the_supervisor_of_a_deaf_pid_1(warm, box, extra):
    name = box("sleep", "1000", flags=extra)
    began = time.monotonic()
    os.kill(supervisor_of(warm, name), signal.SIGTERM)
    assert warm.run("wait", name).out == "137\n"
    assert time.monotonic() - began < 9
    # With a child it has its time: the host's signal goes to all, and the child may catch it.
    name = box("sh", "-c", "(trap 'echo done; exit 0' TERM; echo ready;"
               " while :; do sleep 0.05; done) & wait")
    wait_log(warm, name, "ready")
    os.kill(supervisor_of(warm, name), signal.SIGTERM)
    # It may be over before this `kill` is: then it ends with the container.
    assert warm.run("exec", name, "kill", "-TERM", "2", check=False).rc in (0, 137)
    assert warm.run("wait", name).out == "0\n"
    assert "done\n" in warm.run("logs", name).out


@pytest.mark.parametrize("how", ["stop", "supervisor"])
def test_the_image_names_the_stop_signal(warm, images, leftovers, how):
    warm.run("run", "-d", "--name", "usr1", "--network", "none", "-u", "0", images["layers"], "sh",
             "-c", "trap 'exit 11' USR1; echo ready; while :; do sleep 0.05; done")
    try:
        wait_log(warm, "usr1", "ready")
        if how == "stop":
            warm.run("stop", "usr1")
        else:
            os.kill(supervisor_of(warm, "usr1"), signal.SIGTERM)
            warm.run("wait", "usr1")
        assert info(warm, "usr1")["State"]["ExitCode"] == 11
    finally:
        warm.run("rm", "-f", "usr1")
