/*
 * The textbook's shared memory, shm_open, ftruncate and mmap, with a counter that two processes raise: without a semaphore updates are lost,
 * with a named one none. Nothing here is Crosstie's; `crosstie region read /NAME` shows the memory, `posix:/NAME` is the semaphore.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES 200000

static int raise_it(volatile unsigned long *counter, sem_t *semaphore)
{
    for (int time = 0; time < TIMES; time++) {
        if (semaphore != NULL && sem_wait(semaphore) < 0) {
            return 1;
        }
        *counter = *counter + 1;
        if (semaphore != NULL) {
            sem_post(semaphore);
        }
    }
    return 0;
}

static int by_two(volatile unsigned long *counter, sem_t *semaphore)
{
    int status, failed = 0;
    *counter = 0;
    for (int process = 0; process < 2; process++) {
        if (fork() == 0) {
            _exit(raise_it(counter, semaphore));
        }
    }
    while (wait(&status) > 0) {
        failed |= status != 0;
    }
    printf("%s a semaphore: %d times raised, %lu lost\n", semaphore != NULL ? "with" : "without", 2 * TIMES,
           2ul * TIMES - *counter);
    return failed;
}

int main(int count, char **words)
{
    const char *name = count > 1 ? words[1] : "/shared_counter";
    volatile unsigned long *counter;
    sem_t *semaphore;
    char *text;
    int failed, memory = shm_open(name, O_CREAT | O_RDWR, 0600);
    if (memory < 0 || ftruncate(memory, 4096) < 0) {
        perror(name);
        return 1;
    }
    counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    semaphore = sem_open(name, O_CREAT, 0600, 1);
    if (counter == MAP_FAILED || semaphore == SEM_FAILED) {
        perror(name);
        return 1;
    }
    failed = by_two(counter, NULL) || by_two(counter, semaphore);
    text = (char *)(counter + 1);
    sprintf(text, "%lu", *counter);
    if (count < 3) {
        shm_unlink(name);
        sem_unlink(name);
    }
    return failed;
}
