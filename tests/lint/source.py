# SPDX-License-Identifier: Apache-2.0
"""What can be said about the sources by reading them. Each check prints FILE:LINE: what.

usage: source.py TOP [CLANG_FORMAT]
"""
import os
import re
import subprocess
import sys

FOLDERS = ("src", "storage", "netstack", "tools", "tests")
LINES_MAX, FUNCTION_MAX = 800, 80

# Longest prefix wins. A file includes what is below its own layer, or in its own folder.
LAYERS = {
    "src/lib/base/": 0, "src/lib/codec/": 1, "src/lib/oci/": 2, "src/lib/": 0,
    "storage/": 3, "netstack/": 3, "src/hello/": 3, "storage/fuse/": 4,
    "src/runtime/": 4, "src/registry/": 4, "src/net/": 4,
    "src/build/": 5, "src/supervisor/": 5, "src/transfer/": 5, "src/init/": 5,
    "src/scope/": 5, "src/watchdog/": 5,
    "src/cli/": 6, "tools/": 6, "tests/": 7,
}
# Programs of their own that see src/lib alone.
LIB_ONLY = ("netstack/", "src/hello/", "src/init/", "src/scope/", "src/watchdog/")
ROOTS = ("src/lib", ".", "src")

# name -> what to use. A path after the colon may use it all the same.
BANNED = {
    "strcpy strncpy strcat strncat stpcpy sprintf vsprintf": "str_copy, str_print, str_buf",
    "strtol strtoul strtoll strtoull strtod atoi atol atoll atof sscanf fscanf scanf vsscanf":
        "num_*",
    "strtok strtok_r strsep": "strcspn and friends",
    "gets basename dirname mktemp tempnam tmpnam ctime asctime rand srand random": "base/*",
    "system popen vfork execvp:tools/ execlp": "proc_spawn",
    "alloca setjmp longjmp": "nothing: do without",
    "sleep usleep nanosleep": "an event",
    "signal sigset": "signalfd in a loop; sigaction only to ignore",
    "fork:src/lib/base/proc.c clone:src/lib/base/proc.c": "proc_spawn or proc_clone",
    "getenv:src/cli/envfile.c": "secure_getenv",  # there it is data for the container
    "accept pipe dup creat epoll_create inotify_init": "the CLOEXEC kind",
}
# The descriptors 0, 1 and 2 are made without CLOEXEC, on purpose, here only.
KEEPS_STDIO = ("src/lib/base/fd.c",)
# Calls that make descriptors: the statement must say CLOEXEC.
CLOEXEC = re.compile(r"\b(open|openat|open64|socket|socketpair|pipe2|accept4|epoll_create1|"
                     r"inotify_init1|eventfd|signalfd|timerfd_create|memfd_create|recvmsg|"
                     r"mkostemp|fsopen|fsmount|open_tree)\s*\(")

problems = []


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def sources(top):
    for folder in FOLDERS:
        for where, dirs, files in os.walk(os.path.join(top, folder)):
            dirs.sort()
            for f in sorted(files):
                if f.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(where, f), top)


def without_comments(text, strings=True):
    """The same lines, with comments (and the insides of literals) blanked."""
    def blank(m):
        s = m.group(0)
        if s.startswith("/"):
            return re.sub(r"[^\n]", " ", s)
        return s if not strings else s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def layer_of(path):
    best = max((p for p in LAYERS if path.startswith(p)), key=len, default=None)
    return best, LAYERS.get(best, 7)


def includes(top, path, text):
    """(line, resolved path) of each include of ours."""
    for n, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m:
            continue
        for root in (os.path.dirname(path),) + ROOTS:
            full = os.path.normpath(os.path.join(root, m.group(1)))
            if os.path.exists(os.path.join(top, full)):
                yield n, full
                break


def check_layers(top, texts):
    for path, text in texts.items():
        if path.startswith("tests/"):
            continue
        folder, layer = layer_of(path)
        for n, target in includes(top, path, text):
            tfolder, tlayer = layer_of(target)
            if tfolder == folder:
                continue
            if tlayer >= layer:
                problem(path, n, f"layer {layer} includes {target} of layer {tlayer}")
            elif path.startswith(LIB_ONLY) and not target.startswith("src/lib/"):
                problem(path, n, f"this folder sees src/lib only, not {target}")


def check_cycles(top, texts):
    names = {os.path.splitext(p)[0] for p in texts}

    def module(path):
        """X.c and X.h; X_part.c and X_part.h are parts of X where X is there."""
        name = os.path.splitext(path)[0]
        head = name.rpartition("_")[0]
        return head if head in names else name
    graph = {}
    for path, text in texts.items():
        if path.startswith("tests/"):
            continue
        for _, target in includes(top, path, text):
            if module(target) != module(path):
                graph.setdefault(module(path), set()).add(module(target))
    state = {}

    def visit(node, trail):
        state[node] = 1
        for nxt in sorted(graph.get(node, ())):
            if state.get(nxt) == 1:
                loop = trail[trail.index(nxt):] if nxt in trail else [nxt]
                problem(node, 1, "include cycle: " + " -> ".join(loop + [nxt]))
            elif nxt not in state:
                visit(nxt, trail + [nxt])
        state[node] = 2
    for node in sorted(graph):
        if node not in state:
            visit(node, [node])


def check_sizes(path, text):
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        problem(path, len(lines), f"{len(lines)} lines, at most {LINES_MAX}")
    start = None
    for n, line in enumerate(lines, 1):
        if line == "{":
            start = n
        elif line == "}" and start:
            if n - start - 1 > FUNCTION_MAX:
                problem(path, start, f"a function of {n - start - 1} lines, at most {FUNCTION_MAX}")
            start = None


def check_calls(path, code):
    for names, instead in BANNED.items():
        for item in names.split():
            name, _, allowed = item.partition(":")
            if allowed and path.startswith(allowed) or path.startswith("tests/"):
                continue
            for m in re.finditer(rf"(?<![\w.>]){name}\s*\(", code):
                problem(path, code.count("\n", 0, m.start()) + 1,
                        f"{name}() is banned: {instead}")
    if path.startswith("tests/"):
        return
    for m in re.finditer(r"\bsa_(handler|sigaction)\s*=(?!\s*SIG_(IGN|DFL)\b)", code):
        problem(path, code.count("\n", 0, m.start()) + 1, "a signal handler: signalfd in a loop")
    for m in CLOEXEC.finditer(code):
        before = code[max(0, m.start() - 1)]
        if before in "._>":
            continue
        end = code.find(";", m.start())
        statement = code[m.start():end]
        if re.match(r"\w+\s*\([^;]*\)\s*\n?\{", code[m.start():m.start() + 200]):
            continue  # a definition
        if "CLOEXEC" not in statement and path not in KEEPS_STDIO \
                and not re.search(r"\bflags?\b", statement):
            problem(path, code.count("\n", 0, m.start()) + 1,
                    f"{m.group(1)}() without CLOEXEC")


def check_text(path, text, code):
    if not text.startswith("/* SPDX-License-Identifier: Apache-2.0 */\n"):
        problem(path, 1, "the first line is not the SPDX line")
    if path.endswith(".h") and "#pragma once" not in text:
        problem(path, 1, "no #pragma once")
    bare = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    for n, line in enumerate(bare.splitlines(), 1):
        if "//" in line:
            problem(path, n, "a // comment")
        if re.match(r"\s*#\s*if\s+0\b", line):
            problem(path, n, "#if 0")
        if re.match(r"\s*typedef\s+(struct|union|enum)\b", line):
            problem(path, n, "typedef of a struct, union or enum")
    # These are compiled by the tests, alone, and are no part of the build.
    if path.endswith(".c") and not path.startswith(("tests/attacks/", "tests/tree/")) and \
            not re.search(r'^#include "config.h"$', text, re.M):
        problem(path, 1, 'does not include "config.h"')


def check_format(top, program, paths):
    if program in ("", "no"):
        print("SKIPPED PART: clang-format-14 is not installed")
        return
    r = subprocess.run([program, "--dry-run", "-Werror", "--style=file"] + list(paths), cwd=top,
                       capture_output=True, text=True, check=False)
    if r.returncode:
        for line in r.stderr.splitlines():
            if "code should be clang-formatted" in line:
                problems.append(line.replace(" error:", "", 1))


def check_others(top):
    """Every other text file of ours has its SPDX line too."""
    for where, dirs, files in os.walk(top):
        rel = os.path.relpath(where, top)
        dirs[:] = [d for d in dirs if not d.startswith((".git", "build", "autom4te", "m4", "inst"))
                   and d not in ("share", "libexec", "corpus", "__pycache__")]
        for f in files:
            if f.endswith((".py", ".sh", ".mk", ".ac", ".am")) and f != "aclocal.m4":
                path = os.path.normpath(os.path.join(rel, f))
                with open(os.path.join(top, path), encoding="utf-8") as fh:
                    if "SPDX-License-Identifier: Apache-2.0" not in fh.read(300):
                        problem(path, 1, "no SPDX line")


def main():
    top = sys.argv[1]
    texts = {}
    for path in sources(top):
        with open(os.path.join(top, path), encoding="utf-8") as f:
            texts[path] = f.read()
    if len(texts) < 40:
        print(f"only {len(texts)} sources found below {top}")
        return 1
    for path, text in texts.items():
        code = without_comments(text)
        check_sizes(path, text)
        check_calls(path, code)
        check_text(path, text, code)
    check_layers(top, texts)
    check_cycles(top, texts)
    check_format(top, sys.argv[2] if len(sys.argv) > 2 else "no", texts)
    check_others(top)
    print("\n".join(problems))
    print(f"{len(texts)} sources, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
