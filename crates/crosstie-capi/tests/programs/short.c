/* The second time that a thread takes a lock it goes a shorter way. Whatever is refused the first time is refused there too. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"

static crosstie_error error;

static crosstie_lock *opened(const char *name, uint32_t make)
{
    crosstie_lock *lock;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    options.make = make;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open(name, &options, &lock, &error));
    return lock;
}

static void take(crosstie_lock *lock)
{
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
}

static void release(crosstie_lock *lock)
{
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
}

static void close_it(crosstie_lock *lock)
{
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

static void a_handle_that_is_closed_or_used_wrongly(uint32_t make)
{
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_lock *lock = opened(make ? "wrong-mutex" : "wrong", make);
    for (int time = 0; time < 3; time++) {
        take(lock);
        ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_lock_close(lock, &error));
        ANSWERS(CROSSTIE_E_DEADLOCK, "deadlock of 1",
                crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_mark_mended(lock, &error));
        release(lock);
        ANSWERS(CROSSTIE_E_USAGE, "does not have", crosstie_lock_release(lock, &error));
    }
    turn.size = 3;
    ANSWERS(CROSSTIE_E_USAGE, "INIT", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    ANSWERS(CROSSTIE_E_USAGE, "5 is neither", crosstie_lock_take(lock, 5, CROSSTIE_TRY, NULL, &error));
    turn.size = sizeof turn;
    memset(turn.dead_who, 'x', sizeof turn.dead_who);
    turn.flags = turn.index = turn.dead_pid = 7;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    CHECK(turn.token == 4 && turn.flags == 0 && turn.index == 0 && turn.dead_pid == 0 && turn.dead_who[0] == 0);
    release(lock);
    close_it(lock);
    /* Another handle at its place is none of the old one. */
    crosstie_lock *other = opened("other", make);
    ANSWERS(CROSSTIE_E_USAGE, "closed already",
            crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    take(other);
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_lock_release(lock, &error));
    release(other);
    close_it(other);
}

static void several_at_once(void)
{
    enum { COUNT = 30 };
    crosstie_lock *locks[COUNT];
    char name[32];
    for (int at = 0; at < COUNT; at++) {
        snprintf(name, sizeof name, "several%d", at);
        locks[at] = opened(name, at % 2 ? CROSSTIE_LOCK_MUTEX : CROSSTIE_LOCK_READERS_WRITER);
    }
    for (int time = 0; time < 3; time++) {
        for (int at = 0; at < COUNT; at++) {
            take(locks[at]);
        }
        /* Not in the order in which they were taken. */
        for (int at = 0; at < COUNT; at += 2) {
            release(locks[at]);
        }
        for (int at = 1; at < COUNT; at += 2) {
            release(locks[at]);
        }
    }
    for (int at = 0; at < COUNT; at++) {
        close_it(locks[at]);
    }
}

static crosstie_lock *shared_lock, *first_lock;

static void *takes_again_and_again(void *holds)
{
    crosstie_error mine;
    for (int time = 0; time < 3; time++) {
        CHECK(crosstie_lock_take(shared_lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &mine) == CROSSTIE_OK);
        if (time < 2 || holds == NULL) {
            CHECK(crosstie_lock_release(shared_lock, &mine) == CROSSTIE_OK);
        }
    }
    return NULL;
}

static int told, go_on;

static void *takes_and_waits(void *nothing)
{
    /* The first call of a thread goes the long way; the second must not go the way of another thread. */
    CHECK(crosstie_lock_take(first_lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, NULL) == CROSSTIE_OK);
    CHECK(crosstie_lock_release(first_lock, NULL) == CROSSTIE_OK);
    CHECK(crosstie_lock_take(shared_lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, NULL) == CROSSTIE_OK);
    __atomic_store_n(&told, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
    CHECK(crosstie_lock_release(shared_lock, NULL) == CROSSTIE_OK);
    return nothing;
}

/* A thread that has the stack of one that ended is another owner, and lives. */
static void a_thread_in_the_place_of_another(uint32_t make)
{
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    pthread_t thread;
    int holds = 1;
    shared_lock = opened(make ? "place-mutex" : "place", make);
    first_lock = opened("first", make);
    CHECK(pthread_create(&thread, NULL, takes_again_and_again, NULL) == 0 && pthread_join(thread, NULL) == 0);
    told = go_on = 0;
    CHECK(pthread_create(&thread, NULL, takes_and_waits, NULL) == 0);
    while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
    ANSWERS(CROSSTIE_E_BUSY, "held by", crosstie_lock_take(shared_lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    __atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(thread, NULL) == 0);
    /* And its end, while it has it, is told, also to who has taken it often. */
    take(shared_lock);
    release(shared_lock);
    CHECK(pthread_create(&thread, NULL, takes_again_and_again, &holds) == 0 && pthread_join(thread, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(shared_lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    CHECK(turn.flags == CROSSTIE_ABANDONED);
    release(shared_lock);
    /* Free, and a mutex still to be mended: that is told on the short way too. */
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(shared_lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    CHECK(turn.flags == (make ? CROSSTIE_ABANDONED : 0));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_mark_mended(shared_lock, &error));
    release(shared_lock);
    take(shared_lock);
    release(shared_lock);
    close_it(first_lock);
    close_it(shared_lock);
}

static crosstie_lock *of_handler;
static volatile sig_atomic_t refusals, takings;

static void handler(int number)
{
    crosstie_error mine;
    crosstie_status status = crosstie_lock_take(of_handler, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &mine);
    (void)number;
    if (status == CROSSTIE_OK) {
        takings++;
        CHECK(crosstie_lock_release(of_handler, &mine) == CROSSTIE_OK);
    } else {
        CHECK(status == CROSSTIE_E_USAGE && strstr(mine.text, "signal handler") != NULL);
        refusals++;
    }
}

static int is_over;

static void *signals(void *whom)
{
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        CHECK(pthread_kill(*(pthread_t *)whom, SIGUSR1) == 0);
        sched_yield();
    }
    return NULL;
}

/* A handler anywhere in a short call is refused or has its turn, and nobody's turn is lost. */
static void a_handler_at_any_instruction(uint32_t make)
{
    crosstie_lock *lock = opened(make ? "handled-mutex" : "handled", make);
    pthread_t main_thread = pthread_self(), thread;
    struct sigaction action;
    of_handler = opened("of-handler", make);
    take(of_handler);
    release(of_handler);
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    refusals = takings = is_over = 0;
    CHECK(pthread_create(&thread, NULL, signals, &main_thread) == 0);
    for (long time = 0; time < 20000 || (refusals < 20 || takings < 20); time++) {
        take(lock);
        release(lock);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(thread, NULL) == 0);
    close_it(of_handler);
    close_it(lock);
}

static crosstie_receiver *receiver;

static void *receives(void *nothing)
{
    char byte;
    for (int time = 0; time < 2; time++) {
        CHECK(crosstie_receive(receiver, &byte, 1, CROSSTIE_WAIT_FOREVER, NULL, NULL) == CROSSTIE_OK);
        __atomic_store_n(&told, 1, __ATOMIC_RELEASE);
    }
    return nothing;
}

/* An end is one thread's at a time: the first comes without asking, and still a second one is refused while it is inside. */
static void an_end_of_several_threads(void)
{
    crosstie_sender *sender;
    pthread_t thread;
    char byte = 'b';
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_open("ring:ends", NULL, &receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_open("ring:ends", NULL, &sender, &error));
    for (int time = 0; time < 3; time++) {
        crosstie_status status;
        told = 0;
        ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, &byte, 1, CROSSTIE_TRY, &error));
        CHECK(pthread_create(&thread, NULL, receives, NULL) == 0);
        while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE)) {
            sched_yield();
        }
        do {
            status = crosstie_receive(receiver, &byte, 1, CROSSTIE_TRY, NULL, &error);
        } while (status == CROSSTIE_E_BUSY && strstr(error.text, "another thread") == NULL);
        CHECK(status == CROSSTIE_E_BUSY);
        ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, &byte, 1, CROSSTIE_TRY, &error));
        CHECK(pthread_join(thread, NULL) == 0);
        /* Then it is this thread's turn, and the other's again. */
        ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, &byte, 1, CROSSTIE_TRY, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_receive(receiver, &byte, 1, CROSSTIE_WAIT_FOREVER, NULL, &error));
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_close(sender, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(receiver, &error));
}

int main(void)
{
    /* A hang is a failure, and leaves nobody behind. */
    alarm(100);
    for (uint32_t make = CROSSTIE_LOCK_READERS_WRITER; make <= CROSSTIE_LOCK_MUTEX; make++) {
        a_handle_that_is_closed_or_used_wrongly(make);
        a_thread_in_the_place_of_another(make);
        a_handler_at_any_instruction(make);
    }
    several_at_once();
    an_end_of_several_threads();
    puts("short: ok");
    return 0;
}
