// The C++ header: guards release, handles close, refusals are thrown.
#include <cassert>
#include <cstdio>
#include <cstring>
#include <thread>
#include <type_traits>
#include <unistd.h>

#include "crosstie.hpp"

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
            return 1; \
        } \
    } while (0)

struct stock {
    std::uint32_t count;
};

// Monitors, conditions, what is done once, counts, events, barriers, regions, connections.
static int the_others()
{
    crosstie::monitor<stock> shop("shop");
    std::thread stocks([&] { shop.enter()->count += 2; });
    {
        auto inside = shop.enter();
        CHECK(inside.wait({{CROSSTIE_FIELD(stock, count), CROSSTIE_AT_LEAST, 0, 2}}));
        CHECK(!inside.abandoned() && inside->count == 2);
        CHECK(!inside.wait({{CROSSTIE_FIELD(stock, count), CROSSTIE_EQUAL, 0, 9}}, crosstie::deadline::now()));
    }
    stocks.join();
    crosstie::lock door("condition");
    crosstie::condition open("open");
    {
        auto held = door.take();
        CHECK(!open.wait(held, crosstie::deadline::now()));
        open.notify_all(held);
        held.release();
    }
    crosstie::once init("init");
    bool threw = false;
    try {
        (void)init.call([] { throw 1; });
    } catch (int) {
        threw = true;
    }
    CHECK(threw && init.call([] {}) && !init.call([] {}));
    crosstie::counter items("items", 1);
    items.wait();
    CHECK(!items.try_wait());
    items.post();
    CHECK(items.try_wait());
    bool is_there = false;
    try {
        (void)crosstie::counter::create("items", 1);
    } catch (const crosstie::error &refused) {
        is_there = refused.status() == CROSSTIE_E_ALREADY_EXISTS;
    }
    CHECK(is_there && crosstie::counter::create("slots", 1).try_wait());
    crosstie::event ready("ready");
    ready.set();
    ready.wait();
    ready.clear();
    CHECK(crosstie::barrier("alone", 1).wait());
    std::string name = "/crosstie-test-cpp-" + std::to_string(getpid());
    crosstie::region memory(name, 64, CROSSTIE_REGION_CREATE);
    auto mapped = memory.map();
    CHECK(mapped.second == 64 && static_cast<char *>(mapped.first)[63] == 0);
    crosstie::region::unlink(name);
    crosstie::listener listening("tcp:127.0.0.1:0");
    auto mine = crosstie::connect(listening.address());
    mine.first.send("hello");
    auto theirs = listening.accept();
    CHECK(theirs.second.receive_in_place()->bytes() == "hello");
    return 0;
}

int main()
{
    static_assert(!std::is_copy_constructible_v<crosstie::lock> && std::is_move_constructible_v<crosstie::lock>);
    static_assert(!std::is_copy_constructible_v<crosstie::lock_guard>);
    crosstie::lock door("door");
    std::uint64_t first;
    {
        auto guard = door.take();
        first = guard.token();
        CHECK(!guard.abandoned());
        bool told = false;
        try {
            (void)door.take();
        } catch (const crosstie::error &refused) {
            told = refused.status() == CROSSTIE_E_DEADLOCK && std::strcmp(refused.id(), "deadlock") == 0;
        }
        CHECK(told);
        bool free_elsewhere = true, in_time = true;
        std::thread([&] {
            free_elsewhere = door.try_take().has_value();
            try {
                (void)door.take(crosstie::deadline::in(std::chrono::milliseconds(1)));
            } catch (const crosstie::error &refused) {
                in_time = refused.status() != CROSSTIE_E_TIMED_OUT;
            }
        }).join();
        CHECK(!free_elsewhere && !in_time);
    }
    {
        auto guard = door.try_take();
        CHECK(guard && guard->token() > first);
        guard->release();
    }
    auto one = door.take_shared();
    auto other = door.try_take(CROSSTIE_SHARED);
    CHECK(other);
    crosstie::lock moved = std::move(door);
    CHECK(door.native_handle() == nullptr && moved.native_handle() != nullptr);
    crosstie::semaphore gpus("gpu", 1);
    {
        auto gpu = gpus.acquire();
        bool is_free = true;
        std::thread([&] { is_free = gpus.try_acquire().has_value(); }).join();
        CHECK(gpu.index() == 0 && !is_free);
    }
    CHECK(gpus.try_acquire());
    crosstie::sender out("ring:letters");
    crosstie::receiver in("ring:letters");
    std::string longer(1000, 'x');
    out.send("short");
    out.send(longer);
    CHECK(in.receive() == "short" && in.receive() == longer);
    out.close();
    CHECK(!in.receive());
    bool told = false;
    try {
        crosstie::sender nowhere("unxi:./x");
    } catch (const crosstie::error &refused) {
        told = refused.status() == CROSSTIE_E_USAGE && std::strstr(refused.what(), "did you mean") != nullptr;
    }
    CHECK(told);
    if (the_others() != 0) {
        return 1;
    }
    std::puts("raii: ok");
    return 0;
}
