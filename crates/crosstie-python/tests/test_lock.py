"""`Lock`: taking turns, and what becomes of those who are killed."""

import inspect
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from conftest import sleeps, until

import crosstie

DIRECT = ["acquire", "release", "__exit__"]
HOLD = """
lock = crosstie.Lock("db")
with lock as guard:
    print("has it", flush=True)
    sys.stdin.readline()
"""


def test_two_who_take_turns_are_never_inside_together(domain):
    def count(path, rounds):
        lock = crosstie.Lock("db", domain=domain)
        for _ in range(rounds):
            with lock, open(path, "r+") as file:
                number = int(file.read())
                file.seek(0)
                file.write(str(number + 1))

    path = domain + "-number"
    with open(path, "w") as file:
        file.write("0")
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=count, args=(path, 300)) for _ in range(3)]
    for one in others:
        one.start()
    for one in others:
        one.join()
    with open(path) as file:
        assert file.read() == "900"
    os.unlink(path)


def test_a_killed_holder_is_told_to_the_next_one_by_name(other):
    holder = other(HOLD)
    holder.says("has it")
    holder.kill()
    with pytest.warns(crosstie.AbandonedWarning, match=f"lock:db was abandoned: {holder.pid} python"):
        with crosstie.Lock("db") as guard:
            assert guard.abandoned
            assert guard.dead_owner.pid == holder.pid
            assert guard.dead_owner.kind == "thread"
    with crosstie.Lock("db") as guard:
        assert not guard.abandoned and guard.dead_owner is None


def test_a_holder_that_is_killed_wakes_who_waits(other):
    holder = other(HOLD)
    holder.says("has it")
    waiter = other(
        "import warnings; warnings.simplefilter('ignore')\n"
        "with crosstie.Lock('db') as guard: print(guard.abandoned, guard.dead_owner.pid)"
    )
    until(lambda: sleeps(waiter.pid), "the waiter's sleep")
    holder.kill()
    waiter.says(f"True {holder.pid}")


def test_the_shell_takes_the_same_lock_and_is_told_of_a_killed_python(other, shell):
    holder = other(HOLD)
    holder.says("has it")
    assert shell("lock", "--try", "db", "--", "true").wait() == crosstie.Busy.exit_code
    waiting = shell("lock", "db", "--", "sh", "-c", "echo $CROSSTIE_ABANDONED")
    until(lambda: sleeps(waiting.pid), "the shell's sleep")
    holder.kill()
    out, err = waiting.communicate()
    assert out == "1\n"
    assert f"lock:db was abandoned: {holder.pid} python died while it had it" in err


def test_python_is_told_of_a_killed_command(shell):
    command = shell("lock", "db", "--", "sh", "-c", "echo $$; exec sleep 600")
    pid = int(command.stdout.readline())
    lock = crosstie.Lock("db")
    assert [(who.kind, who.pid) for who in lock.holders()] == [("command", pid)]
    with pytest.raises(crosstie.TimedOut, match=f"lock:db is held by {pid} ") as refused:
        with crosstie.Lock("db", timeout=0.01):
            pass
    assert [who.pid for who in refused.value.holders] == [pid]
    os.kill(pid, signal.SIGKILL)
    with pytest.warns(crosstie.AbandonedWarning, match=f" {pid} "):
        with lock as guard:
            assert guard.dead_owner.pid == pid


def test_a_deadlock_of_two_pythons_names_both(other):
    second = other(
        "a, b = crosstie.Lock('a'), crosstie.Lock('b')\n"
        "with b:\n"
        "    print('has b', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    with a: print('has a', flush=True)\n"
    )
    second.says("has b")
    with crosstie.Lock("a"):
        second.tell()
        until(lambda: sleeps(second.pid), "the other's sleep")
        with pytest.raises(crosstie.DeadlockError) as refused:
            crosstie.Lock("b").acquire()
        mine, others = refused.value.cycle
        assert (mine.who.pid, mine.object) == (os.getpid(), "lock:b")
        assert (others.who.pid, others.object) == (second.pid, "lock:a")
        assert isinstance(refused.value, RuntimeError) and refused.value.exit_code == 80
        # With a deadline it is no deadlock: it ends by itself.
        assert not crosstie.Lock("b").acquire(timeout=0.01)
    second.says("has a")


def test_a_deadlock_through_a_nested_command_is_told(shell, other, domain):
    """The shell has `a` and runs Python, which wants `b`; another Python has `b` and wants `a`."""
    second = other(
        "a, b = crosstie.Lock('a'), crosstie.Lock('b')\n"
        "with b:\n"
        "    print('has b', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    try:\n"
        "        with a: print('has a', flush=True)\n"
        "    except crosstie.DeadlockError as error: print('told', len(error.cycle), flush=True)\n"
    )
    second.says("has b")
    script = (
        "import crosstie, sys\n"
        "try:\n"
        "    with crosstie.Lock('b'): print('has b', flush=True)\n"
        "except crosstie.DeadlockError as error: print('told', len(error.cycle), flush=True)\n"
    )
    import sys

    nested = shell("lock", "a", "--", sys.executable, "-c", script)
    lock = crosstie.Lock("a")
    until(lock.locked, "the command's lock")
    until(lambda: any(sleeps(who.pid) for who in lock.holders()), "the nested one's sleep")
    second.tell()
    answers = sorted([second.line(), nested.stdout.readline().rstrip()])
    assert answers[0].startswith("has") and answers[1] == "told 2", answers


def test_to_take_it_twice_is_a_deadlock_of_one():
    lock = crosstie.Lock("db")
    with lock:
        with pytest.raises(crosstie.DeadlockError, match="take it once"):
            lock.acquire()
        assert not lock.acquire(blocking=False)


def test_several_share_it_and_nobody_is_alone_meanwhile():
    shared, alone = crosstie.Lock("db", shared=True), crosstie.Lock("db")
    with shared, ThreadPoolExecutor(1) as pool:
        assert pool.submit(shared.acquire, timeout=0).result()
        assert not alone.acquire(blocking=False)
        pool.submit(shared.release).result()


def test_what_a_process_owns_any_of_its_threads_gives_back():
    lock = crosstie.Lock("db", owner="process")
    assert lock.acquire()
    assert lock.holders()[0].kind == "process"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lock.release).result()
    assert not lock.locked()


def test_another_thread_cannot_give_back_what_a_thread_owns():
    lock = crosstie.Lock("db")
    with lock, ThreadPoolExecutor(1) as pool:
        with pytest.raises(RuntimeError, match="the caller does not have it"):
            pool.submit(lock.release).result()
        assert lock.locked()


def test_a_thread_that_ends_with_it_has_abandoned_it():
    lock = crosstie.Lock("db")
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    with pytest.warns(crosstie.AbandonedWarning), lock as guard:
        assert guard.abandoned


def test_tokens_only_grow():
    tokens = []
    for _ in range(3):
        with crosstie.Lock("db") as guard:
            tokens.append(guard.token)
    assert tokens == sorted(set(tokens)) and tokens[0] > 0


def test_a_guard_gives_back_early_and_once():
    lock = crosstie.Lock("db")
    guard = lock.__enter__()
    assert guard.held and lock.locked()
    guard.release()
    assert not guard.held and not lock.locked()
    with pytest.raises(RuntimeError, match="does not have it"):
        guard.release()


def test_a_timeout_is_seconds_or_a_timedelta():
    with crosstie.Lock("db"), ThreadPoolExecutor(1) as pool:
        lock = crosstie.Lock("db")
        assert not pool.submit(lock.acquire, timeout=0).result()
        assert not pool.submit(lock.acquire, timeout=timedelta(milliseconds=1)).result()
        assert not pool.submit(lock.acquire, timeout=0.001).result()
        assert not pool.submit(lock.acquire, False).result()


@pytest.mark.parametrize("wrong", [-2, float("nan"), -0.5])
def test_a_timeout_that_is_none_is_a_value_error(wrong):
    with pytest.raises(ValueError, match="timeout"):
        crosstie.Lock("db").acquire(timeout=wrong)


def test_wrong_types_are_type_errors_and_wrong_names_value_errors():
    with pytest.raises(TypeError):
        crosstie.Lock(7)
    with pytest.raises(TypeError):
        crosstie.Lock("db").acquire(timeout="soon")
    with pytest.raises(ValueError, match="thread"):
        crosstie.Lock("db", owner="nobody")
    with pytest.raises(crosstie.Usage) as refused:
        crosstie.Lock("a/b")
    assert isinstance(refused.value, ValueError) and refused.value.object == "lock:a/b"
    with pytest.raises(ValueError):
        crosstie.Lock("db").acquire(blocking=False, timeout=1)


def test_the_methods_that_are_called_directly_are_as_they_are_said_to_be():
    said = {name: (str(inspect.signature(getattr(crosstie.Lock, name))), getattr(crosstie.Lock, name).__doc__) for name in DIRECT}
    assert said["acquire"][0] == "(self, /, blocking=True, timeout=None)" and said["acquire"][1].startswith("Takes the lock;")
    assert said["release"] == ("(self, /)", "Gives the lock back: the latest that the caller took.")
    assert said["__exit__"][0] == "(self, kind=None, error=None, trace=None, /)" and not said["__exit__"][1]
    lock, shared = crosstie.Lock("db"), crosstie.Lock("db", shared=True)
    for arguments, named in [((), {}), ((True,), {}), ((True, 5), {}), ((), {"timeout": 5}), ((True,), {"timeout": None})]:
        assert lock.acquire(*arguments, **named) and not shared.acquire(blocking=False)
        assert lock.release() is None and shared.acquire() and shared.release() is None
    assert lock.acquire(False) and not lock.acquire(blocking=False)
    assert lock.__exit__(None, None, None) is None
    for wrong in [
        lambda: lock.acquire(True, 1, 2),
        lambda: lock.acquire(True, blocking=True),
        lambda: lock.acquire(wait=True),
        lambda: lock.release(1),
        lambda: lock.release(number=1),
        lambda: lock.__exit__(1, 2, 3, 4),
        lambda: crosstie.Lock.acquire("db"),
        lambda: crosstie.Lock.release(),
    ]:
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(RuntimeError, match="does not have it"):
        lock.release()


def test_a_file_that_is_something_else_is_refused_by_name(domain):
    crosstie.Lock("db")
    with open(f"{domain}/lock.other", "wb") as file:
        file.write(b"not one of ours" * 500)
    with pytest.raises(crosstie.Corrupt, match="lock"):
        crosstie.Lock("other")


def test_a_warning_that_is_an_error_gives_the_lock_back(other):
    holder = other(HOLD)
    holder.says("has it")
    holder.kill()
    lock = crosstie.Lock("db")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(crosstie.AbandonedWarning):
            lock.acquire()
    assert not lock.locked()


def test_it_pickles_by_name(domain):
    lock = crosstie.Lock("db", shared=True, owner="process", timeout=1.5)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(lock, protocol))
        assert repr(again) == repr(lock)
    with crosstie.Lock("db"):
        with pytest.raises(crosstie.TimedOut):
            again.__class__("db", timeout=0.001).__enter__()


def take(lock, pipe):
    pipe.send(lock.acquire(timeout=0))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_way_to_start_a_process_hands_it_over(method):
    context = multiprocessing.get_context(method)
    mine, theirs = context.Pipe()
    lock = crosstie.Lock("db")
    with lock:
        child = context.Process(target=take, args=(lock, theirs))
        child.start()
        assert mine.recv() is False
        child.join()


def test_a_fork_child_has_nothing_of_its_parent():
    lock = crosstie.Lock("db")
    reading, writing = os.pipe()
    with lock as guard:
        child = os.fork()
        if child == 0:
            try:
                lock.release()
                answer = "released"
            except RuntimeError as error:
                answer = str(error)
            answer += f"; {guard.held}; {lock.acquire(timeout=0)}"
            os.write(writing, answer.encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 1000).decode() == (
            "release lock:db: it was taken before a fork, by the parent process, whose it is; False; False"
        )
        assert guard.held and lock.locked()
    os.close(reading)
    os.close(writing)


def test_what_is_dropped_while_it_is_held_is_free():
    lock = crosstie.Lock("db")
    lock.acquire()
    del lock
    with crosstie.Lock("db") as guard:
        assert not guard.abandoned


def test_a_domain_that_depends_on_the_working_directory_is_refused(monkeypatch):
    with pytest.raises(crosstie.Usage, match="working directories"):
        crosstie.Lock("db", domain="relative")
    with pytest.raises(crosstie.Usage, match="working directories"):
        crosstie.Receiver("queue:q", domain="relative")
    monkeypatch.setenv("CROSSTIE_DOMAIN", "relative")
    with pytest.raises(crosstie.Usage, match=f"in full.*{os.getcwd()}/relative"):
        crosstie.Lock("db")
    assert not os.path.exists("relative")
