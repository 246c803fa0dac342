# SPDX-License-Identifier: Apache-2.0
"""What a message says of the cause, and the hint behind it: the right one."""
import os
import signal
import subprocess

import pytest

from lib.boxes import box, sleeper, supervisor_of, wait_dead  # the first two: fixtures


def test_env_file_beyond_our_limit(warm, tmp_path):
    """No limit of the caller's process is the cause."""
    (tmp_path / "env").write_text("A=" + "x" * (1 << 20) + "\n")
    res = warm.fails("run", "--rm", "--env-file", tmp_path / "env", warm.image, "true",
                     has=["larger than 1 MiB", "hint:"])
    assert "ulimit" not in res.err, res


def test_variable_beyond_the_kernels_limit(warm, tmp_path):
    (tmp_path / "env").write_text("A=" + "x" * 140000 + "\n")
    warm.fails("run", "--rm", "--network", "none", "--env-file", tmp_path / "env", warm.image, "true",
               rc=126, has=["Argument list too long", "128 KiB"])


def test_kinds_of_mount_points(warm, leftovers, tmp_path):
    before = leftovers.snapshot(warm)
    (tmp_path / "file").touch()
    (tmp_path / "dir").mkdir()
    for volume, words in (("file:/tmp", ["/tmp is a directory", "source what it should be"]),
                          ("dir:/etc/passwd", ["/etc/passwd", "source what it should be"]),
                          ("dir:/proc", ["mount on /proc", "container's /proc"]),
                          ("dir:/proc/sys", ["mount on /proc/sys", "container's /proc"])):
        res = warm.fails("run", "--rm", "--network", "none", "-v", f"{tmp_path}/{volume}", warm.image,
                         "true", has=words)
        assert "Invalid argument" not in res.err, res
    leftovers.check(warm, before)


def test_home_that_cannot_be_written(make_carrel, tmp_path):
    c = make_carrel()
    del c.env["XDG_DATA_HOME"]
    c.env["HOME"] = str(tmp_path / "home")
    (tmp_path / "home").mkdir(mode=0o500)
    res = c.fails("run", "--rm", "hello", "true", has=["[D-15]", "XDG_DATA_HOME", "CARREL_ROOT"])
    assert "XDG_RUNTIME_DIR" not in res.err, res


def test_root_of_a_user_namespace(warm, need):
    need("subids")
    p = warm.start("-r", warm.program, "run", "--rm", warm.image, "true", program="/usr/bin/unshare",
                   stderr=subprocess.PIPE)
    err = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 125 and "[D-18]" in err and "unshare -r" in err, err


def test_exec_in_one_that_has_ended(warm, sleeper):
    """Before its supervisor has written that down."""
    pid = warm.run("inspect", sleeper).json()[0]["State"]["Pid"]
    supervisor = supervisor_of(warm, sleeper)
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        wait_dead(pid)
        warm.fails("exec", sleeper, "true", has=["No such process", "hint: it has just ended"])
    finally:
        os.kill(supervisor, signal.SIGCONT)


@pytest.mark.serial
def test_exec_in_one_that_is_ending(warm, sleeper):
    """At whatever moment of the end the command comes, it says so."""
    for _ in range(15):
        warm.run("start", sleeper)
        p = warm.start("kill", sleeper)
        while True:
            res = warm.run("exec", sleeper, "true", check=False)
            if res.rc not in (0, 137):
                break
        assert p.wait(timeout=60) == 0
        assert res.rc == 125 and ("it has just ended" in res.err or "does not run" in res.err), res
