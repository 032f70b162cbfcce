"""How a task waits: for a descriptor, or for what a wait of the library gives."""

from __future__ import annotations

import asyncio as _asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .. import _native


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


async def _outside(wait: _native.Awaited, again: Callable[[], _native.Awaited]) -> None:
    """Waits without what the task has to have behind it; cancelled, it waits for that again first."""
    try:
        await _had(wait)
    except _asyncio.CancelledError:
        while True:
            try:
                await _had(again())
                break
            except _asyncio.CancelledError:
                # Whoever has it meanwhile gives it back.
                pass
        raise
