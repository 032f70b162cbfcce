"""Monitors, and several locks at once."""

import ctypes
import os
import pickle
import signal
import threading
import time

import pytest
from conftest import sleeps, until

import crosstie


class Stock(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int64), ("takers", ctypes.c_int32)]


class Other(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int32), ("takers", ctypes.c_int64)]


class Shorter(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int32)]


SCRIPT = """
import ctypes
class Stock(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int64), ("takers", ctypes.c_int32)]
monitor = crosstie.Monitor("stock", Stock)
"""


def test_what_one_process_puts_in_another_waits_for(other):
    monitor = crosstie.Monitor("stock", Stock)
    taker = other(
        SCRIPT
        + """
with monitor as stock:
    print("waits", flush=True)
    assert monitor.wait_while(lambda stock: stock.count == 0)
    stock.count -= 1
    print(stock.count, flush=True)
"""
    )
    taker.says("waits")
    until(lambda: sleeps(taker.pid), "the taker sleeps")
    with monitor as stock:
        stock.count += 3
    taker.says("2")
    with monitor as stock:
        assert stock.count == 2


def test_who_is_killed_inside_wakes_who_waits_and_is_told(other):
    crosstie.Monitor("stock", Stock)
    waiter = other(
        SCRIPT
        + """
import warnings
warnings.simplefilter("ignore", crosstie.AbandonedWarning)
with monitor as stock:
    print("waits", flush=True)
    monitor.wait_until(lambda stock: stock.count == 7)
    print(stock.count, flush=True)
"""
    )
    waiter.says("waits")
    until(lambda: sleeps(waiter.pid), "the waiter sleeps")
    dying = other(SCRIPT + "with monitor as stock:\n    stock.count = 7\n    print('changed', flush=True)\n    time.sleep(1000)\n")
    dying.says("changed")
    # Nobody is told of the change but by its death.
    dying.kill()
    waiter.says("7")


def test_the_next_one_inside_is_told_of_a_death(other):
    monitor = crosstie.Monitor("stock", Stock)
    dying = other(SCRIPT + "with monitor as stock:\n    print('inside', flush=True)\n    time.sleep(1000)\n")
    dying.says("inside")
    dying.kill()
    with pytest.warns(crosstie.AbandonedWarning), monitor:
        assert monitor.guard.abandoned and monitor.guard.dead_owner.pid == dying.pid
    # Until it is mended.
    with pytest.warns(crosstie.AbandonedWarning), monitor:
        monitor.guard.mark_mended()
    with monitor:
        assert not monitor.guard.abandoned and monitor.guard.held
    assert not monitor.guard.held


def test_a_wait_comes_back_inside_when_a_handler_raises(other):
    monitor = crosstie.Monitor("stock", Stock)
    waiter = other(
        SCRIPT
        + """
import signal
def raises(*_):
    raise InterruptedError("asked")
signal.signal(signal.SIGUSR1, raises)
with monitor as stock:
    print("waits", flush=True)
    try:
        monitor.wait_until(lambda stock: False)
    except InterruptedError:
        stock.count = 7
        print(monitor.guard.held, flush=True)
"""
    )
    waiter.says("waits")
    until(lambda: sleeps(waiter.pid), "the waiter sleeps")
    with monitor:
        os.kill(waiter.pid, signal.SIGUSR1)
        # pace: it stands at the door for longer than a wait that may be ended looks away
        time.sleep(1.3)
    waiter.says("True")
    with monitor as stock:
        assert stock.count == 7


def test_a_wait_may_be_late_and_has_the_monitor_then():
    monitor = crosstie.Monitor("stock", Stock)
    with monitor as stock:
        assert not monitor.wait_until(lambda stock: stock.count == 1, timeout=0.001)
        stock.count = 1
        assert monitor.wait_until(lambda stock: stock.count == 1, timeout=0)
    with pytest.raises(RuntimeError):
        monitor.wait_while(lambda stock: True, timeout=0.001)


def test_everyone_who_can_go_on_does(other):
    monitor = crosstie.Monitor("stock", Stock)
    takers = []
    for _ in range(4):

        def take():
            with monitor as stock:
                stock.takers += 1
                monitor.wait_while(lambda stock: stock.count == 0)
                stock.count -= 1

        takers.append(threading.Thread(target=take))
        takers[-1].start()

    def all_wait():
        with monitor as stock:
            return stock.takers == 4

    until(all_wait, "four takers")
    with monitor as stock:
        stock.count += 4
    for taker in takers:
        taker.join()
    with monitor as stock:
        assert stock.count == 0


def test_other_fields_are_refused_and_named():
    crosstie.Monitor("stock", Stock)
    with pytest.raises(crosstie.Mismatch, match=r"Stock\(count: c_long of 8 at 0.*, not Other\(count: c_int of 4 at 0"):
        crosstie.Monitor("stock", Other)
    with pytest.raises(crosstie.Mismatch, match="16 bytes.*4 bytes"):
        crosstie.Monitor("stock", Shorter)
    # One that was removed, by whomever, has said nothing of the next.
    crosstie.remove("monitor:stock")
    crosstie.Monitor("stock", Other)


def test_it_pickles_by_name_and_is_removed_with_its_data(domain):
    monitor = crosstie.Monitor("stock", Stock)
    copy = pickle.loads(pickle.dumps(monitor))
    with monitor as stock:
        stock.count = 5
    with copy as stock:
        assert stock.count == 5
    del monitor, copy, stock
    crosstie.Monitor.remove("stock")
    assert not [name for name in os.listdir(domain) if "stock" in name]


def test_all_or_none_are_taken_whatever_order_they_are_named_in(other):
    a, b, c = (crosstie.Lock(name) for name in "abc")
    with crosstie.lock_all(c, a, b) as guards:
        assert [guard.held for guard in guards] == [True] * 3
        assert a.locked() and b.locked() and c.locked()
        guards[1].release()
    assert not a.locked() and not b.locked() and not c.locked()
    holder = other("lock = crosstie.Lock('b')\nlock.acquire()\nprint('has', flush=True)\nsys.stdin.readline()\n")
    holder.says("has")
    with pytest.raises(crosstie.TimedOut), crosstie.lock_all(a, b, c, timeout=0.001):
        pass
    assert not a.locked() and not c.locked()
    with pytest.raises(crosstie.Usage, match="twice"):
        crosstie.lock_all(a, crosstie.Lock("a"))


def test_crossing_orders_close_no_circle(other):
    script = """
import itertools
first, second = (crosstie.Lock(name) for name in sys.argv[1])
for _ in range(200):
    with crosstie.lock_all(first, second):
        pass
print("done", flush=True)
"""
    one, two = other(script, "ab"), other(script, "ba")
    one.says("done")
    two.says("done")


def test_python_and_rust_and_the_shell_have_one_order(shell):
    locks = [crosstie.Lock(name) for name in ("x", "m", "a")]
    ran = [shell("lock", *order, "--", "true") for order in (["a", "m", "x"], ["x", "m", "a"]) for _ in range(3)]
    for _ in range(50):
        with crosstie.lock_all(*locks):
            pass
    assert [one.wait() for one in ran] == [0] * 6
