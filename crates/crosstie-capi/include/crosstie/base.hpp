// What all classes share: errors that are thrown, handles that close themselves, deadlines. Include crosstie.hpp.
#ifndef CROSSTIE_BASE_HPP
#define CROSSTIE_BASE_HPP

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "../crosstie.h"

namespace crosstie {

/// What went wrong: the status, its id, and the text of crosstie_error.
class error : public std::runtime_error {
public:
    error(crosstie_status status, const crosstie_error &said)
        : std::runtime_error(said.text), status_(status), os_error_(said.os_error), code_(said.code)
    {
    }

    crosstie_status status() const noexcept { return status_; }
    /// "timed-out", "deadlock": the same in every language.
    const char *id() const noexcept { return crosstie_status_name(status_); }
    /// errno, where it was the kernel that refused; else 0.
    int os_error() const noexcept { return os_error_; }
    /// Of a call that its server refused, the number that the server said; else 0.
    std::uint32_t code() const noexcept { return code_; }

private:
    crosstie_status status_;
    int os_error_;
    std::uint32_t code_;
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
    explicit owned(Handle *handle) noexcept : handle_(handle) {}
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

/// What is had by a handle, and given back once: by a word of its own, or when it goes. Moved from, it has nothing.
template <typename Handle, crosstie_status (*GiveBack)(Handle *, crosstie_error *)>
class in_hand {
public:
    in_hand(const in_hand &) = delete;
    in_hand &operator=(const in_hand &) = delete;
    in_hand(in_hand &&other) noexcept : of_(other.taken()) {}
    in_hand &operator=(in_hand &&other) noexcept
    {
        if (this != &other) {
            give_back();
            of_ = other.taken();
        }
        return *this;
    }
    ~in_hand() { give_back(); }

protected:
    explicit in_hand(Handle *of) noexcept : of_(of) {}
    /// The handle, by which this has nothing any more.
    Handle *taken() noexcept { return std::exchange(of_, nullptr); }
    Handle *of_;

private:
    void give_back() noexcept
    {
        if (of_ != nullptr) {
            // Refused where it was lost meanwhile, or the handle is closed: then there is nothing to give back.
            (void)GiveBack(taken(), nullptr);
        }
    }
};

/// What who takes a turn was told.
class told {
public:
    /// The fencing number: larger than that of every exclusive owner before.
    std::uint64_t token() const noexcept { return turn_.token; }
    /// The last owner died while it had it: what it protects may be half done.
    bool abandoned() const noexcept { return (turn_.flags & CROSSTIE_ABANDONED) != 0; }
    /// Who that was, in words.
    std::string dead_owner() const { return turn_.dead_who; }
    /// Its process; 0 where that is not known any more.
    std::uint32_t dead_pid() const noexcept { return turn_.dead_pid; }

protected:
    explicit told(const crosstie_turn &turn) noexcept : turn_(turn) {}
    crosstie_turn turn_;
};

/// What answers a status and fills an error, thrown where it is none.
template <typename Call>
void must(Call call)
{
    crosstie_error said;
    check(call(&said), said);
}

/// As must; false where `negative` is answered.
template <typename Call>
bool may(crosstie_status negative, Call call)
{
    crosstie_error said;
    crosstie_status status = call(&said);
    if (status == negative) {
        return false;
    }
    check(status, said);
    return true;
}

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
    /// An instant of crosstie.h.
    static deadline at_ns(std::uint64_t ns) noexcept { return deadline(ns); }
    std::uint64_t ns() const noexcept { return ns_; }

private:
    explicit deadline(std::uint64_t ns) noexcept : ns_(ns) {}
    std::uint64_t ns_;
};

} // namespace crosstie

#endif
