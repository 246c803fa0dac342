# SPDX-License-Identifier: Apache-2.0
"""Runs pytest: first what may run in parallel, then what wants the machine for itself."""
import os
import subprocess
import sys


def main():
    base = os.environ["CARREL_TEST_BASE"]
    os.makedirs(os.path.join(base, "t"), exist_ok=True)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    tally = os.path.join(base, "tally")
    if not os.path.exists(tally):
        with open(tally, "w", encoding="ascii"):
            pass
    common = ["/usr/bin/python3", "-m", "pytest", "-q", "-rs", "--tb=short", "-p",
              "no:cacheprovider", "--durations=5", "--durations-min=2"] + sys.argv[1:]
    status, ran = 0, False
    for name, select in (("par", ["-m", "not serial", "-n", "2", "--dist", "loadfile"]),
                         ("ser", ["-m", "serial", "-n", "0"])):
        code = subprocess.call(common + select + ["--basetemp=" + os.path.join(base, "t", name)])
        if code != 5:  # 5: nothing selected
            ran = True
            status = status or code
    return status if ran else 5


if __name__ == "__main__":
    sys.exit(main())
