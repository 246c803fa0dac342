# SPDX-License-Identifier: Apache-2.0
"""run -it, exec -it and attach on a real pseudo terminal."""
import pytest


# A job that says when it is in the foreground, and when the key has reached it.
JOB = ("sh -c 'trap \"echo key-$((2+1)); exit 1\" INT; echo begun-$((1+1)); "
       "while :; do sleep 0.05; done'\n")


@pytest.fixture
def shell(warm, terminal):
    """A shell that says when it is ready."""
    def start(*flags, command=("sh",), **kw):
        t = terminal(warm, "run", "-it", *flags, "--network", "none", "-e", "PS1=ready> ",
                     warm.image, *command, **kw)
        t.expect("ready> ")
        return t
    return start


@pytest.mark.parametrize("flags", [["--rm"], ["--name", "tty-keep"]])
def test_shell(warm, shell, leftovers, flags):
    before = leftovers.snapshot(warm)
    t = shell(*flags)
    t.send("tty; test -t 0 && test -t 1 && test -t 2 && echo all-$((40+2))\n")
    t.expect(r"/dev/(pts/0|console)")
    t.expect("all-42")
    t.send("exit 7\n")
    assert t.wait() == 7
    assert t.settings_restored()
    if "--name" in flags:
        warm.run("rm", "tty-keep")
    leftovers.check(warm, before)


def test_resize(warm, terminal):
    t = terminal(warm, "run", "--rm", "-it", "--network", "none", warm.image, "sh", "-c",
                 "trap 'stty size; exit 5' WINCH; stty size; while :; do sleep 0.05; done",
                 rows=31, cols=101)
    t.expect("31 101")
    t.resize(40, 120)
    t.expect("40 120")
    assert t.wait() == 5


def test_size_is_there_before_the_command(warm, terminal):
    t = terminal(warm, "run", "--rm", "-it", "--network", "none", warm.image, "stty", "size",
                 rows=17, cols=71)
    t.expect("17 71")
    assert t.wait() == 0


def test_keys_at_the_very_end_lose_nothing(warm, terminal):
    """What the supervisor leaves unread is reported before what it has sent (ECONNRESET), and a
    short container may be removed before its terminal is attached."""
    for i in range(40):
        t = terminal(warm, "run", "--rm", "-it", "--network", "none", warm.image, "echo", "over")
        for rows in range(20, 24 + i % 5 * 8):
            t.resize(rows, 80)
            t.send("x")
        t.expect("over")
        assert t.wait() == 0


def test_ctrl_c_goes_to_the_foreground_job(shell):
    t = shell("--rm")
    t.send(JOB)
    t.expect("begun-2")
    t.send(b"\x03")
    t.expect("key-3")
    t.expect("ready> ")
    t.send("echo alive-$((1+1))\n")
    t.expect("alive-2")
    t.send("exit 3\n")
    assert t.wait() == 3


def test_job_control(shell):
    t = shell("--rm")
    t.send("sh -c 'echo begun-$((1+1)); exec sleep 100'\n")
    t.expect("begun-2")
    t.send(b"\x1a")
    t.expect("Stopped")
    t.send("kill %1; kill -CONT %1; wait; echo done-$((2+3))\n")
    t.expect("done-5")
    t.send("jobs; exit 0\nexit 0\n")           # it may still tell of the job first
    assert t.wait() == 0


def test_signal_status(shell):
    t = shell("--rm")
    t.send("exec sh -c 'trap \"exit 9\" TERM; kill -TERM $$'\n")
    assert t.wait() == 9


def test_detach_and_attach(warm, shell, terminal, leftovers):
    before = leftovers.snapshot(warm)
    t = shell("--name", "detach")
    t.send("X=kept\n")
    t.expect("ready> ")
    t.send(b"\x10\x11")
    assert t.wait() == 0
    assert t.settings_restored()
    assert warm.run("ps", "-q", "--filter", "name=detach").lines
    t = terminal(warm, "attach", "detach")
    t.send("echo value-$X\n")
    t.expect("value-kept")
    t.send(b"\x10x")                            # half of the keys is typing after all
    t.send(b"\x7f\x7f\n")
    t.send("exit 5\n")
    assert t.wait() == 5
    assert t.settings_restored()
    warm.run("rm", "detach")
    leftovers.check(warm, before)


def test_exec_on_a_terminal(warm, terminal):
    warm.run("run", "-d", "--rm", "--name", "exec-tty", "--network", "none", warm.image, "sleep",
             "1000")
    t = terminal(warm, "exec", "-it", "-e", "PS1=ready> ", "exec-tty", "sh", rows=33, cols=99)
    t.expect("ready> ")
    t.send("stty size; tty\n")
    t.expect("33 99")
    t.resize(20, 50)
    t.send("stty size\n")
    t.expect("20 50")
    t.send(JOB)
    t.expect("begun-2")
    t.send(b"\x03")
    t.expect("key-3")
    t.expect("ready> ")
    t.send("exit 4\n")
    assert t.wait() == 4
    assert t.settings_restored()
    warm.run("rm", "-f", "exec-tty")


def test_terminal_without_i_reads_nothing(warm, terminal):
    t = terminal(warm, "run", "--rm", "-t", "--network", "none", warm.image, "sh", "-c",
                 "test -t 1 && echo has-tty; exit 6")
    t.expect("has-tty")
    assert t.wait() == 6


def test_pipe_in_place_of_a_terminal(warm, leftovers):
    """It hung for ever: no end of a pipe is seen through a terminal. -t alone and -d are allowed."""
    before = leftovers.snapshot(warm)
    words = ("--network", "none", warm.image)
    not_a_tty = {"has": ["the input device is not a TTY", "hint:"], "input": "x"}
    warm.fails("run", "--rm", "-it", *words, "cat", **not_a_tty)
    warm.fails("run", "-ti", "--name", "no-tty", *words, "cat", **not_a_tty)
    assert warm.run("run", "--rm", "-t", *words, "echo", "t", input="x").out == "t\r\n"
    warm.run("run", "-dit", "--name", "no-tty", *words, "cat")
    warm.fails("exec", "-it", "no-tty", "cat", **not_a_tty)
    assert warm.run("exec", "-t", "no-tty", "echo", "t", input="x").out == "t\r\n"
    assert warm.run("exec", "-i", "no-tty", "cat", input="x").out == "x"
    warm.fails("attach", "no-tty", **not_a_tty)
    warm.run("kill", "no-tty")
    warm.fails("start", "-ai", "no-tty", **not_a_tty)
    warm.run("start", "no-tty")
    warm.run("rm", "-f", "no-tty")
    leftovers.check(warm, before)


def test_much_output_on_a_terminal(warm, terminal):
    t = terminal(warm, "run", "--rm", "-it", "--network", "none", warm.image, "sh", "-c",
                 "seq 1 20000; echo the-end")
    t.expect("the-end", timeout=30)
    assert t.wait() == 0


@pytest.mark.parametrize("how", ["run", "run-t", "attach", "start"])
def test_terminal_that_is_closed(warm, terminal, leftovers, how):
    """Its window is closed, its connection lost: nothing of ours waits for a container that does not
    hear of it; the container stays, and can be attached to again."""
    before = leftovers.snapshot(warm)
    deaf = ("sh", "-c", "trap '' HUP; while :; do echo begun-$((1+1)); sleep 0.2; done")
    if how.startswith("run"):
        t = terminal(warm, "run", "-t" if how == "run-t" else "-it", "--name", "gone", "--network",
                     "none", warm.image, *deaf)
    else:
        warm.run("run", "-dit", "--name", "gone", "--network", "none", warm.image, *deaf)
        if how == "start":
            warm.run("stop", "-t", "0", "gone")
        t = terminal(warm, *(["start", "-ai"] if how == "start" else ["attach"]), "gone")
    t.expect("begun-2")
    t.hang_up()
    assert t.wait() == 129
    assert warm.run("ps", "-q", "--filter", "name=gone").lines
    warm.run("rm", "-f", "gone")
    leftovers.check(warm, before)


def test_terminal_of_exec_that_is_closed(warm, terminal, leftovers):
    """Inside, the terminal is hung up as ours was."""
    before = leftovers.snapshot(warm)
    warm.run("run", "-d", "--name", "gone", "--network", "none", warm.image, "sleep", "1000")
    t = terminal(warm, "exec", "-it", "gone", "sh", "-c",
                 "trap '' HUP; echo begun-$((1+1)); cat; exit 6")
    t.expect("begun-2")
    t.hang_up()
    assert t.wait() == 6, "cat has seen the end of the terminal"
    warm.run("rm", "-f", "gone")
    leftovers.check(warm, before)
