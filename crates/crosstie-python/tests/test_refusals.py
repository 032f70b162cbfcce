"""What is refused says what is so, and what to do."""

import ctypes
import os
import pathlib
import threading

import pytest

import crosstie


class Stock(ctypes.Structure):
    _fields_ = [("apples", ctypes.c_int64), ("pears", ctypes.c_int64 * 2)]


@pytest.fixture
def name():
    """The name of a region, or of a semaphore, that nobody else has, gone at the end."""
    name = f"/crosstie-pytest-{os.getpid()}"
    yield name
    for left in (pathlib.Path(f"/dev/shm{name}"), pathlib.Path(f"/dev/shm/sem.{name[1:]}")):
        left.unlink(missing_ok=True)


def test_a_region_of_another_size_is_refused_by_its_own_kind(name):
    crosstie.Region(name, 4096).close()
    crosstie.Region(name, 4096).close()
    for size in (8192, 100):
        with pytest.raises(crosstie.Mismatch, match=f"has 4096 bytes, not {size}"):
            crosstie.Region(name, size)
    assert crosstie.Region(name).size == 4096


def test_a_region_that_its_maker_has_not_sized_yet_gets_its_size(name):
    pathlib.Path(f"/dev/shm{name}").touch()
    assert crosstie.Region(name, 4096).size == 4096


def test_a_region_without_bytes_leaves_no_file(name):
    with pytest.raises(crosstie.Usage, match="no bytes"):
        crosstie.Region(name, 0)
    assert not pathlib.Path(f"/dev/shm{name}").exists()


def test_a_posix_semaphore_is_removed_by_its_address(name):
    crosstie.CountingSemaphore(f"posix:{name}", 1)
    crosstie.remove(f"posix:{name}")
    with pytest.raises(crosstie.NotFound):
        crosstie.remove(f"posix:{name}")


def test_what_is_open_here_is_not_said_to_be_another_process_s():
    lock = crosstie.Lock("db")
    with pytest.raises(crosstie.Busy, match="this process or another has it open"):
        crosstie.remove(lock.name)
    del lock
    crosstie.remove("lock:db")


def test_a_count_that_is_full_is_no_message():
    full = crosstie.CountingSemaphore("n", 2**31 - 1)
    with pytest.raises(crosstie.TooLarge) as told:
        full.post()
    assert str(told.value) == "post count:n: too large: its value is 2147483647, the largest"


def test_a_message_that_is_too_large_is_told_with_both_sizes():
    tx = crosstie.Sender("ring:r?max=10")
    with pytest.raises(crosstie.TooLarge, match="send to ring:r.max=10: too large: 11 bytes, the limit is 10"):
        tx.send(bytes(11))


def test_who_notifies_without_the_lock_is_told_which():
    condition = crosstie.Condition("filled", crosstie.Lock("stock"))
    with pytest.raises(RuntimeError, match="notify cond:filled: the caller does not have lock:stock; take it first"):
        condition.notify()
    with pytest.raises(RuntimeError, match="wait at cond:filled: the caller does not have lock:stock"):
        condition.wait(1)


def test_who_is_late_at_a_barrier_is_told_that_not_all_came():
    barrier = crosstie.Barrier("b", 2)
    with pytest.raises(crosstie.TimedOut, match="not all came to barrier:b; behind this one 0 wait there, after a wait of") as told:
        barrier.wait(0.002)
    assert told.value.object == "barrier:b" and told.value.waited > 0
    with pytest.raises(crosstie.TimedOut, match="0 wait there$"):
        barrier.wait(0)


def test_data_of_a_monitor_are_there_inside_only():
    monitor = crosstie.Monitor("stock", Stock)
    with monitor as stock:
        stock.apples = 3
        assert isinstance(stock, Stock) and stock.apples == 3
        stock.pears[1] = 7
    for outside in (lambda: stock.apples, lambda: stock.pears, lambda: setattr(stock, "apples", 4)):
        with pytest.raises(RuntimeError, match="monitor:stock: its data are there inside only"):
            outside()
    with monitor as again:
        assert (again.apples, stock.apples, list(stock.pears)) == (3, 3, [0, 7])


def test_data_are_not_there_while_their_owner_waits():
    monitor = crosstie.Monitor("stock", Stock)
    told = []

    def look(stock):
        while not told:
            try:
                stock.apples
            except RuntimeError as error:
                told.append(error)

    with monitor as stock:
        thread = threading.Thread(target=look, args=(stock,))
        thread.start()
        assert not monitor.wait_while(lambda stock: not told, timeout=0.05) or told
        thread.join()
        assert stock.apples == 0


def test_who_is_not_inside_neither_waits_nor_leaves():
    monitor = crosstie.Monitor("stock", Stock)

    def refused():
        for act in (lambda: monitor.wait_until(lambda stock: True), lambda: monitor.wait_while(lambda stock: True)):
            with pytest.raises(RuntimeError, match="wait in monitor:stock: the caller is not inside"):
                act()
        with pytest.raises(RuntimeError, match="leave monitor:stock: the caller is not inside"):
            monitor.__exit__()

    refused()
    with monitor as stock:
        # Another thread, while this one is.
        raised = []
        thread = threading.Thread(target=lambda: raised.append(refused()))
        thread.start()
        thread.join()
        assert raised == [None]
        stock.apples = 1
    refused()
