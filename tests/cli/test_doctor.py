# SPDX-License-Identifier: Apache-2.0
"""carrel doctor: each obstacle yields its own code, and errors carry the same codes."""
import os
import pwd
import re
import subprocess
import tempfile

import pytest

from lib.runner import Carrel, HostProcess, Result

FINE, DEGRADED, LOST = 0, 1, 2
# What the machine that runs the tests may lack by itself.
TOLERATED = {"D-08", "D-16"}


class Obstructed:
    """Carrel behind an obstacle of lib/obstacle.py."""

    def __init__(self, carrel, name, user=None, env=None):
        self.carrel, self.name, self.user = carrel, name, user
        self.env = dict(carrel.env, **(env or {}))

    def run(self, *args):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, \
                open(os.devnull, "rb") as null:
            p = HostProcess({"op": "obstacle", "name": self.name, "user": self.user,
                             "argv": list(args), "env": self.env},
                            null.fileno(), out.fileno(), err.fileno())
            rc = p.wait()
            out.seek(0)
            err.seek(0)
            return Result(("carrel",) + args, rc, out.read(), err.read(), 0)


@pytest.fixture
def behind(carrel, need):
    need("root")
    return lambda name, **kw: Obstructed(carrel, name, **kw)


def examine(res):
    doc = res.json()
    assert {"version", "status", "tier", "probes"} <= set(doc), res
    return doc, {p["code"] for p in doc["probes"] if "code" in p}


def test_here(carrel, need, leftovers):
    """The host of the tests allows everything that its features say."""
    need("subids")
    need("tun")
    res = carrel.run("doctor", "--json", check=False)
    doc, codes = examine(res)
    assert codes <= TOLERATED, res
    assert doc["tier"] == "A"
    assert res.rc == (DEGRADED if codes else FINE), res
    assert all(p["detail"] for p in doc["probes"])
    # Nothing was made but, perhaps, the runtime directory.
    assert os.listdir(carrel.data) == [], "the doctor left something in the data directory"


LINES, COLUMNS = 24, 80


def test_text_is_one_screen(carrel):
    res = carrel.run("doctor", check=False)
    assert res.rc in (FINE, DEGRADED, LOST), res
    assert res.err == "", res
    assert max(map(len, res.lines)) < COLUMNS and len(res.lines) <= LINES, res
    for label in ("identity", "kernel", "images", "network", "limits", "store", "home", "tmp"):
        assert any(line.startswith(f"  {label} ") for line in res.lines), (label, res)
    assert "user namespaces" in res.out and "overlay" in res.out, res


@pytest.mark.parametrize("obstacle,code,rc", [
    ("tun-0600", "D-07", DEGRADED), ("no-subuid", "D-03", DEGRADED), ("no-setuid", "D-05", DEGRADED),
    ("no-new-privs", "D-05", DEGRADED), ("no-newuidmap", "D-04", DEGRADED),
    ("no-passwd", "D-24", DEGRADED), ("userns-limit", "D-01", LOST), ("short-range", "D-03", DEGRADED),
])
def test_screen_with_findings(behind, obstacle, code, rc):
    """Three findings fit: two, and one of the host's own that is five lines long."""
    res = behind(obstacle, env={"XDG_RUNTIME_DIR": "/nonexistent"}).run("doctor")
    assert res.rc == rc, res
    assert max(map(len, res.lines)) < COLUMNS, res
    own = sum(f"[{found}]" in res.out for found in TOLERATED)
    assert len(res.lines) <= LINES + 5 * max(0, own - 1), res
    for found in code, "D-10":
        assert any(line.startswith(f"[{found}] ") for line in res.lines), res
    assert "veth" not in res.out.split("\n[", 1)[0], res  # what is not needed is not missing


def test_short_range(behind):
    """Not one id: what is said of it, by the text and by JSON, is true of a thousand."""
    host = behind("short-range")
    res = host.run("doctor", "--json")
    doc, found = examine(res)
    assert found - TOLERATED == {"D-03"} and res.rc == DEGRADED and doc["tier"] == "A", res
    row = next(p for p in doc["probes"] if p["name"] == "subids")
    assert row["detail"].startswith("a short range: 1001 user and 1001 group ids"), row
    assert "one id" not in row["fallback"] and "chown" in row["fallback"], row
    assert row["facts"]["uids"] == row["facts"]["given_uids"] == 1000, row
    assert "one id" not in " ".join(host.run("doctor").out.split()), res


def test_short_range_in_use(behind, images):
    """Said once, by the pull that gives files to another owner; chown is refused, not answered."""
    host = behind("short-range")
    run = ("run", "--rm", "--network", "none", "-u")
    res = host.run("pull", images["layers"])
    assert res.rc == 0 and "beyond the 1001 ids of a container" in res.err, res
    assert "1 of this image [D-03]" in res.err, res
    res = host.run(*run, "0", images["layers"], "sh", "-c", "chown 1000 /tmp && ! chown 1001 /tmp")
    assert res.rc == 0 and "Invalid argument" in res.err and "warning" not in res.err, res
    res = host.run(*run, "4711", images["layers"], "id")
    assert res.rc == 125 and "short range of subordinate ids" in res.err, res


def test_build_without_libslirp(behind, images):
    """No lack of the host, and no other link makes up for it: as `run` says."""
    for name in "no-netstack", "no-tun+no-netstack":
        host = behind(name)
        res = host.run("doctor", "--json")
        doc, _ = examine(res)
        rows = {p["name"]: p for p in doc["probes"]}
        assert res.rc == LOST and rows["tun"]["level"] == "lost", res
        assert "built without libslirp" in rows["tun"]["detail"], res
        assert "--network host or none" in rows["tun"]["fix"], res
        assert "D-07" not in host.run("doctor").out
    res = host.run("run", "--rm", "hello")
    assert res.rc == 125 and "built without libslirp" in res.err, res


def test_range_and_remedy(behind):
    """What the files give, and a range that is free, for this user."""
    user = pwd.getpwuid(os.getuid()).pw_name
    res = behind("no-subuid").run("doctor")
    with open("/etc/subuid", encoding="utf-8") as f:
        lines = [line.rstrip("\n").split(":") for line in f]
    text = " ".join(res.out.split())
    first, last, name = re.search(r"usermod --add-subuids (\d+)-(\d+) --add-subgids \1-\2 (\S+)",
                                  text).groups()
    assert name == user and int(last) - int(first) == 65535, res
    for owner, begin, count in lines:
        if owner != user:
            assert int(last) < int(begin) or int(begin) + int(count) <= int(first), (owner, res)
    for obstacle, given, inside in (("other-range", 65536, ""), ("wide-range", 200000, ", 65536 inside")):
        host = behind(obstacle)
        assert f"{given} subordinate ids from 1900000{inside}" in " ".join(
            host.run("doctor").out.split()), host
        row = next(p for p in host.run("doctor", "--json").json()["probes"]
                   if p["name"] == "subids")
        assert row["facts"]["given_uids"] == given and row["facts"]["uids"] == 65535, row


def test_places(carrel, need):
    """The verdict on each path, as the kernel has it."""
    need("subids")
    doc, _ = examine(carrel.run("doctor", "--json", check=False))
    facts = {p["name"]: p.get("facts", {}) for p in doc["probes"]}
    for name, path in (("store", carrel.store), ("home", carrel.home), ("tmp", "/tmp"),
                       ("runtime-dir", carrel.runtime)):
        place = facts[name]
        while not os.path.exists(path):
            path = os.path.dirname(path)
        vfs = os.statvfs(path)
        assert place["path"].startswith(path), place
        assert place["noexec"] == bool(vfs.f_flag & os.ST_NOEXEC), place
        assert place["nosuid"] == bool(vfs.f_flag & os.ST_NOSUID), place
        assert place["readonly"] is False and place["remote"] is False, place
        assert abs(place["free"] - vfs.f_bavail * vfs.f_frsize) < 1 << 30, place
        kind = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True,
                              check=True).stdout.strip()
        assert place["type"][:3] == kind[:3], (place, kind)
    assert facts["subids"]["uids"] == 65535 and facts["passwd"]["uid"] == os.getuid()


@pytest.mark.parametrize("obstacle,codes,probe", [
    ("userns-limit", {"D-01"}, "userns"),
    ("seccomp", {"D-02"}, "userns"),
    ("no-tun+no-packet", {"D-07", "D-27"}, "veth"),
    ("tun-0600+no-packet", {"D-07", "D-27"}, "tun"),
    ("chroot", {"D-11"}, "userns"),
    ("chroot-mount", {"D-11"}, "userns"),
    ("no-seccomp", {"D-14"}, "seccomp"),
    ("masked-proc", {"D-12"}, "proc"),
    ("netns-limit", {"D-13"}, "netns"),
])
def test_obstacle(behind, obstacle, codes, probe):
    res = behind(obstacle).run("doctor", "--json")
    doc, found = examine(res)
    assert found - TOLERATED == codes, res
    assert res.rc == LOST, res
    assert doc["status"] == "lost"
    row = next(p for p in doc["probes"] if p["name"] == probe)
    assert row["level"] == "lost" and row["code"] in codes, res
    assert row["detail"] and row["fix"] and row["lost"], res


@pytest.mark.parametrize("obstacle,code,probe", [
    ("no-subuid", "D-03", "subids"),
    ("no-subuid-file", "D-03", "subids"),
    ("no-newuidmap", "D-04", "idmap"),
    ("no-setuid", "D-05", "idmap"),
    ("nosuid", "D-05", "idmap"),
    ("no-new-privs", "D-05", "idmap"),
])
def test_one_id(behind, obstacle, code, probe):
    res = behind(obstacle).run("doctor", "--json")
    doc, found = examine(res)
    assert found - TOLERATED == {code} and res.rc == DEGRADED and doc["tier"] == "B", res
    row = next(p for p in doc["probes"] if p["name"] == probe)
    assert row["level"] == "degraded" and row["code"] == code, res
    assert row["detail"] and row["fix"] and row["lost"], res


def test_linger_where_nothing_is_delegated(carrel, behind):
    """Limits are held in the cgroup of the login then: lingering is nothing to it."""
    if "[D-08]" not in carrel.run("doctor", check=False).out:
        pytest.skip("needs no-cgroup: limits are delegated here")

    def linger(obstacle):
        probes = {p["name"]: p for p in behind(obstacle).run("doctor", "--json").json()["probes"]}
        assert probes["cgroup"]["code"] == "D-08", probes
        return probes["linger"]
    assert linger("no-linger")["level"] == "ok"
    row = linger("killed-session")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert f"KillExcludeUsers={user} " in row["fix"] and "linger" not in row["fix"], row
    assert "limits" not in row["detail"], row


def test_ping_of_the_host(behind):
    res = behind("no-ping").run("doctor", "--json")
    _, found = examine(res)
    assert "D-16" in found and res.rc == DEGRADED, res


@pytest.mark.parametrize("obstacle,code,probe", [
    ("no-tun", "D-07", "tun"),
    ("tun-0600", "D-07", "tun"),
    ("tmp-full", "D-25", "tmp"),
    ("tmp-ro", "D-25", "tmp"),
    ("killed-session", "D-22", "linger"),
])
def test_small_obstacle(behind, obstacle, code, probe):
    """What takes little is degraded only."""
    res = behind(obstacle).run("doctor", "--json")
    doc, found = examine(res)
    assert found - TOLERATED == {code} and res.rc == DEGRADED, res
    row = next(p for p in doc["probes"] if p["name"] == probe)
    assert row["level"] == "degraded" and row["code"] == code, res


def test_no_runtime_dir_at_all(behind):
    """Neither XDG_RUNTIME_DIR nor its fallback."""
    res = behind("tmp-ro", env={"XDG_RUNTIME_DIR": "/nonexistent"}).run("doctor", "--json")
    _, found = examine(res)
    assert found - TOLERATED == {"D-10", "D-25"} and res.rc == LOST, res


def test_without_passwd_entry(behind):
    """newuidmap serves nobody without a name."""
    res = behind("no-passwd").run("doctor", "--json")
    doc, found = examine(res)
    assert found - TOLERATED == {"D-24"} and res.rc == DEGRADED and doc["tier"] == "B", res
    levels = {p["name"]: p["level"] for p in doc["probes"]}
    assert levels["passwd"] == levels["idmap"] == "degraded", res
    assert levels["subids"] == "ok", res


def test_no_home(behind):
    """Neither HOME nor an entry: the store has no name."""
    b = behind("no-passwd")
    for name in "HOME", "XDG_DATA_HOME":
        del b.env[name]
    res = b.run("doctor", "--json")
    doc, found = examine(res)
    assert found - TOLERATED == {"D-24"} and res.rc == LOST and "store" not in doc, res
    assert any(p["name"] == "store" and p["level"] == "lost" for p in doc["probes"]), res
    res = b.run("images")
    assert res.rc == 125 and "[D-24]" in res.err, res


def test_mount_flags_of_the_store(behind, images):
    """noexec and nosuid of the store's mount do not bind an overlay: found out, and true."""
    b = behind("noexec", env={"CARREL_ROOT": "/mnt/store"})
    res = b.run("doctor", "--json")
    doc, found = examine(res)
    assert "D-23" not in found, res
    place = next(p["facts"] for p in doc["probes"] if p["name"] == "store")
    assert place["noexec"] and place["nosuid"], res
    res = b.run("run", "--rm", "--network", "none", images["busybox"], "true")
    assert res.rc == 0, res


def test_few_processes(carrel, tmp_path):
    """What cannot be tried for want of a process is not lost: one finding says why."""
    few = tmp_path / "few"
    few.write_text(f'#!/bin/bash\nulimit -u 1\nexec {carrel.program} "$@"\n', encoding="ascii")
    few.chmod(0o755)
    runner = Carrel(carrel.home, str(few))
    res = runner.run("doctor", check=False)
    assert res.rc == LOST and res.err == "", res
    assert len(res.lines) <= LINES and max(map(len, res.lines)) < COLUMNS, res
    assert sum(line.startswith("[") for line in res.lines) == 1, res
    text = " ".join(res.out.split())
    assert "could not be tried: start a process: Resource temporarily unavailable" in text, res
    assert "fix: the limit of your processes is reached: ulimit -u shows it" in text, res
    assert "tier unknown" in text and "not tried" in text and "D-??" not in text, res
    doc = runner.run("doctor", "--json", check=False).json()
    assert [p["name"] for p in doc["probes"] if p["level"] == "lost"] == ["nproc"], doc
    assert doc["tier"] == "unknown" and doc["status"] == "lost", doc


@pytest.mark.parametrize("line", ["cgruop = /sys/fs/cgroup/x", "no line at all",
                                  "cgroup = /sys/fs/cgroup/there/is/none"])
def test_line_of_carrel_conf(carrel, images, line):
    """A finding without a code of the host, which says where; and a start refuses it."""
    path = os.path.join(carrel.home, ".config", "carrel", "carrel.conf")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"# mine\n{line}\n")
    env = {"XDG_CONFIG_HOME": "", "CARREL_CGROUP": ""}
    res = carrel.run("doctor", env=env, check=False)
    text = " ".join(res.out.split())
    assert res.rc == LOST and "cgroups lost" in text and "D-??" not in text, res
    said = "/there/is/none" if "none" in line else f"{path}: line 2"
    assert said in text.split("[cgroups] ", 1)[1], res
    row = next(p for p in carrel.run("doctor", "--json", env=env, check=False).json()["probes"]
               if p["name"] == "cgroup")
    assert row["level"] == "lost" and "code" not in row, row
    for more in ((), ("--strict",)):
        res = carrel.fails("run", "--rm", "--network", "none", "-m", "64m", *more,
                           images["busybox"], "true", env=env)
        assert said in res.err and "D-08" not in res.err, res


@pytest.mark.parametrize("name", ["SLURM_JOB_ID", "PBS_JOBID"])
def test_batch_job(carrel, name):
    res = carrel.run("doctor", env={name: "4711"}, check=False)
    assert "in job 4711 of" in " ".join(res.out.split()), res


def test_text_names_cause_and_cure(behind):
    res = behind("no-setuid").run("doctor")
    assert res.rc == DEGRADED and "tier B" in res.out, res
    assert "[D-05]" in res.out, res
    text = " ".join(res.out.split())
    assert "neither the setuid bit" in text and "chmod u+s /usr/bin/new[ug]idmap" in text, res
    assert "root inside is you" in text, res
    res = behind("userns-limit").run("doctor")
    assert res.rc == LOST and "not tried" in res.out, res


@pytest.mark.parametrize("kind,codes", [
    ("tmpfs", set()),
    ("ramfs", {"D-09", "D-06"}),
    ("overlay", {"D-09", "D-06"}),
])
def test_store_file_system(behind, kind, codes):
    store = "/mnt/m/store" if kind == "overlay" else "/mnt/store"
    res = behind(kind, env={"CARREL_ROOT": store}).run("doctor", "--json")
    _, found = examine(res)
    # ramfs counts nothing, and has room.
    assert found - TOLERATED - ({"D-15"} if kind != "ramfs" else set()) == codes, res
    if kind == "ramfs":
        assert " 0 MB free" not in behind(kind, env={"CARREL_ROOT": store}).run("doctor").out
    assert res.rc == (LOST if codes else res.rc), res


def test_layers_that_a_file_system_cannot_hold(behind, images):
    """The pull says what the doctor says."""
    res = behind("overlay", env={"CARREL_ROOT": "/mnt/m/store"}).run("pull", "-q", images["layers"])
    assert res.rc == 125 and "/.wh." in res.err and "[D-09]" in res.err, res
    assert "hint: use --root" in res.err, res


def test_driver_of_info(behind, need):
    need("fuse")
    for kind, driver in ("tmpfs", "overlay"), ("ramfs", "fuse-overlayfs"):
        b = behind(kind, env={"CARREL_ROOT": "/mnt/store"})
        doc = b.run("info", "--format", "json").json()
        assert doc["Driver"] == driver, (kind, doc)
    assert "[D-06]" in b.run("info").out


@pytest.mark.serial  # mounts where others look for leftovers
def test_read_only_store(carrel, readonly_dir):
    path = readonly_dir(carrel.data)
    res = carrel.run("doctor", "--json", check=False)
    _, found = examine(res)
    assert "D-15" in found and res.rc == LOST, res
    assert path in res.out, res


@pytest.mark.serial  # mounts where others look for leftovers
def test_small_store(carrel, small_fs, need):
    need("subids")
    path = small_fs(8 << 20)
    res = carrel.run("doctor", "--json", env={"CARREL_ROOT": path + "/s"}, check=False)
    _, found = examine(res)
    assert "D-15" in found and res.rc == DEGRADED, res
    text = " ".join(carrel.run("doctor", env={"CARREL_ROOT": path + "/s"}, check=False).out.split())
    assert "MB free instead: what fits there works" in text and "lost: pull" not in text, text
    assert os.listdir(path) == []


@pytest.mark.parametrize("value", [None, "/nonexistent/run", "relative"])
def test_runtime_dir(carrel, value):
    env = dict(carrel.env)
    env.pop("XDG_RUNTIME_DIR")
    if value:
        env["XDG_RUNTIME_DIR"] = value
    out = subprocess.run([carrel.program, "doctor", "--json"], env=env, check=False,
                         stdin=subprocess.DEVNULL, capture_output=True)
    res = Result(("doctor",), out.returncode, out.stdout, out.stderr, 0)
    _, found = examine(res)
    assert "D-10" in found and res.rc in (DEGRADED, LOST), res


@pytest.mark.parametrize("mode,used", [(0o777, False), (0o770, False), (0o1777, True), (0o755, True)])
def test_runtime_dir_of_others(carrel, tmp_path, mode, used):
    """Where somebody else could move what lies there, locks and sockets do not."""
    tmp_path.chmod(mode)
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    _, found = examine(carrel.run("doctor", "--json", env=env, check=False))
    assert ("D-10" not in found) == used == (os.listdir(tmp_path) == ["carrel"]), found
    if used:  # somebody else was there before
        (tmp_path / "carrel").chmod(0o755)
        _, found = examine(carrel.run("doctor", "--json", env=env, check=False))
        assert "D-10" in found, found


def test_root_without_range(behind):
    res = behind("no-subuid-file", user="root").run("doctor", "--json")
    _, found = examine(res)
    assert "D-18" in found and res.rc == LOST, res
    res = behind("no-subuid-file", user="root").run("ps")
    assert res.rc == 125 and "[D-18]" in res.err, res
    res = behind("range-of-alice", user="root").run("ps")  # whose range the hint is not to name
    assert "usermod --add-subuids 165536-231071 --add-subgids 165536-231071 root" in res.err, res
    for words in (["run", "--help"], ["--help"], ["version"], ["image", "inspect", "--help"]):
        assert behind("no-subuid-file", user="root").run(*words).rc == 0, words


@pytest.mark.serial
def test_root_with_range(root):
    """Root is examined as the id that it becomes, never as 0."""
    res = root.run("doctor", "--json", check=False)
    doc, found = examine(res)
    assert found <= TOLERATED, res
    assert doc["tier"] == "A" and doc["store"] == "/var/lib/carrel", res
    assert "user id 0," not in root.run("doctor", check=False).out
    res = Obstructed(root, "range-of-root", user="root").run("doctor")
    assert "65536 subordinate ids from 165537 " in " ".join(res.out.split()), res  # of 65537


def test_explain(carrel):
    res = carrel.run("doctor", "D-07")
    assert res.out.startswith("[D-07] /dev/net/tun"), res
    assert "modprobe tun" in res.out, res
    assert carrel.run("doctor", "7").out == res.out
    assert carrel.run("doctor", "d-7").out == res.out
    row = carrel.run("doctor", "--json", "D-07").json()
    assert set(row) == {"code", "title", "lost", "fallback", "fix", "manual"}, row
    assert row["code"] == "D-07" and row["title"] in res.out and "modprobe tun" in row["fix"], row


def test_every_code_is_explained(carrel):
    last = carrel.fails("doctor", "D-99", has="D-99")
    top = int(re.search(r"to D-(\d+)", last.err).group(1))
    assert top >= 19, last
    for n in range(1, top + 1):
        res = carrel.run("doctor", f"D-{n:02}")
        assert "lost:" in res.out and "fix:" in res.out, res


@pytest.mark.parametrize("word", ["D-00", "x", "", "D-07x", "-1", "D--7"])
def test_bad_code(carrel, word):
    carrel.fails("doctor", *(["--", word] if word.startswith("-") else [word]))


# ---- the same codes in the errors of run and pull ----------------------------------------------

@pytest.mark.parametrize("obstacle,code,network", [
    ("userns-limit", "D-01", "none"),
    ("seccomp", "D-02", "none"),
    ("no-tun+no-packet", "D-07", "private"),
    ("tun-0600+no-packet", "D-07", "private"),
    ("chroot", "D-11", "none"),
    ("chroot-mount", "D-11", "none"),
    ("no-seccomp", "D-14", "none"),
    ("masked-proc", "D-12", "none"),
    ("netns-limit", "D-13", "none"),
])
def test_code_in_run(pulled, behind, leftovers, obstacle, code, network):
    before = leftovers.snapshot(pulled)
    res = behind(obstacle).run("run", "--rm", "--network", network, pulled.image, "true")
    assert res.rc == 125, res
    assert f"[{code}]" in res.err, res
    assert "hint: " in res.err and res.out == "", res
    leftovers.check(pulled, before)


@pytest.mark.parametrize("obstacle,code", [
    ("userns-limit", "D-01"), ("chroot", "D-11"), ("no-seccomp", "D-14"),
])
def test_code_in_pull(carrel, behind, images, leftovers, obstacle, code):
    res = behind(obstacle).run("pull", "-q", images["busybox"])
    assert res.rc == 125, res
    assert f"[{code}]" in res.err and res.out == "", res
    assert carrel.staging() == []


def test_other_modes_without_tun(pulled, behind):
    for mode in ("none", "host"):
        res = behind("no-tun+no-packet").run("run", "--rm", "--network", mode, pulled.image, "true")
        assert res.rc == 0, res


@pytest.mark.serial  # mounts where others look for leftovers
def test_code_of_a_read_only_store(pulled, readonly_dir):
    readonly_dir(pulled.data)
    res = pulled.fails("run", "--rm", "--network", "none", pulled.image, "true", has="[D-15]")
    assert "--root" in res.err, res
    assert pulled.run("images").rc == 0  # readers go on
    assert pulled.run("ps", "-a").rc == 0


def test_code_of_a_changed_range(pulled, behind):
    res = behind("other-range").run("doctor", "--json")
    _, found = examine(res)
    assert found - TOLERATED == {"D-19"} and res.rc == DEGRADED, res
    run = ["run", "--rm", "--network", "none"]
    res = behind("other-range").run(*run, "--pull", "never", pulled.image, "true")
    assert res.rc == 125 and "[D-19]" in res.err, res
    # With the old range everything is as before.
    assert pulled.run(*run, "--pull", "never", pulled.image, "true").rc == 0
    # Where it may be fetched it is fetched again, which is said; for the old range, too.
    for runner in behind("other-range"), pulled:
        res = runner.run(*run, pulled.image, "true")
        assert res.rc == 0 and "[D-19]" in res.err, res


def test_runtime_dir_fallback_runs(pulled):
    env = {"XDG_RUNTIME_DIR": "/nonexistent"}
    res = pulled.run("run", "--rm", "--network", "none", pulled.image, "echo", "ok", env=env)
    assert res.out == "ok\n", res
