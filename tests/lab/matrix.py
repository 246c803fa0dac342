#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes doc/hosts.md: what carrel, podman and bwrap do on each host of the laboratory.

    CARREL_PREFIX=PREFIX tests/lab/matrix.py [NAME...] >doc/hosts.md
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.machine import Machine  # noqa: E402
from lib.variants import VARIANTS  # noqa: E402

HEAD = """<!-- SPDX-License-Identifier: Apache-2.0 -->
# Hosts

What an ordinary user gets on hosts that lack something. Each host is a machine of its own
([tests/lab](../tests/lab/README.md): user-mode-linux, Debian 12), and each cell is what its command
said there: `tests/lab/matrix.py` made this page. The rows for carrel are tests
(`make check-lab`); the codes are explained in carrel-host(7).

- carrel: `carrel run --rm hello echo works`; doctor: the codes and exit status of `carrel doctor`
- podman: `podman import`ed, the same image: `podman run --rm hello echo works` ({podman})
- bwrap: `bwrap --unshare-all --uid 0 --bind TREE / --proc /proc --dev /dev echo works`, on a tree that
  root has unpacked: it has no store and pulls nothing ({bwrap})

| host | doctor | carrel | podman | bwrap |
|---|---|---|---|---|"""

TREE = """mkdir -p /srv/hello && tar -xzf {layer} -C /srv/hello && chmod -R a+rX /srv/hello"""
LAYER = "$(find /usr/local/libexec/carrel/hello/blobs -size +100k)"
PODMAN = f"podman import -q {LAYER} hello >/dev/null && podman run --rm hello echo works"
BWRAP = ("bwrap --unshare-all --uid 0 --gid 0 --bind /srv/hello / --proc /proc --dev /dev "
         "/bin/echo works")


def brief(text, limit=300):
    """What was said, as one line of code: without times, levels, progress and hints, whose place
    is the terminal."""
    lines = []
    for line in text.splitlines():
        line = re.sub(r'^(time="[^"]*" )?(level=\w+ msg=)?', "", line).strip().strip('"')
        if line and line not in lines and not re.match(r"layer |importing |.*hint: ", line):
            lines.append(line)
    if not lines:
        return "no message"
    line = "; ".join(lines).replace("|", "\\|").replace("`", "'")
    return "`" + (line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " ...") + "`"


def cell(result):
    """`works`, with the warnings; else the exit status and the message."""
    if result.status == 0 and result.out.endswith("works\n"):
        warned = [line for line in result.err.splitlines() if "warn" in line.lower()]
        return "works" + (f"; {brief(chr(10).join(warned))}" if warned else "")
    return f"{result.status}: {brief(result.err)}"


def line_of(name):
    with Machine(name, disk="full", memory=1024) as host:
        host.root(TREE.format(layer=LAYER), timeout=600)
        doctor = host.run("carrel doctor", timeout=600)
        codes = sorted(set(re.findall(r"^\[(D-\d\d)\] ", doctor.out, re.M)))
        cells = [f"{', '.join(codes) or 'nothing'}; {doctor.status}"]
        cells.append(cell(host.run("carrel run --rm hello echo works", timeout=600)))
        cells.append(cell(host.run(PODMAN, timeout=600)))
        cells.append(cell(host.run(BWRAP, timeout=600)))
        return f"| {VARIANTS[name].about} | " + " | ".join(cells) + " |"


def versions():
    with Machine("normal", disk="full") as host:
        return {"podman": host.run("podman --version").out.strip(),
                "bwrap": host.run("bwrap --version").out.strip()}


def main():
    names = sys.argv[1:] or list(VARIANTS)
    print(HEAD.format(**versions()))
    for name in names:
        print(line_of(name), flush=True)


if __name__ == "__main__":
    main()
