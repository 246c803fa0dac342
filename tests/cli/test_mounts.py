# SPDX-License-Identifier: Apache-2.0
"""The root file system by both ways of mounting it, and what is mounted on it."""
import os

import pytest

from lib import ociimg
from lib.fakeregistry import FakeRegistry


def run(runner, *args, **kw):
    return runner.run("run", "--rm", "--network", "none", *args, **kw)


@pytest.mark.parametrize("way", ["new", "classic"])
@pytest.mark.parametrize("name", ["busybox", "layers", "many"])
def test_overlay(warm, images, leftovers, way, name):
    warm.run("pull", "-q", images[name])
    before = leftovers.snapshot(warm)
    res = run(warm, "-u", "0", "-w", "/", images[name], "sh", "-c",
              "grep ' / ' /proc/self/mounts; echo x >/etc/made; rm -r /home; mkdir /home;"
              "ls -A /home; cat /layer59 /data/new 2>/dev/null; echo end",
              env={"CARREL_ROOTFS": "overlay", "CARREL_OVERLAY": way})
    options = res.lines[0].split()[3]
    assert "userxattr" in options and "volatile" in options, res
    # No path of the host in what the container sees.
    assert warm.home not in res.out, res
    assert res.lines[1:] == {"busybox": ["end"], "layers": ["newend"], "many": ["59end"]}[name], res
    leftovers.check(warm, before)


def test_table(warm):
    res = run(warm, warm.image, "cat", "/proc/self/mounts")
    rows = {}
    for line in res.lines:
        _, where, kind, options = line.split()[:4]
        rows[where] = (kind, set(options.split(",")))
    nothing = {"nosuid", "nodev", "noexec"}
    for where, kind, flags in (
            ("/proc", "proc", nothing | {"rw"}), ("/sys", "sysfs", nothing | {"ro"}),
            ("/dev", "tmpfs", {"nosuid", "mode=755"}),
            ("/dev/pts", "devpts", {"nosuid", "noexec", "ptmxmode=666", "mode=620"}),
            ("/dev/shm", "tmpfs", nothing | {"size=65536k"}), ("/dev/mqueue", "mqueue", nothing),
            ("/proc/sys", "proc", nothing | {"ro"}), ("/proc/bus", "proc", {"ro"}),
            ("/proc/sysrq-trigger", "proc", {"ro"})):
        if where.startswith("/proc/") and not os.path.exists(where):
            continue  # not on this kernel
        assert rows[where][0] == kind and flags <= rows[where][1], (where, rows[where])
    if "/sys/fs/cgroup" in rows:
        assert rows["/sys/fs/cgroup"][0] == "cgroup2" and "ro" in rows["/sys/fs/cgroup"][1]


def test_devices(warm):
    res = run(warm, warm.image, "sh", "-c",
              "for d in null zero full random urandom tty; do stat -c '%n %t:%T' /dev/$d; done;"
              "echo x >/dev/null && head -c 3 /dev/zero | od -An -tx1; readlink /dev/fd; readlink /dev/ptmx;"
              "cat /proc/keys | wc -c")
    assert res.lines == ["/dev/null 1:3", "/dev/zero 1:5", "/dev/full 1:7", "/dev/random 1:8",
                         "/dev/urandom 1:9", "/dev/tty 5:0", " 00 00 00", "/proc/self/fd",
                         "pts/ptmx", "0"], res


def test_volumes(warm):
    src = os.path.join(warm.home, "vol")
    os.makedirs(os.path.join(src, "deep"), exist_ok=True)
    with open(os.path.join(src, "file"), "w", encoding="ascii") as f:
        f.write("from the host\n")
    res = run(warm, "-v", f"{src}/file:/made/for/it:ro", "-v", f"{src}:/v", "-v",
              f"{src}:/v/deep:ro", "--tmpfs", "/scratch:size=1m,mode=700", warm.image, "sh", "-c",
              "cat /made/for/it /v/file /v/deep/file; echo a >/v/new; echo b >/v/deep/no;"
              "echo c >/made/for/it; stat -c %a /scratch; head -c 2m /dev/zero >/scratch/big; stat -c %s /scratch/big")
    assert res.lines == ["from the host"] * 3 + ["700", str(1 << 20)], res
    assert res.err.count("Read-only file system") == 2, res
    with open(os.path.join(src, "new"), encoding="ascii") as f:
        assert f.read() == "a\n"
    warm.fails("run", "--rm", "--network", "none", "-v", f"{src}:/proc/sys", warm.image, "true",
               has="/proc")
    warm.fails("run", "--rm", "--network", "none", "-v", f"{src}/file:/proc/foo", warm.image, "true",
               has=["make mount point /proc/foo", "hint: nothing can be made there"])


@pytest.fixture
def volumes(warm):
    """An image whose Volumes are, are not and cannot be directories."""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    layer = ociimg.busybox_layer().dir("there").file("there/file", "x").symlink("link", "/behind")
    image = ociimg.Image([layer], {"Cmd": ["/bin/sh"], "Volumes": dict.fromkeys(
        ("/data/deep", "/there", "/link", "/../up", "/etc/passwd", "/bin/sh/x", "/proc/no/such",
         "relative", "/etc/resolv.conf/x", "/shared/below"), {})}, arch=arch)
    reg = FakeRegistry()
    yield reg.add(image, "volumes:latest")
    reg.stop()
    warm.run("rmi", "-f", f"{reg.host}/volumes:latest")


@pytest.mark.parametrize("flags", [(), ("--read-only",)], ids=["rw", "ro"])
def test_volumes_of_the_image(warm, volumes, leftovers, tmp_path, flags):
    """A program counts on them: each is there, in the container itself."""
    warm.run("pull", "-q", volumes)
    before = leftovers.snapshot(warm)
    res = run(warm, "-v", f"{tmp_path}:/shared", *flags, volumes, "sh", "-c",
              "stat -c '%n %F %a %u' /data /data/deep /there /behind /up;"
              "test -f /etc/passwd && cat /there/file; ls -d /relative /shared/*; true")
    kind = "directory 755 0"
    assert res.lines[:5] == [f"{d} {kind}" for d in
                             ("/data", "/data/deep", "/there", "/behind", "/up")], res
    assert res.lines[5:] == ["x"], res
    assert os.listdir(tmp_path) == []
    leftovers.check(warm, before)


def test_read_only_root(warm):
    res = run(warm, "--read-only", warm.image, "sh", "-c",
              "touch /x; touch /dev/shm/y && touch /dev/z && echo rest", check=False)
    assert res.out == "rest\n" and "Read-only file system" in res.err, res


@pytest.mark.parametrize("way", ["user", "nobody"])
def test_working_directory_is_made(warm, way):
    user = ["-u", "33"] if way == "nobody" else []
    assert run(warm, *user, "-w", "/made/for/me", warm.image, "pwd").out == "/made/for/me\n"


def test_host_network_has_the_hosts_sysfs_read_only(warm):
    res = warm.run("run", "--rm", "--network", "host", warm.image, "sh", "-c",
                   "ls /sys/class/net; touch /sys/kernel/x; true")
    assert sorted(os.listdir("/sys/class/net")) == sorted(res.lines), res
