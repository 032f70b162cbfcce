"""What Python pays: crosstie beside threading and multiprocessing, in one run on one machine.

    python speed.py            # nanoseconds and microseconds, the best of a few rounds

Measure with a wheel of the release profile (`pip install .`), on a quiet machine.
"""

import asyncio
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

DOMAIN = f"/dev/shm/crosstie-bench-{os.getpid()}"
os.environ.setdefault("CROSSTIE_DOMAIN", DOMAIN)

import crosstie  # noqa: E402
import crosstie.aio  # noqa: E402

ROUNDS = 5
fork = multiprocessing.get_context("fork")


def best(measure):
    return min(measure() for _ in range(ROUNDS))


def interleaved(measures):
    """The best of each, where each round measures all of them: what the machine does meanwhile, all see."""
    figures = {name: [] for name, _ in measures}
    for _ in range(ROUNDS):
        for name, measure in measures:
            figures[name].append(measure())
    return [(name, min(of)) for name, of in figures.items()]


def lock_pair(lock, count=100_000):
    def measure():
        acquire, release = lock.acquire, lock.release
        start = time.perf_counter_ns()
        for _ in range(count):
            acquire()
            release()
        return (time.perf_counter_ns() - start) / count

    return measure


def with_block(lock, count=100_000):
    def measure():
        start = time.perf_counter_ns()
        for _ in range(count):
            with lock:
                pass
        return (time.perf_counter_ns() - start) / count

    return measure


def echo(make):
    send, receive = make(1)
    while (message := receive()) != b"end":
        send(message)


def round_trip(make, count=2_000):
    """Microseconds for 64 bytes there and back between two processes; `make(side)` answers a side's send and receive."""
    child = fork.Process(target=echo, args=(make,), daemon=True)
    child.start()
    send, receive = make(0)
    message = b"x" * 64
    for _ in range(100):
        send(message)
        assert receive() == message

    def measure():
        start = time.perf_counter_ns()
        for _ in range(count):
            send(message)
            receive()
        return (time.perf_counter_ns() - start) / count / 1000

    answer = best(measure)
    send(b"end")
    child.join()
    return answer


def over(first, second):
    """Two channels of crosstie, one each way."""

    def make(side):
        out, back = (first, second) if side == 0 else (second, first)
        rx = crosstie.Receiver(back)
        tx = crosstie.Sender(out)
        return tx.send, rx.recv

    return make


def over_queues(make_queue):
    there, back = make_queue(), make_queue()
    return lambda side: (there.put, back.get) if side == 0 else (back.put, there.get)


def over_pipe():
    mine, theirs = fork.Pipe()
    return lambda side: (mine.send_bytes, mine.recv_bytes) if side == 0 else (theirs.send_bytes, theirs.recv_bytes)


def hand_over(bytes_count):
    """Microseconds to hand an array to another object of this process: a handle, whatever its size."""
    array, queue = crosstie.SharedArray(bytes_count, "u1"), crosstie.Queue()

    def measure():
        start = time.perf_counter_ns()
        for _ in range(50):
            queue.put(array)
            queue.get().close()
        return (time.perf_counter_ns() - start) / 50 / 1000

    return measure


def aio_crosstie(count=1_000):
    async def answer():
        async with crosstie.aio.Receiver("ring:aio-there") as rx, crosstie.aio.Sender("ring:aio-back") as tx:
            async for message in rx:
                await tx.send(message)

    async def ask():
        async with crosstie.aio.Sender("ring:aio-there") as tx, crosstie.aio.Receiver("ring:aio-back") as rx:

            async def one(count):
                start = time.perf_counter_ns()
                for _ in range(count):
                    await tx.send(b"x" * 64)
                    await rx.recv()
                return (time.perf_counter_ns() - start) / count / 1000

            await one(100)
            return min([await one(count) for _ in range(ROUNDS)])

    child = fork.Process(target=lambda: asyncio.run(answer()), daemon=True)
    child.start()
    figure = asyncio.run(ask())
    child.join()
    return figure


def aio_socket(count=1_000):
    mine, theirs = socket.socketpair()

    async def answer():
        mine.close()
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        while message := await reader.read(64):
            writer.write(message)
        writer.close()

    async def ask():
        theirs.close()
        reader, writer = await asyncio.open_unix_connection(sock=mine)

        async def one(count):
            start = time.perf_counter_ns()
            for _ in range(count):
                writer.write(b"x" * 64)
                await reader.readexactly(64)
            return (time.perf_counter_ns() - start) / count / 1000

        await one(100)
        figure = min([await one(count) for _ in range(ROUNDS)])
        writer.close()
        return figure

    child = fork.Process(target=lambda: asyncio.run(answer()), daemon=True)
    child.start()
    figure = asyncio.run(ask())
    child.join()
    return figure


def import_ms():
    """Milliseconds that `import crosstie` takes an interpreter that has started."""
    script = "import time; a = time.perf_counter_ns(); import crosstie; print(time.perf_counter_ns() - a)"
    times = [int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout) for _ in range(9)]
    return sorted(times)[4] / 1e6


def main():
    rows = [
        ("acquire + release", "ns", interleaved([
            ("crosstie.Lock", lock_pair(crosstie.Lock("a"))),
            ("multiprocessing.Lock", lock_pair(fork.Lock())),
            ("threading.Lock", lock_pair(threading.Lock())),
        ])),
        ("with lock: pass", "ns", interleaved([
            ("crosstie.Lock", with_block(crosstie.Lock("b"))),
            ("multiprocessing.Lock", with_block(fork.Lock())),
            ("threading.Lock", with_block(threading.Lock())),
        ])),
        ("64 bytes there and back", "us", [
            ("crosstie ring", round_trip(over("ring:there", "ring:back"))),
            ("crosstie.Queue", round_trip(over_queues(crosstie.Queue))),
            ("multiprocessing.Pipe", round_trip(over_pipe())),
            ("multiprocessing.Queue", round_trip(over_queues(fork.Queue))),
        ]),
        ("the same in asyncio", "us", [
            ("crosstie.aio ring", aio_crosstie()),
            ("asyncio Unix socket", aio_socket()),
        ]),
        ("array handed over", "us", interleaved([
            ("SharedArray 4 KiB", hand_over(4 << 10)),
            ("SharedArray 16 MiB", hand_over(16 << 20)),
        ])),
        ("import crosstie", "ms", [("median of 9", import_ms())]),
    ]
    for what, unit, figures in rows:
        print(what)
        for name, figure in figures:
            print(f"    {name:<24}{figure:>10.1f} {unit}")


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(DOMAIN, ignore_errors=True)
