/*
 * The textbook's monitor: a bounded buffer that producers and consumers enter one at a time, and wait inside for room or for something
 * to take. There is no notify to forget: whoever leaves wakes who can go on. At the end a producer is killed inside.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.h>

#define ROOM 4
#define TIMES 1000

struct buffer {
    uint32_t count;
    uint32_t first;
    uint64_t items[ROOM];
};

static crosstie_error error;

static int failed(void)
{
    fprintf(stderr, "%s\n", error.text);
    return 1;
}

static int produce(crosstie_monitor *monitor, uint64_t item)
{
    crosstie_comparison has_room = {CROSSTIE_FIELD(struct buffer, count), CROSSTIE_AT_MOST, 0, ROOM - 1};
    struct buffer *buffer;
    void *data;
    if (crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, NULL, &error) < 0 ||
        crosstie_monitor_wait(monitor, &has_room, 1, CROSSTIE_WAIT_FOREVER, NULL, &error) < 0) {
        return failed();
    }
    buffer = data;
    buffer->items[(buffer->first + buffer->count) % ROOM] = item;
    buffer->count++;
    return crosstie_monitor_leave(monitor, &error) < 0 ? failed() : 0;
}

static int consume(crosstie_monitor *monitor, uint64_t *item)
{
    crosstie_comparison has_item = {CROSSTIE_FIELD(struct buffer, count), CROSSTIE_AT_LEAST, 0, 1};
    struct buffer *buffer;
    void *data;
    if (crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, NULL, &error) < 0 ||
        crosstie_monitor_wait(monitor, &has_item, 1, CROSSTIE_WAIT_FOREVER, NULL, &error) < 0) {
        return failed();
    }
    buffer = data;
    *item = buffer->items[buffer->first];
    buffer->first = (buffer->first + 1) % ROOM;
    buffer->count--;
    return crosstie_monitor_leave(monitor, &error) < 0 ? failed() : 0;
}

static int producer(int is_killed_inside)
{
    crosstie_monitor *monitor;
    void *data;
    if (crosstie_monitor_open("buffer", sizeof(struct buffer), NULL, &monitor, &error) < 0) {
        return failed();
    }
    if (is_killed_inside && crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, NULL, &error) == CROSSTIE_OK) {
        kill(getpid(), SIGKILL);
    }
    for (uint64_t item = 1; item <= TIMES; item++) {
        if (produce(monitor, item) != 0) {
            return 1;
        }
    }
    return crosstie_monitor_close(monitor, &error) < 0 ? failed() : 0;
}

int main(void)
{
    crosstie_monitor *monitor;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    uint64_t item = 0, sum = 0;
    int status;
    void *data;
    for (int process = 0; process < 2; process++) {
        if (fork() == 0) {
            _exit(producer(0));
        }
    }
    if (crosstie_monitor_open("buffer", sizeof(struct buffer), NULL, &monitor, &error) < 0) {
        return failed();
    }
    for (int time = 0; time < 2 * TIMES; time++) {
        if (consume(monitor, &item) != 0) {
            return 1;
        }
        sum += item;
    }
    printf("%d items through a buffer of %d: their sum is %llu\n", 2 * TIMES, ROOM, (unsigned long long)sum);
    while (wait(&status) > 0) {
        if (status != 0) {
            return 1;
        }
    }
    if (fork() == 0) {
        _exit(producer(1));
    }
    wait(&status);
    if (crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, &turn, &error) < 0) {
        return failed();
    }
    printf("a producer was killed inside: %s\n", turn.flags & CROSSTIE_ABANDONED ? "the next one is told" : "nobody is told");
    crosstie_monitor_mark_mended(monitor, NULL);
    crosstie_monitor_leave(monitor, NULL);
    return crosstie_monitor_close(monitor, &error) < 0 ? failed() : 0;
}
