/* A mutex around data in shared memory, whose owner is killed halfway: the next one is told, and mends them. */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.h>

/* Together they are 100, except halfway through a transfer. */
struct accounts {
    volatile int one, other;
};

static crosstie_lock *open_mutex(void)
{
    crosstie_error error;
    crosstie_lock *mutex = NULL;
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    options.make = CROSSTIE_LOCK_MUTEX;
    if (crosstie_lock_open("accounts", &options, &mutex, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    return mutex;
}

int main(void)
{
    struct accounts *accounts = mmap(NULL, sizeof *accounts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_error error;
    crosstie_lock *mutex;
    int status;
    pid_t child;
    if (accounts == MAP_FAILED) {
        return 1;
    }
    accounts->one = 100;
    child = fork();
    if (child == 0) {
        mutex = open_mutex();
        crosstie_lock_take(mutex, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, NULL);
        accounts->one -= 30;
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &status, 0);
    mutex = open_mutex();
    if (crosstie_lock_take(mutex, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, &turn, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    if (turn.flags & CROSSTIE_ABANDONED && turn.dead_pid == (unsigned)child) {
        printf("its owner died halfway: %d + %d\n", accounts->one, accounts->other);
        accounts->other = 100 - accounts->one;
        crosstie_lock_mark_mended(mutex, NULL);
    }
    printf("mended: %d + %d\n", accounts->one, accounts->other);
    crosstie_lock_release(mutex, NULL);
    return crosstie_lock_close(mutex, NULL) < 0;
}
