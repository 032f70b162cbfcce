// Crosstie for C++17: the handles of crosstie.h that close themselves, guards that release, and errors that are thrown.
//
// Header only. A deadlock, a time-out and every other refusal is a crosstie::error, except for what was only tried.
#ifndef CROSSTIE_HPP
#define CROSSTIE_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "crosstie.h"

namespace crosstie {

/// What went wrong: the status, its id, and the text of crosstie_error.
class error : public std::runtime_error {
public:
    error(crosstie_status status, const crosstie_error &said)
        : std::runtime_error(said.text), status_(status), os_error_(said.os_error)
    {
    }

    crosstie_status status() const noexcept { return status_; }
    /// "timed-out", "deadlock": the same in every language.
    const char *id() const noexcept { return crosstie_status_name(status_); }
    /// errno, where it was the kernel that refused; else 0.
    int os_error() const noexcept { return os_error_; }

private:
    crosstie_status status_;
    int os_error_;
};

namespace detail {

inline void check(crosstie_status status, const crosstie_error &said)
{
    if (status != CROSSTIE_OK) {
        throw error(status, said);
    }
}

/// A handle that closes itself.
template <typename Handle, crosstie_status (*Close)(Handle *, crosstie_error *)>
class owned {
public:
    owned() noexcept = default;
    owned(const owned &) = delete;
    owned &operator=(const owned &) = delete;
    owned(owned &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    owned &operator=(owned &&other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~owned()
    {
        if (handle_ != nullptr) {
            // Refused while a thread has a turn by it: then it stays open.
            (void)Close(handle_, nullptr);
        }
    }

    /// The handle of crosstie.h.
    Handle *native_handle() const noexcept { return handle_; }

protected:
    Handle *handle_ = nullptr;
};

} // namespace detail

/// Until when to wait.
class deadline {
public:
    /// Tries once.
    static deadline now() noexcept { return deadline(CROSSTIE_TRY); }
    static deadline never() noexcept { return deadline(CROSSTIE_WAIT_FOREVER); }
    /// From now on.
    template <typename Rep, typename Period>
    static deadline in(std::chrono::duration<Rep, Period> timeout) noexcept
    {
        auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(timeout).count();
        return deadline(crosstie_in_ns(ns < 0 ? 0 : static_cast<std::uint64_t>(ns)));
    }
    std::uint64_t ns() const noexcept { return ns_; }

private:
    explicit deadline(std::uint64_t ns) noexcept : ns_(ns) {}
    std::uint64_t ns_;
};

/// What is held until it goes; made by lock::take and lock::try_take.
class lock_guard {
public:
    lock_guard(const lock_guard &) = delete;
    lock_guard &operator=(const lock_guard &) = delete;
    lock_guard &operator=(lock_guard &&) = delete;
    lock_guard(lock_guard &&other) noexcept : lock_(std::exchange(other.lock_, nullptr)), turn_(other.turn_) {}
    ~lock_guard()
    {
        if (lock_ != nullptr) {
            (void)crosstie_lock_release(lock_, nullptr);
        }
    }

    /// The fencing number: larger than that of every exclusive owner before.
    std::uint64_t token() const noexcept { return turn_.token; }
    /// The last owner died while it had it: what it protects may be half done.
    bool abandoned() const noexcept { return (turn_.flags & CROSSTIE_ABANDONED) != 0; }
    /// Who that was.
    std::string dead_owner() const { return turn_.dead_who; }
    /// Says that what it protects is whole again.
    void mark_mended()
    {
        crosstie_error said;
        detail::check(crosstie_lock_mark_mended(lock_, &said), said);
    }
    /// Releases now, and throws crosstie::error of CROSSTIE_E_LOST where it had been taken away by force.
    void release()
    {
        crosstie_error said;
        detail::check(crosstie_lock_release(std::exchange(lock_, nullptr), &said), said);
    }

private:
    friend class lock;
    lock_guard(crosstie_lock *lock, const crosstie_turn &turn) noexcept : lock_(lock), turn_(turn) {}
    crosstie_lock *lock_;
    crosstie_turn turn_;
};

/// A lock that processes share by its name: what `crosstie lock NAME` takes.
class lock : public detail::owned<crosstie_lock, crosstie_lock_close> {
public:
    explicit lock(const std::string &name, const crosstie_lock_options &options = CROSSTIE_LOCK_OPTIONS_INIT)
    {
        crosstie_error said;
        detail::check(crosstie_lock_open(name.c_str(), &options, &handle_, &said), said);
    }

    [[nodiscard]] lock_guard take(deadline until = deadline::never()) { return take_as(CROSSTIE_EXCLUSIVE, until); }
    [[nodiscard]] lock_guard take_shared(deadline until = deadline::never()) { return take_as(CROSSTIE_SHARED, until); }
    /// Nothing where somebody else has it.
    [[nodiscard]] std::optional<lock_guard> try_take(std::uint32_t access = CROSSTIE_EXCLUSIVE)
    {
        crosstie_error said;
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        crosstie_status status = crosstie_lock_take(handle_, access, CROSSTIE_TRY, &turn, &said);
        if (status == CROSSTIE_E_BUSY) {
            return std::nullopt;
        }
        detail::check(status, said);
        return lock_guard(handle_, turn);
    }

private:
    lock_guard take_as(std::uint32_t access, deadline until)
    {
        crosstie_error said;
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        detail::check(crosstie_lock_take(handle_, access, until.ns(), &turn, &said), said);
        return lock_guard(handle_, turn);
    }
};

/// A permit that is held until it goes; made by semaphore::acquire and semaphore::try_acquire.
class permit {
public:
    permit(const permit &) = delete;
    permit &operator=(const permit &) = delete;
    permit &operator=(permit &&) = delete;
    permit(permit &&other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)), turn_(other.turn_) {}
    ~permit()
    {
        if (semaphore_ != nullptr) {
            (void)crosstie_semaphore_release(semaphore_, nullptr);
        }
    }

    /// Which of the permits it is, from 0.
    std::uint32_t index() const noexcept { return turn_.index; }
    std::uint64_t token() const noexcept { return turn_.token; }

private:
    friend class semaphore;
    permit(crosstie_semaphore *semaphore, const crosstie_turn &turn) noexcept : semaphore_(semaphore), turn_(turn) {}
    crosstie_semaphore *semaphore_;
    crosstie_turn turn_;
};

/// Permits that have owners: what `crosstie sem NAME` takes.
class semaphore : public detail::owned<crosstie_semaphore, crosstie_semaphore_close> {
public:
    semaphore(const std::string &name, std::uint32_t permits,
              const crosstie_semaphore_options &options = CROSSTIE_SEMAPHORE_OPTIONS_INIT)
    {
        crosstie_error said;
        detail::check(crosstie_semaphore_open(name.c_str(), permits, &options, &handle_, &said), said);
    }

    [[nodiscard]] permit acquire(deadline until = deadline::never())
    {
        crosstie_error said;
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        detail::check(crosstie_semaphore_acquire(handle_, until.ns(), &turn, &said), said);
        return permit(handle_, turn);
    }
    /// Nothing where all are taken.
    [[nodiscard]] std::optional<permit> try_acquire()
    {
        crosstie_error said;
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        crosstie_status status = crosstie_semaphore_acquire(handle_, CROSSTIE_TRY, &turn, &said);
        if (status == CROSSTIE_E_BUSY) {
            return std::nullopt;
        }
        detail::check(status, said);
        return permit(handle_, turn);
    }
};

/// The end of a channel that sends; it says when it goes that nothing more comes.
class sender : public detail::owned<crosstie_sender, crosstie_sender_close> {
public:
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

private:
    std::size_t room_ = 256;
};

} // namespace crosstie

#endif
