/* Ten lines: a lock that any process of this user can have, whatever becomes of its owner. */
#include <stdio.h>
#include <crosstie.h>

int main(void)
{
    crosstie_lock *lock;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    crosstie_error error;
    if (crosstie_lock_open("first", NULL, &lock, &error) < 0 ||
        crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, crosstie_in_ns(5000000000u), &turn, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("it is our turn, number %llu\n", (unsigned long long)turn.token);
    if (turn.flags & CROSSTIE_ABANDONED) {
        printf("%s died while it had the lock\n", turn.dead_who);
    }
    crosstie_lock_release(lock, NULL);
    crosstie_lock_close(lock, NULL);
    return 0;
}
