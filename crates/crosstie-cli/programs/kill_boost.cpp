// Four ways in which Boost.Interprocess meets kill -9: `kill_boost SCENE SECONDS`.
//
// A process is killed with the thing in its hands; another one then wants it, and is given SECONDS. Prints
// `outcome goes on` or `outcome hangs`.

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/interprocess/sync/interprocess_upgradable_mutex.hpp>
#include <boost/interprocess/sync/named_mutex.hpp>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace ipc = boost::interprocess;

template <class Take> int play(double seconds, Take take) {
    int ready[2];
    if (pipe(ready) != 0) return 2;
    const pid_t holder = fork();
    if (holder == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        take();
        if (write(ready[1], "x", 1) == 1) pause();
        _exit(0);
    }
    char told;
    if (read(ready[0], &told, 1) != 1) return 2;
    kill(holder, SIGKILL);
    waitpid(holder, nullptr, 0);
    const pid_t other = fork();
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        take();
        _exit(0);
    }
    for (double left = seconds; left > 0; left -= 0.01) {
        if (waitpid(other, nullptr, WNOHANG) == other) {
            puts("outcome goes on");
            return 0;
        }
        const timespec pause = {0, 10000000};
        nanosleep(&pause, nullptr);
    }
    puts("outcome hangs");
    kill(other, SIGKILL);
    waitpid(other, nullptr, 0);
    return 0;
}

template <class T, class... Arguments> T *shared(Arguments... arguments) {
    void *place = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return new (place) T(arguments...);
}

int main(int count, char **words) {
    if (count != 3) return 2;
    const std::string scene = words[1];
    const double seconds = atof(words[2]);
    if (scene == "mutex") {
        auto *mutex = shared<ipc::interprocess_mutex>();
        return play(seconds, [=] { mutex->lock(); });
    }
    if (scene == "semaphore") {
        auto *semaphore = shared<ipc::interprocess_semaphore>(1);
        return play(seconds, [=] { semaphore->wait(); });
    }
    if (scene == "upgradable") {
        auto *mutex = shared<ipc::interprocess_upgradable_mutex>();
        return play(seconds, [=] { mutex->lock(); });
    }
    const std::string name = "crosstie-demo-" + std::to_string(getpid());
    ipc::named_mutex mutex(ipc::create_only, name.c_str());
    const int code = play(seconds, [&] { mutex.lock(); });
    ipc::named_mutex::remove(name.c_str());
    return code;
}
