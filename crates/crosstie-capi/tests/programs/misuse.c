/* Whatever C hands in is answered by a status. */
#include <stdint.h>

#include "check.h"

static crosstie_error error;

static void closed_and_forged_handles(void)
{
    crosstie_lock *lock, *again;
    crosstie_lock *forged = (crosstie_lock *)(uintptr_t)0x123457;
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_lock_take(NULL, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_lock_release(NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_lock_close(NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "is not a crosstie_lock", crosstie_lock_close(forged, &error));
    ANSWERS(CROSSTIE_E_USAGE, "is not a crosstie_lock", crosstie_lock_close((crosstie_lock *)&lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("m", NULL, &lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_lock_close(lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already",
            crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    /* The next handle may have the same place; the old one still leads nowhere. */
    for (int count = 0; count < 1100; count++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("m", NULL, &again, &error));
        CHECK(again != lock);
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(again, &error));
    }
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_lock_release(lock, &error));
}

static void wrong_arguments(void)
{
    crosstie_lock *lock = (crosstie_lock *)&lock;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    ANSWERS(CROSSTIE_E_USAGE, "NULL in the place of the lock's name", crosstie_lock_open(NULL, NULL, &lock, &error));
    CHECK(lock == NULL);
    ANSWERS(CROSSTIE_E_USAGE, "NULL in the place of where", crosstie_lock_open("m", NULL, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "a name has", crosstie_lock_open("a/b", NULL, &lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "a name has", crosstie_lock_open("", NULL, &lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "UTF-8", crosstie_lock_open("\xff", NULL, &lock, &error));
    options.owner = 7;
    ANSWERS(CROSSTIE_E_USAGE, "7 is no owner", crosstie_lock_open("m", &options, &lock, &error));
    options.owner = 0;
    options.make = 9;
    ANSWERS(CROSSTIE_E_USAGE, "9 is no kind", crosstie_lock_open("m", &options, &lock, &error));
    options.make = 0;
    options.domain = "/proc/nowhere";
    CHECK(crosstie_lock_open("m", &options, &lock, &error) < 0);
    CHECK(crosstie_lock_open("m", &options, &lock, NULL) < 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("m", NULL, &lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "5 is neither", crosstie_lock_take(lock, 5, CROSSTIE_TRY, &turn, &error));
    turn.size = 0;
    ANSWERS(CROSSTIE_E_USAGE, "INIT", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    ANSWERS(CROSSTIE_E_USAGE, "does not have lock:m", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "does not have lock:m", crosstie_lock_mark_mended(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_DEADLOCK, "deadlock of 1",
            crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &error));
    ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_lock_close(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

/* As a program would have them that was compiled with a newer header, or an older one. */
static void structs_of_other_sizes(void)
{
    struct {
        crosstie_lock_options known;
        uint64_t newer[4];
    } grown;
    struct {
        crosstie_turn known;
        uint64_t newer;
    } turn;
    crosstie_lock *lock;
    memset(&grown, 0, sizeof grown);
    grown.known.size = sizeof grown;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("m", &grown.known, &lock, &error));
    memset(&turn, 0x5a, sizeof turn);
    turn.known.size = sizeof turn;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn.known, &error));
    CHECK(turn.known.size == sizeof turn && turn.known.flags == 0 && turn.newer == 0x5a5a5a5a5a5a5a5a);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
    grown.newer[3] = 1;
    ANSWERS(CROSSTIE_E_UNSUPPORTED, "newer library", crosstie_lock_open("m", &grown.known, &lock, &error));
    grown.known.size = 8;
    ANSWERS(CROSSTIE_E_USAGE, "INIT", crosstie_lock_open("m", &grown.known, &lock, &error));
    grown.known.size = (size_t)-1;
    ANSWERS(CROSSTIE_E_USAGE, "INIT", crosstie_lock_open("m", &grown.known, &lock, &error));
}

static void handles_of_another_type(void)
{
    crosstie_semaphore *semaphore;
    crosstie_counter *counter;
    uint32_t value;
    ANSWERS(CROSSTIE_OK, "", crosstie_semaphore_open("s", 1, NULL, &semaphore, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not a crosstie_lock", crosstie_lock_release((crosstie_lock *)semaphore, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not a crosstie_lock", crosstie_lock_close((crosstie_lock *)semaphore, &error));
    ANSWERS(CROSSTIE_E_USAGE, "has no permit", crosstie_semaphore_release(semaphore, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_semaphore_close(semaphore, &error));
    ANSWERS(CROSSTIE_E_MISMATCH, "", crosstie_semaphore_open("s", 2, NULL, &semaphore, &error));
    ANSWERS(CROSSTIE_E_USAGE, "permits", crosstie_semaphore_open("s", 0, NULL, &semaphore, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_open("c", 3, NULL, &counter, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL in the place of where the value", crosstie_counter_value(counter, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_value(counter, &value, &error));
    CHECK(value == 3);
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_close(counter, &error));
}

static void more_turns_than_there_is_room_for(void)
{
    crosstie_lock *lock;
    int taken = 0;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("shared", NULL, &lock, &error));
    while (crosstie_lock_take(lock, CROSSTIE_SHARED, CROSSTIE_TRY, NULL, &error) == CROSSTIE_OK) {
        taken++;
    }
    CHECK(taken == 64);
    while (taken-- > 0) {
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    }
    ANSWERS(CROSSTIE_E_USAGE, "does not have", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

static void turns_are_released_in_any_order(uint32_t make)
{
    crosstie_lock *locks[3];
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    char name[32];
    options.make = make;
    for (int at = 0; at < 3; at++) {
        snprintf(name, sizeof name, "order-%u-%d", make, at);
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_open(name, &options, &locks[at], &error));
        for (uint64_t time = 1; time <= 3; time++) {
            memset(&turn, 0x5a, sizeof turn);
            turn.size = sizeof turn;
            ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(locks[at], CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
            CHECK(turn.token == time && turn.flags == 0 && turn.index == 0 && turn.dead_who[0] == '\0');
            CHECK(time == 3 || crosstie_lock_release(locks[at], &error) == CROSSTIE_OK);
        }
    }
    for (int at = 0; at < 3; at++) {
        ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_lock_close(locks[at], &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(locks[at], &error));
        ANSWERS(CROSSTIE_E_USAGE, "does not have", crosstie_lock_release(locks[at], &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(locks[at], &error));
    }
}

int main(void)
{
    CHECK(strcmp(crosstie_status_name(CROSSTIE_E_TIMED_OUT), "timed-out") == 0);
    CHECK(strcmp(crosstie_status_name(1), "unknown") == 0 && strcmp(crosstie_status_text(0), "done") == 0);
    CHECK(crosstie_abi_check(CROSSTIE_VERSION_NUMBER) == CROSSTIE_OK);
    CHECK(crosstie_abi_check(CROSSTIE_VERSION_NUMBER + 1000) == CROSSTIE_E_MISMATCH);
    CHECK(crosstie_version_number() == CROSSTIE_VERSION_NUMBER && crosstie_version()[0] == '0');
    CHECK(crosstie_in_ns(UINT64_MAX) == CROSSTIE_WAIT_FOREVER && crosstie_now_ns() < crosstie_in_ns(1000000000));
    closed_and_forged_handles();
    wrong_arguments();
    structs_of_other_sizes();
    handles_of_another_type();
    more_turns_than_there_is_room_for();
    turns_are_released_in_any_order(CROSSTIE_LOCK_READERS_WRITER);
    turns_are_released_in_any_order(CROSSTIE_LOCK_MUTEX);
    ANSWERS(CROSSTIE_E_NOT_FOUND, "", crosstie_remove("lock:nobody", NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "no kind", crosstie_remove("m", NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "working directories", crosstie_remove("lock:m", "relative", &error));
    ANSWERS(CROSSTIE_E_USAGE, "no kind of object", crosstie_remove("queue:m", NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_remove("lock:m", NULL, &error));
    puts("misuse: ok");
    return 0;
}
