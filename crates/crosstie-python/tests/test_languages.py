"""Two sides of each scenario in every pair of Rust, the shell, C and Python: the same names, the same ids of errors.

A side is a process that is told a line at a time what to do, and says `ok` or an error's id, then more: tests/languages.
"""

import itertools
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import LIMIT_SECONDS, ROOT, sleeps, until
from matrix import PAIRS

HERE = pathlib.Path(__file__).with_name("languages")
CAPI = ROOT / "crates/crosstie-capi"
#: After so many scenarios a side is started anew: the one in C has room for 32 objects.
USES = 8


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    found = Stage(tmp_path_factory.mktemp("languages"))
    yield found
    found.end()


class Stage:
    """The programs of the four languages, and a domain for all of them."""

    def __init__(self, folder):
        self.folder = folder
        self.domain = f"/dev/shm/crosstie-languages-{os.getpid()}"
        self.crosstie = os.environ.get("CROSSTIE") or str(ROOT / "target/debug/crosstie")
        self.environment = {**os.environ, "CROSSTIE_DOMAIN": self.domain, "CROSSTIE": self.crosstie, "TMPDIR": str(folder)}
        self.environment.pop("CROSSTIE_HOLDER", None)
        self.count = itertools.count()
        self.sides = []
        self.programs = {"python": [sys.executable, "-X", "dev", str(HERE / "side.py")]}

    def program(self, language):
        """How a side in this language is started; a skip where the machine has not what that takes."""
        if language not in self.programs:
            self.programs[language] = getattr(self, f"make_{language}")()
        return self.programs[language]

    def make_shell(self):
        if not pathlib.Path(self.crosstie).exists():
            pytest.skip(f"no command at {self.crosstie}: cargo build")
        return ["bash", str(HERE / "side.sh")]

    def make_rust(self):
        program = pathlib.Path(self.crosstie).with_name("crosstie-torture")
        if not program.exists():
            pytest.skip(f"no program at {program}: cargo build")
        return [str(program), "side"]

    def make_c(self):
        library = pathlib.Path(self.crosstie).parent / "deps/libcrosstie_capi.a"
        compiler = shutil.which("cc")
        if compiler is None or not library.exists():
            pytest.skip(f"no C compiler, or no library at {library}: cargo build --workspace --examples")
        program = self.folder / "actor"
        source = CAPI / "tests/programs/actor.c"
        flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", CAPI / "include"]
        libraries = [library, "-lgcc_s", "-lutil", "-lrt", "-lm", "-ldl"]
        subprocess.run([compiler, *flags, "-o", program, source, *libraries], check=True)
        return [str(program)]

    def start(self, language):
        for side in self.sides:
            if side.language == language and side.is_idle:
                side.is_idle = False
                side.uses += 1
                return side
        side = Side(self, language)
        self.sides.append(side)
        return side

    def name(self):
        """A name that no other scenario uses."""
        return f"n{next(self.count)}"

    def waiters(self, name):
        """How many wait for the object of this name, as `crosstie ls` says."""
        listed = subprocess.run([self.crosstie, "-q", "ls", "--json"], env=self.environment, capture_output=True, check=True)
        objects = json.loads(listed.stdout)["objects"]
        return sum(len(one["waiting"]) for one in objects if one["name"].partition(":")[2] == name)

    def until_waiting(self, name, count=1):
        start = time.monotonic()
        while self.waiters(name) < count:
            assert time.monotonic() - start < LIMIT_SECONDS, f"never waits for {name}"

    def end(self):
        for side in self.sides:
            side.kill()
        shutil.rmtree(self.domain, ignore_errors=True)


class Side:
    """One side in one language."""

    def __init__(self, stage, language):
        self.language, self.is_idle, self.uses = language, False, 1
        self.process = subprocess.Popen(
            stage.program(language),
            env=stage.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # The commands of a shell's side go with it.
            start_new_session=True,
        )
        self.says("ready")

    def begin(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hears(self):
        line = self.process.stdout.readline()
        assert line, f"the side in {self.language} has ended"
        return line.removeprefix("@").strip()

    def has_said(self):
        """Whether it says something within a moment: then `hears` does not wait."""
        return bool(select.select([self.process.stdout], [], [], 0.02)[0])

    def says(self, expected):
        """What it says next begins with these words; errors say more in words of their own language."""
        said = self.hears()
        assert said.split()[: len(expected.split())] == expected.split(), f"{self.language}: {said}"
        return said

    def does(self, line, expected="ok"):
        self.begin(line)
        return self.says(expected)

    def until_asleep(self):
        """Until it sleeps: of who waits inside a monitor `crosstie ls` does not tell."""
        until(lambda: sleeps(self.process.pid), f"the side in {self.language} sleeps")

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()


# The scenarios: `one` and `other` are sides, `name` is a name that is free.


def turns_are_taken(stage, name, one, other):
    one.does(f"lock open {name}")
    other.does(f"lock open {name}")
    one.does(f"lock take {name} exclusive forever", "ok token 1")
    other.does(f"lock take {name} exclusive try", "busy")
    other.does(f"lock take {name} exclusive 1", "timed-out")
    other.begin(f"lock take {name} exclusive forever")
    stage.until_waiting(name)
    one.does(f"lock release {name}")
    other.says("ok token 2")
    one.does(f"lock take {name} shared try", "busy")
    other.does(f"lock release {name}")
    one.does(f"lock take {name} shared try")
    other.does(f"lock take {name} shared try")
    one.does(f"lock release {name}")
    other.does(f"lock release {name}")


def a_killed_holder_leaves_its_lock(stage, name, one, other):
    one.does(f"lock open {name}")
    other.does(f"lock open {name}")
    one.does(f"lock take {name} exclusive forever", "ok token 1")
    other.begin(f"lock take {name} exclusive forever")
    stage.until_waiting(name)
    one.kill()
    other.says("ok token 2 abandoned")
    other.does(f"lock release {name}")
    assert "abandoned" not in other.does(f"lock take {name} exclusive forever", "ok token 3"), "it is told once"
    other.does(f"lock release {name}")


def a_nested_deadlock_is_told_to_one(stage, name, one, other):
    for side in (one, other):
        side.does(f"lock open {name}a")
        side.does(f"lock open {name}b")
    one.does(f"lock take {name}a exclusive forever")
    other.does(f"lock take {name}b exclusive forever")
    one.begin(f"lock take {name}b exclusive forever")
    stage.until_waiting(f"{name}b")
    other.does(f"lock take {name}a exclusive forever", "deadlock")
    # A shell's commands stand one inside the other, and end together.
    other.does(f"lock release {name}b")
    one.says("ok token 2")
    one.does(f"lock release {name}b")
    one.does(f"lock release {name}a")


def a_permit_comes_back_from_the_killed(stage, name, one, other):
    one.does(f"sem open {name} 1")
    other.does(f"sem open {name} 1")
    one.does(f"sem acquire {name} forever", "ok index 0")
    other.begin(f"sem acquire {name} forever")
    stage.until_waiting(name)
    one.kill()
    other.says("ok index 0")
    other.does(f"sem release {name}")


def a_full_semaphore_is_busy_and_of_one_size(stage, name, one, other):
    one.does(f"sem open {name} 1")
    other.does(f"sem open {name} 2", "mismatch")
    other.does(f"sem open {name} 1")
    one.does(f"sem acquire {name} forever", "ok index 0")
    other.does(f"sem acquire {name} try", "busy")
    other.does(f"sem acquire {name} 1", "timed-out")
    one.does(f"sem release {name}")
    other.does(f"sem acquire {name} try", "ok index 0")
    other.does(f"sem release {name}")


def what_one_posts_the_other_waits_for(stage, name, one, other):
    one.does(f"count open {name} 0")
    other.does(f"count open {name} 0")
    other.does(f"count wait {name} try", "busy")
    other.does(f"count wait {name} 1", "timed-out")
    other.begin(f"count wait {name} forever")
    stage.until_waiting(name)
    one.does(f"count post {name}")
    other.says("ok")


def an_event_lets_the_other_through(stage, name, one, other):
    one.does(f"event open {name} manual")
    other.does(f"event open {name} manual")
    other.does(f"event wait {name} 1", "timed-out")
    other.begin(f"event wait {name} forever")
    stage.until_waiting(name)
    one.does(f"event set {name}")
    other.says("ok")
    one.does(f"event clear {name}")
    other.does(f"event wait {name} try", "busy")


def a_barrier_lets_both_through(stage, name, one, other):
    one.does(f"barrier open {name} 2 breaks")
    other.does(f"barrier open {name} 2 breaks")
    one.begin(f"barrier wait {name} forever")
    stage.until_waiting(name)
    other.does(f"barrier wait {name} forever")
    one.says("ok")


def streamed(stage, address, one, other):
    """Two messages and the end, in order, whichever way the two meet."""
    other.begin(f"rx open {address}")
    one.does(f"tx open {address}")
    other.says("ok")
    one.does(f"tx send {address} first")
    one.does(f"tx send {address} second")
    other.does(f"rx recv {address} forever 100", "ok first")
    one.begin(f"tx close {address}")
    other.does(f"rx recv {address} forever 100", "ok second")
    other.does(f"rx recv {address} forever 100", "closed")
    one.says("ok")
    other.does(f"rx close {address}")


def a_ring_says_its_end(stage, name, one, other):
    streamed(stage, f"ring:{name}", one, other)


def a_queue_says_its_end(stage, name, one, other):
    streamed(stage, f"queue:{name}", one, other)


def a_socket_says_its_end(stage, name, one, other):
    streamed(stage, f"unix:{stage.folder}/{name}", one, other)


def a_packet_socket_says_its_end(stage, name, one, other):
    streamed(stage, f"unixpacket:{stage.folder}/{name}", one, other)


def a_fifo_says_its_end(stage, name, one, other):
    streamed(stage, f"fifo:{stage.folder}/{name}", one, other)


def tcp_says_its_end(stage, name, one, other):
    # Bound, and not listened at, it stays this test's until the side listens.
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        streamed(stage, f"tcp:127.0.0.1:{kept.getsockname()[1]}", one, other)


def what_udp_loses_is_sent_again(stage, name, one, other):
    """Nobody knows when the other has begun to listen, and what came before is lost: it is sent until it has come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        address = f"udp:127.0.0.1:{found.getsockname()[1]}"
    other.does(f"rx open {address}")
    other.begin(f"rx recv {address} forever 100")
    start = time.monotonic()
    while not other.has_said():
        assert time.monotonic() - start < LIMIT_SECONDS, "never came"
        # Where nobody listens yet the kernel may say so.
        one.begin(f"tx put {address} again")
        one.hears()
    other.says("ok again")
    other.does(f"rx close {address}")


def what_is_too_large_is_refused_and_the_next_arrives(stage, name, one, other):
    address = f"queue:{name}?max=64"
    other.does(f"rx open {address}")
    one.does(f"tx put {address} {'x' * 65}", "too-large")
    one.does(f"tx put {address} {'y' * 64}")
    other.does(f"rx recv {address} forever 100", "ok " + "y" * 64)
    other.does(f"rx close {address}")


def what_is_done_once_is_done_for_both(stage, name, one, other):
    one.does(f"once open {name}")
    other.does(f"once open {name}")
    one.does(f"once call {name}", "ok did")
    other.does(f"once call {name}", "ok was-done")
    one.does(f"once call {name}", "ok was-done")


def who_waits_at_a_condition_is_notified(stage, name, one, other):
    one.does(f"cond open {name}")
    other.does(f"cond open {name}")
    other.does(f"cond wait {name} 1", "timed-out")
    other.begin(f"cond wait {name} forever")
    stage.until_waiting(name)
    one.does(f"cond notify {name}")
    other.says("ok")


def what_is_needed_in_a_monitor_wakes_who_needs_it(stage, name, one, other):
    one.does(f"monitor open {name}")
    other.does(f"monitor open {name}")
    other.does(f"monitor take {name} try", "timed-out")
    other.does(f"monitor take {name} 1", "timed-out")
    other.begin(f"monitor take {name} forever")
    other.until_asleep()
    one.does(f"monitor add {name}")
    other.says("ok 0 left")
    one.does(f"monitor enter {name}")
    other.begin(f"monitor take {name} forever")
    other.until_asleep()
    one.does(f"monitor leave {name}")
    other.says("ok 0 left")


def who_dies_inside_a_monitor_is_told_to_who_goes_on(stage, name, one, other):
    """`enter` puts one there and stays: nobody is told of that but by the death."""
    one.does(f"monitor open {name}")
    other.does(f"monitor open {name}")
    other.begin(f"monitor take {name} forever")
    other.until_asleep()
    one.does(f"monitor enter {name}")
    one.kill()
    other.says(f"ok 0 left abandoned {one.process.pid}")
    other.does(f"monitor mend {name}")
    other.does(f"monitor add {name}")
    assert "abandoned" not in other.does(f"monitor take {name} forever", "ok 0 left"), "it was mended"


def senders_take_turns_at_a_ring(stage, name, one, other):
    address = f"ring:{name}?senders=turns"
    command = [stage.crosstie, "-q", "recv", f"ring:{name}", "-n", "3"]
    with subprocess.Popen(command, env=stage.environment, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            one.does(f"tx open {address}")
            one.does(f"tx send {address} first")
            # Now it has its turn: a shell's command opens when it likes.
            assert receiver.stdout.readline() == "first\n"
            other.begin(f"tx open {address}")
            stage.until_waiting(f"ring.{name}")
            one.does(f"tx send {address} second")
            one.does(f"tx close {address}")
            other.says("ok")
            other.does(f"tx send {address} third")
            assert receiver.stdout.read() == "second\nthird\n"
            other.begin(f"tx close {address}")
            other.hears()
        finally:
            receiver.kill()


def a_count_is_made_once_with_its_value(stage, name, one, other):
    one.does(f"count create {name} 2")
    other.does(f"count create {name} 7", "already-exists")
    other.does(f"count open {name} 7")
    other.does(f"count wait {name} try")
    other.does(f"count wait {name} try")
    other.does(f"count wait {name} try", "busy")


def a_topic_is_everyones(stage, name, one, other):
    address = f"topic:{name}"
    other.does(f"rx open {address}")
    one.does(f"tx open {address}")
    one.does(f"tx send {address} first")
    other.does(f"rx recv {address} forever 100", "ok first")
    other.does(f"rx close {address}")
    one.begin(f"tx close {address}")
    one.says("ok")


def a_killed_sender_is_a_death(stage, name, one, other):
    address = f"ring:{name}"
    other.does(f"rx open {address}")
    one.does(f"tx open {address}")
    one.does(f"tx send {address} last")
    other.does(f"rx recv {address} forever 100", "ok last")
    one.kill()
    other.does(f"rx recv {address} forever 100", "peer-died")
    other.does(f"rx close {address}")


def a_job_of_the_killed_is_delivered_again(stage, name, one, other):
    address = f"queue:{name}"
    subprocess.run([stage.crosstie, "send", address, "paint"], env=stage.environment, check=True)
    one.does(f"rx open {address}")
    one.does(f"rx job {address} forever", "ok 1 paint")
    one.kill()
    other.does(f"rx open {address}")
    other.does(f"rx job {address} forever", "ok 2 paint")
    other.does(f"rx done {address}")
    other.does(f"rx close {address}")


def a_call_is_answered_and_refused(stage, name, one, other):
    address = f"unix:{stage.folder}/{name}"
    one.does(f"server open {address}")
    other.does(f"client open {address}")
    other.begin(f"client call {address} forever ping")
    one.does(f"server answer {address} pong", "ok ping")
    other.says("ok pong")
    other.begin(f"client call {address} forever again")
    one.does(f"server refuse {address} not-today", "ok again")
    other.says("negative")
    other.does(f"client close {address}")
    one.does(f"server close {address}")


def a_killed_server_is_told_to_its_caller(stage, name, one, other):
    address = f"queue:{name}"
    one.does(f"server open {address}")
    other.does(f"client open {address}")
    other.begin(f"client call {address} forever ping")
    one.does(f"server hold {address}", "ok ping")
    one.kill()
    other.says("peer-died")


def a_name_that_is_none_is_refused(stage, name, one, other):
    one.does(f"lock open {name}/b", "usage")
    one.does(f"tx open unxi:{name}", "usage")
    other.does(f"rx open unxi:{name}", "usage")


def what_is_taken_away_by_force_is_lost(stage, name, one, other):
    one.does(f"lock open {name}")
    other.does(f"lock open {name}")
    one.does(f"lock take {name} exclusive forever", "ok token 1")
    subprocess.run([stage.crosstie, "unlock", "--force", name, "--yes"], env=stage.environment, check=True, capture_output=True)
    other.does(f"lock take {name} exclusive try", "ok token 3")
    one.does(f"lock release {name}", "lost")
    other.does(f"lock release {name}")


def a_call_that_nobody_answers_is_late(stage, name, one, other):
    address = f"unix:{stage.folder}/{name}"
    one.does(f"server open {address}")
    other.does(f"client open {address}")
    other.does(f"client call {address} 1 ping", "timed-out")
    other.does(f"client close {address}")
    one.does(f"server close {address}")


def what_is_empty_is_busy_or_late(stage, name, one, other):
    one.does(f"rx open queue:{name}")
    other.does(f"tx open queue:{name}")
    one.does(f"rx recv queue:{name} 1 100", "timed-out")
    one.does(f"rx close queue:{name}")
    other.does(f"tx close queue:{name}")


SCENARIOS = [
    turns_are_taken,
    a_killed_holder_leaves_its_lock,
    a_nested_deadlock_is_told_to_one,
    a_permit_comes_back_from_the_killed,
    a_full_semaphore_is_busy_and_of_one_size,
    what_one_posts_the_other_waits_for,
    a_count_is_made_once_with_its_value,
    an_event_lets_the_other_through,
    a_barrier_lets_both_through,
    what_is_done_once_is_done_for_both,
    who_waits_at_a_condition_is_notified,
    what_is_needed_in_a_monitor_wakes_who_needs_it,
    who_dies_inside_a_monitor_is_told_to_who_goes_on,
    a_ring_says_its_end,
    senders_take_turns_at_a_ring,
    a_queue_says_its_end,
    a_topic_is_everyones,
    a_fifo_says_its_end,
    a_socket_says_its_end,
    a_packet_socket_says_its_end,
    tcp_says_its_end,
    what_udp_loses_is_sent_again,
    what_is_too_large_is_refused_and_the_next_arrives,
    a_killed_sender_is_a_death,
    a_job_of_the_killed_is_delivered_again,
    a_call_is_answered_and_refused,
    a_killed_server_is_told_to_its_caller,
    a_call_that_nobody_answers_is_late,
    what_is_taken_away_by_force_is_lost,
    a_name_that_is_none_is_refused,
    what_is_empty_is_busy_or_late,
]


#: What a language has no words for: such a pair is not played, and is no cell of the table.
WITHOUT = dict.fromkeys(
    (
        who_waits_at_a_condition_is_notified,
        what_is_needed_in_a_monitor_wakes_who_needs_it,
        who_dies_inside_a_monitor_is_told_to_who_goes_on,
    ),
    {"shell"},
)
PLAYED = [
    (scenario, one, other)
    for scenario in SCENARIOS
    for one, other in PAIRS
    if not WITHOUT.get(scenario, set()) & {one, other}
]


def _cell(value):
    return getattr(value, "__name__", value)


@pytest.mark.parametrize(("scenario", "one", "other"), PLAYED, ids=_cell)
def test_two_languages(stage, scenario, one, other):
    sides = []
    try:
        for language in (one, other):
            sides.append(stage.start(language))
        scenario(stage, stage.name(), *sides)
    except BaseException:
        for side in sides:
            side.kill()
        raise
    finally:
        for side in sides:
            if side.uses == USES:
                side.kill()
            side.is_idle = side.process.poll() is None


def test_the_page_has_a_row_for_each_scenario():
    page = (ROOT / "docs/languages.md").read_text()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.count("→") == 0 and line.count("| + ") > 3]
    assert rows == [scenario.__name__.replace("_", " ") for scenario in SCENARIOS]
    assert f"{len(SCENARIOS)} scenarios in {len(PAIRS)} pairs: {len(PLAYED)} of {len(PLAYED)} hold" in page
