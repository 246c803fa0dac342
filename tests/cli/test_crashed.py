# SPDX-License-Identifier: Apache-2.0
"""Layers that a crash of the machine may have hurt: compared with their record before use."""
import os
import struct

import pytest

BOOT = b"00000000-0000-0000-0000-000000000000"
DURABLE, SEALED, CONTENT = 1, 2, 4


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def metas(carrel):
    top = os.path.join(carrel.store, "layers")
    return [os.path.join(top, n, "meta") for n in sorted(os.listdir(top))]


def marks(meta):
    with open(meta, "rb") as f:
        return struct.unpack_from("<I", f.read(16), 12)[0]


def crash(meta):
    """As if it had been published in an earlier boot and not been synced."""
    with open(meta, "r+b") as f:
        head = bytearray(f.read(508))
        struct.pack_into("<I", head, 12, marks(meta) & ~DURABLE)
        head[184:220] = BOOT
        f.seek(0)
        f.write(head + struct.pack("<I", crc32c(head)))


@pytest.fixture
def crashed(carrel, images, need):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.image = images["busybox"]
    for meta in metas(carrel):
        assert marks(meta) & (SEALED | CONTENT) == SEALED | CONTENT
        crash(meta)
    return carrel


def flip(carrel):
    """One bit of the greatest file, with its size and times as they were."""
    files = [os.path.join(d, n) for d, _, names in os.walk(os.path.join(carrel.store, "layers"))
             for n in names if n != "meta"]
    path = max((f for f in files if not os.path.islink(f)), key=os.path.getsize)
    st = os.stat(path)
    os.chmod(path, 0o755)
    with open(path, "r+b") as f:
        f.seek(st.st_size // 2)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 1]))
    os.chmod(path, st.st_mode & 0o7777)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def test_unhurt(crashed):
    res = crashed.run("run", "--rm", "--network", "none", crashed.image, "echo", "fine")
    assert res.out == "fine\n" and res.err == ""
    # Durable from then on: not verified a second time.
    assert all(marks(m) & DURABLE for m in metas(crashed))


def test_flipped_byte_run(crashed):
    before = len(metas(crashed))
    flip(crashed)
    crashed.fails("run", "--rm", "--pull", "never", "--network", "none", crashed.image, "true",
                  has=["damaged", "content differs", "not in the store", "pull"])
    assert len(metas(crashed)) == before - 1
    assert crashed.staging() == []
    res = crashed.run("run", "--rm", "--network", "none", crashed.image, "echo", "again")
    assert res.out == "again\n" and "fetching the image again" in res.err
    assert len(metas(crashed)) == before


def test_flipped_byte_pull(crashed):
    flip(crashed)
    res = crashed.run("pull", "-q", crashed.image)
    assert "damaged" in res.err and "content differs" in res.err
    res = crashed.run("run", "--rm", "--network", "none", crashed.image, "echo", "again")
    assert res.out == "again\n"
