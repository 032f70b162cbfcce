"""A mutex: one at a time in the critical section, and whose owner is killed there is not held for ever."""

import multiprocessing
import os
import signal
import warnings

import crosstie

warnings.simplefilter("ignore", crosstie.AbandonedWarning)
# For the textbook's, a time limit is all there is; this one only shows that it passes.
PATIENCE = 0.2


def die_inside(lock):
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    for name, lock in (("multiprocessing.Lock", fork.Lock()), ("crosstie.Lock", crosstie.Lock("account"))):
        child = fork.Process(target=die_inside, args=(lock,))
        child.start()
        child.join()
        print(f"{name}: its owner was killed inside:", "the next one has it" if lock.acquire(timeout=PATIENCE) else "held for ever")
    lock.release()

    # The data may be half changed: whoever is next is told, and mends them.
    child = fork.Process(target=die_inside, args=(lock,))
    child.start()
    child.join()
    with lock as guard:
        print("abandoned:", guard.abandoned, "by", "the child" if guard.dead_owner.pid == child.pid else "another")
