// Calling and answering: a client, a call in flight and its reply; a server and a call in hand. Include crosstie.hpp.
#ifndef CROSSTIE_CALLS_HPP
#define CROSSTIE_CALLS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
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
    friend class pending;
    crosstie_message message_ = CROSSTIE_MESSAGE_INIT;
};

/// A call in flight; the reply is asked for later. One that goes before its reply is cancelled: its server sees that nobody waits any more.
class pending : public detail::owned<crosstie_pending, crosstie_pending_close> {
public:
    /// Waits for the reply; errors are as those of client::call. CROSSTIE_E_BUSY with a code() of 0: it is not there in that time, and the call goes on.
    [[nodiscard]] crosstie::reply reply(deadline until = deadline::never())
    {
        crosstie::reply answer;
        detail::must([&](crosstie_error *said) { return ask(until, answer, said); });
        return answer;
    }
    /// Nothing while there is none; the call goes on.
    [[nodiscard]] std::optional<crosstie::reply> try_reply(deadline until = deadline::now())
    {
        crosstie::reply answer;
        crosstie_error said;
        crosstie_status status = ask(until, answer, &said);
        if (status == CROSSTIE_E_BUSY && said.code == 0) {
            return std::nullopt;
        }
        detail::check(status, said);
        return answer;
    }

private:
    friend class client;
    crosstie_status ask(deadline until, crosstie::reply &answer, crosstie_error *said)
    {
        return crosstie_pending_reply(handle_, until.ns(), &answer.handle_, &answer.message_, said);
    }
};

/// The replies to one call, as they come. Those that go before the last reply cancel the call.
class replies : public detail::owned<crosstie_replies, crosstie_replies_close> {
public:
    /// The next reply, a view into the library's memory until the next one; nothing behind the last. Errors are as those of client::call, and the
    /// stream is over; CROSSTIE_E_BUSY with a code() of 0: there is none in that time, and it goes on.
    [[nodiscard]] std::optional<std::string_view> next(deadline until = deadline::never())
    {
        crosstie_message message = CROSSTIE_MESSAGE_INIT;
        detail::must([&](crosstie_error *said) { return crosstie_replies_next(handle_, until.ns(), &message, said); });
        if (message.data == nullptr) {
            return std::nullopt;
        }
        return std::string_view(static_cast<const char *>(message.data), message.bytes);
    }

private:
    friend class client;
};

/// How a call is made.
struct call_options {
    std::uint64_t flags = 0;
};

/// To do it twice is as good as once: the next server gets the call when one dies with it in hand.
inline constexpr call_options idempotent{CROSSTIE_CALL_IDEMPOTENT};

/// Who calls a server. Several threads may call by one client at once.
class client : public detail::owned<crosstie_client, crosstie_client_close> {
public:
    explicit client(const std::string &address, const crosstie_end_options &options = CROSSTIE_END_OPTIONS_INIT)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_client_open(address.c_str(), &options, &handle_, said);
        });
    }

    /// Calls, and waits for the reply. A refusal is an error of CROSSTIE_E_NEGATIVE, or of the status that the server chose, with its words and its
    /// code(); behind CROSSTIE_E_PEER_DIED, CROSSTIE_E_CLOSED and CROSSTIE_E_TIMED_OUT it is not known whether it was done.
    [[nodiscard]] reply call_in_place(std::string_view request, deadline until = deadline::never(), call_options how = {})
    {
        reply answer;
        crosstie_call_options options = asked(how);
        detail::must([&](crosstie_error *said) {
            return crosstie_call_with(handle_, request.data(), request.size(), until.ns(), &options, &answer.handle_,
                                      &answer.message_, said);
        });
        return answer;
    }
    /// As call_in_place, with the reply as a string.
    std::string call(std::string_view request, deadline until = deadline::never(), call_options how = {})
    {
        return std::string(call_in_place(request, until, how).bytes());
    }
    /// Sends a call, whose reply is asked for later. What is in flight may outlive its client.
    [[nodiscard]] pending start(std::string_view request, deadline until = deadline::never(), call_options how = {})
    {
        pending flight;
        crosstie_call_options options = asked(how);
        detail::must([&](crosstie_error *said) {
            return crosstie_call_start(handle_, request.data(), request.size(), until.ns(), &options, &flight.handle_,
                                       said);
        });
        return flight;
    }
    /// Calls for many replies; the deadline is for all of them together.
    [[nodiscard]] replies stream(std::string_view request, deadline until = deadline::never())
    {
        replies coming;
        detail::must([&](crosstie_error *said) {
            return crosstie_client_stream(handle_, request.data(), request.size(), until.ns(), &coming.handle_, said);
        });
        return coming;
    }

private:
    static crosstie_call_options asked(call_options how) noexcept
    {
        crosstie_call_options options = CROSSTIE_CALL_OPTIONS_INIT;
        options.flags = how.flags;
        return options;
    }
};

/// Many replies to one call. One that goes before end() tells its caller, behind the replies, that these are not all.
class reply_stream : public detail::owned<crosstie_reply_stream, crosstie_stream_close> {
public:
    /// Sends the next reply; waits while the caller does not take them. CROSSTIE_E_CLOSED: nobody does any more, stop.
    void send(std::string_view reply, deadline until = deadline::never())
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_stream_send(handle_, reply.data(), reply.size(), until.ns(), said);
        });
    }
    /// Nobody takes the replies any more.
    bool cancelled() const
    {
        std::uint32_t is_cancelled = 0;
        detail::must([&](crosstie_error *said) { return crosstie_stream_look(handle_, &is_cancelled, said); });
        return is_cancelled != 0;
    }
    /// Says that there are no more. The handle is of no use from then on.
    void end()
    {
        detail::must([&](crosstie_error *said) { return crosstie_stream_end(handle_, said); });
    }
    /// Says that there are no more because something went wrong, as call_in_hand::refuse.
    void refuse(const std::string &why, std::uint32_t code = 0, crosstie_status status = CROSSTIE_E_NEGATIVE)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_stream_refuse_with(handle_, status, code, why.c_str(), said);
        });
    }

private:
    friend class call_in_hand;
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
    /// To do it twice is as good as once, as its caller said.
    bool idempotent() const { return (look().flags & CROSSTIE_CALL_IDEMPOTENT) != 0; }
    /// Nobody waits for the reply any more: the caller gave up, or died.
    bool cancelled() const { return (look().flags & CROSSTIE_CALL_CANCELLED) != 0; }
    /// Until when the caller waits.
    deadline until() const { return deadline::at_ns(look().deadline_ns); }
    /// For how long the caller still waits; nothing: for as long as it takes.
    std::optional<std::chrono::nanoseconds> remaining() const
    {
        std::uint64_t left = look().remaining_ns;
        if (left == CROSSTIE_WAIT_FOREVER) {
            return std::nullopt;
        }
        return std::chrono::nanoseconds(left);
    }
    /// Its caller takes many replies.
    bool takes_stream() const { return (look().flags & CROSSTIE_CALL_STREAM) != 0; }
    /// Answers it with many replies. CROSSTIE_E_MISMATCH: its caller takes one, and is told the same.
    [[nodiscard]] reply_stream stream()
    {
        reply_stream going;
        end([&](crosstie_error *said) { return crosstie_call_stream(handle_, &going.handle_, said); });
        return going;
    }
    /// Answers it. That nobody waits for it any more is no error.
    void reply(std::string_view answer)
    {
        end([&](crosstie_error *said) { return crosstie_call_reply(handle_, answer.data(), answer.size(), said); });
    }
    /// Answers that there is no reply, and why: the caller gets an error of that status, with the text and the code; 0 is the status's own in the shell.
    void refuse(const std::string &why, std::uint32_t code = 0, crosstie_status status = CROSSTIE_E_NEGATIVE)
    {
        end([&](crosstie_error *said) {
            return crosstie_call_refuse_with(handle_, status, code, why.c_str(), said);
        });
    }

private:
    friend class server;
    crosstie_call_state look() const
    {
        crosstie_call_state state = CROSSTIE_CALL_STATE_INIT;
        detail::must([&](crosstie_error *said) { return crosstie_call_look(handle_, &state, said); });
        return state;
    }
    /// What is answered has no handle any more, whatever the answer; what was not, stays in hand.
    template <typename Call>
    void end(Call call)
    {
        crosstie_error said;
        crosstie_status status = call(&said);
        if (status != CROSSTIE_E_USAGE && status != CROSSTIE_E_BUSY) {
            handle_ = nullptr;
            message_ = CROSSTIE_MESSAGE_INIT;
        }
        detail::check(status, said);
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
    /// Ends the serving, from any thread: who waits for a call gets CROSSTIE_E_CLOSED; calls in hand can still be answered.
    void stop()
    {
        detail::must([&](crosstie_error *said) { return crosstie_server_stop(handle_, said); });
    }
    /// Takes one call and answers it with what `work` makes of the request; a std::exception of `work` refuses it with its words, a crosstie::error
    /// with its status too.
    template <typename Work>
    void answer(Work work, deadline until = deadline::never())
    {
        call_in_hand call = take(until);
        std::string made;
        try {
            made = work(call.request());
        } catch (const error &refusal) {
            call.refuse(refusal.what(), 0, refusal.status());
            return;
        } catch (const std::exception &refusal) {
            call.refuse(refusal.what());
            return;
        }
        call.reply(made);
    }
};

} // namespace crosstie

#endif
