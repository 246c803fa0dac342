# SPDX-License-Identifier: Apache-2.0
"""The drivers of the root file system: the same files by both, and how one is chosen."""
import contextlib
import difflib
import os
import random
import re
import select
import signal
import subprocess
import tempfile

import pytest

from lib import ociimg, programs
from lib.ociimg import PLAIN, native
from lib.runner import HostProcess, Result

DRIVERS = ["overlay", "fuse"]
FORCED = {d: {"CARREL_ROOTFS": d} for d in DRIVERS}


@pytest.fixture(scope="module")
def tree(worker_dir):
    return programs.static(worker_dir, "tree/tree.c")


@pytest.fixture(scope="module")
def tree_image(registry, tree):
    """/tree, and files for it to work on in more than one layer."""
    low = ociimg.busybox_layer()
    with open(tree, "rb") as f:
        low.file("tree", f.read(), mode=0o755)
    low.dir("t", mode=0o755).dir("t/low")
    for name in ("append", "cut", "over", "gone", "gone2", "move", "covered", "read-open", "owned",
                 "times", "cap", "cap2", "map"):
        low.file(f"t/low/{name}", f"{name} of the first layer\n")
    low.file("t/low/private", "p", mode=0o600).file("t/low/suid", "#!", mode=0o4755, uid=33, gid=33)
    low.file("t/low/xattr", "x", xattrs={"user.low": "1", "user.kept": "2"})
    low.symlink("t/low/symlink", "append").file("t/low/file-dir", "f").dir("t/low/dir-file")
    low.file("t/low/link1", "one file").hardlink("t/low/link2", "t/low/link1")
    low.dir("t/low/dir").file("t/low/dir/a", "a").dir("t/low/dir/sub")
    low.dir("t/low/merged").file("t/low/merged/low", "l").dir("t/low/setgid", gid=50)
    low.dir("t/sticky", mode=0o1777).file("t/sticky/root", "r")
    low.dir("t/low/hidden").file("t/low/hidden/below", "b")
    mid = ociimg.Layer().dir("t").dir("t/low").dir("t/low/dir").file("t/low/dir/b", "b")
    mid.dir("t/low/merged", mode=0o750, uid=7).file("t/low/merged/mid", "m")
    mid.dir("t/low/hidden").opaque("t/low/hidden").file("t/low/hidden/above", "a")
    mid.file("t/low/removed", "r")
    top = ociimg.Layer().dir("t").dir("t/low").whiteout("t/low/removed")
    top.fifo("t/low/fifo").file("t/low/sized", "z" * 70000)
    registry.push_image(ociimg.Image([low, mid, top], PLAIN, arch=native()), "tree:latest")
    return registry.ref("tree:latest")


def run(runner, driver, *args, **kw):
    return runner.run("run", "--rm", "--network", "none", *args, env=FORCED[driver], **kw)


def same(a, b):
    assert a == b, "\n".join(difflib.unified_diff(a, b, *DRIVERS, lineterm="", n=0))


# Where fuse-overlayfs 1.10 differs, as carrel-run(1) says: it keeps hard links of a layer together
# when one is written, until the container ends; and directories do not inherit from a setgid one.
DIFFERENT = ("/t/low/link1 ", "/t/low/link2 ", "/t/low/setgid/d ")


def entries(lines):
    return [line for line in lines if not any(path in line for path in DIFFERENT)]


def servers(of=None):
    """Processes called fuse-overlayfs whose parent is `of`, or one of this user."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                name, rest = re.match(r"\d+ \((.*)\) (.*)", f.read(), re.S).groups()
            if name == "fuse-overlayfs" and of in (None, int(rest.split()[1])):
                found.append(int(pid))
    return found


def state_of(runner, name):
    return runner.run("inspect", name).json()[0]["State"]


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


# ---- the same files ----------------------------------------------------------------------------

def test_same_image(warm, need, tree_image):
    """What is in the layers, before anything is written."""
    need("fuse")
    lists = [run(warm, d, tree_image, "/tree", "list", "/t").lines for d in DRIVERS]
    assert len(lists[0]) > 35 and not any("removed" in line for line in lists[0])
    same(*lists)
    for name in ("layers", "many"):
        warm.run("pull", "-q", warm_ref := tree_image.replace("/tree:", f"/{name}:"))
        lists = [run(warm, d, "-u", "0", "-v", "/dev/null:/dev/nothing", warm_ref, "sh", "-c",
                     "find /bin /data /home /layer* | sort | xargs ls -ldn --full-time 2>/dev/null"
                     " | awk '$1 !~ /^d/ || 1 { if ($1 ~ /^d/) { $2 = $5 = 0 } print }'").lines
                 for d in DRIVERS]
        assert len(lists[0]) > 30
        same(*lists)


def test_500_layers(carrel, registry, need):
    """499, and the store's own below them: as many as the kernel joins."""
    need("fuse")
    layers = [ociimg.busybox_layer().bytes()]
    layers += [ociimg.Layer().file(f"layer{i}", str(i)).bytes() for i in range(498)]
    registry.push_image(ociimg.Image(layers, PLAIN, arch=native()), "deep:latest")
    carrel.run("pull", "-q", registry.ref("deep:latest"))
    outs = [run(carrel, d, registry.ref("deep:latest"), "sh", "-c",
                "ls / | wc -l; cat /layer0 /layer497; rm /layer1; ls / | wc -l; ulimit -n").lines
            for d in DRIVERS]
    assert int(outs[0][0]) > 500 and outs[0][1].startswith("0497"), outs
    same(*outs)


def test_server_is_confined(carrel, need, tree):
    """A program in its place tries what a container would try that has taken it over."""
    need("root")
    need("fuse")
    res = behind(carrel, "own-fuse-overlayfs", *HELLO, "true", root=carrel.home + "/s",
                 env=dict(FORCED["fuse"], CARREL_TEST_PROGRAM=tree))
    assert res.rc == 125 and "fuse-overlayfs: boxed: end [D-21]" in res.err, res


@pytest.mark.parametrize("obstacle", ["no-subuid", "netns-limit"])
def test_poor_host(carrel, need, obstacle):
    """With one id the process has that one, too; without network namespaces it has none."""
    need("root")
    need("fuse")
    res = behind(carrel, obstacle, "run", "--rm", "--network", "host", "hello", *WORK,
                 root=carrel.home + "/s", env=FORCED["fuse"])
    assert res.rc == 0 and res.lines[1:] == ["end"] and "fuse.fuse-overlayfs" in res.out, res


def test_same_work(warm, need, tree_image):
    """The outcome of each call, and each entry afterwards."""
    need("fuse")
    outs = [run(warm, d, tree_image, "sh", "-c", "/tree ops /t; echo; /tree list /t").lines
            for d in DRIVERS]
    assert len(outs[0]) > 130 and len(entries(outs[0])) == len(outs[0]) - len(DIFFERENT)
    same(*map(entries, outs))


@pytest.mark.parametrize("first,then", [DRIVERS, DRIVERS[::-1]], ids=["to-fuse", "to-overlay"])
def test_change_of_driver(warm, need, tree_image, leftovers, first, then):
    """A container that began with one driver goes on with the other, and back."""
    need("fuse")
    before = leftovers.snapshot(warm)
    script = ("[ -e /done ] || { /tree ops /t >/done; rm -r /home; mkdir /home; mkdir -p /own/a/b;"
              "echo x >/own/a/b/c; rm /own/a/b/c; }; /tree list /t; /tree list /home; /tree list /own;"
              "/tree list /done; ls -A /")
    made = warm.run("run", "--name", "swap", "--network", "none", tree_image, "sh", "-c", script,
                    env=FORCED[first]).lines
    for driver in (then, then, first, then):
        again = warm.run("start", "-a", "swap", env=FORCED[driver]).lines
        same(entries(made), entries(again))
    # The other one's own marks do not show, and removed things stay removed when made again.
    assert not any(".wh." in line or "opaque" in line for line in made)
    warm.run("rm", "swap")
    leftovers.check(warm, before)


def kill_all(pid):
    """The process and what it has started, the youngest last."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
        os.kill(pid, signal.SIGKILL)
        for child in children:
            kill_all(int(child))


def test_kill_9_between_drivers(warm, need, tree_image, leftovers):
    """However a change of driver ends, the next start has all files."""
    need("fuse")
    name = "between"
    script = "[ -e /done ] || /tree ops /t >/done; /tree list /t; /tree list /done"
    made = warm.run("run", "--name", name, "--network", "none", tree_image, "sh", "-c", script,
                    env=FORCED["overlay"]).lines
    for i in range(int(os.environ.get("CARREL_KILLS", "16"))):
        p = warm.start("start", name, env=FORCED[DRIVERS[(i + 1) % 2]])
        with contextlib.suppress(subprocess.TimeoutExpired):
            p.wait(timeout=random.Random(i).uniform(0.005, 0.06))
        kill_all(p.pid)
        p.wait()
        # One that was quicker than we are.
        warm.run("wait", name, check=False)
        leftovers.wait_processes()
    for driver in DRIVERS:
        same(entries(made), entries(warm.run("start", "-a", name, env=FORCED[driver]).lines))
    warm.run("rm", name)


@pytest.mark.parametrize("driver", DRIVERS)
def test_data_is_written(warm, need, driver, tree_image):
    """What was written is there after a kill, also what was only mapped."""
    need("fuse")
    name = "written-" + driver
    warm.run("run", "-d", "--name", name, "--network", "none", tree_image, "sh", "-c",
             "[ -e /sum ] && { md5sum /data; cat /sum; /tree list /t/sparse; exit; }; sleep 1000",
             env=FORCED[driver])
    before = warm.run("exec", name, "sh", "-c",
                      "head -c 20000000 /dev/urandom >/data; md5sum /data >/sum; /tree ops /t >/dev/null;"
                      "/tree list /t/sparse").lines
    warm.run("kill", name)
    warm.run("wait", name)
    lines = warm.run("start", "-a", name, env=FORCED[driver]).lines
    warm.run("rm", "-f", name)
    assert len(lines) == 3 and lines[0] == lines[1] and lines[2:] == before, lines


# ---- the process that serves -------------------------------------------------------------------

def test_server(warm, need, leftovers):
    """What it may, and that it ends with its container."""
    need("fuse")
    name = "served"
    warm.run("run", "-d", "--name", name, "--network", "none", warm.image, "sleep", "1000",
             env=FORCED["fuse"])
    supervisor = parent_of(state_of(warm, name)["Pid"])
    pid, = servers(supervisor)
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    # chown dac_override fowner fsetid, mknod, setfcap: nothing beyond files
    for caps in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[caps], 16) == 0x8800001b, status
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    assert status["NSpid"].split()[1] == "1", "a pid namespace of its own"
    init = state_of(warm, name)["Pid"]
    for ns in ("mnt", "pid", "net", "ipc"):
        mine, theirs, host = (os.readlink(f"/proc/{p}/ns/{ns}") for p in (pid, init, "self"))
        assert len({mine, theirs, host}) == 3, ns
    with open(f"/proc/{pid}/mounts", encoding="utf-8") as f:
        mounts = [line.split()[:4] for line in f]
    for _, where, kind, options in mounts:
        assert where in ("/rw", "/proc") or "ro" in options.split(","), mounts
        assert re.fullmatch(r"/(rw|proc|usr|lib\w*|nix/store|gnu/store|etc/ld.so.cache"
                            r"|layers/\d)?", where), mounts
    names = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    for path in names:
        assert re.match(r"/dev/null|/dev/fuse|/layers/|/rw/|pipe:", path), names
    # A logout that ends every process of the user: the container decides when it ends.
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
        os.kill(pid, sig)
    # Nothing of it in the container.
    res = warm.run("exec", name, "sh", "-c", "ps; cat /proc/self/mountinfo; ls -l /proc/*/fd")
    assert "fuse-overlayfs -f" not in res.out and warm.home not in res.out, res
    assert "fuse.fuse-overlayfs" in res.out, res
    watch = os.pidfd_open(pid)
    warm.run("rm", "-f", name)
    assert select.select([watch], [], [], 0)[0], "it outlived its container"
    os.close(watch)


# By us, or because a page of its program was not there (SIGBUS).
ENDED = ("137", "135")


@pytest.mark.parametrize("detached", [True, False], ids=["detached", "foreground"])
def test_server_is_killed(warm, need, leftovers, detached):
    """Without its files a container is ended, and it is said why."""
    need("fuse")
    name = "unserved"
    words = ["run", "--name", name, "--network", "none", warm.image, "sh", "-c", "echo up; sleep 1000"]
    if detached:
        warm.run("run", "-d", *words[1:], env=FORCED["fuse"])
        pid, = servers(parent_of(state_of(warm, name)["Pid"]))
        os.kill(pid, signal.SIGKILL)
        assert warm.run("wait", name).lines[0] in ENDED
        assert "fuse-overlayfs" in state_of(warm, name)["Error"]
        warm.run("rm", name)
        return
    r, w = os.pipe()
    with tempfile.TemporaryFile() as err:
        p = warm.start("run", "--rm", *words[1:], stdout=w, stderr=err, env=FORCED["fuse"])
        os.close(w)
        assert os.read(r, 10) == b"up\n"
        pid, = servers(p.pid)
        os.kill(pid, signal.SIGKILL)
        assert str(p.wait(timeout=90)) in ENDED
        os.close(r)
        err.seek(0)
        assert err.read().count(b"fuse-overlayfs") == 1


def test_supervisor_is_killed(warm, need, leftovers):
    need("fuse")
    before = leftovers.snapshot(warm)
    warm.run("run", "-d", "--rm", "--name", "dies", "--network", "none", warm.image, "sleep", "1000",
             env=FORCED["fuse"])
    supervisor = parent_of(state_of(warm, "dies")["Pid"])
    watch = os.pidfd_open(servers(supervisor)[0])
    os.kill(supervisor, signal.SIGKILL)
    assert select.select([watch], [], [], 10)[0], "it outlived the supervisor"
    os.close(watch)
    leftovers.check(warm, before)


# ---- the choice --------------------------------------------------------------------------------

def behind(carrel, name, *args, root="/mnt/m", env=None):
    """`carrel ARGS` behind an obstacle of lib/obstacle.py, with the store on its file system."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, \
            open(os.devnull, "rb") as null:
        p = HostProcess({"op": "obstacle", "name": name, "argv": list(args), "user": None,
                         "env": dict(carrel.env, CARREL_ROOT=root, **(env or {}))},
                        null.fileno(), out.fileno(), err.fileno())
        rc = p.wait()
        out.seek(0)
        err.seek(0)
        return Result(("carrel",) + args, rc, out.read(), err.read(), 0)


HELLO = ("run", "--rm", "--network", "none", "hello")
WORK = ("sh", "-c", "grep ' / ' /proc/mounts; rm -r /usr/bin; mkdir /usr/bin; ls -A /usr/bin; echo end")


def warnings(res):
    return [line for line in res.err.splitlines() if "warning" in line]


def test_overlay_is_refused(carrel, need):
    need("root")
    need("fuse")
    res = behind(carrel, "overlay", *HELLO, *WORK)
    assert res.rc == 0 and res.lines[1:] == ["end"], res
    assert res.out.startswith("fuse-overlayfs / fuse.fuse-overlayfs "), res
    assert len(warnings(res)) == 1 and "[D-06]" in warnings(res)[0], res
    assert "fuse-overlayfs" in warnings(res)[0], res
    for words, env in ((("--strict",), {}), ((), {"CARREL_STRICT": "1"})):
        res = behind(carrel, "overlay", *HELLO[:1], *words, *HELLO[1:], "true", env=env)
        assert res.rc == 125 and "[D-06]" in res.err and not warnings(res), res
    res = behind(carrel, "overlay", *HELLO, "true", env=FORCED["overlay"])
    assert res.rc == 125 and "[D-06]" in res.err, res


@pytest.mark.parametrize("obstacle,word", [
    ("no-fuse", "fuse file system"), ("fuse-0600", "/dev/fuse"), ("no-fuse-overlayfs", "fuse-overlayfs is not"),
    ("other-fuse-overlayfs", "fuse-overlayfs: "),
])
def test_no_fuse(carrel, need, obstacle, word):
    """Alone it is named by its code; where overlay is refused as well, both are."""
    need("root")
    need("fuse")
    res = behind(carrel, obstacle, *HELLO, "true", root=carrel.home + "/s")
    assert res.rc == 0 and not warnings(res), res
    res = behind(carrel, obstacle, *HELLO, "true", root=carrel.home + "/s", env=FORCED["fuse"])
    assert res.rc == 125 and "[D-21]" in res.err and word in res.err, res
    res = behind(carrel, f"overlay+{obstacle}", *HELLO, "true")
    assert res.rc == 125 and "[D-06]" in res.err and "[D-21]" in res.err and word in res.err, res
    assert res.err.count("hint") == 1, res


@pytest.mark.parametrize("obstacle,codes,worst", [
    ("none", set(), "ok"), ("no-fuse", set(), "ok"), ("no-fuse-overlayfs", set(), "ok"),
    ("overlay", {"D-06"}, "degraded"), ("overlay+no-fuse", {"D-06", "D-21"}, "lost"),
    ("overlay+no-fuse-overlayfs", {"D-06", "D-21"}, "lost"),
])
def test_doctor(carrel, need, obstacle, codes, worst):
    """What is not needed is not missing; what is used instead is named."""
    need("root")
    need("fuse")
    root = "/mnt/m" if obstacle.startswith("overlay") else carrel.home + "/s"
    res = behind(carrel, obstacle, "doctor", "--json", root=root)
    rows = {p["name"]: p for p in res.json()["probes"] if p["name"] in ("overlay", "fuse")}
    assert {p["code"] for p in rows.values() if "code" in p} == codes, res
    assert rows["overlay"]["level"] == worst, res
    if codes == {"D-06"}:
        assert "fuse-overlayfs" in rows["overlay"]["fallback"], res
        assert rows["fuse"]["level"] == "ok", res


def test_unknown_driver(carrel, need):
    need("subids")
    res = carrel.run(*HELLO, "true", env={"CARREL_ROOTFS": "copy"}, check=False)
    assert res.rc == 125 and "CARREL_ROOTFS" in res.err and "copy" in res.err, res
    assert carrel.run("ps", "-aq").lines == []


def test_found_out_once(carrel, need, small_fs):
    """On a file system that is not known to be good, overlay is tried once per boot."""
    need("fuse")
    env = {"CARREL_ROOT": small_fs(64 << 20)}

    def driver():
        res = carrel.run(*HELLO, "grep", " / ", "/proc/mounts", env=env)
        return res.out.split()[2], len(warnings(res))

    def fact():
        path, = [os.path.join(where, "overlay") for where, _, files in os.walk(carrel.runtime)
                 if "overlay" in files]
        with open(path, encoding="ascii") as f:
            return path, f.read()

    assert driver() == ("overlay", 0)
    path, text = fact()
    assert "works=1\n" in text, text
    # What is on record is believed, and said.
    for old, new, want in (("works=1", "works=0", ("fuse.fuse-overlayfs", 1)),
                           ("boot=", "boot=0", ("overlay", 0)), ("device=", "device=9", ("overlay", 0)),
                           ("end\n", "", ("overlay", 0))):
        with open(path, "w", encoding="ascii") as f:
            f.write(text.replace(old, new))
        assert driver() == want, (old, new)
        assert ("works=0" in fact()[1]) == ("fuse" in want[0]), fact()
    assert not os.path.exists(os.path.join(env["CARREL_ROOT"], "containers", "overlay-try"))
