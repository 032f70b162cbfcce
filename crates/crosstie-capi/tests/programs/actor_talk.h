/* The actor's messages; part of actor.c. */
#ifndef ACTOR_TALK_H
#define ACTOR_TALK_H

#include <poll.h>

static crosstie_status loan(crosstie_sender *sender, const char *text, crosstie_error *error)
{
    size_t bytes = strlen(text), half = bytes / 2;
    crosstie_status status = crosstie_sender_reserve(sender, bytes + 9, CROSSTIE_WAIT_FOREVER, error);
    if (status == CROSSTIE_OK) {
        /* While room is lent nothing else is sent, and nothing is written outside of it. */
        if (crosstie_send(sender, text, bytes, CROSSTIE_TRY, error) != CROSSTIE_E_BUSY ||
            crosstie_sender_write(sender, bytes, text, 10, error) != CROSSTIE_E_USAGE) {
            return 1;
        }
        status = crosstie_sender_cancel(sender, error);
    }
    if (status == CROSSTIE_OK) {
        status = crosstie_sender_reserve(sender, bytes, CROSSTIE_WAIT_FOREVER, error);
    }
    if (status == CROSSTIE_OK) {
        status = crosstie_sender_write(sender, half, text + half, bytes - half, error);
    }
    if (status == CROSSTIE_OK) {
        status = crosstie_sender_write(sender, 0, text, half, error);
    }
    return status == CROSSTIE_OK ? crosstie_sender_commit(sender, error) : status;
}

static void sender_does(const char *verb, const char *address, const char *text)
{
    crosstie_error error;
    crosstie_status status;
    crosstie_sender *sender = find(address);
    if (strcmp(verb, "put") == 0) {
        status = crosstie_sender_open(address, NULL, &sender, &error);
        if (status == CROSSTIE_OK) {
            status = crosstie_send(sender, text, strlen(text), CROSSTIE_WAIT_FOREVER, &error);
            (void)crosstie_sender_close(sender, NULL);
        }
    } else if (strcmp(verb, "open") == 0) {
        crosstie_end_options options = CROSSTIE_END_OPTIONS_INIT;
        status = crosstie_sender_open(address, &options, &sender, &error);
        if (status == CROSSTIE_OK) {
            remember(address, sender);
        }
    } else if (strcmp(verb, "send") == 0) {
        status = crosstie_send(sender, text, strlen(text), CROSSTIE_WAIT_FOREVER, &error);
    } else if (strcmp(verb, "loan") == 0) {
        status = loan(sender, text, &error);
    } else {
        status = crosstie_sender_close(sender, &error);
    }
    say(status, "", &error);
}

/* Waits as a loop of events does: arm, poll, receive. */
static crosstie_status wait_in_poll(crosstie_receiver *receiver, char *text, size_t room, crosstie_message *message,
                                    crosstie_error *error)
{
    struct pollfd wanted = {-1, POLLIN, 0};
    crosstie_status status = crosstie_receiver_fd(receiver, &wanted.fd, error);
    while (status == CROSSTIE_OK) {
        uint32_t is_ready = 0;
        status = crosstie_receive(receiver, text, room, CROSSTIE_TRY, message, error);
        if (status != CROSSTIE_E_BUSY) {
            return status;
        }
        status = crosstie_receiver_arm(receiver, &is_ready, error);
        if (status == CROSSTIE_OK && !is_ready && poll(&wanted, 1, -1) < 0) {
            return 1;
        }
    }
    return status;
}

static void receiver_does(const char *verb, const char *address, const char *first, const char *second)
{
    crosstie_error error;
    crosstie_status status;
    char text[256] = "";
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    crosstie_receiver *receiver = find(address);
    if (strcmp(verb, "open") == 0) {
        status = crosstie_receiver_open(address, NULL, &receiver, &error);
        if (status == CROSSTIE_OK) {
            remember(address, receiver);
        }
    } else if (strcmp(verb, "recv") == 0) {
        size_t room = (size_t)atoi(second);
        status = crosstie_receive(receiver, text, room < sizeof text ? room : sizeof text - 1, deadline(first),
                                  &message, &error);
    } else if (strcmp(verb, "poll") == 0) {
        status = wait_in_poll(receiver, text, sizeof text - 1, &message, &error);
    } else if (strcmp(verb, "job") == 0) {
        status = crosstie_receive_job(receiver, deadline(first), &message, &error);
        if (status == CROSSTIE_OK) {
            snprintf(text, sizeof text, "%u %.*s", message.deliveries, (int)message.bytes, (const char *)message.data);
        }
    } else if (strcmp(verb, "done") == 0) {
        status = crosstie_job_done(receiver, &error);
    } else if (strcmp(verb, "fail") == 0) {
        status = crosstie_job_fail(receiver, &error);
    } else {
        status = crosstie_receiver_close(receiver, &error);
    }
    say(status, text, &error);
}

#endif
