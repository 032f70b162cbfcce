"""A monitor: the bounded buffer whose order of waits cannot be wrong, because to wait inside is to be outside."""

import ctypes
import os

import crosstie

PLACES, ITEMS = 2, 5


class Buffer(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint32), ("next", ctypes.c_uint32), ("items", ctypes.c_int64 * PLACES)]


buffer = crosstie.Monitor("buffer", Buffer)
if os.fork() == 0:
    for item in range(ITEMS):
        with buffer as inside:
            buffer.wait_while(lambda inside: inside.count == PLACES)
            inside.items[(inside.next + inside.count) % PLACES] = item
            inside.count += 1
    os._exit(0)
for _ in range(ITEMS):
    with buffer as inside:
        buffer.wait_while(lambda inside: inside.count == 0)
        print("consumed", inside.items[inside.next])
        inside.next = (inside.next + 1) % PLACES
        inside.count -= 1
os.wait()
