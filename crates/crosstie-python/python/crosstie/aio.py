"""Ends of channels for asyncio: no thread waits, the event loop polls a descriptor.

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

from . import channels as _channels
from .errors import Busy, Closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any


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


class Receiver:
    """As crosstie.Receiver, opened by ``async with``; ``async for`` yields messages until the clean end."""

    def __init__(
        self,
        address: str,
        *,
        codec: _channels._Codec = "bytes",
        allow_pickle: bool = False,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._make = lambda: _channels.Receiver(address, codec=codec, allow_pickle=allow_pickle, domain=domain)
        self._end: _channels.Receiver | None = None

    async def __aenter__(self) -> Receiver:
        self._end = await _opened(self._make)
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._end is not None:
            self._end.close()

    async def recv(self) -> Any:
        """Receives one message; cancelled, it has taken none. Raises Closed, PeerDied."""
        end = self._opened_end()
        while True:
            try:
                return end.recv(0)
            except Busy:
                pass
            if not end.arm():
                await _ready(end.pollable(), False)

    async def job(self) -> _channels.Job:
        """Takes the next message of a queue into hand, as crosstie.Receiver.job."""
        end = self._opened_end()
        while True:
            try:
                return end.job(0)
            except Busy:
                pass
            if not end.arm():
                await _ready(end.pollable(), False)

    def _opened_end(self) -> _channels.Receiver:
        if self._end is None:
            raise RuntimeError("open it first: async with crosstie.aio.Receiver(...) as rx")
        return self._end

    @property
    def address(self) -> str:
        """The address, with what the system chose."""
        return self._opened_end().address

    def __aiter__(self) -> Receiver:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.recv()
        except Closed:
            raise StopAsyncIteration from None


class Sender:
    """As crosstie.Sender, opened by ``async with``."""

    def __init__(
        self,
        address: str,
        *,
        codec: _channels._Codec = "bytes",
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._make = lambda: _channels.Sender(address, codec=codec, domain=domain)
        self._end: _channels.Sender | None = None

    async def __aenter__(self) -> Sender:
        self._end = await _opened(self._make)
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._end is not None:
            await _opened(self._end.close)

    async def send(self, message: Any) -> None:
        """Sends one message; cancelled before there was room, it has sent none. Raises Closed, PeerDied."""
        if self._end is None:
            raise RuntimeError("open it first: async with crosstie.aio.Sender(...) as tx")
        while True:
            try:
                return self._end.send(message, 0)
            except Busy:
                pass
            if not self._end.arm():
                await _ready(*self._end.pollable())
