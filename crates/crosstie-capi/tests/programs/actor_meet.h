/* What the actor does once, and its conditions; part of actor.c. */
#ifndef ACTOR_MEET_H
#define ACTOR_MEET_H

/* Whether this call did it. */
static void once_does(const char *verb, const char *name)
{
    crosstie_error error;
    crosstie_once *once;
    uint32_t is_ours = 0;
    crosstie_status status = crosstie_once_open(name, NULL, &once, &error);
    if (status == CROSSTIE_OK && strcmp(verb, "call") == 0) {
        status = crosstie_once_begin(once, CROSSTIE_WAIT_FOREVER, &is_ours, NULL, &error);
        if (status == CROSSTIE_OK && is_ours) {
            status = crosstie_once_done(once, &error);
        }
    }
    say(status, is_ours ? "did" : "was-done", &error);
}

/* The condition and its lock have one name. */
static void condition_does(const char *verb, const char *name, const char *first)
{
    crosstie_error error;
    crosstie_lock *lock = NULL;
    crosstie_condition *condition = NULL;
    crosstie_status status = crosstie_lock_open(name, NULL, &lock, &error);
    if (status == CROSSTIE_OK) {
        status = crosstie_condition_open(name, NULL, &condition, &error);
    }
    if (status == CROSSTIE_OK && strcmp(verb, "open") != 0) {
        status = crosstie_lock_take(lock, CROSSTIE_EXCLUSIVE, CROSSTIE_WAIT_FOREVER, NULL, &error);
        if (status == CROSSTIE_OK && strcmp(verb, "wait") == 0) {
            status = crosstie_condition_wait(condition, lock, deadline(first), NULL, &error);
        } else if (status == CROSSTIE_OK) {
            status = crosstie_condition_notify(condition, lock, 1, &error);
        }
        (void)crosstie_lock_release(lock, NULL);
    }
    (void)crosstie_condition_close(condition, NULL);
    (void)crosstie_lock_close(lock, NULL);
    say(status, "", &error);
}

#endif
