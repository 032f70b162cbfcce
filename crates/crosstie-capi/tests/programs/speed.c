/* Nanoseconds for a lock and its release, alone: the median of some rounds. `speed KIND` with KIND of 0 to 2, as in crosstie.h. */
#include <stdio.h>
#include <stdlib.h>

#include "crosstie.h"

#define ROUNDS 31
#define PAIRS 200000

static int in_order(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

int main(int count, char **arguments)
{
    crosstie_lock_options options = CROSSTIE_LOCK_OPTIONS_INIT;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_lock *lock;
    double rounds[ROUNDS];
    char name[16];
    options.make = count > 1 ? (uint32_t)atoi(arguments[1]) : 0;
    snprintf(name, sizeof name, "speed%u", options.make);
    if (crosstie_lock_open(name, &options, &lock, NULL) < 0) {
        return 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begun = crosstie_now_ns();
        for (int pair = 0; pair < PAIRS; pair++) {
            if (crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, &turn, NULL) < 0 ||
                crosstie_lock_release(lock, NULL) < 0) {
                return 2;
            }
        }
        rounds[round] = (double)(crosstie_now_ns() - begun) / PAIRS;
    }
    if (turn.token < (uint64_t)ROUNDS * PAIRS) {
        return 3;
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], in_order);
    printf("%.1f (%.1f - %.1f)\n", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
    return 0;
}
