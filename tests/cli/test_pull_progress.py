# SPDX-License-Identifier: Apache-2.0
"""pull on terminals of all sizes: each layer has its one row, whatever was drawn before."""
import os
import random
import re
import sys
import threading

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))

import badregistry as bad  # noqa: E402
from lib import ociimg  # noqa: E402


class Screen:
    """As much of a terminal as progress needs: lines that wrap, scroll, are gone up to, erased."""

    def __init__(self, cols, rows):
        self.cols, self.rows = cols, rows
        self.lines, self.x, self.y = [""] * rows, 0, 0

    def down(self):
        self.y += 1
        if self.y == self.rows:
            self.lines = self.lines[1:] + [""]
            self.y -= 1

    def escape(self, what, n):
        assert what in "AKJ", f"unexpected sequence {what}"
        if what == "A":
            self.y = max(0, self.y - n)
            return
        self.lines[self.y] = self.lines[self.y][:self.x]
        if what == "J":
            self.lines[self.y + 1:] = [""] * (self.rows - self.y - 1)

    def put(self, text):
        for piece in re.findall(r"\x1b\[\d*[A-Z]|.", text, re.S):
            if piece[0] == "\x1b":
                self.escape(piece[-1], int(piece[2:-1] or 1))
            elif piece == "\r":
                self.x = 0
            elif piece == "\n":
                self.down()
            else:
                if self.x == self.cols:
                    self.x = 0
                    self.down()
                line = self.lines[self.y].ljust(self.x)
                self.lines[self.y] = line[:self.x] + piece + line[self.x + 1:]
                self.x += 1
        return self


def in_steps(pause, steps=8):
    """Slow enough that rows are drawn while it goes on, until `pause` is set."""
    def fault(h, data, kind):
        part = h.begin(data, kind)
        size = len(part) // steps + 1
        for i in range(0, len(part), size):
            h.wfile.write(part[i:i + size])
            h.wfile.flush()
            pause.wait(0.1)
        return True
    return fault


@pytest.fixture
def slow():
    rnd = random.Random(5)
    image = ociimg.Image([ociimg.Layer().file(f"n{i}", rnd.randbytes(100000)) for i in range(6)])
    with bad.BadRegistry() as reg:
        reg.pause = threading.Event()
        for layer in image.layers:
            reg.on("blobs", layer["digest"], in_steps(reg.pause))
        reg.ref, reg.image = reg.add(image, "img"), image
        yield reg


def finish(t, image):
    """All that the terminal got, to the id in the end."""
    said = t.expect(".*" + image.id).group(0).decode()
    assert t.wait() == 0
    return said


@pytest.mark.parametrize("cols", [200, 80, 60, 40, 30])
def test_widths(carrel, terminal, slow, cols):
    t = terminal(carrel, "pull", slow.ref, cols=cols, rows=40)
    said = finish(t, slow.image)
    assert "\x1b[6A" in said, "rows were drawn once only"
    screen = Screen(cols, 40).put(said)
    rows = [x for x in screen.lines if re.match(r"[0-9a-f]{12} ", x)]
    want = [f"{d['digest'][7:19]}  done  {d['size'] / 1000:.1f} kB"[:cols]
            for d in slow.image.layers]
    assert rows == want, "\n".join(screen.lines)
    assert ("=" in said) == (cols > 50), "a bar where there is room"


@pytest.mark.parametrize("rows", [2, 5])
def test_few_lines(carrel, terminal, slow, rows):
    said = finish(terminal(carrel, "pull", slow.ref, rows=rows), slow.image)
    up = {int(n) for n in re.findall(r"\x1b\[(\d+)A", said)}
    assert up and max(up) < rows, "above the top of the screen"


def test_terminal_that_becomes_narrower(carrel, terminal, slow):
    """What the terminal has made of the rows before is not known: new ones are drawn below."""
    t = terminal(carrel, "pull", slow.ref, rows=40)
    t.expect(r"\x1b\[6A")
    t.resize(40, 45)
    t.expect(r"kB\r\n\r\x1b\[K[0-9a-f]{12}  [0-9.]+ ")
    slow.pause.set()
    finish(t, slow.image)


def test_progress_on_a_terminal(carrel, terminal, images):
    t = terminal(carrel, "pull", images["busybox"])
    t.expect(images.info["busybox"]["id"])
    assert t.wait() == 0
