"""Many replies to one call: in order, as they are asked for, and told how they end."""

import asyncio
import os
import signal
import threading

import pytest
from conftest import sleeps, until
from test_calls import Serving, address  # noqa: F401

import crosstie
import crosstie.aio

SERVER = """
server = crosstie.Server(sys.argv[1], codec="json")
print("listens", flush=True)
with server.take().stream() as replies:
    for number in range(3):
        replies.send(number)
    print("sent", flush=True)
    sys.stdin.readline()
"""


def below(limit):
    yield from range(limit)
    if limit == 3:
        raise crosstie.NotFound("no fourth")


def test_many_replies_come_in_order_and_an_exception_behind_them(address):
    with Serving(address, below, codec="json"), crosstie.Client(address, codec="json") as client:
        assert list(client.stream(1000, timeout=50)) == list(range(1000))
        got = []
        with pytest.raises(crosstie.NotFound, match="no fourth"):
            for number in client.stream(3):
                got.append(number)
        assert got == [0, 1, 2]
        assert list(client.stream(0)) == []


def test_a_server_is_little_ahead_of_who_takes(tmp_path):
    made = []

    def blocks(count):
        for number in range(count):
            made.append(number)
            yield "x" * 10_000

    address = f"unix:{tmp_path}/svc"
    with Serving(address, blocks, codec="json"), crosstie.Client(address, codec="json") as client:
        replies = client.stream(1000, timeout=50)
        assert next(replies) == "x" * 10_000
        # 10 MB are asked for; 256 KiB and what the socket holds are ahead.
        assert len(made) < 200
        assert sum(map(len, replies)) == 999 * 10_000
        assert len(made) == 1000


def test_a_generator_is_let_go_when_nobody_takes_any_more(address):
    let_go = threading.Event()

    def for_ever(_request):
        try:
            while True:
                yield "x" * 1000
        finally:
            let_go.set()

    with Serving(address, for_ever, codec="json"), crosstie.Client(address, codec="json") as client:
        with client.stream(None, timeout=50) as replies:
            assert next(replies) == "x" * 1000
        assert let_go.wait(20)
        with pytest.raises(StopIteration):
            next(replies)


def test_one_reply_and_many_are_told_apart(address):
    def answer(request):
        return below(2) if request == "many" else request

    with Serving(address, answer, codec="json"), crosstie.Client(address, codec="json") as client:
        with pytest.raises(crosstie.Mismatch, match="many replies"):
            client.call("many", timeout=50)
        assert list(client.stream("one", timeout=50)) == ["one"]
        assert list(client.stream("many", timeout=50)) == [0, 1]


def test_a_call_in_hand_is_answered_with_many_replies_or_refused_behind_some(address):
    with crosstie.Server(address, codec="json") as server, crosstie.Client(address, codec="json") as client:
        takes = client.stream("first", timeout=50)
        call = server.take(timeout=20)
        assert call.takes_stream
        with pytest.raises(ZeroDivisionError), call.stream() as replies:
            replies.send(1)
            1 / 0
        assert replies.closed and call.answered
        assert next(takes) == 1
        with pytest.raises(crosstie.Negative, match="ZeroDivisionError"):
            next(takes)
        takes = client.stream("second", timeout=50)
        with server.take(timeout=20).stream() as replies:
            replies.send(2)
            assert not replies.cancelled
        with pytest.raises(RuntimeError):
            replies.send(3)
        assert list(takes) == [2]
        takes = client.stream("dropped", timeout=50)
        replies = server.take(timeout=20).stream()
        replies.send(4)
        del replies
        assert next(takes) == 4
        with pytest.raises(crosstie.Failed, match="without an answer"):
            next(takes)
        late = client.stream("late", timeout=0.01)
        in_hand = server.take(timeout=20)
        with pytest.raises(crosstie.TimedOut):
            next(late)
        assert in_hand.cancelled


def test_a_killed_server_is_told_behind_what_it_sent(address, other):
    server = other(SERVER, address)
    server.says("listens")
    with crosstie.Client(address, codec="json") as client:
        replies = client.stream(None, timeout=50)
        server.says("sent")
        assert [next(replies), next(replies), next(replies)] == [0, 1, 2]
        server.kill()
        with pytest.raises(crosstie.PeerDied):
            next(replies)


def test_ctrl_c_ends_a_wait_for_a_reply_that_is_not_made(address, other):
    waits = other(
        "client = crosstie.Client(sys.argv[1], codec='json', timeout=20)\n"
        "replies = client.stream(None)\n"
        "try:\n"
        "    print(next(replies), flush=True)\n"
        "    next(replies)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n",
        address,
    )
    with crosstie.Server(address, codec="json") as server:
        with server.take(timeout=20).stream() as replies:
            replies.send("one")
            waits.says("one")
            # At a socket it sleeps in a poll: there it may come at any moment.
            until(lambda: sleeps(waits.pid) or "unix" in address, "its sleep")
            os.kill(waits.pid, signal.SIGINT)
            waits.says("interrupted")


@pytest.mark.parametrize("address", ["queue:svc", "unix:@crosstie-circle-%d" % os.getpid()])
def test_a_generator_that_asks_its_own_server_is_told_of_the_circle(address):  # noqa: F811
    def answer(request):
        yield "begun"
        with crosstie.Client(address, codec="json") as inner:
            yield inner.call("again")

    with Serving(address, answer, codec="json"), crosstie.Client(address, codec="json") as client:
        replies = client.stream("once", timeout=50)
        assert next(replies) == "begun"
        with pytest.raises(crosstie.DeadlockError):
            next(replies)


def test_tasks_give_and_take_many_replies(address):
    let_go = []

    async def answer(request):
        try:
            for number in range(request):
                await asyncio.sleep(0)
                yield number
            if request == 3:
                raise crosstie.NotFound("no fourth")
        finally:
            let_go.append(request)

    async def main():
        async with crosstie.aio.Server(address, codec="json") as server:
            serving = asyncio.create_task(server.serve(answer))
            async with crosstie.aio.Client(server.address, codec="json") as client:

                async def take(count):
                    return [number async for number in client.stream(count)]

                taken = await asyncio.wait_for(asyncio.gather(*(take(count) for count in (0, 10, 200))), 40)
                assert taken == [list(range(count)) for count in (0, 10, 200)]
                with pytest.raises(crosstie.NotFound, match="no fourth"):
                    await take(3)
                with pytest.raises(crosstie.Mismatch, match="many replies"):
                    await client.call(1)
                async with client.stream(10**9) as replies:
                    async for number in replies:
                        if number == 5:
                            break
                while 10**9 not in let_go:
                    await asyncio.sleep(0.001)  # poll: the generator is let go
                with pytest.raises(StopAsyncIteration):
                    await anext(replies)
            server.stop()
            await serving

    asyncio.run(main())


def test_a_blocking_client_takes_from_tasks_more_than_there_is_room_for(tmp_path):
    def answer(count):
        yield from ("x" * 10_000 for _ in range(int(count)))

    async def main():
        async with crosstie.aio.Server(f"unix:{tmp_path}/svc", codec="text") as server:
            serving = asyncio.create_task(server.serve(answer))

            def take():
                with crosstie.Client(server.address, codec="text") as client:
                    return sum(map(len, client.stream("300", timeout=50)))

            assert await asyncio.to_thread(take) == 3_000_000
            server.stop()
            await serving

    asyncio.run(main())


def test_who_waits_for_a_reply_is_told_when_the_replies_are_closed():
    async def main():
        async with crosstie.aio.Server("queue:svc", codec="json") as server, crosstie.aio.Client("queue:svc", codec="json") as client:
            replies = client.stream(None)
            waits = asyncio.create_task(anext(replies, "closed"))
            call = await server.take()
            await asyncio.sleep(0)
            replies.close()
            assert await asyncio.wait_for(waits, 20) == "closed"
            while not call.cancelled:
                await asyncio.sleep(0.001)  # poll: the server is told

    asyncio.run(main())
