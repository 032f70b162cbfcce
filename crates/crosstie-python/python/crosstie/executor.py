"""`Executor`: a pool of processes that outlives the death of any of them."""

from __future__ import annotations

import concurrent.futures as _futures
import multiprocessing as _multiprocessing
import os as _os
import pickle as _pickle
import select as _select
import sys as _sys
import threading as _threading
import traceback as _traceback
import weakref as _weakref

from .channels import Receiver, Sender
from .errors import Busy, Closed, NotFound, PeerDied, TimedOut, WorkerDied
from .queues import _queue_address
from .unnamed import _join, _make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any, Literal


def _work(token: str, domain: str, initializer: Any, arguments: tuple[Any, ...]) -> None:
    """What a worker does, as long as somebody is there for whom: jobs, until no more are sent."""
    try:
        part = _join(token, domain)
    except NotFound:
        return
    try:
        _do_jobs(part.queue, domain, initializer, arguments)
    finally:
        part.close()


def _do_jobs(name: str, domain: str, initializer: Any, arguments: tuple[Any, ...]) -> None:
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
            answer, raised = None, _told(error)
        try:
            results.send((number, answer, raised))
        except (Closed, PeerDied):
            return
        except Exception as error:
            # An answer that cannot be sent: no pickle, or too large for one message.
            results.send((number, None, _told(error)))
        # Only now: who is killed before is not done.
        job.done()


def _told(error: BaseException) -> BaseException:
    """The exception as it is raised where the job was submitted, with the worker's traceback as a note."""
    trace = "".join(_traceback.format_exception(error))
    try:
        error.add_note(f"in worker {_os.getpid()}:\n{trace}")
        _pickle.loads(_pickle.dumps(error))
    except Exception as unfit:
        # One that would not arrive, and whose job would not be known.
        return RuntimeError(f"a job raised an exception that does not pickle ({unfit!r}):\n{trace}")
    return error


#: The executors whose jobs the program's end waits for.
_living: _weakref.WeakSet[Executor] = _weakref.WeakSet()


#: The path of the program, which workers that begin by spawn import.
_program: str | None = getattr(_sys.modules["__main__"], "__file__", None)


def _end_all() -> None:
    main = _sys.modules["__main__"]
    if _program is not None and not hasattr(main, "__file__"):
        # The interpreter takes it away behind the program's last line, and a killed worker may have to be replaced.
        main.__file__ = _program
    # What a fork brought along is the parent's.
    for executor in [one for one in _living if one._made_by == _os.getpid()]:
        executor.shutdown()


# Before the interpreter stops its threads, as concurrent.futures has it: until then jobs are given out and workers replaced.
_threading._register_atexit(_end_all)  # type: ignore[attr-defined]


class _Future(_futures.Future):  # type: ignore[type-arg]
    """The answer of a job that a worker may take at any moment: only shutdown(cancel_futures=True) takes it back."""

    def cancel(self) -> bool:
        return False


class Executor(_futures.Executor):
    """concurrent.futures over processes: a killed worker is replaced, and its job delivered to another.

    Only a job that kills each of three workers fails, with WorkerDied; all others go on. So a job may run more than once:
    let it be one that may. ``capacity`` is the bytes of room for the jobs that wait, and again for their answers; no job and no answer is
    larger: 1 MiB where it is not said.

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
        capacity: int | None = None,
        domain: str | PathLike[str] | None = None,
    ) -> None:
        if max_workers is not None and max_workers < 1:
            raise ValueError("max_workers: at least 1")
        self._part = _make("Executor", queues=["", ".results"], domain=domain)
        self._name, domain = self._part.queue, self._part.domain
        self._context = _multiprocessing.get_context(start_method)
        self._initializer = (initializer, initargs)
        self._count = max_workers or _os.cpu_count() or 1
        # Made here, with its room; whoever opens it behind this need not say that again.
        self._jobs = Sender(_queue_address(self._name, capacity=capacity), codec="pickle", domain=domain)
        # Where jobs end that killed all their workers.
        self._dead = Receiver(f"queue:{self._name}", codec="pickle", domain=domain)
        answers = _queue_address(f"{self._name}.results", capacity=capacity)
        self._results = Receiver(answers, codec="pickle", domain=domain)
        self._lock = _threading.Lock()
        self._pending: dict[int, _futures.Future[Any]] = {}
        self._number = 0
        self._is_closed = False
        #: Whether nobody listens any more who could be woken.
        self._has_ended = False
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
        self._made_by = _os.getpid()
        _living.add(self)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _futures.Future[Any]:
        """Has a worker call ``fn(*args, **kwargs)``; the future has its answer."""
        future = _Future()
        with self._lock:
            if self._broken is not None:
                raise _futures.BrokenExecutor(f"submit: {self._broken}")
            if self._is_closed:
                raise RuntimeError("submit: the executor was shut down")
            self._number += 1
            number = self._number
            self._pending[number] = future
        # Without the lock: who hands out answers, and so makes room, needs it.
        while True:
            try:
                self._jobs.send((number, fn, args, kwargs), timeout=1)
            except TimedOut:
                # No room: of an executor that is broken nobody makes any.
                if not future.done():
                    continue
            except BaseException:
                with self._lock:
                    self._pending.pop(number, None)
                raise
            return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more jobs; with ``wait``, until all that were submitted are done and the workers have ended.

        With ``cancel_futures`` those that no worker has begun are taken back, and cancelled; also by a second call. A program that ends
        without it does what was submitted first, as one of concurrent.futures.
        """
        with self._lock:
            self._is_closed = True
        if cancel_futures:
            self._take_back()
        with self._lock:
            if not self._has_ended:
                # Whoever gives out answers sees by itself that none is missing, once it looks.
                _os.write(self._waker, b".")
        if wait:
            self._manager.join()

    def _take_back(self) -> None:
        while (number := self._take_back_one()) is not None:
            with self._lock:
                future = self._pending.pop(number, None)
            if future is not None:
                _futures.Future.cancel(future)
                future.set_running_or_notify_cancel()

    def _take_back_one(self) -> int | None:
        """Takes the next job that no worker has begun out of the queue; answers its number."""
        # Who ends the executor waits for the lock too, and closes this end behind it.
        with self._lock:
            if self._has_ended:
                return None
            try:
                job = self._dead.job(timeout=0)
            except (Busy, Closed, PeerDied):
                return None
            job.done()
            number: int = job.message[0]
            return number

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def _start(self) -> Any:
        worker = self._context.Process(  # type: ignore[attr-defined]
            target=_work, args=(self._part.token, self._part.domain, *self._initializer), daemon=True
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
        with self._lock:
            self._has_ended = True
            for end in (self._jobs, self._results, self._dead, self._part):
                end.close()
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
            number = self._dead._decode(letter)[0]
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
