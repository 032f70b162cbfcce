"""Calls, for tasks: `Client`, `Server`."""

from __future__ import annotations

import asyncio as _asyncio

from .. import _native
from .. import calls as _calls
from .. import channels as _channels
from .channels import _Coded, _Taking
from .waiting import _had

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any


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


class Server(_Taking, _CallsEnd):
    """As crosstie.Server for tasks, opened by ``async with``: one task takes the calls, and any task answers them.

    ``await server.serve(answer)`` answers each call in a task of its own, with what the function, or the coroutine function, makes of its request:
    an exception refuses the call with its text, a crosstie.Error also with its kind. Or take them one by one, ``async for call in server``.

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
        call.reply(reply)
    except BaseException as error:
        if not call.answered:
            call.refuse_with(error)
        if not isinstance(error, Exception):
            raise
