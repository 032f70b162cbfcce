/* Several threads and one handle: whose a turn is, who may close, and what a signal handler may not. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static crosstie_lock *lock;
static volatile sig_atomic_t refused;
static int waiter_tid;

static void *releases(void *wanted)
{
    crosstie_error error;
    crosstie_status status = crosstie_lock_release(lock, &error);
    CHECK(status == *(crosstie_status *)wanted);
    return NULL;
}

static void in_a_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void *takes_and_ends(void *nothing)
{
    crosstie_error error;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &error));
    return nothing;
}

static void what_a_thread_takes_is_its_own(void)
{
    crosstie_error error;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_status usage = CROSSTIE_E_USAGE;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("own", NULL, &lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, &turn, &error));
    in_a_thread(releases, &usage);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    /* A thread's end is an owner's death, and the handle is good for the others. */
    in_a_thread(takes_and_ends, NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, &turn, &error));
    CHECK(turn.flags == CROSSTIE_ABANDONED && turn.dead_pid == (uint32_t)getpid() && turn.token == 3);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

static void what_a_process_takes_any_thread_releases(void)
{
    crosstie_error error;
    crosstie_status ok = CROSSTIE_OK, usage = CROSSTIE_E_USAGE;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    options.owner = CROSSTIE_OWNER_PROCESS;
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("process", &options, &lock, &error));
    in_a_thread(takes_and_ends, NULL);
    ANSWERS(CROSSTIE_E_BUSY, "is held", crosstie_lock_close(lock, &error));
    in_a_thread(releases, &ok);
    in_a_thread(releases, &usage);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

static void *waits(void *nothing)
{
    crosstie_error error;
    __atomic_store_n(&waiter_tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    return nothing;
}

static void handler(int number)
{
    crosstie_error error;
    (void)number;
    if (crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error) == CROSSTIE_E_USAGE &&
        strstr(error.text, "signal handler") != NULL) {
        refused = 1;
    }
}

/* Until the waiter sleeps inside its call: before that a handler could interrupt what is no call of this library, malloc for one, which
   no handler may call again. futex_waitv, in which it sleeps, is 449 everywhere; older kernels have no such call. */
static void until_it_sleeps(void)
{
    char path[64], call[5] = "";
    int tid;
    while ((tid = __atomic_load_n(&waiter_tid, __ATOMIC_ACQUIRE)) == 0) {
        sched_yield();
    }
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
    const char *asleep = syscall(449, NULL, 0, 0, NULL, 0) == -1 && errno == ENOSYS ? "202 " : "449 ";
    while (strncmp(call, asleep, 4) != 0) {
        FILE *told = fopen(path, "r");
        CHECK(told != NULL);
        CHECK(fgets(call, sizeof call, told) != NULL);
        fclose(told);
        sched_yield();
    }
}

/* While a thread waits: its handle cannot be closed, a handler that interrupts it is refused, and it goes on. */
static void a_thread_that_waits(void)
{
    crosstie_error error;
    pthread_t waiter;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("waited", NULL, &lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_TRY, NULL, &error));
    CHECK(pthread_create(&waiter, NULL, waits, NULL) == 0);
    until_it_sleeps();
    CHECK(pthread_kill(waiter, SIGUSR1) == 0);
    while (!refused) {
        sched_yield();
    }
    ANSWERS(CROSSTIE_E_BUSY, "inside a call", crosstie_lock_close(lock, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(lock, &error));
    CHECK(pthread_join(waiter, NULL) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(lock, &error));
}

static long counted;

static void *counts(void *nothing)
{
    crosstie_error error;
    for (int turn = 0; turn < 2000; turn++) {
        crosstie_lock *mine;
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_open("counted", NULL, &mine, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_take(mine, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &error));
        counted++;
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_release(mine, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_lock_close(mine, &error));
    }
    return nothing;
}

static void threads_open_take_and_close_at_once(void)
{
    pthread_t threads[4];
    for (int at = 0; at < 4; at++) {
        CHECK(pthread_create(&threads[at], NULL, counts, NULL) == 0);
    }
    for (int at = 0; at < 4; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    CHECK(counted == 8000);
}

int main(void)
{
    what_a_thread_takes_is_its_own();
    what_a_process_takes_any_thread_releases();
    a_thread_that_waits();
    threads_open_take_and_close_at_once();
    puts("threads: ok");
    return 0;
}
