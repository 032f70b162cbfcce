"""`Executor`: jobs that outlive their workers. And ends for asyncio."""

import asyncio
import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import time

import pytest
from conftest import until

import crosstie
import crosstie.aio


def kill_once(flag):
    """Kills its own process the first time."""
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return "survived"
    os.kill(os.getpid(), signal.SIGKILL)


def kill_always():
    os.kill(os.getpid(), signal.SIGKILL)


def divide(a, b):
    return a / b


def unpicklable():
    return lambda: None


@pytest.fixture(params=["fork", "spawn"])
def pool(request):
    with crosstie.Executor(2, start_method=request.param) as pool:
        yield pool


def test_answers_and_exceptions_come_back(pool):
    assert list(pool.map(divide, [6, 9], [3, 3])) == [2.0, 3.0]
    with pytest.raises(ZeroDivisionError):
        pool.submit(divide, 1, 0).result()
    with pytest.raises((AttributeError, TypeError, Exception), match="(?i)pickle|local"):
        pool.submit(unpicklable).result()
    with pytest.raises((AttributeError, TypeError, Exception), match="(?i)pickle|local"):
        pool.submit(lambda: None)


def kill_with(buffer):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_job_with_a_buffer_that_keeps_killing_fails_alone(pool):
    # Its bytes stand behind the pickle, not in it.
    poison = pool.submit(kill_with, pickle.PickleBuffer(bytearray(5000)))
    with pytest.raises(crosstie.WorkerDied):
        poison.result(timeout=60)
    assert pool.submit(divide, 6, 3).result(timeout=60) == 2.0


def length(of):
    return len(of)


def zeros(count):
    return bytes(count)


class Fussy(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def fuss():
    raise Fussy("one", "two")


def test_who_submits_more_than_there_is_room_for_holds_nobody_up():
    # Room for a few jobs and a few answers: both queues are full all the time.
    with crosstie.Executor(2, capacity=4096) as pool:
        answers = [pool.submit(bytes, n.to_bytes(1500, "little")) for n in range(500)]
        assert [int.from_bytes(answer.result(timeout=60), "little") for answer in answers] == list(range(500))


def test_a_large_answer_has_room_or_is_an_error_of_its_job_alone(pool):
    with pytest.raises(crosstie.TooLarge, match="capacity"):
        pool.submit(zeros, 2 << 20).result(timeout=60)
    with crosstie.Executor(1, capacity=8 << 20) as roomy:
        assert len(roomy.submit(zeros, 2 << 20).result(timeout=60)) == 2 << 20
        assert roomy.submit(length, bytes(3 << 20)).result(timeout=60) == 3 << 20


def test_an_exception_arrives_with_its_traceback_or_as_text(pool):
    other = pool.submit(time.sleep, 0.5)
    with pytest.raises(ZeroDivisionError) as raised:
        pool.submit(divide, 1, 0).result(timeout=60)
    assert "in divide" in raised.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Fussy"):
        pool.submit(fuss).result(timeout=60)
    assert other.result(timeout=60) is None


def say_and_wait(begun, over):
    begun.write_text("")
    until(over.exists, "the end")
    return "done"


def test_shutdown_takes_back_what_nobody_has_begun(tmp_path):
    begun, over = tmp_path / "begun", tmp_path / "over"
    pool = crosstie.Executor(1)
    first, *rest = [pool.submit(say_and_wait, begun, over) for _ in range(5)]
    until(begun.exists, "a job in hand")
    assert not first.cancel() and not rest[0].cancel()
    pool.shutdown(wait=False, cancel_futures=True)
    assert [one.cancelled() for one in rest] == [True] * 4 and not first.done()
    over.write_text("")
    assert first.result(timeout=60) == "done"
    pool.shutdown()


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2][0]


def polls(thread):
    """Whether the thread is asleep in a poll, as the kernel says."""
    with open(f"/proc/self/task/{thread}/syscall") as file:
        return file.read().split()[0] == ("7" if os.uname().machine == "x86_64" else "73")


def test_a_second_shutdown_takes_back_the_rest_and_ends():
    pool = crosstie.Executor(1, start_method="fork")
    assert pool.submit(abs, -1).result(timeout=60) == 1
    (worker,) = pool.workers()
    # It begins nothing, and ends nothing, that would wake who waits for it.
    os.kill(worker, signal.SIGSTOP)
    until(lambda: state_of(worker) == "T", "its stop")
    jobs = [pool.submit(abs, -n) for n in range(3)]
    pool.shutdown(wait=False)
    until(lambda: not select.select([pool._woken], [], [], 0)[0] and polls(pool._manager.native_id), "who waits for the jobs")
    assert not any(job.done() for job in jobs)
    pool.shutdown(wait=False, cancel_futures=True)
    assert all(job.cancelled() for job in jobs)
    os.kill(worker, signal.SIGCONT)
    until(lambda: not pool._manager.is_alive(), "its end")
    pool.shutdown(cancel_futures=True)


# Each function is in a module of its own: what is started by spawn finds it there.
FORGETS = """
import crosstie, os, pathlib, signal, sys, time
def note(number):
    time.sleep(0.01)  # pace: the program's end comes first
    pathlib.Path(sys.argv[1], str(number)).touch()
def note_once_killed(number):
    try:
        os.close(os.open(os.path.join(sys.argv[1], "flag"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return note(number)
    os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    pool = crosstie.Executor(2, start_method=sys.argv[2])
    pool.submit(note_once_killed, 0)
    for number in range(1, 20):
        pool.submit(note, number)
    if sys.argv[3] == "raises":
        raise SystemExit(7)
    if sys.argv[3] == "closes":
        pool.shutdown(wait=False)
"""


@pytest.mark.parametrize("end", ["returns", "raises", "closes"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_program_that_forgets_its_executor_loses_no_job(tmp_path, domain, method, end):
    program, done = tmp_path / "program.py", tmp_path / "done"
    program.write_text(FORGETS)
    done.mkdir()
    command = [sys.executable, "-X", "dev", "-W", "error", str(program), str(done), method, end]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert (ended.returncode, ended.stderr) == (7 if end == "raises" else 0, "")
    assert sorted(int(name) for name in os.listdir(done) if name != "flag") == list(range(20))
    assert not [name for name in os.listdir(domain) if "executor" in name]


def test_a_child_of_fork_leaves_its_parents_executor_alone():
    with crosstie.Executor(1, start_method="fork") as pool:
        child = multiprocessing.get_context("fork").Process(target=abs, args=(1,))
        # As if an answer were being given out just then: in the child nobody lets that lock go.
        with pool._lock:
            child.start()
        child.join(timeout=20)
        child.kill()
        assert child.exitcode == 0
        assert pool.submit(abs, -1).result(timeout=60) == 1


def test_a_killed_workers_job_is_done_by_another(pool, tmp_path):
    assert pool.submit(kill_once, str(tmp_path / "flag")).result() == "survived"
    assert pool.submit(divide, 6, 3).result() == 2.0


def test_only_a_job_that_keeps_killing_fails(pool):
    poison = pool.submit(kill_always)
    others = [pool.submit(divide, n, 1) for n in range(20)]
    assert [one.result() for one in others] == list(range(20))
    with pytest.raises(crosstie.WorkerDied):
        poison.result()
    assert len(pool.workers()) == 2 and pool.submit(divide, 1, 1).result() == 1


def test_shutdown_waits_for_what_was_submitted_and_leaves_nothing_behind(domain):
    pool = crosstie.Executor(1, start_method="fork")
    future = pool.submit(time.sleep, 0.01)
    pool.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(print)
    until(lambda: not [name for name in os.listdir(domain) if "unnamed" in name], "the queues' end")


def fail():
    raise OSError("no licence")


def test_an_initializer_that_fails_is_told_and_not_tried_for_ever():
    pool = crosstie.Executor(1, start_method="fork", initializer=fail)
    with pytest.raises(RuntimeError, match="no licence"):
        pool.submit(print).result()
    pool.shutdown()


def test_workers_that_cannot_begin_are_not_started_for_ever(other):
    script = other("pool = crosstie.Executor(1, start_method='fork', initializer=os._exit, initargs=(3,))\n"
                   "try: pool.submit(print).result()\n"
                   "except RuntimeError as error: print(error, flush=True)\n")
    assert "before it had begun" in script.line()


@pytest.mark.parametrize("address", ["ring:r", "queue:q", "unix"])
def test_a_task_awaits_what_another_process_sends_and_is_told_of_its_death(other, address, tmp_path):
    address = f"unix:{tmp_path}/u" if address == "unix" else address

    async def main():
        async with crosstie.aio.Receiver(address) as rx:
            sender = other(f"tx = crosstie.Sender({address!r})\nfor line in sys.stdin: tx.send(line.strip().encode())")
            ticks = asyncio.create_task(tick())
            waiting = asyncio.create_task(rx.recv())
            await asyncio.sleep(0.01)
            sender.tell("hello")
            assert await waiting == b"hello"
            sender.kill()
            with pytest.raises(crosstie.PeerDied):
                await rx.recv()
            ticks.cancel()

    async def tick():
        while True:
            await asyncio.sleep(0.001)

    asyncio.run(main())


def test_a_cancelled_recv_has_taken_nothing():
    async def main():
        async with crosstie.aio.Receiver("ring:r", codec="text") as rx:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(rx.recv(), 0.01)
            async with crosstie.aio.Sender("ring:r", codec="text") as tx:
                for word in "one two three".split():
                    await tx.send(word)
            return [word async for word in rx]

    assert asyncio.run(main()) == ["one", "two", "three"]


def test_tasks_take_turns_at_one_end():
    async def main():
        async with crosstie.aio.Sender("queue:tasks?places=2") as tx, crosstie.aio.Receiver("queue:tasks?places=2") as rx:
            takers = [asyncio.create_task(rx.recv()) for _ in range(3)]
            await asyncio.sleep(0.05)
            for number in range(3):
                await tx.send(b"%d" % number)
            taken = await asyncio.wait_for(asyncio.gather(*takers), 20)
            givers = [asyncio.create_task(tx.send(b"%d" % number)) for number in range(5)]
            await asyncio.sleep(0.05)
            given = [await asyncio.wait_for(rx.recv(), 20) for _ in range(5)]
            await asyncio.wait_for(asyncio.gather(*givers), 20)
            return taken, given

    taken, given = asyncio.run(main())
    assert taken == [b"0", b"1", b"2"] and given == [b"0", b"1", b"2", b"3", b"4"]
