/* Calls as client and server see them: what a call in hand says, refusals with codes, calls in flight, cancelled and idempotent ones, a server that stops. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define SECOND 1000000000u

static crosstie_error error;

static crosstie_server *served(const char *address, const crosstie_end_options *options)
{
    crosstie_server *server;
    ANSWERS(CROSSTIE_OK, "", crosstie_server_open(address, options, &server, &error));
    return server;
}

static crosstie_client *calling(const char *address)
{
    crosstie_client *client;
    ANSWERS(CROSSTIE_OK, "", crosstie_client_open(address, NULL, &client, &error));
    return client;
}

static crosstie_pending *started(crosstie_client *client, const char *text, uint64_t deadline_ns, uint64_t flags)
{
    crosstie_pending *pending;
    crosstie_call_options options = CROSSTIE_CALL_OPTIONS_INIT;
    options.flags = flags;
    ANSWERS(CROSSTIE_OK, "",
            crosstie_call_start(client, text, strlen(text), deadline_ns, &options, &pending, &error));
    return pending;
}

static crosstie_call_in_hand *taken(crosstie_server *server, const char *text)
{
    crosstie_call_in_hand *call;
    crosstie_message request = CROSSTIE_MESSAGE_INIT;
    ANSWERS(CROSSTIE_OK, "", crosstie_server_take(server, crosstie_in_ns(30ull * SECOND), &call, &request, &error));
    CHECK(request.bytes == strlen(text) && memcmp(request.data, text, request.bytes) == 0);
    return call;
}

static crosstie_call_state looked(crosstie_call_in_hand *call)
{
    crosstie_call_state state = CROSSTIE_CALL_STATE_INIT;
    ANSWERS(CROSSTIE_OK, "", crosstie_call_look(call, &state, &error));
    return state;
}

/* That the reply comes, and is `text`; frees both. */
static void replied(crosstie_pending *pending, const char *text)
{
    crosstie_reply *reply;
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    ANSWERS(CROSSTIE_OK, "", crosstie_pending_reply(pending, CROSSTIE_WAIT_FOREVER, &reply, &message, &error));
    CHECK(message.bytes == strlen(text) && memcmp(message.data, text, message.bytes) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_reply_close(reply, &error));
    ANSWERS(CROSSTIE_E_CLOSED, "", crosstie_pending_reply(pending, CROSSTIE_TRY, &reply, &message, &error));
    CHECK(reply == NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(pending, &error));
}

static void refused(crosstie_pending *pending, crosstie_status status, uint32_t code, const char *words)
{
    crosstie_reply *reply;
    ANSWERS(status, words, crosstie_pending_reply(pending, CROSSTIE_WAIT_FOREVER, &reply, NULL, &error));
    CHECK(error.code == code && reply == NULL);
    ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(pending, &error));
}

static void refusals_have_a_status_a_code_and_a_text(const char *address)
{
    crosstie_server *server = served(address, NULL);
    crosstie_client *client = calling(address);
    crosstie_pending *pending = started(client, "order 9", CROSSTIE_WAIT_FOREVER, 0);
    crosstie_call_in_hand *call = taken(server, "order 9");
    ANSWERS(CROSSTIE_E_USAGE, "no status", crosstie_call_refuse_with(call, 0, 7, "no", &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_call_refuse_with(call, CROSSTIE_E_NOT_FOUND, 7, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_call_refuse_with(call, CROSSTIE_E_NOT_FOUND, 7, "there is no order 9", &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_call_refuse_with(call, CROSSTIE_E_BUSY, 7, "again", &error));
    refused(pending, CROSSTIE_E_NOT_FOUND, 7, "there is no order 9");
    /* A server that is busy, and a reply that is not there yet, are not the same. */
    pending = started(client, "order 10", CROSSTIE_WAIT_FOREVER, 0);
    call = taken(server, "order 10");
    crosstie_pending *late;
    crosstie_status status = crosstie_call_start(client, "late", 4, crosstie_in_ns(20000000), NULL, &late, &error);
    /* On a busy machine it may be late before it is sent. */
    CHECK(status == CROSSTIE_OK || status == CROSSTIE_E_TIMED_OUT);
    if (status == CROSSTIE_OK) {
        refused(late, CROSSTIE_E_TIMED_OUT, 0, "");
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_call_refuse_with(call, CROSSTIE_E_BUSY, 0, "not now", &error));
    refused(pending, CROSSTIE_E_BUSY, 75, "not now");
    pending = started(client, "order 11", CROSSTIE_WAIT_FOREVER, 0);
    call = taken(server, "order 11");
    ANSWERS(CROSSTIE_OK, "", crosstie_call_refuse(call, "never", &error));
    refused(pending, CROSSTIE_E_NEGATIVE, 1, "never");
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

static void a_call_in_hand_says_how_it_stands(const char *address)
{
    crosstie_server *server = served(address, NULL);
    crosstie_client *client = calling(address);
    crosstie_reply *reply;
    crosstie_call_state state;
    crosstie_pending *timed = started(client, "timed", crosstie_in_ns(60ull * SECOND), CROSSTIE_CALL_IDEMPOTENT);
    crosstie_pending *patient = started(client, "patient", CROSSTIE_WAIT_FOREVER, 0);
    crosstie_call_in_hand *first = taken(server, "timed"), *second = taken(server, "patient");
    state = looked(first);
    CHECK(state.flags == CROSSTIE_CALL_IDEMPOTENT && state.client_pid == (uint64_t)getpid());
    CHECK(state.remaining_ns > 30ull * SECOND && state.remaining_ns <= 60ull * SECOND);
    CHECK(state.deadline_ns > crosstie_in_ns(30ull * SECOND) && state.deadline_ns <= crosstie_in_ns(60ull * SECOND));
    state = looked(second);
    CHECK(state.flags == 0);
    CHECK(state.remaining_ns == CROSSTIE_WAIT_FOREVER && state.deadline_ns == CROSSTIE_WAIT_FOREVER);
    state.size = 3;
    ANSWERS(CROSSTIE_E_USAGE, "INIT", crosstie_call_look(second, &state, &error));
    ANSWERS(CROSSTIE_E_BUSY, "", crosstie_pending_reply(patient, CROSSTIE_TRY, &reply, NULL, &error));
    CHECK(error.code == 0);
    /* Who closes a call in flight cancels it, and it alone. */
    ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(timed, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_pending_reply(timed, CROSSTIE_TRY, &reply, NULL, &error));
    for (uint64_t end = crosstie_in_ns(30ull * SECOND); !(looked(first).flags & CROSSTIE_CALL_CANCELLED);) {
        CHECK(crosstie_now_ns() < end);
    }
    CHECK(looked(second).flags == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_call_reply(first, "nobody hears this", 17, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_call_look(first, NULL, &error));
    /* What is in flight may outlive its client's handle. */
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_call_reply(second, "at last", 7, &error));
    replied(patient, "at last");
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

struct taker {
    crosstie_server *server;
    _Atomic pid_t tid;
};

static void *takes_until_it_is_closed(void *its)
{
    struct taker *taker = its;
    crosstie_call_in_hand *call;
    crosstie_error said;
    taker->tid = (pid_t)syscall(SYS_gettid);
    CHECK(crosstie_server_take(taker->server, CROSSTIE_WAIT_FOREVER, &call, NULL, &said) == CROSSTIE_E_CLOSED);
    return NULL;
}

static int is_asleep(pid_t tid)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    FILE *stat = fopen(path, "r");
    int found = stat != NULL ? fscanf(stat, "%*d (%*[^)]) %c", &state) : 0;
    if (stat != NULL) {
        fclose(stat);
    }
    return found == 1 && state == 'S';
}

static void a_server_stops_in_order(const char *address)
{
    crosstie_server *server = served(address, NULL);
    crosstie_client *client = calling(address);
    crosstie_pending *pending = started(client, "in hand", CROSSTIE_WAIT_FOREVER, 0), *late;
    crosstie_call_in_hand *call = taken(server, "in hand"), *none;
    struct taker takers[2] = {{server, 0}, {server, 0}};
    pthread_t threads[2];
    for (int at = 0; at < 2; at++) {
        CHECK(pthread_create(&threads[at], NULL, takes_until_it_is_closed, &takers[at]) == 0);
        while (takers[at].tid == 0 || !is_asleep(takers[at].tid)) {
            (void)sched_yield();
        }
    }
    ANSWERS(CROSSTIE_E_BUSY, "inside a call", crosstie_server_close(server, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_stop(server, &error));
    for (int at = 0; at < 2; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    late = started(client, "too late", CROSSTIE_WAIT_FOREVER, 0);
    ANSWERS(CROSSTIE_E_CLOSED, "", crosstie_server_take(server, CROSSTIE_WAIT_FOREVER, &none, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_call_reply(call, "done still", 10, &error));
    replied(pending, "done still");
    ANSWERS(CROSSTIE_OK, "", crosstie_server_stop(server, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_server_stop(server, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(late, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
}

/* Three calls of 3000 bytes: one in hand, one that waits, and one that is refused for want of memory, or waits too. */
static void three_at_once(const crosstie_end_options *options, uint32_t code, const char *words)
{
    static char text[3001];
    crosstie_server *server = served("unix:./memory.sock", options);
    crosstie_client *client = calling("unix:./memory.sock");
    crosstie_pending *pending[3];
    crosstie_reply *reply;
    memset(text, 'x', 3000);
    for (int at = 0; at < 3; at++) {
        pending[at] = started(client, text, CROSSTIE_WAIT_FOREVER, 0);
    }
    crosstie_call_in_hand *call = taken(server, text);
    for (int looks = 0; looks < 20; looks++) {
        looked(call); /* lets the others come in */
    }
    ANSWERS(CROSSTIE_E_BUSY, words, crosstie_pending_reply(pending[2], CROSSTIE_TRY, &reply, NULL, &error));
    CHECK(error.code == code);
    ANSWERS(CROSSTIE_OK, "", crosstie_call_close(call, &error));
    for (int at = 0; at < 3; at++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(pending[at], &error));
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

static void what_waits_takes_so_much_memory(void)
{
    crosstie_end_options options = CROSSTIE_END_OPTIONS_INIT;
    crosstie_server *server;
    three_at_once(NULL, 0, "no reply yet");
    options.waiting_bytes_max = 8192;
    three_at_once(&options, 75, "of this client");
    /* The struct of an older header ends before that field. */
    options.size = 24;
    three_at_once(&options, 0, "no reply yet");
    options.size = sizeof options;
    options.waiting_bytes_max = SIZE_MAX;
    ANSWERS(CROSSTIE_E_USAGE, "calls that wait", crosstie_server_open("unix:./memory.sock", &options, &server, &error));
}

/* A server that is killed with the call in hand; who reads from the pipe is told of its end. */
static pid_t who_is_killed(const char *address, const int *ends)
{
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        taken(served(address, NULL), "count me");
        raise(SIGKILL);
    }
    return child;
}

/* The server after that one. */
static pid_t who_comes_next(const char *address, const int *ends)
{
    char byte;
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        CHECK(read(ends[0], &byte, 1) == 0);
        crosstie_server *server = served(address, NULL);
        crosstie_call_in_hand *call = taken(server, "count me");
        CHECK(looked(call).flags == (CROSSTIE_CALL_IDEMPOTENT | CROSSTIE_CALL_REPEATED));
        ANSWERS(CROSSTIE_OK, "", crosstie_call_reply(call, "counted", 7, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
        _exit(0);
    }
    return child;
}

static void a_call_of_a_killed_server(const char *address, uint64_t flags, int is_started)
{
    int ends[2], status;
    crosstie_reply *reply = NULL;
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    crosstie_call_options options = CROSSTIE_CALL_OPTIONS_INIT;
    options.flags = flags;
    CHECK(pipe(ends) == 0);
    pid_t killed = who_is_killed(address, ends), next = flags != 0 ? who_comes_next(address, ends) : 0;
    close(ends[0]);
    close(ends[1]);
    crosstie_client *client = calling(address);
    if (is_started) {
        crosstie_pending *pending = started(client, "count me", CROSSTIE_WAIT_FOREVER, flags);
        if (flags != 0) {
            replied(pending, "counted");
        } else {
            refused(pending, CROSSTIE_E_PEER_DIED, 0, "died with the call in hand");
        }
    } else if (flags != 0) {
        ANSWERS(CROSSTIE_OK, "",
                crosstie_call_with(client, "count me", 8, CROSSTIE_WAIT_FOREVER, &options, &reply, &message, &error));
        CHECK(message.bytes == 7 && memcmp(message.data, "counted", 7) == 0);
        ANSWERS(CROSSTIE_OK, "", crosstie_reply_close(reply, &error));
    } else {
        ANSWERS(CROSSTIE_E_PEER_DIED, "died with the call in hand",
                crosstie_call_with(client, "count me", 8, CROSSTIE_WAIT_FOREVER, NULL, &reply, &message, &error));
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    CHECK(waitpid(killed, &status, 0) == killed && WIFSIGNALED(status));
    CHECK(next == 0 || (waitpid(next, &status, 0) == next && status == 0));
}

static void what_is_no_option_is_refused(void)
{
    crosstie_server *server = served("unix:./options.sock", NULL);
    crosstie_client *client = calling("unix:./options.sock");
    crosstie_call_options options = CROSSTIE_CALL_OPTIONS_INIT;
    crosstie_pending *pending;
    crosstie_reply *reply;
    options.flags = 1ull << 40;
    ANSWERS(CROSSTIE_E_UNSUPPORTED, "newer library",
            crosstie_call_with(client, "x", 1, CROSSTIE_TRY, &options, &reply, NULL, &error));
    ANSWERS(CROSSTIE_E_UNSUPPORTED, "newer library",
            crosstie_call_start(client, "x", 1, CROSSTIE_TRY, &options, &pending, &error));
    CHECK(pending == NULL && reply == NULL);
    ANSWERS(CROSSTIE_E_USAGE, "NULL in the place of where",
            crosstie_call_start(client, "x", 1, CROSSTIE_TRY, NULL, NULL, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_pending_close(NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

/* A call in flight is the parent's: a child closes its handle, and the call goes on. */
static void a_child_of_fork_cancels_nothing(void)
{
    int status;
    crosstie_server *server = served("unix:./forked.sock", NULL);
    crosstie_client *client = calling("unix:./forked.sock");
    crosstie_pending *pending = started(client, "go on", CROSSTIE_WAIT_FOREVER, 0);
    crosstie_call_in_hand *call = taken(server, "go on");
    pid_t child = fork();
    if (child == 0) {
        crosstie_reply *reply;
        ANSWERS(CROSSTIE_E_USAGE, "before a fork", crosstie_pending_reply(pending, CROSSTIE_TRY, &reply, NULL, &error));
        ANSWERS(CROSSTIE_E_USAGE, "before a fork", crosstie_call_look(call, NULL, &error));
        ANSWERS(CROSSTIE_E_USAGE, "before a fork", crosstie_call_reply(call, "mine", 4, &error));
        ANSWERS(CROSSTIE_E_USAGE, "before a fork", crosstie_server_stop(server, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_pending_close(pending, &error));
        ANSWERS(CROSSTIE_OK, "", crosstie_call_close(call, &error));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(looked(call).flags == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_call_reply(call, "gone on", 7, &error));
    replied(pending, "gone on");
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

static void *looks_until_it_is_closed(void *call)
{
    crosstie_error said;
    while (crosstie_call_look(call, NULL, &said) != CROSSTIE_E_USAGE) {
    }
    CHECK(strstr(said.text, "clos") != NULL);
    return NULL;
}

/* What one thread answers while another looks at it is answered and closed, or neither. */
static void an_answer_and_the_end_of_its_handle_are_one(void)
{
    crosstie_server *server = served("unix:./looked.sock", NULL);
    crosstie_client *client = calling("unix:./looked.sock");
    for (int round = 0; round < 20; round++) {
        crosstie_status status;
        pthread_t looks;
        crosstie_pending *pending = started(client, "look", CROSSTIE_WAIT_FOREVER, 0);
        crosstie_call_in_hand *call = taken(server, "look");
        CHECK(pthread_create(&looks, NULL, looks_until_it_is_closed, call) == 0);
        for (int tries = 0; (status = crosstie_call_reply(call, "looked", 6, &error)) == CROSSTIE_E_BUSY; tries++) {
            CHECK(tries < 1000000);
        }
        CHECK(status == CROSSTIE_OK);
        ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_call_close(call, &error));
        CHECK(pthread_join(looks, NULL) == 0);
        replied(pending, "looked");
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_client_close(client, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_server_close(server, &error));
}

int main(void)
{
    const char *addresses[] = {"unix:./service.sock", "queue:service"};
    alarm(100);
    for (int at = 0; at < 2; at++) {
        refusals_have_a_status_a_code_and_a_text(addresses[at]);
        a_call_in_hand_says_how_it_stands(addresses[at]);
        a_server_stops_in_order(addresses[at]);
        for (int is_started = 0; is_started < 2; is_started++) {
            a_call_of_a_killed_server(addresses[at], 0, is_started);
            a_call_of_a_killed_server(addresses[at], CROSSTIE_CALL_IDEMPOTENT, is_started);
        }
    }
    what_waits_takes_so_much_memory();
    what_is_no_option_is_refused();
    a_child_of_fork_cancels_nothing();
    an_answer_and_the_end_of_its_handle_are_one();
    puts("service: ok");
    return 0;
}
