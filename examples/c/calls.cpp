// A client that asks and a server that answers, each in a process of its own: `calls unix:/run/x.sock`; queue:NAME does too.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.hpp>

static std::string shout(std::string_view request)
{
    if (request.empty()) {
        throw std::invalid_argument("say something"); // the caller's error is this text
    }
    return std::string(request) + "!";
}

int main(int, char **arguments)
try {
    if (fork() == 0) {
        crosstie::server server(arguments[1]);
        server.answer(shout);
        server.answer(shout);
        _exit(0);
    }
    crosstie::client client(arguments[1]); // waits until the server is there
    std::printf("%s\n", client.call("hello", crosstie::deadline::in(std::chrono::seconds(5))).c_str());
    try {
        client.call("");
    } catch (const crosstie::error &refusal) {
        std::printf("%s: %s\n", refusal.id(), refusal.what());
    }
    wait(nullptr);
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
