"""The first of several ends; what an end's mechanism can; several messages at once."""

import os
import signal
import threading

import pytest
from conftest import until

import crosstie


def first(*sources):
    """The first of them that has a message, and that."""
    while True:
        for source in crosstie.select(*sources, timeout=20):
            try:
                return source, source.recv(timeout=0)
            except crosstie.Busy:
                # A sender that has only begun.
                pass


def test_who_selects_is_told_of_each_that_is_ready_and_sleeps_until_then(other, tmp_path):
    orders, ticks = crosstie.Receiver("queue:orders"), crosstie.Receiver(f"unix:{tmp_path}/u")
    read, write = os.pipe()
    assert crosstie.select(orders, ticks, read, timeout=0) == []
    assert crosstie.select(orders, ticks, read, timeout=0.01) == []
    sender = other("tx = {name: crosstie.Sender(name) for name in sys.argv[1:]}\nfor line in sys.stdin: tx[line.strip()].send(b'x')",
                   "queue:orders", f"unix:{tmp_path}/u")
    for name, end in (("queue:orders", orders), (f"unix:{tmp_path}/u", ticks)) * 3:
        sender.tell(name)
        assert first(orders, ticks, read) == (end, b"x")
    os.write(write, b".")
    sender.tell("queue:orders")
    until(lambda: crosstie.select(orders, timeout=0), "an order")
    assert crosstie.select(orders, ticks, read, timeout=20) == [orders, read]
    os.read(read, 1)
    assert orders.recv(timeout=0) == b"x"
    sender.kill()
    with pytest.raises(crosstie.PeerDied):
        first(orders, ticks)
    os.close(read)
    os.close(write)
    with pytest.raises(ValueError, match="nothing to wait for"):
        crosstie.select()


def test_a_sender_is_ready_when_there_is_room():
    tx, rx = crosstie.Sender("queue:small?places=1"), crosstie.Receiver("queue:small?places=1")
    assert crosstie.select(tx, timeout=0) == [tx]
    tx.send(b"one")
    assert crosstie.select(tx, timeout=0.01) == []
    took = threading.Timer(0.01, rx.recv)
    took.start()
    assert crosstie.select(tx, timeout=20) == [tx]
    took.join()


def test_a_sender_at_a_socket_is_ready_when_it_can_be_written(tmp_path):
    rx = crosstie.Receiver(f"unix:{tmp_path}/u")
    tx = crosstie.Sender(f"unix:{tmp_path}/u")
    sent = 0
    with pytest.raises(crosstie.Busy):
        while True:
            tx.send(bytes(10_000), timeout=0)
            sent += 1
    assert crosstie.select(tx, timeout=0.01) == []
    took = threading.Thread(target=lambda: [rx.recv() for _ in range(sent)])
    took.start()
    # Without a limit: whoever looks at the wrong thing sleeps for ever.
    assert crosstie.select(tx) == [tx]
    took.join()


def test_ctrl_c_ends_a_select(other):
    waits = other(
        "rx = crosstie.Receiver('ring:r')\n"
        "try:\n"
        "    print('selects', flush=True)\n"
        "    crosstie.select(rx)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
    )
    waits.says("selects")
    os.kill(waits.pid, signal.SIGINT)
    waits.says("interrupted")


@pytest.mark.parametrize("address", ["ring:r", "queue:q", "topic:t", "unix"])
def test_several_messages_are_sent_in_order(address, tmp_path):
    address = f"unix:{tmp_path}/u" if address == "unix" else address
    with crosstie.Receiver(address, codec="pickle") as rx, crosstie.Sender(address, codec="pickle") as tx:
        assert tx.send_many([]) == 0
        assert tx.send_many(["one", bytearray(b"two"), 3]) == 3
        assert [rx.recv(timeout=20) for _ in range(3)] == ["one", bytearray(b"two"), 3]


def test_of_several_messages_those_are_sent_for_which_there_is_room():
    tx, rx = crosstie.Sender("queue:small?places=2"), crosstie.Receiver("queue:small?places=2")
    assert tx.send_many([b"1", b"2", b"3"], timeout=0) == 2
    with pytest.raises(crosstie.Busy):
        tx.send_many([b"3"], timeout=0)
    with pytest.raises(crosstie.TimedOut):
        tx.send_many([b"3"], timeout=0.001)
    took = threading.Thread(target=lambda: [rx.recv() for _ in range(5)])
    took.start()
    assert tx.send_many([b"3", b"4", b"5"], timeout=20) == 3
    took.join()


def test_an_end_says_what_its_mechanism_can():
    with crosstie.Receiver("queue:q") as rx, crosstie.Sender("ring:r?max=100") as tx:
        assert (rx.caps().delivery, rx.caps().many_receivers, rx.caps().zero_copy) == ("at least once", True, True)
        assert (tx.caps().mechanism, tx.caps().many_senders, tx.caps().message_bytes_max) == ("ring", False, 100)
        assert rx.caps() == rx.caps() != tx.caps() and "at least once" in str(rx.caps())
    with pytest.raises(ValueError, match="was closed"):
        rx.caps()
    with crosstie.Server("queue:svc") as server, crosstie.Client("queue:svc") as client:
        assert (server.caps().delivery, client.caps().ordered) == ("at most once", False)
