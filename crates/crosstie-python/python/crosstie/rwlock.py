"""`RwLock`: many who read, or one who writes."""

from __future__ import annotations

from ._native import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from os import PathLike
    from typing import Literal


class RwLock:
    """A lock between processes for many readers or one writer, by its name.

    In phases: neither readers nor writers wait for ever. It is the lock that ``crosstie lock NAME`` takes, and
    ``crosstie lock --shared NAME`` to read.

    >>> import crosstie
    >>> config = crosstie.RwLock("config")
    >>> with config.read():
    ...     config.write().acquire(blocking=False)
    False
    """

    def __init__(
        self,
        name: str,
        *,
        owner: Literal["thread", "process"] = "thread",
        timeout: float | timedelta | None = None,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        self._read = Lock(name, shared=True, owner=owner, timeout=timeout, domain=domain)
        self._write = Lock(name, owner=owner, timeout=timeout, domain=self._read.domain)

    def read(self) -> Lock:
        """The lock to read: for ``with``, or to acquire and release."""
        return self._read

    def write(self) -> Lock:
        """The lock to write: for ``with``, or to acquire and release."""
        return self._write

    def __repr__(self) -> str:
        return f"<crosstie.RwLock {self._read.name} in {self._read.domain}>"
