# SPDX-License-Identifier: Apache-2.0
"""pause, unpause and stats of containers without a cgroup: this machine has nothing delegated."""
import json
import os
import re
import select
import subprocess
import time

import pytest

from lib.boxes import box, wait_log  # box: a fixture

# Counts as fast as it can, in a child and a grandchild, too: each by the length of a file of its own,
# in memory. Says `up` when all of them count.
COUNTERS = """
count() { while :; do echo >>$1; done; }
cd /dev/shm; count a & (count b & count c) &
until [ -s a ] && [ -s b ] && [ -s c ]; do sleep 0.01; done; echo up; wait
"""


@pytest.fixture
def job(warm, box):
    """job(script): a detached container that has said `up`."""
    def start(script, *flags):
        name = box("sh", "-c", script, flags=flags)
        wait_log(warm, name, "up")
        return name
    return start


def state(warm, name):
    return warm.run("inspect", name).json()[0]["State"]


def letter(process):
    """The state of a process or a thread, by its directory in /proc."""
    with open(f"{process}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0]


def tasks(warm, name):
    """{pid: state letter} of the container's pid namespace, by the host's /proc."""
    init = state(warm, name)["Pid"]
    want = os.stat(f"/proc/{init}/ns/pid").st_ino
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/pid").st_ino == want:
                found[int(pid)] = letter(f"/proc/{pid}")
        except OSError:
            pass
    return found


def numbers(warm, name):
    """What the counters have come to; only of a container that is not paused."""
    found = [int(x) for x in warm.run("exec", "-w", "/dev/shm", name, "stat", "-c", "%s", "a", "b",
                                      "c").lines]
    assert len(found) == 3, found
    return found


def test_every_process_stops_and_goes_on(warm, job):
    name = job(COUNTERS)
    assert warm.run("pause", name).out == name + "\n"
    stopped = tasks(warm, name)
    assert len(stopped) >= 4 and set(stopped.values()) == {"T"}, stopped
    assert state(warm, name)["Status"] == "paused" and state(warm, name)["Paused"]
    assert [x for x in warm.run("ps").lines if name in x and "(Paused)" in x]
    assert warm.run("ps", "-q", "--filter", "status=paused").out
    assert warm.run("unpause", name).out == name + "\n"
    assert "T" not in tasks(warm, name).values()
    before = numbers(warm, name)
    end = time.monotonic() + 20
    while any(a >= b for a, b in zip(before, numbers(warm, name))):
        assert time.monotonic() < end
    assert state(warm, name)["Status"] == "running" and not state(warm, name)["Paused"]


def test_a_container_that_forks_all_the_time(warm, job):
    name = job("echo up; while :; do (true) & (true) & wait; done")
    for _ in range(5):
        warm.run("pause", name)
        first = tasks(warm, name)
        assert set(first.values()) <= {"T", "Z"}, first
        assert tasks(warm, name) == first
        warm.run("unpause", name)


def test_threads_without_the_first_one(warm, job, hog):
    name = job("exec /hog threads", "-v", f"{hog}:/hog")
    init = state(warm, name)["Pid"]
    task = f"/proc/{init}/task"
    end = time.monotonic() + 90
    while letter(f"{task}/{init}") != "Z":  # it says `up` before it ends
        assert time.monotonic() < end
        time.sleep(0.01)
    for _ in range(3):
        warm.run("pause", name)
        found = {tid: letter(f"{task}/{tid}") for tid in os.listdir(task)}
        assert len(found) == 7 and found.pop(str(init)) == "Z", found
        assert set(found.values()) == {"T"}, found
        warm.run("unpause", name)


def test_a_process_without_its_first_thread(warm, job, hog):
    """/proc/PID tells nothing of it, nor joins its pidfd anything: its other threads are asked."""
    name = job("echo up; exec /hog headless 50", "-v", f"{hog}:/hog")
    init = state(warm, name)["Pid"]
    end = time.monotonic() + 90
    while letter(f"/proc/{init}") != "Z" or "held" not in warm.run("logs", name).out:
        assert time.monotonic() < end
        time.sleep(0.01)
    row = json.loads(warm.run("stats", "--no-stream", "--format", "json", name).out)
    usage = re.fullmatch(r"([0-9.]+)MiB / .*", row["MemUsage"])
    assert usage and 50 <= float(usage.group(1)) < 60, row
    res = warm.run("explain", name)
    assert "DIFFERS" not in res.out, res
    version = re.match(r"(\d+)\.(\d+)", os.uname().release).groups()
    if tuple(map(int, version)) >= (6, 9):
        assert warm.run("exec", name, "cat", "/proc/1/comm").out == "hog\n"
    else:
        warm.fails("exec", name, "true", has="first thread of its process")


def test_what_is_refused(warm, job):
    name = job("echo up; exec sleep 1000")
    warm.fails("unpause", name, has="is not paused")
    warm.run("pause", name)
    warm.fails("pause", name, has="paused already")
    warm.fails("exec", name, "true", has="is paused")
    warm.fails("attach", name, has="is paused")
    warm.run("kill", name)
    warm.run("wait", name)
    warm.fails("pause", name, has="does not run")
    warm.fails("unpause", name, has="does not run")
    # the note of the last start says nothing about the next
    warm.run("start", name)
    assert state(warm, name)["Status"] == "running"


def test_a_signal_is_heard(warm, job):
    name = job("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done")
    warm.run("pause", name)
    warm.run("stop", name)
    assert state(warm, name)["ExitCode"] == 5
    name = job("trap 'exit 6' USR1; echo up; while :; do sleep 0.05; done")
    warm.run("pause", name)
    warm.run("kill", "-s", "USR1", name)
    assert warm.run("wait", name).out == "6\n"


def test_rm_of_a_paused_one(warm, job):
    name = job(COUNTERS)
    warm.run("pause", name)
    warm.run("rm", "-f", name)
    warm.fails("unpause", name, has="no such container")


def stats(warm, *args):
    return [json.loads(x) for x in warm.run("stats", "--no-stream", "--format", "json",
                                            *args).lines]


def size(text):
    m = re.fullmatch(r"([\d.]+)([KMGT]?i?B|kB)", text)
    return float(m.group(1)) * {"B": 1, "kB": 1000, "K": 1024, "M": 1 << 20, "G": 1 << 30,
                                "T": 1 << 40}[m.group(2) if m.group(2) in ("B", "kB")
                                              else m.group(2)[0]]


def test_stats_are_measured(warm, job):
    busy = job("dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo up; "
               "while :; do :; done")
    idle = job("sleep 1000 & sleep 1000 & echo up; wait")
    rows = {r["Name"]: r for r in stats(warm, busy, idle)}
    assert set(rows[busy]) == {"BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage",
                               "Name", "NetIO", "PIDs", "Source"}
    assert float(rows[idle]["CPUPerc"].rstrip("%")) < 5
    end = time.monotonic() + 60
    while float(rows[busy]["CPUPerc"].rstrip("%")) <= 10:  # others may have had the processors
        assert time.monotonic() < end
        rows[busy] = stats(warm, busy)[0]
    assert rows[busy]["PIDs"] == "1" and rows[idle]["PIDs"] == "3"
    assert rows[busy]["Source"] == "proc"
    # As docker: the word that was asked with, and the id where none was.
    assert rows[busy]["Container"] == busy
    assert stats(warm, rows[busy]["ID"][:9])[0]["Container"] == rows[busy]["ID"][:9]
    assert {r["Container"] for r in stats(warm)} == {r["ID"] for r in stats(warm)}
    used, limit = rows[idle]["MemUsage"].split(" / ")
    assert 20_000 < size(used) < 20 << 20
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert abs(size(limit) - total) < total / 100
    # a table for people, and the word that it is a sum
    res = warm.run("stats", "--no-stream", idle)
    assert res.lines[0].split("   ")[0] == "CONTAINER ID" and len(res.lines) == 2
    assert "that no cgroup counts are sums over /proc" in res.err and "[D-" not in res.err
    if "[D-08]" in warm.run("doctor", check=False).out:  # else a cgroup counts it
        res = warm.run("stats", "--no-stream", job("echo up; exec sleep 1000", "-m", "64m"))
        assert "sums over /proc, memory as PSS [D-08]" in res.err, res
    warm.run("pause", busy)
    assert stats(warm, busy)[0]["CPUPerc"] == "0.00%"


def test_stats_of_one_by_two_words(warm, job):
    """Both rows are of one measurement: the first does not take the second one's beginning."""
    name = job("echo up; while :; do :; done")
    words, cpu = (name, name, stats(warm, name)[0]["ID"]), 0
    end = time.monotonic() + 60
    while cpu <= 1:  # others may have had the processors
        assert time.monotonic() < end
        rows = stats(warm, *words)
        assert len(rows) == 3 and len({row["CPUPerc"] for row in rows}) == 1, rows
        cpu = float(rows[0]["CPUPerc"].rstrip("%"))


def test_stats_names_what_is_there(warm, job):
    name = job("echo up; exec sleep 1000")
    assert name in [r["Name"] for r in stats(warm)]
    warm.run("kill", name)
    warm.run("wait", name)
    assert name not in [r["Name"] for r in stats(warm)]
    row, = [r for r in stats(warm, "-a") if r["Name"] == name]
    assert row["PIDs"] == "0" and row["Source"] == ""
    warm.fails("stats", "--no-stream", "not-there", has="no such container")


def test_stats_go_on(warm, job):
    name = job("echo up; exec sleep 1000")
    p = warm.start("stats", "--format", "json", name, stdout=subprocess.PIPE)
    for _ in range(2):
        assert select.select([p.stdout], [], [], 20)[0]
        assert json.loads(p.stdout.readline())["Name"] == name
    p.kill()
    p.wait()
    p.stdout.close()
