#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boots a host and runs one command in it; without a command, a shell for you.

    tests/lab/host.py [--variant NAME] [--prefix DIR] [--root] [--timeout SECONDS] [-- WORD...]
    tests/lab/host.py --list

The exit status is the command's; 124 after the timeout, 125 when the host does not boot.
"""
import argparse
import functools
import os
import shlex
import sys
import termios
import time
import tty

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.machine import LabError, Machine, streaming  # noqa: E402
from lib.variants import VARIANTS  # noqa: E402


def shell(host, who):
    """The terminal of the caller becomes the host's second console."""
    words = "/lab/guest/as-user bash" if who == "user" else "bash"
    saved = termios.tcgetattr(0)
    rows, columns = os.get_terminal_size()
    tty.setraw(0)
    try:
        host.lines[0].send(f"stty -F /dev/tty1 rows {rows} cols {columns}; setsid -c {words} "
                           "</dev/tty1 >/dev/tty1 2>&1; echo lab-bye")
        host.lines[0].wait("lab-bye", time.monotonic() + 86400)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kind", default="plain", choices=["plain", "systemd"],
                   help="systemd: the command runs in a login of the user")
    p.add_argument("--variant", default="normal", choices=sorted(VARIANTS))
    p.add_argument("--prefix", help="what is installed as /usr/local (default $CARREL_PREFIX)")
    p.add_argument("--disk", choices=["plain", "full"])
    p.add_argument("--memory", type=int, help="megabytes")
    p.add_argument("--root", action="store_true", help="the command is root's")
    p.add_argument("--timeout", type=float, default=120)
    p.add_argument("--list", action="store_true", help="name the variants")
    p.add_argument("command", nargs="*")
    args = p.parse_args()
    if args.list:
        for v in VARIANTS.values():
            print(f"{v.name:16}{v.about}")
        return 0
    who = "root" if args.root else "user"
    host = None
    try:
        host = Machine(args.variant, args.prefix, args.disk, args.memory, args.kind)
        host.boot(console=None if args.command else (os.dup(0), os.dup(1)))
    except (LabError, RuntimeError) as e:
        print(f"host.py: {e}", file=sys.stderr)
        if host:
            host.close()
        return 125
    try:
        if not args.command:
            return shell(host, who)
        if args.kind == "systemd" and not args.root:
            runner = host.login().run
        else:
            runner = functools.partial(host.run, who=who)
        script = args.command[0] if len(args.command) == 1 else shlex.join(args.command)
        return runner(script, timeout=args.timeout, idle=streaming()).status
    except LabError as e:
        print(f"host.py: {e}", file=sys.stderr)
        return 124
    finally:
        host.close()


if __name__ == "__main__":
    sys.exit(main())
