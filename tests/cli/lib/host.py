# SPDX-License-Identifier: Apache-2.0
"""The part of contrib/check that needs root: what an ordinary user cannot make for the tests.

Runs as pid 1 of fresh mount, network, IPC and pid namespaces, so that whatever a test leaves
behind ends with it. In there:
  - /dev/net/tun and /dev/fuse are nodes of our own, open to all (the machine's may be 0600);
  - this network namespace plays "the host": lo, and a link `host0` to the *peer* namespace, which
    plays the rest of the world: every address is routed to it;
  - /etc/resolv.conf is a file that the tests may write;
  - a socket serves the few things that tests ask of root, each a row of OPS. It is for the test
    user only and can run nothing but the carrel under test with privilege.
"""
import array
import contextlib
import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading

CLONE_NEWNET = 0x40000000
HOST4, PEER4, HOST6, PEER6 = "198.18.0.1", "198.18.0.2", "fdca:44e1::1", "fdca:44e1::2"
MAX_REQUEST = 65536
ENV_WORDS = ("HOME", "PATH", "TERM", "LANG", "NO_COLOR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE")

libc = ctypes.CDLL(None, use_errno=True)


def sh(*argv):
    subprocess.run(argv, check=True)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Host:
    def __init__(self):
        self.base = os.environ["CARREL_TEST_BASE"]
        self.prefix = os.environ["CARREL_PREFIX"]
        self.user = pwd.getpwnam(os.environ["CARREL_TEST_USER"])
        self.features = {"root", "subids"}
        self.peer_pid = None
        self.serial = 0
        self.lock = threading.Lock()

    def say_missing(self, what, why):
        print(f"host: no {what}: {why}", file=sys.stderr)

    def devices(self):
        """Binds over the machine's nodes: their mode is the machine's business."""
        nodes = os.path.join(self.base, "dev")
        os.mkdir(nodes)
        sh("mount", "-t", "tmpfs", "-o", "mode=755,size=64k", "harness", nodes)
        for name, path, rdev in (("tun", "/dev/net/tun", os.makedev(10, 200)),
                                 ("fuse", "/dev/fuse", os.makedev(10, 229))):
            try:
                node = os.path.join(nodes, name)
                os.mknod(node, stat.S_IFCHR | 0o666, rdev)
                os.chmod(node, 0o666)
                os.close(os.open(node, os.O_RDWR))
                sh("mount", "--bind", node, path)
                self.features.add(name)
            except (OSError, subprocess.CalledProcessError) as e:
                self.say_missing(path, e)

    def resolv(self):
        path = os.path.join(self.base, "resolv.conf")
        write(path, f"nameserver {PEER4}\n")
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        real = os.path.realpath("/etc/resolv.conf")
        if os.path.exists(real):
            sh("mount", "--bind", path, real)

    def root_dirs(self):
        """Carrel called by root keeps its store in fixed places: give it empty ones."""
        for name, path in (("rootlib", "/var/lib/carrel"), ("rootrun", "/run/carrel")):
            ours = os.path.join(self.base, name)
            os.mkdir(ours, 0o755)
            os.makedirs(path, exist_ok=True)
            sh("mount", "--bind", ours, path)

    def peer(self):
        up_r, up_w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(up_r)
            if libc.unshare(CLONE_NEWNET) < 0:
                os._exit(1)
            os.write(up_w, b"u")
            signal.pause()
            os._exit(0)
        os.close(up_w)
        if os.read(up_r, 1) != b"u":
            raise OSError("the peer network namespace cannot be made")
        os.close(up_r)
        self.peer_pid = pid
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "add", "host0", "type", "veth", "peer", "name", "peer0",
           "netns", str(pid))
        write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")
        # A resolver on its loopback, as systemd's, is the test user's.
        write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "53")
        for addr in (HOST4 + "/30", HOST6 + "/64"):
            sh("ip", "addr", "add", addr, "dev", "host0", *(["nodad"] if ":" in addr else []))
        sh("ip", "link", "set", "host0", "up")
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]
        sh(*inside, "ip", "link", "set", "lo", "up")
        for addr in (PEER4 + "/30", PEER6 + "/64"):
            sh(*inside, "ip", "addr", "add", addr, "dev", "peer0",
               *(["nodad"] if ":" in addr else []))
        sh(*inside, "ip", "link", "set", "peer0", "up")
        # Servers there are the test user's: let it have ports 53 and 80.
        sh(*inside, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start")
        sh("ip", "route", "add", "default", "via", PEER4)
        sh("ip", "-6", "route", "add", "default", "via", PEER6)
        self.features.add("peer")

    def as_user(self, argv):
        return ["setpriv", "--reuid", str(self.user.pw_uid), "--regid", str(self.user.pw_gid),
                "--init-groups", "--inh-caps=-all", "--"] + argv

    def user_env(self):
        env = {k: v for k, v in os.environ.items() if k.startswith("CARREL_")}
        env.update(HOME=self.user.pw_dir, USER=self.user.pw_name, LANG="C.UTF-8", TERM="xterm",
                   PATH="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        return env

    # One method per request: returns the process to wait for, or a dict that is the answer.
    def op_carrel(self, req, undo):
        env = {k: v for k, v in req.get("env", {}).items()
               if k in ENV_WORDS or k.startswith(("XDG_", "CARREL_"))}
        return [os.path.join(self.prefix, "bin/carrel")] + req["argv"], env

    def op_obstacle(self, req, undo):
        """Carrel on a host that forbids something; by default as the test user."""
        argv, env = self.op_carrel(req, undo)
        user = "root" if req.get("user") == "root" else self.user.pw_name
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "obstacle.py")
        return ["/usr/bin/python3", script, req["name"], user] + argv, env

    def op_peer(self, req, undo):
        argv = ["nsenter", f"--net=/proc/{self.peer_pid}/ns/net", "--"]
        return argv + self.as_user(req["argv"]), self.user_env()

    def op_tmpfs(self, req, undo):
        """A small file system of its own, to be filled up."""
        with self.lock:
            self.serial += 1
            path = os.path.join(self.base, f"tmpfs{self.serial}")
        os.mkdir(path)
        sh("mount", "-t", "tmpfs", "-o",
           f"mode=700,uid={self.user.pw_uid},gid={self.user.pw_gid},size={int(req['bytes'])}",
           "harness", path)
        undo.append(lambda: sh("umount", "-l", path))
        return {"path": path}

    def bind_aside(self, path):
        """A second mount of a directory of the tests; None where it is not theirs."""
        if not path.startswith(self.base + "/"):
            return None
        with self.lock:
            self.serial += 1
            place = os.path.join(self.base, f"bind{self.serial}", "at")
        os.makedirs(place)
        sh("mount", "--bind", path, place)
        return place

    def op_readonly(self, req, undo):
        path = os.path.realpath(req["path"])
        # Aside, then moved as a whole: no list of mounts has it writable (conftest.mounts()).
        place = self.bind_aside(path)
        if not place:
            return {"error": "not below the test directory"}
        sh("mount", "-o", "remount,bind,ro", place)
        sh("mount", "--move", place, path)
        undo.append(lambda: sh("umount", "-l", path))
        return {"path": path}

    def op_bind(self, req, undo):
        """A directory of the tests a second time, as an administrator may have it."""
        place = self.bind_aside(os.path.realpath(req["path"]))
        if not place:
            return {"error": "not below the test directory"}
        undo.append(lambda: sh("umount", "-l", place))
        return {"path": place}

    @staticmethod
    def settle():
        """Root's mapper ends when it sees that its carrel has: wait for it, then look."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                    if f.read() != "carrel\n" or os.stat(f"/proc/{pid}").st_uid != 0:
                        continue
                fd = os.pidfd_open(int(pid))
                select.select([fd], [], [], 2)
                os.close(fd)

    def op_list(self, req, undo):
        """Names in a directory of root's store, which belongs to another id."""
        self.settle()
        path = os.path.normpath(req["path"])
        if not path.startswith(("/var/lib/carrel", "/run/carrel")):
            return {"error": "not one of carrel's directories"}
        names = []
        for where, dirs, files in os.walk(path):
            names += [os.path.relpath(os.path.join(where, f), path) for f in files]
            if req.get("flat"):
                names += dirs
                break
        return {"names": sorted(names)}

    def op_remove(self, req, undo):
        """Removes a test's directory: some files in it belong to subordinate ids."""
        path = os.path.normpath(req["path"])
        if not path.startswith(self.base + "/t/"):
            return {"error": "not below the test directory"}
        shutil.rmtree(path, ignore_errors=True)
        return {"path": path}

    def op_inject(self, req, undo):
        """What a helper process of carrel's that was taken over could open: tests/attacks/inject.c
        makes it try. Only for processes that run the transfer under test."""
        pid = int(req["pid"])
        if os.readlink(f"/proc/{pid}/exe") != os.path.join(self.prefix, "libexec/carrel/transfer"):
            return {"error": "not the program under test"}
        with self.lock:
            tool = os.path.join(self.base, "inject")
            if not os.path.exists(tool):
                sh("cc", "-O1", "-o", tool, os.path.join(self.base, "src/tests/attacks/inject.c"))
        said = subprocess.run([tool, str(pid)] + req["tries"], capture_output=True, text=True,
                              timeout=120, check=False)
        if said.returncode != 0:
            return {"error": said.stderr}
        return {"results": [line.split(" ", 1) for line in said.stdout.splitlines()]}

    OPS = {"carrel": op_carrel, "obstacle": op_obstacle, "peer": op_peer, "tmpfs": op_tmpfs,
           "readonly": op_readonly, "remove": op_remove, "list": op_list, "inject": op_inject, "bind": op_bind}

    def serve_one(self, conn):
        undo = []
        try:
            data, fds, _, _ = socket.recv_fds(conn, MAX_REQUEST, 3)
            try:
                req = json.loads(data)
                answer = self.OPS[req["op"]](self, req, undo)
                if isinstance(answer, tuple):
                    answer = self.run(conn, fds, *answer)
            except Exception as e:  # whatever it is, the test that asked must hear of it
                answer = {"error": repr(e)}
            finally:
                for fd in fds:
                    os.close(fd)
            conn.send(json.dumps(answer).encode())
            if undo:
                conn.recv(1)  # until the test closes its end
        except OSError:
            pass
        finally:
            for f in undo:
                f()
            conn.close()

    def run(self, conn, fds, argv, env):
        child = subprocess.Popen(argv, env=env, stdin=fds[0], stdout=fds[1], stderr=fds[2],
                                 cwd="/", start_new_session=True)
        conn.send(json.dumps({"pid": child.pid}).encode())

        def kill_when_gone():
            try:
                while True:
                    word = conn.recv(64)
                    if not word:
                        break
                    os.kill(child.pid, int(word))
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
            except (OSError, ValueError):
                pass
        threading.Thread(target=kill_when_gone, daemon=True).start()
        return {"status": child.wait()}

    def serve(self):
        path = os.path.join(self.base, "host.sock")
        srv = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        srv.bind(path)
        os.chmod(path, 0o600)
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        srv.listen(64)

        def loop():
            while True:
                conn, _ = srv.accept()
                cred = conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                _, uid, _ = array.array("i", cred)
                if uid != self.user.pw_uid:
                    conn.close()
                    continue
                threading.Thread(target=self.serve_one, args=(conn,), daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()

    def main(self, words):
        self.devices()
        self.resolv()
        self.root_dirs()
        try:
            self.peer()
        except (OSError, subprocess.CalledProcessError) as e:
            self.say_missing("peer network namespace", e)
        self.serve()
        tests = os.path.join(self.base, "t")
        os.mkdir(tests, 0o755)
        os.chown(tests, self.user.pw_uid, self.user.pw_gid)
        tally = os.path.join(self.base, "tally")
        write(tally, "")
        os.chown(tally, self.user.pw_uid, self.user.pw_gid)
        env = self.user_env()
        env["CARREL_TEST_FEATURES"] = ",".join(sorted(self.features))
        env.setdefault("CARREL_TEST_STRICT", ",".join(sorted(self.features | {
            "debian", "registry", "skopeo", "umoci", "tools"})))
        return subprocess.call(
            self.as_user(["/usr/bin/python3", "tests/cli/lib/session.py"] + words),
            env=env, cwd=os.path.join(self.base, "src"))


def main():
    # Pid 1 only reaps: orphans come to it.
    worker = os.fork()
    if worker == 0:
        os._exit(Host().main(sys.argv[1:]) & 0xff)
    while True:
        pid, status = os.wait()
        if pid == worker:
            return os.waitstatus_to_exitcode(status) & 0xff


if __name__ == "__main__":
    sys.exit(main())
