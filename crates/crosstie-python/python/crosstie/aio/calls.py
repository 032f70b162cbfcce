"""Calls, for tasks: `Client`, `Server`."""

from __future__ import annotations

import asyncio as _asyncio

from .. import _native
from .. import calls as _calls
from .. import channels as _channels
from ..errors import Busy, Closed
from .channels import _Coded, _Taking
from .waiting import _had, _opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any, Self


class _CallsEnd(_Coded):
    """An end of calls, whose messages are what a codec makes of them."""

    #: What of the library it opens.
    _open: type[_native.ClientTasks] | type[_native.ServerTasks]

    #: What it is opened with beside its address and domain.
    _limits: dict[str, int | None] = {}

    def _opening(self, address: str, codec: _channels._Codec, allow_pickle: bool, domain: str | PathLike[str] | None) -> Any:
        end = self._open(address, domain=domain, **self._limits)
        _channels._check_pickle(end, address, codec, allow_pickle, domain)
        return end


class Client(_CallsEnd):
    """As crosstie.Client for tasks, opened by ``async with``: any number of calls at a time, and no thread waits for them.

    One thread of the process reads for all clients and servers of this module. Cancelled, a call is cancelled: the server is told, but it may have
    been done. No deadlock is told in which a task waits: give the call a timeout.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     async with crosstie.aio.Server("queue:sums", codec="json") as server:
    ...         serving = asyncio.create_task(server.serve(sum))
    ...         async with crosstie.aio.Client("queue:sums", codec="json") as client:
    ...             print(await asyncio.gather(client.call([1, 2]), client.call([3, 4])))
    ...         server.stop()
    ...         await serving
    >>> asyncio.run(main())
    [3, 7]
    """

    _open = _native.ClientTasks

    async def call(self, request: Any, timeout: _channels._Timeout = None, *, idempotent: bool = False) -> Any:
        """Calls the server and waits for the reply: for ``timeout``, which the server is told, or as long as it takes.

        Raises what crosstie.Client.call raises, but for DeadlockError.
        """
        end: _native.ClientTasks = self._opened_end()
        return self._decode(await _had(end.call_bytes(self._encode(request), timeout, idempotent)))

    def stream(self, request: Any, timeout: _channels._Timeout = None) -> Replies:
        """Calls the server for many replies: ``async for`` takes them as they come; ``timeout`` is for all of them together.

        The call begins with the first that is asked for. Raises what crosstie.Client.stream raises. Left before the end, the call is cancelled: by
        ``async with``, by close(), or when it is dropped.

        >>> import asyncio, crosstie.aio
        >>> async def below(limit):
        ...     for number in range(limit):
        ...         yield number
        >>> async def main():
        ...     async with crosstie.aio.Server("queue:numbers", codec="json") as server:
        ...         serving = asyncio.create_task(server.serve(below))
        ...         async with crosstie.aio.Client("queue:numbers", codec="json") as client:
        ...             print([number async for number in client.stream(3)])
        ...         server.stop()
        ...         await serving
        >>> asyncio.run(main())
        [0, 1, 2]
        """
        end: _native.ClientTasks = self._opened_end()
        return Replies(end.stream_bytes(self._encode(request), timeout), self._decode)


class Replies:
    """The replies to one call, as they come, by Client.stream: an asynchronous iterator, which ``async with`` closes."""

    def __init__(self, calling: _native.Awaited, decode: Callable[[bytes], Any]) -> None:
        self._calling: _native.Awaited | None = calling
        self._decode = decode
        self._end: _native.RepliesTasks | None = None
        #: Of several tasks one waits at a time.
        self._turn = _asyncio.Lock()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        async with self._turn:
            if self._calling is not None:
                calling, self._calling = self._calling, None
                self._end = await _had(calling)
            if self._end is None:
                raise StopAsyncIteration
            reply = await _had(self._end.next_bytes())
            if reply is False:
                self.close()
                raise StopAsyncIteration
        return self._decode(reply)

    def close(self) -> None:
        """Takes no more: the server is told, unless it is over."""
        calling, self._calling = self._calling, None
        if calling is not None:
            calling.cancel()
        end, self._end = self._end, None
        if end is not None:
            end.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.close()


class Server(_Taking, _CallsEnd):
    """As crosstie.Server for tasks, opened by ``async with``: one task takes the calls, and any task answers them.

    ``await server.serve(answer)`` answers each call in a task of its own, with what the function, or the coroutine function, makes of its request:
    an exception refuses the call with its text, a crosstie.Error also with its kind. What a generator function yields, asynchronous or not, are many
    replies, to a caller that asked for them by ``stream``; one that is 256 KiB ahead of it looks each few milliseconds whether it may go on.
    Or take them one by one, ``async for call in server``.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     async with crosstie.aio.Server("queue:greetings", codec="text") as server:
    ...         async with crosstie.aio.Client("queue:greetings", codec="text") as client:
    ...             asking = asyncio.create_task(client.call("anna"))
    ...             call = await server.take()
    ...             call.reply("hello " + call.request)
    ...             return await asking
    >>> asyncio.run(main())
    'hello anna'
    """

    _open = _native.ServerTasks

    def __init__(
        self,
        address: str,
        *,
        codec: _channels._Codec = "bytes",
        allow_pickle: bool = False,
        domain: str | PathLike[str] | None = None,
        waiting_bytes_max: int | None = None,
    ) -> None:
        self._limits = {"waiting_bytes_max": waiting_bytes_max}
        super().__init__(address, codec=codec, allow_pickle=allow_pickle, domain=domain)

    async def take(self) -> _calls.Call:
        """Takes the next call; cancelled, it has taken none. Raises Closed once it was stopped."""
        end: _native.ServerTasks = self._opened_end()
        async with self._turn:
            return _calls.Call(await _had(end.take_call()), self._encode, self._decode)

    def stop(self) -> None:
        """Gives out no call any more: ``serve`` returns once those in hand are answered."""
        self._opened_end().stop()

    async def serve(self, answer: Callable[[Any], Any]) -> None:
        """Answers every call with ``answer(request)``, each in a task of its own, until stop(). Cancelled, it cancels those."""
        tasks: set[_asyncio.Task[None]] = set()
        try:
            async for call in self:
                task = _asyncio.create_task(_answered(call, answer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                # Its task has it alone: a call that is let go is told to its caller, also while the next one is waited for.
                del call
            if tasks:
                await _asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _next(self) -> _calls.Call:
        return await self.take()


async def _answered(call: _calls.Call, answer: Callable[[Any], Any]) -> None:
    """Answers a call with what `answer` makes of its request, or refuses it with what that raises."""
    try:
        reply = answer(call.request)
        if hasattr(reply, "__await__"):
            reply = await reply
        if hasattr(reply, "__anext__") or _calls._has_many(reply):
            await _streamed(call, reply)
        else:
            call.reply(reply)
    except BaseException as error:
        if not call.answered:
            call.refuse_with(error)
        if not isinstance(error, Exception):
            raise


async def _streamed(call: _calls.Call, replies: Any) -> None:
    """Answers a call with many replies, as they are made; one whose caller goes is let go."""
    try:
        with call.stream() as stream:
            if hasattr(replies, "__anext__"):
                async for reply in replies:
                    await _sent(stream, reply)
            else:
                for reply in replies:
                    await _sent(stream, reply)
            await _opened(stream.end)
    except Closed:
        pass
    finally:
        if hasattr(replies, "aclose"):
            await replies.aclose()
        else:
            replies.close()


async def _sent(stream: _calls.ReplyStream, reply: Any) -> None:
    """Sends a reply once its client has room for it. Nothing that can be polled tells of that."""
    pause = 0.001
    while True:
        try:
            stream.send(reply, 0)
            return
        except Busy:
            await _asyncio.sleep(pause)
            pause = min(2 * pause, 0.016)
