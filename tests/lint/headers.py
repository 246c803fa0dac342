# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone, with the include roots of its own layer and no other, and is in a
list of the build, without which no archive has it.

usage: headers.py TOP BUILD CC FLAGS...
"""
import concurrent.futures
import os
import subprocess
import sys

ROOTS = {"src/lib/": ["src/lib"], "netstack/": ["src/lib"], "storage/": ["src/lib", "."],
         "src/": ["src", "src/lib", "."], "tools/": ["src/lib"]}


def roots_of(path):
    return ROOTS[max((p for p in ROOTS if path.startswith(p)), key=len)]


def compile_alone(top, build, cc, flags, path):
    argv = cc + ["-fsyntax-only", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
                 "-Wno-unused-function", "-DHAVE_CONFIG_H", "-include", "config.h",
                 f"-I{build}", *flags, *(f"-I{os.path.join(top, r)}" for r in roots_of(path)),
                 "-x", "c", "-"]
    r = subprocess.run(argv, input=f'#include "{os.path.join(top, path)}"\n', text=True,
                       capture_output=True, check=False)
    return path, r.returncode, r.stderr


def main():
    top, build, cc, flags = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3].split(), \
        sys.argv[4:]
    headers, listed, bad = [], set(), 0
    for folder in ("src", "storage", "netstack", "tools"):
        for where, _, files in os.walk(os.path.join(top, folder)):
            headers += [os.path.relpath(os.path.join(where, f), top) for f in files
                        if f.endswith(".h")]
            for name in files:
                if name.endswith(".mk"):
                    with open(os.path.join(where, name), encoding="utf-8") as f:
                        listed.update(f.read().split())
    for path in headers:
        if path not in listed:
            bad += 1
            print(f"{path} is in no *.mk")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, code, err in pool.map(
                lambda p: compile_alone(top, build, cc, flags, p), sorted(headers)):
            if code:
                bad += 1
                print(f"{path} does not compile alone:\n{err}")
    print(f"{len(headers)} headers, {bad} problems")
    return 1 if bad or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
