"""The package: its types, its table of errors, what importing it costs."""

import doctest
import importlib
import pathlib
import subprocess
import sys

import pytest

import crosstie

ALLOWED = str(pathlib.Path(__file__).with_name("stubtest.allow"))
MODULES = ["crosstie", "crosstie.errors", "crosstie.arrays", "crosstie.aio", "crosstie.aio.calls", "crosstie.aio.channels", "crosstie.aio.meetings", "crosstie.aio.turns", "crosstie.calls", "crosstie.channels", "crosstie.executor", "crosstie.loans", "crosstie.monitor", "crosstie.queues", "crosstie.rwlock", "crosstie.selecting", "crosstie.several", "crosstie._native"]


def test_the_stubs_say_what_the_module_has():
    ended = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "crosstie", "--allowlist", ALLOWED, "--ignore-unused-allowlist"], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_program_that_uses_it_has_the_types_it_says(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import crosstie\n"
        "with crosstie.Lock('db', timeout=5) as guard:\n"
        "    token: int = guard.token\n"
        "    died: str = guard.dead_owner  # wrong\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)], capture_output=True, text=True, cwd=tmp_path
    )
    assert ":4: error: Incompatible types" in ended.stdout and "Found 1 error" in ended.stdout, ended.stdout


def test_every_kind_of_error_is_a_class_with_its_id():
    for name, id, exit_code, _phrase in crosstie._native._error_table():
        kind = getattr(crosstie, name)
        assert issubclass(kind, crosstie.Error)
        assert (kind.id, kind.exit_code) == (id, exit_code)
        assert kind.__doc__


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_hold(module):
    module = importlib.import_module(module)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner()
    for test in finder.find(module, module.__name__, module=False):
        test.globs["crosstie"] = crosstie
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_every_class_and_method_says_what_it_does():
    for name in crosstie.__all__:
        thing = getattr(crosstie, name)
        if not isinstance(thing, type) or name.startswith("_"):
            continue
        assert thing.__doc__, name
        if thing.__module__ != "crosstie":
            continue
        for method in vars(thing):
            if not method.startswith("_"):
                assert getattr(thing, method).__doc__, f"{name}.{method}"


def test_importing_it_brings_nothing_heavy():
    script = "import sys; before = set(sys.modules); import crosstie; print(*sorted(set(sys.modules) - before))"
    heavy = {"typing", "asyncio", "numpy", "pickle", "multiprocessing", "concurrent.futures", "warnings", "logging"}
    brought = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True).stdout
    assert not heavy & set(brought.split()), brought


def test_the_page_runs(domain):
    """Every block of Python in docs/python.md, from top to bottom."""
    page = pathlib.Path(__file__).resolve().parents[3] / "docs/python.md"
    blocks = page.read_text().split("```python\n")[1:]
    assert blocks
    program = "\n".join(block.split("```")[0] for block in blocks)
    ended = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
