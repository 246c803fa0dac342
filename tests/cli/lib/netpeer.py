# SPDX-License-Identifier: Apache-2.0
"""Servers for the peer namespace, as program texts: each says `ready` once it serves."""

# argv: address directory
WEB = """
import functools, hashlib, http.server, socket, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_POST(self):
        left, h = int(self.headers["Content-Length"]), hashlib.sha256()
        while left:
            data = self.rfile.read(min(left, 65536))
            h.update(data)
            left -= len(data)
        body = h.hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
handler = functools.partial(Handler, directory=sys.argv[2])
server = Server((sys.argv[1], 80), handler)
print("ready", flush=True)
server.serve_forever()
"""

# argv: address
UDP_ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7007))
print("ready", flush=True)
while True:
    data, who = s.recvfrom(65535)
    s.sendto(data, who)
"""

# argv: address of the server, addresses that web.test has
DNS = """
import socket, struct, sys, threading
me, v4, v6 = sys.argv[1:4]
def name_of(q):
    labels, at = [], 12
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode().lower())
        at += 1 + q[at]
    return ".".join(labels), at + 5
def record(kind, data):
    return b"\\xc0\\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
def answer(q):
    name, end = name_of(q)
    kind, rcode, records = q[end - 3], 0, []
    if name == "web.test" and kind == 1:
        records = [record(1, socket.inet_aton(v4))]
    elif name == "web.test" and kind == 28:
        records = [record(28, socket.inet_pton(socket.AF_INET6, v6))]
    elif name == "many.test" and kind == 1:
        records = [record(1, bytes([192, 0, 2, i])) for i in range(200)]
    elif name == "fail.test":
        rcode = 2
    elif name not in ("web.test", "many.test"):
        rcode = 3
    return (q[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(records), 0, 0) + q[12:end] +
            b"".join(records))
family = socket.AF_INET6 if ":" in me else socket.AF_INET
udp = socket.socket(family, socket.SOCK_DGRAM)
udp.bind((me, 53))
tcp = socket.create_server((me, 53), family=family)
def serve_tcp():
    while True:
        c, _ = tcp.accept()
        q = c.recv(struct.unpack(">H", c.recv(2, socket.MSG_WAITALL))[0], socket.MSG_WAITALL)
        a = answer(q)
        c.sendall(struct.pack(">H", len(a)) + a)
        c.close()
threading.Thread(target=serve_tcp, daemon=True).start()
print("ready", flush=True)
while True:
    q, who = udp.recvfrom(4096)
    udp.sendto(answer(q), who)
"""

# argv: address. Port 5001 swallows, port 5002 pours.
STREAM = """
import socket, sys, threading
buf = bytes(1 << 18)
def swallow(c):
    room = bytearray(1 << 18)
    while c.recv_into(room):
        pass
def pour(c):
    try:
        while True:
            c.sendall(buf)
    except OSError:
        pass
def serve(port, handler):
    srv = socket.create_server((sys.argv[1], port))
    yield
    while True:
        c, _ = srv.accept()
        threading.Thread(target=handler, args=(c,), daemon=True).start()
for port, handler in ((5001, swallow), (5002, pour)):
    server = serve(port, handler)
    next(server)
    threading.Thread(target=lambda s=server: list(s), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""

# argv: address seconds. Gb/s up and down.
STREAM_CLIENT = """
import socket, sys, time
def measure(port, step):
    c = socket.create_connection((sys.argv[1], port))
    room, n, began = bytearray(1 << 18), 0, time.monotonic()
    while time.monotonic() - began < float(sys.argv[2]):
        n += step(c, room)
    return n * 8 / (time.monotonic() - began) / 1e9
up = measure(5001, lambda c, b: c.send(b))
down = measure(5002, lambda c, b: c.recv_into(b))
print(up, down, flush=True)
"""

# Runs inside: the default capabilities hold no NET_RAW, and ping(8) wants it. argv: address sizes.
PING = """
import os, socket, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM,
                  socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
s.settimeout(10)
s.connect((sys.argv[1], 0))
for n in map(int, sys.argv[2:]):
    data = os.urandom(n)
    try:
        s.send(bytes([128 if six else 8, 0, 0, 0, 0, 0, 0, 1]) + data)
        r = s.recv(4096)
        print(r[0] == (129 if six else 0) and r[8:] == data)
    except OSError as e:
        print("errno", e.errno)
"""

# Runs inside, with CAP_NET_RAW: SYNs that no TCP stack would send. argv: port.
HOSTILE = """
import socket, struct, sys
port = int(sys.argv[1])
def checksum(b):
    b += b"\\0" * (len(b) % 2)
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 0))
mac, gateway = s.getsockname()[4], bytes.fromhex("52550a000202")
def syn(pseudo):
    t = struct.pack(">HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 65000, 0, 0)
    return t[:16] + struct.pack(">H", checksum(pseudo + t)) + t[18:]
def ip4(dst):
    a = socket.inet_aton("10.0.2.100") + socket.inet_aton(dst)
    t = syn(a + struct.pack(">BBH", 0, 6, 20))
    h = struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + a
    return gateway + mac + b"\\x08\\x00" + h[:10] + struct.pack(">H", checksum(h)) + h[12:] + t
def ip6(dst):
    a = socket.inet_pton(socket.AF_INET6, "fd00::100") + socket.inet_pton(socket.AF_INET6, dst)
    t = syn(a + struct.pack(">II", 20, 6))
    return gateway + mac + b"\\x86\\xdd" + struct.pack(">IHBB", 0x60000000, 20, 6, 64) + a + t
s.settimeout(5)
def reply(frame):
    s.send(frame)
    while True:
        r, who = s.recvfrom(4096)
        if who[2] == socket.PACKET_OUTGOING:
            continue
        if r[12:14] == b"\\x08\\x00" and r[23] in (1, 6):
            return "icmp %d/%d" % (r[34], r[35]) if r[23] == 1 else "tcp"
        if r[12:14] == b"\\x86\\xdd" and (r[20] == 6 or (r[20] == 58 and r[54] < 133)):
            return "icmp %d/%d" % (r[54], r[55]) if r[20] == 58 else "tcp"
for dst in ("127.0.0.1", "127.3.2.1", "0.0.0.0", "10.0.2.2", "10.0.2.77"):
    print(dst, reply(ip4(dst)))
for dst in ("::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "fd00::2", "fd00::77", "fe80::1"):
    print(dst, reply(ip6(dst)))
"""
