// The C++ header: guards release, handles close, refusals are thrown.
#include <cassert>
#include <cstdio>
#include <cstring>
#include <thread>
#include <type_traits>

#include "crosstie.hpp"

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
            return 1; \
        } \
    } while (0)

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
    std::puts("raii: ok");
    return 0;
}
