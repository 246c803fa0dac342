# SPDX-License-Identifier: Apache-2.0
"""Programs of the tests' own, as they run in any image."""
import os
import subprocess

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def static(where, source, *flags):
    """Compiles tests/SOURCE into the directory; the program's path."""
    path = os.path.join(where, os.path.basename(source).removesuffix(".c"))
    subprocess.run(["cc", "-static", "-O1", *flags, "-o", path, os.path.join(TESTS, source)],
                   check=True)
    return path
