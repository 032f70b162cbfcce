// The C++ header's calls: replies of any length, refusals, calls that go unanswered, and what is answered twice.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

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

static std::string twice(std::string_view request)
{
    if (request.empty()) {
        throw std::invalid_argument("nothing to double");
    }
    return std::string(request) + std::string(request);
}

// A pool of threads answers, several threads call by one client, and each gets its own reply.
static void many_at_once(const std::string &address)
{
    const int callers = 4, calls = 25;
    crosstie::server server(address);
    std::vector<std::thread> threads;
    for (int worker = 0; worker < 2; worker++) {
        threads.emplace_back([&] {
            for (int call = 0; call < callers * calls / 2; call++) {
                server.answer(twice);
            }
        });
    }
    crosstie::client client(address);
    for (int caller = 0; caller < callers; caller++) {
        threads.emplace_back([&client, caller] {
            for (int call = 0; call < calls; call++) {
                std::string request = std::to_string(caller * 1000 + call) + " ";
                CHECK(client.call(request) == request + request);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}

static void one_by_one(const std::string &address)
{
    crosstie::server server(address);
    CHECK(!server.try_take());
    CHECK(refused([&] { (void)server.take(crosstie::deadline::in(std::chrono::milliseconds(1))); }) ==
          CROSSTIE_E_TIMED_OUT);
    crosstie::client client(address);
    CHECK(refused([&] { client.call("late", crosstie::deadline::in(std::chrono::milliseconds(1))); }) ==
          CROSSTIE_E_TIMED_OUT);
    // A call for which nobody waits any more is not served. No room has to be known before: a reply of 300000 bytes is read where it lies.
    std::thread answers([&] {
        server.answer(twice);
        server.answer(twice);
        auto call = server.take();
        CHECK(call.request() == "echo" && !call.repeated());
        crosstie::call_in_hand moved = std::move(call);
        CHECK(call.native_handle() == nullptr);
        moved.reply(moved.request());
        CHECK(moved.request().empty());
        CHECK(refused([&] { moved.reply("again"); }) == CROSSTIE_E_USAGE);
        CHECK(refused([&] { moved.refuse("again"); }) == CROSSTIE_E_USAGE);
        (void)server.take();
    });
    std::string longer(150000, 'x');
    crosstie::reply first = client.call_in_place(longer);
    bool told = false;
    try {
        client.call("");
    } catch (const crosstie::error &said) {
        told = said.status() == CROSSTIE_E_NEGATIVE && std::strstr(said.what(), "nothing to double") != nullptr;
    }
    CHECK(told);
    CHECK(client.call("echo") == "echo");
    CHECK(first.bytes() == longer + longer);
    CHECK(refused([&] { client.call("nobody answers this"); }) != CROSSTIE_OK);
    answers.join();
}

// Calls whose replies are asked for later, refused with a code, cancelled, or answered as their caller wishes; then the server stops.
static void in_flight(const std::string &address)
{
    crosstie::server server(address);
    crosstie::client client(address);
    auto minute = crosstie::deadline::in(std::chrono::minutes(1));
    crosstie::pending first = client.start("first", minute, crosstie::idempotent);
    crosstie::pending second = client.start("second");
    crosstie::pending third = client.start("third");
    CHECK(!first.try_reply() && refused([&] { (void)first.reply(crosstie::deadline::now()); }) == CROSSTIE_E_BUSY);
    auto call = server.take(), other = server.take(), last = server.take();
    CHECK(call.request() == "first" && call.idempotent() && !call.repeated() && !call.cancelled());
    CHECK(call.remaining() && *call.remaining() > std::chrono::seconds(30) && call.until().ns() <= minute.ns() + 1000000000);
    CHECK(other.request() == "second" && !other.idempotent() && !other.remaining());
    call.reply("one");
    CHECK(first.reply().bytes() == "one" && refused([&] { (void)first.try_reply(); }) == CROSSTIE_E_CLOSED);
    CHECK(refused([&] { other.refuse("no status", 1, CROSSTIE_OK); }) == CROSSTIE_E_USAGE && other.request() == "second");
    other.refuse("no more", 28, CROSSTIE_E_NO_SPACE);
    try {
        (void)second.try_reply(crosstie::deadline::never());
        CHECK(!"it was refused");
    } catch (const crosstie::error &said) {
        CHECK(said.status() == CROSSTIE_E_NO_SPACE && said.code() == 28 && std::strstr(said.what(), "no more"));
    }
    {
        crosstie::pending goes = std::move(third);
    }
    auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!last.cancelled()) {
        CHECK(std::chrono::steady_clock::now() < patience);
    }
    // An error that is Crosstie's own is the caller's too; what waits for a call ends when the server stops.
    std::thread waits([&] {
        server.answer([](std::string_view) -> std::string { return crosstie::client("topic:none").call(""); });
        CHECK(refused([&] { (void)server.take(); }) == CROSSTIE_E_CLOSED);
    });
    CHECK(refused([&] { client.call("by its own error"); }) == CROSSTIE_E_USAGE);
    server.stop();
    waits.join();
    CHECK(refused([&] { (void)server.try_take(); }) == CROSSTIE_E_CLOSED);
}

// Many replies to one call, in order; refused, and cancelled by who goes.
static void streams(const std::string &address)
{
    crosstie::server server(address);
    crosstie::client client(address);
    std::thread counts([&] {
        auto call = server.take();
        CHECK(call.takes_stream());
        auto numbers = call.stream();
        CHECK(call.native_handle() == nullptr && call.request().empty());
        for (int number = 1; number <= 3; number++) {
            numbers.send(std::to_string(number));
        }
        numbers.end();
        auto half = server.take().stream();
        half.send("half");
        half.refuse("no more", 5, CROSSTIE_E_LOST);
        auto endless = server.take().stream();
        CHECK(!endless.cancelled());
        auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        endless.send("once");
        while (!endless.cancelled()) {
            CHECK(std::chrono::steady_clock::now() < patience);
        }
        CHECK(refused([&] { endless.send("twice"); }) == CROSSTIE_E_CLOSED);
        CHECK(refused([&] { (void)server.take().stream(); }) == CROSSTIE_E_MISMATCH);
    });
    auto numbers = client.stream("count to three");
    std::string all;
    while (auto number = numbers.next()) {
        all += *number;
    }
    CHECK(all == "123" && !numbers.next());
    auto half = client.stream("half of it", crosstie::deadline::in(std::chrono::minutes(1)));
    CHECK(half.next() == std::string_view("half"));
    try {
        (void)half.next();
        CHECK(!"it was refused");
    } catch (const crosstie::error &said) {
        CHECK(said.status() == CROSSTIE_E_LOST && said.code() == 5);
    }
    {
        auto endless = client.stream("for ever");
        CHECK(endless.next() == std::string_view("once"));
    }
    CHECK(refused([&] { client.call("one"); }) == CROSSTIE_E_MISMATCH);
    counts.join();
}

int main()
{
    static_assert(!std::is_copy_constructible_v<crosstie::client> && std::is_move_constructible_v<crosstie::client>);
    static_assert(!std::is_copy_constructible_v<crosstie::reply> && std::is_move_constructible_v<crosstie::reply>);
    for (const char *address : {"unix:./one.sock", "queue:one"}) {
        one_by_one(address);
    }
    for (const char *address : {"unix:./flight.sock", "queue:flight"}) {
        in_flight(address);
        streams(address);
    }
    for (const char *address : {"unix:./many.sock", "queue:many"}) {
        many_at_once(address);
    }
    CHECK(refused([] { crosstie::client nobody("topic:t"); }) == CROSSTIE_E_USAGE);
    CHECK(refused([] { crosstie::server nobody("topic:t"); }) == CROSSTIE_E_USAGE);
    std::puts("calls: ok");
    return 0;
}
