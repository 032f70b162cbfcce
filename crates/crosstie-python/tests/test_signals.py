"""Waiting, and being interrupted: signals, other threads, and the interpreter's end."""

import os
import signal
import threading

import pytest
from conftest import sleeps, until

import crosstie

HOLD = """
with crosstie.Lock("db"):
    print("has it", flush=True)
    sys.stdin.readline()
"""
WAIT = """
import signal
try:
    print(threading.get_native_id(), flush=True)
    crosstie.Lock("db").acquire()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture
def holder(other):
    one = other(HOLD)
    one.says("has it")
    return one


def test_ctrl_c_ends_a_wait(holder, other):
    waiter = other(WAIT)
    waiter.line()
    until(lambda: sleeps(waiter.pid), "the waiter's sleep")
    os.kill(waiter.pid, signal.SIGINT)
    waiter.says("interrupted")
    assert waiter.ends() == 0


def test_ctrl_c_that_another_thread_gets_ends_the_main_threads_wait(holder, other):
    # The main thread waits for the start of the other, too: only behind that is its sleep the lock's, or its turn at the interpreter.
    waiter = other(
        "import signal\n"
        "main, begun = threading.get_native_id(), threading.Event()\n"
        "def interrupt():\n"
        "    begun.wait()\n"
        "    while open(f'/proc/self/task/{main}/syscall').read().split()[0] not in ('449', '202'): time.sleep(0.001)\n"
        "    signal.pthread_kill(threading.get_ident(), signal.SIGINT)\n"
        "threading.Thread(target=interrupt).start()\n"
        "try:\n"
        "    begun.set()\n"
        "    crosstie.Lock('db').acquire()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    waiter.says("interrupted")


def test_a_handler_that_raises_nothing_leaves_the_wait_and_its_deadlock_check(holder, other):
    waiter = other(
        "import signal\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('handled', flush=True))\n"
        "print('ready', flush=True)\n"
        "with crosstie.Lock('a'):\n"
        "    with crosstie.Lock('db'): print('has it', flush=True)\n"
    )
    waiter.says("ready")
    until(lambda: sleeps(waiter.pid), "the waiter's sleep")
    for _ in range(3):
        os.kill(waiter.pid, signal.SIGUSR1)
        waiter.says("handled")
    until(lambda: sleeps(waiter.pid), "the waiter's sleep again")
    holder.tell()
    waiter.says("has it")


INTERRUPT_ANOTHER_THREAD = """
import signal, socket
main = threading.get_native_id()
def interrupt():
    while open(f'/proc/self/task/{main}/syscall').read().split()[0] not in ('449', '202'): time.sleep(0.001)
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
signal.signal(signal.SIGUSR1, lambda *_: print('handled', flush=True))
lock = crosstie.Lock('db')
"""


def test_a_signal_that_interrupts_no_sleep_is_handled_all_the_same(holder, other):
    waiter = other(
        INTERRUPT_ANOTHER_THREAD + "threading.Thread(target=interrupt).start()\n"
        "with lock: print('has it', flush=True)\n"
    )
    waiter.says("handled")
    holder.tell()
    waiter.says("has it")


def test_who_listens_for_signals_hears_also_those_that_came_in_a_wait(holder, other):
    waiter = other(
        INTERRUPT_ANOTHER_THREAD + "heard, written = socket.socketpair()\n"
        "written.setblocking(False)\n"
        "signal.set_wakeup_fd(written.fileno())\n"
        "threading.Thread(target=interrupt).start()\n"
        "with lock: print('has it', heard.recv(9) == bytes([signal.SIGUSR1]), flush=True)\n"
        "assert signal.set_wakeup_fd(-1) == written.fileno()\n"
        "heard.close(), written.close()\n"
    )
    waiter.says("handled")
    holder.tell()
    waiter.says("has it True")
    assert waiter.ends() == 0


def test_other_threads_run_while_one_waits(holder):
    lock, done = crosstie.Lock("db"), []
    thread = threading.Thread(target=lambda: done.append(lock.acquire()))
    thread.start()
    until(lambda: sleeps(os.getpid(), thread.native_id), "the thread's sleep")
    assert done == []
    holder.tell()
    thread.join()
    assert done == [True]


@pytest.mark.parametrize("ends", ["", "sys.exit(3)", "raise SystemExit(3)"])
def test_an_interpreter_that_ends_while_a_daemon_thread_waits_does_not_crash(holder, other, ends):
    waiter = other(
        "lock = crosstie.Lock('db')\n"
        "threads = [threading.Thread(target=lock.acquire, daemon=True) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads:\n"
        "    while open(f'/proc/self/task/{thread.native_id}/syscall').read().split()[0] not in ('449', '202'): time.sleep(0.001)\n"
        "print('waiting', flush=True)\n" + ends
    )
    waiter.says("waiting")
    assert waiter.process.wait() == (3 if ends else 0)


def test_threads_that_come_back_while_the_interpreter_ends_do_not_crash_it(other):
    """Daemon threads lock and unlock without a pause, while the modules are taken down: that lets them run."""
    for _ in range(3):
        busy = other(
            "class Slow:\n"
            "    def __init__(self): self.sleep, self.write = time.sleep, os.write\n"
            "    def __del__(self):\n"
            "        self.sleep(0.1)\n"
            "        self.write(1, b'over\\n')\n"
            "import types\n"
            "sys.modules['slow'] = types.ModuleType('slow')\n"
            "sys.modules['slow'].slow = Slow()\n"
            "del Slow\n"
            "def work():\n"
            "    lock = crosstie.Lock('db')\n"
            "    while True:\n"
            "        with lock: pass\n"
            "threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]\n"
            "for thread in threads: thread.start()\n"
            "lock = crosstie.Lock('db')\n"
            "for _ in range(50):\n"
            "    with lock: pass\n"
        )
        busy.says("over")
        assert busy.process.wait() == 0
