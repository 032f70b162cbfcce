/* The actor's calls; part of actor.c. */
#ifndef ACTOR_CALL_H
#define ACTOR_CALL_H

static void client_does(const char *verb, const char *address, const char *first, const char *second)
{
    crosstie_error error;
    crosstie_status status;
    char text[256] = "";
    crosstie_message reply = CROSSTIE_MESSAGE_INIT;
    crosstie_client *client = find(address);
    if (strcmp(verb, "open") == 0) {
        status = crosstie_client_open(address, NULL, &client, &error);
        if (status == CROSSTIE_OK) {
            remember(address, client);
        }
    } else if (strcmp(verb, "call") == 0) {
        status = crosstie_call(client, second, strlen(second), text, sizeof text - 1, deadline(first), &reply, &error);
    } else {
        status = crosstie_client_close(client, &error);
    }
    say(status, text, &error);
}

static void server_does(const char *verb, const char *address, const char *text)
{
    crosstie_error error;
    crosstie_status status;
    char asked[256] = "";
    crosstie_server *server = find(address);
    if (strcmp(verb, "open") == 0) {
        status = crosstie_server_open(address, NULL, &server, &error);
        if (status == CROSSTIE_OK) {
            remember(address, server);
        }
    } else if (strcmp(verb, "close") == 0) {
        status = crosstie_server_close(server, &error);
    } else {
        crosstie_call_in_hand *call;
        crosstie_message request = CROSSTIE_MESSAGE_INIT;
        status = crosstie_server_take(server, CROSSTIE_WAIT_FOREVER, &call, &request, &error);
        if (status == CROSSTIE_OK) {
            snprintf(asked, sizeof asked, "%.*s", (int)request.bytes, (const char *)request.data);
            if (strcmp(verb, "answer") == 0) {
                status = crosstie_call_reply(call, text, strlen(text), &error);
            } else if (strcmp(verb, "refuse") == 0) {
                status = crosstie_call_refuse(call, text, &error);
            }
        }
        /* What is answered is closed. */
        if (status == CROSSTIE_OK && strcmp(verb, "hold") != 0 && crosstie_call_close(call, NULL) != CROSSTIE_E_USAGE) {
            status = 1;
        }
    }
    say(status, asked, &error);
}

#endif
