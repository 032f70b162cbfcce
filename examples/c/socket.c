/* A server at a Unix socket that receives, and a client that sends: `socket unix:/run/x.sock`; any other address does too. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.h>

static int sends(const char *address)
{
    crosstie_error error;
    crosstie_sender *sender;
    const char *line = "hello";
    if (crosstie_sender_open(address, NULL, &sender, &error) < 0 ||
        crosstie_send(sender, line, strlen(line), CROSSTIE_WAIT_FOREVER, &error) < 0 ||
        crosstie_sender_close(sender, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}

int main(int count, char **arguments)
{
    crosstie_error error;
    crosstie_receiver *receiver;
    crosstie_message message = CROSSTIE_MESSAGE_INIT;
    char line[64];
    int status;
    pid_t child;
    if (count != 2) {
        return 2;
    }
    child = fork();
    if (child == 0) {
        _exit(sends(arguments[1]));
    }
    if (crosstie_receiver_open(arguments[1], NULL, &receiver, &error) < 0 ||
        crosstie_receive(receiver, line, sizeof line, CROSSTIE_WAIT_FOREVER, &message, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("received %.*s\n", (int)message.bytes, line);
    if (crosstie_receive(receiver, line, sizeof line, CROSSTIE_WAIT_FOREVER, &message, &error) != CROSSTIE_E_CLOSED) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    crosstie_receiver_close(receiver, NULL);
    return waitpid(child, &status, 0) < 0 || status != 0;
}
