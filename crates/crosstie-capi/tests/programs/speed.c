/* What a pair of calls costs in C, measured beside Rust by examples/speed.rs, which asks for one round after the other: a byte on
 * standard input begins a round, its nanoseconds stand on standard output.
 *
 *     speed lock KIND        takes and releases a lock that nobody else wants; KIND as in crosstie.h
 *     speed ask THERE BACK   64 bytes through the ring THERE and back
 *     speed echo THERE BACK  the other side of that
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crosstie.h"

#define PAIRS 200000
#define TRIPS 5000

static crosstie_lock *lock;
static crosstie_sender *sender;
static crosstie_receiver *receiver;
static crosstie_turn turn = CROSSTIE_TURN_INIT;
static char message[64];

static int take_and_release(void)
{
    return crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, &turn, NULL) < 0 ||
           crosstie_lock_release(lock, NULL) < 0;
}

static int there_and_back(void)
{
    return crosstie_send(sender, message, sizeof message, CROSSTIE_WAIT_FOREVER, NULL) < 0 ||
           crosstie_receive(receiver, message, sizeof message, CROSSTIE_WAIT_FOREVER, NULL, NULL) < 0;
}

static int echo(void)
{
    while (crosstie_receive(receiver, message, sizeof message, CROSSTIE_WAIT_FOREVER, NULL, NULL) == CROSSTIE_OK) {
        if (crosstie_send(sender, message, sizeof message, CROSSTIE_WAIT_FOREVER, NULL) < 0) {
            return 1;
        }
    }
    return 0;
}

static int rounds(int (*once)(void), int count)
{
    while (getchar() != EOF) {
        uint64_t begun = crosstie_now_ns();
        for (int at = 0; at < count; at++) {
            if (once() != 0) {
                return 1;
            }
        }
        printf("%.2f\n", (double)(crosstie_now_ns() - begun) / count);
        fflush(stdout);
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "lock") == 0) {
        crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
        options.make = (uint32_t)atoi(arguments[2]);
        return crosstie_lock_open(options.make == CROSSTIE_LOCK_MUTEX ? "mutex" : "lock", &options, &lock, NULL) < 0 ||
               rounds(take_and_release, PAIRS) != 0 || turn.token < PAIRS;
    }
    if (count == 4 && strcmp(arguments[1], "ask") == 0) {
        return crosstie_sender_open(arguments[2], NULL, &sender, NULL) < 0 ||
               crosstie_receiver_open(arguments[3], NULL, &receiver, NULL) < 0 || rounds(there_and_back, TRIPS) != 0;
    }
    if (count == 4 && strcmp(arguments[1], "echo") == 0) {
        return crosstie_receiver_open(arguments[2], NULL, &receiver, NULL) < 0 ||
               crosstie_sender_open(arguments[3], NULL, &sender, NULL) < 0 || echo() != 0;
    }
    return 2;
}
