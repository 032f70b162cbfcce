/* Conditions, monitors and what is done once: as they should be used, and as they should not. */
#include <pthread.h>
#include <stdint.h>

#include "check.h"

struct stock {
    uint32_t count;
    int32_t change;
    uint64_t served;
};

static crosstie_error error;
static struct stock plain;

static void *notifies(void *nothing)
{
    crosstie_error refused;
    crosstie_lock *lock;
    crosstie_condition *filled;
    CHECK(crosstie_lock_open("stock", NULL, &lock, &refused) == CROSSTIE_OK);
    CHECK(crosstie_condition_open("filled", NULL, &filled, &refused) == CROSSTIE_OK);
    /* Only when the other waits is the lock free. */
    CHECK(crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &refused) == CROSSTIE_OK);
    plain.count = 1;
    CHECK(crosstie_condition_notify(filled, lock, 1, &refused) == CROSSTIE_OK);
    CHECK(crosstie_lock_release(lock, &refused) == CROSSTIE_OK);
    CHECK(crosstie_condition_close(filled, &refused) == CROSSTIE_OK && crosstie_lock_close(lock, &refused) == CROSSTIE_OK);
    return nothing;
}

static void conditions_of(uint32_t make, const char *name)
{
    crosstie_lock *lock;
    crosstie_condition *filled;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    pthread_t thread;
    options.make = make;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open(name, &options, &lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_condition_open("filled", NULL, &filled, &error));
    ANSWERS(CROSSTIE_E_USAGE, "no turn", crosstie_condition_wait(filled, lock, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "no turn", crosstie_condition_notify(filled, lock, CROSSTIE_ALL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_condition_wait(filled, NULL, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not a crosstie_lock",
            crosstie_condition_wait(filled, (crosstie_lock *)filled, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    turn.size = 3;
    ANSWERS(CROSSTIE_E_USAGE, "INIT", crosstie_condition_wait(filled, lock, CROSSTIE_TRY, &turn, &error));
    turn.size = sizeof turn;
    ANSWERS(CROSSTIE_E_TIMED_OUT, "the lock is held",
            crosstie_condition_wait(filled, lock, crosstie_in_ns(1000000), &turn, &error));
    CHECK(turn.token == 2 && turn.flags == 0);
    ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_lock_close(lock, &error));
    plain.count = 0;
    CHECK(strcmp(name, "stock") != 0 || pthread_create(&thread, NULL, notifies, NULL) == 0);
    while (strcmp(name, "stock") == 0 && plain.count == 0) {
        ANSWERS(CROSSTIE_OK, "", crosstie_condition_wait(filled, lock, CROSSTIE_WAIT_FOREVER, &turn, &error));
    }
    CHECK(strcmp(name, "stock") != 0 || pthread_join(thread, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_E_USAGE, "does not have", crosstie_lock_release(lock, &error));
    if (make == CROSSTIE_LOCK_READERS_WRITER) {
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_SHARED, CROSSTIE_TRY, NULL, &error));
        ANSWERS(CROSSTIE_E_USAGE, "shared with", crosstie_condition_wait(filled, lock, CROSSTIE_TRY, NULL, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_condition_close(filled, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_condition_close(filled, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_condition_notify(filled, lock, 1, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

static void a_lock_of_the_process_is_refused(void)
{
    crosstie_lock *lock;
    crosstie_condition *filled;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    options.owner = CROSSTIE_OWNER_PROCESS;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("stock", &options, &lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_condition_open("filled", NULL, &filled, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "no turn", crosstie_condition_wait(filled, lock, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_condition_close(filled, &error));
}

static void *stocks(void *nothing)
{
    crosstie_error refused;
    crosstie_monitor *monitor;
    void *data;
    CHECK(crosstie_monitor_open("shop", sizeof(struct stock), NULL, &monitor, &refused) == CROSSTIE_OK);
    for (int piece = 0; piece < 3; piece++) {
        CHECK(crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, NULL, &refused) == CROSSTIE_OK);
        ((struct stock *)data)->count++;
        CHECK(crosstie_monitor_leave(monitor, &refused) == CROSSTIE_OK);
    }
    CHECK(crosstie_monitor_close(monitor, &refused) == CROSSTIE_OK);
    return nothing;
}

static void wrong_comparisons(crosstie_monitor *monitor)
{
    crosstie_comparison need = {CROSSTIE_FIELD(struct stock, count), CROSSTIE_AT_LEAST, 0, 1};
    crosstie_comparison needs[4];
    for (int at = 0; at < 4; at++) {
        needs[at] = need;
    }
    ANSWERS(CROSSTIE_E_USAGE, "1 to 3", crosstie_monitor_wait(monitor, needs, 4, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "1 to 3", crosstie_monitor_wait(monitor, needs, 0, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "1 to 3", crosstie_monitor_wait(monitor, NULL, 1, CROSSTIE_TRY, NULL, &error));
    need.offset = sizeof(struct stock);
    ANSWERS(CROSSTIE_E_USAGE, "lies at 16", crosstie_monitor_wait(monitor, &need, 1, CROSSTIE_TRY, NULL, &error));
    need.offset = (size_t)-2;
    ANSWERS(CROSSTIE_E_USAGE, "lies at", crosstie_monitor_wait(monitor, &need, 1, CROSSTIE_TRY, NULL, &error));
    need.offset = 1;
    ANSWERS(CROSSTIE_E_USAGE, "lies at 1", crosstie_monitor_wait(monitor, &need, 1, CROSSTIE_TRY, NULL, &error));
    need.offset = 0;
    need.bytes = 3;
    ANSWERS(CROSSTIE_E_USAGE, "3 bytes", crosstie_monitor_wait(monitor, &need, 1, CROSSTIE_TRY, NULL, &error));
    need.bytes = 4;
    need.relation = 9;
    ANSWERS(CROSSTIE_E_USAGE, "no relation", crosstie_monitor_wait(monitor, &need, 1, CROSSTIE_TRY, NULL, &error));
    need.relation = CROSSTIE_AT_MOST;
    need.number = (uint64_t)1 << 32;
    ANSWERS(CROSSTIE_E_USAGE, "no number of 4", crosstie_monitor_wait(monitor, &need, 1, CROSSTIE_TRY, NULL, &error));
}

static void monitors(void)
{
    crosstie_monitor *monitor, *other;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_comparison three = {CROSSTIE_FIELD(struct stock, count), CROSSTIE_AT_LEAST, 0, 3};
    crosstie_comparison negative = {CROSSTIE_FIELD(struct stock, change), CROSSTIE_AT_MOST, 1, (uint64_t)-1};
    pthread_t thread;
    void *data;
    ANSWERS(CROSSTIE_E_USAGE, "1 to 32768", crosstie_monitor_open("shop", 0, NULL, &monitor, &error));
    ANSWERS(CROSSTIE_E_USAGE, "1 to 32768", crosstie_monitor_open("shop", 32769, NULL, &monitor, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_open("large", 32768, NULL, &other, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_close(other, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_open("shop", sizeof(struct stock), NULL, &monitor, &error));
    ANSWERS(CROSSTIE_E_MISMATCH, "16 bytes", crosstie_monitor_open("shop", 24, NULL, &other, &error));
    CHECK(other == NULL);
    ANSWERS(CROSSTIE_E_USAGE, "not inside", crosstie_monitor_leave(monitor, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not inside", crosstie_monitor_mark_mended(monitor, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not inside", crosstie_monitor_wait(monitor, &three, 1, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_monitor_enter(monitor, CROSSTIE_TRY, NULL, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_enter(monitor, CROSSTIE_TRY, &data, &turn, &error));
    CHECK(turn.flags == 0 && (uintptr_t)data % 8 == 0 && ((struct stock *)data)->count == 0);
    ANSWERS(CROSSTIE_E_DEADLOCK, "deadlock of 1",
            crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, NULL, &error));
    CHECK(data == NULL);
    ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_monitor_close(monitor, &error));
    wrong_comparisons(monitor);
    ANSWERS(CROSSTIE_E_TIMED_OUT, "in time", crosstie_monitor_wait(monitor, &three, 1, CROSSTIE_TRY, NULL, &error));
    CHECK(pthread_create(&thread, NULL, stocks, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_wait(monitor, &three, 1, CROSSTIE_WAIT_FOREVER, &turn, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_leave(monitor, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, NULL, &error));
    CHECK(((struct stock *)data)->count == 3);
    ((struct stock *)data)->change = -1;
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_wait(monitor, &negative, 1, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_leave(monitor, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_monitor_close(monitor, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_monitor_leave(monitor, &error));
}

static void done_once(void)
{
    crosstie_once *once;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    uint32_t is_ours = 9;
    ANSWERS(CROSSTIE_OK, "", crosstie_once_open("init", NULL, &once, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_once_begin(once, CROSSTIE_TRY, NULL, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not doing", crosstie_once_done(once, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_once_begin(once, CROSSTIE_TRY, &is_ours, &turn, &error));
    CHECK(is_ours == 1 && turn.flags == 0);
    ANSWERS(CROSSTIE_E_DEADLOCK, "", crosstie_once_begin(once, CROSSTIE_WAIT_FOREVER, &is_ours, NULL, &error));
    CHECK(is_ours == 0);
    ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_once_close(once, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_once_give_up(once, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_once_begin(once, CROSSTIE_TRY, &is_ours, &turn, &error));
    CHECK(is_ours == 1 && turn.flags == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_once_done(once, &error));
    ANSWERS(CROSSTIE_E_USAGE, "not doing", crosstie_once_give_up(once, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_once_begin(once, CROSSTIE_TRY, &is_ours, &turn, &error));
    CHECK(is_ours == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_once_close(once, &error));
}

int main(void)
{
    conditions_of(CROSSTIE_LOCK_READERS_WRITER, "stock");
    conditions_of(CROSSTIE_LOCK_MUTEX, "mutex");
    a_lock_of_the_process_is_refused();
    monitors();
    done_once();
    puts("waits: ok");
    return 0;
}
