"""Semaphores: a bounded buffer with two that count and a mutex, and permits that have owners, which come back from the killed."""

import os
import signal

import crosstie

PLACES, ITEMS = 2, 5
free, filled = crosstie.CountingSemaphore("free", PLACES), crosstie.CountingSemaphore("filled")

# The textbook's bounded buffer: P is wait, V is post. Who counts has no owner: a killed producer's place is lost.
with crosstie.Region(f"/crosstie-buffer-{os.getpid()}", 4096) as region:
    if os.fork() == 0:
        for item in range(ITEMS):
            free.wait()
            with crosstie.Lock("buffer"):
                buffer = memoryview(region)
                buffer[item % PLACES] = item
                buffer.release()
            filled.post()
        os._exit(0)
    for item in range(ITEMS):
        filled.wait()
        with crosstie.Lock("buffer"):
            print("consumed", bytes(region)[item % PLACES])
        free.post()
    os.wait()
crosstie.Region.unlink(region.name)

# Permits have owners.
seats = crosstie.Semaphore("seats", 1)
if os.fork() == 0:
    seats.acquire()
    os.kill(os.getpid(), signal.SIGKILL)
os.wait()
with seats as seat:
    print("seat", seat.index, "is free again")
