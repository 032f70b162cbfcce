// Boost.Interprocess's message_queue as its documentation's example uses it, for callers that know no exceptions.

#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstddef>
#include <cstdint>

namespace ipc = boost::interprocess;

extern "C" {

// A new queue of `messages` messages of `bytes` each, or what is there under this name if `messages` is 0; null if not.
void *peers_boost_open(const char *name, std::size_t messages, std::size_t bytes) noexcept {
    try {
        if (messages == 0) {
            return new ipc::message_queue(ipc::open_only, name);
        }
        return new ipc::message_queue(ipc::create_only, name, messages, bytes);
    } catch (...) {
        return nullptr;
    }
}

void peers_boost_close(void *queue) noexcept { delete static_cast<ipc::message_queue *>(queue); }

// 1 if the message was sent.
int peers_boost_send(void *queue, const std::uint8_t *message, std::size_t bytes) noexcept {
    try {
        static_cast<ipc::message_queue *>(queue)->send(message, bytes, 0);
        return 1;
    } catch (...) {
        return 0;
    }
}

// The length of what was received; -1 if nothing was.
std::ptrdiff_t peers_boost_receive(void *queue, std::uint8_t *room, std::size_t bytes) noexcept {
    try {
        ipc::message_queue::size_type received = 0;
        unsigned int priority = 0;
        static_cast<ipc::message_queue *>(queue)->receive(room, bytes, received, priority);
        return static_cast<std::ptrdiff_t>(received);
    } catch (...) {
        return -1;
    }
}
}
