"""What is taken and given back, for tasks: `Lock`, `RwLock`, `Semaphore`, `CountingSemaphore`."""

from __future__ import annotations

import asyncio as _asyncio

from .. import _native
from ..errors import AbandonedWarning
from .waiting import _had

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any


def _warn(name: str, had: _native.Had, level: int) -> None:
    if had.abandoned:
        import warnings

        who = had.dead_owner or "its last owner"
        warnings.warn(f"{name} was abandoned: {who} died while it had it", AbandonedWarning, level)


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
        self._keep(had)
        return had

    def _keep(self, had: _native.Had) -> None:
        try:
            _warn(self.name, had, 4)
        except AbandonedWarning:
            # Where warnings are errors nobody would give it back.
            had.release()
            raise
        self._had.append((_asyncio.current_task(), had))

    def _take_back(self, operation: str) -> _native.Had:
        """What the calling task took last, or another, if it took nothing."""
        if not self._had:
            raise RuntimeError(f"{operation} {self.name}: this has none of it")
        task = _asyncio.current_task()
        own = [at for at, (taker, _) in enumerate(self._had) if taker is task]
        return self._had.pop(own[-1] if own else -1)[1]

    def release(self) -> None:
        """Gives back what the calling task took last; what another took, if it took nothing."""
        self._take_back("release").release()

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


class RwLock:
    """A lock between processes for many readers or one writer, for tasks, by its name: that of crosstie.RwLock.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     config = crosstie.aio.RwLock("config")
    ...     async with config.read() as one, config.read() as other:
    ...         return one.held and other.held
    >>> asyncio.run(main())
    True
    """

    def __init__(self, name: str, *, domain: str | PathLike[str] | None = None) -> None:
        self._read, self._write = Lock(name, shared=True, domain=domain), Lock(name, domain=domain)

    def read(self) -> Lock:
        """The lock to read: for ``async with``, or to acquire and release."""
        return self._read

    def write(self) -> Lock:
        """The lock to write: for ``async with``, or to acquire and release."""
        return self._write


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
