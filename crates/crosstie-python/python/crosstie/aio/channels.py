"""The ends of channels, for tasks: `Sender`, `Receiver`."""

from __future__ import annotations

import asyncio as _asyncio
import contextlib as _contextlib

from .. import channels as _channels
from ..errors import Busy, Closed
from .waiting import _opened, _ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from os import PathLike
    from typing import Any, Self


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

    async def __aexit__(self, kind: object, *exception: object) -> None:
        if self._end is not None:
            await _opened(self._ending(kind is None))

    def _ending(self, is_clean: bool) -> Callable[[], Any]:
        """What ends it, behind its block or behind an exception."""
        close: Callable[[], Any] = self._end.close
        return close

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
    """As crosstie.Sender, opened by ``async with``; left by an exception, or cancelled, it breaks off."""

    def __init__(
        self,
        address: str,
        *,
        codec: _channels._Codec = "bytes",
        domain: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__(lambda: _channels.Sender(address, codec=codec, domain=domain))

    def _ending(self, is_clean: bool) -> Callable[[], Any]:
        end: _channels.Sender = self._end
        return end.close if is_clean else end.break_off

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
