"""`Monitor`: data in shared memory, their lock and their condition in one."""

from __future__ import annotations

import ctypes as _ctypes
import os as _os
import time as _time
import warnings as _warnings
from typing import Generic as _Generic
from typing import TypeVar as _TypeVar

from ._native import MonitorEnd, _folder, remove
from .errors import AbandonedWarning, Mismatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from os import PathLike
    from typing import Any

    from ._native import MonitorTasks, Stay

    _Timeout = float | timedelta | None

_Data = _TypeVar("_Data", bound=_ctypes.Structure)

_MAGIC = "crosstie.python-monitor/2"


def _described(data: Any) -> str:
    """The fields of a structure with their places, so that others with other fields are refused."""
    if not (isinstance(data, type) and issubclass(data, _ctypes.Structure)):
        return f"{data.__name__} of {_ctypes.sizeof(data)}"
    fields = []
    for name, kind, *_ in data._fields_:
        fields.append(f"{name}: {_described(kind)} at {getattr(data, name).offset}")
    return f"{data.__name__}({', '.join(fields)}) of {_ctypes.sizeof(data)}"


def _agree(end: MonitorEnd | MonitorTasks, data: Any) -> None:
    """Finds the fields as they were when they were first said, or says them; the caller is inside."""
    name = end.name.partition(":")[2]
    path = f"{end.domain}/monitor-fields.{name}"
    # A new monitor of the name of one that was removed is another.
    said = f"{_MAGIC} {_os.stat(f'{end.domain}/monitor.{name}').st_ino}"
    try:
        with open(path, encoding="utf-8") as file:
            found, _, words = file.read().partition("\n")
    except FileNotFoundError:
        found, words = "", ""
    if found == said:
        if words != _described(data):
            raise Mismatch(f"open monitor:{name}: it has {words}, not {_described(data)}")
        return
    # It gets its name when it is whole; what a killed one left is written over.
    descriptor = _os.open(path + ".new", _os.O_WRONLY | _os.O_CREAT | _os.O_TRUNC | _os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{said}\n{_described(data)}")
    _os.rename(path + ".new", path)


class _Presence:
    """Whether somebody is inside by a monitor object."""

    __slots__ = ("is_inside", "name")

    def __init__(self, name: str) -> None:
        self.name, self.is_inside = name, False


def _field(field: Any, presence: _Presence) -> property:
    """A field of a structure that is there inside only."""
    get, set_ = field.__get__, field.__set__

    def look(data: Any) -> Any:
        if not presence.is_inside:
            raise _outside(presence)
        return get(data)

    def change(data: Any, value: Any) -> None:
        if not presence.is_inside:
            raise _outside(presence)
        set_(data, value)

    return property(look, change)


def _outside(presence: _Presence) -> RuntimeError:
    return RuntimeError(f"{presence.name}: its data are there inside only: with monitor as data")


def _guarded(data: type[_Data], presence: _Presence) -> type[_Data]:
    """The same structure, whose fields are there inside only."""
    if not (isinstance(data, type) and issubclass(data, _ctypes.Structure)):
        return data
    members = {name: getattr(data, name) for name in dir(data)}
    kinds = {type(members[name]) for name, *_ in data._fields_}
    guarded = {name: _field(member, presence) for name, member in members.items() if type(member) in kinds}
    kind: Any = type(data)
    made: type[_Data] = kind(data.__name__, (data,), guarded)
    return made


class Monitor(_Generic[_Data]):
    """Data in shared memory that nobody sees but inside, one process at a time, by name.

    ``data`` is a ctypes.Structure; it begins with zeros. ``with monitor as stock:`` is the way to it. To wait inside is to be
    outside meanwhile; there is no notify to forget: whoever has been inside wakes those who wait, also if it was killed there.
    Then the next one is told (``monitor.guard.abandoned``, an AbandonedWarning): the data may be half changed.

    >>> import crosstie, ctypes
    >>> class Stock(ctypes.Structure):
    ...     _fields_ = [("apples", ctypes.c_int64), ("pears", ctypes.c_int64)]
    >>> monitor = crosstie.Monitor("stock", Stock)
    >>> with monitor as stock:
    ...     stock.apples += 3
    >>> with monitor as stock:
    ...     monitor.wait_while(lambda stock: stock.apples == 0, timeout=5)
    ...     stock.apples -= 1
    ...     stock.apples
    True
    2

    It is the monitor of the same name that C enters, and Rust as ``Monitor<[u64; N]>``: the data have the same bytes there. What their fields
    are only Python says; other fields are told as a Mismatch. Until ``monitor.guard.mark_mended()`` everyone is told of a death. The
    data are read and written inside only: outside a field is a RuntimeError. An array, or a structure, that a field gave is no field: one that
    is kept sees what others do.
    """

    def __init__(
        self,
        name: str,
        data: type[_Data],
        *,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._end = MonitorEnd(name, max(_ctypes.sizeof(data), 1), domain=domain)
        self._made = (name, data, timeout, self._end.domain)
        #: What is known of the turn of who is inside: ``guard.abandoned``, ``guard.token``.
        self.guard: Stay | None = None
        self._presence = _Presence(f"monitor:{name}")
        with _warnings.catch_warnings():
            # Who opens it is not inside yet.
            _warnings.simplefilter("ignore", AbandonedWarning)
            opens = self._end.enter(timeout)
        try:
            _agree(self._end, data)
            self._data: _Data = _guarded(data, self._presence).from_buffer(self._end)
        finally:
            opens.leave()

    def __enter__(self) -> _Data:
        self._here(self._end.enter(self._made[2]))
        return self._data

    def _here(self, stay: Stay) -> None:
        self.guard, self._presence.is_inside = stay, True

    def _gone(self, operation: str) -> Stay:
        """The stay of the caller, which goes outside next."""
        stay = self.guard
        if stay is None or not stay._is_callers():
            raise RuntimeError(f"{operation} {self.name}: the caller is not inside; enter it first: with monitor as data")
        self._presence.is_inside = False
        return stay

    def wait_while(self, condition: Callable[[_Data], object], timeout: _Timeout = None) -> bool:
        """Waits, outside meanwhile, as long as ``condition(data)`` is true; False if it still was after ``timeout`` seconds."""
        stay = self._gone("wait in")
        self._here(stay)
        seconds = timeout if timeout is None or isinstance(timeout, (int, float)) else timeout.total_seconds()
        until = None if seconds is None or seconds == -1 else _time.monotonic() + seconds
        while condition(self._data):
            left = None if until is None else until - _time.monotonic()
            if left is not None and left <= 0:
                return False
            self._presence.is_inside = False
            try:
                stay.wait(left)
            finally:
                # Others have been inside.
                if stay.held:
                    self._here(stay)
        return True

    def wait_until(self, condition: Callable[[_Data], object], timeout: _Timeout = None) -> bool:
        """As wait_while, until ``condition(data)`` is true."""
        return self.wait_while(lambda data: not condition(data), timeout)

    def __exit__(self, *exception: object) -> None:
        self._gone("leave").leave()

    @property
    def name(self) -> str:
        """Its kind and name: "monitor:stock"."""
        return f"monitor:{self._made[0]}"

    @staticmethod
    def remove(name: str, *, domain: str | PathLike[str] | None = None) -> None:
        """Removes one that nobody uses, with its data."""
        remove(f"monitor:{name}", domain=domain)
        try:
            _os.unlink(f"{_folder(domain)}/monitor-fields.{name}")
        except FileNotFoundError:
            pass

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopened, (type(self), *self._made))

    def __repr__(self) -> str:
        return f"<crosstie.Monitor {self._made[0]} of {_described(self._made[1])} in {self._end.domain}>"


def _reopened(kind: Any, name: str, data: Any, timeout: Any, domain: str) -> Any:
    return kind(name, data, timeout=timeout, domain=domain)
