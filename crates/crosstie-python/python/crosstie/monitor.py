"""`Monitor`: data in shared memory, their lock and their condition in one."""

from __future__ import annotations

import ctypes as _ctypes
import mmap as _mmap
import os as _os
import time as _time
from typing import Generic as _Generic
from typing import TypeVar as _TypeVar

from ._native import Condition, Lock, remove
from .errors import Mismatch, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from os import PathLike
    from typing import Any

    from ._native import Guard

    _Timeout = float | timedelta | None

_Data = _TypeVar("_Data", bound=_ctypes.Structure)

#: The data stand behind a page that says what they are.
_PAGE = 4096
_MAGIC = "crosstie.python-monitor/1\n"


def _described(data: Any) -> str:
    """The fields of a structure with their places, so that others with other fields are refused."""
    if not (isinstance(data, type) and issubclass(data, _ctypes.Structure)):
        return f"{data.__name__} of {_ctypes.sizeof(data)}"
    fields = []
    for name, kind, *_ in data._fields_:
        fields.append(f"{name}: {_described(kind)} at {getattr(data, name).offset}")
    return f"{data.__name__}({', '.join(fields)}) of {_ctypes.sizeof(data)}"


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

    Its lock is ``lock:NAME``, its condition ``cond:NAME``. It is not Rust's Monitor: fields of ctypes are not types of Rust, which
    would be told as a Mismatch. The data are read and written inside only; a reference that is kept sees what others do.
    """

    def __init__(
        self,
        name: str,
        data: type[_Data],
        *,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._lock = Lock(name, timeout=timeout, domain=domain)
        self._changed = Condition(name, self._lock)
        self._made = (name, data, timeout, self._lock.domain)
        with self._lock:
            self._memory = self._open(f"{self._lock.domain}/monitor-data.{name}", data)
        self._data: _Data = data.from_buffer(self._memory, _PAGE)
        #: What is known of the turn of who is inside: ``guard.abandoned``, ``guard.token``.
        self.guard: Guard | None = None

    def _open(self, path: str, data: type[_Data]) -> _mmap.mmap:
        """Opens the data, or makes them; the caller has the lock."""
        said = (_MAGIC + _described(data)).encode()
        if len(said) >= _PAGE:
            raise ValueError(f"{data.__name__} has too many fields: their names take {len(said)} of {_PAGE} bytes")
        if not _os.path.exists(path):
            # It gets its name when it is whole; what a killed maker left is written over.
            descriptor = _os.open(path + ".new", _os.O_RDWR | _os.O_CREAT | _os.O_TRUNC | _os.O_CLOEXEC, 0o600)
            try:
                _os.posix_fallocate(descriptor, 0, _PAGE + max(_ctypes.sizeof(data), 1))
                _os.pwrite(descriptor, said, 0)
            finally:
                _os.close(descriptor)
            _os.rename(path + ".new", path)
        descriptor = _os.open(path, _os.O_RDWR | _os.O_CLOEXEC)
        try:
            found = _os.pread(descriptor, _PAGE, 0).rstrip(b"\0")
            if found != said:
                words = found.decode(errors="replace").partition("\n")[2]
                raise Mismatch(f"open monitor {path}: it has {words}, not {_described(data)}")
            return _mmap.mmap(descriptor, _PAGE + max(_ctypes.sizeof(data), 1))
        finally:
            _os.close(descriptor)

    def __enter__(self) -> _Data:
        guard = self._lock.__enter__()
        self.guard = guard
        self._announce()
        return self._data

    def _announce(self) -> None:
        # Before the first change, so that nobody's death comes between: who is woken waits for the lock, which every end gives back.
        self._changed.notify_all()

    def wait_while(self, condition: Callable[[_Data], object], timeout: _Timeout = None) -> bool:
        """Waits, outside meanwhile, as long as ``condition(data)`` is true; False if it still was after ``timeout`` seconds."""
        seconds = timeout if timeout is None or isinstance(timeout, (int, float)) else timeout.total_seconds()
        until = None if seconds is None or seconds == -1 else _time.monotonic() + seconds
        while condition(self._data):
            left = None if until is None else until - _time.monotonic()
            if left is not None and left <= 0:
                return False
            self._changed.wait(left)
        self._announce()
        return True

    def wait_until(self, condition: Callable[[_Data], object], timeout: _Timeout = None) -> bool:
        """As wait_while, until ``condition(data)`` is true."""
        return self.wait_while(lambda data: not condition(data), timeout)

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    @property
    def name(self) -> str:
        """Its kind and name: "monitor:stock"."""
        return f"monitor:{self._made[0]}"

    @staticmethod
    def remove(name: str, *, domain: str | PathLike[str] | None = None) -> None:
        """Removes one that nobody uses, with its data."""
        folder = Lock(name, domain=domain).domain
        for what in (f"cond:{name}", f"lock:{name}"):
            try:
                remove(what, domain=folder)
            except NotFound:
                pass
        try:
            _os.unlink(f"{folder}/monitor-data.{name}")
        except FileNotFoundError:
            pass

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopened, (type(self), *self._made))

    def __repr__(self) -> str:
        return f"<crosstie.Monitor {self._made[0]} of {_described(self._made[1])} in {self._lock.domain}>"


def _reopened(kind: Any, name: str, data: Any, timeout: Any, domain: str) -> Any:
    return kind(name, data, timeout=timeout, domain=domain)
