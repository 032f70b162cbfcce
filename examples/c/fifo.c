/* Two processes that share nothing but a path: messages over a FIFO stay whole, and an end is told from a death. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.h>

static crosstie_error error;

static int writer(const char *address)
{
    static const char *const words[] = {"to", "be", "continued"};
    crosstie_sender *sender;
    if (crosstie_sender_open(address, NULL, &sender, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (int word = 0; word < 3; word++) {
        if (crosstie_send(sender, words[word], strlen(words[word]), CROSSTIE_WAIT_FOREVER, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
    }
    return crosstie_sender_close(sender, NULL) < 0;
}

int main(int count, char **words)
{
    crosstie_receiver *receiver;
    crosstie_status status;
    char address[512], text[64];
    int ended;
    snprintf(address, sizeof address, "fifo:%s", count > 1 ? words[1] : "./words");
    if (fork() == 0) {
        _exit(writer(address));
    }
    if (crosstie_receiver_open(address, NULL, &receiver, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (;;) {
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        status = crosstie_receive(receiver, text, sizeof text, CROSSTIE_WAIT_FOREVER, &message, &error);
        if (status < 0) {
            break;
        }
        printf("received %.*s\n", (int)message.bytes, text);
    }
    printf("then %s\n", crosstie_status_name(status));
    crosstie_receiver_close(receiver, NULL);
    return wait(&ended) < 0 || ended != 0;
}
