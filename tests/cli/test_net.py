# SPDX-License-Identifier: Apache-2.0
"""--network private: TCP, UDP, ping and names to the world beyond the host, and nothing of the host
itself."""
import contextlib
import hashlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib import netpeer
from lib.runner import Carrel, HostProcess

# The host's programs inside a container of busybox: python, ping, ip.
TOOLS = [w for d in ("/usr", "/lib", "/lib64") if os.path.exists(d) for w in ("-v", f"{d}:{d}:ro")]
PING_RANGE = "/proc/sys/net/ipv4/ping_group_range"


class Behind(Carrel):
    """The same runner on a host that forbids something (lib/obstacle.py)."""

    def __init__(self, carrel, name):
        super().__init__(carrel.home, carrel.program)
        self.name, self.image = name, getattr(carrel, "image", None)

    def start(self, *args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
              stderr=subprocess.DEVNULL, env=None, cwd=None, **kw):
        fd = os.open(os.devnull, os.O_RDONLY)
        try:
            return HostProcess({"op": "obstacle", "name": self.name, "argv": list(args),
                                "env": dict(self.env, **(env or {}))},
                               fd, stdout.fileno(), stderr.fileno())
        finally:
            os.close(fd)


@pytest.fixture(params=["tap", "veth"])
def net(request, warm, need, leftovers):
    """Both kinds of interface; the second as on a host without /dev/net/tun."""
    if request.param == "tap":
        need("tun")
        carrel = warm
    else:
        need("root")
        carrel = Behind(warm, "no-tun")

    def run(*argv, flags=(), **kw):
        return carrel.run("run", "--rm", "--network", "private", *flags, *TOOLS, warm.image, *argv,
                          **kw)
    run.carrel = carrel
    run.python = lambda code, *args, **kw: run("python3", "-c", code, *args, **kw)
    return run


@pytest.fixture
def web(peer, tmp_path):
    """Both families; web.blob is a file there."""
    blob = os.urandom(4 << 20)
    directory = os.path.join(os.environ["CARREL_TEST_BASE"], "t", f"www{os.getpid()}")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "blob"), "wb") as f:
        f.write(blob)
    for addr in (peer.v4, peer.v6):
        peer.python(netpeer.WEB, addr, directory)
    peer.blob, peer.www = blob, directory
    yield peer
    shutil.rmtree(directory)


@pytest.fixture
def resolv():
    """resolv(text) writes the host's /etc/resolv.conf, which contrib/check made ours."""
    path = "/etc/resolv.conf"
    if not os.access(path, os.W_OK):
        pytest.skip("needs peer: /etc/resolv.conf is not ours to write")
    with open(path, encoding="ascii") as f:
        old = f.read()

    def write(text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    yield write
    write(old)


def test_addresses(net):
    res = net("sh", "-c", "ip -o addr; ip route; ip -6 route; cat /sys/class/net/eth0/mtu")
    for word in ("10.0.2.100/24", "fd00::100/64", "default via 10.0.2.2", "default via fd00::2",
                 "127.0.0.1/8", "1500"):
        assert word in res.out, res
    assert "tentative" not in res.out, res
    assert re.findall(r"^\d+: (\w+)", res.out, re.M).count("lo") and "host0" not in res.out, res


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_tcp(net, web, family):
    addr = getattr(web, family)
    host = f"[{addr}]" if ":" in addr else addr
    res = net.python("import hashlib, sys, urllib.request as u; d = u.urlopen(sys.argv[1]).read();"
                     "print(len(d), hashlib.sha256(d).hexdigest());"
                     "print(u.urlopen(sys.argv[2], d).read().decode())",
                     f"http://{host}/blob", f"http://{host}/")
    digest = hashlib.sha256(web.blob).hexdigest()
    assert res.lines == [f"{len(web.blob)} {digest}", digest], res


def test_refused_and_unreachable_are_told_at_once(net, peer):
    res = net.python("import socket, sys, time; t = time.monotonic()\n"
                     "for a in sys.argv[1:]:\n"
                     "    try: socket.create_connection((a, 9))\n"
                     "    except OSError as e: print(type(e).__name__, e.errno)\n"
                     "print(time.monotonic() - t < 60)", peer.v4, peer.v6, "10.0.2.2")
    assert res.lines == ["ConnectionRefusedError 111"] * 2 + ["OSError 113", "True"], res


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_udp(net, peer, family):
    addr = getattr(peer, family)
    peer.python(netpeer.UDP_ECHO, addr)
    sizes = [1, 100, 1400, 1472, 1500, 4000] + ([20000, 65000] if family == "v4" else [])
    res = net.python("import os, socket, sys\n"
                     "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET,"
                     " socket.SOCK_DGRAM); s.settimeout(10)\n"
                     "for n in map(int, sys.argv[2:]):\n"
                     "    d = os.urandom(n); s.sendto(d, (sys.argv[1], 7007))\n"
                     "    print(n, s.recv(65535) == d)", addr, *map(str, sizes))
    assert res.lines == [f"{n} True" for n in sizes], res


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_ping(net, peer, family):
    with open(PING_RANGE, encoding="ascii") as f:
        low, high = map(int, f.read().split())
    assert low <= os.getgid() <= high, "the test's own host namespace allows it"
    res = net.python(netpeer.PING, getattr(peer, family), "1", "56", "1400")
    assert res.lines == ["True"] * 3, res


def test_names(net, web, resolv):
    resolv(f"search example.test\noptions ndots:2\nnameserver {web.v4}\n")
    web.python(netpeer.DNS, web.v4, web.v4, web.v6)
    code = ("import socket\n"
            "for n in ('web.test', 'nx.test', 'fail.test', 'many.test'):\n"
            "    try: print(n, *sorted({a[4][0] for a in socket.getaddrinfo(n, 80, 0, 1)})[:3])\n"
            "    except OSError as e: print(n, e.errno)\n"
            "print(len(socket.gethostbyname_ex('many.test')[2]))\n"
            "print(open('/etc/resolv.conf').read())")
    res = net.python(code)
    assert res.lines[0] == f"web.test {web.v4} {web.v6}", res
    assert res.lines[1] == f"nx.test {socket.EAI_NONAME}", res
    assert res.lines[2] == f"fail.test {socket.EAI_AGAIN}", res
    assert res.lines[4] == "200", f"a truncated answer comes again by TCP\n{res}"
    assert "nameserver 10.0.2.3" in res.lines and web.v4 not in res.lines[5:], res
    assert "search example.test" in res.lines and "options ndots:2" in res.lines, res


def test_names_by_ipv6_resolver_address(net, web, resolv):
    resolv(f"nameserver {web.v4}\n")
    web.python(netpeer.DNS, web.v4, web.v4, web.v6)
    query = "ABCD 0100 0001 0000 0000 0000 03776562 04746573 7400 0001 0001".replace(" ", "")
    res = net.python("import socket, sys; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);"
                     "s.settimeout(10); s.sendto(bytes.fromhex(sys.argv[1]), ('fd00::3', 53));"
                     "r, who = s.recvfrom(512); print(who[0], r[:2].hex(), r[7])", query)
    assert res.out == "fd00::3 abcd 1\n", res


@pytest.mark.parametrize("server", ["127.0.0.53", "::1", "peer4", "peer6"])
@pytest.mark.parametrize("asked", ["10.0.2.3", "fd00::3"])
def test_names_by_tcp(net, web, resolv, server, asked):
    """Wherever the host's resolver is: systemd's stub on loopback, or the IPv6-only network's, which
    an IPv4 address leads to inside."""
    addr = {"peer4": web.v4, "peer6": web.v6}.get(server, server)
    resolv(f"nameserver {addr}\n")
    local = None
    if server == addr:
        local = subprocess.Popen(["/usr/bin/python3", "-u", "-c", netpeer.DNS, addr, web.v4, web.v6],
                                 stdout=subprocess.PIPE)
        assert local.stdout.readline() == b"ready\n"
    else:
        web.python(netpeer.DNS, addr, web.v4, web.v6)
    code = ("import socket, struct, sys\n"
            "q = bytes.fromhex('abcd01000001000000000000046d616e7904746573740000010001')\n"
            "for n in range(3):\n"
            "    s = socket.create_connection((sys.argv[1], 53), 10)\n"
            "    s.sendall(struct.pack('>H', len(q)) + q); d = b''\n"
            "    while len(d) < 2 or len(d) < 2 + struct.unpack('>H', d[:2])[0]: d += s.recv(4096)\n"
            "    print(d[2:4].hex(), struct.unpack('>H', d[8:10])[0]); s.close()\n"
            "print(len(socket.gethostbyname_ex('many.test')[2]))")
    try:
        res = net.python(code, asked)
    finally:
        if local:
            local.kill()
            local.communicate()
    assert res.lines == ["abcd 200"] * 3 + ["200"], res


def test_a_dead_resolver_costs_a_second(net, web, resolv):
    # 192.0.2.1 is routed to the peer, which drops it; port 53 of the host itself is closed.
    resolv(f"nameserver {web.host_v4}\nnameserver 192.0.2.1\nnameserver {web.v4}\n")
    web.python(netpeer.DNS, web.v4, web.v4, web.v6)
    res = net.python("import socket, time; t = time.monotonic(); print(socket.gethostbyname("
                     "'web.test')); print(time.monotonic() - t)")
    assert res.lines[0] == web.v4, res
    assert float(res.lines[1]) < 4.9, res  # 5: the client has asked again


@pytest.mark.parametrize("net", ["tap"], indirect=True)
def test_resolvers_of_now(net, web, resolv):
    resolv("nameserver 192.0.2.1\n")
    web.python(netpeer.DNS, web.v4, web.v4, web.v6)
    p = net.carrel.start("run", "--rm", "-i", "--network", "private", *TOOLS, net.carrel.image,
                         "python3", "-uc", "import socket; print('up'); input();"
                         "print(socket.gethostbyname('web.test'))",
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    resolv(f"nameserver {web.v4}\n")
    out, _ = p.communicate(b"go\n", timeout=30)
    assert out.decode() == web.v4 + "\n" and p.returncode == 0


class Canary:
    """Listens on the host's loopback; .hits is what got through."""

    def __init__(self):
        self.hits = []
        self.socks = [socket.create_server(("127.0.0.1", 0))]
        self.port = self.socks[0].getsockname()[1]
        self.socks.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for s in self.socks:
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            while True:
                c, who = s.accept()
                self.hits.append(who)
                c.close()
        except OSError:
            pass

    def close(self):
        for s in self.socks:
            s.shutdown(socket.SHUT_RDWR)
            s.close()


@pytest.fixture
def canary():
    c = Canary()
    socket.create_connection(("127.0.0.1", c.port)).close()
    socket.create_connection(("::1", c.port)).close()
    yield c
    c.close()


def test_host_loopback_is_closed(net, canary):
    ways = ["127.0.0.1", "10.0.2.2", "10.0.2.3", "0.0.0.0", "::1", "fd00::2", "fd00::3",
            "::ffff:127.0.0.1", "localhost"]
    res = net.python("import socket, sys\n"
                     "for a in sys.argv[2:]:\n"
                     "    try: socket.create_connection((a, int(sys.argv[1])), 5); print('OPEN', a)\n"
                     "    except OSError as e: print('closed', a)", str(canary.port), *ways)
    assert res.lines == [f"closed {w}" for w in ways], res
    assert len(canary.hits) == 2, "only the fixture's own"


def test_crafted_packets_do_not_reach_the_host(net, canary):
    res = net.python(netpeer.HOSTILE, str(canary.port), flags=["--cap-add", "NET_RAW"])
    assert len(res.lines) == 12, res
    for line in res.lines:
        assert line.split()[1:] == ["icmp", "1/1" if ":" in line.split()[0] else "3/13"], res
    assert len(canary.hits) == 2, "only the fixture's own"


def test_hosts_file(net):
    res = net("cat", "/etc/hosts", flags=["--hostname", "box"])
    lines = [line.split() for line in res.lines]
    assert ["127.0.0.1", "localhost"] in lines and ["10.0.2.100", "box"] in lines, res
    assert "host.docker.internal" not in res.out, res


def netstacks():
    """{pid: status file} of the helpers of containers, readers of resolv.conf among them."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        except OSError:
            continue
        if status.get("Name") == "netstack" and status["State"][0] != "Z":
            found[pid] = status
    return found


@pytest.mark.serial
@pytest.mark.parametrize("net", ["tap"], indirect=True)
def test_the_stack_is_confined_and_ends_with_the_container(net):
    before = set(netstacks())
    p = net.carrel.start("run", "--rm", "-i", "--network", "private", net.carrel.image, "sh", "-c",
                         "echo up; cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    end = time.monotonic() + 60
    while True:  # the reader of resolv.conf confines itself beside the start
        ours = {pid: s for pid, s in netstacks().items() if pid not in before}
        if all(s["Seccomp"] == "2" for s in ours.values()) or time.monotonic() > end:
            break
    assert len(ours) == 2, ours
    # The stack has an empty root; the reader of resolv.conf keeps the host's files.
    assert sorted(len(os.listdir(f"/proc/{pid}/root")) > 0 for pid in ours) == [False, True]
    for s in ours.values():
        assert int(s["CapEff"], 16) == int(s["CapPrm"], 16) == int(s["CapBnd"], 16) == 0, s
        assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", s
    fds = [os.pidfd_open(int(pid)) for pid in ours]
    p.kill()  # the supervisor itself, as hard as it gets
    p.wait()
    for fd in fds:
        assert select.select([fd], [], [], 60)[0], "a network helper outlived its supervisor"
        os.close(fd)


LOST = "netstack, which carried"


@pytest.mark.serial
@pytest.mark.parametrize("mode", ["foreground", "attached", "detached"])
def test_the_stack_is_killed(warm, need, leftovers, mode):
    """The container goes on without a network, and it is said why."""
    need("tun")
    state = leftovers.snapshot(warm)
    before = set(netstacks())
    name = f"cut{os.getpid()}"
    words = ["--name", name, "--network", "private", warm.image, "sh", "-c", "echo up; read x; exit 5"]
    if mode == "detached":
        warm.run("run", "-di", *words)
    else:
        p = warm.start("run", "-i", *(["--rm"] if mode == "foreground" else []), *words,
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.stdout.readline() == b"up\n"
    def explained():
        return next(row for row in warm.run("explain", "--json", name).json()["rows"]
                    if row["what"] == "network")
    assert not explained()["differs"]
    for fd in [os.pidfd_open(int(pid)) for pid in set(netstacks()) - before]:
        with contextlib.suppress(ProcessLookupError):  # the end of one may be the other's
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        assert select.select([fd], [], [], 60)[0]
        os.close(fd)
    if mode == "foreground":
        assert LOST in p.stderr.readline().decode(), "at once"
    assert "eth0" not in warm.run("exec", name, "ip", "-o", "link").out
    end = time.monotonic() + 60
    while not explained()["differs"]:  # as long as its supervisor has not waited for it
        assert time.monotonic() < end
        time.sleep(0.01)
    assert "netstack" in explained()["note"]
    if mode == "detached":
        warm.run("stop", "-t", "0", name)
    else:
        _, err = p.communicate(b"\n", timeout=30)
        assert p.returncode == 5 and err.decode().count(LOST) == (mode == "attached"), err
    if mode != "foreground":
        assert LOST in warm.run("inspect", name).json()[0]["State"]["Error"]
        warm.run("start", name)
        assert "eth0" in warm.run("exec", name, "ip", "-o", "link").out
        warm.run("rm", "-f", name)
    leftovers.check(warm, state)


@pytest.mark.serial
def test_an_interface_that_the_container_removes(warm, need, leftovers):
    """Its own doing: nothing was lost, nobody is blamed."""
    need("tun")
    state = leftovers.snapshot(warm)
    before = set(netstacks())
    p = warm.start("run", "--rm", "-i", "--cap-add", "NET_ADMIN", "--network", "private", warm.image,
                   "sh", "-c", "ip link del eth0; echo up; read x; exit 5", stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    left = []
    for pid in set(netstacks()) - before:
        with contextlib.suppress(ProcessLookupError):  # it has ended since
            left.append(os.pidfd_open(int(pid)))
    for fd in left:
        assert select.select([fd], [], [], 60)[0], "there is nothing more to do for it"
        os.close(fd)
    _, err = p.communicate(b"\n", timeout=30)
    assert (p.returncode, err) == (5, b"")
    leftovers.check(warm, state)


def test_a_detached_container_keeps_its_network(warm, web, need, leftovers):
    need("tun")
    cid = warm.run("run", "-d", "--network", "private", warm.image, "sleep", "1000").out.strip()
    try:
        for _ in range(2):
            res = warm.run("exec", cid, "wget", "-qO-", f"http://{web.v4}/blob")
            assert res.raw == web.blob
    finally:
        warm.run("rm", "-f", cid)


@pytest.mark.serial
def test_called_by_root(root, web, images, need, resolv):
    need("tun")
    resolv(f"nameserver {web.v4}\n")
    web.python(netpeer.DNS, web.v4, web.v4, web.v6)
    root.run("pull", "-q", images["busybox"])
    res = root.run("run", "--rm", "--network", "private", images["busybox"], "wget", "-qO-",
                   "http://web.test/blob")
    assert res.raw == web.blob


def test_data_sent_after_the_other_side_has_finished(net, peer):
    """The end of a flow is hurried (netstack/flows.c), but never before its data is out."""
    server = """
import hashlib, socket, sys, time
s = socket.create_server((sys.argv[1], 5009))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    h = hashlib.sha256()
    while True:
        d = c.recv(65536)
        if not d:
            break
        h.update(d)
    c.close()
    c, _ = s.accept()
    c.sendall(h.hexdigest().encode())
    c.close()
"""
    peer.python(server, peer.v4)
    res = net.python("import hashlib, os, socket, sys\n"
                     "for n in (100, 70000, 200000, 3000000):\n"
                     "    c = socket.create_connection((sys.argv[1], 5009)); d = os.urandom(n)\n"
                     "    assert c.recv(1) == b''\n"
                     "    c.sendall(d); c.close()\n"
                     "    c = socket.create_connection((sys.argv[1], 5009))\n"
                     "    print(n, c.recv(64, socket.MSG_WAITALL) == "
                     "hashlib.sha256(d).hexdigest().encode())", peer.v4)
    assert res.lines == [f"{n} True" for n in (100, 70000, 200000, 3000000)], res


@pytest.mark.parametrize("net", ["tap"], indirect=True)
def test_many_connections_do_not_grow_the_stack(net, web):
    p = net.carrel.start("run", "--rm", "-i", "--network", "private", *TOOLS, net.carrel.image,
                         "python3", "-uc",
                         "import socket, sys, time; longest = 0\n"
                         "for i in range(2000):\n"
                         "    t = time.monotonic()\n"
                         "    c = socket.create_connection((sys.argv[1], 80))\n"
                         "    c.sendall(b'GET /nothing HTTP/1.0\\r\\n\\r\\n')\n"
                         "    while c.recv(4096): pass\n"
                         "    c.close(); longest = max(longest, time.monotonic() - t)\n"
                         "print(longest); input()", web.v4,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    longest = float(p.stdout.readline())
    sizes = [int(s["VmHWM"].split()[0]) for s in netstacks().values() if "VmHWM" in s]
    p.communicate(b"\n", timeout=30)
    # Beyond the flow limit TIME_WAIT would have stalled one for ten seconds; slirp4netns: 300 MB.
    assert longest < 8 and max(sizes) < 64 << 10, (longest, sizes)


@pytest.mark.parametrize("obstacle", ["no-tun", "tun-0600"])
def test_without_tun_and_veth(warm, need, leftovers, obstacle):
    need("root")
    before = leftovers.snapshot(warm)
    carrel = Behind(warm, obstacle + "+no-packet")
    carrel.fails("run", "--rm", "--network", "private", warm.image, "true",
                 has=["/dev/net/tun", "packet socket", "[D-07]", "hint:", "modprobe tun"])
    for mode in ("none", "host"):
        carrel.run("run", "--rm", "--network", mode, warm.image, "true")
    leftovers.check(warm, before)


def test_ping_that_the_host_forbids(warm, need):
    """A network namespace of its own has the kernel's default range, which excludes everybody."""
    need("root")
    need("tun")
    carrel = Behind(warm, "no-ping")
    for addr, errno in (("192.0.2.1", 113), ("2001:db8::1", 13)):
        res = carrel.run("run", "--rm", "--network", "private", *TOOLS, warm.image, "python3", "-c",
                         netpeer.PING, addr, "56")
        assert res.lines == [f"errno {errno}"], f"prohibited, and said at once\n{res}"
    res = carrel.run("run", "--rm", "--network", "private", *TOOLS, warm.image, "python3", "-c",
                     netpeer.PING, "10.0.2.2", "56")
    assert res.lines == ["True"], f"the gateway is the stack itself\n{res}"


def deb(directory, name, depends=""):
    """A package that installs one file; returns its stanza for the index."""
    root = os.path.join(directory, name)
    os.makedirs(os.path.join(root, "DEBIAN"))
    os.makedirs(os.path.join(root, "opt"))
    with open(os.path.join(root, "opt", name), "w", encoding="ascii") as f:
        f.write(f"{name} is here\n")
    control = (f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <n@o>\n" +
               (f"Depends: {depends}\n" if depends else "") + "Description: a test\n")
    with open(os.path.join(root, "DEBIAN/control"), "w", encoding="ascii") as f:
        f.write(control)
    path = os.path.join(directory, name + ".deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", root, path], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(root)
    with open(path, "rb") as f:
        data = f.read()
    return (control + f"Filename: ./{name}.deb\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n")


@pytest.mark.serial
def test_apt_get_install(carrel, web, need, debian, resolv):
    need("tun")
    resolv(f"nameserver {web.v4}\n")
    web.python(netpeer.DNS, web.v4, web.v4, web.v6)
    index = "\n".join([deb(web.www, "carrel-test-a", "carrel-test-b"),
                       deb(web.www, "carrel-test-b")])
    with open(os.path.join(web.www, "Packages"), "w", encoding="ascii") as f:
        f.write(index)
    script = """set -e
rm -rf /etc/apt/sources.list.d; echo 'deb [trusted=yes] http://web.test ./' >/etc/apt/sources.list
apt-get -q update; apt-get -q -y install carrel-test-a; cat /opt/carrel-test-a /opt/carrel-test-b
dpkg-query -W carrel-test-b
"""
    carrel.run("pull", "-q", debian, timeout=300)
    res = carrel.run("run", "--rm", "--network", "private", debian, "sh", "-c", script, timeout=300)
    assert "carrel-test-a is here\ncarrel-test-b is here\n" in res.out, res


def slirp4netns_stream(address):
    client = subprocess.Popen(["unshare", "--map-root-user", "--net", "sh", "-c",
                               'echo >&2; read x; exec "$0" "$@"', "python3", "-c",
                               netpeer.STREAM_CLIENT, address, "2"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert client.stderr.read(1) == b"\n"
    ready_r, ready_w = os.pipe()
    stack = subprocess.Popen(["slirp4netns", "-c", "-r", str(ready_w), "--mtu", "1500",
                              "--disable-host-loopback", str(client.pid), "tap0"],
                             pass_fds=(ready_w,), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    os.close(ready_w)
    try:
        assert os.read(ready_r, 1) == b"1"
        return [float(x) for x in client.communicate(b"go\n", timeout=60)[0].split()]
    finally:
        os.close(ready_r)
        client.kill()
        stack.kill()
        stack.wait()


@pytest.mark.serial
def test_throughput_beside_slirp4netns(net, peer, need, capsys):
    """One TCP stream to the peer, each way, at the same MTU in the same run."""
    if not shutil.which("slirp4netns"):
        pytest.skip("needs slirp4netns to compare with")
    peer.python(netpeer.STREAM, peer.v4)
    # Three times where it must be: each has two seconds, in which the machine may have been busy.
    for _ in range(3):
        ours = [float(x) for x in net.python(netpeer.STREAM_CLIENT, peer.v4, "2").out.split()]
        theirs = slirp4netns_stream(peer.v4)
        with capsys.disabled():
            print(f"\nTCP Gb/s at MTU 1500: carrel {ours[0]:.2f} up {ours[1]:.2f} down, slirp4netns "
                  f"{theirs[0]:.2f} up {theirs[1]:.2f} down, ratio {ours[0] / theirs[0]:.1f} up "
                  f"{ours[1] / theirs[1]:.1f} down")
        # Measured 4 and 1.5 on a quiet machine; half of that still is no accident.
        if ours[0] > theirs[0] and ours[1] > theirs[1] / 2:
            return
    pytest.fail("slower than slirp4netns, three times")
