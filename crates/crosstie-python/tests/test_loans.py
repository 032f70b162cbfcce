"""Messages written and read where they lie: views, and what a view that lives forbids."""

import asyncio

import pytest

import crosstie
import crosstie.aio

ADDRESSES = ["ring:lent", "queue:lent", "topic:lent", "unix"]


@pytest.fixture(params=ADDRESSES)
def ends(request, tmp_path):
    """A sender and a receiver of one address."""
    address = f"unix:{tmp_path}/lent" if request.param == "unix" else request.param
    with crosstie.Receiver(address) as rx, crosstie.Sender(address) as tx:
        yield tx, rx


def test_what_is_written_in_place_is_sent_and_read_in_place(ends):
    tx, rx = ends
    with tx.loan(6) as room:
        assert (len(room), room.readonly, room.format) == (6, False, "B")
        room[:3] = b"abc"
        room[3:] = b"def"
    with rx.recv_in_place(timeout=50) as message:
        assert message.readonly and bytes(message) == b"abcdef" and message[2] == ord("c")
    tx.send(b"next")
    assert rx.recv(timeout=50) == b"next"


def test_what_raises_sends_nothing_and_the_views_are_over(ends):
    tx, rx = ends
    with pytest.raises(KeyError), tx.loan(4) as room:
        room[:] = b"lost"
        raise KeyError
    with pytest.raises(ValueError, match="released"):
        room[0]
    tx.send(b"kept")
    with rx.recv_in_place(timeout=50) as message:
        assert bytes(message) == b"kept"
    with pytest.raises(ValueError, match="released"):
        message[0]


def test_a_view_that_lives_keeps_the_message(ends):
    tx, rx = ends
    loan = tx.loan(4)
    room = loan.__enter__()
    part = room[:2]
    room[:] = b"kept"
    with pytest.raises(BufferError):
        loan.__exit__(None)
    assert bytes(part) == b"ke"
    part.release()
    with memoryview(loan._end) as another:
        with pytest.raises(BufferError, match="1 views of the message live"):
            loan.__exit__(None)
        assert bytes(another) == b"kept"
    loan.__exit__(None)
    lent = rx.recv_in_place(timeout=50)
    message = lent.__enter__()
    part = message[2:]
    with pytest.raises(BufferError):
        lent.__exit__(None)
    assert bytes(part) == b"pt"
    part.release()
    with memoryview(lent._end) as another:
        with pytest.raises(BufferError, match="1 views of the message live"):
            lent.__exit__(None)
        assert bytes(another) == b"kept"
    lent.__exit__(None)


def test_numbers_are_written_and_read_without_a_copy():
    numpy = pytest.importorskip("numpy")
    with crosstie.Sender("ring:numbers?capacity=32MiB") as tx, crosstie.Receiver("ring:numbers?capacity=32MiB") as rx:
        with tx.loan(8 << 20) as room:
            numbers = numpy.frombuffer(room, dtype=numpy.int64)
            numbers[:] = numpy.arange(1 << 20)
            del numbers
        with rx.recv_in_place() as message:
            numbers = numpy.frombuffer(message, dtype=numpy.int64)
            assert int(numbers.sum()) == (1 << 20) * ((1 << 20) - 1) // 2 and not numbers.flags.writeable
            del numbers


def test_an_end_that_has_lent_does_nothing_else(ends):
    tx, rx = ends
    with tx.loan(1) as room:
        room[:] = b"x"
        for act in (lambda: tx.send(b"y"), lambda: tx.loan(1), tx.close):
            with pytest.raises(crosstie.Busy, match="is lent"):
                act()
    with rx.recv_in_place(timeout=50):
        for act in (lambda: rx.recv(0), lambda: rx.recv_in_place(0), rx.close):
            with pytest.raises(crosstie.Busy, match="is lent"):
                act()
    assert not tx.closed and not rx.closed


def test_a_loan_that_is_let_go_sends_nothing_and_gives_its_end_back(ends):
    tx, rx = ends
    loan = tx.loan(4)
    del loan
    tx.send(b"after")
    lent = rx.recv_in_place(timeout=50)
    del lent
    tx.send(b"last")
    assert rx.recv(timeout=50) == b"last"


def test_there_is_no_room_for_what_is_too_large_or_late():
    with crosstie.Sender("ring:small?capacity=64KiB") as tx, crosstie.Receiver("ring:small?capacity=64KiB") as rx:
        with pytest.raises(crosstie.TooLarge):
            tx.loan(1 << 30)
        with pytest.raises(crosstie.Error):
            while True:
                with tx.loan(20000, timeout=0.01):
                    pass
        with pytest.raises((crosstie.TimedOut, crosstie.Busy)):
            tx.loan(20000, timeout=0)
        assert rx.recv() == bytes(20000)
    with pytest.raises(crosstie.Usage, match="closed"):
        tx.loan(1)


@pytest.mark.parametrize("address", ["ring:room?capacity=64KiB", "queue:room?places=16", "topic:room?places=16"])
def test_a_loan_takes_the_room_of_one_message(address):
    def sends_in_place(tx):
        with tx.loan(1000, timeout=0):
            pass

    counts = []
    for act in (lambda tx: tx.send(bytes(1000), timeout=0), sends_in_place):
        with crosstie.Receiver(address) as rx, crosstie.Sender(address) as tx:
            count = 0
            with pytest.raises(crosstie.Busy):
                while True:
                    act(tx)
                    count += 1
            counts.append(count)
            assert sum(1 for _ in range(count) if rx.recv(0)) == count
    assert counts[0] == counts[1] > 8


def test_what_the_killed_read_in_place_comes_again(other):
    with crosstie.Sender("queue:again") as tx:
        tx.send(b"job")
        reader = other(
            "rx = crosstie.Receiver('queue:again')\n"
            "with rx.recv_in_place() as message:\n"
            "    print(bytes(message).decode(), flush=True)\n"
            "    sys.stdin.readline()\n"
        )
        reader.says("job")
        reader.kill()
        with crosstie.Receiver("queue:again") as rx, rx.recv_in_place(timeout=50) as message:
            assert bytes(message) == b"job"


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path):
    return f"unix:{tmp_path}/lent" if request.param == "unix" else request.param


def test_tasks_write_and_read_in_place(address):
    async def main():
        async with crosstie.aio.Receiver(address) as rx, crosstie.aio.Sender(address) as tx:
            async with tx.loan(6) as room:
                assert (len(room), room.readonly) == (6, False)
                room[:] = b"abcdef"
            async with rx.recv_in_place() as message:
                assert message.readonly and bytes(message) == b"abcdef"
            with pytest.raises(ValueError, match="released"):
                message[0]
            with pytest.raises(KeyError):
                async with tx.loan(4) as room:
                    raise KeyError
            await tx.send(b"kept")
            async with rx.recv_in_place() as message:
                assert bytes(message) == b"kept"

    asyncio.run(main())


def test_a_task_waits_for_room_and_for_a_message_and_cancelled_has_neither():
    async def main():
        small = "queue:small?capacity=64KiB"
        async with crosstie.aio.Receiver(small) as rx, crosstie.aio.Sender(small) as tx, crosstie.aio.Sender(small) as other:

            async def fill(sender):
                while True:
                    async with sender.loan(20000) as room:
                        room[:] = bytes(20000)

            async def receive():
                async with rx.recv_in_place() as message:
                    return len(message)

            async with asyncio.timeout(50):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await fill(tx)
                waits = asyncio.create_task(fill(other))
                assert [await receive(), await receive()] == [20000, 20000]
                waits.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waits
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        while True:
                            assert await receive() == 20000
                receiving = asyncio.create_task(receive())
                async with tx.loan(3) as room:
                    room[:] = b"end"
                assert await receiving == 3

    asyncio.run(main())


def test_an_end_of_tasks_that_has_lent_does_nothing_else():
    async def main():
        async with crosstie.aio.Receiver("ring:busy") as rx, crosstie.aio.Sender("ring:busy") as tx:
            async with tx.loan(1):
                with pytest.raises(crosstie.Busy, match="is lent"):
                    await tx.send(b"y")
                with pytest.raises(crosstie.Busy, match="is lent"):
                    async with tx.loan(1):
                        pass
            async with rx.recv_in_place():
                with pytest.raises(crosstie.Busy, match="is lent"):
                    await rx.recv()

    asyncio.run(main())
