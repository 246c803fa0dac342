# SPDX-License-Identifier: Apache-2.0
"""What limits do to containers, as a table of measured numbers: by an ordinary user on the host
without systemd, and in a real login (PAM, session-N.scope) on the host with it. How they are made
and what they leave is in test_cgroup.py."""
import json

import pytest

RUN = "carrel run --network none "
BUSY = "hello sh -c 'while :; do :; done'"
HOG = "hello sh -c 'head -c 200m /dev/zero | tail'"  # tail keeps it all
SECONDS = 6


class Guest:
    """The user on one host: run() is his, root() is root's."""

    def __init__(self, machine, user):
        self.machine, self.run = machine, user.run

    def root(self, script):
        r = self.machine.root(script)
        assert r.status == 0, r
        return r.out

    def ok(self, script):
        r = self.run(script)
        assert r.status == 0 and "warning" not in r.err, r
        return r.out

    def by(self, name, what):
        rows = json.loads(self.ok(f"carrel explain --json {name}"))["rows"]
        return {r["what"]: r for r in rows}[what]["by"]

    def usage(self, *names):
        """CPU seconds that the containers get while this looks, and how long it looks."""
        look = "cut -d' ' -f1 /proc/uptime"
        for name in names:
            pid = json.loads(self.ok(f"carrel inspect {name}"))[0]["State"]["Pid"]
            path = self.root(f"cut -d: -f3 /proc/{pid}/cgroup").strip()
            look += f"; sed -n 's/^usage_usec //p' /sys/fs/cgroup{path}/cpu.stat"
        a, b = ([float(x) for x in part.split()] for part in
                self.root(f"{look}; sleep {SECONDS}; echo then; {look}").split("then"))
        return [(y - x) / 1e6 for x, y in zip(a[1:], b[1:])], b[0] - a[0]


@pytest.fixture(scope="module", params=[pytest.param("delegated", marks=pytest.mark.quick),
                                        "systemd"])
def guest(request):
    machine = request.getfixturevalue(request.param)
    yield Guest(machine, machine.login() if request.param == "systemd" else machine)


@pytest.fixture(autouse=True)
def no_container(guest):
    yield
    guest.run("for c in $(carrel ps -aq); do carrel rm -f $c; done")
    assert guest.root("find /sys/fs/cgroup -name '*carrel*'; pgrep -a 'carrel|supervisor'; true") == ""


def test_memory(guest, row):
    r = guest.run(f"{RUN} --rm -m 64m {HOG}")
    row(guest.machine.kind, "-m 64m, 200 MB", f"status {r.status}")
    assert r.status == 137, r
    r = guest.run(f"{RUN} --name oom -m 64m {HOG}")
    state = json.loads(guest.ok("carrel inspect oom"))[0]["State"]
    assert (r.status, state["ExitCode"], state["OOMKilled"]) == (137, 137, True), (r, state)
    assert guest.by("oom", "memory") == "cgroup v2"
    # One that stays below it was not killed.
    out = guest.ok(f"{RUN} --name fits -m 64m hello sh -c 'head -c 20m /dev/zero | tail | wc -c'")
    assert out.strip() == "20971520"
    assert json.loads(guest.ok("carrel inspect fits"))[0]["State"]["OOMKilled"] is False


def test_pids(guest, row):
    # The subshell is one of the twenty: 18 sleep beside the first shell when the next is refused.
    r = guest.run(f"{RUN} --name p --pids-limit 20 hello sh -c "
                  "'(while :; do sleep 1000 & done); set -- /proc/[0-9]*; echo $#'")
    row(guest.machine.kind, "--pids-limit 20, the 21st", r.err.strip().split(": ")[-1])
    assert (r.status, r.out) == (0, "19\n"), r
    assert "can't fork: Resource temporarily unavailable" in r.err, r
    assert guest.by("p", "pids-limit") == "cgroup v2"


def test_cpus(guest, row):
    guest.ok(f"{RUN} -d --name q --cpus 0.5 {BUSY}")
    (used,), took = guest.usage("q")
    row(guest.machine.kind, "--cpus 0.5, a busy loop", f"{used / took:.2f} of the time")
    assert guest.by("q", "cpus") == "cgroup v2"
    assert 0.4 <= used / took <= 0.6


def test_shares(guest, row):
    for name, shares in (("s", 1024), ("t", 256)):
        guest.ok(f"{RUN} -d --name {name} --cpu-shares {shares} {BUSY}")
    (s, t), _ = guest.usage("s", "t")
    row(guest.machine.kind, "--cpu-shares 1024, 256", f"{s / t:.1f} to 1")
    assert guest.by("s", "cpu-shares") == guest.by("t", "cpu-shares") == "cgroup v2"
    assert 3 <= s / t <= 5.3
    guest.ok("carrel update --cpu-shares 1024 t")
    (s, t), _ = guest.usage("s", "t")
    assert 0.7 <= s / t <= 1.4
