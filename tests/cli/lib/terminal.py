# SPDX-License-Identifier: Apache-2.0
"""A real pseudo terminal with carrel on the other end."""
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, carrel, *args, rows=24, cols=80, env=None):
        self.master, slave = os.openpty()
        self.resize(rows, cols)
        self.seen = b""
        self.before = termios.tcgetattr(slave)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        full = dict(carrel.env, **(env or {}))
        self.proc = subprocess.Popen([carrel.program] + [str(a) for a in args], stdin=slave,
                                     stdout=slave, stderr=slave, env=full, cwd=carrel.home,
                                     preexec_fn=own_terminal)
        self.slave = slave

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def send(self, data):
        os.write(self.master, data if isinstance(data, bytes) else data.encode())

    def expect(self, pattern, timeout=90):
        """Reads until the pattern is in what came since the last expect; returns the match."""
        regex = re.compile(pattern if isinstance(pattern, bytes) else pattern.encode(), re.S)
        end = time.monotonic() + timeout
        while True:
            m = regex.search(self.seen)
            if m:
                self.seen = self.seen[m.end():]
                return m
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} on the terminal; it shows:\n"
                                     + self.seen.decode("utf-8", "replace"))
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"the terminal closed without {pattern!r}; it showed:\n"
                                     + self.seen.decode("utf-8", "replace"))
            self.seen += data

    def wait(self, timeout=90):
        return self.proc.wait(timeout=timeout)

    def settings_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def hang_up(self):
        """The window is closed."""
        for fd in (self.slave, self.master):
            os.close(fd)
        self.slave = self.master = -1

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        for fd in (self.slave, self.master):
            if fd >= 0:
                os.close(fd)
