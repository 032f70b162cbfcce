/* Regions, messages that are read where they lie, connections of both directions, addresses: used, and misused. */
#include <stdint.h>
#include <unistd.h>

#include "check.h"

static crosstie_error error;

static void regions(void)
{
    char name[64], text[16] = "";
    crosstie_region *region, *same;
    void *data, *again;
    size_t bytes;
    uint64_t size;
    snprintf(name, sizeof name, "/crosstie-test-c-%d", (int)getpid());
    ANSWERS(CROSSTIE_E_NOT_FOUND, "", crosstie_region_open(name, 0, CROSSTIE_REGION_OPEN, &region, &error));
    ANSWERS(CROSSTIE_E_USAGE, "/my_region", crosstie_region_open("a", 8, CROSSTIE_REGION_CREATE, &region, &error));
    ANSWERS(CROSSTIE_E_USAGE, "7 is no way", crosstie_region_open(name, 8, 7, &region, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_open(name, 4096, CROSSTIE_REGION_CREATE, &region, &error));
    ANSWERS(CROSSTIE_E_ALREADY_EXISTS, "", crosstie_region_open(name, 8, CROSSTIE_REGION_CREATE, &same, &error));
    ANSWERS(CROSSTIE_E_MISMATCH, "it has 4096 bytes, not 8", crosstie_region_open(name, 8, CROSSTIE_REGION_OPEN_OR_CREATE, &same, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_open(name, 4096, CROSSTIE_REGION_OPEN_OR_CREATE, &same, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_bytes(same, &size, &error));
    CHECK(size == 4096);
    ANSWERS(CROSSTIE_OK, "", crosstie_region_map(region, &data, &bytes, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_map(region, &again, NULL, &error));
    CHECK(bytes == 4096 && data == again);
    strcpy(data, "Shared data");
    ANSWERS(CROSSTIE_OK, "", crosstie_region_read(same, 7, text, 5, &error));
    CHECK(strcmp(text, "data") == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_region_write(same, 7, "DATA", 4, &error));
    CHECK(strcmp(data, "Shared DATA") == 0);
    ANSWERS(CROSSTIE_E_USAGE, "has 4096 bytes", crosstie_region_read(same, 4090, text, 8, &error));
    ANSWERS(CROSSTIE_E_USAGE, "has 4096 bytes", crosstie_region_write(same, UINT64_MAX, text, 8, &error));
    ANSWERS(CROSSTIE_E_USAGE, "no room", crosstie_region_read(same, 0, NULL, 8, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_region_map(same, NULL, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_unlink(name, &error));
    ANSWERS(CROSSTIE_E_NOT_FOUND, "", crosstie_region_unlink(name, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_close(same, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_region_read(same, 0, text, 1, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_region_close(region, &error));
}

static void messages_where_they_lie(const char *address)
{
    crosstie_sender *sender;
    crosstie_receiver *receiver;
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    char text[8];
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_open(address, NULL, &receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_open(address, NULL, &sender, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, "one", 3, CROSSTIE_WAIT_FOREVER, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, "twenty-two", 10, CROSSTIE_WAIT_FOREVER, &error));
    ANSWERS(CROSSTIE_E_USAGE, "lent no message", crosstie_received(receiver, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_receive_in_place(receiver, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receive_in_place(receiver, CROSSTIE_WAIT_FOREVER, &message, &error));
    CHECK(message.bytes == 3 && memcmp(message.data, "one", 3) == 0);
    ANSWERS(CROSSTIE_E_BUSY, "a message lent",
            crosstie_receive(receiver, text, sizeof text, CROSSTIE_TRY, NULL, &error));
    ANSWERS(CROSSTIE_E_BUSY, "a message lent",
            crosstie_receive_in_place(receiver, CROSSTIE_TRY, &message, &error));
    ANSWERS(CROSSTIE_E_USAGE, "no job", crosstie_job_done(receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_received(receiver, &error));
    ANSWERS(CROSSTIE_E_TOO_LARGE, "10 bytes",
            crosstie_receive(receiver, text, sizeof text, CROSSTIE_WAIT_FOREVER, &message, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receive_in_place(receiver, CROSSTIE_TRY, &message, &error));
    CHECK(message.bytes == 10 && memcmp(message.data, "twenty-two", 10) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_received(receiver, &error));
    ANSWERS(CROSSTIE_E_BUSY, "", crosstie_receive_in_place(receiver, CROSSTIE_TRY, &message, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, "last", 4, CROSSTIE_WAIT_FOREVER, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receive_in_place(receiver, CROSSTIE_WAIT_FOREVER, &message, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_close(sender, &error));
}

static void connections(void)
{
    char address[64], short_room[4], text[8];
    crosstie_listener *listener;
    crosstie_sender *ask, *answer;
    crosstie_receiver *answers, *asked;
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    int fd = -1;
    ANSWERS(CROSSTIE_E_USAGE, "", crosstie_listener_open("ring:r", NULL, &listener, &error));
    ANSWERS(CROSSTIE_E_USAGE, "", crosstie_connect("topic:t", NULL, &ask, &answers, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_listener_open("tcp:127.0.0.1:0", NULL, &listener, &error));
    ANSWERS(CROSSTIE_E_BUSY, "", crosstie_listener_accept(listener, CROSSTIE_TRY, &answer, &asked, &error));
    CHECK(answer == NULL && asked == NULL);
    ANSWERS(CROSSTIE_E_TOO_LARGE, "the buffer 4",
            crosstie_listener_place(listener, &fd, short_room, sizeof short_room, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_listener_place(listener, &fd, address, sizeof address, &error));
    CHECK(fd >= 0 && strncmp(address, "tcp:127.0.0.1:", 14) == 0);
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_connect(address, NULL, NULL, &answers, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_connect(address, NULL, &ask, &answers, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_send(ask, "how many", 8, CROSSTIE_WAIT_FOREVER, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_listener_accept(listener, CROSSTIE_WAIT_FOREVER, &answer, &asked, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receive(asked, text, sizeof text, CROSSTIE_WAIT_FOREVER, &message, &error));
    CHECK(message.bytes == 8 && memcmp(text, "how many", 8) == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_send(answer, "3", 1, CROSSTIE_WAIT_FOREVER, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receive(answers, text, sizeof text, CROSSTIE_WAIT_FOREVER, &message, &error));
    CHECK(message.bytes == 1 && text[0] == '3');
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_close(ask, &error));
    ANSWERS(CROSSTIE_E_CLOSED, "", crosstie_receive(asked, text, sizeof text, CROSSTIE_WAIT_FOREVER, NULL, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(answers, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(asked, &error));
    (void)crosstie_sender_close(answer, &error);
    ANSWERS(CROSSTIE_OK, "", crosstie_listener_close(listener, &error));
}

static void addresses(void)
{
    crosstie_capabilities can = CROSSTIE_CAPABILITIES_INIT;
    ANSWERS(CROSSTIE_OK, "", crosstie_address_check("ring:frames?capacity=1MiB", &can, &error));
    CHECK(strcmp(can.mechanism, "ring") == 0 && can.delivery == CROSSTIE_AT_LEAST_ONCE);
    CHECK((can.can & CROSSTIE_CAN_LEND) != 0 && (can.can & CROSSTIE_CAN_MANY_SENDERS) == 0);
    CHECK(can.untaken == CROSSTIE_UNTAKEN_KEPT);
    ANSWERS(CROSSTIE_OK, "", crosstie_address_check("udp:localhost:1", &can, &error));
    CHECK(can.delivery == CROSSTIE_BEST_EFFORT && (can.can & CROSSTIE_CAN_TELL_DEATH) == 0);
    ANSWERS(CROSSTIE_E_USAGE, "did you mean", crosstie_address_check("unxi:./x", &can, &error));
    ANSWERS(CROSSTIE_E_USAGE, "NULL", crosstie_address_check(NULL, &can, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_address_check("jobs", NULL, &error));
}

static void semaphores_of_the_c_library(void)
{
    char address[64];
    crosstie_counter *counter, *other;
    uint32_t value = 9;
    snprintf(address, sizeof address, "posix:/crosstie-test-m-%d", (int)getpid());
    ANSWERS(CROSSTIE_E_USAGE, "posix:/items", crosstie_counter_open("posix:a/b", 0, NULL, &counter, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_open(address, 1, NULL, &counter, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_open(address, 7, NULL, &other, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_wait(other, CROSSTIE_TRY, &error));
    ANSWERS(CROSSTIE_E_BUSY, "does not say who", crosstie_counter_wait(counter, CROSSTIE_TRY, &error));
    ANSWERS(CROSSTIE_E_TIMED_OUT, "does not say who",
            crosstie_counter_wait(counter, crosstie_in_ns(1000000), &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_post(counter, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_value(other, &value, &error));
    CHECK(value == 1);
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_close(counter, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_counter_close(other, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_remove(address, NULL, &error));
    ANSWERS(CROSSTIE_E_NOT_FOUND, "", crosstie_remove(address, NULL, &error));
}

/* 30 sent, 8 places: what is told as lost and what is received are what was sent. */
static void what_a_topic_has_lost(void)
{
    crosstie_sender *sender;
    crosstie_receiver *receiver;
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    char byte;
    unsigned char sent;
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_open("topic:lossy?mode=lossy&places=8", NULL, &receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_open("topic:lossy", NULL, &sender, &error));
    for (sent = 0; sent < 30; sent++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, &sent, 1, CROSSTIE_WAIT_FOREVER, &error));
    }
    ANSWERS(CROSSTIE_E_LOST, "messages 0 to 21", crosstie_receive(receiver, &byte, 1, CROSSTIE_TRY, &message, &error));
    CHECK(message.number == 0 && message.lost == 22 && message.bytes == 0);
    for (sent = 22; sent < 30; sent++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_receive(receiver, &byte, 1, CROSSTIE_TRY, &message, &error));
        CHECK(message.number == sent && message.lost == 0 && message.bytes == 1 && byte == (char)sent);
    }
    ANSWERS(CROSSTIE_E_BUSY, "", crosstie_receive(receiver, &byte, 1, CROSSTIE_TRY, &message, &error));
    CHECK(message.number == 0 && message.bytes == 0 && message.data == NULL && message.sender_pid == 0);
    for (sent = 30; sent < 60; sent++) {
        ANSWERS(CROSSTIE_OK, "", crosstie_send(sender, &sent, 1, CROSSTIE_WAIT_FOREVER, &error));
    }
    ANSWERS(CROSSTIE_E_LOST, "22 lost", crosstie_receive_in_place(receiver, CROSSTIE_TRY, &message, &error));
    CHECK(message.number == 30 && message.lost == 22);
    /* A program that was built before it was told how many. */
    message.size = 40;
    message.lost = 99;
    ANSWERS(CROSSTIE_OK, "", crosstie_receive(receiver, &byte, 1, CROSSTIE_TRY, &message, &error));
    CHECK(message.number == 52 && message.lost == 99);
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_close(sender, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(receiver, &error));
}

int main(void)
{
    regions();
    messages_where_they_lie("ring:lent");
    messages_where_they_lie("queue:lent");
    what_a_topic_has_lost();
    connections();
    addresses();
    semaphores_of_the_c_library();
    puts("memory: ok");
    return 0;
}
