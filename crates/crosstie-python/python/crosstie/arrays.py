"""`SharedArray`: numbers that several processes see, without a copy."""

from __future__ import annotations

import operator as _operator
import re as _re

from .unnamed import _join, _make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

    from ._native import UnnamedEnd


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
    with its last participant, so keep it until whoever is given it has it; of one whose participants were all killed, what is left goes when
    the next thing without a name is made, or by ``crosstie doctor --fix``. ``dtype`` is what numpy takes; a text as "f4" needs no numpy.
    ``numpy()`` is a view of it, as is ``array.buffer``, a memoryview. It has no lock: take turns with a Lock.

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
        # No memory is of no bytes.
        self._take(_make("SharedArray", size=max(self.nbytes, 1), domain=domain))

    def _take(self, part: UnnamedEnd) -> None:
        self._part = part
        self.buffer = memoryview(part)
        #: Its file.
        self.path = part.path

    def __setstate__(self, state: tuple[str, str, tuple[int, ...], str, int]) -> None:
        domain, token, self.shape, self.dtype, self.nbytes = state
        self._take(_join(token, domain))

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self._part.domain, self._part.token, self.shape, self.dtype, self.nbytes)
        return (object.__new__, (type(self),), state)

    def numpy(self) -> Any:
        """The numbers as a numpy array, without a copy."""
        import numpy

        return numpy.frombuffer(self.buffer, self.dtype, self.nbytes // _bytes_of(self.dtype)).reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy

        return numpy.array(self.numpy(), dtype=dtype, copy=bool(copy))

    def close(self) -> None:
        """Takes no part any more; BufferError while a view lives."""
        self.buffer.release()
        self._part.close()

    def __enter__(self) -> SharedArray:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<crosstie.SharedArray {self.shape} of {self.dtype}>"
