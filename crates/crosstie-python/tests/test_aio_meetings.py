"""Conditions, monitors, barriers, events and readers for tasks: in one queue with other processes, cancelled at every point, and told of deaths."""

import asyncio
import ctypes
import threading

import pytest
from test_aio_turns import waiting

import crosstie
import crosstie.aio


class Stock(ctypes.Structure):
    _fields_ = [("apples", ctypes.c_int64), ("pears", ctypes.c_int64)]


STOCK = """
import ctypes
class Stock(ctypes.Structure):
    _fields_ = [("apples", ctypes.c_int64), ("pears", ctypes.c_int64)]
monitor = crosstie.Monitor("stock", Stock)
"""


async def turns():
    """Some turns of the loop: then every task waits that has to."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_tasks_are_notified_by_another_process_as_they_came(other):
    notifier = other(
        "filled = crosstie.Condition('stock')\n"
        "for line in sys.stdin:\n"
        "    with filled: filled.notify(int(line))\n"
        "    print('notified', flush=True)\n"
    )

    async def main():
        filled, order = crosstie.aio.Condition("stock"), []

        async def wait(number):
            async with filled as turn:
                await filled.wait()
                assert turn.held
                order.append(number)

        before, numbers = threading.active_count(), iter(range(50))
        tasks = await waiting(lambda: wait(next(numbers)), 50)
        await turns()
        notifier.tell("3")
        while len(order) < 3:
            await asyncio.sleep(0.001)  # poll: three are notified
        assert threading.active_count() - before <= 1, "the thread that listens for the process, for all"
        await turns()
        assert order == [0, 1, 2]
        notifier.tell("100")
        await asyncio.gather(*tasks)
        assert order == list(range(50))

    asyncio.run(main())


@pytest.mark.parametrize("moment", ["waiting", "on its way"])
def test_a_cancelled_wait_comes_back_with_the_lock_and_passes_its_notification_on(moment):
    async def main():
        filled, log = crosstie.aio.Condition("stock"), []

        async def wait(name):
            try:
                async with filled as turn:
                    try:
                        await filled.wait()
                    finally:
                        assert turn.held and not crosstie.Lock("stock").acquire(blocking=False)
                        log.append(name)
            except asyncio.CancelledError:
                log.append(f"{name} cancelled")

        first, second = asyncio.create_task(wait("first")), asyncio.create_task(wait("second"))
        await turns()
        async with filled:
            if moment == "waiting":
                first.cancel()
                await turns()
                filled.notify()
            else:
                filled.notify()
                await turns()
                first.cancel()
                await turns()
            # Whoever cancels it once more holds nothing up.
            first.cancel()
            assert not log
        await asyncio.wait_for(asyncio.gather(first, second), 20)
        assert sorted(log) == ["first", "first cancelled", "second"]

    asyncio.run(main())
    assert crosstie.Lock("stock").acquire(blocking=False)


def test_who_has_not_the_lock_neither_waits_nor_notifies():
    async def main():
        filled = crosstie.aio.Condition("stock")
        with pytest.raises(RuntimeError, match="wait at cond:stock"):
            await filled.wait()
        with pytest.raises(RuntimeError, match="notify cond:stock: take lock:stock first"):
            filled.notify()
        waits = asyncio.create_task(hold_and_wait(filled))
        await turns()
        # The one that waits has not the lock meanwhile.
        with pytest.raises(RuntimeError):
            filled.notify_all()
        async with filled:
            filled.notify_all()
        await waits

    async def hold_and_wait(filled):
        async with filled:
            assert await filled.wait_for(iter([0, "there"]).__next__) == "there"

    asyncio.run(main())


def test_a_waiter_that_is_killed_makes_way(other):
    killed = other("filled = crosstie.Condition('stock')\nfilled.acquire()\nprint('has', flush=True)\nfilled.wait()")
    killed.says("has")

    async def main():
        filled = crosstie.aio.Condition("stock")
        async with filled:
            # It waits: it has given the lock back.
            pass
        behind = asyncio.create_task(wait(filled))
        await turns()
        killed.kill()
        async with filled:
            filled.notify()
        await asyncio.wait_for(behind, 20)

    async def wait(filled):
        async with filled:
            await filled.wait()

    asyncio.run(main())


def test_a_task_waits_in_a_monitor_for_what_another_process_changes(other):
    giver = other(STOCK + "for line in sys.stdin:\n    with monitor as stock: stock.apples += int(line)\n")

    async def main():
        monitor, eaten = crosstie.aio.Monitor("stock", Stock), []

        async def eat(number):
            async with monitor as stock:
                await monitor.wait_while(lambda stock: stock.apples == 0)
                before = stock.apples
                await asyncio.sleep(0)
                assert stock.apples == before, "another was inside"
                stock.apples = before - 1
                eaten.append(number)

        tasks = [asyncio.create_task(eat(number)) for number in range(20)]
        await turns()
        for _ in range(10):
            giver.tell("2")
        await asyncio.wait_for(asyncio.gather(*tasks), 40)
        async with monitor as stock:
            assert stock.apples == 0 and len(eaten) == 20

    asyncio.run(main())


def test_a_cancelled_wait_in_a_monitor_is_inside_again_before_it_is_told():
    async def main():
        monitor, outside = crosstie.aio.Monitor("stock", Stock), crosstie.Monitor("stock", Stock, timeout=0)

        async def wait():
            async with monitor as stock:
                try:
                    await monitor.wait_until(lambda stock: stock.apples == 7)
                finally:
                    assert monitor.guard.held
                    with pytest.raises(crosstie.Busy):
                        outside.__enter__()
                    stock.pears += 1

        for is_held in (False, True):
            task = asyncio.create_task(wait())
            await turns()
            assert monitor.guard is None, "it waits outside"
            if is_held:
                async with monitor:
                    task.cancel()
                    await turns()
                    assert not task.done()
            else:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with monitor as stock:
            assert stock.pears == 2
        with pytest.raises(RuntimeError, match="not inside"):
            await monitor.wait_while(lambda stock: True)

    asyncio.run(main())


def test_a_task_is_told_who_died_inside_until_it_is_mended(other):
    killed = other(STOCK + "with monitor as stock:\n    stock.apples = 1\n    print('inside', flush=True)\n    sys.stdin.readline()")
    killed.says("inside")

    async def main():
        monitor = crosstie.aio.Monitor("stock", Stock)
        enters = asyncio.create_task(look(monitor))
        await turns()
        killed.kill()
        with pytest.warns(crosstie.AbandonedWarning, match=str(killed.pid)):
            assert await enters == (True, killed.pid, 1)
        async with monitor:
            assert not monitor.guard.abandoned

    async def look(monitor):
        async with monitor as stock:
            monitor.guard.mark_mended()
            return monitor.guard.abandoned, monitor.guard.dead_owner.pid, stock.apples

    asyncio.run(main())


def test_where_warnings_are_errors_nobody_keeps_what_was_abandoned(other):
    killed = other(STOCK + "lock = crosstie.Lock('db')\nlock.acquire()\nwith monitor as stock:\n    print('inside', flush=True)\n    sys.stdin.readline()")
    killed.says("inside")
    killed.kill()
    lock, monitor = crosstie.aio.Lock("db"), crosstie.aio.Monitor("stock", Stock)

    async def main():
        with pytest.raises(crosstie.AbandonedWarning):
            async with lock:
                pass
        with pytest.raises(crosstie.AbandonedWarning):
            async with monitor:
                pass

    asyncio.run(main())
    assert crosstie.Lock("db").acquire(blocking=False)
    with pytest.warns(crosstie.AbandonedWarning), crosstie.Monitor("stock", Stock, timeout=0):
        pass


def test_a_monitor_of_other_fields_is_refused_and_left():
    others = []

    class Other(ctypes.Structure):
        _fields_ = [("pears", ctypes.c_int64), ("apples", ctypes.c_int64)]

    async def main():
        async with crosstie.aio.Monitor("stock", Stock):
            pass
        others.append(crosstie.aio.Monitor("stock", Other))
        with pytest.raises(crosstie.Mismatch, match="apples"):
            async with others[0]:
                pass

    asyncio.run(main())
    with crosstie.Monitor("stock", Stock, timeout=0):
        pass


def test_tasks_meet_threads_of_another_process_again_and_again(other):
    meets = other("phase = crosstie.Barrier('phase', 3)\nfor _ in range(20): phase.wait()\nprint('met', flush=True)")

    async def main():
        phase = crosstie.aio.Barrier("phase", 3)

        async def meet():
            return [await phase.wait() for _ in range(20)]

        before = threading.active_count()
        one, two = await asyncio.wait_for(asyncio.gather(meet(), meet()), 40)
        assert threading.active_count() - before <= 1
        assert all(1 in each for each in zip(one, two)), "one leads, of the three"

    asyncio.run(main())
    meets.says("met")


def test_a_task_that_gave_up_or_ended_makes_room_for_another():
    async def main():
        phase = crosstie.aio.Barrier("phase", 2)
        gone = asyncio.create_task(phase.wait())
        await turns()
        gone.cancel()
        await asyncio.wait([gone])
        kept = []
        for _ in range(3):
            both = [asyncio.create_task(phase.wait()) for _ in range(2)]
            # What is left of them keeps no place.
            kept += both
            assert sorted(await asyncio.wait_for(asyncio.gather(*both), 20)) == [0, 1]
        assert not phase.broken and phase.parties == 2

    asyncio.run(main())


def test_the_death_of_a_party_breaks_the_barrier_for_tasks(other):
    party = other("phase = crosstie.Barrier('phase', 2)\nphase.wait()\nprint('met', flush=True)\nsys.stdin.readline()")

    async def main():
        phase = crosstie.aio.Barrier("phase", 2)
        await phase.wait()
        party.says("met")
        killer = asyncio.get_running_loop().call_soon(party.kill)
        with pytest.raises(crosstie.BrokenBarrier, match=str(party.pid)):
            await phase.wait()
        killer.cancel()
        assert phase.broken and phase.reset() and not phase.broken

    asyncio.run(main())


def test_readers_share_and_a_writer_is_alone(other):
    async def main():
        config = crosstie.aio.RwLock("config")
        async with config.read(), crosstie.aio.RwLock("config").read():
            writes = asyncio.create_task(config.write().acquire())
            await turns()
            assert not writes.done()
        await writes
        assert not crosstie.RwLock("config").read().acquire(blocking=False)
        config.write().release()
        assert crosstie.RwLock("config").read().acquire(blocking=False)

    asyncio.run(main())


def test_an_event_that_resets_itself_lets_one_task_through():
    async def main():
        ready = crosstie.aio.Event("ready", reset="auto")
        tasks = await waiting(ready.wait, 2)
        crosstie.Event("ready", reset="auto").set()
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await turns()
        assert len(done) == 1 and not ready.is_set()
        ready.set()
        await asyncio.gather(*rest)
        with pytest.raises(crosstie.Mismatch):
            crosstie.aio.Event("ready")

    asyncio.run(main())
