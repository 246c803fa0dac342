# SPDX-License-Identifier: Apache-2.0
"""What the two halves of a pull could do if their parsers were taken over: tests/attacks/inject.c
makes them try, in a pull that the registry holds up."""
import os
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))

import badregistry as bad  # noqa: E402
from lib import netpeer, ociimg  # noqa: E402
from lib.host import PEER4  # noqa: E402
from lib.runner import HostCall  # noqa: E402


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def confined(pid):
    """Its status from when it is: it has begun just before."""
    end = time.monotonic() + 20
    while (st := status_of(pid))["Seccomp"] != "2" and time.monotonic() < end:
        os.sched_yield()
    assert st["Seccomp"] == "2" and st["NoNewPrivs"] == "1" and st["Name"] == "transfer", st
    return st


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def attempt(pid, tries):
    call = HostCall({"op": "inject", "pid": pid, "tries": tries})
    results = dict(call.answer()["results"])
    call.close()
    return results


@pytest.fixture
def halves(carrel, need):
    """(fetcher, unpacker) of a pull in the middle of a layer; at the end it must have succeeded."""
    need("root")
    if os.uname().machine != "x86_64":
        pytest.skip("needs x86-64")
    reached, go_on = threading.Event(), threading.Event()

    def hold(h, data, kind):
        h.wfile.write(h.begin(data, kind)[:1 << 20])
        h.wfile.flush()
        reached.set()
        go_on.wait(60)
        h.close_connection = True
        return True
    image = ociimg.Image([ociimg.Layer().file("noise", os.urandom(3 << 20))])
    with bad.BadRegistry() as reg:
        ref = reg.add(image, "x")
        reg.on("blobs", image.layers[0]["digest"], hold)
        p = carrel.start("pull", "-q", ref, env={"CARREL_RETRY_MS": "10"})
        assert reached.wait(30)
        top = p.pid
        if status_of(top)["Name"] != "transfer":  # the CLI may wait for it or become it
            top, = children(top)
        kinds = {}
        for pid in children(top):
            caps = int(confined(pid)["CapEff"], 16)
            kinds["unpacker" if caps else "fetcher"] = pid
        yield kinds["fetcher"], kinds["unpacker"]
        go_on.set()
        assert p.wait(30) == 0  # it went on, by Range


def test_fetcher_reaches_no_file_of_the_user(carrel, halves):
    fetcher, _ = halves
    secret = os.path.join(carrel.home, ".ssh/x")
    os.makedirs(os.path.dirname(secret))
    with open(secret, "w", encoding="ascii") as f:
        f.write("secret")
    closed = [secret, "/.." + secret, os.path.join(carrel.store, "version"), carrel.runtime,
              "/etc/passwd", "/etc/shadow", "/etc/subuid", "/home", "/root", "/usr/bin", "/dev/null",
              "/proc", "/proc/1/status", "/proc/self/fd", "/sys", "/tmp", "/var/run/docker.sock"]
    said = attempt(fetcher, ["r:" + x for x in closed])
    assert set(said.values()) == {"No such file or directory"}, said
    needed = [x for x in ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf",
                          "/etc/ssl/certs/ca-certificates.crt") if os.path.exists(x)]
    said = attempt(fetcher, ["r:" + x for x in needed])
    assert set(said.values()) == {"ok"}, said
    said = attempt(fetcher, ["w:/x", "w:/etc/hosts", "w:/etc/ssl/x"])
    assert set(said.values()) <= {"Read-only file system", "Permission denied"}, said
    assert attempt(fetcher, ["d:/x"]) == {"d:/x": "Function not implemented"}  # the filter


def test_unpacker_reaches_its_tree_only(carrel, halves):
    _, unpacker = halves
    said = attempt(unpacker, ["r:" + x for x in (
        "/etc/passwd", "/..%s/version" % carrel.store, carrel.store, carrel.home, "/proc", "/dev",
        "/sys", "/tmp")])
    assert set(said.values()) == {"No such file or directory"}, said
    assert attempt(unpacker, ["r:/"]) == {"r:/": "ok"}


@pytest.mark.serial
def test_names_are_resolved_in_there(carrel, images, peer):
    """By /etc/hosts, and by a server that resolv.conf names."""
    peer.python(netpeer.DNS, PEER4, "127.0.0.1", "::1")
    for name in ("localhost", "web.test"):
        ref = images["busybox"].replace("127.0.0.1", name)
        res = carrel.run("pull", "-q", "--tls-verify=false", ref)
        assert res.out.strip() == images.info["busybox"]["id"]
        carrel.run("rmi", ref)
