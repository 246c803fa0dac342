# SPDX-License-Identifier: Apache-2.0
"""Attacks on the rules of doc/SECURITY-MODEL.md, from inside real containers."""
import hashlib
import os
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from lib import ociimg, programs
from lib.ociimg import PLAIN, native



@pytest.fixture(scope="session")
def attack(worker_dir):
    """The attack program on the host; in the images it is /attack."""
    return programs.static(worker_dir, "attacks/attack.c")


def attack_layer(path):
    layer = ociimg.busybox_layer()
    with open(path, "rb") as f:
        layer.file("attack", f.read(), mode=0o755)
    return layer


@pytest.fixture(scope="session")
def attack_image(registry, attack):
    registry.push_image(ociimg.Image([attack_layer(attack)], PLAIN, arch=native()),
                        "attack:latest")
    return registry.ref("attack:latest")


@pytest.fixture
def hostile(registry):
    """hostile(name, layer, config) -> reference of an image that somebody made to hurt."""
    def make(name, layer, config=None):
        registry.push_image(ociimg.Image([ociimg.busybox_layer(), layer],
                                         dict(PLAIN, **(config or {})), arch=native()),
                            f"hostile-{name}:latest")
        return registry.ref(f"hostile-{name}:latest")
    return make


def run(runner, *args, **kw):
    return runner.run("run", "--rm", "--network", "none", *args, **kw)


def outcomes(res):
    return dict(line.split(" ", 1) for line in res.lines)


def pid_of(runner, name):
    return runner.run("inspect", name).json()[0]["State"]["Pid"]


def wait_on_record(runner, name):
    """Its pid 1, as soon as anybody can know it."""
    for _ in range(1000):
        res = runner.run("inspect", name, check=False)
        if res.rc == 0 and res.json()[0]["State"]["Running"]:
            return res.json()[0]["State"]["Pid"]
    pytest.fail(f"{name} does not come to run")


# ---- rule 1: who joins a container cannot be looked into ----------------------------------------

def test_rule1_joining_process_is_out_of_reach(warm, attack_image, leftovers):
    name = "rule1"
    r, w = os.pipe()
    # With all capabilities in N, so that only the joiner's own precautions are in the way.
    p = warm.start("run", "--rm", "--name", name, "--network", "none", "--cap-add", "ALL",
                   attack_image, "/attack", "joined", "3", stdout=w)
    os.close(w)
    said = b""
    while b"ready" not in said:
        assert select.select([r], [], [], 30)[0], "no container"
        said += os.read(r, 4096)
    while not select.select([r], [], [], 0)[0]:
        warm.run("exec", name, "true", check=False)
    while data := os.read(r, 4096):
        said += data
    os.close(r)
    assert p.wait(30) == 0
    seen, got = map(int, re.search(rb"seen (\d+) got (\d+)", said).groups())
    assert got == 0, said
    if seen == 0:
        pytest.fail("the attack never caught a joining process")


LINGER = r"""
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
	char asked;

	if (recv(3, &asked, 1, 0) != 1) /* the container's namespaces: pid 1 is there */
		return 1;
	dprintf(open("%s", O_WRONLY), "%%d\n", getpid());
	sleep(60);
	return 1;
}
"""


def copy_install(carrel, name):
    """Carrel in a prefix of that name in its user's home."""
    prefix = os.path.join(carrel.home, name)
    for part in ("bin", "libexec"):
        shutil.copytree(os.path.join(carrel.prefix, part), os.path.join(prefix, part),
                        ignore=lambda d, names: [n for n in names if d.endswith("/bin")
                                                 and n != "carrel"])
    return prefix


def test_rule1_pid_1_before_its_exec_is_out_of_reach(make_carrel, carrel, attack_image, tmp_path):
    """It is not the container's program yet, and an `exec` may come that early."""
    prefix = copy_install(carrel, "slow")
    fifo = os.path.join(carrel.home, "fifo")
    os.mkfifo(fifo)
    source = tmp_path / "linger.c"
    source.write_text(LINGER % fifo)
    netstack = os.path.join(prefix, "libexec/carrel/netstack")
    os.unlink(netstack)
    subprocess.run(["cc", "-static", "-o", netstack, source], check=True)
    runner = make_carrel(os.path.join(prefix, "bin", "carrel"))
    runner.run("pull", "-q", attack_image)
    p = runner.start("run", "--rm", "--name", "slow", attack_image, "true")
    # The network is not there, and will not be: pid 1 waits before its exec.
    with open(fifo, encoding="ascii") as f:
        lingerer = int(f.readline())  # it keeps the other end open
    try:
        pid = wait_on_record(runner, "slow")
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            assert f.read() == "carrel\n", "it is beyond its exec"
        with pytest.raises(PermissionError):
            os.listdir(f"/proc/{pid}/fd")
        with pytest.raises(PermissionError):
            os.open(f"/proc/{pid}/mem", os.O_RDWR)
        runner.fails("exec", "slow", "true", has=["join the container", "just be starting"])
    finally:
        os.kill(lingerer, signal.SIGKILL)
        p.wait(30)


def test_rule1_exec_during_the_start(warm, leftovers, tmp_path):
    """Until pid 1 has left the host's root, who joins its namespaces would be there as well."""
    before = leftovers.snapshot(warm)
    # Its user namespace is taken: newuidmap would not work below strace.
    warm.run("run", "-d", "--name", "first", "--network", "none", warm.image, "sleep", "1000")
    p = warm.start("-f", "-o", "/dev/null", "-e", "trace=prctl", "-e",
                   "inject=prctl:delay_enter=100000", warm.program, "run", "-d", "--name", "slow",
                   "--network", "none", warm.image, "sleep", "1000", program="/usr/bin/strace")
    early, late = 0, 0
    while p.poll() is None and not late:
        res = warm.run("exec", "slow", "test", "!", "-e", warm.home, check=False)
        assert res.rc != 1, "it was in the host's root"
        early += "just be starting" in res.err
        late += res.rc == 0
    warm.run("rm", "-f", "first", "slow")
    assert p.wait(60) == 0 and early > 0 and late  # strace stays as long as the container
    leftovers.check(warm, before)


def test_rule1_no_descriptor_of_the_host(warm, attack_image):
    res = run(warm, attack_image, "/attack", "look")
    assert set(res.lines) == {"pid 1", "fd 0", "fd 1", "fd 2"}, res
    warm.run("run", "-d", "--name", "fds", "--network", "none", attack_image, "sleep", "1000")
    res = warm.run("exec", "fds", "/attack", "look")
    assert {x for x in res.lines if x.startswith("fd")} == {"fd 0", "fd 1", "fd 2"}, res
    warm.run("rm", "-f", "fds")


# ---- rule 2: our programs cannot be written from inside -----------------------------------------

def tree_hash(top):
    out = {}
    for where, _, files in os.walk(top):
        for f in files:
            path = os.path.join(where, f)
            with open(path, "rb") as fd:
                out[path] = (os.stat(path).st_mode, os.stat(path).st_uid,
                             hashlib.sha256(fd.read()).hexdigest())
    return out


@pytest.fixture
def own_install(make_carrel, carrel, attack_image, tmp_path_factory):
    """Carrel in a prefix that belongs to the user, as in ~/.local."""
    prefix = copy_install(carrel, "local")
    runner = make_carrel(os.path.join(prefix, "bin", "carrel"))
    runner.run("pull", "-q", attack_image)
    runner.own_prefix = prefix
    return runner


def test_rule2_own_program_as_entry_point(own_install, attack_image, hostile):
    before = tree_hash(own_install.own_prefix)
    run(own_install, attack_image, "/proc/self/exe", "version", check=False)
    script = hostile("selfexe", ociimg.Layer().file("entry", "#!/proc/self/exe\n", mode=0o755),
                     {"Entrypoint": ["/entry"]})
    res = own_install.run("run", "--rm", "--network", "none", script, "version", check=False)
    assert "carrel" not in res.out, res
    # Our pid 1 stays while the attack runs: its file is on a read-only mount.
    res = outcomes(run(own_install, "--init", attack_image, "/attack", "overwrite", "1"))
    assert res["write"] in ("Read-only file system", "Text file busy"), res
    assert res["chmod"] == res["chown"] == "Read-only file system", res
    own_install.run("run", "-d", "--name", "c", "--network", "none", attack_image, "sleep", "1000")
    own_install.run("exec", "c", "/proc/self/exe", "version", check=False)
    own_install.run("exec", "c", "/proc/self/exe", "exec", "/attack", "a", "overwrite", "self",
                    check=False)
    own_install.run("rm", "-f", "c")
    assert tree_hash(own_install.own_prefix) == before


# ---- rule 3: host id 0 is never mapped ----------------------------------------------------------

@pytest.mark.serial
def test_rule3_host_root_is_not_mapped(any_carrel, attack_image):
    any_carrel.run("pull", "-q", attack_image)
    any_carrel.run("run", "-d", "--name", "ids", "--network", "none", attack_image, "sleep",
                   "1000")
    try:
        pid = pid_of(any_carrel, "ids")
        for kind in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{kind}", encoding="ascii") as f:
                rows = [tuple(map(int, line.split())) for line in f]
            assert sum(n for _, _, n in rows) == 65536, rows
            assert all(first > 0 for _, first, _ in rows), rows
        res = outcomes(any_carrel.run("exec", "ids", "/attack", "escalate"))
        # The file's owner is host root: with it mapped, only the read-only mount would object.
        assert res["swappiness"] == "Permission denied", res
    finally:
        any_carrel.run("rm", "-f", "ids")


def test_rule3_container_root_reads_no_root_file(warm, attack_image):
    res = run(warm, "-v", "/etc:/hostetc:ro", attack_image, "cat", "/hostetc/shadow", check=False)
    assert res.rc != 0 and res.out == "", res


def test_rule3_one_id(one_id, warm, attack_image):
    """One id is the caller's own, in tier B as root and with --here under its own number."""
    one_id.run("pull", "-q", attack_image)
    for runner, words, first in ((one_id, ("--network", "none"), 0), (warm, ("--here",), os.getuid())):
        runner.run("run", "-d", "--name", "ids", *words, attack_image, "sleep", "1000")
        pid = pid_of(runner, "ids")
        for kind, host in (("uid_map", os.getuid()), ("gid_map", os.getgid())):
            with open(f"/proc/{pid}/{kind}", encoding="ascii") as f:
                rows = [tuple(map(int, line.split())) for line in f]
            assert rows == [(first if kind == "uid_map" or not first else host, host, 1)], rows
        with open(f"/proc/{pid}/setgroups", encoding="ascii") as f:
            assert f.read() == "deny\n"
        runner.run("rm", "-f", "ids")


# ---- rule 4: store and runtime directory --------------------------------------------------------

def test_rule4_store_is_covered_by_an_empty_directory(warm):
    res = run(warm, "-v", f"{warm.home}:/h", warm.image, "sh", "-c",
              "ls -A /h/d/carrel; ls -A /h/r/carrel; echo x >/h/d/carrel/x; echo end")
    assert res.out == "end\n", res
    assert "Read-only file system" in res.err, res
    for path in (warm.store, os.path.join(warm.store, "layers")):
        warm.fails("run", "--rm", "--network", "none", "-v", f"{path}:/h", warm.image, "true",
                   has=path)
    # A file of it is no better: locks, records, other containers' logs.
    warm.fails("run", "--rm", "--network", "none", "-v", f"{warm.store}/version:/f", warm.image,
               "true", has="version")


@pytest.mark.serial
def test_rule4_store_is_recognised_by_another_mount(warm, second_bind):
    store = second_bind(warm.store)
    home = second_bind(warm.home)
    part = second_bind(os.path.join(warm.store, "containers"))
    for path in (store, os.path.join(store, "layers"), os.path.join(home, "d/carrel/refs"), part):
        warm.fails("run", "--rm", "--network", "none", "-v", f"{path}:/h", warm.image, "true",
                   has=["carrel's own directory", path])
    # From above: each of them is covered, whichever way it is seen.
    res = run(warm, "-v", f"{home}:/h", "-v", f"{os.path.dirname(store)}:/s",
              "-v", f"{os.path.dirname(part)}:/p", warm.image, "sh", "-c",
              "ls -A /h/d/carrel /h/r/carrel; ls -A /s/at; ls -A /p/at; ls -A /h/d")
    assert res.lines == ["/h/d/carrel:", "", "/h/r/carrel:", "carrel"], res


def test_rule4_store_in_the_home_of_here(warm):
    """--here binds the home, and the store lies in it."""
    res = warm.run("run", "--rm", "--here", warm.image, "sh", "-c",
                   "ls -A ~/d/carrel; ls -A ~/r/carrel; echo x >~/d/carrel/x; rmdir ~/d/carrel; "
                   "mv ~/d/carrel ~/moved; umount ~/d/carrel; echo x >~/made; echo end")
    assert res.out == "end\n" and "Read-only file system" in res.err, res
    assert os.path.exists(os.path.join(warm.home, "made"))
    # A working directory in it is the empty one.
    res = warm.run("run", "--rm", "--here", warm.image, "ls", "-A", cwd=warm.store)
    assert res.out == "", res


def test_rule4_no_abstract_socket(warm):
    warm.run("run", "-d", "--name", "sock", "--network", "none", warm.image, "sleep", "1000")
    with open("/proc/net/unix", encoding="utf-8") as f:
        names = [line.split()[7] for line in f.readlines()[1:] if len(line.split()) > 7]
    warm.run("rm", "-f", "sock")
    assert not [n for n in names if n.startswith("@") and "carrel" in n]


# ---- rule 5: keyring and terminal ---------------------------------------------------------------

def test_rule5_session_keyring(warm, attack, attack_image):
    control = subprocess.run([attack, "with-key", attack, "find-key"], capture_output=True,
                             text=True, check=False)
    assert control.stdout == "key ok\n", control
    inside = ["run", "--rm", "--network", "none", "--security-opt", "seccomp=unconfined",
              attack_image, "/attack", "find-key"]
    res = subprocess.run([attack, "with-key", warm.program] + inside, env=warm.env,
                         capture_output=True, text=True, check=False)
    assert res.returncode == 0, res
    assert res.stdout == "key Required key not available\n", res
    res = run(warm, attack_image, "/attack", "find-key")
    assert res.out == "key Operation not permitted\n", res
    warm.run("run", "-d", "--name", "keys", *inside[2:-2], "sleep", "1000")
    res = subprocess.run([attack, "with-key", warm.program, "exec", "keys", "/attack", "find-key"],
                         env=warm.env, capture_output=True, text=True, check=False)
    warm.run("rm", "-f", "keys")
    assert res.stdout == "key Required key not available\n", res


@pytest.mark.parametrize("flags", [
    (), ("-i",), ("--security-opt", "seccomp=unconfined"),
    ("--here",), ("--here", "--security-opt", "seccomp=unconfined"),
])
def test_rule5_nothing_is_typed_into_the_callers_terminal(warm, terminal, attack_image, flags):
    t = terminal(warm, "run", "--rm", "--network", "none", *flags, attack_image, "/attack", "tty")
    text = t.expect(rb"sti0 .*sti-high2 [^\r\n]*\r?\n").group(0)
    assert t.wait() == 0
    assert not re.search(rb"sti\S* ok", text), text


# ---- rule 7 -------------------------------------------------------------------------------------

def test_rule7_shared_pid_namespace_is_refused(warm):
    warm.fails("run", "--rm", "--pid", "host", warm.image, "true", has="--pid")


# ---- container root ------------------------------------------------------------------------------

def test_capability_sets(warm):
    show = ["sh", "-c", "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status"]
    root = {"CapInh": 0, "CapPrm": 0x800405fb, "CapEff": 0x800405fb, "CapBnd": 0x800405fb,
            "CapAmb": 0}

    def sets(res):
        rows = dict(line.split(":\t") for line in res.lines)
        assert rows.pop("Seccomp") == "2" and rows.pop("NoNewPrivs") == "0", res
        return {k: int(v, 16) for k, v in rows.items()}
    assert sets(run(warm, warm.image, *show)) == root
    assert sets(run(warm, "-u", "www", warm.image, *show)) == dict(root, CapPrm=0, CapEff=0)
    assert sets(run(warm, "--cap-drop", "ALL", "--cap-add", "CHOWN", warm.image, *show)) == {
        "CapInh": 0, "CapPrm": 1, "CapEff": 1, "CapBnd": 1, "CapAmb": 0}
    warm.run("run", "-d", "--name", "caps", "--network", "none", warm.image, "sleep", "1000")
    assert sets(warm.run("exec", "caps", *show)) == root
    warm.run("rm", "-f", "caps")


def test_escalation_is_refused(warm, attack_image):
    res = outcomes(run(warm, attack_image, "/attack", "escalate"))
    assert {k for k, v in res.items() if v == "ok"} == set(), res
    assert res["clone3"] == "Function not implemented", res
    # The kernel's cryptography and the hypervisor; a kernel without them has another answer.
    assert res["alg"] == res["vsock"] == "Operation not permitted", res


def tier(runner, words, image, *command, **kw):
    return runner.run("run", "--rm", *words, image, *command, **kw)


@pytest.fixture(params=["B", "C"])
def lower_tier(request, attack_image):
    """Container root of a host with one id, and --here: (runner, words for run)."""
    runner = request.getfixturevalue("one_id" if request.param == "B" else "carrel")
    runner.run("pull", "-q", attack_image)
    return runner, ("--network", "none") if request.param == "B" else ("--here",)


def test_escalation_with_one_id(lower_tier, attack_image):
    runner, words = lower_tier
    res = outcomes(tier(runner, words, attack_image, "/attack", "escalate"))
    assert {k for k, v in res.items() if v == "ok"} == set(), res
    res = tier(runner, (*words, "-v", "/etc:/hostetc:ro"), attack_image, "sh", "-c",
               "cat /hostetc/shadow; cat /hostetc/gshadow; echo x >/hostetc/x", check=False)
    assert res.rc != 0 and res.out == "", res
    res = tier(runner, words, attack_image, "/attack", "look")
    assert not {x for x in res.lines if x.startswith("fd")} - {"fd 0", "fd 1", "fd 2"}, res
    # A setuid file of one's own gives nothing, and is nothing outside.
    res = tier(runner, words, attack_image, "sh", "-c", "cp /bin/busybox /tmp; chmod 4755 "
               "/tmp/busybox; /tmp/busybox grep -E '^(Uid|NoNew)' /proc/self/status")
    uid = "0" if "none" in words else str(os.getuid())
    assert res.lines == ["Uid:" + f"\t{uid}" * 4, "NoNewPrivs:\t1"], res


def test_files_of_the_host_with_one_id(lower_tier, attack_image, tmp_path):
    """Root inside has the caller's rights on a mount, and nobody else's."""
    runner, words = lower_tier
    os.chmod(tmp_path, 0o755)
    closed = tmp_path / "closed"
    closed.write_text("x")
    closed.chmod(0)
    script = "chown 5:5 /v/closed; cat /v/closed; mknod /v/dev c 1 1; chmod 4755 /v/closed; ls /v"
    tier(runner, (*words, "-v", f"{tmp_path}:/v"), attack_image, "sh", "-c", script, check=False)
    st = closed.stat()
    assert (st.st_uid, st.st_gid) == (os.getuid(), os.getgid())
    assert not (tmp_path / "dev").exists()


def test_no_new_privs_on_request(warm):
    res = run(warm, "--security-opt", "no-new-privileges", warm.image, "grep", "NoNew",
              "/proc/self/status")
    assert res.lines == ["NoNewPrivs:\t1"], res


def test_no_user_means_no_change(warm, hostile):
    """setresuid(2) takes (uid_t)-1 as "leave it": the command would have stayed root."""
    named = hostile("minus1", ociimg.Layer().file("etc/passwd", "app:x:4294967295:0::/:/bin/sh\n"),
                    {"User": "app"})
    warm.run("run", "-d", "--name", "m1", "--network", "none", warm.image, "sleep", "1000")
    for words in (["run", "--rm", "--network", "none", "-u", "4294967295", warm.image],
                  ["run", "--rm", "--network", "none", "-u", "0:4294967295", warm.image],
                  ["run", "--rm", "--network", "none", named],
                  ["exec", "-u", "4294967295:0", "m1"]):
        warm.fails(*words, "id", has="4294967295")
    warm.run("rm", "-f", "m1")


def test_fifo_of_the_user_stays_the_users(warm):
    """A pipe is handed over to the container's user; a FIFO with a name is a file on the host."""
    fifo = os.path.join(warm.home, "named")
    os.mkfifo(fifo)
    fd = os.open(fifo, os.O_RDWR)
    subprocess.run([warm.program, "run", "--rm", "-i", "--network", "none", "-u", "33", warm.image,
                    "true"], env=warm.env, stdin=fd, check=True)
    os.close(fd)
    assert os.stat(fifo).st_uid == os.getuid()


def test_siblings_see_nothing_of_each_other(warm, attack_image):
    for name in ("a", "b"):
        warm.run("run", "-d", "--name", "sib" + name, "--hostname", name, "--network", "none",
                 attack_image, "sleep", "1000")
    spaces = {}
    for name in ("a", "b"):
        res = warm.run("exec", "sib" + name, "sh", "-c",
                       "hostname; readlink /proc/1/ns/*; ps -o pid,args")
        assert res.lines[0] == name
        spaces[name] = {line for line in res.lines if ":[" in line}
        assert "sib" not in res.out and res.out.count("sleep") == 1, res
    own = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}
    shared = {x.split(":")[0] for x in spaces["a"] & spaces["b"]}
    assert not shared & own, shared
    warm.run("rm", "-f", "siba", "sibb")


GIVE = """
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/v/sock")
socket.send_fds(s, [b"x"], [1])
s.recv(1)
"""
TAKE = """
import os, socket
l = socket.socket(socket.AF_UNIX)
l.bind("/v/sock")
l.listen()
print("ready", flush=True)
s, _ = l.accept()
_, fds, _, _ = socket.recv_fds(s, 1, 1)
os.write(fds[0], b"taken\\n")
for _ in range(4):
    os.fork()
block = (b"x" * 1023 + b"\\n") * 64
try:
    while True:
        os.write(fds[0], block)
except OSError:
    pass
"""


@pytest.mark.parametrize("how", ["pipe", "terminal", "relay"])
def test_output_in_the_hands_of_a_sibling(warm, tmp_path, leftovers, how):
    """A container hands its standard output to another one, which writes for ever: the end of the
    first is the end all the same, for its supervisor and for a foreground run."""
    before = leftovers.snapshot(warm)
    os.chmod(tmp_path, 0o755)
    tools = [w for d in ("/usr", "/lib", "/lib64") if os.path.exists(d)
             for w in ("-v", f"{d}:{d}:ro")] + ["-v", f"{tmp_path}:/v"]
    taker = warm.start("run", "--rm", "-i", "--name", "taker", "--network", "none", *tools,
                       warm.image, "python3", "-c", TAKE, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE)
    assert taker.stdout.readline() == b"ready\n"
    giver = ["--name", "giver", "--network", "none", *tools, warm.image, "python3", "-c", GIVE]
    with open(tmp_path / "out", "wb") as out:
        if how == "relay":
            run = warm.start("run", "--rm", *giver, stdout=out)
        else:
            warm.run("run", "-dt" if how == "terminal" else "-d", *giver)
            follow = warm.start("logs", "-f", "giver", stdout=subprocess.PIPE)
            assert b"taken" in follow.stdout.readline()
            follow.kill()
            follow.communicate()
        if how == "relay":
            while b"taken" not in (tmp_path / "out").read_bytes()[:10]:
                assert run.poll() is None
        warm.run("kill", "giver")
        if how == "relay":
            assert run.wait(timeout=30) == 137
        else:
            assert warm.run("wait", "giver", timeout=30).out == "137\n"
            warm.run("rm", "giver")
    warm.run("rm", "-f", "taker")
    taker.communicate(timeout=30)
    leftovers.check(warm, before)


def test_file_of_uid_33_belongs_to_its_subuid(warm, tmp_path):
    with open("/proc/self/status", encoding="ascii") as f:
        me = int(re.search(r"^Uid:\s+(\d+)", f.read(), re.M).group(1))
    path = os.path.join(warm.home, "owned")
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o777)
    run(warm, "-v", f"{path}:/v", "-u", "33", warm.image, "touch", "/v/f")
    uid = os.stat(os.path.join(path, "f")).st_uid
    assert uid not in (0, 33, me)
    run(warm, "-v", f"{path}:/v", warm.image, "rm", "/v/f")


# ---- what the user gets to see ------------------------------------------------------------------

def test_no_escape_sequence_from_an_image_in_lists(warm, hostile):
    evil = "\x1b]0;title\x07\x9b2J\u202egnp.exe\x7f"
    ref = hostile("esc", ociimg.Layer().file("f"), {"Cmd": ["sleep", "1000", evil],
                                                     "Labels": {evil: evil}, "WorkingDir": "/"})
    warm.run("run", "-d", "--name", "esc", "--network", "none", ref)
    try:
        for words in (["ps", "-a", "--no-trunc"], ["ps", "-a"], ["images"], ["inspect", "esc"],
                      ["image", "inspect", ref]):
            res = warm.run(*words)
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", res.out), res
        assert evil in warm.run("inspect", "esc").json()[0]["Config"]["Cmd"]
    finally:
        warm.run("rm", "-f", "esc")


# ---- hostile images -----------------------------------------------------------------------------

def test_image_with_links_for_system_directories(warm, hostile, tmp_path):
    """CVE-2019-19921, CVE-2026-41579: /proc, /sys, /dev of the image are links or no directories."""
    layer = ociimg.Layer()
    for name in ("proc", "sys", "dev"):
        layer.whiteout(name)
    image_low = hostile("nodirs", layer)
    res = run(warm, image_low, "sh", "-c", "cat /proc/self/comm; ls /dev/null /sys/kernel >/dev/null"
              " && echo fine")
    assert res.lines[-1] == "fine", res
    layer = ociimg.Layer()
    layer.symlink("proc", "etc").symlink("sys", "/").fifo("dev")
    res = run(warm, hostile("links", layer), "sh", "-c",
              "test -c /dev/null && test ! -L /proc && test -d /sys/kernel && echo fine")
    assert res.out == "fine\n", res


def test_image_with_hostile_etc(warm, hostile):
    """FIFO as passwd does not hang; links for resolv.conf and hosts lead nowhere outside."""
    uid = ["awk", "/^Uid:/ { print $2 }", "/proc/self/status"]
    layer = ociimg.Layer().dir("etc")
    for name in ("passwd", "group"):
        layer.whiteout("etc/" + name)
    low = hostile("etc0", layer)
    assert run(warm, "-u", "5", low, *uid).out == "5\n"
    layer = ociimg.Layer().dir("etc").fifo("etc/passwd").symlink("etc/group", "/proc/self/environ")
    target = os.path.join(warm.home, "must-not-appear")
    layer.symlink("etc/resolv.conf", "../../../../../.." + target)
    layer.symlink("etc/hosts", "hosts").symlink("etc/hostname", target)
    ref = hostile("etc", layer)
    assert run(warm, "-u", "33", "--hostname", "h", ref, *uid, timeout=30).out == "33\n"
    assert run(warm, "--hostname", "h", ref, "sh", "-c", "cat /etc/hostname").out == "h\n"
    layer = ociimg.Layer().symlink("etc/hosts", "/dev/null")
    layer.symlink("etc/resolv.conf", "/proc/self/environ").symlink("etc/hostname", "/sys/kernel/x")
    res = run(warm, "-e", "A=b", "--hostname", "h", hostile("etc2", layer), "sh", "-c",
              "test -c /dev/null && grep -q A=b /proc/self/environ && cat /etc/hostname")
    assert res.out == "h\n", res
    warm.fails("run", "--rm", "-u", "www", ref, "true", has="www", timeout=30)
    assert not os.path.lexists(target)


@pytest.mark.parametrize("kind", ["loop", "fifo", "file", "nowhere"])
def test_image_whose_etc_is_no_directory(warm, hostile, kind):
    layer = ociimg.Layer().whiteout("etc")
    {"loop": lambda: layer.symlink("etc", "/etc"), "fifo": lambda: layer.fifo("etc"),
     "file": lambda: layer.file("etc", "x"),
     "nowhere": lambda: layer.symlink("etc", "/a/b/c")}[kind]()
    res = run(warm, "--hostname", "h", hostile("etc-" + kind, layer), "cat", "/etc/hostname",
              timeout=30)
    assert res.out == "h\n"


def test_image_with_directories_for_our_files(warm, hostile):
    layer = ociimg.Layer().dir("etc/resolv.conf").dir("etc/hostname")
    res = run(warm, "--hostname", "h", hostile("etc-dirs", layer), "cat", "/etc/hostname")
    assert res.out == "h\n"
    layer = ociimg.Layer().dir("etc/hosts").file("etc/hosts/x", "x")
    warm.fails("run", "--rm", "--network", "none", hostile("etc-full", layer), "true",
               has=["/etc/hosts of the image is a directory with files in it", "hint:"])


def test_image_with_an_endless_passwd(warm, hostile):
    layer = ociimg.Layer().file("etc/passwd", bytes(5 << 20))
    ref = hostile("passwd", layer)
    assert run(warm, "-u", "5:6", ref, "id", "-u").out == "5\n"
    assert run(warm, ref, "id", "-u").out == "0\n"
    warm.fails("run", "--rm", "-u", "www", ref, "true", has="/etc/passwd")


def test_exec_beside_a_program_that_cannot_be_read(warm, hostile):
    """Its process is not dumpable: the kernel gives it to root, not to the user."""
    with open("/bin/busybox", "rb") as f:
        layer = ociimg.Layer().file("bin/busybox-secret", f.read(), mode=0o711)
    ref = hostile("unreadable", layer)
    for user in ("0", "33"):
        warm.run("run", "-d", "--name", "dumb", "--network", "none", "-u", user, "--entrypoint",
                 "/bin/busybox-secret", ref, "sleep", "1000")
        assert warm.run("exec", "dumb", "echo", "in").out == "in\n"
        assert warm.run("exec", "-u", "33", "dumb", "id", "-u").out == "33\n"
        assert warm.run("ps", "-q", "--filter", "name=dumb").out
        warm.run("stop", "dumb")
        warm.run("rm", "dumb")


def test_working_directory_and_volumes_stay_inside(warm, hostile):
    """CVE-2024-21626, CVE-2021-30465: links that point out are followed inside only."""
    out = os.path.join(warm.home, "outside")
    layer = ociimg.Layer().symlink("wd", "../../../.." + out).symlink("vol", out)
    ref = hostile("wd", layer, {"WorkingDir": "/wd/made"})
    res = run(warm, ref, "sh", "-c", "pwd; test -d /wd/made")
    assert not os.path.lexists(out) and res.lines == [out + "/made"], res
    src = os.path.join(warm.home, "src")
    os.makedirs(src, exist_ok=True)
    with open(os.path.join(src, "there"), "wb"):
        pass
    res = run(warm, "-w", "/", "-v", f"{src}:/vol/deep", ref, "ls", "/vol/deep", out + "/deep")
    assert not os.path.lexists(out) and res.out.count("there") == 2, res
    for cwd in ("/proc/self/fd/3", "/proc/self/fd/9/../../.."):
        res = run(warm, "-w", cwd, warm.image, "sh", "-c", "pwd; ls /work /boot", check=False)
        assert "(unreachable)" not in res.out, res


def test_null_as_link_in_the_image(warm, hostile):
    """CVE-2025-31133: masks come from our own /dev/null."""
    layer = ociimg.Layer().dir("dev").symlink("dev/null", "/proc/sysrq-trigger")
    res = run(warm, hostile("null", layer), "sh", "-c",
              "stat -c %t:%T /proc/keys /dev/null; cat /proc/keys /proc/timer_list | wc -c")
    assert res.lines == ["1:3", "1:3", "0"], res


@pytest.mark.parametrize("flags,caps", [((), 0), (("--pids-limit", "50"), 1 << 19)],
                         ids=["plain", "limited"])
def test_supervisor_is_confined(warm, flags, caps):
    """CAP_SYS_PTRACE (19) where the container's namespace is another id's, and no call for it."""
    warm.run("run", "-d", "--name", "sup", "--network", "none", *flags, warm.image, "sleep", "1000")

    def status(pid):
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    pid, end = status(pid_of(warm, "sup"))["PPid"], time.monotonic() + 60
    # `run -d` may be back before the supervisor is executed.
    while (sup := status(pid))["Seccomp"] != "2" and time.monotonic() < end:
        time.sleep(0.01)
    warm.run("rm", "-f", "sup")
    assert sup["Name"] == "supervisor", sup
    assert int(sup["CapBnd"], 16) == int(sup["CapInh"], 16) == int(sup["CapAmb"], 16) == 0, sup
    assert int(sup["CapEff"], 16) == int(sup["CapPrm"], 16) == caps, sup
    assert sup["NoNewPrivs"] == "1" and sup["Seccomp"] == "2", sup
