# SPDX-License-Identifier: Apache-2.0
"""Containers that stay: under the supervisor, stopped, started, asked, removed, killed at random."""
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

from lib.boxes import box, in_call, info, wait_log  # box: a fixture


def test_detached_life(warm, box):
    name = box("sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done")
    state = info(warm, name)["State"]
    assert state["Running"] and state["Status"] == "running" and state["Pid"] > 0
    assert [x for x in warm.run("ps").lines if name in x and " Up " in x]
    warm.run("stop", name)
    state = info(warm, name)["State"]
    assert not state["Running"] and state["ExitCode"] == 3 and state["Status"] == "exited"
    assert not [x for x in warm.run("ps").lines if name in x]
    assert [x for x in warm.run("ps", "-a").lines if name in x and "Exited (3)" in x]
    assert warm.run("logs", name).out == "up\n"
    warm.run("start", name)
    assert info(warm, name)["State"]["Running"]
    warm.run("kill", name)
    assert warm.run("wait", name).out == "137\n"


def test_writes_stay_over_a_restart(warm, box):
    name = box("sh", "-c", "echo x >> /count; cat /count")
    warm.run("wait", name)
    res = warm.run("start", "-a", name)
    assert res.out == "x\nx\n"


def test_start_repeats_bytes_that_are_no_text(warm, box):
    """Words, environment and paths of Unix are bytes; the record is JSON."""
    name = box("sh", "-c", 'printf %s "$1|$X|$PWD" | od -An -v -tx1', "-", "a\udcff\ufdd0\udc80\n",
               flags=("-e", "X=\udcfe\u00e9", "-w", "/d\udcf0"))
    warm.run("wait", name)
    warm.run("start", "-a", name)
    want = b"a\xff\xef\xb7\x90\x80\n|\xfe\xc3\xa9|/d\xf0".hex()
    got = warm.run("logs", name).out
    assert "".join(got.split()) == 2 * want, got
    assert info(warm, name)["Config"]["Env"]


def test_name_as_inspect_has_it(warm, box):
    """With a slash in front, as docker's and ours; nothing else that is a path is a name."""
    name = info(warm, box("sleep", "1000"))["Name"]
    assert name[0] == "/"
    assert warm.run("exec", name, "echo", "in").out == "in\n"
    for wrong in ("/" + name, name + "/", "/", ""):
        warm.fails("logs", wrong, has="no such container")
    for command in (["stop"], ["start"], ["kill"], ["rm"]):
        assert warm.run(*command, name).lines == [name]


def test_rm_force_prints_what_it_removed(warm, box):
    name = box("sleep", "1000")
    res = warm.run("rm", "-f", "nobody", name, "nobody")
    assert res.lines == [name] and res.err == ""


def test_logs(warm, box):
    name = box("sh", "-c", "echo two >&2; sleep 0.2; echo one; printf three; printf '\\nfour\\n'")
    warm.run("wait", name)
    res = warm.run("logs", name)
    assert res.out == "one\nthree\nfour\n" and res.err == "two\n"
    assert warm.run("logs", "--tail", "1", name).out == "four\n"
    assert warm.run("logs", "--tail", "0", name).out == ""
    assert warm.run("logs", "--tail", "99", name).out == res.out
    line = warm.run("logs", "-t", "--tail", "1", name).out
    assert line.startswith("20") and line.endswith("Z four\n")
    with open(info(warm, name)["LogPath"], encoding="utf-8") as f:
        rows = [json.loads(x) for x in f]
    assert {r["stream"] for r in rows} == {"stdout", "stderr"}
    assert all(set(r) == {"log", "stream", "time"} for r in rows)


def test_logs_follow_to_the_end(warm, box):
    name = box("sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
    assert warm.run("logs", "-f", name).out == "1\n2\n3\n4\n5\n"


def test_logs_follow_ends_with_a_killed_supervisor(warm, box):
    name = box("sh", "-c", "echo up; exec sleep 1000")
    wait_log(warm, name, "up")
    p = warm.start("logs", "-f", name, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    os.kill(supervisor(warm, name), signal.SIGKILL)
    assert p.communicate(timeout=90)[0] == b"" and p.returncode == 0


def test_logs_of_both_streams_keep_their_order(warm, box):
    name = box("sh", "-c", "for i in 1 2 3; do echo out; sleep 0.1; echo err >&2; sleep 0.1; done")
    warm.run("wait", name)
    path = os.path.join(warm.store, "containers", info(warm, name)["Id"], "log")
    with open(path, encoding="utf-8") as f:
        logged = [json.loads(line)["log"].strip() for line in f]
    assert sorted(logged) == ["err"] * 3 + ["out"] * 3
    for flags in ([], ["-f"]):
        p = warm.start("logs", *flags, name, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = p.communicate(timeout=30)
        assert said.decode().split() == logged, flags


def test_log_keeps_every_byte(warm, box):
    name = box("sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x; echo; echo end")
    warm.run("wait", name)
    assert warm.run("logs", name).out == "x" * 200000 + "\nend\n"


def test_exec(warm, box):
    name = box("sleep", "1000", flags=["-e", "A=image", "--hostname", "exec-box"])
    res = warm.run("exec", "-e", "B=2", "-w", "/tmp", "-u", "12:34", name, "sh", "-c",
                   "echo $A $B $(pwd) $(id -u):$(id -g) $(hostname); echo err >&2; exit 9", rc=9)
    assert res.out == "image 2 /tmp 12:34 exec-box\n" and res.err == "err\n"
    assert warm.run("exec", "-i", name, "cat", input="through").out == "through"
    assert warm.run("exec", name, "cat", input="through").out == ""
    assert warm.run("exec", name, "cat", "/proc/1/cmdline").out.startswith("sleep")
    warm.run("exec", name, "no-such-thing", rc=127)
    warm.run("exec", name, "/etc", rc=126)
    warm.fails("exec", "-w", "/nonexist", name, "true", rc=126,
               has=["enter working directory /nonexist", "hint: it must be there"])
    status = warm.run("exec", name, "cat", "/proc/self/status").out
    init = warm.run("exec", name, "cat", "/proc/1/status").out
    for field in ("CapBnd", "Seccomp:"):
        assert [x for x in status.splitlines() if x.startswith(field)] == \
            [x for x in init.splitlines() if x.startswith(field)]


def test_attach_without_a_terminal(warm, box):
    name = box("sh", "-c", "read x; echo got $x; exit 6", flags=["-i"])
    r, w = os.pipe()
    p = warm.start("attach", name, stdin=r, stdout=subprocess.PIPE)
    os.close(r)
    os.write(w, b"word\n")
    assert p.communicate(timeout=90)[0] == b"got word\n"
    os.close(w)
    assert p.returncode == 6


def test_detached_rm(warm, leftovers):
    before = leftovers.snapshot(warm)
    warm.run("run", "-d", "--rm", "--name", "gone", "--network", "none", warm.image, "sh", "-c",
             "read x; exit 4", "-i")
    warm.run("wait", "gone", check=False)
    leftovers.check(warm, before)


def test_wait_of_rm_container(warm, leftovers):
    before = leftovers.snapshot(warm)
    warm.run("run", "-d", "--rm", "--name", "w4", "--network", "none", warm.image, "sh", "-c",
             "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
    wait_log(warm, "w4", "ready")
    p = warm.start("wait", "w4", stdout=subprocess.PIPE)
    warm.run("stop", "w4")
    out = p.communicate(timeout=90)[0]
    # `wait` may come after the end: then the container is not there any more
    assert (p.returncode, out) in ((0, b"4\n"), (125, b""))
    leftovers.check(warm, before)


def test_start_after_a_lost_volatile_mount(warm, box, monkeypatch):
    """What the kernel refuses for the container's own sake is no fault of the host (D-06)."""
    monkeypatch.delitem(warm.env, "CARREL_ROOTFS", raising=False)  # the kernel's own overlay
    name = box("true")
    warm.run("wait", name)
    work = os.path.join(warm.store, "containers", info(warm, name)["Id"], "work", "work")
    os.chmod(work, 0o700)
    os.makedirs(os.path.join(work, "incompat/volatile"))
    res = warm.run("start", name, check=False, env={"CARREL_ROOTFS": "overlay"})
    assert res.rc == 125 and "may be damaged" in res.err and "carrel rm" in res.err, res
    assert "D-06" not in res.err, res
    res = warm.run("start", name, check=False)
    assert res.rc == 125 and "may be damaged" in res.err and "fuse" not in res.err, res


@pytest.mark.parametrize("way", ["", "new", "classic"])
def test_refused_volatile_mount(carrel, images, monkeypatch, way):
    """The kernel marks the upper before it looks at the layers: its reason is told, not the mark."""
    monkeypatch.setitem(carrel.env, "CARREL_ROOTFS", "overlay")
    image = images["busybox"]
    carrel.run("run", "--rm", "--network", "none", image, "true")
    # Layers that lie in another one, which overlay refuses.
    os.rename(f"{carrel.store}/layers", f"{carrel.store}/skeleton/layers")
    os.symlink("skeleton/layers", f"{carrel.store}/layers")
    for args in (["--rm"], ["--rm", "-d"]):
        res = carrel.run("run", *args, "--network", "none", image, "true", check=False,
                         env={"CARREL_OVERLAY": way})
        assert res.rc == 125 and "symbolic links" in res.err and "damaged" not in res.err, res


@pytest.mark.parametrize("lost", ["lock", "all"])
def test_wait_without_the_lock(warm, box, lost):
    """Logout removes the runtime directory from under a container that stays."""
    name = box("sleep", "1000")
    ident = info(warm, name)["Id"]
    for folder, _, files in os.walk(warm.runtime):
        for file in files:
            if file == f"{ident}.lock" or (lost == "all" and file.startswith(ident)):
                os.unlink(os.path.join(folder, file))
    p = warm.start("wait", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    in_call(p.pid, "poll", "ppoll")
    os.kill(info(warm, name)["State"]["Pid"], signal.SIGKILL)
    out, err = p.communicate(timeout=30)
    assert (p.returncode, out) == (0, b"137\n"), err


def test_without_the_runtime_directory(warm, box):
    """`stop` waits until it has ended; `attach` tells what is not there any more."""
    name = box("sleep", "1000")
    ident = info(warm, name)["Id"]
    for folder, _, files in os.walk(warm.runtime):
        for file in files:
            if file.startswith(ident):
                os.unlink(os.path.join(folder, file))
    warm.fails("attach", name, has=["attach socket", "logout", "exec"])
    for _ in range(2):
        warm.run("stop", name)
        assert info(warm, name)["State"]["Status"] == "exited"
        warm.run("start", name)


def test_wait_at_the_very_end(warm, leftovers):
    """However late it comes: the status, or that there is no such container any more."""
    before = leftovers.snapshot(warm)
    for n in range(12):
        name = f"late{os.getpid()}-{n}"
        run = warm.start("run", "--rm", "-i", "--name", name, "--network", "none", warm.image,
                         "sh", "-c", "echo up; read x; exit 5",
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert run.stdout.readline() == b"up\n"
        run.stdin.close()
        waits = [warm.start("wait", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                 for _ in range(4)]
        for w in waits:
            out, err = w.communicate(timeout=30)
            assert (w.returncode, out) == (0, b"5\n") or b"no such container" in err, (out, err)
        assert run.wait() == 5
        run.stdout.close()
    leftovers.check(warm, before)


def test_rm_of_a_running_one(warm, box):
    name = box("sleep", "1000")
    warm.fails("rm", name, rc=125, has=["runs", "hint"])
    warm.run("rm", "-f", name)
    assert warm.run("inspect", name, rc=125).err


def test_unknown_container(warm):
    for command in (["logs"], ["stop"], ["kill"], ["wait"], ["rm"], ["start"], ["attach"]):
        assert "nobody" in warm.run(*command, "nobody", rc=125).err
    assert "nobody" in warm.run("exec", "nobody", "true", rc=125).err
    warm.run("rm", "-f", "nobody")


def test_ps_filters_and_json(warm, box):
    a = box("sleep", "1000", flags=["--label", "tier=web", "--label", "x"])
    b = box("sh", "-c", "exit 5")
    warm.run("wait", b)

    def names(*filters):
        args = [x for f in filters for x in ("--filter", f)]
        return {c["Names"][0] for c in warm.run("ps", "-a", "--format", "json", *args).json()
                } & {a, b}
    assert names() == {a, b}
    assert names("label=tier") == names("label=tier=web") == {a}
    assert names("label=tier=db") == set()
    assert names("status=exited") == names("exited=5") == {b}
    assert names(f"name={a}") == {a} and names(f"ancestor={warm.image}") == {a, b}
    row = next(c for c in warm.run("ps", "-a", "--format", "json").json() if c["Names"] == [b])
    assert row["State"] == "exited" and row["ExitCode"] == 5 and row["Command"][0] == "sh"
    ids = warm.run("ps", "-a", "-q", "--no-trunc").lines
    assert row["Id"] in ids and row["Id"][:12] in warm.run("ps", "-aq").lines
    warm.fails("ps", "--filter", "colour=red", rc=125, has="colour")
    warm.fails("ps", "--filter", "status=runing", rc=125, has=["runing", "running"])
    warm.fails("ps", "--filter", "exited=no", rc=125, has="exit status")
    assert warm.run("ps", "-q", "--filter", "status=dead").lines == []


def test_ps_filters_as_docker(warm, box):
    """An image by each of its names, a name by a regular expression."""
    one = box("true")
    warm.run("tag", warm.image, "filtered")
    two = box("true", image="filtered")

    def names(*filters):
        args = [x for f in filters for x in ("--filter", f)]
        return {c["Names"][0] for c in warm.run("ps", "-a", "--format", "json", *args).json()
                } & {one, two}
    short = warm.run("inspect", one).json()[0]["Image"][7:19]
    for image in ("filtered", "filtered:latest", "docker.io/library/filtered:latest", warm.image,
                  short):
        assert names(f"ancestor={image}") == {one, two}, image
    assert names("ancestor=hello") == names("ancestor=filtered:other") == set()
    warm.run("rmi", "-f", "filtered")
    assert names("ancestor=filtered:latest") == {two}
    assert names(f"name=^{one}$", f"name=^/{two}$") == {one, two}
    assert names(f"name={one[:3]}.{one[4:]}") == names(f"name={one[1:-1]}") == {one}
    assert names(f"name=^{one[1:]}") == names(f"name={one}.") == set()
    for wrong in ("l[", "(", "x" * 300):
        warm.fails("ps", "--filter", f"name={wrong}", has=["regular expression"])
    res = warm.run("ps", "-aq", "--format", "json")
    assert res.out == warm.run("ps", "-aq").out and "--format is ignored" in res.err


def test_inspect_tells_what_was_asked(warm, box, tmp_path):
    name = box("sleep", "1000", flags=["-e", "A=b", "-v", f"{tmp_path}:/v:ro", "--cap-drop", "ALL",
                                       "-w", "/tmp", "--label", "k=v", "--read-only"])
    x = info(warm, name)
    assert x["Name"] == "/" + name and len(x["Id"]) == 64 and x["Image"].startswith("sha256:")
    assert "A=b" in x["Config"]["Env"] and x["Config"]["Labels"] == {"k": "v"}
    assert x["Config"]["WorkingDir"] == "/tmp" and x["Path"] == "sleep" and x["Args"] == ["1000"]
    assert x["HostConfig"]["CapDrop"] == ["ALL"] and x["HostConfig"]["ReadonlyRootfs"] is True
    assert x["Mounts"][0]["Destination"] == "/v" and x["Mounts"][0]["RW"] is False


# ---- the supervisor's socket -------------------------------------------------------------------

def connect(warm, name):
    """To the attach socket; by descriptor, because its path may be too long for an address."""
    ident = info(warm, name)["Id"]
    for where, _, files in os.walk(os.path.join(warm.runtime, "carrel")):
        if ident + ".sock" in files:
            fd = os.open(where, os.O_PATH)
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.settimeout(10)
            s.connect(f"/proc/self/fd/{fd}/{ident}.sock")
            os.close(fd)
            return s
    raise AssertionError("no socket")


def test_requests_that_are_not_in_the_table_end_the_connection(warm, box):
    name = box("sleep", "1000", flags=["-i"])
    hello = (1).to_bytes(4, "little") + (1 << 16 | 3).to_bytes(4, "little")
    ns = os.open("/proc/self/ns/user", os.O_RDONLY)
    other = os.open("/proc/self/ns/net", os.O_RDONLY)
    bad = [
        [(b"\0" * 4, [])],                                            # too short
        [((99).to_bytes(4, "little") * 2, [])],                       # unknown
        [((2).to_bytes(4, "little") + bytes(4) + b"x", [])],          # stdin before hello
        [(hello, [])],                                                # no proof
        [(hello, [other])],                                           # another namespace's
        [((1).to_bytes(4, "little") + (2 << 16).to_bytes(4, "little"), [ns])],  # version
        [(hello, [ns]), (hello, [ns])],                               # twice
        [(hello + b"x", [ns])],                                       # too long
    ]
    for messages in bad:
        s = connect(warm, name)
        for data, fds in messages:
            try:
                socket.send_fds(s, [data], fds)
            except BrokenPipeError:
                break
        assert s.recv(100) == b"", messages
        s.close()
    s = connect(warm, name)
    socket.send_fds(s, [hello], [ns])
    warm.run("kill", name)
    assert s.recv(100)[:8] == (7).to_bytes(4, "little") + (137).to_bytes(4, "little")
    s.close()
    os.close(ns)
    os.close(other)


def test_slow_client_does_not_hold_up_the_container(warm, box):
    name = box("sh", "-c", "read x; seq 1 300000; echo finished", flags=["-i"])
    hello = (1).to_bytes(4, "little") + (1 << 16 | 3).to_bytes(4, "little")
    ns = os.open("/proc/self/ns/user", os.O_RDONLY)
    s = connect(warm, name)
    socket.send_fds(s, [hello], [ns])
    s.send((2).to_bytes(4, "little") + bytes(4) + b"go\n")
    assert warm.run("wait", name).out == "0\n"      # though nobody reads the socket
    assert warm.run("logs", "--tail", "1", name).out == "finished\n"
    s.close()
    os.close(ns)


# ---- killed at random moments ------------------------------------------------------------------

def supervisor(warm, name):
    """Its pid, as the record has it: `run -d` may be back before the supervisor is executed."""
    path = os.path.join(warm.store, "containers", info(warm, name)["Id"], "state")
    with open(path, encoding="ascii") as f:
        return int(dict(x.rstrip("\n").split("=", 1) for x in f if "=" in x)["supervisor"])


@pytest.mark.serial
@pytest.mark.parametrize("mode", [["--rm"], ["--rm", "-t"], ["--rm", "-d"], []])
def test_kill_9_of_run(warm, leftovers, mode):
    before = leftovers.snapshot(warm)
    rng = random.Random(7)
    began = time.monotonic()
    warm.run("run", "--rm", *mode, "--network", "none", warm.image, "true")
    took = time.monotonic() - began
    for _ in range(50):
        p = warm.start("run", *mode, "--network", "none", warm.image, "true")
        time.sleep(rng.random() * took)     # the moment is the test's input, nothing is awaited
        p.kill()
        p.wait()
    leftovers.wait_processes()
    warm.run("run", "--rm", "--network", "none", warm.image, "true")
    if not mode:
        # those that came as far as to run stay, as they should, and nothing else
        for c in warm.run("ps", "-a", "--format", "json").json():
            if c["Id"][:12] not in before["ps"]:
                assert c["State"] == "exited" and c["StartedAt"], c
                warm.run("rm", c["Id"])
    leftovers.check(warm, before)


@pytest.mark.serial
def test_kill_9_of_rm(warm, leftovers):
    before = leftovers.snapshot(warm)
    rng = random.Random(8)
    for _ in range(50):
        warm.run("run", "--name", "torm", "--network", "none", warm.image, "true")
        p = warm.start("rm", "torm")
        time.sleep(rng.random() * 0.02)
        p.kill()
        p.wait()
        if warm.run("inspect", "torm", check=False).rc == 0:
            warm.run("rm", "torm")
    leftovers.check(warm, before)


@pytest.mark.serial
@pytest.mark.parametrize("flags", [[], ["--rm"]])
def test_kill_9_of_supervisor(warm, leftovers, flags):
    before = leftovers.snapshot(warm)
    rng = random.Random(9)
    for _ in range(25):
        warm.run("run", "-d", *flags, "--name", "sup", "--network", "none", warm.image, "sleep",
                 "1000")
        pid = supervisor(warm, "sup")
        time.sleep(rng.random() * 0.01)
        os.kill(pid, signal.SIGKILL)
        leftovers.wait_processes()
        if flags:
            warm.run("run", "--rm", "--network", "none", warm.image, "true")
            assert warm.run("inspect", "sup", check=False).rc == 125
        else:
            state = info(warm, "sup")["State"]
            assert state["Status"] == "exited" and state["ExitCode"] == 137
            warm.run("rm", "sup")
    leftovers.check(warm, before)


@pytest.mark.serial
def test_supervisor_is_small(warm, box):
    name = box("sh", "-c", "seq 1 10000; sleep 1000")
    wait_log(warm, name, "10000")
    with open(f"/proc/{supervisor(warm, name)}/status", encoding="ascii") as f:
        kib = {k: int(v.split()[0]) for k, v in (x.split(":", 1) for x in f) if k.startswith("Rss")}
    # what is its own; it is undumpable, so that PSS is not for the user to read
    assert kib["RssAnon"] <= 512 and sum(kib.values()) <= 3072, kib


@pytest.mark.parametrize("status", [0, 7, 255])
def test_wait_for_a_foreground_run(warm, leftovers, status):
    """Its record goes at the end; the status is told all the same, to all who wait."""
    before = leftovers.snapshot(warm)
    name = f"fg{os.getpid()}-{status}"
    run = warm.start("run", "--rm", "-i", "--name", name, "--network", "none", warm.image, "sh",
                     "-c", f"echo up; read x; exit {status}", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert run.stdout.readline() == b"up\n"
    waits = [warm.start("wait", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
             for _ in range(3)]
    for w in waits:
        blocked_on_the_lock(w.pid)
    run.stdin.close()
    for w in waits:
        out, err = w.communicate(timeout=30)
        assert out == b"%d\n" % status and w.returncode == 0, err
    assert run.wait() == status
    run.stdout.close()
    leftovers.check(warm, before)


def blocked_on_the_lock(pid):
    """/proc/locks has no pid for locks of open files."""
    in_call(pid, "fcntl")




def test_full_disk_keeps_the_exit_status(make_carrel, images, small_fs, need, leftovers):
    """A container that writes until its log finds no more space still has its own end."""
    need("subids")
    c = make_carrel()
    c.store = small_fs(12 << 20)
    c.env["CARREL_ROOT"] = c.store
    c.run("pull", "-q", images["busybox"])
    c.run("run", "-d", "--name", "chatty", "--network", "none", images["busybox"], "sh", "-c",
          "yes 0123456789012345678901234567890123456789 | head -c 16000000; "
          # Both have an end: a fuse mount may take what its file system has no room for.
          "dd if=/dev/zero of=/fill bs=64k count=256 2>/dev/null; "
          "dd if=/dev/zero of=/rest bs=1 count=8192 2>/dev/null; "
          "exit 7")
    res = c.run("wait", "chatty")
    assert res.out == "7\n" and "records of its output are not in its log" in res.err, res
    state = c.run("inspect", "chatty").json()[0]["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 7), state
    assert os.statvfs(c.store).f_bavail <= 1  # the state before, which it took the place of
    assert "not in its log: the disk was full" in state["Error"], state
    res = c.run("logs", "chatty")
    assert len(res.lines) > 1000 and set(res.lines[:1000]) == {"0123456789" * 4}
    assert re.search(r"warning: \d+ records in all are not in the log of container chatty", res.err), res
    c.run("rm", "chatty")


def test_more_attached_than_there_are_places(warm):
    warm.run("run", "-d", "-i", "--name", "popular", "--network", "none", warm.image, "cat")
    idle = []
    try:
        for _ in range(16):
            # Its own words come back: the connection stands.
            p = warm.start("attach", "popular", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            p.stdin.write(b"x\n")
            p.stdin.flush()
            assert p.stdout.readline() == b"x\n"
            idle.append(p)
        for _ in range(5):
            warm.fails("attach", "popular", has=["too many others are attached", "hint:"])
        assert "popular" in warm.run("ps").out
        idle[0].kill()
        idle.pop(0).communicate()
        p = warm.start("attach", "popular", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        p.stdin.write(b"y\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"y\n"
        idle.append(p)
    finally:
        for p in idle:
            p.kill()
            p.communicate()
        warm.run("rm", "-f", "popular")
