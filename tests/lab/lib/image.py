# SPDX-License-Identifier: Apache-2.0
"""Disks of the laboratory's hosts: Debian 12 by mmdebstrap in an ext4 file, made once, kept in the
cache under a name that says what is in it."""
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

# What carrel is linked against, and what its tests use inside.
PLAIN = """uidmap fuse3 fuse-overlayfs iproute2 kmod strace procps python3 busybox-static util-linux
 libjson-c5 libcap2 libcurl4 libssl3 zlib1g libisal2 libzstd1 libslirp0 libsystemd0 libglib2.0-0
 ca-certificates""".split()
FULL = PLAIN + """systemd systemd-sysv dbus dbus-user-session libpam-systemd login
 podman crun slirp4netns netavark passt bubblewrap""".split()
PACKAGES = {"plain": PLAIN, "full": FULL}
MKE2FS = "-q -t ext4 -L lab"
KEEP = 7 * 24 * 3600  # seconds that a disk stays in the cache unused
SIZE = {"plain": "2G", "full": "3G"}

STUB = """#!/bin/sh
# The job directory of the outside, by its name on the kernel's command line.
grep -q ' /proc proc ' /proc/mounts 2>/dev/null || mount -t proc -o nosuid,nodev,noexec proc /proc
words=" $(cat /proc/cmdline) "
share=${words##* LAB_SHARE=}
share=${share%% *}
mountpoint -q /lab || mount -t hostfs "-o$share" none /lab
exec /lab/guest/init
"""

# For the hosts with systemd: the agent that plain hosts have as pid 1, and real logins.
UNITS = {
    "lab-agent.service": """[Unit]
Description=Commands of the outside
After=systemd-user-sessions.service dbus.service systemd-logind.service
[Service]
ExecStart=/sbin/lab-init
StandardInput=null
StandardOutput=journal
KillMode=process
[Install]
WantedBy=multi-user.target
""",
    "lab-login@.service": """[Unit]
Description=A login of the user on %I
After=systemd-user-sessions.service
[Service]
ExecStart=-/sbin/agetty --autologin lab --noclear --nohostname --keep-baud %I dumb
ExecStopPost=/bin/sh -c 'echo lab-out-%I >/dev/ttyS0'
UtmpIdentifier=%I
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/%I
TTYReset=yes
KillMode=process
IgnoreSIGPIPE=no
SendSIGHUP=yes
""",
}

CUSTOMIZE = """
chroot "$1" useradd -m -s /bin/bash -K SUB_UID_MIN=100000 lab
echo lab >"$1/etc/hostname"
mkdir -p "$1/lab"
cp "$LAB_STUB" "$1/sbin/lab-init"
chmod 755 "$1/sbin/lab-init"
[ ! -e "$1/lib/systemd/systemd" ] || {
	cp "$LAB_UNITS"/* "$1/etc/systemd/system/"
	chroot "$1" systemctl --quiet enable lab-agent.service
	chroot "$1" systemctl --quiet set-default multi-user.target
	chroot "$1" systemctl --quiet mask getty.target apt-daily.timer apt-daily-upgrade.timer \
		systemd-pstore.service remote-fs.target
	mkdir -p "$1/etc/systemd/logind.conf.d"
	printf '[Login]\\nUserStopDelaySec=1\\n' >"$1/etc/systemd/logind.conf.d/lab.conf"
	: >"$1/etc/motd"
	rm -f "$1/etc/update-motd.d"/*
}
rm -rf "$1"/var/log/*.log "$1"/var/cache/debconf "$1"/usr/share/doc "$1"/usr/share/locale
"""


def cache_dir():
    path = os.environ.get("CARREL_TEST_CACHE")
    if not path:
        path = "/var/cache/carrel-check" if os.getuid() == 0 else os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "carrel-check")
    os.makedirs(path, exist_ok=True)
    return path


def sources():
    """The package sources of this machine, or mmdebstrap's own default."""
    out = []
    for where in ("/etc/apt/sources.list", "/etc/apt/sources.list.d"):
        if os.path.isdir(where):
            out += [os.path.join(where, n) for n in sorted(os.listdir(where))
                    if n.endswith(".list") or n.startswith("debian") and n.endswith(".sources")]
        elif os.path.exists(where):
            out.append(where)
    return [p for p in out if os.path.getsize(p)]


def build(name, target, log):
    """As root, or as a user with subordinate ids."""
    with tempfile.TemporaryDirectory(prefix="carrel-lab.") as work:
        units = os.path.join(work, "units")
        os.mkdir(units)
        for unit, text in UNITS.items():
            with open(os.path.join(units, unit), "w", encoding="ascii") as f:
                f.write(text)
        stub, tar = os.path.join(work, "stub"), os.path.join(work, "root.tar")
        with open(stub, "w", encoding="ascii") as f:
            f.write(STUB)
        os.chmod(work, 0o755)
        hook = os.path.join(work, "hook")
        with open(hook, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\nset -eu\n" + CUSTOMIZE)
        os.chmod(hook, 0o755)
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar",
             "--aptopt=Acquire::Languages \"none\"", "--include=" + ",".join(PACKAGES[name]),
             "--customize-hook=" + hook, "bookworm", tar] + sources(),
            env=dict(os.environ, LAB_STUB=stub, LAB_UNITS=units), stdout=log, stderr=log, check=True)
        # mke2fs takes owners from a tree: as a user it needs a namespace where they exist.
        tree, tmp = os.path.join(work, "tree"), target + f".tmp.{os.getpid()}"
        script = ('mkdir "$1" && tar -C "$1" --exclude="./dev/*" -xf "$2" && '
                  '/sbin/mke2fs $5 -d "$1" "$3" "$4"; s=$?; '
                  'rm -rf "$1"; exit $s')
        argv = ["sh", "-c", script, "sh", tree, tar, tmp, SIZE[name], MKE2FS]
        if os.getuid() != 0:
            argv = ["unshare", "--map-root-user", "--map-auto"] + argv
        try:
            subprocess.run(argv, stdout=log, stderr=log, check=True)
            os.rename(tmp, target)
        finally:
            if os.path.exists(tmp):
                os.unlink(tmp)


def image(name):
    """Path of the disk `name` ("plain" or "full"); it is made when the cache has none."""
    about = "\n".join(PACKAGES[name]) + STUB + CUSTOMIZE + SIZE[name] + MKE2FS
    if name == "full":
        about += "".join(UNITS.values())
    key = hashlib.sha256(about.encode()).hexdigest()[:12]
    path = os.path.join(cache_dir(), f"lab-{name}-{key}.ext4")
    if os.path.exists(path):
        with contextlib.suppress(PermissionError):
            os.utime(path, (time.time(), os.stat(path).st_mtime))  # COW files know the mtime
        return path
    for tool in ("mmdebstrap", "mke2fs"):
        if not shutil.which(tool, path="/usr/bin:/bin:/usr/sbin:/sbin"):
            raise RuntimeError(f"{tool} is not installed")
    with open(os.path.join(cache_dir(), f"lab-{name}.log"), "w", encoding="utf-8") as log:
        fcntl.lockf(log, fcntl.LOCK_EX)
        if not os.path.exists(path):
            for old in os.listdir(cache_dir()):
                old = os.path.join(cache_dir(), old)
                if old.endswith(".ext4") and time.time() - os.stat(old).st_atime > KEEP:
                    os.unlink(old)
            try:
                build(name, path, log)
            except subprocess.CalledProcessError as e:
                raise RuntimeError(f"no disk {name}: see {log.name}: {e}") from e
    return path


if __name__ == "__main__":
    print("\n".join(image(disk) for disk in sys.argv[1:]))
