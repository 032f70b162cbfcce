"""`Loan` and `Lent`: messages that are written and read where they lie, as memoryviews."""

from __future__ import annotations

from ._native import LentEnd, LoanEnd


class Loan:
    """Room for a message, by Sender.loan: ``with`` gives it as a memoryview, and sends it at its end, unless that raises."""

    __slots__ = ("_end", "_view")

    def __init__(self, end: LoanEnd) -> None:
        self._end = end

    def __enter__(self) -> memoryview:
        self._view = memoryview(self._end)
        return self._view

    def __exit__(self, kind: object, *exception: object) -> None:
        self._view.release()
        if kind is None:
            self._end.commit()
        else:
            self._end.cancel()


class Lent:
    """A message, by Receiver.recv_in_place: ``with`` gives it as a memoryview, and at its end it is received."""

    __slots__ = ("_end", "_view")

    def __init__(self, end: LentEnd) -> None:
        self._end = end

    def __enter__(self) -> memoryview:
        self._view = memoryview(self._end)
        return self._view

    def __exit__(self, *exception: object) -> None:
        self._view.release()
        self._end.received()
