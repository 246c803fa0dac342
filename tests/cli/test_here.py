# SPDX-License-Identifier: Apache-2.0
"""run --here: the caller as himself, with his home and working directory."""
import os
import pwd
import signal
import subprocess

import pytest

from lib import ociimg
from test_doctor import Obstructed

HERE = ("run", "--rm", "--here")


@pytest.fixture
def box(warm):
    """The shared store, with a directory to work in."""
    warm.proj = os.path.join(warm.home, "proj")
    os.makedirs(warm.proj, exist_ok=True)
    return warm


def owners(top):
    found = set()
    for where, dirs, files in os.walk(top):
        found |= {os.lstat(os.path.join(where, n)).st_uid for n in dirs + files}
    return found


def test_identity(box, leftovers):
    me, uid, gid = pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid()
    res = box.run(*HERE, box.image, "sh", "-c",
                  "id -u; id -g; id -un; pwd; echo $HOME $USER $LOGNAME; stat -c %u /; "
                  "cat /proc/self/uid_map; grep -E '^(Cap(Eff|Bnd|Prm|Amb)|NoNew|Seccomp:)' "
                  "/proc/self/status", cwd=box.proj)
    assert res.err == "", res
    assert res.lines[:6] == [str(uid), str(gid), me, box.proj, f"{box.home} {me} {me}",
                             str(uid)], res
    assert res.lines[6].split() == [str(uid), "0", "1"], res
    assert set(res.lines[7:]) == {"NoNewPrivs:\t1", "Seccomp:\t2"} | {
        f"Cap{k}:\t{'0' * 16}" for k in ("Eff", "Bnd", "Prm", "Amb")}, res


def test_groups_stay(box):
    res = box.run(*HERE, box.image, "grep", "Groups", "/proc/self/status")
    assert len(res.out.split()) - 1 == len(os.getgroups()), res


def test_files_are_the_callers(box):
    """Made inside, they are the user's outside, with the mask that he has."""
    with open(os.path.join(box.proj, "in"), "w", encoding="ascii") as f:
        f.write("from outside")
    made = os.path.join(box.proj, "out")
    p = subprocess.run([box.program, *HERE, box.image, "sh", "-c", "cat in; echo x >out; umask"],
                       env=box.env, cwd=box.proj, umask=0o027, capture_output=True, text=True,
                       check=True)
    assert p.stdout == "from outside0027\n", p
    st = os.stat(made)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (os.getuid(), os.getgid(), 0o640)


def test_passwd_of_the_image_stays(box):
    """The caller's line is in front of the image's, and in no layer."""
    box.run("run", "--here", "--name", "pw", box.image, "sh", "-c", "cat /etc/passwd; echo x >/etc/new")
    text = box.run("logs", "pw").out.splitlines()
    assert text[0].split(":")[2] == str(os.getuid()) and any("www" in x for x in text[1:]), text
    upper = os.path.join(box.store, "containers", box.run("inspect", "pw").json()[0]["Id"], "upper")
    assert not os.path.exists(upper + "/etc/passwd") or os.path.getsize(upper + "/etc/passwd") == 0
    assert os.path.exists(upper + "/etc/new")
    assert owners(upper) == {os.getuid()}
    box.run("rm", "pw")
    assert "www" in box.run("run", "--rm", "--network", "none", box.image, "head", "-n5",
                            "/etc/passwd").out


def test_environment(box):
    env = {"SLURM_JOB_ID": "7", "PMI_RANK": "1", "PMIX_X": "2", "OMPI_Y": "3", "LANG": "de_DE",
           "CUDA_VISIBLE_DEVICES": "0", "http_proxy": "http://p:1", "PYTHONPATH": "/host",
           "LD_LIBRARY_PATH": "/host", "SECRET": "s", "CUDA_VISIBLE_DEVICES_X": "no"}
    out = box.run(*HERE, "-e", "PMI_RANK=9", "-e", "SECRET", box.image, "env", env=env).lines
    want = {"SLURM_JOB_ID=7", "PMI_RANK=9", "PMIX_X=2", "OMPI_Y=3", "LANG=de_DE", "SECRET=s",
            "CUDA_VISIBLE_DEVICES=0", "http_proxy=http://p:1", "PYTHONNOUSERSITE=1",
            f"HOME={box.home}", "PATH=/bin:/usr/bin"}
    assert want <= set(out), out
    assert not [x for x in out if x.startswith(("PYTHONPATH", "LD_", "CUDA_VISIBLE_DEVICES_X"))]


def test_working_directory(box, tmp_path):
    res = box.run(*HERE, "--strict", box.image, "pwd", cwd="/")
    assert res.out == "/\n" and res.err == "", res  # the container's, as the page says
    assert box.run(*HERE, "-w", "/data/x", box.image, "pwd").out == "/data/x\n"
    outside = tmp_path / "work"
    outside.mkdir()
    (outside / "f").write_text("x")
    res = box.run(*HERE, box.image, "sh", "-c", "pwd; ls", cwd=str(outside))
    assert res.lines == [str(outside), "f"], res
    # What would hide the image's own files is not bound.
    res = box.run(*HERE, box.image, "sh", "-c", "pwd; ls /usr/lib", cwd="/usr/lib", check=False)
    assert res.lines[0] == box.home and "/usr/lib cannot be had" in res.err, res
    res = box.fails(*HERE, "--strict", box.image, "true", cwd="/usr/lib", has="/usr/lib")
    # One that was removed cannot be had either.
    gone = tmp_path / "gone"
    for flags in ((), ("--strict",)):
        gone.mkdir()
        words = ["sh", "-c", 'cd "$1" && rmdir "$1" && shift && exec "$@"', "sh", str(gone),
                 box.program, *HERE, *flags, box.image, "pwd"]
        p = subprocess.run(words, env=box.env, capture_output=True, text=True, check=False)
        assert p.stderr.count("the working directory (removed, or out of sight)") == 1, p
        assert (p.returncode, p.stdout) == ((125, "") if flags else (0, box.home + "\n")), p
    # The user's own mount on the same place wins.
    res = box.run(*HERE, "-v", f"{outside}:{box.proj}", box.image, "ls", cwd=box.proj)
    assert res.lines == ["f"], res


def test_without_a_home(box):
    res = box.run(*HERE, box.image, "sh", "-c", "echo $HOME; env", cwd="/",
                  env={"HOME": "/nonexistent"})
    assert res.lines[0] == "/" and "/nonexistent cannot be had" in res.err, res
    assert "PYTHONNOUSERSITE" not in res.out, res


def test_conflicts(box):
    box.fails(*HERE, "-u", "0", box.image, "true", has="--here")
    box.fails(*HERE, "--cap-add", "CHOWN", box.image, "true", has="--here")


@pytest.mark.serial  # the store in fixed places
def test_root_is_not_itself(root, need):
    need("root")
    root.fails(*HERE, "hello", has=["[D-18]", "hint: call it as an ordinary user"])


def test_network(box, need):
    """The host's by default; another one on request."""
    need("peer")
    need("tun")
    name = os.uname().nodename
    res = box.run(*HERE, box.image, "sh", "-c", "hostname; cat /proc/net/dev")
    assert res.lines[0] == name and "host0" in res.out, res
    res = box.run(*HERE, "--network", "none", box.image, "sh", "-c", "hostname; ls /sys/class/net")
    assert res.lines[0] != name and res.lines[1:] == ["lo"], res
    res = box.run(*HERE, "--network", "private", box.image, "sh", "-c",
                  "cat /proc/sys/net/ipv4/ping_group_range; wc -l </proc/net/route")
    assert res.lines[0].split() == [str(os.getgid())] * 2 and int(res.lines[1]) > 1, res


def test_descriptors_as_they_are(box, terminal, tmp_path):
    source, sink = tmp_path / "in", tmp_path / "out"
    source.write_bytes(b"abcdef")
    with open(source, "rb") as i, open(sink, "wb") as o:
        p = subprocess.run([box.program, *HERE, box.image, "sh", "-c",
                            "stat -L -c %F /proc/self/fd/0 /proc/self/fd/1; "
                            "dd bs=1 count=3 2>/dev/null"],
                           env=box.env, stdin=i, stdout=o, cwd=box.home, check=True)
        assert os.lseek(i.fileno(), 0, os.SEEK_CUR) == 3, "the file itself was not read"
    assert p.returncode == 0
    assert sink.read_text() == "regular file\nregular empty file\nabc"
    t = terminal(box, *HERE, box.image, "sh", "-c", "test -t 0 && echo on a terminal; read x; echo $x")
    t.expect("on a terminal")
    t.send("typed\n")
    t.expect("typed\r\n.*typed")
    assert t.wait() == 0
    fd = os.open("/", os.O_RDONLY)  # refused anywhere else
    subprocess.run([box.program, *HERE, box.image, "true"], env=box.env, stdin=fd, cwd=box.home,
                   check=True)
    os.close(fd)


def test_interrupt(box, terminal):
    t = terminal(box, *HERE, box.image, "sh", "-c", "echo ready; exec sleep 1000")
    t.expect("ready")
    t.send("\x03")
    assert t.wait() == 128 + signal.SIGINT


def test_terminal(box, terminal):
    t = terminal(box, *HERE, "-it", box.image, "sh")
    t.send("tty; stat -c %u $(tty); exit 4\n")
    t.expect(rb"/dev/pts/0\r\n%d\r\n" % os.getuid())
    assert t.wait() == 4


def test_life(box, leftovers):
    box.run("run", "-d", "--here", "--name", "h", box.image, "sh", "-c", "echo begun; exec sleep 1000",
            cwd=box.proj)
    res = box.run("exec", "h", "sh", "-c", "id -u; pwd; echo $HOME; touch from-exec; "
                  "grep -E '^(CapEff|NoNew)' /proc/self/status")
    assert res.lines == [str(os.getuid()), box.proj, box.home, "CapEff:\t" + "0" * 16,
                         "NoNewPrivs:\t1"], res
    assert os.stat(os.path.join(box.proj, "from-exec")).st_uid == os.getuid()
    res = box.fails("exec", "-u", "0", "h", "true", has="one id")
    assert "--here" in res.err and "[D-" not in res.err, res  # nothing is missing on the host
    assert box.run("exec", "-u", str(os.getuid()), "h", "id", "-u").out == f"{os.getuid()}\n"
    assert box.run("logs", "h").out == "begun\n"
    box.run("stop", "-t", "0", "h")
    box.run("start", "h")
    assert box.run("exec", "h", "pwd").out == box.proj + "\n"
    box.run("rm", "-f", "h")


def test_needs_no_newuidmap(carrel, images, need):
    need("root")
    for name in ("no-newuidmap", "no-subuid", "no-new-privs", "no-passwd"):
        host = Obstructed(carrel, name)
        res = host.run(*HERE, images["busybox"], "sh", "-c", "id -u; id -un; echo $HOME")
        assert res.rc == 0 and res.lines[0] == str(os.getuid()), res
        assert res.lines[1] and res.lines[2] == carrel.home, res
        if name != "no-newuidmap":  # the first one has pulled
            assert res.err == "", res
    # And with layers whose files are subordinate ids': they are there to be read.
    full = carrel.run("run", "--rm", "--network", "none", images["layers"], "true")
    assert full.rc == 0
    res = carrel.run(*HERE, images["layers"], "stat", "-c", "%u", "/data/sticky", "/data/kept")
    assert res.lines == ["65534", str(os.getuid())] and res.err == "", res


def test_nothing_that_the_user_cannot_delete(box, registry):
    """A file of a subordinate id is not copied up under its owner."""
    layer = ociimg.Layer().dir("open", mode=0o777, uid=33, gid=33)
    layer.file("open/f", "x", mode=0o666, uid=33, gid=33).file("f33", "x", mode=0o666, uid=33)
    native = "amd64" if os.uname().machine == "x86_64" else "arm64"
    registry.push_image(ociimg.Image([ociimg.busybox_layer(), layer],
                                     {"Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"]}, arch=native),
                        "foreign-files:latest")
    ref = registry.ref("foreign-files:latest")
    box.run("pull", "-q", ref)
    box.run("run", "--here", "--name", "ff", ref, "sh", "-c",
            "echo y >>/f33; echo y >>/open/f; touch /open/new; chmod 600 /f33; mkdir /mine", rc=0)
    top = os.path.join(box.store, "containers", box.run("inspect", "ff").json()[0]["Id"])
    assert owners(top) == {os.getuid()}
    box.run("rm", "ff")
    assert not os.path.exists(top)


def test_one_id_host(one_id, images):
    """Without subordinate ids at all: the same, and no word about ids."""
    res = one_id.run(*HERE, images["layers"], "sh", "-c", "id -u; stat -c %u /data/suid; "
                     "stat -c %a /data/suid")
    assert res.lines == [str(os.getuid())] * 2 + ["755"], res
    assert "warning" not in res.err, res
