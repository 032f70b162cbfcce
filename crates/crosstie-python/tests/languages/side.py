"""One side of a scenario, told a line at a time what to do: what actor.c is in C."""

import ctypes
import sys
import warnings

import crosstie

warnings.simplefilter("ignore", crosstie.AbandonedWarning)


def patience(word):
    """How long: forever, try, or milliseconds."""
    return {"forever": None, "try": 0.0}.get(word) if word in ("forever", "try") else float(word) / 1000


def had(answer, object_name, word):
    """An answer that was not had is the error that the others say."""
    if not answer:
        raise (crosstie.Busy if word == "try" else crosstie.TimedOut)(object_name)


class Lock:
    def __init__(self, name, *_):
        self.name, self.guards = name, []
        crosstie.Lock(name)

    def take(self, access, until):
        lock = crosstie.Lock(self.name, shared=access == "shared", timeout=patience(until))
        guard = lock.__enter__()
        self.guards.append((lock, guard))
        died = f" abandoned {guard.dead_owner.pid} {guard.dead_owner}" if guard.abandoned else ""
        return f"token {guard.token}{died}"

    def release(self):
        lock, guard = self.guards.pop()
        guard.release()


class Semaphore:
    def __init__(self, name, permits, *_):
        self.semaphore = crosstie.Semaphore(name, int(permits))
        self.permits = []

    def acquire(self, until):
        semaphore = crosstie.Semaphore(self.semaphore.name.partition(":")[2], self.semaphore.permits, timeout=patience(until))
        permit = semaphore.__enter__()
        self.permits.append((semaphore, permit))
        return f"index {permit.index}"

    def release(self):
        semaphore, permit = self.permits.pop()
        permit.release()


class Count:
    def __init__(self, name, value, *_, make=crosstie.CountingSemaphore):
        self.count = make(name, int(value))

    def post(self):
        self.count.post()

    def wait(self, until):
        had(self.count.wait(patience(until)), self.count.name, until)

    def value(self):
        return str(self.count.value)


class Once:
    def __init__(self, name, *_):
        self.once = crosstie.Once(name)

    def call(self):
        return "did" if self.once.call(lambda: None) else "was-done"


class Condition:
    """The condition and its lock have one name."""

    def __init__(self, name, *_):
        self.lock = crosstie.Lock(name)
        self.condition = crosstie.Condition(name, self.lock)

    def wait(self, until):
        with self.condition:
            had(self.condition.wait(patience(until)), self.condition.name, until)

    def notify(self):
        with self.condition:
            self.condition.notify()


class Count8(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint64)]


class Monitor:
    """A count: who takes waits until there is one."""

    def __init__(self, name, *_):
        self.monitor = crosstie.Monitor(name, Count8)

    def take(self, until):
        with self.monitor as data:
            had(self.monitor.wait_until(lambda data: data.count > 0, timeout=patience(until)), self.monitor.name, "late")
            data.count -= 1
            guard = self.monitor.guard
            died = f" abandoned {guard.dead_owner.pid} {guard.dead_owner}" if guard.abandoned else ""
            return f"{data.count} left{died}"

    def add(self):
        with self.monitor as data:
            data.count += 1

    def mend(self):
        with self.monitor:
            self.monitor.guard.mark_mended()

    def enter(self):
        self.monitor.__enter__().count += 1

    def leave(self):
        self.monitor.__exit__()


class Event:
    def __init__(self, name, *_):
        self.event = crosstie.Event(name)

    def set(self):
        self.event.set()

    def clear(self):
        self.event.clear()

    def wait(self, until):
        had(self.event.wait(patience(until)), self.event.name, until)


class Barrier:
    def __init__(self, name, parties, *_):
        self.barrier = crosstie.Barrier(name, int(parties))

    def wait(self, until):
        return "leads" if self.barrier.wait(patience(until)) == 0 else "follows"


class Tx:
    def __init__(self, address, *_):
        self.sender = crosstie.Sender(address)

    def send(self, text):
        self.sender.send(text.encode())

    @staticmethod
    def put(address, text):
        """All in one: opened, sent, closed."""
        with crosstie.Sender(address) as sender:
            sender.send(text.encode())

    def close(self):
        self.sender.close()


class Rx:
    def __init__(self, address, *_):
        self.receiver = crosstie.Receiver(address)

    def recv(self, until, *_):
        return self.receiver.recv(patience(until)).decode()

    def job(self, until):
        self.taken = self.receiver.job(patience(until))
        return f"{self.taken.deliveries} {self.taken.message.decode()}"

    def done(self):
        self.taken.done()

    def fail(self):
        self.taken.fail()

    def close(self):
        self.receiver.close()


class Client:
    def __init__(self, address, *_):
        self.client = crosstie.Client(address)

    def call(self, until, text):
        return self.client.call(text.encode(), timeout=patience(until)).decode()

    def close(self):
        self.client.close()


class Server:
    def __init__(self, address, *_):
        self.server, self.in_hand = crosstie.Server(address), []

    def take(self):
        call = self.server.take()
        return call, call.request.decode()

    def answer(self, text):
        call, asked = self.take()
        call.reply(text.encode())
        return asked

    def refuse(self, why):
        call, asked = self.take()
        call.refuse(why)
        return asked

    def hold(self):
        call, asked = self.take()
        self.in_hand.append(call)
        return asked

    def close(self):
        self.server.close()


KINDS = {
    "lock": Lock, "sem": Semaphore, "count": Count, "event": Event, "barrier": Barrier,
    "once": Once, "cond": Condition, "monitor": Monitor, "tx": Tx, "rx": Rx, "client": Client, "server": Server,
}  # fmt: skip


def main():
    things = {}
    print("@ready", flush=True)
    for line in sys.stdin:
        object, verb, name, *words = line.split()
        try:
            if verb == "open":
                things[object, name] = KINDS[object](name, *words)
                said = None
            elif verb == "create":
                things[object, name] = Count(name, *words, make=crosstie.CountingSemaphore.create)
                said = None
            elif verb == "put":
                said = Tx.put(name, *words)
            elif verb == "close" and not hasattr(things[object, name], "close"):
                said = None
            else:
                said = getattr(things[object, name], verb)(*words)
            print("@ok", said or "", flush=True)
        except crosstie.Error as error:
            print(f"@{error.id}", str(error).replace("\n", "|"), flush=True)
        if verb == "close":
            things.pop((object, name), None)


main()
