// Two workers at one queue of jobs: one is killed with a job in hand, the other gets it, and knows that it was delivered before.
#include <csignal>
#include <cstdio>
#include <exception>
#include <sys/wait.h>
#include <unistd.h>
#include <crosstie.hpp>

int main()
try {
    pid_t killed = fork();
    if (killed == 0) {
        crosstie::receiver jobs("queue:paint");
        auto job = jobs.receive_job(); // in hand until done()
        (void)raise(SIGKILL);
    }
    crosstie::sender boss("queue:paint");
    crosstie::loan room = boss.reserve(8); // room in shared memory, where the worker reads
    room.write(0, "the door");
    room.commit();
    waitpid(killed, nullptr, 0);
    crosstie::receiver jobs("queue:paint");
    boss.close();
    while (auto job = jobs.receive_job()) { // a view into shared memory
        std::printf("delivery %u: %.*s\n", job->deliveries(), static_cast<int>(job->bytes().size()), job->bytes().data());
        job->done(); // what goes without that is delivered again
    }
    for (const crosstie::object &object : crosstie::list()) {
        std::printf("%s: %zu have it, %zu wait\n", object.name.c_str(), object.held_by.size(), object.waiting.size());
    }
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
