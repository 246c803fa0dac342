# SPDX-License-Identifier: Apache-2.0
"""Callers whose limits or mask leave little room: one clear line, and nothing stays behind."""
import os
import subprocess

import pytest

from lib.runner import Carrel


@pytest.fixture
def limited(warm):
    """limited("ulimit -n 20"): the warm runner, called below that."""
    made = []

    def make(words):
        path = os.path.join(warm.home, f"limited-{os.getpid()}-{len(made)}")
        made.append(path)
        with open(path, "w", encoding="ascii") as f:
            f.write(f'#!/bin/bash\n{words}\nexec {warm.program} "$@"\n')
        os.chmod(path, 0o755)
        return Carrel(warm.home, path)
    yield make
    for path in made:
        os.unlink(path)


def run(carrel, image, *command, flags=("--rm",), **kw):
    return carrel.run("run", "--network", "none", *flags, image, *command, **kw)


def test_few_descriptors(warm, limited, leftovers):
    """Wherever they run out: never a wrong cause, never a wrong remedy."""
    before = leftovers.snapshot(warm)
    codes = set()
    for n in range(3, 80):
        res = run(limited(f"ulimit -n {n}"), warm.image, "echo", "x", check=False)
        codes.add(res.rc)
        if res.rc == 0:
            assert res.out == "x\n" and not res.err, res
            break
        assert res.rc == 125 and "Too many open files\n" in res.err, res
        assert res.err.count("\n") == 2 and "ulimit -n" in res.err, res
    assert codes == {0, 125}
    leftovers.check(warm, before)


def test_few_descriptors_for_one_that_runs(warm, limited, leftovers, tmp_path):
    """Who cannot look at a process has not seen it end."""
    before = leftovers.snapshot(warm)
    name = f"few{os.getpid()}"
    run(warm, warm.image, "sleep", "1000", flags=["-d", "--name", name])
    pid = warm.run("inspect", name).json()[0]["State"]["Pid"]
    elsewhere = {"XDG_RUNTIME_DIR": str(tmp_path)}  # its lock is free there
    tmp_path.chmod(0o700)
    for n in range(3, 24):
        few = limited(f"ulimit -n {n}")
        for args in (["ps", "-aq"], ["rm", "nobody"]):
            few.run(*args, env=elsewhere, check=False)
        assert os.path.exists(f"/proc/{pid}"), n
        p = few.start("wait", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(timeout=0.2)
            assert p.returncode == 125 and out == b"" and b"Too many open files" in err, (n, err)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
        res = few.run("rm", "-f", name, check=False)
        assert os.path.exists(f"/proc/{pid}") == (res.rc != 0), (n, res)
        if res.rc == 0:
            break
        assert res.rc in (125, 127) and "Too many open files" in res.err, (n, res)
    assert n > 4 and res.rc == 0, res
    leftovers.check(warm, before)


def test_few_processes(warm, limited, leftovers):
    before = leftovers.snapshot(warm)
    for flags in (["--rm"], ["-d"]):
        res = run(limited("ulimit -u 1"), warm.image, "true", flags=flags, rc=125)
        assert "ulimit -u" in res.err and res.out == "", res
    leftovers.check(warm, before)


def test_little_address_space(warm, limited, leftovers):
    """A helper that has too little of it is no reason to go on with one id."""
    before = leftovers.snapshot(warm)
    starved = 0
    for kib in range(1500, 64000, 250):
        res = run(limited(f"ulimit -v {kib}"), warm.image, "echo", "x", check=False)
        if res.rc == 125 and "newuidmap" in res.err:
            starved += 1
            assert "ulimit -a" in res.err and res.err.count("\n") == 2, res
        assert "[D-" not in res.err, res
        if res.rc == 0:
            break
    assert starved and res.rc == 0, res
    leftovers.check(warm, before)


def test_ignored_children(warm, images, limited, leftovers):
    """As daemons and job launchers do it; what is ignored survives exec."""
    before = leftovers.snapshot(warm)
    deaf = limited("trap '' CHLD")
    assert run(deaf, warm.image, "sh", "-c", "exit 3", rc=3).err == ""
    name = f"deaf{os.getpid()}"
    run(deaf, warm.image, "sleep", "1000", flags=["-d", "--name", name])
    assert deaf.run("exec", name, "sh", "-c", "echo x; exit 4", rc=4).out == "x\n"
    deaf.run("pull", "-q", images["busybox"])
    deaf.run("rm", "-f", name)
    leftovers.check(warm, before)


def test_small_files(warm, limited, leftovers):
    """SIGXFSZ is not the end of a command, and of a supervisor least of all."""
    before = leftovers.snapshot(warm)

    def piped(limit, *words):
        """The streams of carrel.run() are files, below the limit themselves."""
        p = limited(limit).start("run", "--network", "none", *words, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        out, err = p.communicate(timeout=60)
        return p.returncode, out.decode(), err.decode()
    rc, out, err = piped("ulimit -f 0", "--rm", warm.image, "true")
    assert (rc, out) == (125, "") and "File too large" in err and "ulimit -f" in err, err
    script = ("head -c 200000 /dev/zero >/big; echo $?; "
              "i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789; "
              "i=$((i+1)); done >&2; exit 7")
    name = f"small{os.getpid()}"
    rc, out, err = piped("ulimit -f 100", "--name", name, warm.image, "sh", "-c", script)
    assert (rc, out) == (7, "153\n"), f"the container has the limit, and the signal\n{err}"
    assert err.count("0123456789" * 4 + "\n") == 4000, "a log that is full holds nothing up"
    state = warm.run("inspect", name).json()[0]["State"]
    assert state["ExitCode"] == 7 and state["Status"] == "exited", state
    warm.run("rm", name)
    leftovers.check(warm, before)


def test_layer_beyond_the_limit_of_files(carrel, images, leftovers):
    path = os.path.join(carrel.home, "small")
    with open(path, "w", encoding="ascii") as f:
        f.write(f'#!/bin/bash\nulimit -f 100\nexec {carrel.program} "$@"\n')
    os.chmod(path, 0o755)
    before = leftovers.snapshot(carrel)
    small = Carrel(carrel.home, path)
    small.fails("pull", images["busybox"], has=["File too large", "ulimit -f"])
    leftovers.check(carrel, before)


def test_mask_without_the_owner(carrel, images, need, leftovers):
    """Directories that nobody can enter could not be swept either."""
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    before = leftovers.snapshot(carrel)
    path = os.path.join(carrel.home, "masked")
    with open(path, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\numask 0777\nexec {carrel.program} "$@"\n')
    os.chmod(path, 0o755)
    res = run(Carrel(carrel.home, path), images["busybox"], "sh", "-c", "umask; stat -c %a /etc/hosts")
    assert res.lines == ["0022", "644"], res
    leftovers.check(carrel, before)
