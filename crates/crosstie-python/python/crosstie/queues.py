"""`Queue`, as multiprocessing has it, made of both ends of a queue."""

from __future__ import annotations

import os as _os
import sys as _sys
import time as _time

from ._native import _queue_state
from .channels import Job, Receiver, Sender
from .errors import Busy, Closed, TimedOut, Usage
from .unnamed import _join, _make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

    from ._native import UnnamedEnd
    from .channels import _Codec, _Timeout

#: Room in a queue is taken in chunks of so many bytes.
_CHUNK = 1024


def _queue_address(name: str, places: int | None = None, capacity: int | None = None) -> str:
    """The address of a queue of so many places for messages, and bytes of room for them."""
    wanted = {"places": places, "capacity": None if capacity is None else capacity + -capacity % _CHUNK}
    said = "&".join(f"{key}={value}" for key, value in wanted.items() if value is not None)
    return f"queue:{name}?{said}" if said else f"queue:{name}"


class Queue:
    """A queue between processes as multiprocessing.Queue, that nobody's death hangs: get() raises PeerDied instead.

    By name, or a new one without, which pickles as a handle and is gone with the last process that has it: keep it until whoever is given it
    has it. What is left where all of them were killed goes when the next thing without a name is made, or by ``crosstie doctor --fix``. Any number put, any number get; what a killed one had just got is delivered to
    another. Arrays, and whatever has buffers, are not copied into a pickle first. Copies that were pickled are the same queue. All who share one
    say the same ``codec``: a Sender's. ``maxsize`` is the most messages that wait, ``capacity`` the bytes of room for them, which no message is
    larger than: 1 MiB where it is not said.

    >>> import crosstie
    >>> q = crosstie.Queue("letters")
    >>> q.put(("a", 1)); q.get(timeout=5)
    ('a', 1)
    >>> q.put("done with care")
    >>> with q.job() as job:
    ...     job.message
    'done with care'
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        maxsize: int = 0,
        capacity: int | None = None,
        codec: _Codec = "pickle",
        domain: str | PathLike[str] | None = None,
    ) -> None:
        if isinstance(name, int):
            raise TypeError(f"name: a text, not a number; a queue for {name} messages is Queue(maxsize={name})")
        #: Of one without a name, what it goes with.
        self._part: UnnamedEnd | None = None
        if name is None:
            self._part = _make("Queue", queues=[""], domain=domain)
            name, domain = self._part.queue, self._part.domain
        if ":" in name:
            raise Usage(f"open queue {name}: a name, not an address; take Sender and Receiver for those")
        self.name = name
        self._codec, self._domain = codec, domain
        self._room = (maxsize if maxsize > 0 else None, capacity)
        self._address = _queue_address(name, *self._room)
        self._ends: tuple[int, Sender | None, Receiver | None] = (_os.getpid(), None, None)

    def _own(self) -> tuple[int, Sender | None, Receiver | None]:
        # What a fork brought along is the parent's.
        if self._ends[0] != _os.getpid():
            self._ends = (_os.getpid(), None, None)
        return self._ends

    def _sender(self) -> Sender:
        pid, sender, receiver = self._own()
        if sender is None:
            sender = Sender(self._address, codec=self._codec, domain=self._domain)
            self._ends = (pid, sender, receiver)
            if "multiprocessing" in _sys.modules:
                from multiprocessing.util import Finalize

                # A child of multiprocessing drops nothing at its end; that it has put its last is no death.
                Finalize(self, sender.close, exitpriority=0)
        return sender

    def _receiver(self) -> Receiver:
        pid, sender, receiver = self._own()
        if receiver is None:
            receiver = Receiver(self._address, codec=self._codec, domain=self._domain)
            self._ends = (pid, sender, receiver)
        return receiver

    def put(self, message: Any, block: bool = True, timeout: _Timeout = None) -> None:
        """Puts one message; waits while there is no room. queue.Full if there is none in time."""
        try:
            self._sender().send(message, timeout if block else 0)
        except (Busy, TimedOut):
            import queue

            raise queue.Full from None

    def get(self, block: bool = True, timeout: _Timeout = None) -> Any:
        """Gets one message; waits while there is none, also for who has not begun to put.

        queue.Empty if there is none in time; PeerDied if nobody who put is left, and one of them was killed.
        """
        try:
            return self._taken(Receiver.recv, timeout if block else 0)
        except (Busy, TimedOut):
            import queue

            raise queue.Empty from None

    def put_nowait(self, message: Any) -> None:
        """As put, without waiting."""
        self.put(message, False)

    def get_nowait(self) -> Any:
        """As get, without waiting."""
        return self.get(False)

    def job(self, timeout: _Timeout = None) -> Job:
        """As Receiver.job; waits as get()."""
        job: Job = self._taken(Receiver.job, timeout)
        return job

    def _taken(self, take: Any, timeout: _Timeout) -> Any:
        seconds = timeout if timeout is None or isinstance(timeout, (int, float)) else timeout.total_seconds()
        end = None if seconds is None else _time.monotonic() + seconds
        while True:
            receiver = self._receiver()
            try:
                return take(receiver, seconds)
            except Closed:
                # All who have put until now are done: another may follow. It is told once; the next look waits for that one.
                if receiver.closed:
                    raise
                seconds = None if end is None else max(0.0, end - _time.monotonic())

    def qsize(self) -> int:
        """How many messages wait at this moment; what others put and get meanwhile is not in it.

        What this process has put counts at once: no thread brings it there. What somebody has got counts no more, also while it is a job
        in hand. One that is being written counts already, and if its putter is killed then, until somebody next waits for a message or for room.

        >>> import crosstie
        >>> q = crosstie.Queue(maxsize=2)
        >>> q.put("one"); q.qsize(), q.empty(), q.full()
        (1, False, False)
        >>> q.put("two"); q.qsize(), q.empty(), q.full()
        (2, False, True)
        """
        state = _queue_state(self.name, domain=self._domain)
        return 0 if state is None else state[0]

    def empty(self) -> bool:
        """Whether no message waits at this moment, as qsize() counts them: who gets next may still be too late."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether no place for a message is free at this moment. A job in hand keeps its place until it is done, a dead letter until it is taken.

        A message above 128 bytes needs room beside its place, and may have to wait for that earlier: see ``capacity``.
        """
        state = _queue_state(self.name, domain=self._domain)
        return state is not None and state[1] == 0

    def join_thread(self) -> None:
        """Nothing: what was put is in the queue, no thread has to bring it there. As multiprocessing.Queue has it."""

    def cancel_join_thread(self) -> None:
        """Nothing, as join_thread()."""

    def close(self) -> None:
        """Says that this process puts and gets no more."""
        _, sender, receiver = self._own()
        self._ends = (_os.getpid(), None, None)
        for end in (sender, receiver):
            if end is not None:
                end.close()

    def __del__(self) -> None:
        part = getattr(self, "_part", None)
        if part is not None:
            self.close()
            part.close()

    def __enter__(self) -> Queue:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        maxsize, capacity = self._room
        said = {"name": self.name, "maxsize": maxsize or 0, "capacity": capacity}
        token = None if self._part is None else self._part.token
        return {**said, "codec": self._codec, "domain": self._domain, "token": token}

    def __setstate__(self, state: dict[str, Any]) -> None:
        token = state.pop("token")
        part = None if token is None else _join(token, state["domain"])
        self.__init__(**state)  # type: ignore[misc]
        self._part = part

    def __repr__(self) -> str:
        return f"<crosstie.Queue queue:{self.name}>"
