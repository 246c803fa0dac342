# SPDX-License-Identifier: Apache-2.0
"""What becomes of containers when their user logs out, and when the host goes down: on the host
with systemd, in logins by PAM."""
import json
import re

import pytest

from lib.machine import Machine

RUN = "carrel run -d --network none "
POLITE = "hello sh -c 'trap \"exit 7\" TERM; echo ready; while :; do sleep 0.1; done'"
DEAF = "hello sleep 1000"  # does not catch SIGTERM, as most that run a single program
WARNING = r"carrel: (warning: )?container \w{12}: it ends %s \[D-22\]"
LAST = WARNING % "with the last session of lab, who does not linger"
KILLED = WARNING % r"at logout, when logind kills what is in the session \(KillUserProcesses\)"
KILL_CONF = "/etc/systemd/logind.conf.d/kill.conf"
# There is no event for a shell to wait for.
USER_IS_GONE = "until [ ! -e /run/user/1000 ]; do sleep 0.1; done"
NO_SESSION = 'until [ -z "$(loginctl list-sessions --no-legend)" ]; do sleep 0.1; done'
OURS = "pgrep -a '^carrel|supervisor|netstack|watchdog$'; find /sys/fs/cgroup -name '*carrel*'; :"


@pytest.fixture(scope="module")
def machine():
    with Machine(kind="systemd") as host:
        session = host.login()
        assert session.run("carrel run --rm --network none hello true").status == 0
        session.logout()
        host.root(USER_IS_GONE)
        yield host


@pytest.fixture
def host(machine):
    """Nobody is logged in, lingers or has a container."""
    yield machine
    machine.root(f"rm -f {KILL_CONF}; systemctl restart systemd-logind; loginctl enable-linger lab")
    machine.root("cd /home/lab; export XDG_RUNTIME_DIR=/run/user/1000; for c in $(setpriv "
                 "--reuid lab --regid lab --init-groups env HOME=/home/lab carrel ps -aq); do "
                 "setpriv --reuid lab --regid lab --init-groups env HOME=/home/lab carrel rm -f $c; "
                 "done; loginctl terminate-user lab; loginctl disable-linger lab")
    machine.root(USER_IS_GONE)


def start(session, name, options, words, warning=None):
    """With just this warning, or none."""
    r = session.run(f"{RUN} --name {name} {options} {words}")
    assert r.status == 0, r
    if warning:
        assert re.fullmatch(warning + "\n", r.err), r
    else:
        assert r.err == "", r
    if words == POLITE:
        session.run(f"until carrel logs {name} | grep -q ready; do sleep 0.1; done")


def test_service_of_the_user(host):
    """It ends with that service, and not at logout: lingering would not help."""
    session = host.login()
    run = "systemd-run --user --wait --pipe -q --unit mine carrel run -d --rm --network none "
    r = session.run(f"{run} hello true")
    assert r.status == 0 and "it ends with mine.service, unless" in r.err and "[D-22]" in r.err, r
    r = session.run(f"{run} --pids-limit 2048 hello true")
    assert r.status == 0 and "with the last session of lab" in r.err, r
    session.logout()


def refused(session, options, warning):
    r = session.run(f"carrel run --strict -d --rm --network none {options} {DEAF}")
    text, hint = r.err.splitlines()
    assert (r.status, r.out) == (125, "") and re.fullmatch(warning, text), r
    assert "loginctl enable-linger" in hint, r
    assert session.run("carrel ps -aq").out == ""


def states(session):
    """{name: "running" or (exit status, is there a time of the end)}"""
    r = session.run("carrel inspect $(carrel ps -aq)")
    found = {}
    for one in json.loads(r.out):
        state = one["State"]
        found[one["Name"].lstrip("/")] = "running" if state["Running"] else \
            (state["ExitCode"], bool(state["FinishedAt"]))
    return found


def test_without_linger(host):
    """What has a limit is below user@1000.service, and ends with it: that is said, and in time."""
    session = host.login()
    assert session.run("carrel run --rm -m 64m --network none hello true").err == ""
    refused(session, "-m 64m", LAST)
    start(session, "polite", "-m 64m", POLITE, LAST)
    start(session, "deaf", "--pids-limit 20", DEAF, LAST)
    start(session, "short", "--rm --cpus 0.5", DEAF, LAST)
    # Not the 90 s of a scope that says nothing: nobody can log in again meanwhile.
    r = session.run("systemctl --user show -p TimeoutStopUSec 'carrel-*.scope'")
    assert r.out.split() == 3 * ["TimeoutStopUSec=15s"], r
    session.logout()
    host.root(USER_IS_GONE)
    assert host.root(OURS).out == ""
    session = host.login()
    assert states(session) == {"polite": (7, True), "deaf": (137, True)}
    r = session.run("carrel start deaf polite")
    assert r.out == "deaf\npolite\n" and r.err.count(" does not linger [D-22]\n") == 2, r
    assert set(states(session).values()) == {"running"}
    session.logout()


def test_with_linger(host):
    host.root("loginctl enable-linger lab")
    session = host.login()
    start(session, "box", "--strict -m 64m", POLITE)
    start(session, "short", "--rm -m 64m", DEAF)
    session.logout()
    host.root(NO_SESSION)
    session = host.login()
    assert states(session) == {"box": "running", "short": "running"}
    assert session.run("carrel exec box cat /sys/fs/cgroup/memory.max").out == "67108864\n"
    r = session.run("carrel stop box short; carrel start box")
    assert r.err == "" and states(session) == {"box": "running"}, r
    session.run("carrel stop box")
    assert states(session) == {"box": (7, True)}
    assert host.root(OURS).out == ""
    session.logout()


def test_without_a_limit(host):
    """Such a one is in the scope of the login, which logind leaves alone here."""
    session = host.login()
    start(session, "box", "--strict", POLITE)
    session.logout()
    session = host.login(2)
    assert states(session) == {"box": "running"}
    session.run("carrel stop box")
    assert states(session) == {"box": (7, True)}
    session.logout()


def test_where_logind_kills_sessions(host):
    host.root(f"printf '[Login]\\nKillUserProcesses=yes\\n' >{KILL_CONF}; "
              "systemctl restart systemd-logind; loginctl enable-linger lab")
    session = host.login()
    refused(session, "", KILLED)
    start(session, "plain", "", POLITE, KILLED)
    start(session, "scope", "--strict -m 64m", POLITE)
    assert "KillUserProcesses" in session.run("carrel doctor").out
    session.logout()
    host.root(NO_SESSION)
    session = host.login()
    assert states(session) == {"plain": (7, True), "scope": "running"}
    session.logout()


@pytest.mark.parametrize("how", ["poweroff", "cut"])
def test_reboot(host, how):
    host.root("loginctl enable-linger lab")
    session = host.login()
    for name, options, words in (("a", "-m 64m", POLITE), ("b", "-m 64m", DEAF), ("c", "", POLITE),
                                 ("d", "", DEAF), ("e", "--rm -m 64m", DEAF), ("f", "--rm", DEAF)):
        start(session, name, options, words)
    session.run("carrel exec a sh -c 'echo kept >/file'; sync")
    if how == "poweroff":
        host.poweroff()
    else:
        host.cut()
    host.boot()
    assert host.root(OURS).out == ""
    session = host.login()
    doctor = session.run("carrel doctor")
    assert doctor.status == 0, doctor
    # The next command.
    r = session.run("carrel run --rm --network none hello echo works")
    assert (r.status, r.out, r.err) == (0, "works\n", ""), r
    found = states(session)
    assert {name: status for name, (status, _) in found.items()} == (
        {"a": 7, "b": 137, "c": 7, "d": 137} if how == "poweroff" else dict.fromkeys("abcd", 137))
    # After a cut a record may be lost, and with it the time; else it is that of the next command.
    assert how == "cut" or all(timed for _, timed in found.values()), found
    # Nothing else is left of what ran.
    r = session.run("cd ~/.local/share/carrel; ls -A staging trash; ls containers names | wc -l; "
                    "find /run/user/1000/carrel -type s -o -name '*.lock' ! -name sweep.lock")
    assert r.out.split() == ["staging:", "trash:", "11"], r
    r = session.run("carrel start a b; carrel exec a cat /file; carrel stop a b; carrel rm a b c d; "
                    "carrel ps -aq")
    assert (r.status, r.err) == (0, "") and "kept\n" in r.out, r
    assert session.run("carrel ps -aq").out == ""
    session.logout()
