"""What goes wrong, one class for each thing that a caller can do about it.

Each class is also the builtin one that says the same, so that ``except TimeoutError`` works. Its ``id`` is the same
in Rust, C and the shell, ``exit_code`` is what ``crosstie`` exits with.

>>> import crosstie
>>> crosstie.TimedOut.id, crosstie.TimedOut.exit_code, issubclass(crosstie.TimedOut, TimeoutError)
('timed-out', 124, True)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from ._native import Blocked, Owner


class Error(Exception):
    """Whatever Crosstie refuses."""

    id: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 125
    #: On which object: an address, a path, a name.
    object: str = ""
    #: What failed, as a verb phrase.
    operation: str = ""
    #: What to do about it; empty when there is nothing to say.
    advice: str = ""


class Usage(Error, ValueError):
    """An address, a name or an option is not of its form."""

    id, exit_code = "usage", 2


class _Occupied(Error):
    #: Who has it, at that moment.
    holders: list[Owner] = []
    #: How many stood before the caller in the queue.
    ahead: int = 0
    #: How long the caller had waited, in seconds.
    waited: float = 0.0


class Busy(_Occupied, BlockingIOError):
    """Somebody else has it, and the caller did not want to wait."""

    id, exit_code = "busy", 75


class Negative(Error):
    """A question was answered with no; a server refused a call."""

    id, exit_code = "negative", 1
    #: Of a call: the server's own number.
    code: int = 1


class TimedOut(_Occupied, TimeoutError):
    """The deadline passed first."""

    id, exit_code = "timed-out", 124


class NotPermitted(Error, PermissionError):
    """The kernel refuses: owner, mode, another user's domain."""

    id, exit_code = "not-permitted", 77


class DeadlockError(Error, RuntimeError):
    """To wait would close a circle in which each waits for the next."""

    id, exit_code = "deadlock", 80
    #: Who waits for what: each for what the next one has, the last for the first, which was refused.
    cycle: list[Blocked] = []


class Abandoned(Error):
    """The last owner died while it had it: what it protects may be half done."""

    id, exit_code = "abandoned", 81


class Lost(Error):
    """It was held, and was taken away by force; or it was overwritten before it was read."""

    id, exit_code = "lost", 82
    #: Of messages of a topic: the number of the first one, and how many.
    first: int = 0
    count: int = 0


class Poisoned(Error):
    """The last owner, a Rust program, panicked while it had it."""

    id, exit_code = "poisoned", 125


class PeerDied(Error, ConnectionResetError):
    """The other end died before a clean end."""

    id, exit_code = "peer-died", 83


class BrokenBarrier(PeerDied, RuntimeError):
    """A party of the barrier died before it came."""


class WorkerDied(PeerDied, RuntimeError):
    """A job of an Executor killed each of the workers that it was given to."""


class NotFound(Error, FileNotFoundError):
    """There is no object, file or listener of that name."""

    id, exit_code = "not-found", 84


class AlreadyExists(Error, FileExistsError):
    """It exists already, or is something else than asked for."""

    id, exit_code = "already-exists", 85


class Mismatch(Error, TypeError, ValueError):
    """Of another type, layout, version, protocol or parameters; the text names both."""

    id, exit_code = "mismatch", 86


class TooLarge(Error, ValueError):
    """The message is above the limit; the text names both sizes."""

    id, exit_code = "too-large", 87


class Closed(Error, EOFError, BrokenPipeError):
    """The other end said that it is done."""

    id, exit_code = "closed", 88


class Corrupt(Error, ValueError):
    """Bytes that others wrote break the protocol; the channel is of no more use to this end."""

    id, exit_code = "corrupt", 86


class NoSpace(Error, OSError):
    """No room: /dev/shm, disk, descriptors, places."""

    id, exit_code = "no-space", 125


class Unsupported(Error, NotImplementedError):
    """This mechanism, kernel or policy does not offer it."""

    id, exit_code = "unsupported", 125


class Failed(Error, OSError):
    """Any other refusal by the system."""

    id, exit_code = "failed", 125


class AbandonedWarning(RuntimeWarning):
    """The owner before died while it had it; the text names it."""
