# SPDX-License-Identifier: Apache-2.0
"""Runs pytest: first what may run in parallel, then what wants the machine for itself.

Where everything is run, the files of FUSE_TOO are run again, on fuse-overlayfs.
"""
import os
import shutil
import subprocess
import sys

# What a container does with its files; the rest does not know what serves them.
FUSE_TOO = [f"tests/cli/test_{name}.py" for name in ("run", "mounts", "lifecycle", "security")]
PARALLEL = ["-m", "not serial", "-n", "2", "--dist", "loadfile"]


def have_fuse():
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("fuse-overlayfs")


def main():
    base = os.environ["CARREL_TEST_BASE"]
    os.makedirs(os.path.join(base, "t"), exist_ok=True)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    tally = os.path.join(base, "tally")
    if not os.path.exists(tally):
        with open(tally, "w", encoding="ascii"):
            pass
    common = ["/usr/bin/python3", "-m", "pytest", "-q", "-rs", "--tb=short", "-p",
              "no:cacheprovider", "--durations=5", "--durations-min=2"]
    words = sys.argv[1:]
    passes = [("par", PARALLEL, words, {}), ("ser", ["-m", "serial", "-n", "0"], words, {})]
    if "tests/cli" in words and have_fuse():
        again = FUSE_TOO + [w for w in words if w != "tests/cli"]
        passes.append(("fuse", PARALLEL, again, {"CARREL_ROOTFS": "fuse"}))
    status, ran = 0, False
    for name, select, args, env in passes:
        code = subprocess.call(common + select + args +
                               ["--basetemp=" + os.path.join(base, "t", name)],
                               env=dict(os.environ, **env))
        if code != 5:  # 5: nothing selected
            ran = True
            status = status or code
    return status if ran else 5


if __name__ == "__main__":
    sys.exit(main())
