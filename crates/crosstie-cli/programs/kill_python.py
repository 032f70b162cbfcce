"""One way in which Python's multiprocessing meets kill -9: `kill_python.py SCENE SECONDS`.

A process is killed with the thing in its hands, or asleep at it; another one then wants to go on, and
is given SECONDS for it. Prints `outcome goes on AFTER` or `outcome hangs`.
"""

import ctypes
import multiprocessing as mp
import os
import signal
import sys
import time


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def holds(take):
    def act(thing, ready):
        end_with_parent()
        take(thing)
        ready.set()
        time.sleep(60)

    return act


def waits(wait):
    def act(thing, ready):
        end_with_parent()
        ready.set()
        wait(thing)

    return act


def wait_inside(condition):
    with condition:
        condition.wait()


def notify(condition):
    with condition:
        condition.notify()


def notify_all(condition):
    with condition:
        condition.notify_all()


def put_and_get(queue):
    queue.put(1)
    queue.get()


def take_value(value):
    with value.get_lock():
        value.value += 1


# What is made, what the one that is killed does with it, what the other does then.
SCENES = {
    "lock": (lambda: mp.Lock(), holds(lambda it: it.acquire()), lambda it: it.acquire()),
    "semaphore": (lambda: mp.Semaphore(1), holds(lambda it: it.acquire()), lambda it: it.acquire()),
    "notify": (lambda: mp.Condition(), waits(wait_inside), notify),
    "notify-all": (lambda: mp.Condition(), waits(wait_inside), notify_all),
    "event": (lambda: mp.Event(), waits(lambda it: it.wait()), lambda it: it.set()),
    "barrier": (lambda: mp.Barrier(2), waits(lambda it: it.wait()), lambda it: it.wait()),
    "queue": (lambda: mp.Queue(), waits(lambda it: it.get()), put_and_get),
    "simple-queue": (lambda: mp.SimpleQueue(), waits(lambda it: it.get()), put_and_get),
    "value": (lambda: mp.Value("i", 0), holds(lambda it: it.get_lock().acquire()), take_value),
}


def goes_on(then, thing):
    end_with_parent()
    then(thing)


def is_asleep(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


def main():
    scene, seconds = sys.argv[1], float(sys.argv[2])
    mp.set_start_method("fork")
    make, first, then = SCENES[scene]
    thing, ready = make(), mp.Event()
    victim = mp.Process(target=first, args=(thing, ready), daemon=True)
    victim.start()
    ready.wait()
    # Asleep in three looks: it waits, or keeps what it has.
    looks = 0
    while looks < 3:
        looks = looks + 1 if is_asleep(victim.pid) else 0
        time.sleep(0.05)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    began = time.monotonic()
    other = mp.Process(target=goes_on, args=(then, thing), daemon=True)
    other.start()
    other.join(seconds)
    if other.is_alive():
        print("outcome hangs", flush=True)
        other.kill()
    else:
        print("outcome goes on %.1f" % (time.monotonic() - began), flush=True)
    # Nothing is tidied up: that may hang as well.
    os._exit(0)


main()
