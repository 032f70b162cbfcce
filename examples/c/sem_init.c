/* The textbook's semaphore between parent and child. Many pass 0 for pshared: then a post wakes nobody in another process. */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Whether the process sleeps, as /proc says. */
static int is_asleep(pid_t pid)
{
    char path[64], line[512] = "";
    FILE *file;
    char *state;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    state = fgets(line, sizeof line, file) == NULL ? NULL : strrchr(line, ')');
    fclose(file);
    return state != NULL && state[1] == ' ' && state[2] == 'S';
}

/* 0 when the child was woken, 1 when it slept on until it gave up. */
static int post_to_a_sleeping_child(int pshared)
{
    int status;
    pid_t child;
    sem_t *semaphore = mmap(NULL, sizeof *semaphore, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (semaphore == MAP_FAILED || sem_init(semaphore, pshared, 0) < 0) {
        return -1;
    }
    child = fork();
    if (child == 0) {
        struct timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += pshared ? 30 : 2;
        _exit(sem_timedwait(semaphore, &end) == 0 ? 0 : errno == ETIMEDOUT ? 1 : 2);
    }
    while (!is_asleep(child)) {
    }
    sem_post(semaphore);
    if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status)) {
        return -1;
    }
    sem_destroy(semaphore);
    munmap(semaphore, sizeof *semaphore);
    return WEXITSTATUS(status);
}

int main(void)
{
    int with_0 = post_to_a_sleeping_child(0), with_1 = post_to_a_sleeping_child(1);
    printf("pshared 0: %s\n", with_0 == 1 ? "the child slept on after the post" : "the child was woken");
    printf("pshared 1: %s\n", with_1 == 0 ? "the child was woken" : "the child slept on after the post");
    return with_1 != 0;
}
