# SPDX-License-Identifier: Apache-2.0
"""Containers that stay, for tests that import what they need of this: the fixture `box` by name."""
import os
import random
import subprocess
import time

import pytest


@pytest.fixture
def box(warm, leftovers):
    """box(*command): a detached container; removed at the end, and nothing may remain.

    `runner` starts it where that is not `warm`; more goes to its run().
    """
    before = leftovers.snapshot(warm)
    made = []

    def start(*command, flags=(), name=None, image=None, net="none", runner=warm, **kw):
        name = name or f"box{os.getpid()}-{len(made)}-{random.randrange(1 << 30)}"
        made.append(name)
        runner.run("run", "-d", "--name", name, "--network", net, *flags,
                   image or warm.image, *command, **kw)
        return name
    yield start
    for name in made:
        warm.run("rm", "-f", name)
    leftovers.check(warm, before)


@pytest.fixture
def sleeper(box):
    """One of them that does nothing, by its name."""
    return box("sleep", "1000")


def info(warm, name):
    return warm.run("inspect", name).json()[0]


def supervisor_of(warm, name):
    with open(f"/proc/{info(warm, name)['State']['Pid']}/status", encoding="ascii") as f:
        return int(f.read().split("PPid:")[1].split()[0])


def wait_dead(pid):
    """Ended, whether or not somebody has waited for it."""
    end = time.monotonic() + 90
    while True:
        try:
            with open(f"/proc/{pid}/stat", "rb") as f:
                if f.read().rpartition(b") ")[2][:1] == b"Z":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        assert time.monotonic() < end, pid
        time.sleep(0.01)


def wait_log(warm, name, word):
    """Blocks on `logs -f` until the word is there."""
    p = warm.start("logs", "-f", name, stdout=subprocess.PIPE)
    for line in p.stdout:
        if word.encode() in line:
            break
    else:
        raise AssertionError(f"the log ended without {word!r}")
    p.kill()
    p.wait()
    p.stdout.close()


CALLS = {"x86_64": {"fcntl": 72, "poll": 7, "ppoll": 271},
         "aarch64": {"fcntl": 25, "ppoll": 73}}


def in_call(pid, *names):
    """Waits until the process is in that system call."""
    numbers = {str(CALLS[os.uname().machine].get(name)) for name in names}
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as f:
            if f.read().split()[0] in numbers:
                return
        os.sched_yield()
    raise AssertionError(f"it is not in {names}")
