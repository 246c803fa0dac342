# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests on whole hosts.

    boot        boot("no-overlay") -> a Machine that lasts as long as the test; see lib/machine.py
    delegated   one host with a delegated cgroup, for all tests of a file
    systemd     one host with systemd, for all tests of a file

Run by `make check-lab`, and those marked `quick` by contrib/check. CARREL_PREFIX names the carrel
under test.
"""
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.machine import LabError, Machine  # noqa: E402

ROWS = "lab_rows"
SHARED = {"delegated", "systemd"}  # fixtures: hosts that the tests of a file share


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: contrib/check runs it as well")
    config.addinivalue_line("markers", "slow: takes minutes")


def params_of(item):
    return item.callspec.params.values() if hasattr(item, "callspec") else ()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With --dist loadgroup: the tests of one file on one shared host are one worker's."""
    for item in items:
        hosts = SHARED & (set(item.fixturenames) | {str(p) for p in params_of(item)})
        if hosts:
            group = f"{item.path.name}-{min(hosts)}"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture
def boot():
    made = []

    def start(variant="normal", **kw):
        made.append(Machine(variant, **kw))
        made[-1].boot()
        return made[-1]
    yield start
    for machine in made:
        machine.close()


def shared(variant, **kw):
    @pytest.fixture(scope="module")
    def host():
        with Machine(variant, **kw) as machine:
            # The image, once: what follows is about containers.
            r = machine.run("carrel run --rm --network none hello true")
            if r.status != 0:
                raise LabError(f"no container on host {variant}: {r}")
            if machine.kind == "systemd":
                # Without, each `run -d` warns: that is test_logout.py's.
                machine.root("loginctl enable-linger lab")
            yield machine
    return host


delegated = shared("delegated")
systemd = shared("normal", kind="systemd")


@pytest.fixture
def row(record_property):
    """row(host, command, result): one line of the table that ends the run."""
    def add(*cells):
        record_property(ROWS, cells)
    return add


def pytest_runtest_logreport(report):
    if report.when == "call":
        for name, cells in report.user_properties:
            if name == ROWS:
                TABLE.append([report.outcome, *cells])


TABLE = []


def table_lines(rows):
    """The rows as lines of one table. A test may give fewer cells than another."""
    rows = sorted([str(cell) for cell in row] for row in rows)
    widths = [max(map(len, column)) for column in itertools.zip_longest(*rows, fillvalue="")]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows]


def write_tally(path, stats):
    """"PASSED FAILED SKIPPED", for contrib/check."""
    count = {k: len(stats.get(k, [])) for k in ("passed", "failed", "error", "skipped")}
    with open(path, "a", encoding="ascii") as f:
        f.write(f"{count['passed']} {count['failed'] + count['error']} {count['skipped']}\n")


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workerinput"):
        return
    if os.environ.get("LAB_TALLY"):  # first: nothing that goes wrong below loses it
        write_tally(os.environ["LAB_TALLY"], terminalreporter.stats)
    if TABLE:
        terminalreporter.section("hosts")
        for line in table_lines(TABLE):
            terminalreporter.line(line)
