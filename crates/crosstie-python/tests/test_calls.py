"""Calls: replies, refusals, deaths, circles, and who may be unpickled."""

import asyncio
import os
import queue
import signal
import threading

import pytest

import crosstie
import crosstie.aio

ADDRESSES = ["queue:svc", "ring:svc", "unix"]

SERVER = """
server = crosstie.Server(sys.argv[1], codec="json")
print("listens", flush=True)
call = server.take()
print("has", call.request, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(params=ADDRESSES)
def address(request, tmp_path):
    return f"unix:{tmp_path}/svc" if request.param == "unix" else request.param


class Serving:
    """A server whose workers run beside the test."""

    def __init__(self, address, answer, workers=1, **options):
        self.server = crosstie.Server(address, **options)
        self.thread = threading.Thread(target=self.server.serve, args=(answer, workers))

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *exception):
        self.server.stop()
        self.thread.join()
        self.server.close()


def test_a_call_is_answered_and_an_exception_refuses_it(address):
    def half(number):
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number // 2

    with Serving(address, half, workers=2, codec="json"), crosstie.Client(address, codec="json") as client:
        assert client.call(84, timeout=50) == 42
        with pytest.raises(crosstie.Negative, match="ValueError: 3 is odd"):
            client.call(3)
        assert client.call(2) == 1


def test_what_a_server_refuses_with_its_caller_gets():
    def refuse(kind):
        raise getattr(crosstie, kind)("not here")

    with Serving("queue:svc", refuse, codec="text"), crosstie.Client("queue:svc", codec="text") as client:
        for kind in ("NotFound", "NotPermitted", "Busy"):
            with pytest.raises(getattr(crosstie, kind), match="not here"):
                client.call(kind)


def test_a_call_in_hand_says_who_asks_and_is_answered_once(address):
    with crosstie.Server(address) as server, crosstie.Client(address) as client:
        replies = []
        asking = threading.Thread(target=lambda: replies.append(client.call(b"ping", idempotent=True)))
        asking.start()
        call = server.take(timeout=50)
        assert (call.request, call.idempotent, call.repeated, call.cancelled) == (b"ping", True, False, False)
        assert call.remaining is None and call.client_pid in (None, os.getpid())
        call.reply(b"pong")
        asking.join()
        assert replies == [b"pong"] and call.answered
        with pytest.raises(RuntimeError, match="answered already"):
            call.reply(b"again")


def test_a_block_that_raises_refuses_its_call(address):
    with crosstie.Server(address) as server, crosstie.Client(address) as client:
        refused = []

        def ask():
            try:
                client.call(b"ping")
            except crosstie.Negative as error:
                refused.append((str(error), error.code))

        asking = threading.Thread(target=ask)
        asking.start()
        with pytest.raises(KeyError), server.take(timeout=50):
            raise KeyError("no such thing")
        asking.join()
        assert "no such thing" in refused[0][0] and refused[0][1] == 1


def test_a_caller_hears_of_a_late_and_of_a_killed_server(address, other):
    server = other(SERVER, address)
    server.says("listens")
    with crosstie.Client(address, codec="json") as client:
        asking = threading.Thread(target=lambda: (server.says("has 1"), server.kill()))
        asking.start()
        with pytest.raises(crosstie.PeerDied):
            client.call(1)
        asking.join()
    with crosstie.Server(address), crosstie.Client(address) as client, pytest.raises(TimeoutError):
        client.call(b"", timeout=0.001)


def test_a_server_that_asks_itself_is_told_of_the_circle(address):
    if address.startswith("ring"):
        pytest.skip("a ring has one client")
    told, clients = [], []

    def again(text):
        try:
            return clients[0].call("again")
        except crosstie.DeadlockError as error:
            told.append(error)
            raise

    with Serving(address, again, codec="text"):
        clients += [crosstie.Client(address, codec="text") for _ in range(2)]
        inner, outer = clients
        with pytest.raises(crosstie.DeadlockError):
            outer.call("once")
        assert len(told[0].cycle) == 1 and told[0].cycle[0].who.pid == os.getpid()
        inner.close()
        outer.close()


def test_ctrl_c_ends_a_call_that_nobody_answers(address, other):
    with crosstie.Server(address) as server:
        client = other(
            """
            client = crosstie.Client(sys.argv[1])
            try:
                client.call(b"ping")
            except KeyboardInterrupt:
                print("interrupted", flush=True)
            """.replace("\n            ", "\n"),
            address,
        )
        call = server.take(timeout=50)
        os.kill(client.pid, signal.SIGINT)
        client.says("interrupted")
        del call


def test_others_are_not_unpickled_without_being_allowed(tmp_path):
    for make in (crosstie.Server, crosstie.Client):
        if make is crosstie.Client:
            listening = crosstie.Server("tcp:127.0.0.1:0")
            address = listening.address
        else:
            address = "tcp:127.0.0.1:0"
        with pytest.raises(crosstie.NotPermitted, match="allow_pickle"):
            make(address, codec="pickle")
    listening.close()
    own = f"unix:{tmp_path}/own"
    with Serving(own, lambda pair: pair[::-1], codec="pickle"), crosstie.Client(own, codec="pickle") as client:
        assert client.call((1, "a")) == ("a", 1)
    crosstie.Server("tcp:127.0.0.1:0", codec="pickle", allow_pickle=True).close()


def test_a_server_that_was_closed_leaves_its_address_to_the_next(address):
    first = crosstie.Server(address)
    first.close()
    first.stop()
    with crosstie.Server(address), crosstie.Client(address) as client, pytest.raises(TimeoutError):
        client.call(b"", timeout=0.001)
    with pytest.raises(crosstie.Usage):
        first.take(timeout=0)


@pytest.mark.parametrize("address", ["queue:forked", "ring:forked", "unix:@crosstie-forked-%d" % os.getpid()])
def test_a_server_is_not_served_in_a_child_of_fork(address):
    server = crosstie.Server(address)
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        try:
            server.serve(lambda request: request)
            told = b"served"
        except BaseException as error:
            told = type(error).__name__.encode()
        os.write(writes, told)
        os._exit(0)
    os.close(writes)
    assert os.read(reads, 100) == b"Unsupported"
    os.close(reads)
    os.waitpid(child, 0)
    server.close()


def test_calls_that_wait_take_no_more_memory_than_is_said(tmp_path):
    address, told = f"unix:{tmp_path}/svc", queue.Queue()

    def call():
        try:
            told.put(client.call(bytes(3000), timeout=50))
        except crosstie.Error as refused:
            told.put(refused)

    with crosstie.Server(address, waiting_bytes_max=8192) as server, crosstie.Client(address) as client:
        threads = [threading.Thread(target=call) for _ in range(3)]
        threads[0].start()
        first = server.take(timeout=50)
        for thread in threads[1:]:
            thread.start()
        while told.empty():
            # Looking lets in what came.
            assert not first.cancelled
        refused = told.get()
        assert isinstance(refused, crosstie.Busy) and "of this client" in str(refused)
        first.reply(b"one")
        server.take(timeout=50).reply(b"two")
        assert {told.get(timeout=50), told.get(timeout=50)} == {b"one", b"two"}
        for thread in threads:
            thread.join()


def test_what_calls_may_take_that_wait_is_a_length(tmp_path):
    address = f"unix:{tmp_path}/svc"
    for wrong, error in [(0, crosstie.Usage), (2**63, crosstie.Usage), (-1, OverflowError), ("1", TypeError)]:
        with pytest.raises(error):
            crosstie.Server(address, waiting_bytes_max=wrong)

        async def opened():
            async with crosstie.aio.Server(address, waiting_bytes_max=wrong):
                pass

        with pytest.raises(error):
            asyncio.run(opened())
