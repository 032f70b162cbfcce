// What there is, who has it and who waits; what an address can. Include crosstie.hpp.
#ifndef CROSSTIE_INSPECT_HPP
#define CROSSTIE_INSPECT_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base.hpp"
#include "json.hpp"

namespace crosstie {

/// A thread, or a command that was given a lock.
struct participant {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::string command;
};

/// Who has an object, or a part of it.
struct holder : participant {
    /// How many permits; of a lock 1.
    std::uint64_t units = 0;
};

/// Who waits at an object.
struct waiter : participant {
    /// What it waits for, in words.
    std::string waits_for;
    std::chrono::nanoseconds waited{0};
    bool has_deadline = false;
    /// By a signal or a debugger.
    bool is_stopped = false;
    bool is_stalled = false;
};

/// What an object stands at: of each kind what it has.
struct standing {
    std::optional<std::uint64_t> count;         // of a count
    std::optional<bool> is_set;                 // of an event
    std::optional<bool> is_done;                // of what is done once
    std::optional<bool> is_used;                // of what has no name: false is left behind
    std::optional<std::uint64_t> taken, total;  // permits
    std::optional<std::uint64_t> arrived;       // at a barrier, of its total
    std::optional<bool> is_broken;              // a barrier
};

/// An object of a domain, as `crosstie ls --json` has it.
struct object {
    /// "lock:db".
    std::string name;
    /// "lock".
    std::string kind;
    std::string description;
    standing value;
    std::vector<holder> held_by;
    /// First come first.
    std::vector<waiter> waiting;
    /// Its last owner died while it had it.
    bool is_abandoned = false;
    bool is_stalled = false;
    /// Why nobody can open it.
    std::optional<std::string> damage;
};

namespace detail {

/// Reads `key` of a participant; false where it is none of its members.
inline bool read_member(json &from, const std::string &key, participant &to)
{
    if (key == "pid") {
        to.pid = static_cast<std::uint32_t>(from.number());
    } else if (key == "tid") {
        to.tid = static_cast<std::uint32_t>(from.number());
    } else if (key == "command") {
        to.command = from.text();
    } else {
        return false;
    }
    return true;
}

inline void read(json &from, holder &to)
{
    from.members([&](const std::string &key) {
        if (key == "units") {
            to.units = from.number();
        } else if (!read_member(from, key, to)) {
            from.skip();
        }
    });
}

inline void read(json &from, waiter &to)
{
    from.members([&](const std::string &key) {
        if (key == "waits_for") {
            to.waits_for = from.text();
        } else if (key == "waited_ns") {
            to.waited = std::chrono::nanoseconds(from.number());
        } else if (key == "has_deadline") {
            to.has_deadline = from.truth();
        } else if (key == "is_stopped") {
            to.is_stopped = from.truth();
        } else if (key == "is_stalled") {
            to.is_stalled = from.truth();
        } else if (!read_member(from, key, to)) {
            from.skip();
        }
    });
}

inline void read(json &from, standing &to)
{
    from.members([&](const std::string &key) {
        if (key == "count") {
            to.count = from.number();
        } else if (key == "is_set") {
            to.is_set = from.truth();
        } else if (key == "is_done") {
            to.is_done = from.truth();
        } else if (key == "is_used") {
            to.is_used = from.truth();
        } else if (key == "taken") {
            to.taken = from.number();
        } else if (key == "total") {
            to.total = from.number();
        } else if (key == "arrived") {
            to.arrived = from.number();
        } else if (key == "is_broken") {
            to.is_broken = from.truth();
        } else {
            from.skip();
        }
    });
}

template <typename Element>
void read(json &from, std::vector<Element> &to)
{
    from.elements([&] { read(from, to.emplace_back()); });
}

inline void read(json &from, object &to)
{
    from.members([&](const std::string &key) {
        if (from.is_null()) {
            // As it is: without a value, without damage.
        } else if (key == "name") {
            to.name = from.text();
        } else if (key == "kind") {
            to.kind = from.text();
        } else if (key == "description") {
            to.description = from.text();
        } else if (key == "value") {
            read(from, to.value);
        } else if (key == "held_by") {
            read(from, to.held_by);
        } else if (key == "waiting") {
            read(from, to.waiting);
        } else if (key == "is_abandoned") {
            to.is_abandoned = from.truth();
        } else if (key == "is_stalled") {
            to.is_stalled = from.truth();
        } else if (key == "damage") {
            to.damage = from.text();
        } else {
            from.skip();
        }
    });
}

} // namespace detail

/// What is in `domain` (NULL: the default domain) as crosstie_list writes it: one JSON document.
inline std::string list_as_json(const char *domain = nullptr)
{
    std::string text(4096, '\0');
    for (;;) {
        std::size_t bytes = 0;
        bool fits = detail::may(CROSSTIE_E_TOO_LARGE, [&](crosstie_error *said) {
            return crosstie_list(domain, &text[0], text.size(), &bytes, said);
        });
        if (fits) {
            text.resize(bytes - 1);
            return text;
        }
        // There may be more at the next call.
        text.resize(bytes + bytes / 8);
    }
}

/// What is in `domain` (NULL: the default domain), who has it and who waits. It reads only, and waits for nobody.
inline std::vector<object> list(const char *domain = nullptr)
{
    std::vector<object> objects;
    std::string text = list_as_json(domain);
    detail::json from(text);
    from.members([&](const std::string &key) {
        if (key == "objects") {
            detail::read(from, objects);
        } else {
            from.skip();
        }
    });
    return objects;
}

/// Removes the object "kind:name" ("lock:db") that nobody has open; of "posix:/name" the name goes, whoever has it open.
inline void remove(const std::string &object, const char *domain = nullptr)
{
    detail::must([&](crosstie_error *said) { return crosstie_remove(object.c_str(), domain, said); });
}

/// What the mechanism of an address can; docs/delivery.md has the same as a table.
class capabilities {
public:
    /// Opens nothing; an error of CROSSTIE_E_USAGE, with what was meant, where `address` is none.
    explicit capabilities(const std::string &address)
    {
        detail::must([&](crosstie_error *said) { return crosstie_address_check(address.c_str(), &can_, said); });
    }
    /// CROSSTIE_CAN_LEND and others.
    bool can(std::uint32_t what) const noexcept { return (can_.can & what) == what; }
    /// CROSSTIE_BEST_EFFORT, CROSSTIE_AT_MOST_ONCE, CROSSTIE_AT_LEAST_ONCE.
    std::uint32_t delivery() const noexcept { return can_.delivery; }
    /// CROSSTIE_UNTAKEN_LOST, CROSSTIE_UNTAKEN_KEPT_WHILE_OPEN, CROSSTIE_UNTAKEN_KEPT.
    std::uint32_t untaken() const noexcept { return can_.untaken; }
    /// As in an address: "queue".
    std::string mechanism() const { return can_.mechanism; }

private:
    crosstie_capabilities can_ = CROSSTIE_CAPABILITIES_INIT;
};

/// Throws an error of CROSSTIE_E_MISMATCH where this program was compiled with a header that its library is not for.
inline void check_library()
{
    crosstie_error said = {CROSSTIE_E_MISMATCH, 0, "the library has another version than crosstie.h: compile anew", 0};
    detail::check(crosstie_abi_check(CROSSTIE_VERSION_NUMBER), said);
}

} // namespace crosstie

#endif
