// The C++ header's jobs, loans and list, each beside another process that is killed or waits.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>

#include "crosstie.hpp"

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
            std::exit(1); \
        } \
    } while (0)

// The status that `work` throws.
template <typename Work>
static crosstie_status refused(Work work)
{
    try {
        work();
    } catch (const crosstie::error &said) {
        return said.status();
    }
    return CROSSTIE_OK;
}

// Another process, which does `work` and says so, then sleeps until it is killed.
class peer {
public:
    template <typename Work>
    explicit peer(Work work)
    {
        int ends[2];
        CHECK(pipe(ends) == 0);
        pid_ = fork();
        if (pid_ == 0) {
            CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
            work([&] { CHECK(write(ends[1], "x", 1) == 1); });
            for (;;) {
                (void)pause();
            }
        }
        (void)close(ends[1]);
        said_ = ends[0];
    }
    // Waits until it says so.
    void says() const
    {
        char word;
        CHECK(read(said_, &word, 1) == 1);
    }
    std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
    void end()
    {
        CHECK(kill(pid_, SIGKILL) == 0 && waitpid(pid_, nullptr, 0) == pid_);
        (void)close(said_);
    }

private:
    pid_t pid_;
    int said_;
};

// A job that goes without done() is delivered again: from a killed process, out of a scope, past an exception, and when it is said.
static void jobs()
{
    peer worker([](auto says) {
        crosstie::receiver in("queue:jobs?deliveries=9");
        auto job = in.receive_job();
        CHECK(job && job->bytes() == "paint" && job->deliveries() == 1 && !job->redelivered());
        says();
        for (;;) {
            (void)pause();
        }
    });
    crosstie::sender out("queue:jobs?deliveries=9");
    out.send("paint");
    worker.says();
    crosstie::receiver in("queue:jobs?deliveries=9");
    CHECK(refused([&] { (void)in.receive_job(crosstie::deadline::now()); }) == CROSSTIE_E_BUSY);
    worker.end();
    {
        auto job = in.receive_job();
        CHECK(job && job->bytes() == "paint" && job->deliveries() == 2 && job->redelivered());
        // One at a time, and what is moved from has none.
        CHECK(refused([&] { (void)in.receive_job(); }) == CROSSTIE_E_BUSY);
        crosstie::job moved = std::move(*job);
        CHECK(refused([&] { job->done(); }) == CROSSTIE_E_USAGE);
    }
    try {
        auto job = in.receive_job();
        CHECK(job->deliveries() == 3);
        throw std::runtime_error("no paint");
    } catch (const std::runtime_error &) {
    }
    in.receive_job()->fail();
    {
        auto job = in.receive_job();
        CHECK(job->deliveries() == 5);
        job->done();
        CHECK(refused([&] { job->done(); }) == CROSSTIE_E_USAGE);
    }
    out.send("nobody can");
    in.receive_job()->reject();
    out.send("last");
    // The one before is given back when another takes its place; the receiver may go before its job.
    auto job = in.receive_job();
    CHECK(job->bytes() == "last" && job->deliveries() == 1);
    job = std::nullopt;
    job = in.receive_job();
    CHECK(job->deliveries() == 2);
    in = crosstie::receiver("queue:jobs?deliveries=9");
    job = std::nullopt;
    job = in.receive_job();
    CHECK(job->bytes() == "last" && job->deliveries() == 3);
    job->done();
    out.close();
    CHECK(!in.receive_job());
    CHECK(refused([] {
              crosstie::sender ring("ring:once");
              crosstie::receiver once("ring:once");
              ring.send("x");
              (void)once.receive_job();
          }) == CROSSTIE_E_UNSUPPORTED);
}

// A dead letter stays one, whoever has it in hand and dies or lets it go, until it is done; then it may be sent again.
static void dead_letters()
{
    crosstie::sender out("queue:dead?deliveries=2");
    crosstie::receiver in("queue:dead?deliveries=2");
    CHECK(!in.receive_dead_letter());
    CHECK(out.send_batch({"too often", "nobody can"}) == 2);
    CHECK(refused([&] { (void)out.send_batch({}); }) == CROSSTIE_E_USAGE);
    for (int delivery = 0; delivery < 3; delivery++) {
        auto job = in.receive_job();
        job->bytes() == "nobody can" ? job->reject() : job->fail();
    }
    CHECK(refused([&] { (void)in.receive_job(crosstie::deadline::now()); }) == CROSSTIE_E_BUSY);
    peer dies([](auto says) {
        crosstie::receiver other("queue:dead?deliveries=2");
        auto first = other.receive_dead_letter();
        CHECK(first && first->bytes() == "too often" && first->deliveries() == 2);
        says();
        for (;;) {
            (void)pause();
        }
    });
    dies.says();
    {
        auto letter = in.receive_dead_letter();
        CHECK(letter && letter->bytes() == "nobody can" && letter->deliveries() == 1);
    }
    dies.end();
    in.receive_dead_letter()->fail();
    in.receive_dead_letter()->reject();
    in = crosstie::receiver("queue:dead?deliveries=2");
    CHECK(refused([&] { (void)in.receive_job(crosstie::deadline::now()); }) == CROSSTIE_E_BUSY);
    std::string all;
    while (auto letter = in.receive_dead_letter()) {
        all += letter->bytes();
        out.send(letter->bytes());
        letter->done();
    }
    CHECK(all == "too oftennobody can" || all == "nobody cantoo often");
    CHECK(in.receive_job()->deliveries() == 1 && !in.receive_dead_letter());
    CHECK(refused([] {
              crosstie::sender ring("ring:dead");
              (void)crosstie::receiver("ring:dead").receive_dead_letter();
          }) == CROSSTIE_E_UNSUPPORTED);
}

// What another process reads is what was written in place and committed, and what it had lent comes again when it is killed.
static void loans()
{
    for (const std::string address : {"ring:letters", "queue:letters"}) {
        peer reader([&](auto says) {
            crosstie::receiver in(address);
            auto first = in.receive_in_place();
            CHECK(first && first->bytes() == "written in place");
            CHECK(first->sender_pid() == (address[0] == 'r' ? static_cast<std::uint32_t>(getppid()) : 0)); // a queue does not know
            first->received();
            auto second = in.receive_in_place();
            CHECK(second->bytes() == "kept");
            says();
            for (;;) {
                (void)pause();
            }
        });
        crosstie::sender out(address);
        {
            crosstie::loan never = out.reserve(100);
            never.write(0, "never sent");
        }
        crosstie::loan room = out.reserve(16);
        CHECK(room.size() == 16);
        room.write(8, "in place");
        room.write(0, "written ");
        CHECK(refused([&] { room.write(9, "too long"); }) == CROSSTIE_E_USAGE);
        CHECK(refused([&] { out.send("meanwhile", crosstie::deadline::now()); }) == CROSSTIE_E_BUSY);
        crosstie::loan moved = std::move(room);
        CHECK(refused([&] { room.commit(); }) == CROSSTIE_E_USAGE);
        moved.commit();
        CHECK(refused([&] { moved.commit(); }) == CROSSTIE_E_USAGE);
        out.reserve(7).cancel();
        out.send("kept");
        reader.says();
        reader.end();
        crosstie::receiver in(address);
        {
            auto again = in.receive_in_place();
            CHECK(again && again->bytes() == "kept");
            CHECK(refused([&] { (void)in.receive_in_place(); }) == CROSSTIE_E_BUSY);
        }
        out.close();
        CHECK(!in.receive_in_place());
    }
}

static const crosstie::object *find(const std::vector<crosstie::object> &all, const std::string &name)
{
    for (const crosstie::object &object : all) {
        if (object.name == name) {
            return &object;
        }
    }
    return nullptr;
}

// Who has a lock and who waits for it, in other processes, and what objects stand at.
static void listed()
{
    CHECK(find(crosstie::list(), "lock:db") == nullptr);
    crosstie::counter full("full", 7);
    crosstie::semaphore gpus("gpu", 3);
    crosstie::event ready("ready");
    ready.set();
    crosstie::permit one = gpus.acquire();
    peer owner([](auto says) {
        crosstie::lock door("db");
        auto held = door.take();
        says();
        for (;;) {
            (void)pause();
        }
    });
    owner.says();
    peer next([](auto says) {
        crosstie::lock door("db");
        auto held = door.take(crosstie::deadline::in(std::chrono::hours(1)));
        CHECK(held.abandoned() && held.dead_pid() != 0 && !held.dead_owner().empty());
        says();
        for (;;) {
            (void)pause();
        }
    });
    std::vector<crosstie::object> all = crosstie::list();
    // poll: the other waits at the lock
    while (find(all, "lock:db")->waiting.empty()) {
        (void)sched_yield();
        all = crosstie::list();
    }
    const crosstie::object &db = *find(all, "lock:db");
    CHECK(db.kind == "lock" && db.held_by.size() == 1 && db.waiting.size() == 1 && !db.damage && !db.is_stalled);
    CHECK(db.held_by[0].pid == owner.pid() && db.held_by[0].tid == owner.pid() && db.held_by[0].units == 1);
    CHECK(!db.held_by[0].command.empty() && !db.is_abandoned);
    CHECK(db.waiting[0].pid == next.pid() && db.waiting[0].has_deadline && !db.waiting[0].is_stopped);
    CHECK(db.waiting[0].waits_for.find("lock:db") != std::string::npos);
    CHECK(find(all, "count:full")->value.count == 7u && find(all, "event:ready")->value.is_set == true);
    const crosstie::object &gpu = *find(all, "sem:gpu");
    CHECK(gpu.value.taken == 1u && gpu.value.total == 3u && !gpu.value.count && gpu.held_by[0].units == 1);
    crosstie::permit second = gpus.acquire();
    one = std::move(second); // gives back what it had
    CHECK(find(crosstie::list(), "sem:gpu")->value.taken == 1u);
    owner.end();
    next.says();
    CHECK(find(crosstie::list(), "lock:db")->held_by[0].pid == next.pid());
    CHECK(refused([] { crosstie::remove("lock:db"); }) == CROSSTIE_E_BUSY);
    next.end();
    crosstie::remove("lock:db");
    CHECK(find(crosstie::list(), "lock:db") == nullptr);
    CHECK(refused([] { crosstie::remove("lock:db"); }) == CROSSTIE_E_NOT_FOUND);
    one.release();
    CHECK(refused([&] { one.release(); }) == CROSSTIE_E_USAGE);
}

// More than fits at first, with names that JSON has to escape, and what is no list.
static void list_of_any_length()
{
    for (int number = 0; number < 40; number++) {
        crosstie::counter("many-" + std::to_string(number), static_cast<std::uint32_t>(number));
    }
    std::vector<crosstie::object> all = crosstie::list();
    CHECK(crosstie::list_as_json().size() > 4096 && find(all, "count:many-39")->value.count == 39u);
    std::vector<crosstie::object> read;
    std::string text = "[{\"new\": [1, {\"x\": null}, true], \"name\": \"a\\\"b\\\\c\\u000a\", \"value\": null, \"damage\": \"torn\"}]";
    crosstie::detail::json from(text);
    crosstie::detail::read(from, read);
    CHECK(read.size() == 1 && read[0].name == "a\"b\\c\n" && read[0].damage == "torn" && !read[0].value.count);
    for (const char *torn : {"", "[", "[{\"name\": \"a", "[{\"name\" \"a\"}]", "[{\"held_by\": {}}]", "[{\"is_stalled\": maybe}]",
                             "[{\"name\": \"\\u12\"}]", "[{\"value\": {\"count\": -1}}]", "[{}; {}]"}) {
        crosstie::detail::json from_torn(torn);
        CHECK(refused([&] { crosstie::detail::read(from_torn, read); }) == CROSSTIE_E_CORRUPT);
    }
}

// A loop of events: a process that sends wakes who polls.
static void polled()
{
    crosstie::receiver in("ring:polled");
    peer sends([](auto says) {
        crosstie::sender out("ring:polled");
        CHECK(out.arm());
        out.send("rung");
        says();
        (void)pause();
    });
    pollfd wanted = {in.pollable(), POLLIN, 0};
    while (!in.arm()) {
        CHECK(poll(&wanted, 1, -1) >= 0);
    }
    CHECK(in.receive() == "rung");
    sends.says();
    sends.end();
    CHECK(refused([&] { (void)in.receive(); }) == CROSSTIE_E_PEER_DIED);
}

// What one process began and died at, another is told, and does.
static void others()
{
    peer begins([](auto says) {
        crosstie::once init("init");
        auto ours = init.begin();
        CHECK(ours && !ours->abandoned());
        crosstie::monitor<std::uint64_t> shop("shop");
        auto inside = shop.enter();
        says();
        for (;;) {
            (void)pause();
        }
    });
    begins.says();
    crosstie::once init("init");
    CHECK(refused([&] { (void)init.begin(crosstie::deadline::now()); }) == CROSSTIE_E_BUSY);
    begins.end();
    CHECK(init.begin()->abandoned());
    {
        auto ours = init.begin();
        CHECK(ours);
        ours->done();
    }
    CHECK(!init.begin());
    crosstie::monitor<std::uint64_t> shop("shop");
    auto inside = shop.enter();
    CHECK(inside.abandoned() && inside.dead_pid() == begins.pid());
    inside.mark_mended();
    inside.leave();
    CHECK(refused([&] { inside.leave(); }) == CROSSTIE_E_USAGE);
    CHECK(!shop.enter().abandoned());
    CHECK(crosstie::counter("value", 5).value() == 5);
    crosstie::barrier meeting("meeting", 2);
    CHECK(refused([&] { (void)meeting.wait(crosstie::deadline::now()); }) == CROSSTIE_E_TIMED_OUT);
    meeting.reset();
    std::string name = "/crosstie-test-in-hand-" + std::to_string(getpid());
    crosstie::region memory(name, 64, CROSSTIE_REGION_CREATE);
    crosstie::region::unlink(name);
    char text[5];
    memory.write(59, "hello", 5);
    memory.read(59, text, 5);
    CHECK(memory.bytes() == 64 && std::string(text, 5) == "hello");
    CHECK(refused([&] { memory.write(60, "hello", 5); }) == CROSSTIE_E_USAGE);
    crosstie::capabilities queue("queue:jobs");
    CHECK(queue.can(CROSSTIE_CAN_LEND | CROSSTIE_CAN_MANY_RECEIVERS) && !queue.can(CROSSTIE_CAN_CROSS_MACHINES));
    CHECK(queue.delivery() == CROSSTIE_AT_LEAST_ONCE && queue.untaken() == CROSSTIE_UNTAKEN_KEPT && queue.mechanism() == "queue");
    CHECK(refused([] { crosstie::capabilities wrong("queu:jobs"); }) == CROSSTIE_E_USAGE);
    crosstie::check_library();
}

template <typename Type>
constexpr bool moves_only = !std::is_copy_constructible_v<Type> && !std::is_copy_assignable_v<Type> &&
                            std::is_nothrow_move_constructible_v<Type> && std::is_nothrow_move_assignable_v<Type>;

static void what_is_lost()
{
    crosstie::receiver receiver("topic:lossy?mode=lossy&places=4");
    crosstie::sender sender("topic:lossy");
    for (int at = 0; at < 10; ++at) {
        sender.send(std::to_string(at));
    }
    try {
        receiver.receive(crosstie::deadline::now());
        CHECK(!"what is lost is told");
    } catch (const crosstie::lost_messages &lost) {
        CHECK(lost.first() == 0 && lost.count() == 6 && lost.status() == CROSSTIE_E_LOST);
    }
    CHECK(receiver.receive() == "6");
}

int main()
{
    static_assert(moves_only<crosstie::job> && moves_only<crosstie::loan> && moves_only<crosstie::lent_message>);
    static_assert(moves_only<crosstie::lock_guard> && moves_only<crosstie::permit> && moves_only<crosstie::once_turn>);
    listed();
    list_of_any_length();
    jobs();
    dead_letters();
    loans();
    polled();
    what_is_lost();
    others();
    std::puts("in_hand: ok");
    return 0;
}
