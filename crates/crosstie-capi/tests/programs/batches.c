/* Several messages at once: all of them, as many as there is room for, and what is refused. */
#include "check.h"

static crosstie_error error;

static void gets(crosstie_receiver *receiver, const char *text)
{
    char buffer[64];
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    ANSWERS(CROSSTIE_OK, "",
            crosstie_receive(receiver, buffer, sizeof buffer, crosstie_in_ns(30000000000ull), &message, &error));
    CHECK(message.bytes == strlen(text) && memcmp(buffer, text, message.bytes) == 0);
}

static void in_order(const char *address)
{
    const crosstie_bytes three[] = {{"one", 3}, {NULL, 0}, {"three", 5}};
    crosstie_sender *sender;
    crosstie_receiver *receiver;
    size_t sent = 7;
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_open(address, NULL, &receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_open(address, NULL, &sender, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_send_batch(sender, three, 3, CROSSTIE_WAIT_FOREVER, &sent, &error));
    CHECK(sent == 3);
    gets(receiver, "one");
    gets(receiver, "");
    gets(receiver, "three");
    ANSWERS(CROSSTIE_OK, "", crosstie_send_batch(sender, three, 1, CROSSTIE_TRY, NULL, &error));
    gets(receiver, "one");
    ANSWERS(CROSSTIE_E_USAGE, "are none", crosstie_send_batch(sender, three, 0, CROSSTIE_TRY, &sent, &error));
    ANSWERS(CROSSTIE_E_USAGE, "are none", crosstie_send_batch(sender, NULL, 3, CROSSTIE_TRY, &sent, &error));
    ANSWERS(CROSSTIE_E_USAGE, "are none", crosstie_send_batch(sender, three, (size_t)-1, CROSSTIE_TRY, &sent, &error));
    CHECK(sent == 0);
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_close(sender, &error));
    ANSWERS(CROSSTIE_E_USAGE, "closed already", crosstie_send_batch(sender, three, 3, CROSSTIE_TRY, &sent, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(receiver, &error));
}

static void as_many_as_there_is_room_for(void)
{
    static char part[1000];
    crosstie_bytes many[8];
    crosstie_sender *sender;
    crosstie_receiver *receiver;
    size_t sent = 0, again = 0;
    for (int at = 0; at < 8; at++) {
        many[at].data = part;
        many[at].bytes = sizeof part;
    }
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_open("ring:room?capacity=4KiB", NULL, &receiver, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_open("ring:room?capacity=4KiB", NULL, &sender, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_send_batch(sender, many, 8, CROSSTIE_WAIT_FOREVER, &sent, &error));
    CHECK(sent > 0 && sent < 8);
    ANSWERS(CROSSTIE_E_BUSY, "", crosstie_send_batch(sender, many, 8, CROSSTIE_TRY, &again, &error));
    CHECK(again == 0);
    ANSWERS(CROSSTIE_E_TIMED_OUT, "", crosstie_send_batch(sender, many, 8, crosstie_in_ns(1000000), &again, &error));
    for (size_t at = 0; at < sent; at++) {
        char buffer[1000];
        ANSWERS(CROSSTIE_OK, "", crosstie_receive(receiver, buffer, sizeof buffer, CROSSTIE_TRY, NULL, &error));
    }
    /* One that is too large is told when it is the first; those before it are sent. */
    many[0].bytes = 1;
    many[1].bytes = 100000;
    many[1].data = calloc(1, 100000);
    ANSWERS(CROSSTIE_OK, "", crosstie_send_batch(sender, many, 8, CROSSTIE_TRY, &sent, &error));
    CHECK(sent == 1);
    ANSWERS(CROSSTIE_E_TOO_LARGE, "", crosstie_send_batch(sender, many + 1, 7, CROSSTIE_TRY, &again, &error));
    CHECK(again == 0);
    free((void *)many[1].data);
    ANSWERS(CROSSTIE_OK, "", crosstie_sender_close(sender, &error));
    ANSWERS(CROSSTIE_OK, "", crosstie_receiver_close(receiver, &error));
}

int main(void)
{
    in_order("ring:batch");
    in_order("queue:batch");
    in_order("topic:batch");
    as_many_as_there_is_room_for();
    puts("batches: ok");
    return 0;
}
