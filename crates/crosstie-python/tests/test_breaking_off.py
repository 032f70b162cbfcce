"""A sender whose block an exception leaves has not sent all: its receiver is told, and a retry finds the place free."""

import asyncio

import pytest

import crosstie
import crosstie.aio

ADDRESSES = ["ring:r", "queue:q", "topic:t", "fifo", "unix", "unixpacket", "tcp"]


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path):
    if request.param == "tcp":
        return "tcp:127.0.0.1:0"
    return request.param if ":" in request.param else f"{request.param}:{tmp_path}/x"


def test_half_of_it_does_not_pass_for_all_and_a_retry_does(address):
    rx = crosstie.Receiver(address)
    with pytest.raises(ZeroDivisionError), crosstie.Sender(rx.address) as tx:
        tx.send(b"half")
        1 / 0
    assert tx.closed and rx.recv(timeout=20) == b"half"
    with pytest.raises(crosstie.PeerDied):
        rx.recv(timeout=20)
    with crosstie.Sender(rx.address) as tx:
        tx.send(b"all")
    assert rx.recv(timeout=20) == b"all"
    with pytest.raises(crosstie.Closed):
        rx.recv(timeout=20)


def test_a_task_that_fails_or_is_cancelled_breaks_off(address):
    async def main():
        async with crosstie.aio.Receiver(address) as rx:

            async def send():
                async with crosstie.aio.Sender(rx.address) as tx:
                    await tx.send(b"half")
                    await asyncio.sleep(60)

            task = asyncio.create_task(send())
            assert await asyncio.wait_for(rx.recv(), 20) == b"half"
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(crosstie.PeerDied):
                await asyncio.wait_for(rx.recv(), 20)

    asyncio.run(main())


def test_who_breaks_off_by_hand_has_ended():
    rx, tx = crosstie.Receiver("ring:r"), crosstie.Sender("ring:r")
    tx.break_off()
    tx.break_off()
    tx.close()
    with pytest.raises(crosstie.PeerDied):
        rx.recv(timeout=20)
    with pytest.raises(ValueError, match="was closed"):
        tx.send(b"")
