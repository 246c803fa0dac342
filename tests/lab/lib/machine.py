# SPDX-License-Identifier: Apache-2.0
"""A whole host as an ordinary process: Debian's user-mode-linux kernel on a disk of image.py.

    with Machine(variant="no-subuid") as host:
        r = host.run("carrel run --rm hello true")      # by the user; host.root(...) by root
        r.status, r.out, r.err
    with Machine(kind="systemd") as host:
        session = host.login()                          # by agetty, login and PAM
        session.run("cat /proc/self/cgroup")
        session.logout()

Shell commands go in by a serial line, scripts and their output by a directory that the host sees
as /lab. A machine ends with its block; its disk is a sparse file of differences to the cached one.
"""
import ctypes
import functools
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from .image import image
from .variants import VARIANTS

KERNEL = "/usr/bin/linux.uml"
MODULES = "/usr/lib/uml/modules"
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)
GUEST = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "guest")


# Until something counts as hanging: it may be one of many on a small machine.
PATIENCE = 300


class LabError(Exception):
    pass


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}--- stderr\n{self.err}---"


def memory_dir(megabytes):
    """Where the machine's memory is a file: must be executable and have the room."""
    for path in filter(None, ("/dev/shm", os.environ.get("TMPDIR"), "/tmp", "/var/tmp")):
        try:
            st = os.statvfs(path)
        except OSError:
            continue
        if not st.f_flag & os.ST_NOEXEC and os.access(path, os.W_OK) and \
                st.f_bavail * st.f_frsize > (megabytes + 64) << 20:
            return path
    raise LabError(f"no executable directory with {megabytes} MB for the machine's memory")


@functools.cache
def box():
    """A pid namespace around the machine: none of its processes outlives the first."""
    words = ["unshare"] + (["--user", "--map-current-user"] if os.getuid() else []) + [
        "--pid", "--fork", "--kill-child", "--"]
    ok = subprocess.run(words + ["true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return words if ok else []


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Line:
    """One serial line: the ends that stay here."""

    def __init__(self):
        self.theirs_in, self.to = os.pipe()
        self.of, self.theirs_out = os.pipe()
        self.buf = b""

    def spec(self):
        return f"fd:{self.theirs_in},fd:{self.theirs_out}"

    def theirs(self):
        return self.theirs_in, self.theirs_out

    def close_theirs(self):
        for fd in self.theirs():
            os.close(fd)

    def close(self):
        os.close(self.to)
        os.close(self.of)

    def send(self, words):
        os.write(self.to, words.encode() + b"\n")

    def wait(self, word, deadline, idle=None):
        """Until the line has said `word`; calls idle() now and then."""
        word = word.encode()
        while word not in self.buf:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LabError(f"the host did not say {word.decode()} in time")
            if select.select([self.of], [], [], min(left, 0.2) if idle else left)[0]:
                data = os.read(self.of, 4096)
                if not data:
                    raise LabError("the host has ended")
                self.buf += data
            if idle:
                idle()
        self.buf = self.buf[self.buf.index(word) + len(word):]


class Job:
    """A script that runs, or ran, inside."""

    def __init__(self, machine, line, number):
        self.machine, self.line, self.number = machine, line, number
        self.dir = os.path.join(machine.share, "jobs", str(number))
        self.started = time.monotonic()

    def read(self, name):
        try:
            with open(os.path.join(self.dir, name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait(self, timeout=PATIENCE, idle=None):
        self.line.wait(f"lab-done {self.number}.", time.monotonic() + timeout, idle)
        status = self.read("status").strip()
        return Result(int(status) if status else -1, self.read("out"), self.read("err"),
                      time.monotonic() - self.started)


class Machine:
    def __init__(self, variant="normal", prefix=None, disk=None, memory=None, kind="plain"):
        self.variant, self.kind = VARIANTS[variant], kind
        self.disk = disk or ("full" if kind == "systemd" else "plain")
        self.memory = memory or (1024 if kind == "systemd" else 768)
        self.prefix = os.path.abspath(prefix or os.environ.get("CARREL_PREFIX") or "/usr/local")
        self.process, self.jobs = None, 0
        if not os.access(KERNEL, os.X_OK):
            raise LabError("user-mode-linux is not installed")
        if not os.access(os.path.join(self.prefix, "bin/carrel"), os.X_OK):
            raise LabError(f"no carrel in {self.prefix}/bin: --prefix or CARREL_PREFIX")
        self.dir = tempfile.mkdtemp(prefix="lab.")
        self.share = os.path.join(self.dir, "share")
        os.makedirs(os.path.join(self.share, "jobs"))
        shutil.copytree(GUEST, os.path.join(self.share, "guest"))
        self.write("variant", self.variant.script)
        self.write("settings", f"LAB_KIND={self.kind}\nLAB_PREFIX={self.prefix}\n"
                               f"LAB_MODULE_DIR={MODULES}\n")

    def write(self, name, text):
        with open(os.path.join(self.share, name), "w", encoding="utf-8") as f:
            f.write(text)

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # ---- power -----------------------------------------------------------------------------

    def boot(self, timeout=PATIENCE, console=None):
        """Returns when the host takes commands. console: a pair of fds for its second line."""
        self.lines = [Line() for _ in range(4)]
        argv = [KERNEL, f"mem={self.memory}M", f"ubd0={self.dir}/disk.cow,{image(self.disk)}",
                "root=/dev/ubda", "rw", "con=null", "con0=null,fd:1", "quiet",
                f"uml_dir={self.dir}/uml", f"LAB_SHARE={self.share}"]
        argv += [f"ssl{i}={line.spec()}" for i, line in enumerate(self.lines)]
        argv.append("systemd.unified_cgroup_hierarchy=1" if self.kind == "systemd" else
                    "init=/sbin/lab-init")
        keep = [fd for line in self.lines for fd in line.theirs()]
        if console:
            argv.append(f"con1=fd:{console[0]},fd:{console[1]}")
            keep += console
        env = dict(os.environ, TMPDIR=memory_dir(self.memory), HOME=self.dir)
        with open(os.path.join(self.dir, "console"), "ab") as log:
            self.process = subprocess.Popen(
                box() + argv, env=env, pass_fds=keep, start_new_session=True,
                preexec_fn=die_with_parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for line in self.lines:
            line.close_theirs()
        try:
            self.lines[0].wait("lab-ready", time.monotonic() + timeout)
        except LabError as e:
            raise LabError(f"{e}\n{self.console()}") from e

    def console(self):
        with open(os.path.join(self.dir, "console"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-40:])

    def poweroff(self, timeout=PATIENCE):
        """In order: what is on the disk stays there for the next boot()."""
        self.lines[0].send("sync; poweroff -f" if self.kind == "plain" else "systemctl poweroff")
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired as e:
            raise LabError(f"the host does not end\n{self.console()}") from e
        finally:
            self.cut()

    def cut(self):
        """Power failure."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None
        for line in self.lines:
            line.close()

    def close(self):
        self.cut()
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- work ------------------------------------------------------------------------------

    def start(self, script, who="user", line=0):
        """A shell script by the user, or by root, beside whatever runs already."""
        self.jobs += 1
        job = Job(self, self.lines[line], self.jobs)
        os.mkdir(job.dir)
        os.chmod(job.dir, 0o777)
        self.write(f"jobs/{self.jobs}/run", script + "\n")
        inside = f"/lab/jobs/{self.jobs}"
        prefix = "/lab/guest/as-user " if who == "user" else ""
        # A login's line echoes this: the word to wait for is not in it.
        job.line.send(f"( /lab/guest/job {inside} {prefix}/bin/sh {inside}/run; "
                      f"echo lab-'done' {self.jobs}. ) &")
        return job

    def run(self, script, timeout=PATIENCE, who="user", idle=None):
        job = self.start(script, who)
        return job.wait(timeout, idle and (lambda: idle(job)))

    def root(self, script, timeout=PATIENCE):
        return self.run(script, timeout, "root")


    def login(self, line=1):
        return Session(self, line)


class Session:
    """A login of the user on a serial line."""

    def __init__(self, machine, line):
        self.machine, self.number, self.line = machine, line, machine.lines[line]
        machine.lines[0].send(f"systemctl start lab-login@ttyS{line}")
        # The shell has asked for its first command.
        self.line.wait("$ ", time.monotonic() + PATIENCE)

    def start(self, script):
        return self.machine.start(script, "session", self.number)

    def run(self, script, timeout=PATIENCE, idle=None):
        job = self.start(script)
        return job.wait(timeout, idle and (lambda: idle(job)))

    def logout(self, timeout=PATIENCE):
        """Returns when login has ended; what logind does then takes its time."""
        self.line.send("exit")
        self.machine.lines[0].wait(f"lab-out-ttyS{self.number}", time.monotonic() + timeout)


def streaming(out=sys.stdout, err=sys.stderr):
    """For run(idle=...): passes output on while it comes."""
    done = {"out": 0, "err": 0}

    def idle(job):
        for name, to in (("out", out), ("err", err)):
            path = os.path.join(job.dir, name)
            if not os.path.exists(path):
                continue
            with open(path, "rb") as f:
                f.seek(done[name])
                data = f.read()
            done[name] += len(data)
            to.buffer.write(data)
            to.buffer.flush()
    return idle
