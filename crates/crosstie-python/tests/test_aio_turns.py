"""Locks, permits, counts and events for tasks: one queue with threads, commands and other processes, and no thread a wait."""

import asyncio
import threading

import pytest

import crosstie
import crosstie.aio

HOLDER = """
lock = crosstie.Lock("db")
lock.acquire()
print("has", flush=True)
sys.stdin.readline()
lock.release()
"""


def waiting(make, count):
    """As many tasks that wait, once all of them do."""

    async def wait():
        tasks = [asyncio.create_task(make()) for _ in range(count)]
        # One turn of the loop each: then they have looked and wait for their descriptor.
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks

    return wait()


def test_a_task_gets_the_lock_when_another_process_gives_it_back(other):
    holder = other(HOLDER)
    holder.says("has")

    async def main():
        async def take():
            async with crosstie.aio.Lock("db") as turn:
                return turn.token

        (task,) = await waiting(take, 1)
        assert not task.done()
        holder.tell()
        return await task

    assert asyncio.run(main()) == 2


def test_a_task_is_told_that_the_owner_was_killed(other):
    holder = other(HOLDER)
    holder.says("has")

    async def main():
        async def take():
            with pytest.warns(crosstie.AbandonedWarning):
                async with crosstie.aio.Lock("db") as turn:
                    return turn.abandoned, turn.dead_owner.pid

        (task,) = await waiting(take, 1)
        holder.kill()
        return await task

    assert asyncio.run(main()) == (True, holder.pid)


def test_a_hundred_tasks_wait_without_a_thread_each():
    async def main():
        lock = crosstie.aio.Lock("db")
        order, inside = [], 0

        async def take(number):
            nonlocal inside
            async with lock:
                inside += 1
                assert inside == 1
                await asyncio.sleep(0)
                inside -= 1
                order.append(number)

        first = await lock.acquire()
        numbers = iter(range(100))
        before = threading.active_count()
        tasks = await waiting(lambda: take(next(numbers)), 100)
        assert threading.active_count() == before
        lock.release()
        assert not first.held
        await asyncio.gather(*tasks)
        assert order == sorted(order), "first come, first served"

    asyncio.run(main())


def test_a_cancelled_wait_has_nothing_and_keeps_up_nobody(other):
    holder = other(HOLDER)
    holder.says("has")

    async def main():
        lock = crosstie.aio.Lock("db")
        one, two = await waiting(lock.acquire, 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await crosstie.aio.Lock("db").acquire()
        one.cancel()
        holder.tell()
        await two
        lock.release()
        with pytest.raises(RuntimeError):
            lock.release()

    asyncio.run(main())
    assert crosstie.Lock("db").acquire(blocking=False)


def test_tasks_share_and_have_permits_of_their_own():
    async def main():
        shared = crosstie.aio.Lock("db", shared=True)
        async with shared, shared:
            assert not crosstie.Lock("db").acquire(blocking=False)
        assert crosstie.Lock("db").acquire(blocking=False)
        gpu = crosstie.aio.Semaphore("gpu", 2)
        seen = []

        async def use():
            async with gpu as permit:
                seen.append(permit.index)
                await asyncio.sleep(0)
                assert permit.held

        await asyncio.gather(*(use() for _ in range(6)))
        assert sorted(set(seen)) == [0, 1] and len(seen) == 6

    asyncio.run(main())


def test_tasks_wait_for_counts_and_events_of_other_processes(other):
    async def main():
        items, ready = crosstie.aio.CountingSemaphore("items"), crosstie.aio.Event("ready")
        tasks = [*await waiting(items.wait, 2), *await waiting(ready.wait, 2)]
        other("crosstie.CountingSemaphore('items').post(2)\ncrosstie.Event('ready').set()\n").ends()
        await asyncio.gather(*tasks)
        assert items.value == 0 and ready.is_set()
        ready.clear()
        assert not ready.is_set()

    asyncio.run(main())
