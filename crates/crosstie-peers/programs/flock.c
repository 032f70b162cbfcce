// One at a time at a file: flock(2).
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

int main(void) {
    int fd = open("/tmp/printer.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return 1;
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) return 1;
    puts("one at a time");
    return flock(fd, LOCK_UN) != 0;
}
