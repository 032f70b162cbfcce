"""What the tests stand on: a domain of their own, other processes, and facts to wait for."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

import matrix
import pytest

#: What no fact takes to come; a test that still runs after 100 s hangs, and pytest says where (pyproject.toml).
LIMIT_SECONDS = 50
ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def domain(tmp_path_factory, monkeypatch):
    """A domain that nobody else uses, gone at the end."""
    path = f"/dev/shm/crosstie-pytest-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv("CROSSTIE_DOMAIN", path)
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Other:
    """Another Python process that runs a script; what it prints comes line by line."""

    def __init__(self, script, *arguments, environment=None):
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", "import crosstie, os, sys, threading, time\n" + script]
        environment = {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def says(self, expected):
        assert self.line() == expected

    def tell(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def ends(self):
        """Its exit code, once it has ended by itself."""
        self.process.stdin.close()
        return self.process.wait()


@pytest.fixture
def other():
    """Starts other Python processes, and ends those that are left."""
    started = []

    def start(script, *arguments, **options):
        started.append(Other(script, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stdin.close()
        one.process.stdout.close()


@pytest.fixture
def shell():
    """The command `crosstie`, from $CROSSTIE or the build's folder."""
    found = os.environ.get("CROSSTIE") or ROOT / "target/debug/crosstie"
    if not pathlib.Path(found).exists():
        pytest.skip(f"no command crosstie at {found}: cargo build")
    started = []

    def start(*arguments, **options):
        started.append(
            subprocess.Popen([str(found), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        )
        return started[-1]

    yield start
    for one in started:
        # To its command too, once that is there: what it has it has until it ends.
        while one.poll() is None:
            one.terminate()
            time.sleep(0.001)
        one.stdout.close()
        one.stderr.close()


def until(is_so, what):
    """Waits until a fact is there."""
    start = time.monotonic()
    while not is_so():
        assert time.monotonic() - start < LIMIT_SECONDS, f"never came: {what}"
        time.sleep(0.001)


def sleeps(pid, thread=None):
    """Whether the thread is asleep in a futex that other processes know, as the kernel says."""
    try:
        number, *arguments = pathlib.Path(f"/proc/{pid}/task/{thread or pid}/syscall").read_text().split()
    except (OSError, ValueError):
        return False
    futex = "202" if os.uname().machine == "x86_64" else "98"
    # futex_waitv; or futex, without FUTEX_PRIVATE_FLAG: that is the interpreter's own.
    return number == "449" or (number == futex and not int(arguments[1], 16) & 128)


def pytest_terminal_summary(terminalreporter):
    for line in matrix.rows(terminalreporter.stats):
        terminalreporter.write_line(line)
