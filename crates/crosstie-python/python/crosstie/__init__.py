"""Processes take turns and talk on Linux, and survive ``kill -9``.

>>> import crosstie
>>> with crosstie.Lock("db", timeout=5) as guard:
...     guard.abandoned, guard.token > 0
(False, True)

The names are the same in Rust, C and the shell: while this runs, ``crosstie lock db -- CMD`` waits.
"""

import sys as _sys

if not _sys.platform.startswith("linux"):
    raise ImportError("crosstie is for Linux: it stands on its futexes and its /proc")

from ._native import Blocked, Guard, Lock, Owner, __version__
from .errors import (
    Abandoned,
    AbandonedWarning,
    AlreadyExists,
    Busy,
    Closed,
    Corrupt,
    DeadlockError,
    Error,
    Failed,
    Lost,
    Mismatch,
    Negative,
    NoSpace,
    NotFound,
    NotPermitted,
    PeerDied,
    Poisoned,
    TimedOut,
    TooLarge,
    Unsupported,
    Usage,
)

__all__ = [
    "Abandoned",
    "AbandonedWarning",
    "AlreadyExists",
    "Blocked",
    "Busy",
    "Closed",
    "Corrupt",
    "DeadlockError",
    "Error",
    "Failed",
    "Guard",
    "Lock",
    "Lost",
    "Mismatch",
    "Negative",
    "NoSpace",
    "NotFound",
    "NotPermitted",
    "Owner",
    "PeerDied",
    "Poisoned",
    "TimedOut",
    "TooLarge",
    "Unsupported",
    "Usage",
    "__version__",
]
