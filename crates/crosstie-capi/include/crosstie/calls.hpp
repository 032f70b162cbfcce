// Calling and answering: a client, a server, a call in hand and a reply. Include crosstie.hpp.
#ifndef CROSSTIE_CALLS_HPP
#define CROSSTIE_CALLS_HPP

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "base.hpp"

namespace crosstie {

/// What a call was answered: a view into the library's memory, until it goes.
class reply : public detail::owned<crosstie_reply, crosstie_reply_close> {
public:
    std::string_view bytes() const noexcept
    {
        return std::string_view(static_cast<const char *>(message_.data), message_.bytes);
    }

private:
    friend class client;
    crosstie_message message_ = CROSSTIE_MESSAGE_INIT;
};

/// Who calls a server. Several threads may call by one client at once.
class client : public detail::owned<crosstie_client, crosstie_client_close> {
public:
    explicit client(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_client_open(address.c_str(), &options, &handle_, said);
        });
    }

    /// Calls, and waits for the reply. A refusal is an error of CROSSTIE_E_NEGATIVE with the server's words; behind
    /// CROSSTIE_E_PEER_DIED, CROSSTIE_E_CLOSED and CROSSTIE_E_TIMED_OUT it is not known whether it was done.
    [[nodiscard]] reply call_in_place(std::string_view request, deadline until = deadline::never())
    {
        reply answer;
        detail::must([&](crosstie_error *said) {
            return crosstie_call_in_place(handle_, request.data(), request.size(), until.ns(), &answer.handle_,
                                          &answer.message_, said);
        });
        return answer;
    }
    /// As call_in_place, with the reply as a string.
    std::string call(std::string_view request, deadline until = deadline::never())
    {
        return std::string(call_in_place(request, until).bytes());
    }
};

/// A call that is to be answered. Whose call goes without that is told that the server does not reply.
class call_in_hand : public detail::owned<crosstie_call_in_hand, crosstie_call_close> {
public:
    /// A view into the library's memory, until the call is answered or goes.
    std::string_view request() const noexcept
    {
        return std::string_view(static_cast<const char *>(message_.data), message_.bytes);
    }
    /// 0 where the mechanism does not tell.
    std::uint32_t client_pid() const noexcept { return message_.sender_pid; }
    /// A server died that had it in hand: it may be done already.
    bool repeated() const noexcept { return message_.deliveries > 1; }
    /// Answers it. That nobody waits for it any more is no error.
    void reply(std::string_view answer)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_call_reply(taken(), answer.data(), answer.size(), said);
        });
    }
    /// Answers that there is no reply, and why.
    void refuse(const std::string &why)
    {
        detail::must([&](crosstie_error *said) { return crosstie_call_refuse(taken(), why.c_str(), said); });
    }

private:
    friend class server;
    /// Answering frees the handle, whatever it answers.
    crosstie_call_in_hand *taken() noexcept
    {
        message_ = CROSSTIE_MESSAGE_INIT;
        return std::exchange(handle_, nullptr);
    }
    crosstie_message message_ = CROSSTIE_MESSAGE_INIT;
};

/// Who answers calls. A pool of threads may take calls by one server.
class server : public detail::owned<crosstie_server, crosstie_server_close> {
public:
    explicit server(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_server_open(address.c_str(), &options, &handle_, said);
        });
    }

    /// The next call.
    [[nodiscard]] call_in_hand take(deadline until = deadline::never())
    {
        call_in_hand call;
        detail::must([&](crosstie_error *said) {
            return crosstie_server_take(handle_, until.ns(), &call.handle_, &call.message_, said);
        });
        return call;
    }
    /// Nothing where nobody calls.
    [[nodiscard]] std::optional<call_in_hand> try_take()
    {
        call_in_hand call;
        bool is_there = detail::may(CROSSTIE_E_BUSY, [&](crosstie_error *said) {
            return crosstie_server_take(handle_, CROSSTIE_TRY, &call.handle_, &call.message_, said);
        });
        if (!is_there) {
            return std::nullopt;
        }
        return call;
    }
    /// Takes one call and answers it with what `work` makes of the request; a std::exception of `work` refuses it with its words.
    template <typename Work>
    void answer(Work work, deadline until = deadline::never())
    {
        call_in_hand call = take(until);
        std::string made;
        try {
            made = work(call.request());
        } catch (const std::exception &refusal) {
            call.refuse(refusal.what());
            return;
        }
        call.reply(made);
    }
};

} // namespace crosstie

#endif
