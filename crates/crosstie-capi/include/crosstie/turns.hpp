// Taking turns: locks, semaphores, conditions, monitors and the like. Include crosstie.hpp.
#ifndef CROSSTIE_TURNS_HPP
#define CROSSTIE_TURNS_HPP

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>

#include "base.hpp"

namespace crosstie {

/// What is held until it goes; made by lock::take and lock::try_take.
class lock_guard : public detail::in_hand<crosstie_lock, crosstie_lock_release>, public detail::told {
public:
    /// Says that what it protects is whole again.
    void mark_mended()
    {
        detail::must([&](crosstie_error *said) { return crosstie_lock_mark_mended(of_, said); });
    }
    /// Releases now, and throws crosstie::error of CROSSTIE_E_LOST where it had been taken away by force.
    void release()
    {
        detail::must([&](crosstie_error *said) { return crosstie_lock_release(taken(), said); });
    }

private:
    friend class lock;
    friend class condition;
    lock_guard(crosstie_lock *lock, const crosstie_turn &turn) noexcept : in_hand(lock), told(turn) {}
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

/// A permit that is held until it goes; made by semaphore::acquire and semaphore::try_acquire. Of several by one semaphore and thread the
/// one that was taken last goes back first, whichever object goes.
class permit : public detail::in_hand<crosstie_semaphore, crosstie_semaphore_release> {
public:
    /// Which of the permits it is, from 0.
    std::uint32_t index() const noexcept { return turn_.index; }
    std::uint64_t token() const noexcept { return turn_.token; }
    /// Gives it back now, and throws crosstie::error where it is not had any more.
    void release()
    {
        detail::must([&](crosstie_error *said) { return crosstie_semaphore_release(taken(), said); });
    }

private:
    friend class semaphore;
    permit(crosstie_semaphore *semaphore, const crosstie_turn &turn) noexcept : in_hand(semaphore), turn_(turn) {}
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

/// A condition under a lock. A monitor has no notify to forget.
class condition : public detail::owned<crosstie_condition, crosstie_condition_close> {
public:
    explicit condition(const std::string &name, const char *domain = nullptr)
    {
        detail::must([&](crosstie_error *said) { return crosstie_condition_open(name.c_str(), domain, &handle_, said); });
    }
    /// Gives `held` up, waits to be notified, and has it again; false if nobody notified in time. After an error it is not held.
    bool wait(lock_guard &held, deadline until = deadline::never())
    {
        crosstie_error said;
        crosstie_status status = crosstie_condition_wait(handle_, held.of_, until.ns(), &held.turn_, &said);
        if (status == CROSSTIE_E_TIMED_OUT) {
            return false;
        }
        if (status != CROSSTIE_OK && status != CROSSTIE_E_USAGE) {
            (void)held.taken();
        }
        detail::check(status, said);
        return true;
    }
    void notify(const lock_guard &held, std::uint32_t count = 1)
    {
        detail::must([&](crosstie_error *said) { return crosstie_condition_notify(handle_, held.of_, count, said); });
    }
    void notify_all(const lock_guard &held) { notify(held, CROSSTIE_ALL); }
};

/// Data in shared memory that one at a time enters, and waits inside for them to be as it needs them.
template <typename Data>
class monitor : public detail::owned<crosstie_monitor, crosstie_monitor_close> {
    static_assert(std::is_trivially_copyable<Data>::value && alignof(Data) <= 8, "plain data, without pointers");

public:
    explicit monitor(const std::string &name, const char *domain = nullptr)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_monitor_open(name.c_str(), sizeof(Data), domain, &handle_, said);
        });
    }

    /// The data, as long as this thread is inside.
    class stay : public detail::in_hand<crosstie_monitor, crosstie_monitor_leave>, public detail::told {
    public:
        Data *operator->() const noexcept { return data_; }
        Data &operator*() const noexcept { return *data_; }
        /// Says, after abandoned(), that the data are whole again.
        void mark_mended()
        {
            detail::must([&](crosstie_error *said) { return crosstie_monitor_mark_mended(this->of_, said); });
        }
        /// Waits inside for all of `needs`; false if they were not so in time. After another error it is outside.
        bool wait(std::initializer_list<crosstie_comparison> needs, deadline until = deadline::never())
        {
            crosstie_error said;
            crosstie_status status =
                crosstie_monitor_wait(this->of_, needs.begin(), needs.size(), until.ns(), &this->turn_, &said);
            if (status == CROSSTIE_E_TIMED_OUT) {
                return false;
            }
            if (status != CROSSTIE_OK && status != CROSSTIE_E_USAGE) {
                (void)this->taken();
            }
            detail::check(status, said);
            return true;
        }
        /// Leaves now; the data are not this thread's any more.
        void leave()
        {
            detail::must([&](crosstie_error *said) { return crosstie_monitor_leave(this->taken(), said); });
        }

    private:
        friend class monitor;
        stay(crosstie_monitor *monitor, void *data, const crosstie_turn &turn) noexcept
            : detail::in_hand<crosstie_monitor, crosstie_monitor_leave>(monitor), detail::told(turn),
              data_(static_cast<Data *>(data))
        {
        }
        Data *data_;
    };

    [[nodiscard]] stay enter(deadline until = deadline::never())
    {
        void *data = nullptr;
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        detail::must([&](crosstie_error *said) {
            return crosstie_monitor_enter(handle_, until.ns(), &data, &turn, said);
        });
        return stay(handle_, data, turn);
    }
};

/// That this thread does a thing now that is done once; made by once::begin. What goes without done() is not done: the next does it.
class once_turn : public detail::in_hand<crosstie_once, crosstie_once_give_up>, public detail::told {
public:
    /// Says that it is done, for ever.
    void done()
    {
        detail::must([&](crosstie_error *said) { return crosstie_once_done(taken(), said); });
    }

private:
    friend class once;
    once_turn(crosstie_once *once, const crosstie_turn &turn) noexcept : in_hand(once), told(turn) {}
};

/// Something that is done once, by whoever comes first.
class once : public detail::owned<crosstie_once, crosstie_once_close> {
public:
    explicit once(const std::string &name, const char *domain = nullptr)
    {
        detail::must([&](crosstie_error *said) { return crosstie_once_open(name.c_str(), domain, &handle_, said); });
    }
    /// Nothing where it is done; waits for another that is at it. abandoned() where the last who began it died.
    [[nodiscard]] std::optional<once_turn> begin(deadline until = deadline::never())
    {
        std::uint32_t is_ours = 0;
        crosstie_turn turn = CROSSTIE_TURN_INIT;
        detail::must([&](crosstie_error *said) { return crosstie_once_begin(handle_, until.ns(), &is_ours, &turn, said); });
        if (is_ours == 0) {
            return std::nullopt;
        }
        return once_turn(handle_, turn);
    }
    /// Calls `work` unless it was done; answers whether this call did it. What throws is not done.
    template <typename Work>
    bool call(Work work, deadline until = deadline::never())
    {
        std::optional<once_turn> ours = begin(until);
        if (!ours) {
            return false;
        }
        work();
        ours->done();
        return true;
    }
};

/// The textbook's semaphore, without owners; "posix:/name" is another program's sem_t.
class counter : public detail::owned<crosstie_counter, crosstie_counter_close> {
public:
    explicit counter(const std::string &name, std::uint32_t value = 0, const char *domain = nullptr)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_counter_open(name.c_str(), value, domain, &handle_, said);
        });
    }
    /// One that is not there yet; an error of CROSSTIE_E_ALREADY_EXISTS where it is.
    static counter create(const std::string &name, std::uint32_t value, const char *domain = nullptr)
    {
        counter made;
        detail::must([&](crosstie_error *said) {
            return crosstie_counter_create(name.c_str(), value, domain, &made.handle_, said);
        });
        return made;
    }
    void post()
    {
        detail::must([&](crosstie_error *said) { return crosstie_counter_post(handle_, said); });
    }
    void wait(deadline until = deadline::never())
    {
        detail::must([&](crosstie_error *said) { return crosstie_counter_wait(handle_, until.ns(), said); });
    }
    bool try_wait()
    {
        return detail::may(CROSSTIE_E_BUSY,
                           [&](crosstie_error *said) { return crosstie_counter_wait(handle_, CROSSTIE_TRY, said); });
    }
    /// What it stands at; others may change it at once.
    std::uint32_t value() const
    {
        std::uint32_t value = 0;
        detail::must([&](crosstie_error *said) { return crosstie_counter_value(handle_, &value, said); });
        return value;
    }

private:
    counter() noexcept = default;
};

/// Set or not.
class event : public detail::owned<crosstie_event, crosstie_event_close> {
public:
    explicit event(const std::string &name, std::uint32_t reset = CROSSTIE_EVENT_MANUAL, const char *domain = nullptr)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_event_open(name.c_str(), reset, domain, &handle_, said);
        });
    }
    void set()
    {
        detail::must([&](crosstie_error *said) { return crosstie_event_set(handle_, said); });
    }
    void clear()
    {
        detail::must([&](crosstie_error *said) { return crosstie_event_clear(handle_, said); });
    }
    void wait(deadline until = deadline::never())
    {
        detail::must([&](crosstie_error *said) { return crosstie_event_wait(handle_, until.ns(), said); });
    }
};

/// Whoever comes waits for all.
class barrier : public detail::owned<crosstie_barrier, crosstie_barrier_close> {
public:
    barrier(const std::string &name, std::uint32_t parties, std::uint32_t on_death = CROSSTIE_BARRIER_BREAKS,
            const char *domain = nullptr)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_barrier_open(name.c_str(), parties, on_death, domain, &handle_, said);
        });
    }
    /// Whether this is the one of all who leads.
    bool wait(deadline until = deadline::never())
    {
        std::uint32_t leads = 0;
        detail::must([&](crosstie_error *said) { return crosstie_barrier_wait(handle_, until.ns(), &leads, said); });
        return leads != 0;
    }
    /// Makes one that broke whole again.
    void reset()
    {
        detail::must([&](crosstie_error *said) { return crosstie_barrier_reset(handle_, said); });
    }
};

} // namespace crosstie

#endif
