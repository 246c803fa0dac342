#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make check-perf: what carrel costs, beside its peers, in one run and one table.

    perf.py --interleave PROGRAM [--prefix DIR] [--rounds N] [--only start,stay,limits,many,pull]

No row fails for being slow: the table prints each ratio beside its target (doc/DESIGN.md, 12).
Programs are run in turn, medians are compared, and only ratios of one run mean anything. Called
by root, it makes private namespaces with loopback and a tap device and goes on as the test user
(CARREL_TEST_USER, default carrel-test); called by anybody else, it takes what is there. Network
traffic goes to loopback only.
"""
import argparse
import hashlib
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cli"))

from lib import ociimg  # noqa: E402
from lib.registry import Registry  # noqa: E402

LAYER_BYTES = 20_000_000  # as gzip: three make the image of 60 MB that the target speaks of
LAYERS = 3
JOURNAL = "ext4"  # a directory
FILE_MAX = 4 << 20  # one giant would be a layer of another size
SETTLE = 0.01  # between two looks at the processes of a pull

# The floor of DESIGN 12: the host's own dynamic true, as a user's shell would start it.
FORK_EXEC = ["/bin/true"]


class Target:
    """One figure of the table in doc/DESIGN.md, 12, column "first": "<= 12x", ">= 20x", "<= 60 MB".

    With "x" it is about the ratio to the peer, else about carrel's own figure.
    """

    def __init__(self, text):
        self.text = text
        sign, rest = text.split(" ", 1)
        self.at_most, self.is_ratio = sign == "<=", rest.endswith("x")
        self.limit = float(rest.rstrip("x").split()[0])

    def verdict(self, ours, ratio):
        got = ratio if self.is_ratio else ours
        if got is None:
            return "?"
        return "met" if (got <= self.limit if self.at_most else got >= self.limit) else "MISSED"


class Table:
    """what, carrel's figure, the peer's, their ratio, the target of the first version, verdict."""

    HEAD = ("what", "carrel", "peer", "peer's", "ratio", "first", "verdict")

    def __init__(self):
        self.rows, self.failed = [], 0

    def add(self, what, ours, peer="", theirs=None, target="", unit="ms"):
        ratio = ours / theirs if ours is not None and theirs else None
        self.rows.append((what, number(ours, unit), peer, number(theirs, unit) if peer else "",
                          f"{ratio:.3g}x" if ratio else "", target,
                          Target(target).verdict(ours, ratio) if target else ""))

    def note(self, what, text):
        self.rows.append((what, text, "", "", "", "", "FAILED"))
        self.failed += 1

    def show(self):
        rows = [self.HEAD] + self.rows
        widths = [max(len(r[i]) for r in rows) for i in range(len(self.HEAD))]
        for r in rows:
            print("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip())


def number(value, unit):
    if value is None:
        return "-"
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"


class Perf:
    def __init__(self, args, base):
        self.args, self.base, self.table = args, base, Table()
        self.carrel = os.path.join(args.prefix, "bin/carrel")
        self.env = dict(os.environ, PATH="/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:"
                        "/sbin", LANG="C.UTF-8")
        self.env.pop("XDG_CONFIG_HOME", None)
        self.live_in(base)
        self.podman = ["podman", "--cgroup-manager=cgroupfs", "--events-backend=file",
                       "--storage-driver=overlay", "--runtime=crun"]
        self.registry = Registry(self.dir("registry"), self.dir("storage"))

    def live_in(self, base):
        self.base = base
        self.env.update(HOME=self.dir("home"), XDG_RUNTIME_DIR=self.dir("run"),
                        XDG_DATA_HOME=self.dir("data"))
        os.environ.update(self.env)

    def dir(self, name):
        path = os.path.join(self.base, name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def call(self, *argv, check=True, timeout=120):
        res = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             check=False, timeout=timeout)
        if check and res.returncode:
            raise RuntimeError(f"{' '.join(argv)}: status {res.returncode}\n{res.stderr[-800:]}")
        return res

    def works(self, *argv):
        try:
            self.call(*argv)
            return True
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as e:
            print(f"perf: left out: {e}", file=sys.stderr)
            return False

    def measure(self, programs, rounds=None, at_once=1):
        """{name: argv} -> {name: milliseconds}; programs that fail are told and left out."""
        argv = [self.args.interleave, str(rounds or self.args.rounds), str(at_once)]
        for i, words in enumerate(programs.values()):
            argv += (["::"] if i else []) + words
        lines = self.call(*argv, timeout=3600).stdout.splitlines()
        out = {}
        for name, line in zip(programs, lines):
            median, _, _, _, failed = map(float, line.split())
            if failed:
                print(f"perf: {name}: {failed:.0f} starts failed", file=sys.stderr)
                if name == "carrel":
                    self.table.note(" ".join(programs[name][1:4]), f"{failed:.0f} failed")
            else:
                out[name] = median / 1000
        return out

    # ---- what is run ----------------------------------------------------------------------

    def small_image(self):
        image = ociimg.Image([ociimg.busybox_layer()],
                             {"Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"]},
                             arch={"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine])
        ref = self.registry.push_image(image, "busybox:latest")
        rootfs = self.dir("bundle/rootfs")
        ociimg.Layer()
        layer = ociimg.busybox_layer().bytes()
        subprocess.run(["tar", "-x", "--no-same-owner", "-C", rootfs], input=layer, check=True)
        self.call("crun", "spec", "--rootless", f"--bundle={self.base}/bundle", check=False)
        spec = os.path.join(self.base, "bundle/config.json")
        if os.path.exists(spec):
            with open(spec, encoding="utf-8") as f:
                doc = json.load(f)
            doc["process"].update(terminal=False, args=["true"])
            doc["linux"].pop("cgroupsPath", None)
            with open(spec, "w", encoding="utf-8") as f:
                json.dump(doc, f)
        return ref, rootfs

    def big_image(self, kind):
        """Files of this machine's /usr in three layers: sizes and names of real life."""
        files = usr_files()
        image = ociimg.Image([], {"Cmd": ["true"]},
                             arch={"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine])
        diff_ids = []
        for i in range(LAYERS):
            path = os.path.join(self.base, f"layer{i}.tar.gz")
            diff_ids.append(pack(path, files, LAYER_BYTES))
            if kind == "zstd":
                self.call("sh", "-c", f"gzip -dc {path} | zstd -q -3 -o {path}.zst && "
                          f"mv {path}.zst {path}")
            with open(path, "rb") as f:
                image.layers.append(image.put(f.read(), ociimg.OCI + f"layer.v1.tar+{kind}"))
            os.unlink(path)
        doc = json.loads(image.blobs[image.config["digest"]])
        del image.blobs[image.config["digest"]], image.blobs[image.manifest["digest"]]
        doc["rootfs"]["diff_ids"] = diff_ids
        doc["history"] = [{"created_by": "perf"}] * LAYERS
        image.config = image.put(json.dumps(doc).encode(), image.config["mediaType"])
        manifest = ociimg.OCI + "manifest.v1+json"
        image.manifest = image.put(json.dumps({
            "schemaVersion": 2, "mediaType": manifest, "config": image.config,
            "layers": image.layers}).encode(), manifest)
        size = sum(layer["size"] for layer in image.layers)
        return self.registry.push_image(image, f"big-{kind}:latest"), image.layers, size

    # ---- the rows -------------------------------------------------------------------------

    def say_what_runs(self, peers):
        """Above the table: without it a ratio means nothing."""
        host = os.uname()
        load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
        print(f"Linux {host.release} {host.machine}, {os.cpu_count()} processors, load {load}")
        for name, argv in peers.items():
            if name != "fork+exec":
                said = self.call(argv[0], "--version", check=False).stdout.split("\n")[0]
                print(f"{said}: {' '.join(argv).replace(self.base, 'DIR')}")
        disk = self.call("findmnt", "-no", "FSTYPE,OPTIONS", "-T", self.base).stdout.split()
        print(f"stores on {disk[0]} ({disk[1]})\n")

    def peers(self, ref, rootfs):
        """Which of them run here at all."""
        all_peers = {
            "fork+exec": FORK_EXEC,
            "bwrap": ["bwrap", "--unshare-all", "--bind", rootfs, "/", "--proc", "/proc",
                      "--dev", "/dev", "/bin/true"],
            "crun": ["crun", f"--root={self.dir('crun')}", "--cgroup-manager=disabled", "run",
                     f"--bundle={self.base}/bundle", "c%n"],
            "podman": self.podman + ["run", "--rm", "--cgroups=disabled", "--network=none", ref,
                                     "true"],
        }
        self.call(*self.podman, "pull", "-q", "--tls-verify=false", ref, check=False)
        return {k: v for k, v in all_peers.items() if self.works(*v)}

    def start_rows(self, ref, peers):
        run = [self.carrel, "run", "--rm", "--network", "none", ref, "true"]
        if not self.works(*run):
            self.table.note("run --rm --network none", "fails")
            return
        t = self.measure(dict({"carrel": run}, **{k: v for k, v in peers.items()
                                                   if k != "podman"}))
        what = "run --rm --network none"
        for peer, target in (("fork+exec", "<= 12x"), ("bwrap", ""), ("crun", "")):
            if peer in t:
                self.table.add(what, t.get("carrel"), peer, t[peer], target)
        if "podman" in peers:
            few = self.measure({"carrel": run, "podman": peers["podman"]},
                               rounds=max(5, self.args.rounds // 5))
            self.table.add(what, few.get("carrel"), "podman", few.get("podman"), "<= 0.06x")
        self.sibling_row(ref, run)
        self.fuse_row(ref, run, peers)
        self.private_row(ref, peers)

    def sibling_row(self, ref, run):
        """Another container runs: its outer user namespace is there to be joined."""
        self.works(*self.carrel_box("sibling", ref, []))
        t = self.measure({"carrel": run, "fork+exec": FORK_EXEC})
        self.table.add("the same, a sibling alive", t.get("carrel"), "fork+exec",
                       t.get("fork+exec"), "<= 8x")
        self.works(self.carrel, "rm", "-f", "sibling")

    def fuse_row(self, ref, run, peers):
        """A host without overlay: both start fuse-overlayfs."""
        ours = ["env", "CARREL_ROOTFS=fuse"] + run
        if not os.access("/dev/fuse", os.R_OK | os.W_OK) or not self.works(*ours):
            return
        programs = {"carrel": ours, "overlay": run}
        podman = self.podman + [
            f"--root={self.dir('podman-fuse')}", f"--runroot={self.dir('podman-fuse-run')}",
            "--storage-opt=overlay.mount_program=/usr/bin/fuse-overlayfs"]
        start = podman + ["run", "--rm", "--cgroups=disabled", "--network=none", ref, "true"]
        self.call(*podman, "pull", "-q", "--tls-verify=false", ref, check=False)
        if "podman" in peers and self.works(*start):
            programs["podman"] = start
        t = self.measure(programs, rounds=max(5, self.args.rounds // 5))
        what = "the same on fuse-overlayfs"
        self.table.add(what, t.get("carrel"), "carrel on overlay", t.get("overlay"))
        if "podman" in programs:
            self.table.add(what, t.get("carrel"), "podman on it", t.get("podman"))

    def private_row(self, ref, peers):
        run = [self.carrel, "run", "--rm", ref, "true"]
        if not self.works(*run):
            self.table.note("run --rm, private network", "fails")
            return
        programs = {"carrel": run}
        podman = self.podman + ["run", "--rm", "--cgroups=disabled", "--network=slirp4netns",
                                ref, "true"]
        if "podman" in peers and self.works(*podman):
            programs["podman"] = podman
        t = self.measure(programs, rounds=max(5, self.args.rounds // 5))
        self.table.add("run --rm, private network", t.get("carrel"), "podman", t.get("podman"),
                       "<= 0.05x")

    def version_row(self, peers):
        programs = {"carrel": [self.carrel, "version"]}
        if "podman" in peers:
            programs["podman"] = self.podman + ["version"]
        t = self.measure(programs, rounds=max(5, self.args.rounds // 5))
        self.table.add("version", t.get("carrel"), "podman", t.get("podman"), "<= 0.1x")

    def stay_rows(self, ref, rootfs, peers):
        start = {"carrel": self.carrel_box("perf", ref, [])}
        if "podman" in peers:
            start["podman"] = self.podman + ["run", "-d", "--cgroups=disabled", "--network=none",
                                             "--name=perf", ref,
                                             "sleep", "100000"]
        tools = {"carrel": [self.carrel], "podman": self.podman}
        up = [name for name, argv in start.items() if self.works(*argv)]
        if "carrel" not in up:
            self.table.note("exec, ps, stop", "run -d fails")
            return
        self.idle_row("perf")
        for words, target in ((["exec", "perf", "true"], "<= 0.05x"), (["ps"], "<= 0.05x")):
            programs = {n: tools[n] + words for n in up if self.works(*tools[n], *words)}
            t = self.measure(programs, rounds=max(5, self.args.rounds // 5))
            if "podman" in t:
                self.table.add(words[0], t.get("carrel"), "podman", t["podman"], target)
        base = self.measure({"fork+exec": FORK_EXEC,
                             "carrel": [self.carrel, "exec", "perf", "true"]})
        self.table.add("exec", base.get("carrel"), "fork+exec", base.get("fork+exec"))
        took = {}
        for name in up:
            began = time.monotonic()
            self.works(*tools[name], "stop", "perf")
            took[name] = (time.monotonic() - began) * 1000
            self.works(*tools[name], "rm", "-f", "perf")
        self.table.add("stop, no SIGTERM handler", took["carrel"], "podman", took.get("podman"),
                       "<= 0.02x")

    def idle_row(self, name):
        """PSS of the supervisor and all below it but the user's own program."""
        pid = json.loads(self.call(self.carrel, "inspect", name).stdout)[0]["State"]["Pid"]
        ours = sum(map(pss, below(parent_of(pid)))) - pss(pid)
        self.table.add(f"idle container (its program: {number(pss(pid) / 1e6, 'MB')})", ours / 1e6,
                       target="<= 1.5 MB", unit="MB PSS")

    def limit_rows(self, ref):
        """What else a start may have to do, each against the plain start beside it."""
        run, rest = [self.carrel, "run", "--rm"], ["--network", "none", ref, "true"]
        rows = {
            "run --rm -m 64m": (run + ["-m", "64m"] + rest, "without", run + rest),
            "run --rm --here, one id": (run + ["--here"] + rest, "all ids", run + rest),
            "run --rm on fuse-overlayfs": (["env", "CARREL_ROOTFS=fuse"] + run + rest, "overlay",
                                           ["env", "CARREL_ROOTFS=overlay"] + run + rest),
        }
        for what, (argv, peer, plain) in rows.items():
            if self.works(*argv) and self.works(*plain):
                t = self.measure({"carrel": argv, peer: plain})
                self.table.add(what, t.get("carrel"), peer, t.get(peer))
        beside = {}
        for name, flags in (("a limited one", ["-m", "64m"]), ("an unlimited one", [])):
            if self.works(*self.carrel_box("beside", ref, flags)):
                beside[name] = self.measure({"carrel": run + rest}).get("carrel")
            self.works(self.carrel, "rm", "-f", "beside")
        if len(beside) == 2:
            self.table.add("unlimited, beside a limited one", beside["a limited one"],
                           "beside an unlimited", beside["an unlimited one"], "<= 1.2x")

    def carrel_box(self, name, ref, flags):
        return [self.carrel, "run", "-d", "--network", "none", "--name", name, *flags, ref,
                "sleep", "100000"]

    def many_row(self, ref, rootfs, peers):
        run = [self.carrel, "run", "--rm", "--network", "none", ref, "true"]
        what = "100 at once, per second"
        if not self.works(*run):
            self.table.note(what, "run fails")
            return
        t = self.measure({"fork+exec": FORK_EXEC, "carrel": run},
                         rounds=5, at_once=100)
        if "carrel" not in t:
            return
        ours = 100000 / t["carrel"]
        self.table.add(what, ours, "fork+exec", 100000 / t["fork+exec"], unit="/s")
        if "podman" in peers:
            few = self.measure({"podman": peers["podman"]}, rounds=3, at_once=10)
            if few:
                self.table.add(what, ours, "podman, 10 at once", 10000 / few["podman"], ">= 20x",
                               "/s")

    def pull_rows(self, kind, against_podman):
        ref, layers, size = self.big_image(kind)
        what = f"pull of {size / 1e6:.0f} MB {kind}"
        host = self.registry.host
        urls = [f"http://{host}/v2/big-{kind}/blobs/{layer['digest']}" for layer in layers]
        floor = " ".join(f"mkdir $d/{i}; curl -sf {url} | {kind} -dc | "
                         f"tar -x --no-same-owner -C $d/{i} & " for i, url in enumerate(urls))
        rows = {
            "carrel": lambda d: [self.carrel, "--root", d, "pull", "-q", ref],
            "podman": lambda d: self.podman + [
                f"--root={d}/s", f"--runroot={d}/r", "pull", "-q", "--tls-verify=false", ref],
            "skopeo to dir": lambda d: ["skopeo", "copy", "-q", "--src-tls-verify=false",
                                        f"docker://{ref}", f"dir:{d}"],
            f"curl|{kind}|tar": lambda d: ["sh", "-c", f"d={d}; {floor} wait"],
        }
        seen = {name: [] for name in rows}
        for i in range(self.args.pulls + 1):
            for name, make in rows.items():
                got = watch(make(self.dir(f"pull-{kind}{i}-{name[:4]}")))
                if got and i:  # the first turn warms the registry
                    seen[name].append(got)
        mine = middle(seen["carrel"])
        if not mine:
            self.table.note(what, "fails")
            return
        for name in list(rows)[1:]:
            peer = middle(seen[name])
            if peer:
                self.table.add(what, mine[0] * 1000, name, peer[0] * 1000,
                               against_podman if name == "podman" else "")
                self.table.add("  CPU of all processes", mine[1] * 1000, name, peer[1] * 1000)
                self.table.add("  RSS of all processes", mine[2], name, peer[2],
                               "<= 60 MB" if name == "podman" else "", "MB")

    def run(self):
        only, disk = self.args.only.split(","), self.base
        if os.path.ismount(os.path.join(disk, JOURNAL)):
            self.live_in(os.path.join(disk, JOURNAL))
        ref, rootfs = self.small_image()
        peers = self.peers(ref, rootfs)
        self.say_what_runs(peers)
        if not self.works(self.carrel, "pull", "-q", ref):
            self.table.note("pull", "fails")
        if "start" in only:
            self.start_rows(ref, peers)
            self.version_row(peers)
        if "stay" in only:
            self.stay_rows(ref, rootfs, peers)
        if "limits" in only:
            self.limit_rows(ref)
        if "many" in only:
            self.many_row(ref, rootfs, peers)
        if "pull" in only:
            self.live_in(disk)
            self.pull_rows("gzip", "<= 0.6x")
            self.pull_rows("zstd", "<= 0.4x")
        self.table.show()
        return 1 if self.table.failed else 0


def middle(rows):
    return [statistics.median(column) for column in zip(*rows)] if rows else None


def usr_files():
    for where, dirs, files in os.walk("/usr"):
        dirs.sort()
        for name in sorted(files):
            path = os.path.join(where, name)
            if os.access(path, os.R_OK) and not os.path.islink(path) and \
                    os.path.getsize(path) < FILE_MAX:
                yield path


def pack(path, files, limit):
    """A tar.gz of the next files, up to `limit` bytes packed; the digest of the plain tar."""
    digest, packer = hashlib.sha256(), zlib.compressobj(6, zlib.DEFLATED, 31)

    class Out:
        def write(self, data):
            digest.update(data)
            f.write(packer.compress(data))

    with open(path, "wb") as f:
        with tarfile.open(fileobj=Out(), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for name in files:
                tar.add(name, arcname=name.lstrip("/"), recursive=False)
                if f.tell() > limit:
                    break
        f.write(packer.flush())
    return "sha256:" + digest.hexdigest()


def parent_of(pid):
    with open(f"/proc/{pid}/stat", "rb") as f:
        stat = f.read()
    return int(stat[stat.rindex(b")") + 2:].split()[1])


def below(pid):
    """A process and all below it."""
    found = [pid]
    for p in found:
        try:
            with open(f"/proc/{p}/task/{p}/children", encoding="ascii") as f:
                found += map(int, f.read().split())
        except OSError:
            continue
    return found


def pss(pid):
    """Bytes; what n processes share counts for each by a n-th."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))


def rss_below(pid):
    """RSS in bytes of a process and all below it; what two of them share counts twice."""
    children, pages = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                stat = f.read()
            fields = stat[stat.rindex(b")") + 2:].split()
            children.setdefault(int(fields[1]), []).append(int(name))
            pages[int(name)] = int(fields[21])
        except (OSError, ValueError):
            continue
    total, todo = 0, [pid]
    while todo:
        p = todo.pop()
        total += pages.get(p, 0)
        todo += children.get(p, [])
    return total * os.sysconf("SC_PAGE_SIZE")


def watch(argv):
    """(seconds, CPU seconds, peak RSS in MB) of a program and its children; None if it failed."""
    peak, done = [0], threading.Event()
    before = os.times()
    began = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as p:
        def look():
            while not done.wait(SETTLE):
                peak[0] = max(peak[0], rss_below(p.pid))
        thread = threading.Thread(target=look)
        thread.start()
        _, said = p.communicate()
        took = time.monotonic() - began
        done.set()
        thread.join()
    after = os.times()
    if p.returncode:
        print(f"perf: {' '.join(argv)}: status {p.returncode}: "
              f"{said.decode('utf-8', 'replace')[-400:]}", file=sys.stderr)
        return None
    cpu = sum(after[2:4]) - sum(before[2:4])
    return took, cpu, peak[0] / 1e6


def make_journal(base, user):
    """A store as users have it. ext4 without a journal, as virtual machines made for speed have it,
    walks over what was removed in the last minute whenever a file is made: the more starts were
    measured, the slower the next ones."""
    where = os.path.join(base, JOURNAL)
    os.mkdir(where)
    with open(where + ".img", "wb") as f:
        f.truncate(4 << 30)
    for argv in (["/sbin/mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0",
                  where + ".img"], ["mount", "-o", "loop", where + ".img", where]):
        if subprocess.run(argv, check=False).returncode:
            print("perf: no file system of its own for the stores: see the next lines")
            return
    run = os.path.join(where, "run")
    os.mkdir(run)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "run", run], check=True)
    os.chown(where, user.pw_uid, user.pw_gid)
    os.chown(run, user.pw_uid, user.pw_gid)


def become_user(base):
    """As root, in private namespaces: loopback, a tap device for everybody, then the user."""
    user = pwd.getpwnam(os.environ.get("CARREL_TEST_USER", "carrel-test"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    nodes = os.path.join(base, "dev")
    os.mkdir(nodes)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "perf", nodes], check=True)
    for name, path, rdev in (("tun", "/dev/net/tun", os.makedev(10, 200)),
                             ("fuse", "/dev/fuse", os.makedev(10, 229))):
        if os.path.exists(path):
            node = os.path.join(nodes, name)
            os.mknod(node, 0o20666, rdev)
            os.chmod(node, 0o666)
            subprocess.run(["mount", "--bind", node, path], check=True)
    # crun and podman refuse a hybrid v1 and v2 tree; they do without cgroups here, as carrel does.
    if os.path.ismount("/sys/fs/cgroup") and not os.path.exists("/sys/fs/cgroup/cgroup.procs"):
        subprocess.run(["mount", "-t", "cgroup2", "perf", "/sys/fs/cgroup"], check=False)
    make_journal(base, user)
    os.chown(base, user.pw_uid, user.pw_gid)
    os.initgroups(user.pw_name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.environ.update(USER=user.pw_name, LOGNAME=user.pw_name)
    for name in ("SUDO_USER", "SUDO_UID", "XDG_RUNTIME_DIR"):
        os.environ.pop(name, None)


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--interleave", required=True)
    ap.add_argument("--prefix", default="/usr/local")
    ap.add_argument("--rounds", type=int, default=100)
    ap.add_argument("--pulls", type=int, default=3)
    ap.add_argument("--only", default="start,stay,limits,many,pull")
    ap.add_argument("--inside", help=argparse.SUPPRESS)
    args = ap.parse_args()
    if os.getuid() == 0 and not args.inside:
        base = tempfile.mkdtemp(prefix="carrel-perf.", dir="/tmp")
        shutil.copytree(os.path.dirname(HERE), base + "/tests")
        shutil.copy(args.interleave, base + "/interleave")
        os.chmod(base, 0o755)
        try:
            return subprocess.run(
                ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--mount-proc",
                 "--kill-child", "--propagation", "private", "/usr/bin/python3",
                 base + "/tests/perf/perf.py"] + sys.argv[1:] +
                [f"--interleave={base}/interleave", f"--inside={base}"], check=False).returncode
        finally:
            shutil.rmtree(base, ignore_errors=True)
    base = args.inside or tempfile.mkdtemp(prefix="carrel-perf.")
    if os.getuid() == 0:
        become_user(base)
    perf = Perf(args, base)
    try:
        return perf.run()
    finally:
        perf.registry.stop()
        if not args.inside:
            subprocess.run(["podman", "unshare", "rm", "-rf", base], check=False)
            shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
