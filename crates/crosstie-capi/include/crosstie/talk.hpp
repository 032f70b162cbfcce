// Talking: the ends of channels, and connections. Include crosstie.hpp.
#ifndef CROSSTIE_TALK_HPP
#define CROSSTIE_TALK_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base.hpp"
#include "in_place.hpp"

namespace crosstie {

/// The end of a channel that sends; it says when it goes that nothing more comes.
class sender : public detail::owned<crosstie_sender, crosstie_sender_close> {
public:
    /// Of a connection.
    explicit sender(crosstie_sender *handle) noexcept : owned(handle) {}
    explicit sender(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
    {
        crosstie_error said;
        detail::check(crosstie_sender_open(address.c_str(), &options, &handle_, &said), said);
    }

    void send(const void *data, std::size_t bytes, deadline until = deadline::never())
    {
        crosstie_error said;
        detail::check(crosstie_send(handle_, data, bytes, until.ns(), &said), said);
    }
    void send(std::string_view message, deadline until = deadline::never())
    {
        send(message.data(), message.size(), until);
    }
    /// Sends several messages in order; waits for room for the first. Answers how many were sent: at least one.
    std::size_t send_batch(const std::vector<std::string_view> &messages, deadline until = deadline::never())
    {
        std::vector<crosstie_bytes> all;
        for (std::string_view message : messages) {
            all.push_back({message.data(), message.size()});
        }
        std::size_t sent = 0;
        detail::must([&](crosstie_error *said) {
            return crosstie_send_batch(handle_, all.data(), all.size(), until.ns(), &sent, said);
        });
        return sent;
    }
    /// Lends room for a message of `bytes` bytes, and waits for it: in shared memory where the receiver will read.
    [[nodiscard]] loan reserve(std::size_t bytes, deadline until = deadline::never())
    {
        detail::must([&](crosstie_error *said) { return crosstie_sender_reserve(handle_, bytes, until.ns(), said); });
        return loan(handle_, bytes);
    }
    /// The descriptor for a loop of events while there is no room, and whether it is to be polled for being writable: ask arm() before each
    /// sleep. It is the end's own: neither read, write nor close it.
    std::pair<int, bool> pollable()
    {
        int descriptor = -1;
        std::uint32_t for_writing = 0;
        detail::must([&](crosstie_error *said) {
            return crosstie_sender_fd(handle_, &descriptor, &for_writing, said);
        });
        return {descriptor, for_writing != 0};
    }
    /// Says that the descriptor is to be polled now; true where there is room already: do not sleep then, send.
    bool arm()
    {
        std::uint32_t is_ready = 0;
        detail::must([&](crosstie_error *said) { return crosstie_sender_arm(handle_, &is_ready, said); });
        return is_ready != 0;
    }
    /// Says that nothing more comes, and throws where that could not be said.
    void close()
    {
        crosstie_error said;
        detail::check(crosstie_sender_close(std::exchange(handle_, nullptr), &said), said);
    }
};

/// The end of a channel that receives.
class receiver : public detail::owned<crosstie_receiver, crosstie_receiver_close> {
public:
    /// Of a connection.
    explicit receiver(crosstie_receiver *handle) noexcept : owned(handle) {}
    explicit receiver(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
    {
        crosstie_error said;
        detail::check(crosstie_receiver_open(address.c_str(), &options, &handle_, &said), said);
    }

    /// The next message; nothing when the sender said that no more comes. A sender that died is an error of CROSSTIE_E_PEER_DIED; what
    /// a topic has lost is told as lost_messages.
    std::optional<std::string> receive(deadline until = deadline::never())
    {
        std::string room(room_, '\0');
        for (;;) {
            crosstie_error said;
            crosstie_message message = CROSSTIE_MESSAGE_INIT;
            crosstie_status status = crosstie_receive(handle_, &room[0], room.size(), until.ns(), &message, &said);
            if (status == CROSSTIE_E_CLOSED) {
                return std::nullopt;
            }
            if (status == CROSSTIE_E_TOO_LARGE && message.bytes > room.size()) {
                room_ = message.bytes;
                room.resize(room_);
                continue;
            }
            detail::check_message(status, said, message);
            room.resize(message.bytes);
            return room;
        }
    }

    /// As receive, without a copy where the mechanism lends.
    std::optional<lent_message> receive_in_place(deadline until = deadline::never())
    {
        return taken<lent_message>(crosstie_receive_in_place, until);
    }
    /// The next job of a queue, in hand until it is done; nothing when all senders said that no more comes. An error of
    /// CROSSTIE_E_UNSUPPORTED on mechanisms that deliver once.
    std::optional<job> receive_job(deadline until = deadline::never()) { return taken<job>(crosstie_receive_job, until); }
    /// A dead letter of a queue, in hand; nothing where there is none. done() removes it; whatever else becomes of it, it stays a dead letter.
    std::optional<job> receive_dead_letter()
    {
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        bool is_there = detail::may(CROSSTIE_E_BUSY, [&](crosstie_error *said) {
            return crosstie_receive_dead_letter(handle_, &message, said);
        });
        if (!is_there) {
            return std::nullopt;
        }
        return job(handle_, message);
    }
    /// The descriptor for a loop of events, readable while there may be a message: ask arm() before each sleep. It is the end's own: neither
    /// read nor close it.
    int pollable()
    {
        int descriptor = -1;
        detail::must([&](crosstie_error *said) { return crosstie_receiver_fd(handle_, &descriptor, said); });
        return descriptor;
    }
    /// Says that the descriptor is to be polled now; true where there is a message, an end or a death already: do not sleep then, receive.
    bool arm()
    {
        std::uint32_t is_ready = 0;
        detail::must([&](crosstie_error *said) { return crosstie_receiver_arm(handle_, &is_ready, said); });
        return is_ready != 0;
    }

private:
    template <typename InHand, typename Take>
    std::optional<InHand> taken(Take take, deadline until)
    {
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        crosstie_error said;
        crosstie_status status = take(handle_, until.ns(), &message, &said);
        if (status == CROSSTIE_E_CLOSED) {
            return std::nullopt;
        }
        detail::check_message(status, said, message);
        return InHand(handle_, message);
    }
    std::size_t room_ = 256;
};

/// Both directions of one connection.
using connection = std::pair<sender, receiver>;

/// Connects to a listener at `address`.
inline connection connect(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
{
    crosstie_sender *out = nullptr;
    crosstie_receiver *in = nullptr;
    detail::must([&](crosstie_error *said) { return crosstie_connect(address.c_str(), &options, &out, &in, said); });
    return connection(sender(out), receiver(in));
}

/// Listens at an address for connections.
class listener : public detail::owned<crosstie_listener, crosstie_listener_close> {
public:
    explicit listener(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
    {
        detail::must([&](crosstie_error *said) { return crosstie_listener_open(address.c_str(), &options, &handle_, said); });
    }
    connection accept(deadline until = deadline::never())
    {
        crosstie_sender *out = nullptr;
        crosstie_receiver *in = nullptr;
        detail::must([&](crosstie_error *said) { return crosstie_listener_accept(handle_, until.ns(), &out, &in, said); });
        return connection(sender(out), receiver(in));
    }
    /// Where to connect to.
    std::string address() const
    {
        std::string text(512, '\0');
        detail::must([&](crosstie_error *said) {
            return crosstie_listener_place(handle_, nullptr, &text[0], text.size(), said);
        });
        return text.c_str();
    }
};

} // namespace crosstie

#endif
