# SPDX-License-Identifier: Apache-2.0
"""Option tables against man pages, both ways; codes, environment variables, mandoc -T lint; the
tests that the security model names.

usage: docs.py TOP CARREL MANDOC
"""
import glob
import os
import re
import subprocess
import sys

# Read by carrel's own programs from each other, not by users to them.
INTERNAL_ENV = {"CARREL_CALLER_UID", "CARREL_MAPPER", "CARREL_USERNS"}
HOST_PAGE = "doc/man/carrel-host.7"  # made by tools/hostman, in the build directory
GENERIC = {("h", "help")}  # every command has it; carrel(1) says so

problems = []


def tables(program):
    """{command: {(letter, name)}} of what help lists."""
    out = subprocess.run([program, "__options"], capture_output=True, text=True, check=True).stdout
    commands = {"": set()}
    for line in out.splitlines():
        word, *f = line.split("\t")
        if word == "command":
            commands.setdefault(f[0], set())
        elif word == "option" and f[3] != "refused":
            commands.setdefault("" if f[0] == "-" else f[0], set()).add(
                ("" if f[2] == "-" else f[2], f[1]))
    return commands


def page_options(path):
    """{(letter, name)} of the .It lines."""
    found = set()
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"\.It Fl (?:(\w) , Fl )?Fl ([\w-]+)", line)
            if m:
                found.add((m.group(1) or "", m.group(2)))
    return found


def name_of(option):
    return f"-{option[0]}, --{option[1]}" if option[0] else f"--{option[1]}"


def check_options(top, program):
    commands = tables(program)
    pages = {os.path.basename(p)[7:-2]: p
             for p in glob.glob(os.path.join(top, "doc/man/carrel-*.1"))}
    for command, want in commands.items():
        file = command.replace(" ", "-")
        path = os.path.join(top, "doc/man", f"carrel-{file}.1" if command else "carrel.1")
        if command == "help":
            continue
        if not os.path.exists(path):
            problems.append(f"command {command}: no page {path}")
            continue
        have = page_options(path)
        for option in sorted(want - have - GENERIC):
            problems.append(f"{path}: {name_of(option)} is in the table of `{command}`, not here")
        for option in sorted(have - want - GENERIC):
            problems.append(f"{path}: {name_of(option)} is here, not in the table of `{command}`")
    for page in sorted(set(pages) - {c.replace(" ", "-") for c in commands}):
        problems.append(f"{pages[page]}: there is no command of that name")


def sources(top):
    for folder in ("src", "storage", "netstack"):
        yield from glob.glob(os.path.join(top, folder, "**/*.[ch]"), recursive=True)


def check_codes(top):
    """Each code has a row, a paragraph in the built page, and a place that says it. What a row must
    hold is tests/unit/test_ladder.c's part."""
    base = os.path.join(top, "src/lib/base/dcode")
    with open(base + ".h", encoding="utf-8") as f:
        codes = {f"D-{int(n):02}": name
                 for name, n in re.findall(r"^\t(DCODE_\w+) = (\d+),", f.read(), re.M) if int(n)}
    with open(base + ".c", encoding="utf-8") as f:
        rows = set(re.findall(r'^\t\t\.name = "(D-\d\d)"', f.read(), re.M))
    with open(HOST_PAGE, encoding="utf-8") as f:
        told = set(re.findall(r"^\.It (D-\d\d) ", f.read(), re.M))
    said = set()
    for path in sources(top):
        if not path.startswith(base):
            with open(path, encoding="utf-8") as f:
                said |= set(re.findall(r"DCODE_\w+", f.read()))
    for code, name in sorted(codes.items()):
        if code not in rows or code not in told:
            problems.append(f"{code} has no row in dcode.c or no paragraph in carrel-host(7)")
        if name not in said:
            problems.append(f"{code}: nothing says {name}")
    if len(codes) < 20 or rows - set(codes):
        problems.append(f"dcode.c and dcode.h differ: {sorted(rows - set(codes))}")


def check_environment(top):
    used = set()
    for path in sources(top):
        with open(path, encoding="utf-8") as f:
            used |= set(re.findall(r'getenv\("([A-Z_]+)"\)', f.read()))
    with open(os.path.join(top, "doc/man/carrel.1"), encoding="utf-8") as f:
        told = set(re.findall(r"[A-Z][A-Z_]{3,}", " ".join(
            re.findall(r"^\.It Ev (.*)$", f.read(), re.M))))
    for name in sorted(used - told - INTERNAL_ENV):
        problems.append(f"carrel.1: the environment variable {name} is read, not told")


def tests_in(path):
    if not path.endswith(".py"):
        return set()
    with open(path, encoding="utf-8") as f:
        return set(re.findall(r"^def (test_\w+)\(", f.read(), re.M))


def check_named_tests(top):
    """SECURITY-MODEL.md names tests as `cli/file::test[case]` (or unit/, lab/), and `::test` for that file's or
    test_security.py's."""
    page = os.path.join(top, "doc/SECURITY-MODEL.md")
    with open(page, encoding="utf-8") as f:
        text = f.read()
    usual = tests_in(os.path.join(top, "tests/cli/test_security.py"))
    here, n = set(), 0
    for m in re.finditer(r"(?<![\w/])((?:cli|unit|lab)/[\w.]+\w)(::)?|::(test_\w+)", text):
        n += 1
        if m.group(3):
            if m.group(3) not in here | usual:
                problems.append(f"{page}: there is no {m.group(3)}")
            continue
        file = os.path.join(top, "tests", m.group(1))
        if not os.path.exists(file):
            problems.append(f"{page}: there is no tests/{m.group(1)}")
            continue
        here = tests_in(file)
        named = re.match(r"test_\w+", text[m.end():]) if m.group(2) else None
        if named and named.group() not in here:
            problems.append(f"{page}: there is no {named.group()} in tests/{m.group(1)}")
    if n < 40:
        problems.append(f"{page}: only {n} tests were found in it")


def check_mandoc(top, mandoc):
    if mandoc in ("", "no"):
        print("SKIPPED PART: mandoc is not installed")
        return
    pages = sorted(glob.glob(os.path.join(top, "doc/man/*.[1-9]")))
    if HOST_PAGE not in pages:
        pages.append(HOST_PAGE)
    out = subprocess.run([mandoc, "-T", "lint"] + pages, capture_output=True, text=True,
                         check=False).stdout
    for line in out.splitlines():
        m = re.search(r"referenced manual not found: Xr (\S+) (\d)", line)
        if m and not m.group(1).startswith("carrel") or "outdated mandoc.db" in line:
            continue
        if m and any(os.path.basename(p) == f"{m.group(1)}.{m.group(2)}" for p in pages):
            continue
        problems.append(line)


def main():
    top, program, mandoc = sys.argv[1:4]
    check_options(top, program)
    check_codes(top)
    check_environment(top)
    check_named_tests(top)
    check_mandoc(top, mandoc)
    print("\n".join(problems))
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
