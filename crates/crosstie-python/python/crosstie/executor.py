"""`Executor`: a pool of processes that outlives the death of any of them."""

from __future__ import annotations

import concurrent.futures as _futures
import multiprocessing as _multiprocessing
import os as _os
import pickle as _pickle
import select as _select
import threading as _threading

from ._native import remove
from .channels import Receiver, Sender
from .errors import Busy, Closed, Error, PeerDied, WorkerDied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any, Literal


def _work(name: str, domain: str | None, initializer: Any, arguments: tuple[Any, ...]) -> None:
    """What a worker does: jobs, until no more are sent."""
    results = Sender(f"queue:{name}.results", codec="pickle", domain=domain)
    if initializer is not None:
        try:
            initializer(*arguments)
        except BaseException as error:
            results.send((0, None, error))
            return
    # It has begun: what ends it from now on is a job.
    results.send((-1, _os.getpid(), None))
    jobs = Receiver(f"queue:{name}", codec="pickle", domain=domain)
    parent = _multiprocessing.parent_process()
    if parent is None or not parent.is_alive():
        # Of an end before it had opened the queue nothing would tell it.
        return
    while True:
        try:
            job = jobs.job()
        except (Closed, PeerDied):
            return
        number, function, positional, keywords = job.message
        if function is None:
            job.done()
            return
        try:
            answer, raised = function(*positional, **keywords), None
        except BaseException as error:
            answer, raised = None, error
        try:
            results.send((number, answer, raised))
        except (TypeError, AttributeError, _pickle.PicklingError) as error:
            results.send((number, None, error))
        # Only now: who is killed before is not done.
        job.done()


class Executor(_futures.Executor):
    """concurrent.futures over processes: a killed worker is replaced, and its job delivered to another.

    Only a job that kills each of three workers fails, with WorkerDied; all others go on. So a job may run more than once:
    let it be one that may.

    >>> import crosstie
    >>> with crosstie.Executor(2) as pool:
    ...     sorted(pool.map(abs, [-2, -1]))
    [1, 2]
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        start_method: Literal["fork", "spawn", "forkserver"] = "spawn",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        domain: str | PathLike[str] | None = None,
    ) -> None:
        if max_workers is not None and max_workers < 1:
            raise ValueError("max_workers: at least 1")
        self._domain = None if domain is None else _os.fspath(domain)
        self._name = f"executor-{_os.getpid()}-{_os.urandom(8).hex()}"
        self._context = _multiprocessing.get_context(start_method)
        self._initializer = (initializer, initargs)
        self._count = max_workers or _os.cpu_count() or 1
        self._jobs = Sender(f"queue:{self._name}", codec="pickle", domain=domain)
        # Where jobs end that killed all their workers.
        self._dead = Receiver(f"queue:{self._name}", codec="pickle", domain=domain)
        self._results = Receiver(f"queue:{self._name}.results", codec="pickle", domain=domain)
        self._lock = _threading.Lock()
        self._pending: dict[int, _futures.Future[Any]] = {}
        self._number = 0
        self._is_closed = False
        self._has_death = False
        #: Why no worker can begin, once that is so.
        self._broken: str | None = None
        self._begun: set[int] = set()
        #: Sentinels of workers that ended and are not replaced.
        self._ended: set[int] = set()
        self._workers = [self._start() for _ in range(self._count)]
        self._woken, self._waker = _os.pipe()
        self._manager = _threading.Thread(target=self._manage, name=f"crosstie.Executor {self._name}", daemon=True)
        self._manager.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _futures.Future[Any]:
        """Has a worker call ``fn(*args, **kwargs)``; the future has its answer."""
        future: _futures.Future[Any] = _futures.Future()
        with self._lock:
            if self._broken is not None:
                raise _futures.BrokenExecutor(f"submit: {self._broken}")
            if self._is_closed:
                raise RuntimeError("submit: the executor was shut down")
            self._number += 1
            number = self._number
            # A worker may take it at any moment from now on.
            future.set_running_or_notify_cancel()
            self._pending[number] = future
            try:
                self._jobs.send((number, fn, args, kwargs))
            except BaseException:
                del self._pending[number]
                raise
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more jobs; with ``wait``, until all that were submitted are done and the workers have ended."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                _os.write(self._waker, b".")
        if wait:
            self._manager.join()

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def _start(self) -> Any:
        worker = self._context.Process(  # type: ignore[attr-defined]
            target=_work, args=(self._name, self._domain, *self._initializer), daemon=True
        )
        worker.start()
        return worker

    def _manage(self) -> None:
        """Hands answers to their futures and replaces workers, until all is done."""
        while True:
            self._take_results()
            self._replace_the_dead()
            with self._lock:
                if self._is_closed and not self._pending:
                    break
            self._wait()
        while living := [worker for worker in self._workers if worker.exitcode is None]:
            # One is told to end, whichever; also one that has not begun yet.
            self._jobs.send((0, None, (), {}))
            living[0].join(0.05)
        self._jobs.close()
        self._results.close()
        self._dead.close()
        for name in (self._name, f"{self._name}.results"):
            try:
                remove(f"queue:{name}", domain=self._domain)
            except Error:
                # Somebody looks at it just now; `crosstie rm` removes it.
                pass
        _os.close(self._waker)
        _os.close(self._woken)

    def _take_results(self) -> None:
        while True:
            try:
                number, answer, raised = self._results.recv(timeout=0)
            except (Busy, Closed, PeerDied):
                return
            except Exception as error:
                # An answer that does not unpickle here: nobody knows whose it was, so all are told.
                self._fail_all(error)
                return
            self._has_death = False
            if number == -1:
                self._begun.add(answer)
            elif number == 0:
                self._break(f"the initializer of a worker failed: {raised!r}")
                return
            with self._lock:
                future = self._pending.pop(number, None)
            # A job that was delivered again may be answered twice.
            if future is not None:
                if raised is None:
                    future.set_result(answer)
                else:
                    future.set_exception(raised)

    def _replace_the_dead(self) -> None:
        for index, worker in enumerate(self._workers):
            if worker.exitcode is None:
                continue
            if worker.exitcode > 0 and worker.pid not in self._begun:
                self._take_results()
                if worker.pid not in self._begun and self._broken is None:
                    self._break("a worker ended before it had begun: does the program guard its start with __name__?")
            with self._lock:
                is_needed = self._broken is None and (bool(self._pending) or not self._is_closed)
            if is_needed:
                worker.join()
                self._workers[index] = self._start()
                self._has_death = True
            else:
                self._ended.add(worker.sentinel)
        while (letter := self._dead.dead_letter()) is not None:
            number = _pickle.loads(letter)[0]
            with self._lock:
                future = self._pending.pop(number, None)
            if future is not None:
                future.set_exception(WorkerDied("a job killed each of the workers that it was given to"))

    def _watched(self) -> list[int]:
        # Also of one that has died since it was looked at: that ends the wait at once.
        return [worker.sentinel for worker in self._workers if worker.sentinel not in self._ended]

    def _break(self, why: str) -> None:
        """No worker can begin: none is started any more."""
        self._broken = why
        self._fail_all(_futures.BrokenExecutor(why))

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            futures = list(self._pending.values())
            self._pending.clear()
        for future in futures:
            future.set_exception(error)

    def _wait(self) -> None:
        """Waits for an answer, the death of a worker, or shutdown."""
        if self._results.arm():
            return
        poll = _select.poll()
        for descriptor in (self._results.pollable(), self._woken, *self._watched()):
            poll.register(descriptor, _select.POLLIN)
        # Another worker sees what the dead one left, and tells nobody here: look again soon.
        for descriptor, _ in poll.poll(100 if self._has_death else None):
            if descriptor == self._woken:
                _os.read(self._woken, 4096)
