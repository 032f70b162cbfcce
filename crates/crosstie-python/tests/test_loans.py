"""Messages written and read where they lie: views, and what a view that lives forbids."""

import pytest

import crosstie

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
