# SPDX-License-Identifier: Apache-2.0
"""carrel info: where things lie and how many there are."""
import ctypes


def test_empty(carrel, leftovers):
    doc = carrel.run("info", "--format", "json").json()
    assert doc["Store"] == carrel.store
    assert (doc["Images"], doc["Containers"], doc["ContainersRunning"]) == (0, 0, 0)
    assert "not made yet" in carrel.run("info").out
    assert not carrel.staging()


def test_root_option(carrel, tmp_path):
    doc = carrel.run("--root", str(tmp_path / "s"), "info", "--format", "json").json()
    assert doc["Store"] == str(tmp_path / "s")
    assert not (tmp_path / "s").exists(), "info made a store"


def test_counts(carrel, images, need, leftovers):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.run("run", "--network", "none", "--name", "a", images["busybox"], "true")
    carrel.run("run", "-d", "--network", "none", "--name", "b", images["busybox"], "sleep", "1000")
    doc = carrel.run("info", "--format", "json").json()
    assert (doc["Images"], doc["Containers"], doc["ContainersRunning"]) == (1, 2, 1), doc
    assert len(doc["StoreId"]) == 36 and doc["Tier"] == "A" and doc["Ids"] == 65536
    text = carrel.run("info").out
    kernel = ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset: its version
    assert doc["Landlock"] == max(kernel, 0)
    assert f"Landlock:    {f'version {kernel}' if kernel > 0 else 'none'}\n" in text, text
    assert "2, 1 running" in text and doc["StoreId"] in text, text
    carrel.run("rm", "-f", "b")


def test_bad_format(carrel):
    carrel.fails("info", "--format", "yaml", has="yaml")
