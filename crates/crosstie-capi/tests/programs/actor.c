/* Plays one side of a scenario: reads a command a line, does it, says in one line how it went. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crosstie.h"

#define OPEN_MAX_ 32

struct open {
    char name[64];
    void *handle;
};

static struct open handles[OPEN_MAX_];

static void *find(const char *name)
{
    for (int at = 0; at < OPEN_MAX_; at++) {
        if (handles[at].handle != NULL && strcmp(handles[at].name, name) == 0) {
            return handles[at].handle;
        }
    }
    return NULL;
}

static void remember(const char *name, void *handle)
{
    for (int at = 0; at < OPEN_MAX_; at++) {
        if (handles[at].handle == NULL || strcmp(handles[at].name, name) == 0) {
            snprintf(handles[at].name, sizeof handles[at].name, "%.63s", name);
            handles[at].handle = handle;
            return;
        }
    }
}

/* One line: the status's name, then more, or what went wrong with its line ends turned into bars. */
static void say(crosstie_status status, const char *more, const crosstie_error *error)
{
    printf("@%s ", crosstie_status_name(status));
    for (const char *at = status == CROSSTIE_OK ? more : error->text; *at != '\0'; at++) {
        putchar(*at == '\n' ? '|' : *at);
    }
    putchar('\n');
    fflush(stdout);
}

static uint64_t deadline(const char *word)
{
    if (strcmp(word, "forever") == 0) {
        return CROSSTIE_WAIT_FOREVER;
    }
    return strcmp(word, "try") == 0 ? CROSSTIE_TRY : crosstie_in_ns(strtoull(word, NULL, 10) * 1000000u);
}

static void describe(char *more, size_t bytes, const crosstie_turn *turn)
{
    int length = snprintf(more, bytes, "token %llu", (unsigned long long)turn->token);
    if (turn->flags & CROSSTIE_ABANDONED) {
        snprintf(more + length, bytes - (size_t)length, " abandoned %u %s", turn->dead_pid, turn->dead_who);
    }
}

static void lock(const char *verb, const char *name, const char *first, const char *second)
{
    crosstie_error error;
    crosstie_status status;
    char more[256] = "";
    crosstie_lock *handle = find(name);
    if (strcmp(verb, "open") == 0) {
        crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
        options.make = strcmp(first, "mutex") == 0 ? CROSSTIE_LOCK_MUTEX : CROSSTIE_LOCK_READERS_WRITER;
        options.owner = strcmp(second, "process") == 0 ? CROSSTIE_OWNER_PROCESS : CROSSTIE_OWNER_THREAD;
        status = crosstie_lock_open(name, &options, &handle, &error);
        if (status == CROSSTIE_OK) {
            remember(name, handle);
        }
    } else if (strcmp(verb, "take") == 0) {
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        uint32_t access = strcmp(first, "shared") == 0 ? CROSSTIE_SHARED : CROSSTIE_EXCLUSIVE;
        status = crosstie_lock_take(handle, access, deadline(second), &turn, &error);
        describe(more, sizeof more, &turn);
    } else if (strcmp(verb, "release") == 0) {
        status = crosstie_lock_release(handle, &error);
    } else if (strcmp(verb, "mend") == 0) {
        status = crosstie_lock_mark_mended(handle, &error);
    } else {
        status = crosstie_lock_close(handle, &error);
    }
    say(status, more, &error);
}

int main(void)
{
    char line[1024];
    if (crosstie_abi_check(CROSSTIE_VERSION_NUMBER) != CROSSTIE_OK) {
        return 1;
    }
    printf("@ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char object[16] = "", verb[32] = "", name[256] = "", first[256] = "", second[256] = "";
        if (sscanf(line, "%15s %31s %255s %255s %255s", object, verb, name, first, second) < 1) {
            continue;
        }
        if (strcmp(object, "lock") == 0) {
            lock(verb, name, first, second);
        } else {
            return 2;
        }
    }
    return 0;
}
