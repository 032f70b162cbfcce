"""`Queue`: how much is in it, as several processes see it."""

import multiprocessing
import queue

import pytest
from conftest import until

import crosstie


def test_what_is_put_counts_at_once_and_what_is_got_no_more():
    q = crosstie.Queue(maxsize=3)
    assert (q.qsize(), q.empty(), q.full()) == (0, True, False), "nobody has made it yet"
    for count in (1, 2, 3):
        assert not q.full()
        q.put(count)
        assert (q.qsize(), q.empty()) == (count, False)
    assert q.full()
    with pytest.raises(queue.Full):
        q.put_nowait(4)
    assert q.get() == 1
    assert (q.qsize(), q.full()) == (2, False)
    q.put_nowait(4)


def test_a_job_in_hand_waits_no_more_and_keeps_its_place():
    q = crosstie.Queue("jobs", maxsize=1)
    q.put("one")
    with q.job():
        assert (q.qsize(), q.empty(), q.full()) == (0, True, True)
        with pytest.raises(queue.Full):
            q.put("two", timeout=0.001)
    assert (q.qsize(), q.full()) == (0, False)
    q.put("bad")
    q.job().reject()
    assert (q.qsize(), q.full()) == (0, True), "a dead letter"


def test_what_a_killed_getter_had_in_hand_waits_again(other):
    q = crosstie.Queue("jobs")
    q.put("one")
    worker = other("job = crosstie.Queue('jobs').job(); print(job.message, flush=True); sys.stdin.readline()")
    worker.says("one")
    assert q.empty()
    worker.kill()
    with q.job(timeout=20) as job:
        assert job.message == "one" and q.empty()


def put_three(q):
    for number in range(3):
        q.put(number)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_see_the_same_size(method):
    q = crosstie.Queue()
    child = multiprocessing.get_context(method).Process(target=put_three, args=(q,))
    child.start()
    until(lambda: q.qsize() == 3, "three messages of a child")
    child.join()
    assert [q.get() for _ in range(3)] == [0, 1, 2] and q.empty()


def test_a_size_takes_no_part_in_the_queue():
    q, asked = crosstie.Queue("jobs"), crosstie.Queue("jobs")
    q.put(1)
    assert asked.qsize() == 1
    # With an end of its own it would be a receiver that is there, and nobody could remove the queue.
    q.close()
    crosstie.remove("queue:jobs")
    assert asked.qsize() == 0
