"""Waiting for what others do, for tasks: `Event`, `Barrier`, `Condition`, `Monitor`."""

from __future__ import annotations

import asyncio as _asyncio
import ctypes as _ctypes
import weakref as _weakref
from typing import Generic as _Generic
from typing import TypeVar as _TypeVar

from .. import _native
from ..monitor import _agree, _guarded, _Presence
from .turns import Lock, _warn
from .waiting import _had, _outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any, Literal

_Data = _TypeVar("_Data", bound=_ctypes.Structure)


class Event:
    """Something that happens, for tasks, by its name: that of crosstie.Event and ``crosstie event``. With ``reset`` "auto" it lets one through.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     ready = crosstie.aio.Event("ready")
    ...     asyncio.get_running_loop().call_later(0.01, ready.set)
    ...     await ready.wait()
    ...     return ready.is_set()
    >>> asyncio.run(main())
    True
    """

    def __init__(
        self,
        name: str,
        *,
        reset: Literal["manual", "auto"] = "manual",
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._event = _native.Event(name, reset=reset, domain=domain)
        self._object = _native.AwaitableObject("event", name, int(reset == "auto"), domain=domain)

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


class Barrier:
    """A meeting place for ``parties`` tasks, or threads, of whatever processes, by its name: that of crosstie.Barrier and ``crosstie barrier``.

    A task is a party from its first wait on, until it ends: then another may come in its place. When a process dies that has such a party, it
    breaks, as ``on_death`` says.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     phase = crosstie.aio.Barrier("phase", 2)
    ...     return sorted(await asyncio.gather(phase.wait(), phase.wait()))
    >>> asyncio.run(main())
    [0, 1]
    """

    def __init__(
        self,
        name: str,
        parties: int,
        *,
        on_death: Literal["break", "shrink"] = "break",
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._barrier = _native.Barrier(name, parties, on_death=on_death, domain=domain)
        self._parties: _weakref.WeakKeyDictionary[_asyncio.Task[Any], _native.Party] = _weakref.WeakKeyDictionary()

    async def wait(self) -> int:
        """Waits until all have come; 0 for one of them, 1 for the others. Raises BrokenBarrier.

        Cancelled, it counts as not come, unless all had come by then.
        """
        task = _asyncio.current_task()
        assert task is not None, "a coroutine that asyncio runs is in a task"
        party = self._parties.get(task)
        if party is None:
            party = self._parties[task] = self._barrier._join()
            task.add_done_callback(self._leave)
        met: int = await _had(party.wait())
        return met

    def _leave(self, task: _asyncio.Task[Any]) -> None:
        self._parties.pop(task, None)

    def reset(self) -> bool:
        """Makes a broken barrier whole; answers whether it was broken."""
        return self._barrier.reset()

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self._barrier.broken

    @property
    def parties(self) -> int:
        """How many come."""
        return self._barrier.parties

    @property
    def name(self) -> str:
        """Its kind and name."""
        return self._barrier.name


class Condition:
    """Waiting under a lock for what another brings about, for tasks: that of crosstie.Condition, in one queue with threads.

    ``lock`` is the crosstie.aio.Lock of the same name unless another is given. Cancelled, a wait comes back with the lock first.

    >>> import asyncio, crosstie.aio
    >>> async def main():
    ...     filled, items = crosstie.aio.Condition("items"), []
    ...     async def give():
    ...         async with filled:
    ...             items.append("one")
    ...             filled.notify()
    ...     async with filled:
    ...         giving = asyncio.create_task(give())
    ...         await filled.wait_for(lambda: items)
    ...     await giving
    ...     return items
    >>> asyncio.run(main())
    ['one']
    """

    def __init__(self, name: str, lock: Lock | None = None, *, domain: str | PathLike[str] | None = None) -> None:
        self._lock = Lock(name, domain=domain) if lock is None else lock
        # Who waits is where the lock is.
        self._object = _native.ConditionTasks(name, domain=self._lock._object.domain)

    async def acquire(self) -> _native.Had:
        """Takes the lock, as Lock.acquire."""
        return await self._lock.acquire()

    def release(self) -> None:
        """Gives the lock back."""
        self._lock.release()

    async def wait(self) -> None:
        """Gives the lock back, waits to be notified, and takes it again; give it a limit with asyncio.timeout()."""
        had = self._lock._take_back(f"wait at {self.name} without")
        try:
            await _outside(self._object.wait(self._lock._object, had), lambda: self._lock._object.wait_again(had))
        finally:
            if had.held:
                self._lock._keep(had)

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Waits until ``predicate()`` is true; answers it."""
        while not (answer := predicate()):
            await self.wait()
        return answer

    def notify(self, n: int = 1) -> None:
        """Notifies the first ``n`` who wait; the caller has the lock."""
        if not self._lock._had:
            raise RuntimeError(f"notify {self.name}: take {self._lock.name} first")
        self._object.notify(n)

    def notify_all(self) -> None:
        """Notifies everyone who waits; the caller has the lock."""
        self.notify(2**32 - 1)

    @property
    def lock(self) -> Lock:
        """The lock."""
        return self._lock

    @property
    def name(self) -> str:
        """Its kind and name."""
        return self._object.name

    async def __aenter__(self) -> _native.Had:
        return await self.acquire()

    async def __aexit__(self, *exception: object) -> None:
        self.release()


class Monitor(_Generic[_Data]):
    """Data in shared memory that nobody sees but inside, one at a time, for tasks: that of crosstie.Monitor, in one queue with threads.

    Nothing has to be notified: whoever has been inside wakes those who wait. Between ``await`` and ``await`` inside no other task of this
    process, and no other process, sees the data.

    >>> import asyncio, crosstie.aio, ctypes
    >>> class Stock(ctypes.Structure):
    ...     _fields_ = [("apples", ctypes.c_int64)]
    >>> async def main():
    ...     monitor = crosstie.aio.Monitor("orchard", Stock)
    ...     async def pick():
    ...         async with monitor as stock:
    ...             stock.apples += 3
    ...     async with monitor as stock:
    ...         picking = asyncio.create_task(pick())
    ...         await monitor.wait_while(lambda stock: stock.apples == 0)
    ...         return stock.apples
    >>> asyncio.run(main())
    3
    """

    def __init__(self, name: str, data: type[_Data], *, domain: str | PathLike[str] | None = None) -> None:
        self._end = _native.MonitorTasks(name, max(_ctypes.sizeof(data), 1), domain=domain)
        self._kind = data
        #: What is known of the turn of who is inside: ``guard.abandoned``, ``guard.token``.
        self.guard: _native.Had | None = None
        self._presence = _Presence(self._end.name)
        self._data: _Data | None = None

    async def __aenter__(self) -> _Data:
        inside: _native.Had = await _had(self._end.enter())
        try:
            if self._data is None:
                _agree(self._end, self._kind)
                self._data = _guarded(self._kind, self._presence).from_buffer(self._end)
            _warn(self.name, inside, 3)
        except BaseException:
            inside.release()
            raise
        self._here(inside)
        return self._data

    def _here(self, inside: _native.Had | None) -> None:
        self.guard, self._presence.is_inside = inside, inside is not None

    def _inside(self) -> tuple[_native.Had, _Data]:
        if self.guard is None or self._data is None:
            raise RuntimeError(f"{self.name}: the caller is not inside; enter it first: async with monitor as data")
        return self.guard, self._data

    async def wait_while(self, condition: Callable[[_Data], object]) -> None:
        """Waits, outside meanwhile, as long as ``condition(data)`` is true; give it a limit with asyncio.timeout(). Cancelled, it is inside again first."""
        inside, data = self._inside()
        while condition(data):
            self._here(None)
            was_abandoned = inside.abandoned
            try:
                await _outside(self._end.wait(inside), lambda: self._end.enter_again(inside))
            finally:
                if inside.held:
                    self._here(inside)
            if not was_abandoned:
                _warn(self.name, inside, 3)

    async def wait_until(self, condition: Callable[[_Data], object]) -> None:
        """As wait_while, until ``condition(data)`` is true."""
        await self.wait_while(lambda data: not condition(data))

    async def __aexit__(self, *exception: object) -> None:
        inside, _ = self._inside()
        self._here(None)
        inside.release()

    @property
    def name(self) -> str:
        """Its kind and name: "monitor:stock"."""
        return self._end.name
