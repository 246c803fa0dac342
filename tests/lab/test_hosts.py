# SPDX-License-Identifier: Apache-2.0
"""What carrel says and does on hosts that lack something: each row is a host of lib/variants.py,
the codes and the exit status of `carrel doctor`, and what `carrel run` makes of it."""
import collections
import re
import time

import pytest

WORKS = "works"
# codes: those of doctor, and worst its exit status; said: what run says when it refuses, or the
# warning with which it works; also: another command, that works there.
Row = collections.namedtuple("Row", "host codes worst run said also")
QUICK = ("normal", "delegated", "no-subuid", "readonly-home")


def row_of(host, codes="D-08", worst=1, run=WORKS, said="", also=""):
    marks = [pytest.mark.quick] if host in QUICK else []
    return pytest.param(Row(host, set(codes.split()), worst, run, said, also), id=host, marks=marks)


CHOWN = "carrel run --rm hello sh -c 'chown 33:33 /tmp && echo works' 2>/dev/null"
REPLACED = "carrel run --rm hello sh -c 'rm -r /usr/bin; mkdir /usr/bin && ls -A /usr/bin; echo works' " \
    "2>/dev/null"
GATEWAY = "carrel run --rm --cap-add NET_RAW hello ping -c 1 10.0.2.2 >/dev/null"
ROWS = [
    row_of("normal", also=f"{GATEWAY} && echo works"),
    row_of("delegated", "", 0),
    row_of("delegated-no-cpu", "D-20", 1,
           also="carrel run --rm --cpus 1 -m 64m hello echo works 2>&1 | "
                "sed '/^carrel: warning: --cpus .*D-20\\]$/d'"),
    # Its processes are in the way: nobody but carrel may be there.
    row_of("delegated-own"),
    row_of("no-subuid", "D-03 D-08", said="no range for user lab in /etc/subuid", also=CHOWN),
    row_of("newuidmap-bit", "D-05 D-08",
           said="it has neither the setuid bit nor file capabilities", also=CHOWN),
    # A name is what newuidmap goes by: without one there is one id, whatever /etc/subuid says.
    row_of("no-passwd", "D-24 D-03 D-10 D-08", said="no range for user id 4242 in /etc/subuid",
           also=CHOWN),
    row_of("no-tun", "D-07 D-08", also=f"{GATEWAY} && echo works"),
    row_of("no-link", "D-07 D-27 D-08", 2, 125,
           "and open /dev/net/tun: No such file or directory [D-07]",
           also="carrel run --rm --network none hello echo works"),
    # Its files are served by a process, and change drivers as they like where there are two.
    row_of("no-overlay", "D-06 D-08", said="[D-06]", also=REPLACED),
    row_of("no-fuse", also=REPLACED),
    row_of("no-layers", "D-06 D-21 D-08", 2, 125, "open /dev/fuse: No such file or directory [D-21]"),
    row_of("readonly-home", "D-15 D-08", 2, 125, "Read-only file system [D-15]",
           also="carrel --root /var/tmp/store run --rm hello echo works"),
    row_of("full-tmp", "D-25 D-08"),
    row_of("tiny-home", "D-15 D-08"),
    row_of("no-runtime-dir", "D-10 D-08"),
    row_of("masked-proc", "D-12 D-08", 2, 125,
           "make file system proc: Operation not permitted [D-12]"),
    row_of("no-userns", "D-01 D-08", 2, 125, "user.max_user_namespaces is 0 [D-01]"),
    row_of("noexec-home", also="carrel doctor | sed -n 's/^  home .* noexec$/works/p'"),
    row_of("nosuid-home", also="carrel doctor | sed -n 's/^  home .* nosuid$/works/p'"),
    row_of("chroot", "D-11 D-08", 2, 125, "the kernel refuses it inside chroot(2) [D-11]"),
]


def codes_of(text):
    """The findings that doctor explains."""
    return set(re.findall(r"^\[(D-\d\d)\] ", text, re.M))


def left_behind(host):
    """Processes that are not the harness's, and mounts of containers in any mount namespace."""
    return host.root("ps -eo uid=,pid=,args= | awk '$1 >= 1000'; "
                     "cat /proc/[0-9]*/mounts 2>/dev/null | grep -E ' (overlay|fuse[.][a-z-]+) '").out


@pytest.mark.parametrize("expect", ROWS)
def test_host(boot, row, expect):
    host = boot(expect.host)
    mounts = host.root("cat /proc/self/mounts").out
    doctor = host.run("carrel doctor")
    run = host.run("carrel run --rm hello echo works")
    row(expect.host, " ".join(sorted(codes_of(doctor.out))) or "-", f"doctor {doctor.status}",
        f"run {run.status}")

    assert codes_of(doctor.out) == expect.codes, doctor
    assert doctor.status == expect.worst, doctor
    if expect.run == WORKS:
        assert (run.status, run.out) == (0, "works\n"), run
    else:
        assert (run.status, run.out) == (expect.run, ""), run
    warnings = [line for line in run.err.splitlines() if "warning" in line]
    if not expect.said:
        assert not warnings, run
    elif expect.run == WORKS:
        assert len(warnings) == 1 and expect.said in warnings[0], run
        assert re.search(r" \[D-\d\d\]$", warnings[0]), run
        strict = host.run("carrel run --rm --strict hello echo works")
        assert strict.status == 125 and strict.out == "", strict
        assert expect.said in strict.err and "hint: " in strict.err, strict
    else:
        assert expect.said in run.err and "hint: " in run.err, run
    if expect.also:
        also = host.run(expect.also)
        assert (also.status, also.out) == (0, "works\n"), also
    end = time.monotonic() + 60
    while left_behind(host) and time.monotonic() < end:  # what is about to end
        time.sleep(0.1)
    assert left_behind(host) == ""
    assert host.root("cat /proc/self/mounts").out == mounts
