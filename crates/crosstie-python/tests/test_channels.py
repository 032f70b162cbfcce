"""Messages: every address, codecs, jobs, queues, and the ends of those who are killed."""

import multiprocessing
import os
import pickle
import queue
import signal
import threading

import pytest
from conftest import sleeps, until

import crosstie


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def addresses(folder):
    return [
        "ring:r",
        "queue:q",
        "topic:t",
        "q",
        f"fifo:{folder}/f",
        f"unix:{folder}/u",
        "unix:@crosstie-%d" % os.getpid(),
        f"unixpacket:{folder}/p",
        "tcp:127.0.0.1:0",
    ]


@pytest.mark.parametrize("index", range(9))
def test_messages_keep_their_boundaries_at_every_address_and_end_cleanly(folder, index):
    rx = crosstie.Receiver(addresses(folder)[index])
    target = rx.address

    def send():
        with crosstie.Sender(target) as tx:
            for message in (b"", b"one", bytearray(b"two"), memoryview(b"x" * 900)):
                tx.send(message)

    thread = threading.Thread(target=send)
    thread.start()
    assert list(rx) == [b"", b"one", b"two", b"x" * 900]
    thread.join()
    rx.close()


def test_udp_carries_messages():
    rx = crosstie.Receiver("udp:127.0.0.1:0")
    target = rx.address

    def send():
        with crosstie.Sender(target) as tx:
            tx.send(b"hello")

    thread = threading.Thread(target=send)
    thread.start()
    assert list(rx) == [b"hello"]
    thread.join()


@pytest.mark.parametrize("address", ["ring:r", "queue:q", "topic:t", "unix"])
def test_a_killed_sender_is_told_behind_what_it_sent(other, folder, address):
    address = f"unix:{folder}/u" if address == "unix" else address
    rx = crosstie.Receiver(address)
    sender = other(f"tx = crosstie.Sender({address!r}); tx.send(b'last'); print('sent', flush=True); sys.stdin.readline()")
    sender.says("sent")
    assert rx.recv() == b"last"
    sender.kill()
    with pytest.raises(crosstie.PeerDied) as told:
        rx.recv()
    assert isinstance(told.value, ConnectionError) and told.value.exit_code == 83


def test_the_shell_sends_and_receives(shell, folder):
    rx = crosstie.Receiver("ring:lines", codec="text")
    assert shell("send", "ring:lines", "a", "b").wait() == 0
    assert list(rx) == ["a", "b"]
    with crosstie.Sender("queue:back", codec="text") as tx:
        tx.send("hello")
    assert shell("recv", "queue:back").communicate()[0] == "hello\n"


@pytest.mark.parametrize("codec, message", [("json", {"a": [1, None]}), ("pickle", {1, 2}), ("text", "ä")])
def test_codecs_carry_what_they_say(codec, message):
    with crosstie.Sender("ring:r", codec=codec) as tx:
        tx.send(message)
    with crosstie.Receiver("ring:r", codec=codec) as rx:
        assert rx.recv() == message


@pytest.mark.parametrize("address", ["tcp:127.0.0.1:0", "udp:127.0.0.1:0", "unix:@crosstie-pickle"])
def test_nothing_is_unpickled_from_where_others_may_send(address):
    with pytest.raises(PermissionError, match="runs any code here"):
        crosstie.Receiver(address, codec="pickle")
    crosstie.Receiver(address, codec="pickle", allow_pickle=True).close()


def test_nothing_is_unpickled_from_a_socket_that_others_may_write(folder):
    old = os.umask(0)
    try:
        with pytest.raises(PermissionError):
            crosstie.Receiver(f"unix:{folder}/open", codec="pickle")
    finally:
        os.umask(old)
    os.umask(0o077)
    try:
        crosstie.Receiver(f"unix:{folder}/own", codec="pickle").close()
    finally:
        os.umask(old)


def test_timeouts_closed_ends_and_wrong_payloads_are_pythons_own_errors():
    rx, tx = crosstie.Receiver("ring:r"), crosstie.Sender("ring:r")
    with pytest.raises(TimeoutError):
        rx.recv(timeout=0.001)
    with pytest.raises(BlockingIOError):
        rx.recv(timeout=0)
    with pytest.raises(TypeError):
        tx.send("text")
    with pytest.raises(crosstie.TooLarge):
        tx.send(b"x" * (1 << 27))
    with pytest.raises(crosstie.Busy):
        crosstie.Receiver("ring:r")
    tx.close()
    tx.close()
    with pytest.raises(ValueError, match="was closed"):
        tx.send(b"")
    with pytest.raises(EOFError):
        rx.recv()
    rx.close()
    with pytest.raises(ValueError, match="was closed"):
        rx.recv()
    with pytest.raises(ValueError):
        crosstie.Sender("pigeon:post")
    with pytest.raises(ValueError, match="codec"):
        crosstie.Sender("ring:other", codec="morse")


def test_ctrl_c_ends_a_recv(other):
    waiter = other(
        "rx = crosstie.Receiver('ring:r')\n"
        "print('ready', flush=True)\n"
        "try: rx.recv()\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
    )
    waiter.says("ready")
    until(lambda: sleeps(waiter.pid), "its sleep")
    os.kill(waiter.pid, signal.SIGINT)
    waiter.says("interrupted")


def test_a_job_is_done_unless_its_block_raises():
    tx, rx = crosstie.Sender("queue:jobs"), crosstie.Receiver("queue:jobs")
    tx.send(b"a")
    with pytest.raises(ZeroDivisionError):
        with rx.job() as job:
            assert job.deliveries == 1
            1 / 0
    with rx.job() as job:
        assert (job.message, job.deliveries) == (b"a", 2)
    with pytest.raises(crosstie.TimedOut):
        rx.job(timeout=0.001)
    tx.send(b"b")
    rx.job().reject()
    assert rx.dead_letter() == b"b" and rx.dead_letter() is None
    tx.send(b"c")
    del job
    rx.job()
    assert rx.job().deliveries == 2, "dropped, it comes again"


def test_a_job_of_a_killed_worker_goes_to_another(other):
    tx = crosstie.Sender("queue:jobs")
    worker = other("rx = crosstie.Receiver('queue:jobs'); job = rx.job(); print(job.message, flush=True); sys.stdin.readline()")
    tx.send(b"a")
    worker.says("b'a'")
    worker.kill()
    with crosstie.Receiver("queue:jobs").job() as job:
        assert (job.message, job.deliveries) == (b"a", 2)


def test_what_does_not_unpickle_is_a_dead_letter():
    crosstie.Sender("queue:jobs").send(b"no pickle")
    rx = crosstie.Receiver("queue:jobs", codec="pickle")
    with pytest.raises(pickle.UnpicklingError):
        rx.job()
    assert rx.dead_letter() == b"no pickle"


def put(q, count):
    for number in range(count):
        q.put(number)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_queue_is_handed_to_other_processes(method):
    q = crosstie.Queue()
    child = multiprocessing.get_context(method).Process(target=put, args=(q, 3))
    child.start()
    assert [q.get(timeout=60) for _ in range(3)] == [0, 1, 2]
    child.join()
    with pytest.raises(queue.Empty):
        crosstie.Queue("new").get_nowait()


def test_a_queues_getter_is_told_of_its_killed_putter(other):
    q = crosstie.Queue("letters")
    putter = other("q = crosstie.Queue('letters'); q.put('last'); print('put', flush=True); sys.stdin.readline()")
    putter.says("put")
    assert q.get() == "last"
    putter.kill()
    with pytest.raises(crosstie.PeerDied):
        q.get()


def test_a_getter_that_is_killed_in_get_hangs_nobody(other):
    getter = other("crosstie.Queue('letters').get()")
    until(lambda: sleeps(getter.pid), "its sleep")
    getter.kill()
    q = crosstie.Queue("letters")
    q.put("on")
    assert q.get(timeout=60) == "on"


def test_an_end_that_was_inherited_by_a_fork_is_refused_or_does_nothing():
    tx, rx = crosstie.Sender("ring:r"), crosstie.Receiver("ring:r")
    child = os.fork()
    if child == 0:
        try:
            tx.send(b"from the child")
            os._exit(1)
        except crosstie.Error:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    tx.send(b"from the parent")
    assert rx.recv() == b"from the parent"


@pytest.mark.parametrize("address", ["ring:frames?capacity=4MiB", "queue:frames?capacity=4MiB", "fifo"])
def test_buffers_go_beside_their_pickle_and_can_be_written(address, tmp_path):
    numpy = pytest.importorskip("numpy")
    if address == "fifo":
        address = f"fifo:{tmp_path}/f"
    sent = {"frame": numpy.arange(100_000, dtype="f8"), "shape": (2, 3), "raw": pickle.PickleBuffer(bytearray(b"abc"))}
    rx = []
    opening = threading.Thread(target=lambda: rx.append(crosstie.Receiver(address, codec="pickle")))
    opening.start()
    with crosstie.Sender(address, codec="pickle") as tx:
        opening.join()
        sending = threading.Thread(target=lambda: (tx.send(sent), tx.send("plain")))
        sending.start()
        got = rx[0].recv(timeout=50)
        assert rx[0].recv(timeout=50) == "plain"
        sending.join()
    rx[0].close()
    assert (got["frame"] == sent["frame"]).all() and got["shape"] == (2, 3) and bytes(got["raw"]) == b"abc"
    got["frame"][0] = 7
    assert got["frame"].flags.aligned


def test_a_message_of_parts_is_one_message():
    with crosstie.Sender("ring:parts") as tx, crosstie.Receiver("ring:parts") as rx:
        tx.send_parts([b"one, ", bytearray(b"two, "), memoryview(b"-three-")[1:-1]])
        assert rx.recv() == b"one, two, three"
        with pytest.raises(crosstie.TooLarge):
            tx.send_parts([bytes(1 << 20)] * 2)
        with pytest.raises(BufferError):
            tx.send_parts([memoryview(b"abcd")[::2]])
        tx.send_parts([])
        assert rx.recv() == b""


def put_in_a_while(q, number):
    threading.Event().wait(number * 0.2)
    q.put(number)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_who_gets_waits_also_for_those_who_have_not_begun_to_put(method):
    q = crosstie.Queue()
    context = multiprocessing.get_context(method)
    putters = [context.Process(target=put_in_a_while, args=(q, number)) for number in range(3)]
    for putter in putters:
        putter.start()
    assert [q.get(timeout=40) for _ in putters] == [0, 1, 2]
    for putter in putters:
        putter.join()
    with pytest.raises(queue.Empty):
        q.get(timeout=0.05)


def test_a_queue_has_the_room_that_is_asked_for():
    q = crosstie.Queue(maxsize=2, capacity=3_000_000)
    q.put(bytes(2_500_000))
    assert len(pickle.loads(pickle.dumps(q)).get()) == 2_500_000
    q.put(1)
    q.put(2)
    with pytest.raises(queue.Full):
        q.put(3, block=False)
    with pytest.raises(TypeError, match=r"Queue\(maxsize=10\)"):
        crosstie.Queue(10)


@pytest.mark.parametrize("numbers", [[1 << 62], [1, 8, 1 << 40], [0, 1 << 62]])
def test_a_message_that_says_it_has_more_parts_than_bytes_is_no_pickle(numbers):
    with crosstie.Sender("queue:odd") as tx, crosstie.Receiver("queue:odd", codec="pickle") as rx:
        tx.send(b"\0crosstie.pickle/1" + b"".join(number.to_bytes(8, "little") for number in numbers))
        with pytest.raises(pickle.UnpicklingError):
            rx.recv(timeout=10)


@pytest.mark.parametrize("take", ["recv", "recv_in_place", "iter"])
def test_what_a_topic_has_lost_is_told_in_numbers(take):
    with crosstie.Receiver("topic:lossy?mode=lossy&places=8") as rx, crosstie.Sender("topic:lossy") as tx:
        for n in range(30):
            tx.send(bytes([n]))
        with pytest.raises(crosstie.Lost, match="22 lost") as lost:
            if take == "recv_in_place":
                with rx.recv_in_place():
                    pass
            else:
                next(iter(rx)) if take == "iter" else rx.recv()
        assert (lost.value.first, lost.value.count) == (0, 22)
        assert [rx.recv()[0] for _ in range(8)] == list(range(22, 30))
        with pytest.raises(crosstie.Busy):
            rx.recv(timeout=0)
