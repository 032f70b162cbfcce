/* Prints the text that another program left in POSIX shared memory, then removes its name:
 *
 *     cc -o read_region read_region.c
 *     crosstie region create /my_region --size 4KiB
 *     printf 'Shared data' | crosstie region write /my_region && ./read_region
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "/my_region";
    struct stat about;

    int fd = shm_open(name, O_RDONLY, 0);
    if (fd == -1 || fstat(fd, &about) == -1) {
        perror(name);
        return 1;
    }
    const char *shared = mmap(NULL, about.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    /* the other program promises no NUL at the end: never read beyond the region */
    printf("%.*s\n", (int)about.st_size, shared);
    return shm_unlink(name) == -1;
}
