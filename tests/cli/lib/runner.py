# SPDX-License-Identifier: Apache-2.0
"""Running carrel: as the test user, or through the host's socket as root."""
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time

TIMEOUT = 180  # of what takes no second: a busy machine is no failure


def text_of(data, limit=4000):
    s = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return s if len(s) <= limit else s[:limit // 2] + "\n[...]\n" + s[-limit // 2:]


class Result:
    """What a command did. str() is the failure text: command, status, output."""

    def __init__(self, argv, rc, out, err, seconds):
        self.argv, self.rc, self.raw, self.raw_err = argv, rc, out, err
        self.seconds = seconds

    @property
    def out(self):
        return self.raw.decode("utf-8", "replace")

    @property
    def err(self):
        return self.raw_err.decode("utf-8", "replace")

    @property
    def lines(self):
        return self.out.splitlines()

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return (f"$ {' '.join(map(str, self.argv))}\nstatus {self.rc} after {self.seconds:.2f} s\n"
                f"--- stdout\n{text_of(self.raw)}\n--- stderr\n{text_of(self.raw_err)}\n---")

    __repr__ = __str__


class HostCall:
    """One request to the root part (host.py); closing it undoes or kills."""

    def __init__(self, req, fds=()):
        path = os.path.join(os.environ["CARREL_TEST_BASE"], "host.sock")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(path)
        socket.send_fds(self.sock, [json.dumps(req).encode()], list(fds))

    def answer(self, timeout=TIMEOUT):
        self.sock.settimeout(timeout)
        data = self.sock.recv(65536)
        reply = json.loads(data) if data else {"error": "the host helper went away"}
        if "error" in reply:
            raise RuntimeError("host helper: " + reply["error"])
        return reply

    def close(self):
        self.sock.close()


class HostProcess:
    """The part of subprocess.Popen that tests use, for a process run by the root part."""

    def __init__(self, req, stdin, stdout, stderr):
        self.call = HostCall(req, (stdin, stdout, stderr))
        self.pid = self.call.answer()["pid"]
        self.returncode = None

    def wait(self, timeout=TIMEOUT):
        if self.returncode is None:
            try:
                self.returncode = self.call.answer(timeout)["status"]
            except socket.timeout:
                raise subprocess.TimeoutExpired("host process", timeout) from None
            self.call.close()
        return self.returncode

    def poll(self):
        if self.returncode is None and select.select([self.call.sock], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def send_signal(self, sig):
        self.call.sock.send(str(int(sig)).encode())

    def kill(self):
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)


class Carrel:
    """Carrel with directories of its own. `as_root`: called by uid 0."""

    def __init__(self, home, program, as_root=False):
        self.home, self.program, self.as_root = home, program, as_root
        self.data = os.path.join(home, "d")
        self.runtime = os.path.join(home, "r")
        self.store = "/var/lib/carrel" if as_root else os.path.join(self.data, "carrel")
        self.prefix = os.path.dirname(os.path.dirname(program))
        self.env = {
            "HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8", "TERM": "xterm",
        }
        for d in (home, self.data, self.runtime):
            os.makedirs(d, mode=0o700, exist_ok=True)
        if not as_root:
            self.env.update(XDG_DATA_HOME=self.data, XDG_RUNTIME_DIR=self.runtime)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "CARREL_ROOTFS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def start(self, *args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
              stderr=subprocess.DEVNULL, env=None, cwd=None, program=None, **kw):
        """A running process (Popen or alike); descriptors or files for the three streams."""
        full = dict(self.env, **(env or {}))
        argv = [str(a) for a in args]
        if self.as_root:
            opened = []

            def fd_of(x, flags):
                if x == subprocess.DEVNULL:
                    opened.append(os.open(os.devnull, flags))
                    return opened[-1]
                return x if isinstance(x, int) else x.fileno()
            try:
                return HostProcess({"op": "carrel", "argv": argv, "env": full},
                                   fd_of(stdin, os.O_RDONLY), fd_of(stdout, os.O_WRONLY),
                                   fd_of(stderr, os.O_WRONLY))
            finally:
                for fd in opened:
                    os.close(fd)
        return subprocess.Popen([program or self.program] + argv, stdin=stdin, stdout=stdout,
                                stderr=stderr, env=full, cwd=cwd or self.home, **kw)

    def run(self, *args, check=True, rc=0, input=None, stdin=None, env=None, timeout=TIMEOUT,
            cwd=None, **kw):
        """Runs to the end; with `check` the exit status must be `rc`. More goes to start().

        Output goes to files, not pipes: a detached container that keeps a descriptor by mistake
        does not hang the test, it is found by `leftovers`.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, \
                tempfile.TemporaryFile() as src:
            if input is not None:
                src.write(input if isinstance(input, bytes) else input.encode())
                src.seek(0)
                stdin = src
            began = time.monotonic()
            p = self.start(*args, stdin=subprocess.DEVNULL if stdin is None else stdin,
                           stdout=out, stderr=err, env=env, cwd=cwd, **kw)
            try:
                status = p.wait(timeout=timeout)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                status = f"none: killed by the test after {timeout} s"
            took = time.monotonic() - began
            out.seek(0)
            err.seek(0)
            res = Result(("carrel",) + args, status, out.read(), err.read(), took)
        if isinstance(status, str) or (check and status != rc):
            raise AssertionError(f"expected status {rc if check else 'any'}\n{res}")
        return res

    def trash(self):
        """How much waits in trash/: names, however deep."""
        return sum(len(dirs) + len(files)
                   for _, dirs, files in os.walk(os.path.join(self.store, "trash")))

    def empty_trash(self, about=""):
        """One command that removes something deletes all that was to be deleted."""
        self.run("rmi", "--force", "no-such-image")
        assert self.trash() == 0, f"trash is not emptied {about}"

    def fails(self, *args, rc=125, has=(), **kw):
        """The command fails with `rc`, one line on stderr (and perhaps a hint), no data."""
        res = self.run(*args, rc=rc, **kw)
        for word in (has,) if isinstance(has, str) else has:
            assert word in res.err, f"no {word!r} in the message\n{res}"
        assert res.err.strip(), f"no message\n{res}"
        assert res.out == "", f"data on stdout of a failed command\n{res}"
        return res

    def runtime_files(self):
        """Files below the runtime directory but the two that every store has for good."""
        found = []
        if self.as_root:
            found = self.ask_root("/run/carrel")
        else:
            top = os.path.join(self.runtime, "carrel")
            for where, _, files in os.walk(top):
                found += [os.path.relpath(os.path.join(where, f), top) for f in files]
        return sorted(f for f in found if os.path.basename(f) not in ("sweep.lock", "swept"))

    @staticmethod
    def ask_root(path, flat=False):
        call = HostCall({"op": "list", "path": path, "flat": flat})
        names = call.answer()["names"]
        call.close()
        return names

    def staging(self):
        path = os.path.join(self.store, "staging")
        if self.as_root:
            return self.ask_root(path, flat=True)
        try:
            return sorted(os.listdir(path))
        except FileNotFoundError:
            return []
