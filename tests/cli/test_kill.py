# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments: the next command reclaims all, nothing committed is lost.

After it there is no container, name, lock, socket, process, mount and staging of the killed one.
What lies in trash/ belongs to nobody any more: files that wait to be unlinked, to which every
command gives 100 ms.

CARREL_KILLS moments each: 50 is the full measure, run by hand (HACKING.md), 20 the daily one.
CARREL_KILL_SEED repeats a run.
"""
import contextlib
import os
import random
import select
import signal
import statistics
import subprocess
import time

import pytest

KILLS = int(os.environ.get("CARREL_KILLS", "20"))
SEED = int(os.environ.get("CARREL_KILL_SEED", str(time.time_ns() % 100000)))
LAST_WORDS = "echo kept >/kept"

pytestmark = pytest.mark.serial


@pytest.fixture
def rng():
    return random.Random(SEED)


@pytest.fixture
def kept(carrel, images, need, leftovers):
    """A store with something committed in it: an image and a container that has ended."""
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.run("run", "--name", "kept", "--network", "none", images["busybox"], "sh", "-c",
               LAST_WORDS)
    carrel.image = images["busybox"]
    return carrel


def end_of(p, moment):
    """SIGKILL after `moment` seconds; it may have ended before. A moment is what is tested, so
    this waits for time and not for an event."""
    fd = os.pidfd_open(p.pid)
    try:
        select.select([fd], [], [], moment)
    finally:
        os.close(fd)
    p.kill()
    p.wait()


def duration(carrel, make, clean):
    """How long the command takes, median of three."""
    took = []
    for _ in range(3):
        began = time.monotonic()
        p = start(carrel, *make())
        p.wait()
        took.append(time.monotonic() - began)
        assert p.returncode == 0, make()
        clean()
    return statistics.median(took)


def start(carrel, *args, **kw):
    return carrel.start(*args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)


def names(carrel, folder):
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(os.path.join(carrel.store, folder)))
    return []


def committed(carrel):
    """What must be there before and after: container records, images, layers, names."""
    return {folder: names(carrel, folder)
            for folder in ("containers", "names", "images", "layers", "refs")}


def check_reclaimed(carrel, leftovers, before, what):
    """One ordinary writing command, then nothing of the killed one is left."""
    leftovers.wait_processes()  # they end by themselves, one after the other
    carrel.run("run", "--rm", "--network", "none", carrel.image, "true")
    about = f"{what}, CARREL_KILL_SEED={SEED}"
    leftovers.check()  # processes and mounts
    assert carrel.staging() == [], f"staging after {about}"
    assert carrel.runtime_files() == [], f"locks or sockets after {about}"
    now = committed(carrel)
    assert now == before, f"records after {about}: {now}, before: {before}"
    carrel.empty_trash(f"after {about}")


def check_kept(carrel):
    """The committed image and container still work, to the byte."""
    carrel.run("run", "--rm", "--network", "none", carrel.image, "true")
    carrel.run("start", "kept")
    assert carrel.run("wait", "kept").out.strip() == "0"


def test_pull(kept, images, leftovers, rng):
    what = images["layers"]
    before = committed(kept)

    def clean():
        kept.run("rmi", what)

    took = duration(kept, lambda: ("pull", "-q", what), clean)
    for i in range(KILLS):
        moment = rng.uniform(0, took * 1.1)
        end_of(start(kept, "pull", "-q", what), moment)
        leftovers.wait_processes()  # a last call of its processes may still publish it
        # Published, or not: never half.
        if kept.run("image", "inspect", what, check=False).rc == 0:
            kept.run("run", "--rm", "--network", "none", what, "cat", "/data/kept")
            clean()
        check_reclaimed(kept, leftovers, before, f"kill {i} of pull at {moment:.4f}")
    kept.run("pull", "-q", what)
    assert kept.run("run", "--rm", "--network", "none", what, "cat", "/data/kept").out == "kept"
    check_kept(kept)


@pytest.mark.parametrize("form", [
    ["--rm"], ["--rm", "-d"], ["-d"], []], ids=["rm", "rm-d", "d", "plain"])
def test_run(kept, leftovers, rng, form):
    before = committed(kept)

    def words():
        return ["run", "--network", "none", "--name", "victim"] + form + [kept.image, "true"]

    def clean():
        if "-d" in form:
            kept.run("wait", "victim", check=False)
        if form != ["--rm"]:  # waits for a removal of its own
            kept.run("rm", "-f", "victim")

    took = duration(kept, words, clean)
    for i in range(KILLS):
        moment = rng.uniform(0, took * 1.1)
        end_of(start(kept, *words()), moment)
        if "-d" in form:  # it may live on under its supervisor: that is no leftover
            kept.run("wait", "victim", check=False)
        if form != ["--rm"]:
            kept.run("rm", "-f", "victim")
        check_reclaimed(kept, leftovers, before, f"kill {i} of {words()} at {moment:.4f}")
    check_kept(kept)


def test_run_in_use(kept, leftovers, rng):
    """A foreground container that does something when its carrel is killed dies with it."""
    before = committed(kept)
    for i in range(KILLS):
        r, w = os.pipe()
        p = kept.start("run", "--rm", "--network", "none", kept.image, "sh", "-c",
                       "echo up; while :; do echo x >/f; done", stdout=w,
                       stderr=subprocess.DEVNULL)
        os.close(w)
        assert os.read(r, 1) == b"u"
        end_of(p, rng.uniform(0, 0.02))
        # The container held the other end: its end is seen as the end of the pipe.
        while select.select([r], [], [], 10)[0] and os.read(r, 4096):
            pass
        os.close(r)
        check_reclaimed(kept, leftovers, before, f"kill {i} of a busy run")
    check_kept(kept)


def test_run_with_a_large_upper(kept, leftovers):
    """More than one command can unlink in its 100 ms: that alone may stay."""
    before = committed(kept)
    r, w = os.pipe()
    p = kept.start("run", "--rm", "--network", "none", kept.image, "sh", "-c",
                   "mkdir /d && cd /d && seq 1 60000 | xargs touch && echo up; sleep 1000",
                   stdout=w, stderr=subprocess.DEVNULL)
    os.close(w)
    assert os.read(r, 1) == b"u"
    p.kill()
    p.wait()
    os.close(r)
    check_reclaimed(kept, leftovers, before, "kill of a run with 60,000 files")


def test_rm(kept, leftovers, rng):
    before = committed(kept)

    def fill():
        kept.run("run", "--name", "victim", "--network", "none", kept.image, "sh", "-c",
                 "mkdir -p /a/b/c && for i in 1 2 3 4 5 6 7 8 9; do echo $i >/a/b/c/$i; done")

    took = []
    for _ in range(3):
        fill()
        took.append(kept.run("rm", "victim").seconds)
    for i in range(KILLS):
        fill()
        moment = rng.uniform(0, statistics.median(took) * 1.1)
        end_of(start(kept, "rm", "victim"), moment)
        # Whole, or gone: a name without a record or a record without a name is neither.
        if kept.run("inspect", "victim", check=False).rc == 0:
            assert "victim" in names(kept, "names")
            kept.run("rm", "victim")
        check_reclaimed(kept, leftovers, before, f"kill {i} of rm at {moment:.4f}")
    check_kept(kept)


def state_of(carrel, name):
    """The container's state file: key=value lines."""
    where = os.readlink(os.path.join(carrel.store, "names", name))
    path = os.path.join(carrel.store, "containers", os.path.basename(where), "state")
    with open(path, encoding="ascii") as f:
        return dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)


@pytest.mark.parametrize("form", [[], ["--rm"]], ids=["stays", "rm"])
def test_supervisor(kept, leftovers, rng, form):
    before = committed(kept)
    for i in range(KILLS):
        kept.run("run", "-d", "--name", "victim", "--network", "none", *form, kept.image,
                 "sh", "-c", "while :; do echo line; done")
        st = state_of(kept, "victim")
        inner = os.pidfd_open(int(st["pid"]))
        # The moment is what is tested.
        select.select([inner], [], [], rng.uniform(0, 0.02))
        os.kill(int(st["supervisor"]), signal.SIGKILL)
        assert select.select([inner], [], [], 10)[0], "the container outlived its supervisor"
        os.close(inner)
        if not form:
            assert "victim" not in kept.run("ps", "--format", "json").out
            assert "137" in kept.run("inspect", "victim").out
            kept.run("logs", "victim")
            kept.run("rm", "victim")
        check_reclaimed(kept, leftovers, before, f"kill {i} of a supervisor")
    check_kept(kept)
