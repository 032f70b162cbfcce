"""What is listed: as the command lists it, values and damage included."""

import json

import crosstie


def test_python_lists_values_damage_and_who_waits_as_the_command_does(domain, shell, other):
    items = crosstie.CountingSemaphore("items", 7)
    ready = crosstie.Event("ready")
    ready.set()
    crosstie.Lock("torn")
    lock = crosstie.Lock("db")
    lock.acquire()
    waiter = other('print("waits", flush=True)\ncrosstie.Lock("db").acquire()')
    waiter.says("waits")
    while not (found := {one["name"]: one for one in crosstie.ls()})["lock:db"]["waiting"]:
        pass
    assert found["count:items"]["value"] == {"count": 7} and items.value == 7
    assert found["event:ready"]["value"] == {"is_set": True}
    assert found["lock:db"]["value"] is None and found["lock:db"]["damage"] is None
    assert [one["pid"] for one in found["lock:db"]["waiting"]] == [waiter.pid]
    with open(f"{domain}/lock.torn", "r+b") as file:
        file.write(b"\xff" * 8)
    ours = crosstie.ls()
    shells = json.loads(shell("ls", "--json").communicate()[0])["objects"]
    assert len(ours) == len(shells) == 4
    for one, listed in zip(ours, shells):
        for wait in (*one["waiting"], *listed["waiting"]):
            del wait["waited_ns"]
        assert one == {field: listed[field] for field in one}
    (torn,) = (one for one in ours if one["name"] == "lock:torn")
    assert torn["damage"]
    lock.release()
