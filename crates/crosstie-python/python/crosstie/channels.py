"""The ends of channels: `Sender`, `Receiver`, `Job`."""

from __future__ import annotations

import os as _os
import time as _time

from ._native import JobEnd, ReceiverEnd, SenderEnd, _is_private
from .errors import Closed, Error, NotPermitted
from .loans import Lent, Loan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta
    from os import PathLike
    from typing import Any, Literal

    _Codec = Literal["bytes", "text", "json", "msgpack", "pickle"]
    _Timeout = float | timedelta | None


def _mechanism(address: str) -> str:
    before, colon, _ = address.partition(":")
    return before if colon else ("fd" if address == "-" else "queue")


def _only_this_user_writes(address: str, domain: str | PathLike[str] | None) -> bool:
    """Whether nobody but this user, and root, can put a message there."""
    mechanism = _mechanism(address)
    if mechanism in ("ring", "queue", "topic"):
        return _is_private(domain)
    if mechanism in ("pipe", "fd"):
        return True
    path = address.partition(":")[2].partition("?")[0]
    if mechanism not in ("fifo", "unix", "unixpacket") or path.startswith("@"):
        return False
    try:
        found = _os.stat(path)
    except OSError:
        return False
    return found.st_uid == _os.geteuid() and not found.st_mode & 0o022


def _check_pickle(end: Any, address: str, codec: str, allow: bool, domain: str | PathLike[str] | None) -> None:
    """Closes an end, and raises, that would unpickle what others may send."""
    if codec == "pickle" and not allow and not _only_this_user_writes(address, domain):
        end.close()
        raise NotPermitted(
            f"unpickle from {address}: others may send there, and whoever can runs any code here; "
            'take codec="json", or say allow_pickle=True'
        )


def _unknown(codec: str) -> ValueError:
    return ValueError(f'codec: "bytes", "text", "json", "msgpack" or "pickle", not {codec!r}')


def _msgpack() -> Any:
    try:
        return __import__("msgpack")
    except ModuleNotFoundError as missing:
        if missing.name != "msgpack":
            raise
        text = 'codec="msgpack" needs the package msgpack: pip install "crosstie[msgpack]"'
        raise ModuleNotFoundError(text, name="msgpack") from None


def _with(end: Any, make: Any, codec: str) -> Any:
    """What `make` makes of the codec; an end that has none is closed."""
    try:
        return make(codec)
    except BaseException:
        end.close()
        raise


def _encoder(codec: str) -> Any:
    if codec == "bytes":
        return lambda message: message
    if codec == "text":
        return str.encode
    if codec == "json":
        import json

        return lambda message: json.dumps(message).encode()
    if codec == "msgpack":
        return _msgpack().packb
    if codec == "pickle":
        import pickle

        return lambda message: pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    raise _unknown(codec)


def _decoder(codec: str) -> Any:
    if codec == "bytes":
        return bytes
    if codec == "text":
        return bytes.decode
    if codec == "json":
        import json

        return json.loads
    if codec == "msgpack":
        unpackb = _msgpack().unpackb
        # Keys of all types, as the other codecs have them.
        return lambda data: unpackb(data, strict_map_key=False)
    if codec == "pickle":
        return _unpickle
    raise _unknown(codec)


#: With what a pickle begins whose buffers stand behind it; a pickle itself begins with 0x80.
_APART = b"\0crosstie.pickle/1"
#: Buffers begin at multiples of this, as numbers like it.
_ALIGNED = 16


def _pickle_parts(message: Any) -> bytes | list[Any]:
    """A pickle, or its parts where the message has buffers: those are written into the message itself, not into the pickle first."""
    import pickle

    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(message, 5, buffer_callback=buffers.append)
    if not buffers:
        return pickled
    raw = [buffer.raw() for buffer in buffers]
    lengths = [len(pickled), *map(len, raw)]
    head = _APART + b"".join(length.to_bytes(8, "little") for length in (len(raw), *lengths))
    parts: list[Any] = []
    for part in (head, pickled, *raw):
        parts += [part, bytes(-len(part) % _ALIGNED)]
    return parts


def _unpickle(data: bytes) -> Any:
    import pickle

    if not data.startswith(_APART):
        return pickle.loads(data)
    # Arrays are views of it: it has to be theirs to write.
    view = memoryview(bytearray(data))
    at = len(_APART)

    def number() -> int:
        nonlocal at
        at += 8
        return int.from_bytes(view[at - 8 : at], "little")

    count = number() + 1
    if count > len(data) // 8:
        raise pickle.UnpicklingError(f"{count} parts in a message of {len(data)} bytes")
    lengths = [number() for _ in range(count)]
    at += -at % _ALIGNED
    if at + sum(lengths) > len(data):
        raise pickle.UnpicklingError(f"parts of {sum(lengths)} bytes in a message of {len(data)}")
    parts = []
    for length in lengths:
        parts.append(view[at : at + length])
        at += length + -length % _ALIGNED
    return pickle.loads(parts[0], buffers=parts[1:])


class Sender(SenderEnd):
    """The end of a channel that messages go into, by its address: ``ring:NAME``, ``queue:NAME``, ``unix:/path``, …

    ``codec`` says what messages are: ``"bytes"`` (and whatever has a buffer), ``"text"``, ``"json"``, ``"pickle"``, or
    ``"msgpack"`` where that is installed (``pip install "crosstie[msgpack]"``); the receiver has to say the same.

    The end of ``with`` is its clean end. Left by an exception it breaks off: the receiver gets what was sent, and then PeerDied, so that half
    of it does not pass for all; who tries again opens another.

    >>> import crosstie
    >>> with crosstie.Sender("ring:numbers", codec="json") as tx:
    ...     tx.send([1, 2])
    >>> with crosstie.Receiver("ring:numbers", codec="json") as rx:
    ...     list(rx)
    [[1, 2]]
    """

    def __new__(
        cls,
        address: str,
        *,
        codec: _Codec = "bytes",
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> Sender:
        return super().__new__(cls, address, timeout=timeout, domain=domain)

    def __init__(
        self,
        address: str,
        *,
        codec: _Codec = "bytes",
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        if codec == "bytes":
            self._encode = None
        else:
            self._encode = _pickle_parts if codec == "pickle" else _with(self, _encoder, codec)

    def send(self, message: Any, timeout: _Timeout = None) -> None:
        """Sends one message; waits while there is no room.

        Raises TimedOut, Closed when the receiver has ended, PeerDied when it was killed, TooLarge.
        """
        if self._encode is not None:
            message = self._encode(message)
            if isinstance(message, list):
                return self.send_parts(message, timeout)
        self.send_bytes(message, timeout)

    def send_many(self, messages: Iterable[Any], timeout: _Timeout = None) -> int:
        """Sends several messages in order, with as few system calls as the mechanism allows; waits while there is no room.

        Answers how many were sent: all, unless time is over first, or the receiver goes; send the next one to be told which. Raises what send()
        raises where not even the first was sent.

        >>> import crosstie
        >>> with crosstie.Sender("queue:several", codec="text") as tx, crosstie.Receiver("queue:several", codec="text") as rx:
        ...     tx.send_many(["one", "two"])
        ...     rx.recv(), rx.recv()
        2
        ('one', 'two')
        """
        rest = list(messages) if self._encode is None else [self._whole(message) for message in messages]
        seconds = timeout if timeout is None or isinstance(timeout, (int, float)) else timeout.total_seconds()
        until = None if seconds is None or seconds <= 0 else _time.monotonic() + seconds
        sent = 0
        while sent < len(rest):
            try:
                sent += self.send_batch(rest[sent:], seconds if until is None else max(0.0, until - _time.monotonic()))
            except Error:
                if sent == 0:
                    raise
                break
        return sent

    def _whole(self, message: Any) -> Any:
        encoded = self._encode(message)  # type: ignore[misc]
        return b"".join(encoded) if isinstance(encoded, list) else encoded

    def loan(self, length: int, timeout: _Timeout = None) -> Loan:
        """Lends room for a message of so many bytes, to be written in place; waits while there is none.

        In a ring, a queue or a topic the room is the message's own, in shared memory. ``with`` gives it as a memoryview, and sends it at its
        end, unless that raises. A BufferError, and nothing is sent, while another view of it lives; until the end of ``with`` this end does nothing
        else (Busy).

        >>> import crosstie
        >>> with crosstie.Sender("queue:lent") as tx, crosstie.Receiver("queue:lent") as rx:
        ...     with tx.loan(5) as room:
        ...         room[:] = b"hello"
        ...     rx.recv()
        b'hello'
        """
        return Loan(self.reserve(length, timeout))

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if kind is None:
            self.close()
        else:
            self.break_off()


class Receiver(ReceiverEnd):
    """The end of a channel that messages come out of, by its address.

    Iterating yields messages until every sender said that it is done; a sender that was killed raises PeerDied, behind
    everything that it sent. Pickled messages are taken only from where nobody but this user can put any, unless
    ``allow_pickle``: who can send one can run any code here.

    >>> import crosstie
    >>> tx, rx = crosstie.Sender("queue:jobs"), crosstie.Receiver("queue:jobs")
    >>> tx.send(b"draw the owl")
    >>> with rx.job() as job:
    ...     job.message
    b'draw the owl'
    """

    def __new__(
        cls,
        address: str,
        *,
        codec: _Codec = "bytes",
        allow_pickle: bool = False,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> Receiver:
        return super().__new__(cls, address, timeout=timeout, domain=domain)

    def __init__(
        self,
        address: str,
        *,
        codec: _Codec = "bytes",
        allow_pickle: bool = False,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        _check_pickle(self, address, codec, allow_pickle, domain)
        self._decode = _with(self, _decoder, codec)

    def recv(self, timeout: _Timeout = None) -> Any:
        """Receives one message; waits while there is none.

        Raises TimedOut, Closed once every sender said that it is done, PeerDied when one was killed, both behind
        everything that was sent.
        """
        return self._decode(self.recv_bytes(timeout))

    def recv_in_place(self, timeout: _Timeout = None) -> Lent:
        """Receives one message where it lies, whatever the codec; waits while there is none.

        From a ring, a queue or a topic it lies in shared memory. ``with`` gives it as a memoryview that cannot be written, and acknowledges it at its
        end, also when that raises: until then a ring or a queue delivers it to the next receiver if this process is killed. A BufferError while another
        view of it lives; until the end of ``with`` this end does nothing else (Busy).

        >>> import crosstie
        >>> with crosstie.Sender("ring:in-place") as tx, crosstie.Receiver("ring:in-place") as rx:
        ...     tx.send(b"hello")
        ...     with rx.recv_in_place() as message:
        ...         bytes(message[1:4])
        b'ell'
        """
        return Lent(self.recv_lent(timeout))

    def job(self, timeout: _Timeout = None) -> Job:
        """Takes the next message of a queue into hand: done at the end of the ``with`` block, unless that raises.

        What is not done when this process ends, or is killed, is delivered to another receiver.
        """
        return Job(self, self.take_job(timeout))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self.recv()
        except Closed:
            raise StopIteration from None

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Job:
    """A message of a queue in hand. Neither done nor rejected it is delivered again, after three times it is a dead letter."""

    def __init__(self, receiver: Receiver, end: JobEnd) -> None:
        self._end = end
        try:
            #: The message.
            self.message = receiver._decode(end.data)
        except BaseException:
            end.settle("rejected")
            raise

    @property
    def deliveries(self) -> int:
        """How often it was delivered, this time included."""
        return self._end.deliveries

    def done(self) -> None:
        """Says that it is done: it is never delivered again."""
        self._end.settle("done")

    def fail(self) -> None:
        """Says that it failed: it is delivered again, or is a dead letter."""
        self._end.settle("failed")

    def reject(self) -> None:
        """Says that nobody can do it: it is a dead letter at once."""
        self._end.settle("rejected")

    def __enter__(self) -> Job:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if not self._end.settled:
            if kind is None:
                self.done()
            else:
                self.fail()
