# SPDX-License-Identifier: Apache-2.0
"""Standard descriptors of a container, and that no byte of them is lost."""
import hashlib
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

GIB = 1 << 30
BLOCK = bytes(range(256)) * 4096  # 1 MiB, each byte value


def pattern(size=GIB):
    """No two blocks are alike."""
    for i in range(size // len(BLOCK)):
        yield i.to_bytes(8, "little") + BLOCK[8:]


def digest(chunks):
    h = hashlib.sha256()
    for c in chunks:
        h.update(c)
    return h.hexdigest()


def wait_for(path):
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.01)


def feed(w, size):
    def work():
        with os.fdopen(w, "wb", buffering=0) as f:
            for block in pattern(size):
                view = memoryview(block)
                while view:
                    view = view[f.write(view):]
    t = threading.Thread(target=work)
    t.start()
    return t


def drain(r):
    h = hashlib.sha256()
    with os.fdopen(r, "rb", buffering=0) as f:
        for chunk in iter(lambda: f.read(1 << 20), b""):
            h.update(chunk)
    return h.hexdigest()


@pytest.mark.serial
@pytest.mark.parametrize("flags, size", [
    (["--rm"], GIB),
    (["--name", "gib"], GIB // 4),      # its log is four times as long
])
def test_one_gib_through_pipes(warm, flags, size):
    in_r, in_w = os.pipe()
    out_r, out_w = os.pipe()
    p = warm.start("run", *flags, "-i", "--network", "none", warm.image, "cat", stdin=in_r,
                   stdout=out_w)
    os.close(in_r)
    os.close(out_w)
    feeder = feed(in_w, size)
    got = drain(out_r)
    feeder.join()
    assert p.wait(timeout=60) == 0
    assert got == digest(pattern(size))
    if "--name" in flags:
        warm.run("rm", "gib")


@pytest.mark.serial
def test_one_gib_through_files(warm, tmp_path):
    with open(tmp_path / "in", "wb") as f:
        for block in pattern():
            f.write(block)
    with open(tmp_path / "in", "rb") as src, open(tmp_path / "out", "wb") as dst:
        p = warm.start("run", "--rm", "-i", "--network", "none", warm.image, "cat", stdin=src,
                       stdout=dst)
        assert p.wait(timeout=120) == 0
    os.unlink(tmp_path / "in")
    with open(tmp_path / "out", "rb") as f:
        got = digest(iter(lambda: f.read(1 << 20), b""))
    os.unlink(tmp_path / "out")
    assert got == digest(pattern())


def test_file_of_a_container_that_stays(warm, tmp_path):
    """Many small pieces that have come together: a file cannot be waited for, and none is left."""
    shared = tmp_path / "shared"
    shared.mkdir()
    with open(tmp_path / "out", "wb") as dst:
        p = warm.start("run", "--name", "pieces", "--network", "none", "-v", f"{shared}:/shared",
                       warm.image, "sh", "-c",
                       "touch /shared/begun; until [ -e /shared/go ]; do sleep 0.02; done;"
                       " for i in $(seq 100); do echo line $i; sleep 0.02; done; touch /shared/said;"
                       " exec sleep 0.1", stdout=dst)
    try:
        wait_for(shared / "begun")
        p.send_signal(signal.SIGSTOP)
        (shared / "go").touch()
        wait_for(shared / "said")
        p.send_signal(signal.SIGCONT)
        assert p.wait(timeout=90) == 0
    finally:
        p.kill()
        warm.run("rm", "-f", "pieces")
    assert (tmp_path / "out").read_text().split("\n")[:-1] == [f"line {i}" for i in range(1, 101)]


@pytest.mark.parametrize("flags", [["--rm"], ["--name", "both"]])
def test_streams_stay_apart(warm, flags):
    r = warm.run("run", *flags, "--network", "none", warm.image, "sh", "-c",
                 "echo out; echo err >&2")
    assert r.out == "out\n" and r.err == "err\n"
    if "--name" in flags:
        warm.run("rm", "both")


@pytest.mark.parametrize("flags", [["--rm"], ["--name", "noin"]])
def test_without_i_stdin_is_empty(warm, flags):
    r = warm.run("run", *flags, "--network", "none", warm.image, "cat", input="secret")
    assert r.out == ""
    if "--name" in flags:
        warm.run("rm", "noin")


@pytest.mark.parametrize("flags", [["--rm"], ["--name", "fdkind"]])
def test_kinds_of_descriptors(warm, tmp_path, flags):
    """Pipes pass through; a file is relayed, so that the container has a pipe, not the file."""
    with open(tmp_path / "f", "w+b") as f:
        p = warm.start("run", *flags, "-i", "--network", "none", warm.image, "sh", "-c",
                       "readlink /proc/self/fd/0 >&2; readlink /proc/self/fd/1 >&2",
                       stdin=f, stdout=f, stderr=subprocess.PIPE)
        err = p.communicate(timeout=30)[1].decode()
    assert p.returncode == 0, err
    assert err.count("pipe:") == 2, err
    if "--name" in flags:
        warm.run("rm", "fdkind")


def opened_by_path(carrel, out, *flags):
    """What the container writes to a stream and to its path comes in the order of writing."""
    p = carrel.start("run", "--rm", *flags, "--network", "none", carrel.image, "sh", "-c",
                     "for i in $(seq 50); do echo a$i; echo b$i >/dev/stdout; echo c$i >&2;"
                     " echo d$i >/dev/stderr; done", stdout=out[1], stderr=out[1])
    if not isinstance(out[1], int):
        out[1].close()
    else:
        os.close(out[1])
    with (out[0].makefile("rb") if not isinstance(out[0], int) else os.fdopen(out[0], "rb")) as f:
        got = f.read().decode()
    assert p.wait(timeout=30) == 0, got
    assert got.split() == [c + str(i) for i in range(1, 51) for c in "abcd"]


@pytest.mark.parametrize("flags", [[], ["-u", "33"]])
def test_streams_can_be_opened(warm, flags):
    """Images keep their logs in /dev/stdout: through pipes, those that a user of a container before
    has got, and sockets (a service of systemd, cron, ssh)."""
    opened_by_path(warm, os.pipe(), *flags)
    r, w = os.pipe()
    p = warm.start("run", "--rm", "-u", "44", "--network", "none", warm.image, "true", stdout=w)
    assert p.wait(timeout=30) == 0
    opened_by_path(warm, (r, w), *flags)
    opened_by_path(warm, socket.socketpair(), *flags)


@pytest.mark.serial
def test_streams_of_another_user_can_be_opened(root, images, need):
    """Root is another id here from the start: `sudo -u user carrel ... | tee` is the same."""
    need("root")
    root.run("pull", "-q", images["busybox"])
    root.image = images["busybox"]
    opened_by_path(root, os.pipe())


def test_directory_is_refused(warm, leftovers, tmp_path):
    before = leftovers.snapshot(warm)
    for flags in (["--rm", "-i"], ["-i"], ["-d", "-i"]):
        fd = os.open(tmp_path, os.O_RDONLY)
        p = warm.start("run", *flags, "--network", "none", warm.image, "ls", stdin=fd,
                       stderr=subprocess.PIPE)
        err = p.communicate(timeout=30)[1].decode()
        os.close(fd)
        assert p.returncode == 125 and "directory" in err
    leftovers.check(warm, before)


def test_o_path_is_refused(warm, tmp_path):
    (tmp_path / "f").write_text("x")
    fd = os.open(tmp_path / "f", os.O_PATH)
    p = warm.start("run", "--rm", "-i", "--network", "none", warm.image, "cat", stdin=fd,
                   stderr=subprocess.PIPE)
    err = p.communicate(timeout=30)[1].decode()
    os.close(fd)
    assert p.returncode == 125 and "O_PATH" in err


def test_no_other_descriptor_goes_in(warm, tmp_path):
    (tmp_path / "secret").write_text("x")
    fd = os.open(tmp_path / "secret", os.O_RDONLY)
    for flags in (["--rm"], ["--rm", "-t"]):
        p = warm.start("run", *flags, "--network", "none", warm.image, "sh", "-c",
                       "ls -l /proc/self/fd", stdout=subprocess.PIPE, pass_fds=[fd])
        out = p.communicate(timeout=30)[0].decode()
        assert "secret" not in out and str(tmp_path) not in out
    os.close(fd)


def test_full_disk_of_the_caller(warm, leftovers):
    before = leftovers.snapshot(warm)
    with open("/dev/full", "wb") as full:
        p = warm.start("run", "--rm", "--network", "none", warm.image, "echo", "lost", stdout=full,
                       stderr=subprocess.PIPE)
        err = p.communicate(timeout=30)[1].decode()
    assert p.returncode == 125 and "No space left" in err
    leftovers.check(warm, before)


def test_reader_that_goes_away(warm):
    """`run ... yes | head -1` ends."""
    r, w = os.pipe()
    p = warm.start("run", "--rm", "--network", "none", warm.image, "yes", stdout=w)
    os.close(w)
    assert os.read(r, 2) == b"y\n"
    os.close(r)
    assert p.wait(timeout=90) in (1, 128 + 13)


def closed_pipe():
    r, w = os.pipe()
    os.close(r)
    return os.fdopen(w, "wb", buffering=0)


@pytest.fixture
def talker(warm, leftovers):
    """A container with much of a log, in long lines."""
    name = f"talker{os.getpid()}"
    warm.run("run", "--name", name, "--network", "none", warm.image, "sh", "-c",
             "for i in $(seq 100); do printf '%10000s\\n' $i; done")
    yield name
    warm.run("rm", "-f", name)


SAYING = (["logs", "TALKER"], ["logs", "-f", "TALKER"], ["ps", "-a"], ["ps", "-a", "--format", "json"],
          ["images"], ["inspect", "TALKER"], ["--help"], ["run", "--help"], ["image", "-h"],
          ["help", "run"], ["version"])


@pytest.mark.parametrize("words", SAYING, ids=" ".join)
def test_nobody_reads_what_is_said(warm, talker, words):
    """`carrel ps | head -1`: silent and 141, as programs that end by SIGPIPE."""
    words = [talker if w == "TALKER" else w for w in words]
    with closed_pipe() as w:
        p = warm.start(*words, stdout=w, stderr=subprocess.PIPE)
    err = p.communicate(timeout=30)[1].decode()
    assert p.returncode == 141 and err == "", (p.returncode, err)


@pytest.mark.parametrize("words", SAYING, ids=" ".join)
def test_no_room_for_what_is_said(warm, talker, words):
    words = [talker if w == "TALKER" else w for w in words]
    with open("/dev/full", "wb") as w:
        p = warm.start(*words, stdout=w, stderr=subprocess.PIPE)
    err = p.communicate(timeout=30)[1].decode()
    assert p.returncode == 125
    assert err == "carrel: write to standard output: No space left on device\n", err


@pytest.mark.parametrize("how", ["run", "start", "attach"])
def test_reader_of_a_container_that_stays_goes_away(warm, leftovers, how):
    """The same where a supervisor has the output: the command ends, the container goes on."""
    before = leftovers.snapshot(warm)
    name = f"unread{os.getpid()}"
    words = ["--name", name, "--network", "none", warm.image, "sh", "-c",
             "while :; do echo y; sleep 0.02; done"]
    if how != "run":
        warm.run("run", "-d", *words)
    if how == "start":
        warm.run("stop", name)
    r, w = os.pipe()
    p = warm.start(*{"run": ["run", *words], "start": ["start", "-a", name],
                     "attach": ["attach", name]}[how], stdout=w, stderr=subprocess.PIPE)
    os.close(w)
    assert os.read(r, 2) == b"y\n"
    os.close(r)
    err = p.communicate(timeout=30)[1].decode()
    assert p.returncode == 128 + 13 and "goes on" in err and err.count("\n") == 1, err
    assert warm.run("ps", "-q", "--filter", f"name={name}").lines
    warm.run("rm", "-f", name)
    leftovers.check(warm, before)


@pytest.mark.parametrize("network", ["none", "private"])
def test_detached_holds_nothing_of_the_caller(warm, need, leftovers, network):
    """`id=$(carrel run -d ...)` returns at once: nobody keeps the pipe."""
    if network == "private":
        need("tun")
    before = leftovers.snapshot(warm)
    p = warm.start("run", "-d", "--rm", "--name", "holds", "--network", network, warm.image,
                   "sleep", "60", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = p.communicate(timeout=90)[0].decode()
    assert p.returncode == 0 and len(out.strip()) == 64, out
    warm.run("rm", "-f", "holds")
    leftovers.check(warm, before)
