/* A child of fork has none of its parent's handles and turns, and what it does with them changes nothing there. */
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void *opens(void *lock)
{
    crosstie_error error;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("other", NULL, lock, &error));
    return NULL;
}

/* The first handle of the child is another thread's, and the thread that came along uses it. */
static void a_thread_of_the_child_is_first(void)
{
    crosstie_error error;
    crosstie_lock *other;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, opens, &other) == 0 && pthread_join(thread, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(other, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_BUSY, "has a turn", crosstie_lock_close(other, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(other, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(other, &error));
}

/* Waits for a lock that it does not get, while its process forks. */
static void *waits(void *lock)
{
    (void)crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, crosstie_in_ns(2000000000u), NULL, NULL);
    return NULL;
}

/* A thread of the child, which has the place of the one that waited. */
static void *comes_after(void *parents)
{
    crosstie_error error;
    crosstie_lock *own;
    ANSWERS(CROSSTIE_E_USAGE, "before a fork",
            crosstie_lock_take(parents, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("after", NULL, &own, &error));
    for (int time = 0; time < 3; time++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(own, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(own, &error));
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(own, &error));
    return NULL;
}

/* Of the thread that was inside a call nothing is left in the child, whoever has its place there. */
static void a_thread_was_inside(crosstie_lock *held)
{
    pthread_t thread;
    int status;
    int is_waiting;
    pid_t child;
    CHECK(pthread_create(&thread, NULL, waits, held) == 0);
    /* poll: it waits */
    do {
        size_t bytes = 0;
        static char list[65536];
        (void)sched_yield();
        CHECK(crosstie_list(NULL, list, sizeof list, &bytes, NULL) == CROSSTIE_OK);
        is_waiting = strstr(list, "\"waits_for\"") != NULL;
    } while (!is_waiting);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(pthread_create(&thread, NULL, comes_after, held) == 0 && pthread_join(thread, NULL) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static int in_a_child(crosstie_lock *parents, crosstie_lock *held, crosstie_lock *mutex)
{
    crosstie_error error;
    crosstie_lock *own;
    ANSWERS(CROSSTIE_E_USAGE, "before a fork",
            crosstie_lock_take(parents, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "before a fork", crosstie_lock_release(held, &error));
    ANSWERS(CROSSTIE_E_USAGE, "before a fork", crosstie_lock_release(mutex, &error));
    ANSWERS(CROSSTIE_E_USAGE, "before a fork",
            crosstie_lock_take(mutex, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    a_thread_of_the_child_is_first();
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("held", NULL, &own, &error));
    ANSWERS(CROSSTIE_E_BUSY, "held by", crosstie_lock_take(own, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "does not have", crosstie_lock_release(own, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(held, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_lock_close(held, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(parents, &error));
    ANSWERS(CROSSTIE_E_BUSY, "held by", crosstie_lock_take(own, CROSSTIE_SHARED, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(own, &error));
    return 0;
}

int main(void)
{
    crosstie_error error;
    crosstie_lock *lock, *held, *mutex;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    int status;
    pid_t child;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("free", NULL, &lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("held", NULL, &held, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(held, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    options.make = CROSSTIE_LOCK_MUTEX;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("mutex", &options, &mutex, &error));
    for (int time = 0; time < 2; time++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(mutex, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
        CHECK(time == 1 || crosstie_lock_release(mutex, &error) == CROSSTIE_OK);
    }
    a_thread_was_inside(held);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        _exit(in_a_child(lock, held, mutex));
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(held, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(held, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    CHECK(turn.flags == 0 && turn.token == 2);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(held, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(held, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(mutex, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(mutex, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
    puts("forked: ok");
    return 0;
}
