# SPDX-License-Identifier: Apache-2.0
"""carrel explain: what was asked against what the kernel has."""
import os
import resource

import pytest

from lib import ociimg
from lib.boxes import box  # a fixture
from lib.ociimg import PLAIN, native
from lib.runner import Carrel


@pytest.fixture
def why(box):
    """why(*flags): a detached container that sleeps, of which that was asked."""
    def start(*flags, command=("sleep", "1000"), **kw):
        return box(*command, flags=flags, **kw)
    return start


def rows(warm, name):
    doc = warm.run("explain", "--json", name).json()
    assert doc["name"] == name and len(doc["id"]) == 64
    out = {row["what"]: row for row in doc["rows"]}
    assert len(out) == len(doc["rows"]), doc
    return doc["status"], out


def test_defaults(warm, why):
    status, have = rows(warm, why())
    assert status == "running"
    assert not any(row["differs"] for row in have.values()), have
    assert have["ids"]["enforced"] == "65536 ids"
    assert f"0 is host id {os.getuid()}," in have["ids"]["note"]
    assert have["capabilities"]["asked"] == "default"
    assert have["capabilities"]["enforced"] == "11 of them"
    assert have["seccomp"]["enforced"] == "1 filter"
    assert have["network"]["asked"] == "none" and have["network"]["enforced"] == "own namespace"
    assert have["root file system"]["enforced"] == "writable"
    assert "no-new-privileges" not in have and "init" not in have


def test_everything_asked(warm, why, tmp_path):
    name = why("--read-only", "--init", "--cap-add", "net_admin", "--cap-drop", "chown",
               "--security-opt", "no-new-privileges", "--tmpfs", "/t:size=1m",
               "-v", f"{tmp_path}:/data:ro", net="private")
    _, have = rows(warm, name)
    assert not any(row["differs"] for row in have.values()), have
    assert have["capabilities"]["asked"] == "default +net_admin -chown"
    note = have["capabilities"]["note"].split()
    assert "NET_ADMIN" in note and "CHOWN" not in note
    assert have["no-new-privileges"]["enforced"] == "yes"
    assert have["root file system"]["enforced"] == "read-only"
    assert have["init"]["enforced"] == "yes"
    assert have["network"]["by"] == "netstack"
    assert have["mount /data"]["asked"] == f"{tmp_path},ro"
    assert "ro" in have["mount /data"]["enforced"].split()[1].split(",")
    assert have["mount /t"]["enforced"].startswith("tmpfs rw")


def test_unconfined(warm, why):
    _, have = rows(warm, why("--security-opt", "seccomp=unconfined", net="host"))
    assert have["seccomp"]["by"] == "nothing" and have["seccomp"]["enforced"] == "no filter", have
    assert have["network"]["enforced"] == "the caller's", have
    assert not any(row["differs"] for row in have.values()), have


def test_here(warm, why):
    _, have = rows(warm, why("--here"))
    assert have["ids"]["asked"] == "the caller's own" and have["ids"]["enforced"] == "1 id", have
    assert have["capabilities"]["enforced"] == "none", have
    assert have["no-new-privileges"]["enforced"] == "yes", have
    assert not any(row["differs"] for row in have.values()), have


def test_limits_without_a_cgroup(warm, why):
    """Each by what stands in for a cgroup, and seen in the kernel."""
    name = why("-m", "64m", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "50",
               "--cpus", "0.5", "--ulimit", "nofile=100:200", "--oom-score-adj", "300",
               "--shm-size", "1m", "--cpuset-mems", "0", "--blkio-weight", "500")
    _, have = rows(warm, name)
    if have["memory"]["by"] == "cgroup v2":
        pytest.skip("needs no-cgroup: limits are delegated here")
    want = {"memory": ("watchdog", "yes"), "cpu-shares": ("nice", f"nice {os.nice(0) + 4}"),
            "cpuset-cpus": ("affinity", "yes"), "pids-limit": ("RLIMIT_NPROC", "yes"),
            "cpuset-mems": ("memory policy", "yes"), "blkio-weight": ("ionice", "best effort 4"),
            "cpus": ("nothing", "no"), "ulimit": ("setrlimit", "yes"),
            "oom-score-adj": ("oom_score_adj", "300"), "shm-size": ("tmpfs", "1048576 bytes")}
    assert {what: (have[what]["by"], have[what]["enforced"]) for what in want} == want
    for what in "memory", "cpus", "cpu-shares", "cpuset-cpus", "pids-limit":
        assert have[what]["code"] == "D-08", have[what]
    # The kernel takes one change of an autogroup in 100 ms, and another test's may be the one.
    told = have.pop("cpu-shares")
    assert not told["differs"] or "autogroup counts, and that has nice 0" in told["note"], told
    assert not any(row["differs"] for row in have.values()), have


def test_limit_that_was_taken_back(warm, why):
    name = why("--ulimit", "nofile=100:200",
               command=("sh", "-c", "ulimit -n 50; echo done; exec sleep 1000"))
    assert warm.start("logs", "-f", name, stdout=-1).stdout.readline() == b"done\n"
    _, have = rows(warm, name)
    assert have["ulimit"]["differs"] and have["ulimit"]["enforced"] == "no", have["ulimit"]


def test_processes_by_two_options(warm, why):
    """The smaller of the two holds, and it is not pid 1 that has changed anything."""
    _, have = rows(warm, why("--ulimit", "nproc=20", "--pids-limit", "10"))
    if have["pids-limit"]["by"] == "cgroup v2":
        pytest.skip("needs no-cgroup: limits are delegated here")
    assert have["ulimit"]["enforced"] == "yes" and not have["ulimit"]["differs"], have["ulimit"]
    assert have["ulimit"]["note"].startswith("10:10 holds, by --pids-limit"), have["ulimit"]
    name = why("--ulimit", "nproc=20", "--pids-limit", "10",
               command=("sh", "-c", "ulimit -u 5; echo done; exec sleep 1000"))
    assert warm.start("logs", "-f", name, stdout=-1).stdout.readline() == b"done\n"
    _, have = rows(warm, name)
    assert have["ulimit"]["enforced"] == "no" and have["ulimit"]["differs"], have["ulimit"]


def test_processes_below_the_own_limit(warm, why, tmp_path):
    """A lower limit of the caller's is not hidden behind the higher one that was asked for."""
    few = tmp_path / "few"
    few.write_text(f'#!/bin/bash\nulimit -u 5000\nexec {warm.program} "$@"\n', encoding="ascii")
    few.chmod(0o755)
    name = why("--pids-limit", "6000", runner=Carrel(warm.home, str(few)))
    _, have = rows(warm, name)
    if have["pids-limit"]["by"] == "cgroup v2":
        pytest.skip("needs no-cgroup: limits are delegated here")
    assert "your own limit (ulimit -u) of 5000 is lower" in have["pids-limit"]["note"], have


def test_above_the_own_hard_limit(warm, why):
    """What of it holds is said, and that it is not all."""
    above = resource.getrlimit(resource.RLIMIT_NOFILE)[1] + 1
    _, have = rows(warm, why("--ulimit", f"nofile=100:{above}"))
    row = have["ulimit"]
    assert row["note"].startswith("100:") and "holds: only root" in row["note"], row
    assert row["by"] == "own limit" and row["enforced"] == "in part" and row["differs"], row


def test_priority_that_was_taken_back(warm, why):
    name = why("--blkio-weight", "500",
               command=("sh", "-c", "ionice -c 2 -n 1 -p 1 && echo done; exec sleep 1000"))
    logs = warm.start("logs", "-f", name, stdout=-1)
    assert logs.stdout.readline() == b"done\n"
    _, have = rows(warm, name)
    if have["blkio-weight"]["by"] != "ionice":
        pytest.skip("needs no-cgroup: limits are delegated here")
    assert have["blkio-weight"]["differs"], have["blkio-weight"]
    assert have["blkio-weight"]["enforced"] == "best effort 1", have["blkio-weight"]


def test_fuse_overlayfs(warm, why, need):
    need("fuse")
    name = f"why{os.getpid()}-fuse"
    env = {"CARREL_ROOTFS": "fuse"}
    warm.run("run", "-d", "--name", name, "--network", "none", warm.image, "sleep", "1000",
             env=env)
    _, have = rows(warm, name)
    warm.run("rm", "-f", name)
    assert have["root file system"]["by"] == "fuse-overlayfs", have
    assert have["root file system"]["code"] == "D-06", have


def test_table(warm, why):
    res = warm.run("explain", why())
    assert res.lines[0].split() == ["WHAT", "ASKED", "ENFORCED", "BY", "NOTE"], res
    assert any(line.startswith("capabilities ") and "bounding set" in line
               for line in res.lines), res


def test_difference_is_shown(warm, why):
    """What the container undid is not told as if it held."""
    name = why("--cap-add", "sys_admin", "--security-opt", "seccomp=unconfined",
               "--tmpfs", "/t:ro",
               command=("sh", "-c", "umount /t && echo done; exec sleep 1000"))
    assert warm.start("logs", "-f", name, stdout=-1).stdout.readline() == b"done\n"
    _, have = rows(warm, name)
    assert [what for what, row in have.items() if row["differs"]] == ["mount /t"], have
    assert "nothing is mounted" in have["mount /t"]["note"], have
    assert "DIFFERS: nothing is mounted" in warm.run("explain", name).out


def test_size_of_a_tmpfs(warm, why):
    name = why("--cap-add", "sys_admin", "--security-opt", "seccomp=unconfined", "--tmpfs",
               "/t:size=1m", "--tmpfs", "/u:size=100000", "--tmpfs", "/v:size=1m",
               command=("sh", "-c", "mount -o remount,size=500m /t && mount -o remount,size=0 /v; "
                        "echo done; exec sleep 1000"))
    assert warm.start("logs", "-f", name, stdout=-1).stdout.readline() == b"done\n"
    _, have = rows(warm, name)
    assert "524288000 bytes" in have["mount /t"]["note"] and have["mount /t"]["differs"], have
    assert not have["mount /u"]["differs"] and have["mount /v"]["differs"], have


def test_what_is_no_limit(warm, why):
    """It was asked for, so there is a row."""
    _, have = rows(warm, why("-c", "1024", "--pids-limit", "-1", "-m", "64m",
                             "--memory-swap", "-1"))
    for what, asked in (("cpu-shares", "1024"), ("pids-limit", "unlimited"),
                        ("memory-swap", "unlimited")):
        assert have[what]["asked"] == asked and not have[what]["differs"], have
        assert "code" not in have[what], have


def test_mount_behind_a_link(warm, why, registry, tmp_path):
    """Where a link of the image's leads, as /var/run does, the mount is found and looked at."""
    layer = ociimg.Layer().dir("deep").symlink("short", "/deep")
    registry.push_image(ociimg.Image([ociimg.busybox_layer(), layer],
                                     PLAIN, arch=native()), "linked:1")
    flags = ("-v", f"{tmp_path}:/short/d:ro", "--tmpfs", "/short/t")
    name = why(*flags, "--cap-add", "sys_admin", "--security-opt", "seccomp=unconfined",
               image=registry.ref("linked:1"),
               command=("sh", "-c", "umount /deep/t && echo done; exec sleep 1000"))
    assert warm.start("logs", "-f", name, stdout=-1).stdout.readline() == b"done\n"
    _, have = rows(warm, name)
    row = have["mount /short/d"]
    assert not row["differs"] and "ro" in row["enforced"].split()[1].split(","), row
    assert row["note"] == "at /deep/d, where a link leads", row
    assert have["mount /short/t"]["differs"], have


def test_stopped_and_unknown(warm, why):
    name = why("--read-only")
    warm.run("kill", name)
    warm.run("wait", name)
    status, have = rows(warm, name)
    assert status == "exited"
    assert have["root file system"]["asked"] == "read-only"
    assert all(row["enforced"] == "" and not row["differs"] for row in have.values()), have
    warm.fails("explain", "no-such-container", has="no-such-container")
