// Talking: the ends of channels, and connections. Include crosstie.hpp.
#ifndef CROSSTIE_TALK_HPP
#define CROSSTIE_TALK_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base.hpp"

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
    void send(const std::string &message, deadline until = deadline::never())
    {
        send(message.data(), message.size(), until);
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

    /// The next message; nothing when the sender said that no more comes. A sender that died is an error of CROSSTIE_E_PEER_DIED.
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
            detail::check(status, said);
            room.resize(message.bytes);
            return room;
        }
    }

    /// A message where it lies: a view into the library's memory, until it goes and is acknowledged with that.
    class lent_message {
    public:
        lent_message(const lent_message &) = delete;
        lent_message &operator=(const lent_message &) = delete;
        lent_message(lent_message &&other) noexcept
            : receiver_(std::exchange(other.receiver_, nullptr)), message_(other.message_)
        {
        }
        ~lent_message()
        {
            if (receiver_ != nullptr) {
                (void)crosstie_received(receiver_, nullptr);
            }
        }
        std::string_view bytes() const noexcept
        {
            return std::string_view(static_cast<const char *>(message_.data), message_.bytes);
        }
        std::uint32_t sender_pid() const noexcept { return message_.sender_pid; }

    private:
        friend class receiver;
        lent_message(crosstie_receiver *receiver, const crosstie_message &message) noexcept
            : receiver_(receiver), message_(message)
        {
        }
        crosstie_receiver *receiver_;
        crosstie_message message_;
    };
    /// As receive, without a copy where the mechanism lends.
    std::optional<lent_message> receive_in_place(deadline until = deadline::never())
    {
        crosstie_error said;
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        crosstie_status status = crosstie_receive_in_place(handle_, until.ns(), &message, &said);
        if (status == CROSSTIE_E_CLOSED) {
            return std::nullopt;
        }
        detail::check(status, said);
        return lent_message(handle_, message);
    }

private:
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
