# SPDX-License-Identifier: Apache-2.0
"""Hosts without subordinate ids, or whose newuidmap does not work: containers with one id."""
import os
import re
import shutil
import stat
import subprocess

import pytest

from lib import ociimg
from test_crashed import crash, metas
from test_doctor import Obstructed

ONE = ("run", "--rm", "--network", "none")
OUTSIDE = "hint: start it outside of the sandbox"
TOLD = "root inside is you; other ids of the image belong to you"
PROBE = ("sh", "-c", "id; cat /proc/self/uid_map; grep -E '^(Cap|NoNew)' /proc/self/status")


def warnings(res):
    return [line for line in res.err.splitlines() if line.startswith("carrel: warning: ")]


@pytest.fixture
def behind(carrel, need):
    need("root")
    return lambda name, **kw: Obstructed(carrel, name, **kw)


def owners(top):
    """Everybody who owns something below."""
    found = set()
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            st = os.lstat(os.path.join(where, name))
            found.add((st.st_uid, st.st_gid))
    return found


@pytest.mark.parametrize("obstacle,code", [
    ("no-subuid", "D-03"), ("no-subuid-file", "D-03"), ("no-newuidmap", "D-04"),
    ("no-setuid", "D-05"), ("nosuid", "D-05"), ("no-new-privs", "D-05"), ("no-passwd", "D-24"),
])
def test_each_obstacle(carrel, behind, images, leftovers, obstacle, code):
    host = behind(obstacle)
    res = host.run("pull", "-q", images["busybox"])
    assert res.rc == 0 and len(warnings(res)) == 1, res
    assert TOLD in res.err and f"[{code}]" in res.err, res
    assert owners(carrel.store) == {(os.getuid(), os.getgid())}
    res = host.run(*ONE, images["busybox"], *PROBE)
    assert res.rc == 0 and len(warnings(res)) == 1, res
    assert TOLD in res.err and f"[{code}]" in res.err, res
    rows = res.lines
    assert rows[0].startswith("uid=0(root) gid=0(root)") and rows[1].split() == ["0", "0", "1"], res
    assert "CapEff:\t00000000800405fb" in rows and "NoNewPrivs:\t1" in rows, res
    assert owners(carrel.store) == {(os.getuid(), os.getgid())}
    # Nothing was pulled yet: one line all the same.
    host.run("rmi", images["busybox"])
    res = host.run(*ONE, images["busybox"], "echo", "hi")
    assert res.out == "hi\n" and len(warnings(res)) == 1, res


def test_one_of_two_helpers_works(make_carrel, carrel, images, need):
    """newuidmap wrote its map when newgidmap fails: the namespace with half a map is not used."""
    need("root")
    host = Obstructed(carrel, "no-newgidmap")
    res = host.run(*ONE, images["busybox"], *PROBE)
    assert res.rc == 0 and "[D-05]" in res.err, res
    assert res.lines[1].split() == ["0", "0", "1"], res


def test_strict(one_id, carrel, images):
    for words in (("pull", "-q", "REF"), (*ONE, "--strict", "REF", "true")):
        words = [images["busybox"] if w == "REF" else w for w in words]
        env = {"CARREL_STRICT": "1"}
        res = one_id.fails(*words, has="[D-05]", env=env)
        assert "--strict" in res.err and not warnings(res), res
        assert OUTSIDE in res.err and "chmod" not in res.err, res
    assert not os.path.exists(os.path.join(one_id.store, "layers")) or \
        os.listdir(os.path.join(one_id.store, "layers")) == []
    one_id.run("create", check=False)
    carrel.run(*ONE, "--strict", images["busybox"], "true")


def test_image_of_many_ids_without_a_runtime_dir(make_carrel, one_id, carrel, images, need):
    """It is fetched again from inside the user namespace, where the caller's number is another: the
    directory in /tmp is that of the caller all the same, and lies covered in the container."""
    need("subids")
    env = {"XDG_RUNTIME_DIR": ""}
    carrel.run("pull", "-q", images["busybox"], env=env)
    both = make_carrel(one_id.program)
    both.env.update(carrel.env, XDG_RUNTIME_DIR="")
    there = os.path.exists("/tmp/carrel-0")
    own = f"/host/carrel-{os.getuid()}"
    res = both.run(*ONE, "-v", "/tmp:/host", images["busybox"], "sh", "-c",
                   f"stat -c %a {own}; ls -A {own}")
    assert res.out == "555\n" and "[D-19]" in res.err, res
    assert os.path.exists("/tmp/carrel-0") == there


def test_the_reason_outlives_a_fetch(make_carrel, one_id, carrel, images, need):
    """The first try has moved the command into the map of one id, which says nothing of its cause."""
    need("subids")
    carrel.run("pull", "-q", images["layers"])
    both = make_carrel(one_id.program)
    both.env.update(carrel.env)
    res = both.run(*ONE, images["layers"], "id", "-u")
    codes = [line[-6:] for line in warnings(res)]
    assert res.out == "0\n" and "the image's user" in warnings(res)[-1], res
    assert sorted(codes) == ["[D-05]", "[D-05]", "[D-19]"], res


def test_foreign_owners(one_id, images):
    res = one_id.run("pull", "-q", images["layers"])
    assert re.search(r"\d+ files of this image, 1 of them without set-id bits \[D-05\]",
                     warnings(res)[0]) and len(warnings(res)) == 1, res
    assert owners(one_id.store) == {(os.getuid(), os.getgid())}
    # The setuid bit was for user 33: root must not have it.
    modes = {}
    for where, _, files in os.walk(os.path.join(one_id.store, "layers")):
        modes.update((f, stat.S_IMODE(os.lstat(os.path.join(where, f)).st_mode)) for f in files)
    assert modes["suid"] == 0o755 and modes["sticky"] == 0o1644, modes
    res = one_id.run(*ONE, images["layers"], "stat", "-c", "%u:%g %a", "/data/suid", "/data/sticky")
    assert res.lines == ["0:0 755", "0:0 1644"], res
    # The record has the truth, and a verification knows what the disk must be like.
    for meta in metas(one_id):
        crash(meta)
    res = one_id.run(*ONE, images["layers"], "true")
    assert "damaged" not in res.err and "fetching" not in res.err, res


LIST = ("sh", "-c", "find /bin /data /etc/passwd /etc/group | sort | "
        "xargs stat -c '%n %F %s %Y %h %N' && find /bin /data -type f | sort | xargs md5sum")


def test_same_tree_as_with_a_full_map(one_id, carrel, images):
    full = carrel.run(*ONE, "-u", "0", images["layers"], *LIST)
    assert one_id.run(*ONE, images["layers"], *LIST).out == full.out
    modes = ("sh", "-c", "find /bin /data ! -type l | sort | xargs stat -c '%n %a'")
    full = carrel.run(*ONE, "-u", "0", images["layers"], *modes).out
    assert one_id.run(*ONE, images["layers"], *modes).out == full.replace("suid 4755", "suid 755")


CHOWN = r"""
cd /tmp && touch a && mkdir d && ln -s a l
chown 5:6 a; echo "chown $?"; chown -h 5 l; echo "lchown $?"; chgrp -R 7 d; echo "chgrp $?"
chown 0:0 a; echo "own $?"; stat -c %u:%g a
chown 0:0 absent 2>/dev/null; echo "absent $?"
mknod n c 1 3 2>/dev/null; echo "mknod $?"; mkfifo f; echo "fifo $?"
su www -s /bin/sh -c id
"""


def test_answers(one_id, images):
    assert one_id.run(*ONE, images["busybox"], "sh", "-c", CHOWN).lines == [
        "chown 0", "lchown 0", "chgrp 0", "own 0", "0:0", "absent 1", "mknod 1", "fifo 0",
        # As carrel-run(1) says: nobody was become, and nobody was told.
        "uid=0(root) gid=0(root) groups=0(root)"]
    for option in ("real-ids", "seccomp=unconfined"):
        res = one_id.run(*ONE, "--security-opt", option, images["busybox"], "sh", "-c", CHOWN, rc=1)
        assert res.lines[:5] == ["chown 1", "lchown 1", "chgrp 1", "own 0", "0:0"], res
        assert "uid=0" not in res.out, res


def test_answers_are_for_one_id_only(warm):
    res = warm.run(*ONE, warm.image, "sh", "-c", CHOWN)
    assert "uid=33(www)" in res.out, res
    res = warm.run(*ONE, "--security-opt", "real-ids", warm.image, "grep", "filters",
                   "/proc/self/status")
    assert res.out == "Seccomp_filters:\t1\n", res


def test_users(one_id, images):
    for user in ("33", "www", "1:1", "0:5"):
        one_id.fails(*ONE, "-u", user, images["busybox"], "true", has=["one id", "[D-05]", OUTSIDE])
    own = str(os.getuid())
    res = one_id.run(*ONE, "-u", own, images["busybox"], "sh", "-c",
                  "id -u; stat -c %u /bin; touch /tmp/x && stat -c %u:%g /tmp/x; "
                  "chown 5 /tmp/x || grep CapEff /proc/self/status")
    assert res.lines == [own, own, f"{own}:{os.getgid()}", "CapEff:\t" + "0" * 16], res
    res = one_id.run(*ONE, images["layers"], "id", "-u")  # its user is `app`, 4711
    assert res.out == "0\n" and len(warnings(res)) == 2, res
    assert "the image's user" in res.err, res


def test_the_users_groups_stay(one_id, images):
    """Nobody may drop a group in a map of one id: what they open stays open."""
    res = one_id.run(*ONE, images["busybox"], "grep", "Groups", "/proc/self/status")
    inside = res.out.split()[1:]
    assert len(inside) == len(os.getgroups()), res


def test_life(one_id, images, leftovers):
    one_id.run("pull", "-q", images["busybox"])
    res = one_id.run("run", "-d", "--name", "c", "--network", "none", images["busybox"], "sh", "-c",
                  "echo begun; exec sleep 1000")
    assert len(warnings(res)) == 1, res
    # Directories that nobody may enter but root inside.
    one_id.run("exec", "c", "sh", "-c", "mkdir -m 0 /shut; mkdir -p /a/b/c; touch /a/b/c/f; chown -R 9 "
            "/a; chmod 0 /a/b/c /a/b /a; chmod 0 /bin")
    res = one_id.run("exec", "c", "/bin/id")
    assert res.out.startswith("uid=0(root)") and res.err == "", res
    res = one_id.run("exec", "c", "/bin/sh", "-c", PROBE[2])
    assert "NoNewPrivs:\t1" in res.lines, res
    one_id.fails("exec", "-u", "33", "c", "/bin/id", has=["[D-05]", OUTSIDE])
    assert one_id.run("logs", "c").out == "begun\n"
    one_id.run("stop", "-t", "0", "c")
    assert len(warnings(one_id.run("start", "c"))) == 1
    assert one_id.run("exec", "c", "/bin/ls", "-d", "/a").out == "/a\n"
    one_id.run("rm", "-f", "c")
    one_id.empty_trash()
    assert os.listdir(os.path.join(one_id.store, "containers")) == []
    one_id.run("rmi", images["busybox"])
    assert owners(one_id.store) <= {(os.getuid(), os.getgid())}
    shutil.rmtree(one_id.store)  # the user's own hands


def test_set_id_files_are_reported(one_id, images):
    """`at` is setuid daemon; its chown was answered, so that its bit is root's."""
    one_id.run("pull", "-q", images["busybox"])
    script = "mkdir /opt; cp /bin/busybox /opt/at; chown 1:1 /opt/at; chmod 6755 /opt/at; chmod 2755 /opt"
    res = one_id.run("run", "--name", "at", "--network", "none", images["busybox"], "sh", "-c", script)
    assert len(warnings(res)) == 2 and "root's" in warnings(res)[1], res
    assert "/opt/at" in warnings(res)[1] and "[D-05]" in warnings(res)[1], res
    assert "/opt/at," not in res.err and " /opt " not in res.err, res
    rows = {row["what"]: row for row in one_id.run("explain", "--json", "at").json()["rows"]}
    assert rows["set-id files"]["differs"] and "/opt/at" in rows["set-id files"]["note"], rows
    res = one_id.run("start", "-a", "at", check=False)
    assert "set-id files" in res.err, res
    # Nothing was answered here: the kernel said so, and the bit is for root.
    one_id.run("run", "--name", "real", "--network", "none", "--security-opt", "real-ids",
               images["busybox"], "sh", "-c", "cp /bin/busybox /tmp; chmod 4755 /tmp/busybox")
    assert "set-id files" not in one_id.run("explain", "real").out
    one_id.run("rm", "at", "real")


def test_terminal(one_id, images, terminal):
    one_id.run("pull", "-q", images["busybox"])
    t = terminal(one_id, *ONE, "-it", images["busybox"], "sh")
    t.send("tty; stat -c %u:%g $(tty); stty size; exit 3\n")
    t.expect(rb"/dev/pts/0\r\n0:0\r\n24 80\r\n")
    assert t.wait() == 3


def test_subuids_come_and_go(carrel, behind, images, need):
    need("root")
    run = (*ONE, images["busybox"], "sh", "-c", "wc -l </proc/self/uid_map")
    without = [behind("no-subuid"), behind("no-setuid")]
    assert carrel.run(*run).out == "2\n"
    for host in without:
        res = host.run(*run)
        assert res.out == "1\n" and res.err.count("[D-19]") == 1, res
        assert len(warnings(res)) == 2, res
        res = host.run(*run)
        assert res.out == "1\n" and len(warnings(res)) == 1, res
        # Subordinate ids are there now.
        res = carrel.run(*run)
        assert res.out == "2\n" and res.err.count("[D-19]") == 1, res
        res = carrel.run(*run)
        assert res.out == "2\n" and not warnings(res), res
    # And the other way, by pull; what only all ids can delete is deleted when they are there.
    res = without[1].run("pull", "-q", images["busybox"])
    assert res.rc == 0, res
    res = without[1].run("run", "-d", "--network", "none", images["busybox"], "true")
    assert res.rc == 0 and "[D-19]" not in res.err, res
    carrel.run("pull", "-q", images["busybox"])
    assert carrel.run(*run).out == "2\n"
    carrel.empty_trash()


def test_layers_of_one_id_are_the_callers(carrel, behind, images, need):
    """When there are more ids again, root is not needed for anything."""
    need("root")
    assert behind("no-subuid").run("pull", "-q", images["busybox"]).rc == 0
    res = carrel.fails(*ONE, "--pull", "never", images["busybox"], "true", has="[D-19]")
    assert "hint: pull the image again\n" in res.err and "root" not in res.err, res
    text = " ".join(carrel.run("doctor", check=False).out.split())
    assert "[D-19] 1 of 1 layers were unpacked for other ids than yours are now" in text, text


def test_containers_of_another_tier_start(carrel, behind, images, need):
    """It starts with the ids that there are; what it wrote for others is nobody's then."""
    need("root")
    carrel.run("run", "--name", "c", "--network", "none", images["busybox"], "sh", "-c",
               "wc -l </proc/self/uid_map")
    host = behind("no-new-privs")
    res = host.run("start", "-a", "c")
    assert res.out == "1\n" and res.err.count("[D-19]") == 2, res
    assert len(warnings(res)) == 3, res
    res = host.run("start", "-a", "c")
    assert res.out == "1\n" and len(warnings(res)) == 2, res
    res = carrel.run("start", "-a", "c")  # with the layers again
    assert res.out == "2\n" and len(warnings(res)) == 1, res
    carrel.run("rm", "c")


def test_files_of_ids_that_are_gone(carrel, behind, images, need):
    """A container that was root and others is removed by who is only root: told, and done later."""
    need("root")
    carrel.run("run", "--name", "c", "--network", "none", images["busybox"], "sh", "-c",
               "mkdir /v; touch /v/f; chown -R 33:33 /v")
    trash = os.path.join(carrel.store, "trash")
    res = behind("no-setuid").run("rm", "c")
    assert res.rc == 0 and trash in res.err and "[D-19]" in res.err, res
    assert os.listdir(trash) != [] and carrel.run("ps", "-aq").out == ""
    carrel.run("run", "--name", "d", "--network", "none", images["busybox"], "true")
    res = carrel.run("rm", "d")
    assert not warnings(res), res
    carrel.empty_trash()


def test_info_and_doctor(one_id):
    doc = one_id.run("info", "--format", "json").json()
    assert doc["Tier"] == "B" and doc["Ids"] == 1, doc
    assert "1 (tier B) [D-05]" in one_id.run("info").out
    res = one_id.run("doctor", "--json", check=False)
    assert res.json()["tier"] == "B" and "D-05" in res.out, res


@pytest.mark.serial  # the store in fixed places
def test_root_gets_no_map_of_its_own_id(root, need):
    """Host id 0 is never mapped, neither alone."""
    need("root")
    for name in ("no-subuid", "no-subuid-file"):
        res = Obstructed(root, name, user="root").run(*ONE, "hello")
        assert res.rc == 125 and "[D-18]" in res.err, res


# ---- packages ----------------------------------------------------------------------------------

POSTINST = r"""#!/bin/sh
set -e
addgroup --system --gid 777 cgroup >/dev/null
adduser --system --uid 778 --gid 777 --no-create-home cuser >/dev/null
install -d -o cuser -g cgroup -m 2750 /var/lib/small
touch /var/lib/small/f
chown cuser:cgroup /var/lib/small/f
chown root:shadow /usr/bin/small
chmod 2755 /usr/bin/small
"""


def make_package(top):
    tree = os.path.join(top, "tree")
    os.makedirs(os.path.join(tree, "DEBIAN"))
    os.makedirs(os.path.join(tree, "usr/bin"))
    with open(os.path.join(tree, "DEBIAN/control"), "w", encoding="ascii") as f:
        f.write("Package: small\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example>\n"
                "Description: one that changes owners\n")
    with open(os.path.join(tree, "usr/bin/small"), "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho it works\n")
    os.chmod(os.path.join(tree, "usr/bin/small"), 0o755)
    path = os.path.join(tree, "DEBIAN/postinst")
    with open(path, "w", encoding="ascii") as f:
        f.write(POSTINST.replace("addgroup --system --gid 777 cgroup", "groupadd -g 777 cgroup")
                .replace("adduser --system --uid 778 --gid 777 --no-create-home cuser",
                         "useradd -u 778 -g 777 -M cuser"))
    os.chmod(path, 0o755)
    repo = os.path.join(top, "repo")
    os.mkdir(repo)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, repo + "/small_1_all.deb"],
                   check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(repo, "Packages"), "wb") as f:
        deb = open(repo + "/small_1_all.deb", "rb").read()
        control = open(os.path.join(tree, "DEBIAN/control"), "rb").read()
        f.write(control + f"Filename: ./small_1_all.deb\nSize: {len(deb)}\nSHA256: "
                .encode() + ociimg.digest(deb)[7:].encode() + b"\n")
    return repo


INSTALL = """set -e
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list
apt-get update
apt-get install -y small
small; stat -c '%u:%g %a' /usr/bin/small /var/lib/small; grep cuser /etc/passwd; dpkg --audit
"""


def test_apt_get_install(one_id, debian, tmp_path):
    repo = make_package(str(tmp_path))
    os.chmod(tmp_path, 0o755)
    res = one_id.run(*ONE, "-v", f"{repo}:/repo:ro", debian, "bash", "-c", INSTALL, timeout=120)
    assert "it works" in res.lines and "0:0 2755" in res.lines and "0:0 2750" in res.lines, res
    assert any(line.startswith("cuser:x:778:777:") for line in res.lines), res
