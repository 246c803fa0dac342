# SPDX-License-Identifier: Apache-2.0
"""A start beside a running container takes over its outer user namespace, where that is the same."""
import fcntl
import os
import resource
import select
import signal

import pytest

from lib.boxes import box  # a fixture

NS_GET_PARENT = 0xb702


@pytest.fixture
def start(warm, box):
    """start(name, **run's): a detached container; the inode of its N's parent, which is its U."""
    return lambda name, **kw: outer(warm, box("sleep", "1000", name=name, **kw))


def state(warm, name):
    return warm.run("inspect", name).json()[0]["State"]


def outer(warm, name):
    with open(f"/proc/{state(warm, name)['Pid']}/ns/user", "rb") as f:
        parent = fcntl.ioctl(f, NS_GET_PARENT)
        try:
            return os.fstat(parent).st_ino
        finally:
            os.close(parent)


def test_second_container_joins_the_first(warm, start):
    first = start("join-a")
    assert first != os.stat("/proc/self/ns/user").st_ino
    assert start("join-b") == first
    warm.run("rm", "-f", "join-a")
    assert start("join-c") == first, "the one that had joined keeps the namespace"


def test_other_resource_limits_are_not_joined(warm, start):
    """The kernel counts them per user namespace, against the limits of its maker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    first = start("limit-a")

    def lower():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (soft - 4096 if soft > 0 else 1 << 20, hard))
    assert start("limit-b", preexec_fn=lower) != first


def test_dead_supervisor_is_not_joined(warm, start):
    start("dead-a")
    with open(f"/proc/{state(warm, 'dead-a')['Pid']}/status", encoding="ascii") as f:
        supervisor = int([x for x in f if x.startswith("PPid:")][0].split()[1])
    word = f"in the user namespace of process {supervisor}"
    run = ("--debug", "run", "--rm", "--network", "none", warm.image, "true")
    assert word in warm.run(*run).err
    pidfd = os.pidfd_open(supervisor)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    select.select([pidfd], [], [], 60)
    os.close(pidfd)
    assert "in the user namespace of" not in warm.run(*run).err
