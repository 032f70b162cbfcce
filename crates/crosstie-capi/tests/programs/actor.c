/* Plays one side of a scenario: reads a command a line, does it, says in one line how it went. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crosstie.h"

#define OPEN_MAX_ 32

struct open {
    char name[256];
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
            snprintf(handles[at].name, sizeof handles[at].name, "%s", name);
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

static void semaphore(const char *verb, const char *name, const char *first, const char *second)
{
    crosstie_error error;
    crosstie_status status;
    char more[256] = "";
    crosstie_semaphore *handle = find(name);
    if (strcmp(verb, "open") == 0) {
        crosstie_semaphore_options options = CROSSTIE_SEMAPHORE_OPTIONS_INIT;
        options.owner = strcmp(second, "process") == 0 ? CROSSTIE_OWNER_PROCESS : CROSSTIE_OWNER_THREAD;
        status = crosstie_semaphore_open(name, (uint32_t)atoi(first), &options, &handle, &error);
        if (status == CROSSTIE_OK) {
            remember(name, handle);
        }
    } else if (strcmp(verb, "acquire") == 0) {
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        status = crosstie_semaphore_acquire(handle, deadline(first), &turn, &error);
        snprintf(more, sizeof more, "index %u", turn.index);
    } else if (strcmp(verb, "release") == 0) {
        status = crosstie_semaphore_release(handle, &error);
    } else {
        status = crosstie_semaphore_close(handle, &error);
    }
    say(status, more, &error);
}

static void counter(const char *verb, const char *name, const char *first)
{
    crosstie_error error;
    crosstie_status status;
    char more[64] = "";
    crosstie_counter *handle = find(name);
    if (strcmp(verb, "create") == 0) {
        status = crosstie_counter_create(name, (uint32_t)atoi(first), NULL, &handle, &error);
        if (status == CROSSTIE_OK) {
            remember(name, handle);
        }
    } else if (strcmp(verb, "open") == 0) {
        status = crosstie_counter_open(name, (uint32_t)atoi(first), NULL, &handle, &error);
        if (status == CROSSTIE_OK) {
            remember(name, handle);
        }
    } else if (strcmp(verb, "post") == 0) {
        status = crosstie_counter_post(handle, &error);
    } else if (strcmp(verb, "wait") == 0) {
        status = crosstie_counter_wait(handle, deadline(first), &error);
    } else if (strcmp(verb, "value") == 0) {
        uint32_t value = 0;
        status = crosstie_counter_value(handle, &value, &error);
        snprintf(more, sizeof more, "%u", value);
    } else {
        status = crosstie_counter_close(handle, &error);
    }
    say(status, more, &error);
}

static void event(const char *verb, const char *name, const char *first)
{
    crosstie_error error;
    crosstie_status status;
    crosstie_event *handle = find(name);
    if (strcmp(verb, "open") == 0) {
        uint32_t reset = strcmp(first, "automatic") == 0 ? CROSSTIE_EVENT_AUTOMATIC : CROSSTIE_EVENT_MANUAL;
        status = crosstie_event_open(name, reset, NULL, &handle, &error);
        if (status == CROSSTIE_OK) {
            remember(name, handle);
        }
    } else if (strcmp(verb, "set") == 0) {
        status = crosstie_event_set(handle, &error);
    } else if (strcmp(verb, "clear") == 0) {
        status = crosstie_event_clear(handle, &error);
    } else if (strcmp(verb, "wait") == 0) {
        status = crosstie_event_wait(handle, deadline(first), &error);
    } else {
        status = crosstie_event_close(handle, &error);
    }
    say(status, "", &error);
}

static void barrier(const char *verb, const char *name, const char *first, const char *second)
{
    crosstie_error error;
    crosstie_status status;
    char more[16] = "";
    crosstie_barrier *handle = find(name);
    if (strcmp(verb, "open") == 0) {
        uint32_t on_death = strcmp(second, "shrinks") == 0 ? CROSSTIE_BARRIER_SHRINKS : CROSSTIE_BARRIER_BREAKS;
        status = crosstie_barrier_open(name, (uint32_t)atoi(first), on_death, NULL, &handle, &error);
        if (status == CROSSTIE_OK) {
            remember(name, handle);
        }
    } else if (strcmp(verb, "wait") == 0) {
        uint32_t leads = 0;
        status = crosstie_barrier_wait(handle, deadline(first), &leads, &error);
        snprintf(more, sizeof more, "%s", leads ? "leads" : "follows");
    } else if (strcmp(verb, "reset") == 0) {
        status = crosstie_barrier_reset(handle, &error);
    } else {
        status = crosstie_barrier_close(handle, &error);
    }
    say(status, more, &error);
}

static void list(void)
{
    static char text[65536];
    crosstie_error error;
    size_t bytes = 0;
    crosstie_status status = crosstie_list(NULL, text, 10, &bytes, &error);
    if (status == CROSSTIE_E_TOO_LARGE && bytes > 10 && bytes < sizeof text) {
        status = crosstie_list(NULL, text, sizeof text, NULL, &error);
    }
    say(status, text, &error);
}

#include "actor_call.h"
#include "actor_meet.h"
#include "actor_talk.h"

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
        if (strcmp(object, "list") == 0) {
            list();
        } else if (strcmp(object, "lock") == 0) {
            lock(verb, name, first, second);
        } else if (strcmp(object, "sem") == 0) {
            semaphore(verb, name, first, second);
        } else if (strcmp(object, "count") == 0) {
            counter(verb, name, first);
        } else if (strcmp(object, "event") == 0) {
            event(verb, name, first);
        } else if (strcmp(object, "barrier") == 0) {
            barrier(verb, name, first, second);
        } else if (strcmp(object, "once") == 0) {
            once_does(verb, name);
        } else if (strcmp(object, "cond") == 0) {
            condition_does(verb, name, first);
        } else if (strcmp(object, "monitor") == 0) {
            monitor_does(verb, name, first);
        } else if (strcmp(object, "tx") == 0) {
            sender_does(verb, name, first);
        } else if (strcmp(object, "rx") == 0) {
            receiver_does(verb, name, first, second);
        } else if (strcmp(object, "client") == 0) {
            client_does(verb, name, first, second);
        } else if (strcmp(object, "server") == 0) {
            server_does(verb, name, first);
        } else {
            return 2;
        }
    }
    return 0;
}
