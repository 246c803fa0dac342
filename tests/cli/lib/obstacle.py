# SPDX-License-Identifier: Apache-2.0
"""Run carrel on a host that forbids something: obstacle.py NAME[+NAME] USER PROGRAM ARG...

Started by host.py as root. Each obstacle lies in private namespaces of this process only. The
program then runs as USER.
"""
import ctypes
import errno
import os
import pwd
import shutil
import socket
import subprocess
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
UNSHARE = {"x86_64": 272, "aarch64": 97}
SECCOMP = {"x86_64": (317, 157), "aarch64": (277, 167)}  # and prctl
SOCKET = {"x86_64": 41, "aarch64": 198}
MAPPERS = ("/usr/bin/newuidmap", "/usr/bin/newgidmap")

libc = ctypes.CDLL(None, use_errno=True)


def sh(*argv):
    subprocess.run(argv, check=True)


def call(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def scratch(kind="tmpfs"):
    """A file system of ours in the private mount namespace; it ends with it."""
    sh("mount", "-t", kind, "-o", "mode=755", "obstacle", "/mnt")
    return "/mnt"


def same_ids_userns():
    """A user namespace in which every id is itself: its limits are ours to set."""
    r, w = os.pipe()
    done_r, done_w = os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        os.read(r, 1)
        for kind in ("uid_map", "gid_map"):
            write(f"/proc/{parent}/{kind}", "0 0 4294967295\n")
        os.write(done_w, b"x")
        os._exit(0)
    call(libc.unshare(CLONE_NEWUSER))
    os.write(w, b"x")
    os.read(done_r, 1)
    os.wait()
    for fd in (r, w, done_r, done_w):
        os.close(fd)


def limit(name):
    same_ids_userns()
    write(f"/proc/sys/user/{name}", "0")


def copies_without_setuid(paths=MAPPERS):
    for path in paths:
        copy = os.path.join(scratch_dir(), os.path.basename(path))
        shutil.copyfile(path, copy)
        os.chmod(copy, 0o755)
        sh("mount", "--bind", copy, path)


def scratch_dir():
    if not os.path.ismount("/mnt"):
        scratch()
    return "/mnt"


def mappers_nosuid():
    for path in MAPPERS:
        sh("mount", "--bind", path, path)
        sh("mount", "-o", "remount,bind,nosuid", path)


def without_helper(name):
    """As a build without its library leaves it."""
    libexec = os.path.join(os.path.dirname(os.path.dirname(sys.argv[3])), "libexec", "carrel")
    copy = os.path.join(scratch_dir(), "libexec")
    shutil.copytree(libexec, copy, ignore=lambda *_: {name})
    sh("mount", "--bind", copy, libexec)


def cover(*paths):
    for path in paths:
        sh("mount", "--bind", "/dev/null", path)


def without_lines(who):
    for path in ("/etc/subuid", "/etc/subgid"):
        with open(path, encoding="utf-8") as f:
            kept = [line for line in f if line.split(":")[0] != who]
        copy = os.path.join(scratch_dir(), os.path.basename(path))
        write(copy, "".join(kept))
        sh("mount", "--bind", copy, path)


def other_range(who, count=65536, *more):
    """The administrator gave the user another range of ids."""
    for path in ("/etc/subuid", "/etc/subgid"):
        copy = os.path.join(scratch_dir(), os.path.basename(path))
        write(copy, "".join(f"{who}:{first}:{n}\n" for first, n in ((1900000, count), *more)))
        sh("mount", "--bind", copy, path)


def only_range(who, first, count):
    for path in ("/etc/subuid", "/etc/subgid"):
        copy = os.path.join(scratch_dir(), os.path.basename(path))
        write(copy, f"{who}:{first}:{count}\n")
        sh("mount", "--bind", copy, path)


def chroot_into(mount_point):
    top = os.path.join(scratch_dir(), "top")
    os.mkdir(top)
    if mount_point:
        sh("mount", "--bind", top, top)
    for name in os.listdir("/"):
        path = os.path.join("/", name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), os.path.join(top, name))
        elif os.path.isdir(path) and name != "mnt":
            os.mkdir(os.path.join(top, name))
            sh("mount", "--rbind", path, os.path.join(top, name))
    os.chroot(top)
    os.chdir("/")


LOAD, EQUAL, END = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NR, ARG0 = 0, 16  # offsets in struct seccomp_data; the low half of a little-endian argument
REFUSE, ALLOW = 0x00050000, 0x7fff0000


def refuse(*rules):
    """Rules: (word offset, jump if equal, jump if not, value)."""
    code = b"".join(op.to_bytes(2, sys.byteorder) + bytes((jt, jf)) + k.to_bytes(4, sys.byteorder)
                    for op, jt, jf, k in rules)
    buf = ctypes.create_string_buffer(code)

    class Prog(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    prog = Prog(len(rules), ctypes.addressof(buf))
    call(libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(prog), 0, 0))


def refuse_unshare():
    nr = UNSHARE[os.uname().machine]
    refuse((LOAD, 0, 0, NR), (EQUAL, 0, 1, nr), (END, 0, 0, REFUSE | errno.EPERM),
           (END, 0, 0, ALLOW))


def kernel_without_filters():
    """seccomp(2) and prctl(PR_SET_SECCOMP) as on a kernel without CONFIG_SECCOMP_FILTER."""
    seccomp, prctl = SECCOMP[os.uname().machine]
    refuse((LOAD, 0, 0, NR), (EQUAL, 4, 0, seccomp), (EQUAL, 0, 2, prctl),
           (LOAD, 0, 0, ARG0), (EQUAL, 1, 0, PR_SET_SECCOMP), (END, 0, 0, ALLOW),
           (END, 0, 0, REFUSE | errno.EINVAL))


def no_packet_sockets():
    refuse((LOAD, 0, 0, NR), (EQUAL, 0, 3, SOCKET[os.uname().machine]),
           (LOAD, 0, 0, ARG0), (EQUAL, 0, 1, socket.AF_PACKET),
           (END, 0, 0, REFUSE | errno.EAFNOSUPPORT), (END, 0, 0, ALLOW))


def without_passwd(user):
    """The id is there, its name is not; the range is given by number."""
    with open("/etc/passwd", encoding="utf-8") as f:
        kept = [line for line in f if line.split(":")[0] != user.pw_name]
    copies = {"/etc/passwd": "".join(kept)}
    for path in ("/etc/subuid", "/etc/subgid"):
        with open(path, encoding="utf-8") as f:
            copies[path] = f.read().replace(f"{user.pw_name}:", f"{user.pw_uid}:")
    for path, text in copies.items():
        copy = os.path.join(scratch_dir(), os.path.basename(path))
        write(copy, text)
        sh("mount", "--bind", copy, path)


def tmp(options):
    """Another /tmp; what lies in the present one stays where the tests have it."""
    used = (os.environ.get("HOME", ""), sys.argv[3])
    kept = sorted({"/".join(path.split("/")[:3]) for path in used if path.startswith("/tmp/")})
    for i, path in enumerate(kept):
        os.mkdir(f"{scratch_dir()}/kept{i}")
        sh("mount", "--rbind", path, f"{scratch_dir()}/kept{i}")
    sh("mount", "-t", "tmpfs", "-o", "mode=1777,size=64k", "obstacle", "/tmp")
    for i, path in enumerate(kept):
        os.makedirs(path, exist_ok=True)
        sh("mount", "--rbind", f"{scratch_dir()}/kept{i}", path)
    if options == "full":
        with open("/tmp/filler", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError as e:
                assert e.errno == errno.ENOSPC
    else:
        sh("mount", "-o", f"remount,{options}", "/tmp")


def link_in_new_tmp(user):
    tmp("rw")
    os.symlink("elsewhere", f"/tmp/carrel-{user.pw_uid}")
    os.lchown(f"/tmp/carrel-{user.pw_uid}", user.pw_uid, user.pw_gid)


def session_without_linger(user):
    """The marks of a systemd user session; nothing of it runs."""
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "obstacle", "/run")
    os.makedirs(f"/run/user/{user.pw_uid}/systemd")
    os.chown(f"/run/user/{user.pw_uid}", user.pw_uid, user.pw_gid)


def session_that_is_killed(user):
    session_without_linger(user)
    os.makedirs("/run/systemd/logind.conf.d")
    write("/run/systemd/logind.conf.d/zz.conf", "[Login]\nKillUserProcesses=yes\n")


def no_tun():
    sh("mount", "-t", "tmpfs", "obstacle", "/dev/net")


def tun_for_root_only():
    no_tun()
    os.mknod("/dev/net/tun", 0o20600, os.makedev(10, 200))


def fuse_for_root_only():
    node = os.path.join(scratch_dir(), "fuse")
    os.mknod(node, 0o20600, os.makedev(10, 229))
    sh("mount", "--bind", node, "/dev/fuse")


def no_fuse_overlayfs():
    path = os.path.join(scratch_dir(), "not-executable")
    write(path, "")
    sh("mount", "--bind", path, "/usr/bin/fuse-overlayfs")


def store_on(kind, options=None):
    def setup(user):
        if kind == "overlay":
            for d in ("l", "u", "w", "m"):
                os.mkdir(os.path.join(scratch_dir(), d))
            sh("mount", "-t", "overlay", "-o",
               "lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w", "obstacle", "/mnt/m")
            path = "/mnt/m"
        else:
            path = scratch(kind)
            if options:
                sh("mount", "-o", f"remount,{options}", path)
        os.chown(path, user.pw_uid, user.pw_gid)
    return setup


OBSTACLES = {
    "none": lambda user: None,
    "userns-limit": lambda user: limit("max_user_namespaces"),
    "netns-limit": lambda user: limit("max_net_namespaces"),
    "seccomp": lambda user: refuse_unshare(),
    "no-newuidmap": lambda user: cover(*MAPPERS),
    "no-newgidmap": lambda user: copies_without_setuid(MAPPERS[1:]),
    "no-setuid": lambda user: copies_without_setuid(),
    "nosuid": lambda user: mappers_nosuid(),
    "no-new-privs": lambda user: call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
    "no-subuid": lambda user: without_lines(user.pw_name),
    "range-of-alice": lambda user: only_range("alice", 100000, 65536),
    "range-of-root": lambda user: only_range("root", 165536, 65537),
    "no-subuid-file": lambda user: cover("/etc/subuid", "/etc/subgid"),
    "other-range": lambda user: other_range(user.pw_name),
    "short-range": lambda user: other_range(user.pw_name, 1000),
    "cut-range": lambda user: other_range(user.pw_name, 1000, (2900000, 64536)),
    "wide-range": lambda user: other_range(user.pw_name, 200000),
    "chroot": lambda user: chroot_into(mount_point=False),
    "chroot-mount": lambda user: chroot_into(mount_point=True),
    "no-seccomp": lambda user: kernel_without_filters(),
    "no-passwd": without_passwd,
    "tmp-full": lambda user: tmp("full"),
    "tmp-ro": lambda user: tmp("ro"),
    "tmp-new": lambda user: tmp("rw"),
    "tmp-link": link_in_new_tmp,
    "no-linger": session_without_linger,
    "killed-session": session_that_is_killed,
    "noexec": store_on("tmpfs", "noexec,nosuid"),
    "masked-proc": lambda user: cover("/proc/version"),
    "no-tun": lambda user: no_tun(),
    "tun-0600": lambda user: tun_for_root_only(),
    "no-netstack": lambda user: without_helper("netstack"),
    "no-packet": lambda user: no_packet_sockets(),
    "no-ping": lambda user: call(libc.unshare(CLONE_NEWNET)),
    "no-fuse": lambda user: cover("/dev/fuse"),
    "fuse-0600": lambda user: fuse_for_root_only(),
    "no-fuse-overlayfs": lambda user: no_fuse_overlayfs(),
    "other-fuse-overlayfs":
        lambda user: sh("mount", "--bind", "/usr/bin/ls", "/usr/bin/fuse-overlayfs"),
    "own-fuse-overlayfs": lambda user: sh("mount", "--bind", os.environ["CARREL_TEST_PROGRAM"],
                                          "/usr/bin/fuse-overlayfs"),
    "ramfs": store_on("ramfs"),
    "tmpfs": store_on("tmpfs"),
    "overlay": store_on("overlay"),
}


def main():
    name, who, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
    user = pwd.getpwnam(who)
    call(libc.unshare(CLONE_NEWNS))
    sh("mount", "--make-rprivate", "/")
    for part in name.split("+"):
        OBSTACLES[part](user)
    if user.pw_uid:
        os.initgroups(who, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.execve(argv[0], argv, os.environ)


if __name__ == "__main__":
    main()
