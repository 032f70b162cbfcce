"""`SharedArray`: numbers that several processes see, without a copy."""

from __future__ import annotations

import errno as _errno
import fcntl as _fcntl
import mmap as _mmap
import operator as _operator
import os as _os
import re as _re
import struct as _struct

from ._native import Lock
from .errors import NoSpace, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

#: The byte that participants share; far beyond the end of any array.
_BYTE = 1 << 40


def _lock(descriptor: int, kind: int) -> bool:
    """Locks the byte of an open file description; the kernel gives it back when its last descriptor goes."""
    request = _struct.pack("hhqqi4x", kind, _os.SEEK_SET, _BYTE, 1, 0)
    try:
        _fcntl.fcntl(descriptor, _fcntl.F_OFD_SETLK, request)
    except OSError as error:
        if error.errno in (_errno.EAGAIN, _errno.EACCES):
            return False
        raise
    return True


def _code(dtype: Any) -> str:
    """A type of numbers as numpy writes it: a letter for the kind and the bytes of one, "<f4"; whatever else numpy takes, numpy has to read."""
    if isinstance(dtype, str) and _re.fullmatch("[<>=|]?([biuf][1248]|f16|c8|c16|c32|b1)", dtype):
        return dtype
    import numpy

    code: str = numpy.dtype(dtype).str
    if code[1] not in "biufcmM":
        raise TypeError(f"dtype: numbers, not {dtype!r}")
    return code


def _bytes_of(code: str) -> int:
    found = _re.match("[<>=|]?[a-zA-Z]([0-9]+)", code)
    return int(found[1]) if found else 0


class SharedArray:
    """An array of numbers that several processes see, without a copy and without a name of its own.

    It pickles as a handle: whoever gets that, by a queue or as an argument of a process, sees the same numbers. It is gone
    with its last participant; of one whose participants were all killed, what is left goes with the next array that is made. ``dtype`` is
    what numpy takes; a text as "f4" needs no numpy. ``numpy()`` is a view of it, as is ``memoryview(array.buffer)``. It has no lock: take turns with
    a Lock.

    >>> import crosstie, pickle
    >>> grid = crosstie.SharedArray((2, 3), "f4")
    >>> other = pickle.loads(pickle.dumps(grid))
    >>> memoryview(grid.buffer).cast("f")[5] = 1.5
    >>> memoryview(other.buffer).cast("f")[5]
    1.5
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        dtype: Any = "f8",
        *,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        # Also numpy's own whole numbers.
        lengths = (shape,) if hasattr(shape, "__index__") else tuple(shape)  # type: ignore[arg-type]
        self.shape: tuple[int, ...] = tuple(map(_operator.index, lengths))
        #: As numpy writes it: a letter for the kind and the bytes of one number, "f4" or "<i8".
        self.dtype = _code(dtype)
        self.nbytes = _bytes_of(self.dtype)
        for length in self.shape:
            if length < 0:
                raise ValueError("shape: no length is negative")
            self.nbytes *= length
        self._pid = _os.getpid()
        folder = Lock("arrays", domain=domain).domain
        self._remove_orphans(folder)
        self.path = f"{folder}/array.{_os.getpid()}-{_os.urandom(8).hex()}"
        self._descriptor = _os.open(self.path, _os.O_RDWR | _os.O_CREAT | _os.O_EXCL | _os.O_CLOEXEC, 0o600)
        try:
            _lock(self._descriptor, _fcntl.F_RDLCK)
            _os.posix_fallocate(self._descriptor, 0, max(self.nbytes, 1))
            self.buffer = _mmap.mmap(self._descriptor, max(self.nbytes, 1))
        except OSError as error:
            _os.unlink(self.path)
            _os.close(self._descriptor)
            self._descriptor = -1
            if error.errno != _errno.ENOSPC:
                raise
            found = _os.statvfs(folder)
            raise NoSpace(
                f"make an array of {self.nbytes} bytes in {folder}: {found.f_bavail * found.f_frsize} of "
                f"{found.f_blocks * found.f_frsize} bytes are free; make it larger: docker run --shm-size=2g, "
                "or mount -o remount,size=2g /dev/shm"
            ) from None

    @staticmethod
    def _remove_orphans(folder: str) -> None:
        """Removes arrays whose participants were all killed."""
        for name in _os.listdir(folder):
            if name.startswith("array."):
                try:
                    descriptor = _os.open(f"{folder}/{name}", _os.O_RDWR | _os.O_CLOEXEC)
                except OSError:
                    continue
                if _os.fstat(descriptor).st_size and _lock(descriptor, _fcntl.F_WRLCK):
                    _os.unlink(f"{folder}/{name}")
                _os.close(descriptor)

    def __setstate__(self, state: tuple[str, tuple[int, ...], str, int]) -> None:
        self.path, self.shape, self.dtype, self.nbytes = state
        self._pid = _os.getpid()
        try:
            self._descriptor = _os.open(self.path, _os.O_RDWR | _os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"open array {self.path}: its last participant has ended") from None
        if not _lock(self._descriptor, _fcntl.F_RDLCK) or _os.fstat(self._descriptor).st_nlink == 0:
            _os.close(self._descriptor)
            raise NotFound(f"open array {self.path}: its last participant has just ended")
        self.buffer = _mmap.mmap(self._descriptor, max(self.nbytes, 1))

    def __reduce__(self) -> tuple[Any, ...]:
        return (object.__new__, (type(self),), (self.path, self.shape, self.dtype, self.nbytes))

    def numpy(self) -> Any:
        """The numbers as a numpy array, without a copy."""
        import numpy

        return numpy.frombuffer(self.buffer, self.dtype, self.nbytes // _bytes_of(self.dtype)).reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy

        return numpy.array(self.numpy(), dtype=dtype, copy=bool(copy))

    def close(self) -> None:
        """Takes no part any more; BufferError while a view lives."""
        self.buffer.close()
        self._leave()

    def _leave(self) -> None:
        if self._descriptor >= 0:
            # A fork child has the parent's open file description: the part in it is the parent's.
            if self._pid == _os.getpid() and _lock(self._descriptor, _fcntl.F_WRLCK):
                try:
                    _os.unlink(self.path)
                except FileNotFoundError:
                    pass
            _os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> SharedArray:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self._leave()

    def __repr__(self) -> str:
        return f"<crosstie.SharedArray {self.shape} of {self.dtype}>"
