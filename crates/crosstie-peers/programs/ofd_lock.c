// One at a time at a file: an open file description lock.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int main(void) {
    int fd = open("/tmp/printer.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return 1;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, F_OFD_SETLKW, &whole) != 0)
        if (errno != EINTR) return 1;
    puts("one at a time");
    whole.l_type = F_UNLCK;
    return fcntl(fd, F_OFD_SETLK, &whole) != 0;
}
