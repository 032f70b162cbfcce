// Raise a counter that processes share: a mutex of the C library whose owner may die.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared { atomic_int ready; pthread_mutex_t turn; long visits; };

int main(void) {
    int made = shm_open("/visits", O_RDWR | O_CREAT | O_EXCL, 0600);
    int fd = made >= 0 ? made : shm_open("/visits", O_RDWR, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0) return 1;
    struct shared *it = mmap(0, sizeof *it, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (it == MAP_FAILED) return 1;
    if (made >= 0) {
        pthread_mutexattr_t how;
        pthread_mutexattr_init(&how);
        pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&it->turn, &how);
        it->ready = 1;
    }
    // Whoever dies before this is set leaves all others here.
    while (!it->ready) usleep(1000);
    int got = pthread_mutex_lock(&it->turn);
    if (got == EOWNERDEAD) got = pthread_mutex_consistent(&it->turn);
    if (got != 0) return 1;
    it->visits++;
    pthread_mutex_unlock(&it->turn);
    return 0;
}
