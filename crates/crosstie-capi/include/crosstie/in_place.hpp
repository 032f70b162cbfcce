// What an end of a channel has in hand: room to write a message in, a message where it lies, a job until it is done. Include crosstie.hpp.
#ifndef CROSSTIE_IN_PLACE_HPP
#define CROSSTIE_IN_PLACE_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base.hpp"

namespace crosstie {

/// Room for a message that a sender has lent: in shared memory where the receiver will read it. Made by sender::reserve; what goes without
/// commit() is not sent. As long as it is there its sender sends nothing else.
class loan : public detail::in_hand<crosstie_sender, crosstie_sender_cancel> {
public:
    std::size_t size() const noexcept { return size_; }
    /// Writes the `bytes` bytes at `data` to `offset` and on; an error of CROSSTIE_E_USAGE where the room ends before.
    void write(std::size_t offset, const void *data, std::size_t bytes)
    {
        detail::must([&](crosstie_error *said) { return crosstie_sender_write(of_, offset, data, bytes, said); });
    }
    void write(std::size_t offset, std::string_view part) { write(offset, part.data(), part.size()); }
    /// Sends what was written. Elsewhere than in shared memory it waits as long as sender::reserve was told.
    void commit()
    {
        detail::must([&](crosstie_error *said) { return crosstie_sender_commit(taken(), said); });
    }
    /// Gives the room back now: nothing is sent.
    void cancel()
    {
        detail::must([&](crosstie_error *said) { return crosstie_sender_cancel(taken(), said); });
    }

private:
    friend class sender;
    loan(crosstie_sender *sender, std::size_t size) noexcept : in_hand(sender), size_(size) {}
    std::size_t size_;
};

/// Messages of a topic were overwritten before they were received: an error of CROSSTIE_E_LOST. What follows them is received next.
class lost_messages : public error {
public:
    lost_messages(const crosstie_error &said, const crosstie_message &message)
        : error(CROSSTIE_E_LOST, said), first_(message.number), count_(message.lost)
    {
    }
    /// The number of the first one.
    std::uint64_t first() const noexcept { return first_; }
    std::uint64_t count() const noexcept { return count_; }

private:
    std::uint64_t first_;
    std::uint64_t count_;
};

namespace detail {

/// As check, of what was to tell `message` of a message.
inline void check_message(crosstie_status status, const crosstie_error &said, const crosstie_message &message)
{
    if (status == CROSSTIE_E_LOST) {
        throw lost_messages(said, message);
    }
    check(status, said);
}

} // namespace detail

/// A message where it lies, made by receiver::receive_in_place: acknowledged when it goes. Where this process dies before, the next receiver of
/// a ring or a queue gets it. As long as it is there its receiver receives nothing else.
class lent_message : public detail::in_hand<crosstie_receiver, crosstie_received> {
public:
    /// A view into the library's memory, until this goes.
    std::string_view bytes() const noexcept
    {
        return std::string_view(static_cast<const char *>(message_.data), message_.bytes);
    }
    /// The process that sent it; 0 where that is not known.
    std::uint32_t sender_pid() const noexcept { return message_.sender_pid; }
    /// Of a topic, its number; else 0.
    std::uint64_t number() const noexcept { return message_.number; }
    /// Acknowledges it now; the view is none any more.
    void received()
    {
        detail::must([&](crosstie_error *said) { return crosstie_received(taken(), said); });
    }

private:
    friend class receiver;
    lent_message(crosstie_receiver *receiver, const crosstie_message &message) noexcept
        : in_hand(receiver), message_(message)
    {
    }
    crosstie_message message_;
};

/// A job of a queue in hand, made by receiver::receive_job. What goes without done(), also because an exception came by or the process was
/// killed, is delivered again: to another receiver or to this one, until it was as often as the queue allows; then it is a dead letter.
class job : public detail::in_hand<crosstie_receiver, crosstie_job_fail> {
public:
    /// A view into the library's memory, until the job is done or goes.
    std::string_view bytes() const noexcept
    {
        return std::string_view(static_cast<const char *>(message_.data), message_.bytes);
    }
    /// Which delivery this is, from 1.
    std::uint32_t deliveries() const noexcept { return message_.deliveries; }
    /// It was delivered before: somebody may have done it, or half of it.
    bool redelivered() const noexcept { return message_.deliveries > 1; }
    /// Says that it is done: nobody gets it again. An error of CROSSTIE_E_LOST where its lease was over and another has it.
    void done()
    {
        detail::must([&](crosstie_error *said) { return crosstie_job_done(taken(), said); });
    }
    /// Says that it has failed, as going without done() does; throws as done().
    void fail()
    {
        detail::must([&](crosstie_error *said) { return crosstie_job_fail(taken(), said); });
    }
    /// Says that nobody can do it: it is a dead letter at once. Throws as done().
    void reject()
    {
        detail::must([&](crosstie_error *said) { return crosstie_job_reject(taken(), said); });
    }

private:
    friend class receiver;
    job(crosstie_receiver *receiver, const crosstie_message &message) noexcept : in_hand(receiver), message_(message) {}
    crosstie_message message_;
};

} // namespace crosstie

#endif
