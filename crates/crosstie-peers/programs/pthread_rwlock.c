// Raise a counter that processes share: a reader-writer lock of the C library. Its owner must not die.
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared { atomic_int ready; pthread_rwlock_t turn; long visits; };

int main(void) {
    int made = shm_open("/visits", O_RDWR | O_CREAT | O_EXCL, 0600);
    int fd = made >= 0 ? made : shm_open("/visits", O_RDWR, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0) return 1;
    struct shared *it = mmap(0, sizeof *it, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (it == MAP_FAILED) return 1;
    if (made >= 0) {
        pthread_rwlockattr_t how;
        pthread_rwlockattr_init(&how);
        pthread_rwlockattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
        pthread_rwlock_init(&it->turn, &how);
        it->ready = 1;
    }
    // Whoever dies before this is set leaves all others here.
    while (!it->ready) usleep(1000);
    if (pthread_rwlock_wrlock(&it->turn) != 0) return 1;
    it->visits++;
    pthread_rwlock_unlock(&it->turn);
    return 0;
}
