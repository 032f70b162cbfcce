"""`lock_all`: several locks at once, in one order for everybody."""

from __future__ import annotations

import time as _time

from .errors import Lost, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta

    from ._native import Guard, Lock

    _Timeout = float | timedelta | None


class lock_all:
    """Takes several locks for a ``with`` block, in the order in which everyone takes them, Rust and the shell too.

    Whoever takes several locks only in this way, and has none meanwhile, is in no deadlock. All of them or none: TimedOut if one
    is not had within ``timeout`` seconds. The guards come in the order of the arguments.

    >>> import crosstie
    >>> purse, shop = crosstie.Lock("purse"), crosstie.Lock("shop")
    >>> with crosstie.lock_all(shop, purse, timeout=5) as (of_shop, of_purse):
    ...     of_shop.held, of_purse.held
    (True, True)
    """

    def __init__(self, *locks: Lock, timeout: _Timeout = None) -> None:
        self._order = sorted(locks, key=lambda lock: lock._rank)
        for before, after in zip(self._order, self._order[1:]):
            if before._rank == after._rank:
                raise Usage(f"lock several: {after.name} is there twice; name each lock once")
        self._locks = locks
        self._guards: dict[tuple[int, int], Guard] = {}
        seconds = timeout if timeout is None or isinstance(timeout, (int, float)) else timeout.total_seconds()
        self._seconds = None if seconds == -1 else seconds

    def __enter__(self) -> tuple[Guard, ...]:
        until = None if self._seconds is None else _time.monotonic() + self._seconds
        try:
            for lock in self._order:
                left = None if until is None else max(0.0, until - _time.monotonic())
                self._guards[lock._rank] = lock._enter(left)
        except BaseException:
            self._release()
            raise
        return tuple(self._guards[lock._rank] for lock in self._locks)

    def _release(self) -> None:
        lost: Lost | None = None
        for guard in reversed(self._guards.values()):
            try:
                guard.release()
            except Lost as error:
                lost = error
            except RuntimeError:
                # It was given back inside the block.
                pass
        self._guards.clear()
        if lost is not None:
            raise lost

    def __exit__(self, *exception: object) -> None:
        self._release()
