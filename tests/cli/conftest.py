# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the black box tests.

    carrel      a runner with store, runtime directory and home of its own
    one_id      like `carrel`, on a host where newuidmap does not work
    warm        a runner shared by the tests of one worker, with `busybox` and more pulled:
                for tests that only run containers and clean up after themselves
    pulled      `carrel` with `busybox` in its store; `pulled.image` is that
    root        like `carrel`, called by uid 0 (serial tests only: the store is shared)
    registry    docker-registry on loopback, plain HTTP; registry_tls, registry_auth
    images      name -> reference of the images below, pushed to `registry`
    debian      reference of Debian 12 minbase, pushed to `registry`
    peer        start a server in the peer network namespace
    terminal    start carrel on a pseudo terminal
    leftovers   nothing may remain that was not there before
    need        need("tun"): skip, naming the feature; see contrib/check on strictness
    small_fs    a file system of some bytes; readonly_dir(path)
"""
import collections
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import pwd
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import ociimg, programs  # noqa: E402
from lib.registry import Registry  # noqa: E402
from lib.runner import Carrel, HostCall, HostProcess  # noqa: E402
from lib.terminal import Terminal  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36
PROGRAM = os.path.join(os.environ.get("CARREL_PREFIX", "/usr/local"), "bin/carrel")
BASE = os.environ.get("CARREL_TEST_BASE")
TOOLS = {"registry": "docker-registry", "skopeo": "skopeo", "umoci": "umoci",
         "tools": "busybox"}


# ---- the session -------------------------------------------------------------------------------

def pytest_configure(config):
    config.addinivalue_line("markers", "serial: wants the machine for itself")
    config.addinivalue_line("markers", "leftovers: use the leftovers fixture")
    if BASE is None:
        raise pytest.UsageError("run these by contrib/check --only FILE")
    # Whatever a test starts and loses becomes a child of this worker, so that `leftovers` finds
    # exactly the processes of its own tests, however often they forked.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def is_worker(config):
    return hasattr(config, "workerinput")


def features():
    have = set(filter(None, os.environ.get("CARREL_TEST_FEATURES", "").split(",")))
    have |= {f for f, prog in TOOLS.items() if shutil.which(prog)}
    if debian_tar():
        have.add("debian")
    if "subids" not in have and shutil.which("newuidmap"):
        name = pwd.getpwuid(os.getuid()).pw_name
        with contextlib.suppress(OSError), open("/etc/subuid", encoding="utf-8") as f:
            if any(line.split(":")[0] in (name, str(os.getuid())) for line in f):
                have.add("subids")
    for name, path in (("tun", "/dev/net/tun"), ("fuse", "/dev/fuse")):
        if os.access(path, os.R_OK | os.W_OK):
            have.add(name)
    if not shutil.which("fuse-overlayfs"):
        have.discard("fuse")
    return have


def need_feature(name, why=""):
    if name not in features():
        pytest.skip(f"needs {name}" + (f": {why}" if why else ""))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A skip names its feature, and none of those that the machine has may be skipped for."""
    outcome = yield
    rep = outcome.get_result()
    if not rep.skipped or hasattr(rep, "wasxfail"):
        return
    reason = str(call.excinfo.value) if call.excinfo else str(rep.longrepr)
    m = re.search(r"needs ([\w-]+)", reason)
    strict = os.environ.get("CARREL_TEST_STRICT", "").split(",")
    if not m or m.group(1) in strict:
        rep.outcome = "failed"
        rep.longrepr = f"{item.nodeid}: skipped without right: {reason}"


def pytest_terminal_summary(terminalreporter, config):
    if is_worker(config):
        return
    stats = terminalreporter.stats
    count = {k: len(stats.get(k, [])) for k in ("passed", "failed", "error", "skipped")}
    with open(os.path.join(BASE, "tally"), "a", encoding="ascii") as f:
        f.write(f"{count['passed']} {count['failed'] + count['error']} {count['skipped']}\n")


@pytest.fixture(scope="session")
def worker_dir():
    name = os.environ.get("PYTEST_XDIST_WORKER", "w")
    path = os.path.join(BASE, "t", f"{name}-{os.getpid()}")
    os.makedirs(path)
    return path


@contextlib.contextmanager
def once(name):
    """Work shared by the workers: yields the directory, and whether it is still to be done."""
    path = os.path.join(BASE, "t", "shared-" + name)
    with open(path + ".lock", "w", encoding="ascii") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        done = os.path.join(path, "done")
        fresh = not os.path.exists(done)
        if fresh:
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path)
        yield path, fresh
        if fresh:
            with open(done, "w", encoding="ascii"):
                pass


# ---- carrel ------------------------------------------------------------------------------------

def new_home(tag="c"):
    """Short paths: a unix socket's name has 108 bytes."""
    n = 0
    while True:
        path = os.path.join(BASE, "t", f"{tag}{os.getpid()}.{n}")
        try:
            os.mkdir(path, 0o755)
            return path
        except FileExistsError:
            n += 1


def remove_home(path):
    """Layers belong to subordinate ids: the root part or a user namespace removes them."""
    if "root" in features():
        call = HostCall({"op": "remove", "path": path})
        call.answer()
        call.close()
    else:
        subprocess.run(["unshare", "--map-root-user", "--map-auto", "rm", "-rf", path],
                       check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_carrel():
    """Factory: runners that share nothing with each other."""
    homes = []

    def make(program=PROGRAM):
        homes.append(new_home())
        return Carrel(homes[-1], program)
    yield make
    for path in homes:
        remove_home(path)


@pytest.fixture
def carrel(make_carrel):
    return make_carrel()


@pytest.fixture
def one_id(make_carrel, carrel):
    """Like `carrel`, in a sandbox: no_new_privs takes newuidmap its privilege (tier B, D-05)."""
    wrapper = os.path.join(carrel.home, "one-id")
    with open(wrapper, "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\nexec setpriv --no-new-privs {carrel.program} "$@"\n')
    os.chmod(wrapper, 0o755)
    return make_carrel(wrapper)


@pytest.fixture(scope="session")
def hog(worker_dir):
    """A static program that takes what it is told to (tests/attacks/hog.c)."""
    return programs.static(worker_dir, "attacks/hog.c", "-w")


@pytest.fixture(scope="session")
def _warm_store(images):
    need_feature("subids")
    home = new_home("w")
    runner = Carrel(home, PROGRAM)
    for name in ("busybox", "layers"):
        runner.run("pull", "-q", images[name])
    yield runner
    remove_home(home)


@pytest.fixture
def pulled(carrel, images, need):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.image = images["busybox"]
    return carrel


@pytest.fixture
def warm(_warm_store, images):
    """Shared store with images["busybox"] and images["layers"] in it; `warm.image` is busybox."""
    _warm_store.image = images["busybox"]
    return _warm_store


@pytest.fixture
def root():
    need_feature("root")
    home = new_home("r")
    yield Carrel(home, PROGRAM, as_root=True)
    remove_home(home)


@pytest.fixture(params=["user", "root"])
def any_carrel(request):
    """The same test twice: called by the user, and by uid 0. Mark such tests serial."""
    return request.getfixturevalue("carrel" if request.param == "user" else "root")


@pytest.fixture
def need():
    return need_feature


@pytest.fixture
def terminal():
    made = []

    def start(carrel, *args, **kw):
        made.append(Terminal(carrel, *args, **kw))
        return made[-1]
    yield start
    for t in made:
        t.close()


# ---- registries and images ---------------------------------------------------------------------

@pytest.fixture(scope="session")
def registry(worker_dir):
    need_feature("registry")
    with once("registry") as (storage, _):
        pass
    reg = Registry(os.path.join(worker_dir, "registry"), storage)
    yield reg
    reg.stop()


@pytest.fixture(scope="session")
def registry_tls(worker_dir, images):
    """The same images over TLS with a certificate of its own: .ca is the file to trust."""
    with once("registry") as (storage, _):
        pass
    reg = Registry(os.path.join(worker_dir, "registry-tls"), storage, "tls")
    yield reg
    reg.stop()


@pytest.fixture(scope="session")
def registry_auth(worker_dir, images):
    """The same images for Registry.USER and Registry.PASSWORD only."""
    with once("registry") as (storage, _):
        pass
    reg = Registry(os.path.join(worker_dir, "registry-auth"), storage, "auth")
    yield reg
    reg.stop()


def layered_image():
    """One of each thing that a layer can do to the layers below it."""
    low = ociimg.busybox_layer()
    low.dir("data").file("data/kept", "kept").file("data/gone", "gone").file("data/new", "old")
    low.dir("data/dir").file("data/dir/a", "a").dir("data/opaque").file("data/opaque/below", "x")
    low.file("data/to-dir", "file").dir("data/to-file").file("data/to-file/x", "x")
    low.file("data/suid", "#!/bin/sh\n", mode=0o4755, uid=33, gid=33)
    low.hardlink("data/link", "data/kept")
    mid = ociimg.Layer()
    mid.dir("data").whiteout("data/gone").file("data/new", "new")
    mid.dir("data/opaque").opaque("data/opaque").file("data/opaque/above", "y")
    mid.whiteout("data/dir").whiteout("data/to-dir").dir("data/to-dir").file("data/to-dir/in", "in")
    mid.whiteout("data/to-file").file("data/to-file", "now a file")
    top = ociimg.Layer()
    top.dir("data").fifo("data/fifo").symlink("data/abs", "/etc/passwd")
    top.symlink("data/up", "../../../../etc/hostname")
    top.file("data/xattr", "x", xattrs={"user.note": "hello"})
    top.file("data/sticky", "s", mode=0o1644, uid=1000, gid=2000)
    top.file("data/" + "long" * 40 + "/" + "name" * 60, "long")
    return ociimg.Image([low, mid, top], {
        "Entrypoint": None, "Cmd": ["sh", "-c", "echo from-cmd"], "WorkingDir": "/data",
        "Env": ["PATH=/bin:/usr/bin", "FROM_IMAGE=yes"], "User": "app",
        "Labels": {"made": "by hand"}, "StopSignal": "SIGUSR1"})


def build_images():
    plain = {"Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"]}
    busybox = ociimg.busybox_layer().bytes()
    foreign = "arm64" if os.uname().machine == "x86_64" else "amd64"
    native = "amd64" if os.uname().machine == "x86_64" else "arm64"
    yield "busybox", ociimg.Image([busybox], plain, arch=native)
    yield "busybox-zstd", ociimg.Image([busybox], plain, arch=native, compression="zstd")
    yield "busybox-plain", ociimg.Image([busybox], plain, arch=native, compression="none")
    yield "busybox-docker", ociimg.Image([busybox], plain, arch=native, docker=True)
    image = layered_image()
    yield "layers", image
    yield "entry", ociimg.Image([busybox], dict(plain, Entrypoint=["echo", "entry"],
                                                Cmd=["cmd"]), arch=native)
    yield "foreign", ociimg.Image([busybox], plain, arch=foreign)
    yield "many", ociimg.Image([busybox] + [
        ociimg.Layer().file(f"layer{i}", str(i)).bytes() for i in range(60)], plain, arch=native)


class Images(dict):
    """Name -> reference; .info[name] = {"id", "manifest"}; see build_images()."""

    info = {}


@pytest.fixture(scope="session")
def images(registry):
    out = Images()
    with once("images") as (path, fresh):
        about = os.path.join(path, "about.json")
        if fresh:
            info = {}
            for name, image in build_images():
                registry.push_image(image, f"{name}:latest")
                info[name] = {"id": image.id, "manifest": image.manifest["digest"]}
            with open(about, "w", encoding="ascii") as f:
                json.dump(info, f)
        with open(about, encoding="ascii") as f:
            out.info = json.load(f)
    for name in out.info:
        out[name] = registry.ref(f"{name}:latest")
    return out


def debian_tar():
    path = os.path.join(os.environ.get("CARREL_TEST_CACHE", "/var/cache/carrel-check"),
                        "debian-12.tar.gz")
    return path if os.path.exists(path) else None


@pytest.fixture(scope="session")
def debian(registry):
    """Debian 12 minbase by mmdebstrap, as debian:12; made by contrib/check, kept in its cache."""
    need_feature("debian")
    with once("debian") as (path, fresh):
        if fresh:
            with open(debian_tar(), "rb") as f:
                packed = f.read()
            import gzip
            raw = gzip.decompress(packed)
            image = ociimg.Image([], {"Cmd": ["bash"], "Env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]})
            layer = image.put(packed, ociimg.OCI + "layer.v1.tar+gzip")
            doc = json.loads(image.blobs[image.config["digest"]])
            doc["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(raw).hexdigest()]
            doc["history"] = [{"created_by": "mmdebstrap"}]
            image.config = image.put(json.dumps(doc).encode(), image.config["mediaType"])
            image.manifest = image.put(json.dumps({
                "schemaVersion": 2, "mediaType": ociimg.OCI + "manifest.v1+json",
                "config": image.config, "layers": [layer]}).encode(),
                ociimg.OCI + "manifest.v1+json")
            registry.push_image(image, "debian:12")
    return registry.ref("debian:12")


# ---- the rest of the world ---------------------------------------------------------------------

class Peer:
    """Servers in the network namespace beyond the host's link; .v4, .v6 are its addresses."""

    v4, v6, host_v4, host_v6 = "198.18.0.2", "fdca:44e1::2", "198.18.0.1", "fdca:44e1::1"

    def __init__(self):
        self.started = []

    def start(self, *argv, ready=b"ready"):
        """Runs argv there until the test ends; it must write `ready` to stdout once it serves."""
        r, w = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        proc = HostProcess({"op": "peer", "argv": list(argv)}, null, w, w)
        os.close(null)
        os.close(w)
        self.started.append((proc, r))
        said = b""
        while ready and ready not in said:
            data = os.read(r, 4096) if select.select([r], [], [], 20)[0] else b""
            if not data:
                raise RuntimeError(f"peer: {argv}: not ready: {said!r}")
            said += data
        return proc

    def python(self, code, *args, **kw):
        return self.start("/usr/bin/python3", "-u", "-c", code, *args, **kw)

    def stop(self):
        for proc, r in self.started:
            proc.kill()
            proc.wait()
            os.close(r)


@pytest.fixture
def peer():
    need_feature("peer")
    p = Peer()
    yield p
    p.stop()


@pytest.fixture
def small_fs():
    """small_fs(bytes) -> a directory on a file system of that size."""
    need_feature("root")
    calls = []

    def make(size):
        calls.append(HostCall({"op": "tmpfs", "bytes": size}))
        return calls[-1].answer()["path"]
    yield make
    for c in calls:
        c.close()


@pytest.fixture
def second_bind():
    """second_bind(path) -> another place where the same directory is mounted until the test ends."""
    need_feature("root")
    calls = []

    def bind(path):
        calls.append(HostCall({"op": "bind", "path": path}))
        return calls[-1].answer()["path"]
    yield bind
    for c in calls:
        c.close()


@pytest.fixture
def readonly_dir():
    """readonly_dir(path): a read-only mount over it until the test ends."""
    need_feature("root")
    calls = []

    def make(path):
        calls.append(HostCall({"op": "readonly", "path": path}))
        return calls[-1].answer()["path"]
    yield make
    for c in calls:
        c.close()


# ---- leftovers ---------------------------------------------------------------------------------

def descendants():
    """{pid: command line} of everything below this worker, zombies of lost children reaped."""
    parents, names = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", "rb") as f:
                stat = f.read()
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                cmd = f.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        state, ppid = stat[stat.rindex(b")") + 2:].split()[:2]
        if state == b"Z":
            # Ours only: a Popen of the test is reaped by the test.
            if int(ppid) == os.getpid() and int(pid) not in {
                    p.pid for p in getattr(subprocess, "_active", [])}:
                names[int(pid)] = None
            continue
        parents[int(pid)], names[int(pid)] = int(ppid), cmd
    below, grown = {os.getpid()}, True
    while grown:
        more = {p for p, pp in parents.items() if pp in below} - below
        below |= more
        grown = bool(more)
    return {p: names[p] for p in below if p != os.getpid()}


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        # Without the harness's own, which go when it finds the time: small file systems, second
        # binds, and read-only binds of test directories.
        return sorted(line.split(" ", 3)[3] for line in f
                      if " - tmpfs harness " not in line
                      and not line.split()[4].startswith(os.path.join(BASE, "bind"))
                      and not (line.split()[4].startswith(BASE) and line.split()[5][:2] == "ro"))


class Leftovers:
    """leftovers.check(runner): also the store's staging and `ps -a`. The fixture itself compares
    processes and mounts at the end of the test."""

    def __init__(self):
        self.processes, self.mounts = descendants(), mounts()

    def snapshot(self, runner):
        return {"ps": sorted(runner.run("ps", "-a", "-q").lines), "staging": runner.staging(),
                "runtime": runner.runtime_files()}

    def wait_processes(self, seconds=60):
        """What is ending may take its time, and may have forked meanwhile; what stays is left."""
        end = time.monotonic() + seconds
        while True:
            now = descendants()
            new = {p: now[p] for p in set(now) - set(self.processes)}
            if not new or time.monotonic() >= end:
                return new
            for pid in new:
                with contextlib.suppress(OSError):
                    fd = os.pidfd_open(pid)
                    select.select([fd], [], [], max(0, end - time.monotonic()))
                    os.close(fd)

    def check(self, runner=None, before=None):
        left = self.wait_processes()
        assert not left, f"processes left behind: {left}"
        # Fewer is fine: what began outside goes where its directory is removed.
        new = collections.Counter(mounts()) - collections.Counter(self.mounts)
        assert not new, f"mounts left behind: {list(new)}"
        if runner is not None and before is not None:
            now = self.snapshot(runner)
            # Fewer is fine: the command has swept what a killed one had left.
            for what in now:
                new = set(now[what]) - set(before[what])
                assert not new, f"{what} left behind: {new}, before: {before}"


@pytest.fixture
def leftovers():
    state = Leftovers()
    yield state
    state.check()
