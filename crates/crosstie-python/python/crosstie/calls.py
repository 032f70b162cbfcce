"""Calls: `Client` asks, `Server` answers, over every address that goes both ways."""

from __future__ import annotations

from ._native import CallEnd, ClientEnd, RepliesEnd, ReplyStreamEnd, ServerEnd
from .channels import _check_pickle, _decoder, _encoder, _with
from .errors import Closed, Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta
    from os import PathLike
    from typing import Any

    from .channels import _Codec

    _Timeout = float | timedelta | None


def _has_many(reply: object) -> bool:
    # Without the module inspect, which is large.
    return type(reply).__name__ == "generator"


class Client(ClientEnd):
    """The end that calls: ``unix:/path``, ``tcp:host:port``, ``queue:NAME``, ``ring:NAME``, …

    Any number of threads call at the same time. A server that is killed with the call in hand is PeerDied at once, one that
    ends is Closed; with ``idempotent`` the next server gets the call instead. ``codec`` is said by both sides.

    >>> import crosstie, threading
    >>> with crosstie.Server("queue:sums", codec="json") as server:
    ...     worker = threading.Thread(target=server.serve, args=(sum,), kwargs={"workers": 2})
    ...     worker.start()
    ...     with crosstie.Client("queue:sums", codec="json") as client:
    ...         client.call([1, 2, 3], timeout=5)
    ...     server.stop()
    ...     worker.join()
    6
    """

    def __new__(
        cls,
        address: str,
        *,
        codec: _Codec = "bytes",
        allow_pickle: bool = False,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
    ) -> Client:
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
        self._encode, self._decode = _with(self, _encoder, codec), _with(self, _decoder, codec)

    def call(self, request: Any, timeout: _Timeout = None, *, idempotent: bool = False) -> Any:
        """Asks, and waits for the reply: for ``timeout``, which the server is told, or as long as it takes.

        Raises what the server refused with (Negative unless it said more), TimedOut, PeerDied, Closed, TooLarge; DeadlockError where
        the reply would need what the caller has.
        """
        return self._decode(self.call_bytes(self._encode(request), timeout, idempotent))

    def stream(self, request: Any, timeout: _Timeout = None) -> Replies:
        """Asks for many replies, and yields them as they come; ``timeout`` is for all of them together.

        The server is never more than 256 KiB, or one reply, ahead of who takes them. Raises what call() raises, also between two replies: half of
        them never pass for all. Left before the end, the call is cancelled: by ``with``, by close(), or when it is dropped.

        >>> import crosstie, threading
        >>> def below(limit):
        ...     yield from range(limit)
        >>> with crosstie.Server("queue:numbers", codec="json") as server:
        ...     worker = threading.Thread(target=server.serve, args=(below,))
        ...     worker.start()
        ...     with crosstie.Client("queue:numbers", codec="json") as client:
        ...         list(client.stream(3, timeout=5))
        ...     server.stop()
        ...     worker.join()
        [0, 1, 2]
        """
        return Replies(self.stream_bytes(self._encode(request), timeout), self._decode)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Replies:
    """The replies to one call, as they come, by Client.stream: an iterator, which ``with`` closes."""

    def __init__(self, end: RepliesEnd, decode: Callable[[bytes], Any]) -> None:
        self._end, self._decode = end, decode

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        reply = self._end.next_bytes()
        if reply is None:
            raise StopIteration
        return self._decode(reply)

    def close(self) -> None:
        """Takes no more: the server is told, unless it is over."""
        self._end.close()

    def __enter__(self) -> Replies:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Server(ServerEnd):
    """The end that answers calls. Any number of clients; at a queue any number of servers share the calls.

    ``serve(function)`` answers each call with what the function makes of its request, in ``workers`` threads: an exception
    refuses the call with its text, a crosstie.Error also with its kind. What a generator function yields are many replies, to a caller that asked for
    them by Client.stream. Calls that wait for a worker take ``waiting_bytes_max`` bytes of memory at most (256 MiB unless it is said), and
    those of one client a quarter of it; more are refused as Busy. Or take them one by one:

    >>> import crosstie, threading
    >>> server = crosstie.Server("queue:greetings", codec="text")
    >>> answers = []
    >>> def ask():
    ...     with crosstie.Client("queue:greetings", codec="text") as client:
    ...         answers.append(client.call("anna"))
    >>> asking = threading.Thread(target=ask)
    >>> asking.start()
    >>> with server.take(timeout=5) as call:
    ...     call.reply("hello " + call.request)
    >>> asking.join()
    >>> answers
    ['hello anna']
    >>> server.close()
    """

    def __new__(
        cls,
        address: str,
        *,
        codec: _Codec = "bytes",
        allow_pickle: bool = False,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
        waiting_bytes_max: int | None = None,
    ) -> Server:
        return super().__new__(
            cls, address, timeout=timeout, domain=domain, waiting_bytes_max=waiting_bytes_max
        )

    def __init__(
        self,
        address: str,
        *,
        codec: _Codec = "bytes",
        allow_pickle: bool = False,
        timeout: _Timeout = None,
        domain: str | PathLike[str] | None = None,
        waiting_bytes_max: int | None = None,
    ) -> None:
        _check_pickle(self, address, codec, allow_pickle, domain)
        self._encode, self._decode = _with(self, _encoder, codec), _with(self, _decoder, codec)

    def serve(self, answer: Callable[[Any], Any], workers: int = 1) -> None:
        """Answers every call with ``answer(request)``, in so many threads, until stop().

        In the main thread Ctrl-C ends it. A worker that calls where only it could answer gets a DeadlockError.
        """
        encode, decode = self._encode, self._decode

        def answered(data: bytes) -> Any:
            reply = answer(decode(data))
            return map(encode, reply) if _has_many(reply) else encode(reply)

        self.serve_bytes(answered, workers)

    def take(self, timeout: _Timeout = None) -> Call:
        """Takes the next call; waits while there is none. Raises TimedOut, and Closed once it was stopped."""
        return Call(self.take_call(timeout), self._encode, self._decode)

    def __iter__(self) -> Iterator[Call]:
        return self

    def __next__(self) -> Call:
        try:
            return self.take()
        except Closed:
            raise StopIteration from None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Call:
    """A call in hand: answer it once. One that is dropped unanswered, or whose ``with`` block raises, is refused."""

    def __init__(self, end: CallEnd, encode: Callable[[Any], Any], decode: Callable[[bytes], Any]) -> None:
        self._end, self._encode = end, encode
        try:
            #: The request.
            self.request = decode(end.data)
        except Exception as error:
            end.refuse(f"the request does not decode: {error}", "mismatch")
            raise

    def reply(self, reply: Any) -> None:
        """Answers. That nobody waits for it any more is no error; TooLarge is, and the caller is told too."""
        self._end.reply_bytes(self._encode(reply))

    def refuse(self, why: str, *, code: int | None = None) -> None:
        """Answers that there is no reply: the caller gets a Negative with this text, and the code as its ``code``."""
        self._end.refuse(why, "negative", code)

    def refuse_with(self, error: BaseException) -> None:
        """Answers that there is no reply because of an exception: its text, and of a crosstie.Error its kind too."""
        self._end.refuse(f"{type(error).__qualname__}: {error}", error.id if isinstance(error, Error) else "negative")

    def stream(self) -> ReplyStream:
        """Answers with many replies, as they come: ``with`` says at its end that there are no more, or refuses if that raises.

        Mismatch where the caller takes one reply: it is told the same.

        >>> import crosstie, threading
        >>> with crosstie.Server("queue:halves", codec="json") as server, crosstie.Client("queue:halves", codec="json") as client:
        ...     halves = client.stream(8)
        ...     with server.take().stream() as replies:
        ...         replies.send(4)
        ...         replies.send(2)
        ...     list(halves)
        [4, 2]
        """
        return ReplyStream(self._end.stream(), self._encode)

    @property
    def takes_stream(self) -> bool:
        """Whether the caller takes many replies."""
        return self._end.takes_stream

    @property
    def answered(self) -> bool:
        """Whether it was answered."""
        return self._end.answered

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits any more: the caller gave up, or died."""
        return self._end.cancelled

    @property
    def remaining(self) -> float | None:
        """For how many seconds the caller still waits; None for as long as it takes."""
        return self._end.remaining

    @property
    def client_pid(self) -> int | None:
        """The caller's process id, where the mechanism tells it."""
        return self._end.client_pid

    @property
    def idempotent(self) -> bool:
        """Whether to do it twice is as good as once, as the caller said."""
        return self._end.idempotent

    @property
    def repeated(self) -> bool:
        """Whether another server may have done it already."""
        return self._end.repeated

    def __enter__(self) -> Call:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *rest: object) -> None:
        if error is not None and not self.answered:
            self.refuse_with(error)


class ReplyStream:
    """Many replies to a call in hand, by Call.stream. Dropped before its end, the call is refused behind those that were sent."""

    def __init__(self, end: ReplyStreamEnd, encode: Callable[[Any], Any]) -> None:
        self._end, self._encode = end, encode

    def send(self, reply: Any, timeout: _Timeout = None) -> None:
        """Sends the next reply; waits while the client has 256 KiB that it has not taken. Raises Closed when nobody takes them any more, TimedOut."""
        self._end.send_bytes(self._encode(reply), timeout)

    def end(self) -> None:
        """Says that there are no more; waits until the client's side has room for all of them. That nobody takes them any more is no error."""
        self._end.end()

    def refuse_with(self, error: BaseException) -> None:
        """Says that there are no more because of an exception: its text, and of a crosstie.Error its kind too."""
        self._end.refuse(f"{type(error).__qualname__}: {error}", error.id if isinstance(error, Error) else "negative")

    @property
    def closed(self) -> bool:
        """Whether it has ended, or the call was refused."""
        return self._end.closed

    @property
    def cancelled(self) -> bool:
        """Whether nobody takes the replies any more."""
        return self._end.cancelled

    def __enter__(self) -> ReplyStream:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *rest: object) -> None:
        if self.closed:
            return
        if error is None:
            self.end()
        else:
            self.refuse_with(error)
