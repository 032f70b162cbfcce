"""Channels, calls, locks, semaphores and events for asyncio: no thread waits, the event loop polls a descriptor.

>>> import asyncio, crosstie, crosstie.aio
>>> async def main():
...     async with crosstie.aio.Receiver("ring:ticks") as rx:
...         async with crosstie.aio.Sender("ring:ticks") as tx:
...             await tx.send(b"tick")
...         return [message async for message in rx]
>>> asyncio.run(main())
[b'tick']
"""

from __future__ import annotations

import asyncio as _asyncio
import contextlib as _contextlib

from . import _native
from . import calls as _calls
from . import channels as _channels
from .errors import AbandonedWarning, Busy, Closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from os import PathLike
    from typing import Any, Self


async def _ready(descriptor: int, writes: bool) -> None:
    """Waits until the descriptor is ready; cancelled, it waits no more."""
    loop = _asyncio.get_running_loop()
    future: _asyncio.Future[None] = loop.create_future()
    add, take_out = (loop.add_writer, loop.remove_writer) if writes else (loop.add_reader, loop.remove_reader)

    def is_ready() -> None:
        if not future.done():
            future.set_result(None)

    add(descriptor, is_ready)
    try:
        await future
    finally:
        take_out(descriptor)


async def _opened(make: Callable[[], Any]) -> Any:
    # Opening may wait for the other side: once, in a thread.
    return await _asyncio.get_running_loop().run_in_executor(None, make)


class _End:
    """An end of a channel or of calls that ``async with`` opens, and closes."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._end: Any = None
        #: Of several tasks one waits at its descriptor: the end wakes one.
        self._turn = _asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._end = await _opened(self._make)
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._end is not None:
            await _opened(self._end.close)

    def _opened_end(self) -> Any:
        if self._end is None:
            raise RuntimeError(f"open it first: async with crosstie.aio.{type(self).__name__}(...) as end")
        return self._end

    @property
    def address(self) -> str:
        """The address, with what the system chose."""
        address: str = self._opened_end().address
        return address


class _Coded(_End):
    """An end that makes of what comes what a codec makes of it."""

    def __init__(
        self,
        address: str,
        *,
        codec: _channels._Codec = "bytes",
        allow_pickle: bool = False,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        # A codec that is none is told at once.
        self._encode, self._decode = _channels._encoder(codec), _channels._decoder(codec)
        super().__init__(lambda: self._opening(address, codec, allow_pickle, domain))

    def _opening(self, address: str, codec: _channels._Codec, allow_pickle: bool, domain: str | PathLike[str] | None) -> Any:
        """Opens what of the library it is."""
        raise NotImplementedError


class _Taking:
    """What ``async for`` takes one after the other, until it is closed."""

    async def _next(self) -> Any:
        raise NotImplementedError

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._next()
        except Closed:
            raise StopAsyncIteration from None


class Receiver(_Taking, _Coded):
    """As crosstie.Receiver, opened by ``async with``; ``async for`` yields messages until the clean end."""

    def _opening(self, address: str, codec: _channels._Codec, allow_pickle: bool, domain: str | PathLike[str] | None) -> Any:
        return _channels.Receiver(address, codec=codec, allow_pickle=allow_pickle, domain=domain)

    async def recv(self) -> Any:
        """Receives one message; cancelled, it has taken none. Raises Closed, PeerDied."""
        return await self._taken(_channels.Receiver.recv)

    async def job(self) -> _channels.Job:
        """Takes the next message of a queue into hand, as crosstie.Receiver.job."""
        job: _channels.Job = await self._taken(_channels.Receiver.job)
        return job

    @_contextlib.asynccontextmanager
    async def recv_in_place(self) -> AsyncIterator[memoryview]:
        """Receives one message where it lies, as crosstie.Receiver.recv_in_place: ``async with`` gives it as a memoryview.

        Cancelled before there was one, it has taken none.

        >>> import asyncio, crosstie.aio
        >>> async def main():
        ...     async with crosstie.aio.Receiver("ring:frames") as rx, crosstie.aio.Sender("ring:frames") as tx:
        ...         async with tx.loan(3) as room:
        ...             room[:] = b"abc"
        ...         async with rx.recv_in_place() as message:
        ...             return sum(message)
        >>> asyncio.run(main())
        294
        """
        with await self._taken(_channels.Receiver.recv_in_place) as message:
            yield message

    async def _taken(self, take: Callable[[_channels.Receiver, int], Any]) -> Any:
        end: _channels.Receiver = self._opened_end()
        async with self._turn:
            while True:
                try:
                    return take(end, 0)
                except Busy:
                    pass
                if not end.arm():
                    await _ready(end.pollable(), False)

    async def _next(self) -> Any:
        return await self.recv()


class Sender(_End):
    """As crosstie.Sender, opened by ``async with``."""

    def __init__(
        self,
        address: str,
        *,
        codec: _channels._Codec = "bytes",
        domain: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__(lambda: _channels.Sender(address, codec=codec, domain=domain))

    async def send(self, message: Any) -> None:
        """Sends one message; cancelled before there was room, it has sent none. Raises Closed, PeerDied."""
        await self._had_room(lambda end: end.send(message, 0))

    @_contextlib.asynccontextmanager
    async def loan(self, length: int) -> AsyncIterator[memoryview]:
        """Lends room for a message of so many bytes, as crosstie.Sender.loan: ``async with`` gives it as a memoryview, and sends it at its end.

        Cancelled, or left by an exception, it sends nothing.
        """
        if self._opened_end().lends:
            with await self._had_room(lambda end: end.loan(length, 0)) as room:
                yield room
            return
        # Elsewhere nothing is lent before there is a message, and that may have to wait.
        message = bytearray(length)
        with memoryview(message) as room:
            yield room
        await self._had_room(lambda end: end.send_bytes(message, 0))

    async def _had_room(self, act: Callable[[_channels.Sender], Any]) -> Any:
        end: _channels.Sender = self._opened_end()
        async with self._turn:
            while True:
                try:
                    return act(end)
                except Busy:
                    pass
                if not end.arm():
                    await _ready(*end.pollable())


async def _had(wait: _native.Awaited) -> Any:
    """What a wait gives; cancelled, it has left the queue and has nothing."""
    try:
        while True:
            had = wait.poll()
            if had is not None:
                return had
            await _ready(wait.fileno(), False)
    finally:
        wait.cancel()


class _Held:
    """What is taken and given back: a lock, a permit. It belongs to the process, so any task may give it back."""

    def __init__(self, kind: Any, name: str, number: int, domain: str | PathLike[str] | None) -> None:
        self._object = _native.AwaitableObject(kind, name, number, domain=domain)
        #: What was taken and not given back, each with the task that took it.
        self._had: list[tuple[object, _native.Had]] = []

    @property
    def name(self) -> str:
        """Its kind and name."""
        return self._object.name

    async def acquire(self) -> _native.Had:
        """Takes it, and waits as long as it takes: give it a limit with asyncio.timeout(). Cancelled, it has nothing."""
        had: _native.Had = await _had(self._object.wait())
        self._had.append((_asyncio.current_task(), had))
        if had.abandoned:
            import warnings

            warnings.warn(f"{self.name} was abandoned: {had.dead_owner or 'its last owner'} died while it had it", AbandonedWarning, 2)
        return had

    def release(self) -> None:
        """Gives back what the calling task took last; what another took, if it took nothing."""
        if not self._had:
            raise RuntimeError(f"release {self.name}: this has none of it")
        task = _asyncio.current_task()
        own = [at for at, (taker, _) in enumerate(self._had) if taker is task]
        self._had.pop(own[-1] if own else -1)[1].release()

    async def __aenter__(self) -> _native.Had:
        return await self.acquire()

    async def __aexit__(self, *exception: object) -> None:
        self.release()


class Lock(_Held):
    """A lock between processes for tasks, by its name: the one of crosstie.Lock and ``crosstie lock NAME``, in one queue with theirs.

    It belongs to the process, so a deadlock in which a task waits is not told: give it a limit with asyncio.timeout().

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     async with crosstie.aio.Lock("db") as turn:
    ...         return turn.abandoned, turn.held
    >>> asyncio.run(main())
    (False, True)
    """

    def __init__(self, name: str, *, shared: bool = False, domain: str | PathLike[str] | None = None) -> None:
        super().__init__("shared" if shared else "lock", name, 0, domain)


class Semaphore(_Held):
    """So many permits between processes for tasks, by its name: those of crosstie.Semaphore and ``crosstie sem NAME``.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     async with crosstie.aio.Semaphore("gpu", 2) as permit:
    ...         return permit.index
    >>> asyncio.run(main())
    0
    """

    def __init__(self, name: str, permits: int = 1, *, domain: str | PathLike[str] | None = None) -> None:
        super().__init__("sem", name, permits, domain)


class CountingSemaphore:
    """The textbook's semaphore for tasks, by its name: that of crosstie.CountingSemaphore, ``crosstie post`` and ``crosstie wait``.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     items = crosstie.aio.CountingSemaphore("items")
    ...     items.post()
    ...     await items.wait()
    ...     return items.value
    >>> asyncio.run(main())
    0
    """

    def __init__(self, name: str, value: int = 0, *, domain: str | PathLike[str] | None = None) -> None:
        self._count = _native.CountingSemaphore(name, value, domain=domain)
        self._object = _native.AwaitableObject("count", name, value, domain=domain)

    async def wait(self) -> None:
        """Takes one; waits while there is none. Cancelled, it has taken none."""
        await _had(self._object.wait())

    def post(self, count: int = 1) -> None:
        """Adds one, or more."""
        self._count.post(count)

    @property
    def value(self) -> int:
        """How many there are now."""
        return self._count.value


class Event:
    """Something that happens, for tasks, by its name: that of crosstie.Event and ``crosstie event``.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     ready = crosstie.aio.Event("ready")
    ...     asyncio.get_running_loop().call_later(0.01, ready.set)
    ...     await ready.wait()
    ...     return ready.is_set()
    >>> asyncio.run(main())
    True
    """

    def __init__(self, name: str, *, domain: str | PathLike[str] | None = None) -> None:
        self._event = _native.Event(name, domain=domain)
        self._object = _native.AwaitableObject("event", name, domain=domain)

    async def wait(self) -> None:
        """Waits until it is set."""
        await _had(self._object.wait())

    def set(self) -> None:
        """Sets it, and lets through who waits."""
        self._event.set()

    def clear(self) -> None:
        """Clears it."""
        self._event.clear()

    def is_set(self) -> bool:
        """Whether it is set now."""
        return self._event.is_set()


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
