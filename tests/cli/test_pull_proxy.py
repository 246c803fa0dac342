# SPDX-License-Identifier: Apache-2.0
"""pull through proxies: which variable counts, for which registry."""
import http.client
import http.server
import os
import sys
import threading
import urllib.parse

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))

import badregistry as bad  # noqa: E402
from lib import ociimg  # noqa: E402


class Proxy(http.server.ThreadingHTTPServer):
    """Leads every host to one port here. Refuses CONNECT, as some do for other ports than 443."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.to, self.log = port, []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class ProxyHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_CONNECT(self):
        self.server.log.append(("CONNECT", self.path))
        self.send_error(403)

    def do_GET(self):
        self.server.log.append(("GET", self.path))
        url = urllib.parse.urlsplit(self.path)
        there = http.client.HTTPConnection("127.0.0.1", self.server.to)
        there.request("GET", url.path, headers={"Accept": self.headers.get("Accept", "*/*")})
        answer = there.getresponse()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type", ""))
        self.end_headers()
        self.wfile.write(answer.read())
        there.close()


@pytest.fixture
def reg():
    with bad.BadRegistry() as r:
        r.image = ociimg.Image([ociimg.Layer().file("a", "a")])
        r.add(r.image, "team/app:1")
        r.proxy = Proxy(r.server.server_port)
        yield r
        r.proxy.stop()


NAME = "registry.invalid/team/app:1"  # only a proxy knows it


@pytest.mark.parametrize("names", [
    ["http_proxy"], ["HTTP_PROXY"], ["ALL_PROXY"], ["http_proxy", "https_proxy"],
    ["HTTP_PROXY", "HTTPS_PROXY"]], ids="+".join)
def test_plain_http(carrel, reg, names):
    env = {name: reg.proxy.url for name in names}
    r = carrel.run("pull", "-q", "--tls-verify=false", NAME, env=env)
    assert r.out.strip() == reg.image.id
    assert ("GET", "http://registry.invalid/v2/team/app/manifests/1") in reg.proxy.log


@pytest.mark.parametrize("env", [
    {"no_proxy": "registry.invalid"}, {"NO_PROXY": "example.org,.invalid"},
    {"REQUEST_METHOD": "GET"}], ids=["no_proxy", "NO_PROXY", "cgi"])
def test_not_through_it(carrel, reg, env):
    """Of a CGI program HTTP_PROXY is what a request has said."""
    env = dict(env, HTTP_PROXY=reg.proxy.url)
    r = carrel.run("pull", "-q", "--tls-verify=false", NAME, env=env, rc=125)
    assert "there is no host of that name" in r.err
    assert "hint: check the name, and the network: `getent hosts registry.invalid`" in r.err
    assert reg.proxy.log == []


def test_loopback_needs_none(carrel, reg):
    env = {name: "http://127.0.0.1:1" for name in ("http_proxy", "https_proxy", "ALL_PROXY")}
    carrel.run("pull", "-q", f"{reg.host}/team/app:1", env=env)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://proxy.invalid:1", "x://y z"])
def test_proxy_that_is_none(carrel, reg, url):
    r = carrel.run("pull", "-q", "--tls-verify=false", NAME, env={"http_proxy": url}, rc=125)
    assert "registry.invalid is not reachable" in r.err and "http_proxy" in r.err
    assert r.err.count("carrel: ") == 2
