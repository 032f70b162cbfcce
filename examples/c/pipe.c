/* The textbook's parent and child over a pipe: ours, so that messages stay whole and an end is told from a death. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.h>

static int child(int end)
{
    crosstie_error error;
    crosstie_receiver *receiver;
    crosstie_status status;
    char address[16], line[64];
    int messages = 0;
    snprintf(address, sizeof address, "fd:%d", end);
    status = crosstie_receiver_open(address, NULL, &receiver, &error);
    while (status == CROSSTIE_OK) {
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        status = crosstie_receive(receiver, line, sizeof line, CROSSTIE_WAIT_FOREVER, &message, &error);
        messages += status == CROSSTIE_OK;
    }
    printf("child: %d messages, then %s\n", messages, crosstie_status_name(status));
    crosstie_receiver_close(receiver, NULL);
    return status == CROSSTIE_E_CLOSED ? 0 : 1;
}

static int parent(int end)
{
    crosstie_error error;
    crosstie_sender *sender;
    char address[16], line[64];
    snprintf(address, sizeof address, "fd:%d", end);
    if (crosstie_sender_open(address, NULL, &sender, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (int number = 1; number <= 3; number++) {
        int bytes = snprintf(line, sizeof line, "message %d", number);
        if (crosstie_send(sender, line, (size_t)bytes, CROSSTIE_WAIT_FOREVER, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
    }
    /* Without this the child would be told that its parent died. */
    return crosstie_sender_close(sender, &error) < 0;
}

int main(void)
{
    int ends[2], status, failed;
    if (pipe(ends) < 0) {
        return 1;
    }
    switch (fork()) {
    case -1:
        return 1;
    case 0:
        close(ends[1]);
        return child(ends[0]);
    default:
        close(ends[0]);
        failed = parent(ends[1]);
        return wait(&status) < 0 || status != 0 || failed;
    }
}
