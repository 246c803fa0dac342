# SPDX-License-Identifier: Apache-2.0
"""Each installed program links what this table says and nothing else: the start of a container must
not pay for libcurl, and the supervisor must stay small.

usage: needed.py BUILD READELF PROGRAM...     (every installed program of the build)
"""
import os
import re
import subprocess
import sys

LIBC = {"libc"}
ALLOWED = {
    "carrel": LIBC | {"libjson-c", "libcap"},
    "transfer": LIBC | {"libcurl", "libcrypto", "libz", "libisal", "libzstd", "libjson-c",
                        "libcap"},
    "supervisor": LIBC,
    "netstack": LIBC | {"libslirp", "libcap", "libglib-2.0"},
    "scope": LIBC | {"libsystemd"},
    "init": set(),  # static: it runs where no library is
    "watchdog": set(),  # static: small
}
# Parts of glibc, and what a sanitizer brings.
ALWAYS = re.compile(r"^(ld-linux.*|libm|libpthread|libdl|librt|libgcc_s|libasan|libubsan|libtsan)$")


def main():
    build, readelf, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    bad = 0
    for program in programs:
        name = os.path.basename(program)
        if name not in ALLOWED:
            print(f"{name}: an installed program without a row in {sys.argv[0]}")
            bad += 1
            continue
        out = subprocess.run([readelf, "-d", os.path.join(build, program)], capture_output=True,
                             text=True, check=True, env=dict(os.environ, LC_ALL="C")).stdout
        needed = {m.split(".so")[0] for m in re.findall(r"\(NEEDED\).*\[([^\]]+)\]", out)}
        extra = {n for n in needed if not ALWAYS.match(n)} - ALLOWED[name]
        if extra:
            print(f"{name}: links {', '.join(sorted(extra))}, which its row does not allow")
            bad += 1
    print(f"{len(programs)} programs, {bad} problems")
    return 1 if bad or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
