/* Many replies to one call: in order, whole, cancelled, refused, cut off by a death, and no more than the caller takes. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define SECOND 1000000000u

static crosstie_error error;
static crosstie_server *server;
static crosstie_client *client;

static void open_both(const char *address)
{
    ANSWERS(CROSSTIE_OK, "", crosstie_server_open(address, NULL, &server, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_client_open(address, NULL, &client, &error));
}

static void close_both(void)
{
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

static crosstie_replies *asked(const char *text, uint64_t deadline_ns)
{
    crosstie_replies *replies;
    ANSWERS(CROSSTIE_OK, "", crosstie_client_stream(client, text, strlen(text), deadline_ns, &replies, &error));
    return replies;
}

static crosstie_reply_stream *answering(const char *text)
{
    crosstie_call_in_hand *call;
    crosstie_reply_stream *stream;
    crosstie_message request = CROSSTIE_MESSAGE_INIT;
    crosstie_call_state state = CROSSTIE_CALL_STATE_INIT;
    ANSWERS(CROSSTIE_OK, "", crosstie_server_take(server, crosstie_in_ns(30ull * SECOND), &call, &request, &error));
    CHECK(request.bytes == strlen(text) && memcmp(request.data, text, request.bytes) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_call_look(call, &state, &error));
    CHECK(state.flags == CROSSTIE_CALL_STREAM);
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_call_stream(call, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_call_stream(call, &stream, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_call_look(call, &state, &error));
    return stream;
}

static void sends(crosstie_reply_stream *stream, const char *text)
{
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_send(stream, text, strlen(text), CROSSTIE_WAIT_FOREVER, &error));
}

/* That the next reply is `text`; NULL: that there is none any more. */
static void gets(crosstie_replies *replies, const char *text)
{
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    ANSWERS(CROSSTIE_OK, "", crosstie_replies_next(replies, CROSSTIE_WAIT_FOREVER, &message, &error));
    CHECK((message.data == NULL) == (text == NULL));
    CHECK(text == NULL || (message.bytes == strlen(text) && memcmp(message.data, text, message.bytes) == 0));
}

static void is_over(crosstie_replies *replies, crosstie_status status, uint32_t code, const char *words)
{
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    ANSWERS(status, words, crosstie_replies_next(replies, CROSSTIE_WAIT_FOREVER, &message, &error));
    CHECK(error.code == code);
    gets(replies, NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_replies_close(replies, &error));
}

static void they_come_in_order_and_end(void)
{
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    crosstie_replies *replies = asked("count", CROSSTIE_WAIT_FOREVER), *others = asked("others", CROSSTIE_WAIT_FOREVER);
    crosstie_reply_stream *stream = answering("count"), *beside = answering("others");
    uint32_t cancelled = 7;
    ANSWERS(CROSSTIE_E_BUSY, "", crosstie_replies_next(replies, CROSSTIE_TRY, &message, &error));
    CHECK(error.code == 0);
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_replies_next(replies, CROSSTIE_TRY, NULL, &error));
    sends(stream, "one");
    sends(beside, "eins");
    sends(stream, "");
    gets(replies, "one");
    gets(others, "eins");
    sends(stream, "three");
    gets(replies, "");
    gets(replies, "three");
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_look(stream, &cancelled, &error));
    CHECK(cancelled == 0);
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_stream_look(stream, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_end(stream, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_stream_end(stream, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_stream_send(stream, "x", 1, CROSSTIE_TRY, &error));
    gets(replies, NULL);
    gets(replies, NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_replies_close(replies, &error));
    /* What ends without its end is not taken for whole. */
    sends(beside, "zwei");
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_close(beside, &error));
    gets(others, "zwei");
    is_over(others, CROSSTIE_E_FAILED, 125, "without an answer");
}

static void a_refusal_comes_behind_the_replies(void)
{
    crosstie_replies *replies = asked("half", CROSSTIE_WAIT_FOREVER);
    crosstie_reply_stream *stream = answering("half");
    sends(stream, "the first half");
    ANSWERS(CROSSTIE_E_USAGE, "no status", crosstie_stream_refuse_with(stream, 0, 0, "", &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_refuse_with(stream, CROSSTIE_E_NO_SPACE, 28, "no second half", &error));
    gets(replies, "the first half");
    is_over(replies, CROSSTIE_E_NO_SPACE, 28, "no second half");
}

static void who_closes_them_is_seen(void)
{
    uint32_t cancelled = 0;
    crosstie_replies *replies = asked("endless", CROSSTIE_WAIT_FOREVER);
    crosstie_reply_stream *stream = answering("endless");
    sends(stream, "one");
    gets(replies, "one");
    ANSWERS(CROSSTIE_OK, "", crosstie_replies_close(replies, &error));
    for (uint64_t end = crosstie_in_ns(30ull * SECOND); !cancelled;) {
        CHECK(crosstie_now_ns() < end);
        ANSWERS(CROSSTIE_OK, "", crosstie_stream_look(stream, &cancelled, &error));
    }
    ANSWERS(CROSSTIE_E_CLOSED, "", crosstie_stream_send(stream, "two", 3, CROSSTIE_WAIT_FOREVER, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_end(stream, &error));
}

#define PARTS 40
static char part[64 << 10];

static void *takes_all(void *replies)
{
    crosstie_error said;
    for (int at = 0; at < PARTS; at++) {
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        CHECK(crosstie_replies_next(replies, CROSSTIE_WAIT_FOREVER, &message, &said) == CROSSTIE_OK);
        CHECK(message.bytes == sizeof part);
    }
    return NULL;
}

static void who_does_not_take_them_holds_the_server_up(void)
{
    int sent = 0;
    pthread_t taker;
    crosstie_status status;
    crosstie_replies *replies = asked("much", crosstie_in_ns(60ull * SECOND));
    crosstie_reply_stream *stream = answering("much");
    while ((status = crosstie_stream_send(stream, part, sizeof part, CROSSTIE_TRY, &error)) == CROSSTIE_OK) {
        sent++;
        CHECK(sent <= 8);
    }
    CHECK(status == CROSSTIE_E_BUSY && sent > 0);
    ANSWERS(CROSSTIE_E_TIMED_OUT, "", crosstie_stream_send(stream, part, sizeof part, crosstie_in_ns(1000000), &error));
    CHECK(pthread_create(&taker, NULL, takes_all, replies) == 0);
    for (; sent < PARTS; sent++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_stream_send(stream, part, sizeof part, crosstie_in_ns(30ull * SECOND), &error));
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_stream_end(stream, &error));
    CHECK(pthread_join(taker, NULL) == 0);
    gets(replies, NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_replies_close(replies, &error));
}

static void a_call_has_its_deadline(void)
{
    crosstie_replies *replies;
    crosstie_status status =
        crosstie_client_stream(client, "late", 4, crosstie_in_ns(20000000), &replies, &error);
    /* On a busy machine it may be late before it is sent. */
    CHECK(status == CROSSTIE_OK || status == CROSSTIE_E_TIMED_OUT);
    if (status == CROSSTIE_OK) {
        is_over(replies, CROSSTIE_E_TIMED_OUT, 0, "");
    }
}

static void who_takes_one_reply_gets_one_or_is_told(void)
{
    crosstie_pending *pending;
    crosstie_reply *reply;
    crosstie_reply_stream *stream;
    crosstie_call_in_hand *call;
    crosstie_replies *replies;
    ANSWERS(CROSSTIE_OK, "",
            crosstie_call_start(client, "one", 3, CROSSTIE_WAIT_FOREVER, NULL, &pending, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_take(server, CROSSTIE_WAIT_FOREVER, &call, NULL, &error));
    ANSWERS(CROSSTIE_E_MISMATCH, "takes one", crosstie_call_stream(call, &stream, &error));
    CHECK(stream == NULL);
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_call_close(call, &error));
    ANSWERS(CROSSTIE_E_MISMATCH, "takes one",
            crosstie_pending_reply(pending, CROSSTIE_WAIT_FOREVER, &reply, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(pending, &error));
    /* A stream may be one reply. */
    replies = asked("many", CROSSTIE_WAIT_FOREVER);
    ANSWERS(CROSSTIE_OK, "", crosstie_server_take(server, CROSSTIE_WAIT_FOREVER, &call, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_call_reply(call, "only this", 9, &error));
    gets(replies, "only this");
    gets(replies, NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_replies_close(replies, &error));
}

static void a_killed_server_is_told_behind_its_replies(const char *address)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        ANSWERS(CROSSTIE_OK, "", crosstie_server_open(address, NULL, &server, &error));
        sends(answering("and then"), "one");
        raise(SIGKILL);
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_client_open(address, NULL, &client, &error));
    crosstie_replies *replies = asked("and then", CROSSTIE_WAIT_FOREVER);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    gets(replies, "one");
    is_over(replies, CROSSTIE_E_PEER_DIED, 0, "died with the call in hand");
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
}

int main(void)
{
    const char *addresses[] = {"unix:./stream.sock", "queue:stream"};
    alarm(100);
    for (int at = 0; at < 2; at++) {
        open_both(addresses[at]);
        they_come_in_order_and_end();
        a_refusal_comes_behind_the_replies();
        who_closes_them_is_seen();
        who_does_not_take_them_holds_the_server_up();
        a_call_has_its_deadline();
        who_takes_one_reply_gets_one_or_is_told();
        close_both();
        a_killed_server_is_told_behind_its_replies(addresses[at]);
    }
    puts("streams: ok");
    return 0;
}
