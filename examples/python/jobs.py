"""Jobs for workers that may be killed: what one had in hand another does."""

import multiprocessing
import os
import signal

import crosstie


def work(jobs, done):
    while True:
        with jobs.job() as job:
            if job.message == "deadly" and job.deliveries == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            done.put((job.message, job.deliveries))


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    # While we could put into `done` ourselves, a worker's death is not its end: another has the job.
    with crosstie.Queue() as jobs, crosstie.Queue() as done, crosstie.Sender(f"queue:{done.name}"):
        workers = [multiprocessing.Process(target=work, args=(jobs, done), daemon=True) for _ in range(2)]
        for worker in workers:
            worker.start()
        for message in ("easy", "deadly", "dull"):
            jobs.put(message)
        for message, deliveries in sorted(done.get() for _ in range(3)):
            print(message, "after", deliveries)
