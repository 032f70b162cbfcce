/*
 * A program that knows nothing of Crosstie: it opens a named semaphore and does in order what it is told.
 *
 *     ./sem_open /items 0 wait post value pause unlink
 *
 * What it opens is `posix:/items` to `crosstie wait`, `crosstie post`, Rust, Python, and crosstie_counter_open.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int does(const char *verb, const char *name, sem_t *items)
{
    int value;
    if (strcmp(verb, "wait") == 0) {
        return sem_wait(items);
    }
    if (strcmp(verb, "post") == 0) {
        return sem_post(items);
    }
    if (strcmp(verb, "unlink") == 0) {
        return sem_unlink(name);
    }
    if (strcmp(verb, "value") == 0 && sem_getvalue(items, &value) == 0) {
        printf("value %d\n", value);
        return 0;
    }
    /* Until somebody says go on. */
    return strcmp(verb, "pause") == 0 && getchar() != EOF ? 0 : -1;
}

int main(int count, char **words)
{
    sem_t *items;
    if (count < 3) {
        fprintf(stderr, "usage: %s /NAME VALUE wait|post|value|pause|unlink...\n", words[0]);
        return 2;
    }
    items = sem_open(words[1], O_CREAT, 0600, (unsigned)atoi(words[2]));
    if (items == SEM_FAILED) {
        perror(words[1]);
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int word = 3; word < count; word++) {
        if (does(words[word], words[1], items) != 0) {
            perror(words[word]);
            return 1;
        }
        printf("%s done\n", words[word]);
    }
    return sem_close(items);
}
