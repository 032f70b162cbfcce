"""Parts in what has no name: until they are closed, at the latest with the program."""

from __future__ import annotations

import atexit as _atexit
import sys as _sys
import weakref as _weakref

from ._native import UnnamedEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

#: What this process takes part in.
_parts: _weakref.WeakSet[UnnamedEnd] = _weakref.WeakSet()
_is_told: set[str] = set()


def _make(what: str, *, size: int = 0, queues: list[str] | None = None, domain: str | PathLike[str] | None = None) -> UnnamedEnd:
    """A new one; what the dead have left is swept."""
    return _kept(UnnamedEnd.make(what, size=size, queues=queues or [], domain=domain))


def _join(token: str, domain: str | PathLike[str] | None) -> UnnamedEnd:
    """A part in one that others have; NotFound once its last participant has ended."""
    return _kept(UnnamedEnd.join(token, domain=domain))


def _kept(part: UnnamedEnd) -> UnnamedEnd:
    _parts.add(part)
    if "multiprocessing" in _sys.modules:
        _tell("multiprocessing", _register_child)
    else:
        # multiprocessing, imported later, ends its children before this is called.
        _tell("atexit", lambda: _atexit.register(_close_all))
    return part


def _tell(whom: str, register: Any) -> None:
    if whom not in _is_told:
        _is_told.add(whom)
        register()


def _register_child() -> None:
    from multiprocessing import util

    _close_at_end()
    # A child forgets what its parent has registered, and then calls this.
    util.register_after_fork(_close_all, _close_at_end)


def _close_at_end(_: object = None) -> None:
    from multiprocessing.util import Finalize

    # Behind the end of this process's own children, who have parts too. A child of multiprocessing drops nothing by itself.
    Finalize(None, _close_all, exitpriority=-100)


def _close_all() -> None:
    for part in list(_parts):
        try:
            part.close()
        except BufferError:
            # Somebody still looks at its memory: it goes with that view, or is swept behind the program.
            pass
