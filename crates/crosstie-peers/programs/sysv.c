// At most two at a time: a System V semaphore, given back by the kernel.
#include <errno.h>
#include <stdio.h>
#include <sys/sem.h>
#include <unistd.h>

union semun { int val; struct semid_ds *buf; };

int main(void) {
    key_t key = ftok("/tmp", 'g');
    int id = semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
    if (id >= 0) {
        struct sembuf first = {0, 2, 0};
        if (semop(id, &first, 1) != 0) return 1;
    } else {
        if ((id = semget(key, 1, 0600)) < 0) return 1;
        union semun arg;
        struct semid_ds state;
        arg.buf = &state;
        // Made and not yet set: semop tells them apart, by the time of the first one.
        do {
            if (semctl(id, 0, IPC_STAT, arg) != 0) return 1;
            usleep(1000);
        } while (state.sem_otime == 0);
    }
    struct sembuf take = {0, -1, SEM_UNDO}, give = {0, 1, SEM_UNDO};
    while (semop(id, &take, 1) != 0)
        if (errno != EINTR) return 1;
    puts("a GPU, but which?");
    return semop(id, &give, 1) != 0;
}
