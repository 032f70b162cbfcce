"""Calls: `Client` asks, `Server` answers, over every address that goes both ways."""

from __future__ import annotations

from ._native import CallEnd, ClientEnd, ServerEnd
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

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Server(ServerEnd):
    """The end that answers calls. Any number of clients; at a queue any number of servers share the calls.

    ``serve(function)`` answers each call with what the function makes of its request, in ``workers`` threads: an exception
    refuses the call with its text, a crosstie.Error also with its kind. Calls that wait for a worker take ``waiting_bytes_max`` bytes of
    memory at most (256 MiB unless it is said), and those of one client a quarter of it; more are refused as Busy. Or take them one by one:

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
        self.serve_bytes(lambda data: encode(answer(decode(data))), workers)

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
