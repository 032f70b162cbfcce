"""msgpack as a codec: of channels, queues and calls; what it needs, and what it never runs."""

import pickle
import sys
import threading

import pytest

import crosstie

MESSAGE = {"name": "anna", "raw": b"\x00\xff", "list": [1, 2.5, None], 7: "a number"}


@pytest.fixture
def msgpack():
    return pytest.importorskip("msgpack")


def test_channels_queues_and_calls_carry_msgpack(msgpack, tmp_path):
    for address in ("ring:m", "queue:m", "topic:m", f"unix:{tmp_path}/m"):
        with crosstie.Receiver(address, codec="msgpack") as rx, crosstie.Sender(address, codec="msgpack") as tx:
            tx.send(MESSAGE)
            assert rx.recv(timeout=50) == MESSAGE
    with crosstie.Server("queue:svc", codec="msgpack") as server:
        thread = threading.Thread(target=server.serve, args=(lambda request: {"was": request},))
        thread.start()
        with crosstie.Client("queue:svc", codec="msgpack") as client:
            assert client.call(MESSAGE, timeout=50) == {"was": MESSAGE}
        server.stop()
        thread.join()


def test_a_queue_of_msgpack_is_one_everywhere(msgpack, other):
    queue = crosstie.Queue("letters", codec="msgpack")
    copy = pickle.loads(pickle.dumps(queue))
    reader = other('q = crosstie.Queue("letters", codec="msgpack")\nprint(q.get(timeout=50)["name"], flush=True)')
    queue.put(MESSAGE)
    reader.says("anna")
    assert reader.ends() == 0
    copy.put(MESSAGE)
    with crosstie.Receiver("queue:letters") as rx:
        assert msgpack.unpackb(rx.recv(timeout=50), strict_map_key=False) == MESSAGE


def test_what_is_no_msgpack_is_an_error_and_a_job_a_dead_letter(msgpack):
    with crosstie.Sender("queue:m") as tx, crosstie.Receiver("queue:m", codec="msgpack") as rx:
        # A pickle: it begins with 0x80, an empty map of msgpack's, and then goes on.
        tx.send(pickle.dumps(print))
        with pytest.raises(ValueError):
            rx.job(timeout=50)
        assert pickle.loads(rx.dead_letter()) is print


def test_a_missing_msgpack_says_how_to_get_it_and_leaves_nothing_open(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgpack", None)
    for make in (
        lambda: crosstie.Sender("queue:m", codec="msgpack"),
        lambda: crosstie.Receiver("queue:m", codec="msgpack"),
        lambda: crosstie.Server("queue:m", codec="msgpack"),
        lambda: crosstie.Queue("m", codec="msgpack").put(1),
    ):
        with pytest.raises(ModuleNotFoundError, match=r'pip install "crosstie\[msgpack\]"') as raised:
            make()
        assert raised.value.name == "msgpack"
    crosstie.remove("queue:m")
