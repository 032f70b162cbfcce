"""Nine ways in which the death of one process hangs the others: multiprocessing, and crosstie beside it.

In each scene a process is killed (kill -9) while it has something or waits for something, and then another one goes on, or
does not within the time that it is given. Run it: python nine_kills.py
"""

import multiprocessing
import os
import pathlib
import signal
import sys
import time
import warnings

import crosstie

fork = multiprocessing.get_context("fork")
# Who is told of a death is told by a warning, too.
warnings.simplefilter("ignore", crosstie.AbandonedWarning)


class CrosstieValue:
    """A number with a lock, as multiprocessing.Value."""

    def __init__(self, name):
        self.array = crosstie.SharedArray(1, "i8")
        self.lock = crosstie.Lock(name)

    def get_lock(self):
        return self.lock


def made_by_crosstie(scene):
    kinds = {
        "Lock": lambda: crosstie.Lock(scene),
        "Semaphore": lambda: crosstie.Semaphore(scene, 1),
        "Condition": lambda: crosstie.Condition(scene),
        "Event": lambda: crosstie.Event(scene),
        "Barrier": lambda: crosstie.Barrier(scene, 2),
        "Queue": lambda: crosstie.Queue(scene),
        "SimpleQueue": lambda: crosstie.Queue(scene),
        "Value": lambda: CrosstieValue(scene),
    }
    return kinds[scene.split(".")[0]]()


def made_by_multiprocessing(scene):
    kinds = {
        "Lock": fork.Lock,
        "Semaphore": lambda: fork.Semaphore(1),
        "Condition": fork.Condition,
        "Event": fork.Event,
        "Barrier": lambda: fork.Barrier(2),
        "Queue": fork.Queue,
        "SimpleQueue": fork.SimpleQueue,
        "Value": lambda: fork.Value("q", 0),
    }
    return kinds[scene.split(".")[0]]()


def hold(thing):
    thing.acquire()
    signal.pause()


def wait_under(condition):
    with condition:
        condition.wait()


def hold_value(value):
    with value.get_lock():
        signal.pause()


def notify(condition):
    with condition:
        condition.notify()


def notify_all(condition):
    with condition:
        condition.notify_all()


def meet(barrier):
    try:
        barrier.wait()
    except RuntimeError:
        # Told that the barrier is broken: that is no hang.
        pass


def pass_on(queue):
    queue.put(1)
    queue.get()


#: The scene, who is killed in the middle of what, and what another does then.
SCENES = [
    ("Lock", hold, lambda lock: lock.acquire()),
    ("Semaphore", hold, lambda semaphore: semaphore.acquire()),
    ("Condition.notify", wait_under, notify),
    ("Condition.notify_all", wait_under, notify_all),
    ("Event.set", lambda event: event.wait(), lambda event: event.set()),
    ("Barrier", meet, meet),
    ("Queue.get", lambda queue: queue.get(), pass_on),
    ("SimpleQueue.get", lambda queue: queue.get(), pass_on),
    ("Value", hold_value, lambda value: value.get_lock().acquire()),
]


def started(function, thing):
    process = fork.Process(target=function, args=(thing,), daemon=True)
    process.start()
    return process


def sleeps(pid):
    """Whether the process sleeps in the kernel, twice in a row."""
    for _ in range(2):
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state != "S":
            return False
        time.sleep(0.02)
    return True


def play(make, patience):
    """Plays all scenes; answers those in which the other one did not go on."""
    others = []
    things = []
    for scene, killed, goes_on in SCENES:
        thing = make(scene)
        things.append(thing)
        victim = started(killed, thing)
        while not sleeps(victim.pid):
            time.sleep(0.001)
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        others.append((scene, started(goes_on, thing)))
    deadline = time.monotonic() + patience
    hung = []
    for scene, other in others:
        other.join(max(0, deadline - time.monotonic()))
        if other.is_alive():
            hung.append(scene)
            other.kill()
            other.join()
    return hung


def main():
    hung = play(made_by_multiprocessing, 2)
    hung_here = play(made_by_crosstie, 60)
    print(f"{'killed in':<22}{'multiprocessing':<18}crosstie")
    for scene, _, _ in SCENES:
        row = ["hangs" if scene in one else "goes on" for one in (hung, hung_here)]
        print(f"{scene:<22}{row[0]:<18}{row[1]}")
    print(f"{len(hung)} of {len(SCENES)} hang with multiprocessing, {len(hung_here)} with crosstie")
    return 1 if hung_here else 0


if __name__ == "__main__":
    sys.exit(main())
