# SPDX-License-Identifier: Apache-2.0
"""run: the request, the image's config, exit statuses, what fails and what it leaves."""
import concurrent.futures
import os
import signal
import subprocess

import pytest


def run(warm, *args, **kw):
    return warm.run("run", "--rm", "--network", "none", *args, **kw)


def test_says_what_it_is_told(warm, leftovers):
    before = leftovers.snapshot(warm)
    res = run(warm, warm.image, "echo", "hello", "  two words ")
    assert res.out == "hello   two words \n" and res.err == "", res
    leftovers.check(warm, before)


def test_ids_are_mapped(warm):
    res = run(warm, warm.image, "sh", "-c", "id -u; cat /proc/self/uid_map")
    assert res.lines[0] == "0"
    assert sum(int(line.split()[2]) for line in res.lines[1:]) == 65536, res
    assert all(line.split()[1] != "0" or line.split()[0] == "0" for line in res.lines[1:])


@pytest.mark.parametrize("command, rc", [
    (["true"], 0), (["false"], 1), (["sh", "-c", "exit 77"], 77), (["sh", "-c", "exit 255"], 255),
    (["sh", "-c", "kill -9 $$; exit 3"], 3),     # pid 1 cannot kill itself
    (["no-such-program"], 127), (["/no/such/program"], 127), (["/etc"], 126),
    (["sh", "-c", "echo '#!/nowhere' > /x; chmod +x /x; exec /x"], 127),
])
def test_exit_status(warm, leftovers, command, rc):
    before = leftovers.snapshot(warm)
    run(warm, warm.image, *command, rc=rc)
    leftovers.check(warm, before)


@pytest.mark.parametrize("flags", [(), ("-t",)])
def test_exit_status_of_signal(warm, flags):
    run(warm, "--init", *flags, warm.image, "sh", "-c", "kill -9 $$", rc=137)
    run(warm, "--init", *flags, warm.image, "sh", "-c", "kill -15 $$", rc=143)


def test_not_executable(warm, leftovers):
    for args, rc in ((["/etc/passwd"], 126), (["nothing-here"], 127)):
        for mode in (["--rm"], [], ["-d"], ["--rm", "-d"], ["--rm", "-t"]):
            before = leftovers.snapshot(warm)
            res = warm.run("run", *mode, "--network", "none", warm.image, *args, rc=rc)
            if "-t" not in mode:
                assert args[0] in res.err, res
            assert res.out == "", res
            leftovers.check(warm, before)


def test_usage_errors(warm, leftovers):
    before = leftovers.snapshot(warm)
    for args, word in (
            ([], "argument"), (["--frobnicate", warm.image], "--frobnicate"),
            (["--network", "lan", warm.image], "lan"), (["-v", "/etc", warm.image], "volume"),
            (["-v", "data:/d", warm.image], "volume"), (["-v", "/etc:d", warm.image], "absolute"),
            (["-v", "/etc:/d:zz", warm.image], "zz"), (["-v", "/no/such:/d", warm.image], "mkdir"),
            (["--cap-add", "CAP_FLY", warm.image], "CAP_FLY"),
            (["--security-opt", "label=disable", warm.image], "label"),
            (["--pull", "often", warm.image], "often"), (["-w", "rel", warm.image], "absolute"),
            (["--env-file", "/no/file", warm.image], "/no/file"),
            (["--hostname", "a b", warm.image], "a b"), (["--label", "=x", warm.image], "label"),
            (["--name", "a/b", warm.image], "a/b"), (["-e", "=x", warm.image], "name"),
            (["-v", "/etc:/d:rshared", warm.image], "propagation"),
            (["-v", ":/d", warm.image], "no source"), (["-v", "", warm.image], "no source")):
        warm.fails("run", *args, rc=125, has=word)
    leftovers.check(warm, before)


@pytest.mark.parametrize("flag", [["-p", "80:80"], ["--publish=80"]])
def test_known_words_are_refused(warm, flag):
    warm.fails("run", "--rm", *flag, warm.image, "true", rc=125, has="hint")


def test_no_image(warm):
    warm.fails("run", "--pull", "never", "no/such:image", rc=125, has="no/such")
    warm.fails("run", "--pull", "never", "Bad//Name", rc=125, has="Bad//Name")


def test_foreign_architecture(carrel, images, leftovers):
    carrel.run("pull", "-q", "--platform", "linux/" + (
        "arm64" if os.uname().machine == "x86_64" else "amd64"), images["foreign"])
    before = leftovers.snapshot(carrel)
    carrel.fails("run", "--rm", images["foreign"], "true", rc=125, has=["this machine", "hint"])
    leftovers.check(carrel, before)


def test_name_in_use(warm, leftovers):
    before = leftovers.snapshot(warm)
    warm.run("run", "--network", "none", "--name", "taken", warm.image, "true")
    warm.fails("run", "--name", "taken", warm.image, "true", rc=125, has="taken")
    warm.run("rm", "taken")
    leftovers.check(warm, before)


# ---- the image's config and its overrides ------------------------------------------------------

def test_image_config(warm, images):
    res = warm.run("run", "--rm", "--network", "none", "-u", "0", images["layers"])
    assert res.out == "from-cmd\n"
    res = run(warm, "-u", "0", images["layers"], "sh", "-c", "pwd; echo $FROM_IMAGE")
    assert res.lines == ["/data", "yes"]


def test_entrypoint(carrel, images):
    image = images["entry"]
    carrel.run("pull", "-q", image)
    for args, out in (([image], "entry cmd"), ([image, "a", "b"], "entry a b"),
                      (["--entrypoint", "printf", image, "x"], "x"),
                      (["--entrypoint", "", image, "echo", "none"], "none")):
        assert run(carrel, *args).out.strip() == out, args


def test_environment(warm, tmp_path):
    file = tmp_path / "env"
    file.write_text("# no\nFILE=from file\nMINE\nTWICE=file\n")
    res = run(warm, "--env-file", file, "-e", "A=1", "-e", "MINE", "-e", "TWICE=flag", "-e", "NOT",
              "--hostname", "box", warm.image, "env", env={"MINE": "caller", "SECRET": "x"})
    env = dict(line.split("=", 1) for line in res.lines)
    assert env["FILE"] == "from file" and env["A"] == "1" and env["MINE"] == "caller"
    assert env["TWICE"] == "flag" and env["HOSTNAME"] == "box" and env["HOME"] == "/root"
    assert "NOT" not in env and "SECRET" not in env and "TERM" not in env


def test_user(warm):
    for user, out in (("4321", "4321 0"), ("4321:44", "4321 44"), ("0:7", "0 7"),
                      ("root", "0 0")):
        res = run(warm, "-u", user, warm.image, "sh", "-c", "echo $(id -u) $(id -g)")
        assert res.out.strip() == out
    assert "nobody-here" in run(warm, "-u", "nobody-here", warm.image, "id", rc=125).err


def test_empty_values_are_none(warm, images):
    """As in docker: a script's `-u "$USER_ASKED"` with nothing in it does not make root of the image's
    user."""
    words = ("sh", "-c", "id -u; pwd; hostname | wc -c")
    plain = run(warm, images["layers"], *words)
    assert plain.lines[0] != "0", plain
    res = run(warm, "-u", "", "-w", "", "--name", "", "--hostname", "", "--network=", "--pull=",
              "--platform", "", images["layers"], *words)
    assert res.lines == plain.lines, res


def test_workdir_is_made(warm):
    res = run(warm, "-w", "/made/on/demand", warm.image, "pwd")
    assert res.out == "/made/on/demand\n"


def test_hostname(warm):
    assert run(warm, "--hostname", "box", warm.image, "hostname").out == "box\n"
    name = run(warm, warm.image, "hostname").out.strip()
    assert len(name) == 12 and int(name, 16) >= 0


# ---- mounts ------------------------------------------------------------------------------------

def test_volume(warm, tmp_path):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "in").write_text("from host\n")
    res = run(warm, "-v", f"{tmp_path}:/v", warm.image, "sh", "-c", "cat /v/in; echo back >/v/out")
    assert res.out == "from host\n"
    assert (tmp_path / "out").read_text() == "back\n"
    res = run(warm, "-v", f"{tmp_path}:/v:ro", warm.image, "sh", "-c", "echo no >/v/x", rc=1)
    assert "ead-only" in res.err and not (tmp_path / "x").exists()


def test_volume_of_a_file(warm, tmp_path):
    (tmp_path / "file").write_text("just one\n")
    res = run(warm, "-v", f"{tmp_path}/file:/etc/one:ro", warm.image, "cat", "/etc/one")
    assert res.out == "just one\n"


def test_relative_volume(warm, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/f").write_text("x\n")
    assert run(warm, "-v", "./sub:/v", warm.image, "cat", "/v/f", cwd=tmp_path).out == "x\n"


def test_tmpfs(warm):
    res = run(warm, "--tmpfs", "/scratch:size=1m,mode=1777", warm.image, "sh", "-c",
              "stat -c %a /scratch; grep ' /scratch ' /proc/mounts")
    assert res.lines[0] == "1777"
    assert "tmpfs" in res.lines[1] and "noexec" in res.lines[1] and "size=1024k" in res.lines[1]


def test_read_only(warm):
    res = run(warm, "--read-only", warm.image, "sh", "-c", "echo >/x", rc=1)
    assert "ead-only" in res.err
    run(warm, "--read-only", "--tmpfs", "/t", warm.image, "sh", "-c", "echo >/t/x")


def test_mount_points_cost_nothing(warm):
    """What the image lacks comes from below: no upper directory is filled with mount points."""
    cid = warm.run("run", "--network", "none", "--name", "empty", warm.image,
                   "cat", "/etc/hostname")
    try:
        doc = warm.run("inspect", "empty").json()[0]
        assert cid.out.strip() == doc["Id"][:12]
        upper = os.path.join(warm.store, "containers", doc["Id"], "upper")
        assert [name for _, dirs, files in os.walk(upper) for name in dirs + files] == []
    finally:
        warm.run("rm", "-f", "empty")


def test_mask_of_the_caller(warm):
    """umask 077 outside: an ordinary user inside reads / and /etc/hosts all the same."""
    old = os.umask(0o077)
    try:
        run(warm, "-u", "1000", warm.image, "cat", "/etc/hosts", "/etc/resolv.conf")
    finally:
        os.umask(old)


# ---- privilege ---------------------------------------------------------------------------------

def caps_of(res):
    return int(next(x for x in res.lines if x.startswith("CapEff")).split()[1], 16)


def test_capabilities(warm):
    status = [warm.image, "cat", "/proc/self/status"]
    default = caps_of(run(warm, *status))
    assert default and not default & 1 << 21                    # CAP_SYS_ADMIN
    assert caps_of(run(warm, "--cap-drop", "ALL", *status)) == 0
    assert caps_of(run(warm, "--cap-drop", "all", "--cap-add", "CHOWN", *status)) == 1
    assert caps_of(run(warm, "--cap-add", "sys_admin", *status)) == default | 1 << 21
    assert caps_of(run(warm, "--cap-drop", "CAP_CHOWN", *status)) == default & ~1


def test_security_options(warm):
    def field(name, *flags):
        res = run(warm, *flags, warm.image, "cat", "/proc/self/status")
        return next(x for x in res.lines if x.startswith(name)).split()[1]
    assert field("NoNewPrivs") == "0"
    assert field("NoNewPrivs", "--security-opt", "no-new-privileges") == "1"
    assert field("Seccomp:") == "2"
    assert field("Seccomp:", "--security-opt", "seccomp=unconfined") == "0"


def test_init_reaps(warm):
    """A zombie that nobody reaps has its directory in /proc for ever."""
    res = run(warm, "--init", warm.image, "sh", "-c",
              "(true & echo $! >/tmp/orphan); i=0; while [ -e /proc/$(cat /tmp/orphan) ] &&"
              " [ $((i += 1)) -lt 1000 ]; do sleep 0.05; done; echo $i")
    assert int(res.out) < 1000, res


def test_error_on_the_way_to_the_gate(warm, leftovers):
    """Pid 1 fails when it has said that it is ready, and its parent's byte lies there unread."""
    before = leftovers.snapshot(warm)
    # A user namespace that is there: newuidmap would not work below strace.
    warm.run("run", "-d", "--name", "first", "--network", "none", warm.image, "sleep", "1000")
    for mode in (["--rm"], ["-d"]):
        p = warm.start("-f", "-o", "/dev/null", "-e", "trace=recvmsg,keyctl", "-e",
                       "inject=recvmsg:delay_enter=300000", "-e", "inject=keyctl:delay_enter=750000",
                       warm.program, "run", *mode, "--network", "none", "--user", "70000",
                       warm.image, "true", program="/usr/bin/strace", stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
        out, err = p.communicate(timeout=90)
        assert (p.returncode, out) == (125, b"") and b"become user 70000" in err, (out, err)
    warm.run("rm", "-f", "first")
    leftovers.check(warm, before)


@pytest.mark.serial
def test_called_by_root(root, images):
    root.run("pull", "-q", images["busybox"])
    image = images["busybox"]
    res = root.run("run", "--rm", "--network", "none", image, "sh", "-c",
                   "id -u; cat /proc/self/uid_map")
    assert res.lines[0] == "0" and all(x.split()[1] != "0" or x.split()[0] == "0"
                                       for x in res.lines[1:]), res
    for mode in ([], ["-d"], ["-t"]):
        root.run("run", *mode, "--name", "byroot", "--network", "none", image, "true")
        assert root.run("wait", "byroot").out == "0\n"
        root.run("rm", "byroot")
        root.run("run", "--rm", *mode, "--network", "none", image, "true")
    root.run("run", "-d", "--rm", "--name", "byroot", "--network", "none", image, "sleep", "1000")
    assert root.run("exec", "byroot", "id", "-u").out == "0\n"
    root.run("rm", "-f", "byroot")
    assert root.run("ps", "-aq").out == ""
    root.run("rmi", image)


# ---- many, and signals -------------------------------------------------------------------------

@pytest.mark.serial
def test_200_at_once(warm, leftovers):
    before = leftovers.snapshot(warm)
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        jobs = [pool.submit(run, warm, warm.image, "echo", str(i), timeout=300)
                for i in range(200)]
        assert [int(j.result().out) for j in jobs] == list(range(200))
    leftovers.check(warm, before)


@pytest.mark.parametrize("flags", [["--rm"], []])
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_signals_are_passed_on(warm, leftovers, sig, flags):
    before = leftovers.snapshot(warm)
    name = f"sig{int(sig)}{len(flags)}"
    script = f"trap 'exit 42' {int(sig)}; echo ready; while :; do sleep 0.05; done"
    r, w = os.pipe()
    p = warm.start("run", *flags, "--name", name, "--network", "none", warm.image, "sh", "-c",
                   script, stdout=w)
    os.close(w)
    assert os.read(r, 100) == b"ready\n"
    p.send_signal(sig)
    assert p.wait(timeout=90) == 42
    os.close(r)
    if not flags:
        warm.run("rm", name)
    leftovers.check(warm, before)
