# SPDX-License-Identifier: Apache-2.0
"""The completion scripts: what they offer comes from the program."""
import os
import subprocess


def offers(carrel, *words):
    """What bash offers for the last word."""
    script = os.path.join(carrel.prefix, "share/bash-completion/completions/carrel")
    line = '''source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _carrel
              printf '%s\\n' "${COMPREPLY[@]}"'''
    out = subprocess.run(["bash", "-c", line, script, carrel.program, *words], env=carrel.env,
                         capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert out.stderr == "", out
    return set(out.stdout.split())


def test_words(carrel):
    assert {"run", "ps", "explain", "doctor"} <= offers(carrel, "")
    assert offers(carrel, "expl") == {"explain"}
    assert {"--name", "--network", "--help"} <= offers(carrel, "run", "--")
    assert offers(carrel, "run", "--network", "pri") == {"private"}
    assert {"D-01", "D-26"} <= offers(carrel, "doctor", "D-")
    assert {"--type"} <= offers(carrel, "inspect", "--t")


def test_names(carrel, images, need):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.run("run", "--name", "complete-me", "--network", "none", images["busybox"], "true")
    assert "complete-me" in offers(carrel, "rm", "comp")
    assert images["busybox"] in offers(carrel, "rmi", "")
    both = offers(carrel, "inspect", "")
    assert {"complete-me", images["busybox"]} <= both
    assert offers(carrel, "container", "inspect", "") & both == {"complete-me"}
    assert images["busybox"] not in offers(carrel, "explain", "")


def test_inspect_of_one_kind(carrel, images, need):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.run("image", "inspect", images["busybox"])
    res = carrel.run("container", "inspect", images["busybox"], check=False)
    assert res.rc == 125 and res.json() == [] and "no such container" in res.err, res
    carrel.run("run", "--name", "one", "--network", "none", images["busybox"], "true")
    assert carrel.run("container", "inspect", "one").json()[0]["Name"] == "/one"


def test_image_without_a_time(carrel, need):
    """The embedded image has the zero time, which is none."""
    need("subids")
    carrel.run("run", "--rm", "--network", "none", "hello", "true", check=False)
    image = carrel.run("images", "--format", "json").json()[0]
    assert image["Repository"] == "localhost/hello" and image["CreatedSince"] == "N/A", image
