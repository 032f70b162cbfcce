"""What has no name is gone with its last participant, and swept where all of them were killed."""

import json
import multiprocessing
import os
import pickle
import signal
import time

import pytest
from conftest import sleeps, until

import crosstie

#: How each is made and used, by a program that then says what it has and waits.
MAKERS = {
    "Queue": "it = crosstie.Queue(); it.put(1); it.put(2); it.get()",
    "Executor": "it = crosstie.Executor(1, start_method='fork'); it.submit(abs, -1).result()",
    "SharedArray": "it = crosstie.SharedArray(10)",
}
SAYS = "\nprint(os.getpid(), *(it.workers() if kind == 'Executor' else []), flush=True); sys.stdin.readline()"


def left(domain):
    return sorted(name for name in os.listdir(domain) if "unnamed" in name)


def made_and_killed(other, kind, domain):
    """All participants of one of this kind were killed."""
    maker = other(f"kind = {kind!r}\n{MAKERS[kind]}{SAYS}")
    pids = [int(pid) for pid in maker.line().split()]
    # Stopped first, so that nobody ends by itself and tidies up.
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGKILL)
    maker.process.wait()
    until(lambda: not any(is_running(pid) for pid in pids), "the end of all")
    assert left(domain)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("kind", MAKERS)
def test_what_the_killed_have_left_goes_when_the_next_is_made(other, domain, kind):
    made_and_killed(other, kind, domain)
    crosstie.SharedArray(1).close()
    assert left(domain) == []


@pytest.mark.parametrize("kind", MAKERS)
def test_what_the_killed_have_left_is_listed_and_doctor_removes_it(other, domain, kind, shell):
    made_and_killed(other, kind, domain)
    (found,) = [one for one in crosstie.ls() if one["kind"] == "unnamed"]
    assert found["value"] == {"is_used": False} and f"{kind} made by" in found["description"]
    listed = shell("ls", "unnamed").communicate()[0]
    assert f"{kind} made by" in listed and "left behind" in listed
    assert f"{found['name']} ({kind} made by" in shell("doctor").communicate()[0]
    assert left(domain), "who only looks removes nothing"
    assert f"removed {found['name']}" in shell("doctor", "--fix").communicate()[0]
    assert left(domain) == []


@pytest.mark.parametrize("kind", MAKERS)
def test_what_somebody_has_is_left_alone_though_that_one_is_stopped(other, domain, kind, shell):
    maker = other(f"kind = {kind!r}\n{MAKERS[kind]}{SAYS}")
    maker.line()
    os.kill(maker.pid, signal.SIGSTOP)
    before = left(domain)
    crosstie.SharedArray(1).close()
    assert shell("doctor", "--fix").wait() == 0
    (found,) = [one for one in json.loads(shell("ls", "--json").communicate()[0])["objects"] if one["kind"] == "unnamed"]
    assert found["value"] == {"is_used": True}
    refused = shell("rm", found["name"])
    assert refused.wait() == 75 and "has it" in refused.stderr.read()
    assert left(domain) == before
    os.kill(maker.pid, signal.SIGCONT)
    maker.ends()
    if kind == "Executor":
        # Its worker ends by itself, when it finds that nobody is there for whom it works.
        until(lambda: left(domain) == [], "the worker's end")
    assert left(domain) == []


def test_a_named_object_is_never_swept(domain, shell, other):
    made_and_killed(other, "Queue", domain)
    (token,) = [name.removeprefix("unnamed.") for name in left(domain) if name.startswith("unnamed.")]
    names = ["unnamed-1-ab", f"unnamed-{token}0", f"unnamed-{token}.mine", "anonymous-1"]
    for name in names:
        with crosstie.Queue(name) as named:
            named.put(name)
    assert shell("doctor", "--fix").wait() == 0
    assert left(domain) == sorted(f"queue.{name}" for name in names if name.startswith("unnamed"))
    for name in names:
        assert crosstie.Queue(name).get(timeout=0) == name


def test_who_reads_an_unnamed_queue_by_its_name_keeps_it(other, domain, shell):
    made_and_killed(other, "Queue", domain)
    (found,) = [one["name"] for one in crosstie.ls() if one["kind"] == "queue"]
    with crosstie.Receiver(found, codec="pickle") as rescuer:
        assert rescuer.recv(timeout=60) == 2
        assert shell("doctor", "--fix").wait() == 0
        assert len(left(domain)) == 2
    crosstie.SharedArray(1).close()
    assert left(domain) == []


def test_a_program_that_ends_with_a_thread_in_get_leaves_nothing(other, domain):
    program = other("q = crosstie.Queue()\n"
                    "t = threading.Thread(target=q.get, daemon=True); t.start()\n"
                    "print(t.native_id, flush=True); sys.stdin.readline()")
    thread = program.line()
    until(lambda: sleeps(program.pid, thread), "the thread's sleep")
    assert left(domain)
    assert program.ends() == 0
    assert left(domain) == []


def test_a_program_that_ends_with_an_executor_leaves_nothing(other, domain):
    program = other("pool = crosstie.Executor(2, start_method='fork'); pool.submit(abs, -1).result()")
    assert program.ends() == 0
    assert left(domain) == []


def wait_and_put(q, begun, over):
    begun.set()
    over.wait()
    q.put("from the child")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_has_it_beyond_its_maker_and_it_ends_with_the_child(domain, method):
    begun, over = crosstie.Event("begun"), crosstie.Event("over")
    q = crosstie.Queue()
    q.put("before")
    child = multiprocessing.get_context(method).Process(target=wait_and_put, args=(q, begun, over))
    child.start()
    assert begun.wait(timeout=60)
    del q
    # What started the child may have kept it.
    child._args = ()
    assert left(domain)
    over.set()
    child.join()
    assert left(domain) == []


def test_a_forked_child_takes_part_by_what_it_inherits(domain):
    q = crosstie.Queue()
    q.put("x")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0 if q.get(timeout=10) == "x" and left(domain) else 1)
    os.close(reader)
    del q
    assert left(domain), "the child has it"
    os.close(writer)
    assert os.waitpid(pid, 0)[1] == 0
    crosstie.SharedArray(1).close()
    assert left(domain) == []


def test_a_handle_that_comes_too_late_is_told_so():
    q = crosstie.Queue()
    handle = pickle.dumps(q)
    again = pickle.loads(handle)
    del q
    assert not again.__getstate__()["token"] is None and pickle.loads(handle).name == again.name
    del again
    with pytest.raises(crosstie.NotFound, match="last participant"):
        pickle.loads(handle)


def test_an_array_stays_while_somebody_looks_at_it(domain):
    numpy = pytest.importorskip("numpy")
    array = crosstie.SharedArray(3)
    handle, view = pickle.dumps(array), array.numpy()
    del array
    pickle.loads(handle).numpy()[1] = 7.0
    assert isinstance(view, numpy.ndarray) and view[1] == 7.0
    del view
    assert left(domain) == []


def test_many_that_leave_at_a_time_leave_nothing(domain, other):
    array = crosstie.SharedArray(1)
    script = f"import pickle\na = pickle.loads({pickle.dumps(array)!r}); print(flush=True); sys.stdin.readline(); a.close(); print(flush=True); time.sleep(99)"
    others = [other(script) for _ in range(4)]
    for one in others:
        one.says("")
    array.close()
    for one in others:
        one.tell()
    for one in others:
        one.says("")
    assert left(domain) == []
