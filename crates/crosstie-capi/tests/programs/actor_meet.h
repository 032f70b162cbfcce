/* What the actor does once, its conditions and its monitors; part of actor.c. */
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

/* A count in a monitor: who takes waits until there is one. */
static void monitor_does(const char *verb, const char *name, const char *first)
{
    static const crosstie_comparison one = {0, sizeof(uint64_t), CROSSTIE_AT_LEAST, 0, 1};
    crosstie_error error;
    crosstie_turn turn = CROSSTIE_TURN_INIT;
    char more[128] = "";
    void *data = NULL;
    crosstie_status status = CROSSTIE_OK;
    crosstie_monitor *monitor = find(name);
    int stays = strcmp(verb, "enter") == 0, is_inside = strcmp(verb, "leave") == 0;
    if (strcmp(verb, "open") == 0) {
        status = crosstie_monitor_open(name, sizeof(uint64_t), NULL, &monitor, &error);
        if (status == CROSSTIE_OK) {
            remember(name, monitor);
        }
        say(status, "", &error);
        return;
    }
    if (!is_inside) {
        status = crosstie_monitor_enter(monitor, CROSSTIE_WAIT_FOREVER, &data, &turn, &error);
        is_inside = status == CROSSTIE_OK;
    }
    if (is_inside && strcmp(verb, "take") == 0) {
        status = crosstie_monitor_wait(monitor, &one, 1, deadline(first), &turn, &error);
        is_inside = status == CROSSTIE_OK || status == CROSSTIE_E_TIMED_OUT;
        if (status == CROSSTIE_OK) {
            int length = snprintf(more, sizeof more, "%llu left", (unsigned long long)--*(uint64_t *)data);
            if (turn.flags & CROSSTIE_ABANDONED) {
                snprintf(more + length, sizeof more - (size_t)length, " abandoned %u %s", turn.dead_pid, turn.dead_who);
            }
        }
    } else if (is_inside && (stays || strcmp(verb, "add") == 0)) {
        ++*(uint64_t *)data;
    } else if (is_inside && strcmp(verb, "mend") == 0) {
        status = crosstie_monitor_mark_mended(monitor, &error);
    }
    if (is_inside && !stays) {
        crosstie_status left = crosstie_monitor_leave(monitor, status == CROSSTIE_OK ? &error : NULL);
        status = status == CROSSTIE_OK ? left : status;
    }
    say(status, more, &error);
}

#endif
