/* Writes "Shared data" into POSIX shared memory. Any program may read it, Crosstie's too:
 *
 *     cc -o write_region write_region.c && ./write_region && crosstie region read /my_region --text
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "/my_region";
    const size_t size = 4096;

    int fd = shm_open(name, O_CREAT | O_RDWR, 0600);
    if (fd == -1 || ftruncate(fd, size) == -1) {
        perror(name);
        return 1;
    }
    char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    sprintf(shared, "Shared data");
    return 0;
}
