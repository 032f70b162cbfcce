// Reads the library's own lists, which are JSON. Include crosstie.hpp.
#ifndef CROSSTIE_JSON_HPP
#define CROSSTIE_JSON_HPP

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base.hpp"

namespace crosstie {
namespace detail {

/// A walk over one document. What is no JSON of the library's is an error of CROSSTIE_E_CORRUPT; members that a newer library has are skipped.
class json {
public:
    explicit json(std::string_view text) noexcept : left_(text) {}

    /// Reads an object; `member(key)` reads the value.
    template <typename Member>
    void members(Member member)
    {
        sequence('{', '}', [&] {
            std::string key = text();
            expect(':');
            member(key);
        });
    }
    /// Reads an array; `element()` reads each.
    template <typename Element>
    void elements(Element element)
    {
        sequence('[', ']', element);
    }
    std::string text()
    {
        std::string text;
        expect('"');
        for (char next = take(); next != '"'; next = take()) {
            text += next == '\\' ? escaped() : next;
        }
        return text;
    }
    std::uint64_t number()
    {
        std::uint64_t number = 0;
        bool is_there = false;
        for (blanks(); !left_.empty() && left_[0] >= '0' && left_[0] <= '9'; is_there = true) {
            number = number * 10 + static_cast<std::uint64_t>(take() - '0');
        }
        return is_there ? number : throw corrupt();
    }
    bool truth() { return word("true") || (word("false") ? false : throw corrupt()); }
    /// Reads a null, if there is one.
    bool is_null() { return word("null"); }
    /// Reads over a value.
    void skip()
    {
        switch (peek()) {
        case '{':
            return members([&](const std::string &) { skip(); });
        case '[':
            return elements([&] { skip(); });
        case '"':
            return void(text());
        case 't':
        case 'f':
            return void(truth());
        case 'n':
            return void(is_null());
        default:
            return void(number());
        }
    }

private:
    template <typename Part>
    void sequence(char begin, char end, Part part)
    {
        expect(begin);
        if (peek() == end) {
            return void(take());
        }
        for (;;) {
            part();
            if (peek() == end) {
                return void(take());
            }
            expect(',');
        }
    }
    /// Behind a backslash: the library escapes quotes, backslashes and what is below a blank.
    char escaped()
    {
        char kind = take();
        if (kind != 'u') {
            return kind == '"' || kind == '\\' ? kind : throw corrupt();
        }
        unsigned number = 0;
        if (left_.size() < 4 || std::sscanf(std::string(left_.substr(0, 4)).c_str(), "%4x", &number) != 1 || number > 127) {
            throw corrupt();
        }
        left_.remove_prefix(4);
        return static_cast<char>(number);
    }
    bool word(std::string_view word)
    {
        blanks();
        bool is_there = left_.substr(0, word.size()) == word;
        left_.remove_prefix(is_there ? word.size() : 0);
        return is_there;
    }
    void expect(char wanted)
    {
        if (peek() != wanted) {
            throw corrupt();
        }
        (void)take();
    }
    char peek()
    {
        blanks();
        return left_.empty() ? '\0' : left_[0];
    }
    char take()
    {
        if (left_.empty()) {
            throw corrupt();
        }
        char next = left_[0];
        left_.remove_prefix(1);
        return next;
    }
    void blanks() noexcept
    {
        while (!left_.empty() && (left_[0] == ' ' || left_[0] == '\n')) {
            left_.remove_prefix(1);
        }
    }
    error corrupt() const
    {
        crosstie_error said = {CROSSTIE_E_CORRUPT, 0, "the library's list is none that this header can read", 0};
        return error(CROSSTIE_E_CORRUPT, said);
    }

    std::string_view left_;
};

} // namespace detail
} // namespace crosstie

#endif
