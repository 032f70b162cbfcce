"""Every example, run as a user runs it, to its end."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import crosstie

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"


def run(name, *arguments):
    command = [sys.executable, "-X", "dev", "-W", "error", str(EXAMPLES / "python" / f"{name}.py"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_parent_writes_to_its_child():
    assert run("pipe_fork") == "child got: Hello from parent\n" * 2 + "child got: and goodbye\n"


def test_a_race_loses_counts_and_a_semaphore_none():
    assert run("race") == "with a semaphore: 40000\nwithout: fewer\n"


def test_a_killed_workers_job_is_done_by_another():
    assert run("jobs") == "deadly after 2\ndull after 1\neasy after 1\n"


def test_a_server_answers_and_refuses(tmp_path):
    address = f"unix:{tmp_path}/s"
    refused = f"negative: call {address}: the server refused: ValueError: say something"
    assert run("calls", address) == f"hello!\n{refused}\n"


def test_what_c_writes_python_reads(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    program = tmp_path / "write_region"
    subprocess.run([compiler, "-o", program, EXAMPLES / "c" / "write_region.c"], check=True)
    name = f"/crosstie-example-{os.getpid()}"
    subprocess.run([program, name], check=True)
    try:
        assert run("read_region", name) == "Shared data\n"
    finally:
        crosstie.Region.unlink(name)


def test_strangers_meet_at_a_fifo():
    assert run("fifo") == "read: Hello\nread: from a FIFO\nreceived: 19 letters\nreceived: 100000 letters\n"


def test_a_client_is_answered_over_sockets():
    assert run("sockets") == "".join(f"{who}client got: HELLO FROM CLIENT\n" for who in ("", "tcp ", "unix "))


def test_a_mutex_whose_owner_is_killed_goes_on():
    held, had, told = run("mutex").splitlines()
    assert held == "multiprocessing.Lock: its owner was killed inside: held for ever"
    assert had == "crosstie.Lock: its owner was killed inside: the next one has it"
    assert told == "abandoned: True by the child"


@pytest.mark.parametrize("name", ["semaphore", "monitor"])
def test_a_bounded_buffer_hands_over_everything_in_order(name):
    consumed = run(name).splitlines()
    assert consumed[:5] == [f"consumed {item}" for item in range(5)]
    assert consumed[5:] == (["seat 0 is free again"] if name == "semaphore" else [])


def test_shared_memory_is_seen_by_the_standard_library_and_by_other_processes():
    assert run("shared_memory") == "Shared data\n2.0 4.0 6.0\n"


def test_nine_kills_hang_multiprocessing_and_nobody_here():
    printed = run("nine_kills")
    assert printed.count("goes on\n") == 9, printed
    # The demonstration can see a hang.
    assert printed.count("hangs") >= 1, printed
