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

from ._native import (
    Barrier,
    Blocked,
    Capabilities,
    Condition,
    CountingSemaphore,
    Event,
    Guard,
    Lock,
    Once,
    Owner,
    Permit,
    Region,
    Semaphore,
    Stay,
    __version__,
    ls,
    remove,
)
from .errors import (
    Abandoned,
    AbandonedWarning,
    AlreadyExists,
    BrokenBarrier,
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
    WorkerDied,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .arrays import SharedArray
    from .calls import Call, Client, Replies, ReplyStream, Server
    from .channels import Job, Receiver, Sender
    from .executor import Executor
    from .loans import Lent, Loan
    from .monitor import Monitor
    from .queues import Queue
    from .rwlock import RwLock
    from .selecting import select
    from .several import lock_all

#: What is imported when somebody asks for it, and from where.
_LATER = {
    "Call": "calls",
    "Client": "calls",
    "Executor": "executor",
    "Job": "channels",
    "Lent": "loans",
    "Loan": "loans",
    "Monitor": "monitor",
    "Queue": "queues",
    "Receiver": "channels",
    "Replies": "calls",
    "ReplyStream": "calls",
    "RwLock": "rwlock",
    "Sender": "channels",
    "Server": "calls",
    "SharedArray": "arrays",
    "lock_all": "several",
    "select": "selecting",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{_LATER[name]}", fromlist=[name])
    found = globals()[name] = getattr(module, name)
    return found


__all__ = [
    "Abandoned",
    "AbandonedWarning",
    "AlreadyExists",
    "Barrier",
    "Blocked",
    "BrokenBarrier",
    "Busy",
    "Call",
    "Capabilities",
    "Client",
    "Closed",
    "Condition",
    "Corrupt",
    "CountingSemaphore",
    "DeadlockError",
    "Error",
    "Event",
    "Executor",
    "Failed",
    "Guard",
    "Job",
    "Lent",
    "Loan",
    "Lock",
    "Lost",
    "Mismatch",
    "Monitor",
    "Negative",
    "NoSpace",
    "NotFound",
    "NotPermitted",
    "Once",
    "Owner",
    "PeerDied",
    "Permit",
    "Poisoned",
    "Queue",
    "Receiver",
    "Region",
    "Replies",
    "ReplyStream",
    "RwLock",
    "Semaphore",
    "Sender",
    "Server",
    "SharedArray",
    "Stay",
    "TimedOut",
    "TooLarge",
    "Unsupported",
    "Usage",
    "WorkerDied",
    "__version__",
    "lock_all",
    "ls",
    "remove",
    "select",
]
