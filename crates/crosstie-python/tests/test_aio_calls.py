"""Calls for tasks: replies, refusals, deaths, cancellation, and no thread a wait."""

import asyncio
import contextlib
import threading

import pytest

import crosstie
import crosstie.aio

ADDRESSES = ["queue:svc", "ring:svc", "unix", "tcp"]

SERVER = """
server = crosstie.Server(sys.argv[1], codec="json")
print("listens", flush=True)
call = server.take()
print("has", call.request, flush=True)
sys.stdin.readline()
call.reply("done")
"""


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path):
    return {"unix": f"unix:{tmp_path}/svc", "tcp": "tcp:127.0.0.1:0"}.get(request.param, request.param)


def test_tasks_call_and_answer_beside_each_other(address):
    async def answer(number):
        await asyncio.sleep(0)
        if number < 0:
            raise crosstie.NotFound(f"no {number}")
        return number * 2

    async def main():
        async with crosstie.aio.Server(address, codec="json") as server:
            serving = asyncio.create_task(server.serve(answer))
            async with crosstie.aio.Client(server.address, codec="json") as client:
                before = threading.active_count()
                replies = await asyncio.gather(*(client.call(number) for number in range(100)))
                assert replies == [number * 2 for number in range(100)]
                assert threading.active_count() == before
                with pytest.raises(crosstie.NotFound, match="no -1"):
                    await client.call(-1)
                with pytest.raises(crosstie.Negative, match="TypeError"):
                    await client.call("x")
            server.stop()
            await serving

    asyncio.run(main())


def test_blocking_ends_and_tasks_mix(address):
    async def main():
        async with crosstie.aio.Server(address, codec="json") as server:
            serving = asyncio.create_task(server.serve(sum))

            def ask():
                with crosstie.Client(server.address, codec="json") as client:
                    return client.call([1, 2, 3], timeout=50)

            assert await asyncio.to_thread(ask) == 6
            server.stop()
            await serving

    asyncio.run(main())


def test_a_killed_server_is_told_to_the_task_that_waits(other, tmp_path):
    for address in ("queue:svc", f"unix:{tmp_path}/svc"):
        server = other(SERVER, address)
        server.says("listens")

        async def main():
            async with crosstie.aio.Client(address, codec="json") as client:
                call = asyncio.create_task(client.call("question"))
                while not call.done() and await asyncio.to_thread(server.line) != "has question":
                    pass
                server.kill()
                with pytest.raises(crosstie.PeerDied):
                    await call

        asyncio.run(main())
        crosstie.remove(address) if address.startswith("unix") else None


def test_a_call_that_is_cancelled_or_late_is_told_to_the_server_and_the_next_goes_on(address):
    async def main():
        async with crosstie.aio.Server(address, codec="text") as server:
            async with crosstie.aio.Client(server.address, codec="text") as client:
                asking = asyncio.create_task(client.call("first", timeout=50))
                call = await server.take()
                assert call.request == "first" and 0 < call.remaining <= 50 and not call.cancelled
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                with pytest.raises(crosstie.TimedOut):
                    await client.call("late", timeout=0.01)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await client.call("late")
                asking = asyncio.create_task(client.call("last"))
                while (last := await server.take()).request != "last":
                    pass
                assert call.cancelled
                last.reply("answered")
                assert await asking == "answered"

    asyncio.run(main())


def test_whoever_waits_for_a_call_is_told_the_end():
    async def main():
        async with crosstie.aio.Server("queue:svc") as server:
            taking = asyncio.create_task(server.take())
            await asyncio.sleep(0.01)
            server.stop()
            with pytest.raises(crosstie.Closed):
                await taking
            taking = asyncio.create_task(server.take())
        with pytest.raises(crosstie.Error):
            await taking
        with pytest.raises(RuntimeError, match="open it first"):
            await crosstie.aio.Server("queue:svc").take()
        with pytest.raises(RuntimeError, match="open it first"):
            await crosstie.aio.Client("queue:svc").call(b"x")

    asyncio.run(main())


@pytest.mark.parametrize("end", ["Server", "Client", "Receiver", "Sender"])
def test_an_end_tells_its_address_once_it_is_open(end):
    async def main():
        closed = getattr(crosstie.aio, end)("queue:told")
        with pytest.raises(RuntimeError, match=f"open it first: async with crosstie.aio.{end}"):
            closed.address
        async with contextlib.AsyncExitStack() as stack:
            if end == "Client":
                await stack.enter_async_context(crosstie.aio.Server("queue:told"))
            opened = await stack.enter_async_context(closed)
            assert opened is closed and opened.address == "queue:told"

    asyncio.run(main())


def test_nothing_is_unpickled_from_where_others_may_send():
    async def main():
        with pytest.raises(crosstie.NotPermitted, match="unpickle"):
            async with crosstie.aio.Server("tcp:127.0.0.1:0", codec="pickle"):
                pass
        async with crosstie.aio.Server("tcp:127.0.0.1:0", codec="pickle", allow_pickle=True) as server:
            with pytest.raises(crosstie.NotPermitted, match="unpickle"):
                async with crosstie.aio.Client(server.address, codec="pickle"):
                    pass

    asyncio.run(main())


def test_a_child_of_fork_calls_by_a_client_of_its_own(other):
    script = """
import asyncio, crosstie.aio
async def ask(client):
    return await client.call(b"x", timeout=20)
async def main():
    async with crosstie.aio.Client("queue:svc") as client:
        return await ask(client)
assert asyncio.run(main()) == b"xx"
import warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    os._exit(0 if asyncio.run(main()) == b"xx" else 3)
print("child", os.waitpid(child, 0)[1], flush=True)
"""
    with crosstie.Server("queue:svc") as server:
        thread = threading.Thread(target=server.serve, args=(lambda data: data * 2,))
        thread.start()
        asking = other(script)
        asking.says("child 0")
        assert asking.ends() == 0
        server.stop()
        thread.join()
