"""`select`: the first of several ends."""

from __future__ import annotations

import select as _select
import time as _time

from ._native import ReceiverEnd, SenderEnd
from .errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Protocol

    class _Readable(Protocol):
        def fileno(self) -> int: ...

    _Source = ReceiverEnd | SenderEnd | _Readable | int
    _Timeout = float | timedelta | None


def select(*sources: _Source, timeout: _Timeout = None) -> list[_Source]:
    """Waits until one of several may be used without waiting, and answers all that may be: none, if that was not in time.

    A Receiver: there is a message, or its end or its sender's death to be told. A Sender: there is room for a message, or nobody takes it any
    more. A descriptor, or what has a ``fileno()``: it can be read. Another process may be faster, and a sender that only begins is looked at too: use
    what is answered with ``timeout=0``, and select again where that is Busy.

    >>> import crosstie
    >>> orders, stop = crosstie.Receiver("queue:orders"), crosstie.Receiver("ring:stop")
    >>> crosstie.Sender("queue:orders").send(b"tea")
    >>> crosstie.select(orders, stop, timeout=5) == [orders]
    True
    >>> orders.recv(timeout=0)
    b'tea'
    """
    if not sources:
        raise Usage("select: there is nothing to wait for")
    seconds = timeout if timeout is None or isinstance(timeout, (int, float)) else timeout.total_seconds()
    until = None if seconds is None or seconds == -1 else _time.monotonic() + seconds
    while True:
        poll = _select.poll()
        descriptors: dict[int, _Source] = {}
        ready: list[_Source] = []
        for source in sources:
            if isinstance(source, (ReceiverEnd, SenderEnd)):
                if source.arm():
                    ready.append(source)
                    continue
                found = source.pollable()
                descriptor, writes = found if isinstance(found, tuple) else (found, False)
                poll.register(descriptor, _select.POLLOUT if writes else _select.POLLIN)
            else:
                descriptor = source if isinstance(source, int) else source.fileno()
                descriptors[descriptor] = source
                poll.register(descriptor, _select.POLLIN)
        left = None if until is None else max(0.0, until - _time.monotonic())
        woken = poll.poll(0 if ready else None if left is None else -(-left * 1000 // 1))
        read = [descriptors[descriptor] for descriptor, _ in woken if descriptor in descriptors]
        if ready or read:
            return [source for source in sources if source in ready or source in read]
        if not woken and left == 0.0:
            return []
