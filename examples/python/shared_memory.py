"""Shared memory: bytes by a POSIX name that C's shm_open sees, and an array of numbers that needs no name."""

import multiprocessing
import os
from multiprocessing import shared_memory

import crosstie


def double(array):
    with array:
        numbers = memoryview(array.buffer).cast("d")
        for at in range(len(numbers)):
            numbers[at] *= 2
        numbers.release()


if __name__ == "__main__":
    # The standard library's and ours are the same file of /dev/shm.
    name = f"crosstie-shared-{os.getpid()}"
    with crosstie.Region(f"/{name}", 4096) as region:
        theirs = shared_memory.SharedMemory(name)
        theirs.buf[:11] = b"Shared data"
        print(bytes(region)[:11].decode())
        theirs.close()
        theirs.unlink()

    # Numbers for other processes: the handle is sent, not the numbers; gone with the last who has it, however that ends.
    with crosstie.SharedArray(3) as array:
        numbers = memoryview(array.buffer).cast("d")
        numbers[0], numbers[1], numbers[2] = 1.0, 2.0, 3.0
        child = multiprocessing.get_context("spawn").Process(target=double, args=(array,))
        child.start()
        child.join()
        print(*numbers)
        numbers.release()
