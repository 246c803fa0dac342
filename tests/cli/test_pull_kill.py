# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of a pull at random moments: the next command reclaims all, nothing committed is lost."""
import contextlib
import os
import random
import signal
import subprocess
import time

import pytest


def descendants(pid):
    """A process and all below it, parents first."""
    out, todo = [], [pid]
    while todo:
        pid = todo.pop()
        out.append(pid)
        with contextlib.suppress(OSError), \
                open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            todo += [int(x) for x in f.read().split()]
    return out


def kill_one(carrel, ref, rng, whom, leftovers):
    p = carrel.start("pull", "-q", ref, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # A moment of the whole run, not a wait for something: any will do.
    time.sleep(rng.uniform(0, 0.25))
    all_of_it = descendants(p.pid)
    victims = all_of_it if whom == "all" else [rng.choice(all_of_it)]
    for pid in victims:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    p.wait(30)
    leftovers.wait_processes()  # who is in a call of the kernel's ends after it, and has locks


@pytest.mark.parametrize("whom", ["all", "one"])
def test_killed_at_any_moment(carrel, images, leftovers, whom):
    rng = random.Random(41)
    carrel.run("pull", "-q", images["layers"])
    for _ in range(25):
        kill_one(carrel, images["busybox"], rng, whom, leftovers)
        ids = carrel.run("images", "-q", "--no-trunc").out
        assert images.info["layers"]["id"] in ids
        carrel.run("rmi", "-f", images["busybox"], check=False)
    carrel.run("pull", "-q", images["busybox"])
    assert os.listdir(f"{carrel.store}/staging") == []
    carrel.empty_trash()


@pytest.mark.serial
def test_called_by_root(any_carrel, images):
    """The same pull for the user and for uid 0, whose store belongs to a subordinate id."""
    r = any_carrel.run("pull", images["busybox"])
    assert r.out == images.info["busybox"]["id"] + "\n"
