/* A counter in shared memory that two processes raise: without a semaphore, with one, and with one whose owner is killed inside. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.h>

#define TIMES 200000

static volatile uint64_t *counter;

static int raise_it(int with_semaphore)
{
    crosstie_error error;
    crosstie_semaphore *semaphore = NULL;
    if (with_semaphore && crosstie_semaphore_open("counter", 1, NULL, &semaphore, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (int time = 0; time < TIMES; time++) {
        if (with_semaphore && crosstie_semaphore_acquire(semaphore, CROSSTIE_WAIT_FOREVER, NULL, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
        *counter = *counter + 1;
        if (with_semaphore) {
            crosstie_semaphore_release(semaphore, NULL);
        }
    }
    return with_semaphore ? crosstie_semaphore_close(semaphore, NULL) < 0 : 0;
}

static int by_two(int with_semaphore)
{
    int status, failed = 0;
    *counter = 0;
    for (int process = 0; process < 2; process++) {
        if (fork() == 0) {
            _exit(raise_it(with_semaphore));
        }
    }
    while (wait(&status) > 0) {
        failed |= status != 0;
    }
    printf("%s a semaphore: %d times raised, %llu lost\n", with_semaphore ? "with" : "without", 2 * TIMES,
           2ull * TIMES - (unsigned long long)*counter);
    return failed;
}

/* sem_t would be lost here for ever. */
static int killed_inside(void)
{
    crosstie_error error;
    crosstie_semaphore *semaphore;
    int status;
    pid_t child = fork();
    if (child == 0) {
        crosstie_semaphore_open("counter", 1, NULL, &semaphore, NULL);
        crosstie_semaphore_acquire(semaphore, CROSSTIE_WAIT_FOREVER, NULL, NULL);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &status, 0);
    if (crosstie_semaphore_open("counter", 1, NULL, &semaphore, &error) < 0 ||
        crosstie_semaphore_acquire(semaphore, crosstie_in_ns(30000000000u), NULL, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("its owner was killed inside: the next one has it\n");
    crosstie_semaphore_release(semaphore, NULL);
    return crosstie_semaphore_close(semaphore, NULL) < 0;
}

int main(void)
{
    counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counter == MAP_FAILED) {
        return 1;
    }
    return by_two(0) || by_two(1) || killed_inside();
}
