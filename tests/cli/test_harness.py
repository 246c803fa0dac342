# SPDX-License-Identifier: Apache-2.0
"""The harness itself: a fixture that lies makes every test that uses it lie."""
import json
import os
import subprocess
import sys
import urllib.request

import pytest


def test_registry_serves_the_images(images, registry):
    for name, ref in images.items():
        out = subprocess.run(["skopeo", "--insecure-policy", "inspect", "--tls-verify=false",
                              "--raw", f"docker://{ref}"], capture_output=True, check=True).stdout
        assert json.loads(out)["config"]["digest"] == images.info[name]["id"], name


def test_debian_is_there(debian):
    out = subprocess.run(["skopeo", "--insecure-policy", "inspect", "--tls-verify=false", "--raw",
                          f"docker://{debian}"], capture_output=True, check=True).stdout
    assert json.loads(out)["layers"][0]["size"] > 20 << 20


def test_auth_and_tls(registry_auth, registry_tls):
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(f"http://{registry_auth.host}/v2/")
    assert e.value.code == 401
    import ssl
    ctx = ssl.create_default_context(cafile=registry_tls.ca)
    assert urllib.request.urlopen(f"https://{registry_tls.host}/v2/", context=ctx).status == 200


def test_peer_is_another_network(peer):
    peer.python("""
import http.server, sys
s = http.server.HTTPServer(("", 80), http.server.SimpleHTTPRequestHandler)
print("ready", flush=True)
s.serve_forever()
""")
    assert urllib.request.urlopen(f"http://{peer.v4}/").status == 200
    with pytest.raises(OSError):
        urllib.request.urlopen("http://127.0.0.1/")


def test_small_and_readonly(small_fs, readonly_dir, carrel):
    path = small_fs(65536)
    with pytest.raises(OSError), open(path + "/big", "wb") as f:
        f.write(bytes(1 << 20))
    readonly_dir(carrel.home)
    with pytest.raises(OSError):
        os.mkdir(carrel.home + "/x")


def test_leftovers_finds_a_lost_grandchild(leftovers):
    """setsid and a dead parent do not hide a process."""
    code = ("import os, sys\n"
            "if os.fork() == 0:\n os.setsid()\n"
            " if os.fork() == 0:\n  os.dup2(os.open('/dev/null', os.O_RDWR), 1)\n"
            "  r = os.read(0, 1)\n")
    r, w = os.pipe()
    subprocess.run([sys.executable, "-c", code], stdin=r, check=True)
    os.close(r)
    assert leftovers.wait_processes(seconds=0)
    os.close(w)
    assert not leftovers.wait_processes()


@pytest.mark.serial
def test_root_helper_runs_carrel_as_root(root):
    assert root.run("version").out
