# SPDX-License-Identifier: Apache-2.0
"""The completion scripts: what they offer comes from the program."""
import os
import shutil
import subprocess

import pytest


def run_shell(carrel, argv):
    env = dict(carrel.env, PATH=f"{carrel.prefix}/bin:/usr/bin:/bin")
    out = subprocess.run(argv, env=env, capture_output=True, text=True, check=False,
                         stdin=subprocess.DEVNULL)
    assert out.stderr == "", out
    return {line.split("\t")[0] for line in out.stdout.splitlines() if line}


def bash(carrel, *words):
    script = os.path.join(carrel.prefix, "share/bash-completion/completions/carrel")
    line = '''compopt() { case $2 in default) echo ":files" ;; esac; }; source "$0"
              COMP_LINE="$*" COMP_POINT=${#COMP_LINE}; _carrel; printf '%s\\n' "${COMPREPLY[@]}"'''
    return run_shell(carrel, ["bash", "-c", line, script, "carrel", *words])


def zsh(carrel, *words):
    """What the function hands to zsh's own ones."""
    script = os.path.join(carrel.prefix, "share/zsh/site-functions/_carrel")
    line = '''_files() { echo ":files" }; compset() { : }
              _describe() { local r; for r in "${(@P)argv[3]}"; do
                  r=${r//\\\\:/$'\\1'}; r=${r%%:*}; print -r -- "${r//$'\\1'/:}"; done }
              script=$1; shift; words=("$@") CURRENT=$#; source $script'''
    return run_shell(carrel, ["zsh", "-f", "-c", line, "zsh", script, "carrel", *words])


def fish(carrel, *words):
    script = os.path.join(carrel.prefix, "share/fish/vendor_completions.d/carrel.fish")
    line = f"source {script}; complete -C '{' '.join(('carrel',) + words)}'"
    return run_shell(carrel, ["fish", "--no-config", "-c", line])


@pytest.fixture(params=[bash, zsh, fish])
def offers(request):
    if not shutil.which(request.param.__name__):
        pytest.skip(f"needs {request.param.__name__}")
    return request.param


def test_words(carrel, offers):
    assert {"run", "ps", "explain", "doctor"} <= offers(carrel, "")
    assert offers(carrel, "expl") == {"explain"}
    assert offers(carrel, "image", "l") == {"ls", "list"}
    assert {"--name", "--network", "--help"} <= offers(carrel, "run", "--")
    assert offers(carrel, "run", "--network", "pri") == {"private"}
    assert offers(carrel, "run", "-i", "--pull", "mis") == {"missing"}
    assert {"D-01", "D-26"} <= offers(carrel, "doctor", "D-")
    assert "--type" in offers(carrel, "inspect", "--t")
    assert offers(carrel, "inspect", "--type", "i") == {"image"}
    assert offers(carrel, "no-such-command", "x") == set()


def test_words_of_the_command_inside(carrel, offers, tmp_path):
    """Carrel's options are not those of `ls`, nor are images its arguments."""
    for words in (("run", "hello", "ls", "-"), ("run", "-it", "--rm", "hello", "ls", "--"),
                  ("exec", "x", "ls", "--")):
        got = offers(carrel, *words)
        assert got <= {":files"}, (words, got)


def test_value_in_the_word(carrel, offers):
    """Of a word that bash splits at = it is offered the rest."""
    for words, want in ((("run", "--network="), {"private", "none", "host"}),
                        (("run", "--pull=m"), {"missing"}),
                        (("ps", "--filter=status=p"), {"paused"}), (("run", "--rm="), set())):
        head = "" if offers is bash else words[1][:words[1].rindex("=") + 1]
        assert offers(carrel, *words) == {head + w for w in want}, words


def test_values(carrel, offers):
    assert offers(carrel, "run", "-w/tmp", "hel") == {"hello"}
    assert offers(carrel, "kill", "-s", "TE") == {"TERM"}
    assert offers(carrel, "run", "--cap-add", "NET_A") == {"NET_ADMIN"}
    assert "real-ids" in offers(carrel, "run", "--security-opt", "")
    assert "linux/arm64" in offers(carrel, "pull", "--platform", "")
    assert offers(carrel, "ps", "-f", "na") == {"name="}
    assert {"name=", "ancestor="} < offers(carrel, "ps", "--filter", "")
    assert offers(carrel, "images", "--filter", "re") == {"reference="}
    assert offers(carrel, "image", "--") == {"--help"}


def test_files(carrel, offers, tmp_path):
    (tmp_path / "some-file").touch()
    for words in ("run", "--env-file"), ("--root",), ("run", "hello"), ("exec", "-i", "x", "ls"):
        got = offers(carrel, *words, f"{tmp_path}/some-")
        assert got in ({":files"}, {f"{tmp_path}/some-file"}), (words, got)


def test_names(carrel, images, need, offers):
    need("subids")
    carrel.run("pull", "-q", images["busybox"])
    carrel.run("run", "--name", "complete-me", "--network", "none", images["busybox"], "true")
    image = images["busybox"]
    assert "complete-me" in offers(carrel, "rm", "comp")
    assert {image, "hello"} <= offers(carrel, "rmi", "")
    assert {"complete-me", image} <= offers(carrel, "inspect", "")
    assert offers(carrel, "container", "inspect", "") == {"complete-me"}
    assert image not in offers(carrel, "explain", "")
    # By what the command can do with it.
    carrel.run("run", "-d", "--name", "runs", "--network", "none", images["busybox"], "sleep", "1000")
    for command in "stop", "kill", "exec", "attach", "pause":
        assert offers(carrel, command, "") == {"runs"}, command
    assert offers(carrel, "start", "") == {"complete-me"}
    assert {"complete-me", "runs"} <= offers(carrel, "logs", "")
    carrel.run("pause", "runs")
    assert offers(carrel, "unpause", "") == {"runs"}
    assert offers(carrel, "exec", "") == offers(carrel, "pause", "") == set()
    carrel.run("rm", "-f", "runs")
    # Of the words that bash splits at colons only the last part is offered.
    head, tag = image[:-3], image.rsplit(":", 1)[1]
    assert offers(carrel, "rmi", head) in ({image}, {tag})


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
