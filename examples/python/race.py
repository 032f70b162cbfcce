"""Shared memory and its race: two processes count in it, with a semaphore around the critical section and without."""

import multiprocessing
import os

import crosstie

ROUNDS = 20_000


def count(name, semaphore):
    with crosstie.Region(name) as region:
        number = memoryview(region).cast("Q")
        for _ in range(ROUNDS):
            if semaphore is None:
                number[0] = number[0] + 1
            else:
                with semaphore:
                    number[0] = number[0] + 1
        number.release()


def both(semaphore):
    """What two processes count to, that each count ROUNDS times."""
    name = f"/crosstie-race-{os.getpid()}"
    with crosstie.Region(name, 4096) as region:
        children = [multiprocessing.Process(target=count, args=(name, semaphore)) for _ in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        answer = int.from_bytes(bytes(region)[:8], "little")
    crosstie.Region.unlink(name)
    return answer


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    print("with a semaphore:", both(crosstie.Semaphore("counter", 1)))
    while (without := both(None)) == 2 * ROUNDS:
        pass
    print("without:", "fewer" if without < 2 * ROUNDS else "more")
