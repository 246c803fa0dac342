# SPDX-License-Identifier: Apache-2.0
"""Attacks on rule 4 of doc/SECURITY-MODEL.md: carrel's own directories, seen through volumes."""
import os
import signal
import socket

import pytest

from test_doctor import Obstructed


def run(runner, *args, **kw):
    return runner.run("run", "--rm", "--network", "none", *args, **kw)


@pytest.fixture
def own(carrel, images):
    """A store of its own, some directories down, and nothing in it that others need."""
    carrel.env["XDG_DATA_HOME"] = os.path.join(carrel.home, "a/b/c")
    carrel.store = os.path.join(carrel.home, "a/b/c/carrel")
    carrel.run("pull", "-q", images["busybox"])
    carrel.image = images["busybox"]
    return carrel


# What the container tries, with the bind on /h: to have a prepared store or runtime directory found
# at the path of the real one.
MOVE = """
cd /h/%s || exit 9
for d in a a/b a/b/c b c r a/b/c/carrel r/carrel; do
	[ -d $d ] && mv $d $d.old 2>/dev/null && echo "moved $d" && mv $d.old $d
	rmdir $d 2>/dev/null && echo "removed $d"
done
for d in a a/b a/b/c b/c c r; do
	[ -d $d ] || continue
	echo x >$d/file && mkdir $d/made && mv $d/made $d/kept && mv $d/file $d/kept/ &&
		rm -r $d/kept || echo "not writable: $d"
done
ls -A a/b/c/carrel b/c/carrel c/carrel r/carrel 2>/dev/null | grep -v :
echo end
"""


@pytest.mark.parametrize("source", ["", "a", "a/b"])
def test_nothing_on_the_way_to_the_store_can_be_moved(own, source):
    res = run(own, "-v", f"{own.home}/{source}:/h/{source}", own.image, "sh", "-c", MOVE % source)
    assert [line for line in res.lines if line] == ["end"], res
    # Both at once, one below the other, and the same one twice: each has its own.
    res = run(own, "-v", f"{own.home}:/h", "-v", f"{own.home}/a:/h/a", "-v", f"{own.home}:/i",
              own.image, "sh", "-c", (MOVE % "") + (MOVE % "../i"))
    assert [line for line in res.lines if line] == ["end"] * 2, res


def test_nothing_can_be_moved_with_here(own):
    res = own.run("run", "--rm", "--here", own.image, "sh", "-c",
                  (MOVE % "").replace("/h/", own.home))
    assert [line for line in res.lines if line] == ["end"], res


def test_read_only_volume_is_covered(own):
    res = run(own, "-v", f"{own.home}:/h:ro", own.image, "sh", "-c",
              "ls -A /h/a/b/c/carrel /h/r/carrel | grep -v :; mv /h/a /h/b 2>&1; echo end")
    assert "Read-only file system" in res.out and "version" not in res.out, res


def start_stopped(runner, call, nth, *args, **kw):
    """Start carrel, and stop it when it makes this call for the nth time: (strace, carrel's pid, or
    None where it has ended without). A container that it starts has pid 1's parent in our hands."""
    r, w = os.pipe()
    p = runner.start("-o", f"/dev/fd/{w}", "-e", f"trace={call}", "-e",
                     f"inject={call}:signal=SIGSTOP:when={nth}", runner.program, *args,
                     program="/usr/bin/strace", pass_fds=[w],
                     env={"ASAN_OPTIONS": runner.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"},
                     **kw)
    os.close(w)
    p.trace = open(r, encoding="utf-8", errors="replace")  # open until strace has ended
    if not any("stopped by SIGSTOP" in line for line in p.trace):
        return p, None
    with open(f"/proc/{p.pid}/task/{p.pid}/children", encoding="ascii") as f:
        return p, int(f.read().split()[0])


def exchange(one, other):
    os.rename(one, one + ".exchange")
    os.rename(other, one)
    os.rename(one + ".exchange", other)


@pytest.mark.parametrize("decoy", ["other/c/carrel", "other"])
def test_store_that_is_moved_during_the_start(own, decoy, tmp_path):
    """By another container with the same volume, at one moment or the other while volumes are made
    ready: neither a decoy nor an empty place gets the real one seen."""
    real, other = os.path.join(own.home, "a/b"), os.path.join(own.home, "other")
    os.makedirs(os.path.join(own.home, decoy))
    refused = 0
    for nth in range(1, 20):
        with open(tmp_path / "out", "w+", encoding="utf-8") as out:
            p, pid = start_stopped(own, "mount_setattr", nth, "run", "--rm", "--network", "none",
                                   "-v", f"{own.home}:/h", own.image, "cat",
                                   "/h/other/c/carrel/version", stdout=out, stderr=out)
            if pid:
                exchange(real, other)
                os.kill(pid, signal.SIGCONT)
            status = p.wait(60)
            p.trace.close()
            out.seek(0)
            said = out.read()
        if not pid:
            break
        assert os.path.exists(os.path.join(other, "c/carrel/version")), "it was not moved"
        exchange(real, other)
        assert status and "uuid=" not in said, (nth, said)
        refused += status == 125 and "was moved meanwhile" in said
    assert refused and not pid, said


# ---- what a record names -------------------------------------------------------------------------

@pytest.mark.parametrize("where", ["proj/data", "proj"])
def test_link_that_was_planted_later(own, where):
    """A container with a volume that shows the source of another's has a link in its place: it
    would lead the next start of that one wherever it likes."""
    source = os.path.join(own.home, "proj/data")
    os.makedirs(os.path.join(source, "sub"))
    # The user's own links are followed once, by the command that they are typed for.
    os.symlink("proj/data", os.path.join(own.home, "mine"))
    own.run("run", "--name", "one", "--network", "none", "-v", f"{own.home}/mine/sub/..:/d",
            own.image, "ls", "-A", "/d")
    os.unlink(os.path.join(own.home, "mine"))
    assert own.run("start", "-a", "one").out == "sub\n"
    link, target = os.path.join(own.home, where), "/" if where == "proj/data" else "decoy"
    os.makedirs(os.path.join(own.home, "decoy/data/stolen"))
    run(own, "-v", f"{own.home}:/h", own.image, "sh", "-c",
        f"mv /h/{where} /h/away && ln -s {target} /h/{where}")
    own.fails("start", "-a", "one", has=[f"{link} is a link now", "/d", "anew"])
    os.unlink(link)
    os.rename(os.path.join(own.home, "away"), link)
    assert own.run("start", "-a", "one").out == "sub\n"


# ---- what other commands of the same user have -------------------------------------------------

# Directories that carrel would take for its own: what is there, and what can be made there.
TAKE = """
for d in "$@"; do
	stat -c "%a" $d
	ls -A $d
	mkdir -p $d && chmod 700 $d && echo x >$d/x && echo "taken: $d"
done 2>/dev/null
echo end
"""


@pytest.mark.parametrize("mode", ["rw", "ro"])
@pytest.mark.parametrize("xdg", [True, False])
def test_runtime_directories_of_other_sessions(own, need, xdg, mode):
    """One with XDG_RUNTIME_DIR and one without: both have theirs covered, whether or not they are
    there already."""
    need("root")
    if not xdg:
        own.env["XDG_RUNTIME_DIR"] = ""
    host = Obstructed(own, "tmp-new+no-linger")
    uid = os.getuid()

    def take(*words):
        return host.run("run", "--rm", "--network", "none", *words)
    res = take("-v", f"/tmp:/t:{mode}", "-v", f"/run/user/{uid}:/u:{mode}", own.image,
               "sh", "-c", TAKE, "sh", f"/t/carrel-{uid}", "/u/carrel")
    assert res.lines == ["555", "555", "end"], res
    res = take("-v", f"/run:/r:{mode}", own.image, "sh", "-c", TAKE, "sh", f"/r/user/{uid}/carrel")
    assert res.lines == ["555", "end"], res


def test_runtime_directory_that_is_a_link(own, need):
    """A container has planted it, or would replace it by its own: nothing is mounted on links."""
    need("root")
    link = f"/tmp/carrel-{os.getuid()}"
    host = Obstructed(own, "tmp-link")
    res = host.run("run", "--rm", "--network", "none", "-v", "/tmp:/t", own.image, "true")
    assert res.rc == 125 and link in res.err and "link" in res.err, res
    res = host.run("run", "--rm", "--network", "none", "-v", f"{own.home}:/t", own.image, "true")
    assert res.rc == 0, res


def test_other_stores_of_the_user(own):
    """With --root those by the environment and in the home are covered as well; what is not there
    is made, or the container would make it."""
    root = os.path.join(own.home, "other")
    env = {"CARREL_ROOT": os.path.join(own.home, "../" + os.path.basename(own.home), "env/store/")}
    own.run("--root", root, "pull", "-q", own.image)
    res = own.run("--root", root, "run", "--rm", "--network", "none", "-v", f"{own.home}:/h",
                  own.image, "sh", "-c", TAKE, "sh", "/h/other", "/h/env/store", "/h/a/b/c/carrel",
                  "/h/.local/share/carrel", env=env)
    assert res.lines == ["555"] * 4 + ["end"], res
    for path in ("env/store", ".local/share/carrel"):
        assert os.listdir(os.path.join(own.home, path)) == []
    own.fails("--root", root, "run", "--rm", "-v", f"{own.store}/layers:/h", own.image, "true",
              has="carrel's own directory")
    # Nothing is made where no volume shows it, and each of them is an empty store.
    own.env["HOME"] = os.path.join(own.home, "b")
    own.run("--root", root, "run", "--rm", "--network", "none", "-v", f"{own.home}/a:/h",
            own.image, "true", env={"CARREL_ROOT": os.path.join(own.home, "nowhere")})
    assert not {"b", "nowhere"} & set(os.listdir(own.home))
    own.run("pull", "-q", own.image, env=env)


@pytest.mark.serial
def test_directories_of_root(root, images, tmp_path):
    """Those of the id that root becomes, beside another store."""
    env = {"CARREL_ROOT": "/var/lib/carrel/other"}
    root.run("pull", "-q", images["busybox"])
    words = ["-v", "/run:/r", "-v", "/var:/v", images["busybox"], "sh", "-c",
             "ls -A /r/carrel /v/lib/carrel | grep -v :; stat -c %a /r/carrel /v/lib/carrel"]
    assert run(root, *words).lines == ["", "555", "555"]
    root.run("pull", "-q", images["busybox"], env=env)
    assert run(root, *words, env=env).lines == ["", "555", "555"]


# ---- the second line: a socket that was replaced all the same ------------------------------------

def find_socket(runner):
    for where, _, files in os.walk(os.path.join(runner.runtime, "carrel")):
        for name in files:
            if name.endswith(".sock"):
                return where, name
    pytest.fail("no attach socket")


@pytest.mark.parametrize("who", ["stranger", "other supervisor"])
def test_attach_tells_a_stranger_nothing(own, who):
    """Not one byte, nor the descriptor by which every supervisor of the user knows its master."""
    own.run("run", "-d", "--name", "one", "--network", "none", own.image, "sleep", "1000")
    where, name = find_socket(own)
    fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
    os.rename(name, "real", src_dir_fd=fd, dst_dir_fd=fd)
    if who == "other supervisor":
        # The supervisor of another container is one, but not that of this.
        own.run("run", "-d", "--name", "two", "--network", "none", own.image, "sleep", "1000")
        os.rename(find_socket(own)[1], name, src_dir_fd=fd, dst_dir_fd=fd)
        listener = None
    else:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(f"/proc/self/fd/{fd}/{name}")
        listener.listen()
    res = own.fails("attach", "one", has=["container", "another process"])
    if listener:
        conn, _ = listener.accept()
        assert socket.recv_fds(conn, 65536, 4)[:2] == (b"", []), res
        conn.close()
        listener.close()
    os.rename("real", name, src_dir_fd=fd, dst_dir_fd=fd)
    os.close(fd)
    own.run("rm", "-f", *own.run("ps", "-aq").lines)
