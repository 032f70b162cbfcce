"""Semaphores, conditions, events, barriers, things done once: and what becomes of who is killed."""

import os
import pickle
import signal
import threading

import pytest
from conftest import sleeps, until

import crosstie


def test_a_killed_owners_permit_comes_back(other):
    holder = other("with crosstie.Semaphore('gpu') as permit: print(permit.index, flush=True); sys.stdin.readline()")
    holder.says("0")
    gpu = crosstie.Semaphore("gpu")
    assert not gpu.acquire(timeout=0.01)
    assert [(index, who.pid) for index, who in gpu.holders()] == [(0, holder.pid)]
    waiter = other("with crosstie.Semaphore('gpu'): print('got it')")
    until(lambda: sleeps(waiter.pid), "the waiter's sleep")
    holder.kill()
    waiter.says("got it")


def test_permits_have_indices_and_the_shell_shares_them(shell):
    gpu = crosstie.Semaphore("gpu", 2)
    with gpu as first:
        command = shell("sem", "gpu", "-n", "2", "--", "sh", "-c", "echo $CROSSTIE_PERMIT; exec sleep 600")
        assert sorted([str(first.index), command.stdout.readline().rstrip()]) == ["0", "1"]
        assert first.held and not gpu.acquire(blocking=False)
        first.release()
        assert not first.held
        gpu.acquire()


def test_another_number_of_permits_is_a_mismatch():
    crosstie.Semaphore("gpu", 2)
    with pytest.raises(crosstie.Mismatch, match="2"):
        crosstie.Semaphore("gpu", 3)


def test_anyone_posts_and_anyone_waits(other, shell):
    items = crosstie.CountingSemaphore("items")
    waiter = other("print(crosstie.CountingSemaphore('items').wait(), flush=True)")
    until(lambda: sleeps(waiter.pid), "the waiter's sleep")
    items.post()
    waiter.says("True")
    items.post(3)
    assert items.value == 3 and items.acquire() and items.wait(timeout=0)
    assert shell("wait", "items").wait() == 0
    assert not items.wait(timeout=0.001)


@pytest.mark.parametrize("notify", ["notify", "notify_all"])
def test_a_notified_waiter_that_is_killed_takes_nothing_along(other, notify):
    wait = (
        "c = crosstie.Condition('c')\n"
        "with c: print('in', flush=True); print(c.wait(), flush=True)\n"
    )
    waiters = []
    for _ in range(2):
        waiters.append(other(wait))
        waiters[-1].says("in")
        until(lambda: sleeps(waiters[-1].pid), "its sleep")
    condition = crosstie.Condition("c")
    with condition:
        getattr(condition, notify)()
        waiters[0].kill()
    waiters[1].says("True")


def test_a_condition_waits_for_a_predicate_and_not_longer_than_it_should():
    condition, done = crosstie.Condition("c"), []
    with condition:
        assert not condition.wait(timeout=0.001)
        assert not condition.wait_for(lambda: done, timeout=0.001)
        thread = threading.Thread(target=lambda: set_under(condition, done))
        thread.start()
        assert condition.wait_for(lambda: done) == [1]
        assert condition.lock.locked()
    thread.join()


def set_under(condition, done):
    with condition:
        done.append(1)
        condition.notify()


def test_who_does_not_have_the_lock_neither_waits_nor_notifies():
    condition = crosstie.Condition("c")
    for call in (condition.wait, condition.notify, condition.notify_all, condition.release):
        with pytest.raises(RuntimeError, match="does not have"):
            call()


def test_ctrl_c_in_a_condition_comes_back_with_the_lock(other):
    waiter = other(
        "c = crosstie.Condition('c')\n"
        "with c:\n"
        "    print('in', flush=True)\n"
        "    try: c.wait()\n"
        "    except KeyboardInterrupt: print(c.lock.locked(), flush=True)\n"
    )
    waiter.says("in")
    until(lambda: sleeps(waiter.pid), "its sleep")
    os.kill(waiter.pid, signal.SIGINT)
    waiter.says("True")
    assert waiter.ends() == 0


def test_an_event_lets_all_through_although_one_who_waits_is_killed(other, shell):
    event = crosstie.Event("ready")
    waiters = [other("print(crosstie.Event('ready').wait(), flush=True)") for _ in range(2)]
    for one in waiters:
        until(lambda: sleeps(one.pid), "its sleep")
    waiters[0].kill()
    event.set()
    waiters[1].says("True")
    assert event.is_set() and shell("event", "wait", "ready").wait() == 0
    event.clear()
    assert not event.wait(timeout=0)


def test_an_automatic_event_lets_one_through():
    event = crosstie.Event("ready", reset="auto")
    event.set()
    assert event.wait() and not event.wait(timeout=0)


def test_a_barrier_that_a_party_died_at_is_broken_and_names_it(other):
    come = (
        "b = crosstie.Barrier('phase', 2)\n"
        "b.wait(); print('once', flush=True); sys.stdin.readline()\n"
        "try: print(b.wait(), flush=True)\n"
        "except crosstie.BrokenBarrier as error: print(error, flush=True)\n"
    )
    first, second = other(come), other(come)
    first.says("once")
    second.says("once")
    second.tell()
    until(lambda: sleeps(second.pid), "its sleep")
    first.kill()
    second.says(f"the barrier is broken: {first.pid} python died before it came; reset it")
    second.ends()  # it has a seat until then, and its end breaks what was made whole before
    barrier = crosstie.Barrier("phase", 2)
    assert barrier.broken and barrier.reset() and not barrier.broken
    with pytest.raises(TimeoutError):
        barrier.wait(timeout=0.001)


def test_one_of_those_who_met_leads():
    barrier, answers = crosstie.Barrier("phase", 3), []
    threads = [threading.Thread(target=lambda: answers.append(barrier.wait())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0, 1, 1]


def test_what_a_killed_or_failed_one_was_doing_the_next_one_does(other):
    doing = other("crosstie.Once('init').call(lambda: (print('doing', flush=True), sys.stdin.readline()))")
    doing.says("doing")
    once = crosstie.Once("init")
    with pytest.raises(crosstie.TimedOut):
        once.call(print, timeout=0.001)
    doing.kill()
    with pytest.raises(ZeroDivisionError):
        once.call(lambda: 1 / 0)
    assert not once.done
    assert once.call(lambda: None) and once.done
    assert not once.call(lambda: 1 / 0)


def test_readers_share_and_writers_do_not():
    lock = crosstie.RwLock("config")
    with lock.read():
        assert not lock.write().acquire(blocking=False)
    with lock.write() as guard:
        assert guard.held
    assert "lock:config" in repr(lock)


def test_all_of_them_pickle_by_name():
    things = [
        crosstie.Semaphore("gpu", 2, owner="process"),
        crosstie.CountingSemaphore("items", 3),
        crosstie.Event("ready", reset="auto"),
        crosstie.Barrier("phase", 2, on_death="shrink"),
        crosstie.Once("init"),
        crosstie.Condition("c", crosstie.Lock("other")),
        crosstie.RwLock("config"),
    ]
    for thing in things:
        assert repr(pickle.loads(pickle.dumps(thing))) == repr(thing)


def test_a_name_that_is_of_another_kind_of_parameter_is_refused():
    crosstie.Barrier("phase", 2)
    with pytest.raises(TypeError, match="2 parties"):
        crosstie.Barrier("phase", 3)
    with pytest.raises(ValueError):
        crosstie.Barrier("none", 0)
    with pytest.raises(ValueError, match="manual"):
        crosstie.Event("ready", reset="never")
    with pytest.raises(OverflowError):
        crosstie.CountingSemaphore("items", -1)


def test_a_semaphore_that_c_programs_have_by_sem_open_is_reachable(other):
    name = f"posix:/crosstie-pytest-{os.getpid()}"
    items = crosstie.CountingSemaphore(name, 1)
    try:
        assert (items.name, items.domain, items.value) == (name, None, 1)
        assert items.wait(timeout=0) and not items.wait(timeout=0) and not items.wait(timeout=0.001)
        waiter = other("items = crosstie.CountingSemaphore(sys.argv[1])\nprint('waits', flush=True)\nprint(items.wait(), flush=True)\n", name)
        waiter.says("waits")
        pickle.loads(pickle.dumps(items)).post()
        waiter.says("True")
        assert items.value == 0 and os.path.exists(f"/dev/shm/sem.crosstie-pytest-{os.getpid()}")
    finally:
        crosstie.CountingSemaphore.unlink(name)
