// Raw POSIX shared memory. Include crosstie.hpp.
#ifndef CROSSTIE_MEMORY_HPP
#define CROSSTIE_MEMORY_HPP

#include <cstddef>
#include <string>
#include <utility>

#include "base.hpp"

namespace crosstie {

/// What shm_open and mmap of other programs see. Bytes without owner and without messages: take turns by a lock.
class region : public detail::owned<crosstie_region, crosstie_region_close> {
public:
    explicit region(const std::string &name, std::uint64_t bytes = 0, std::uint32_t how = CROSSTIE_REGION_OPEN)
    {
        detail::must([&](crosstie_error *said) {
            return crosstie_region_open(name.c_str(), bytes, how, &handle_, said);
        });
    }
    /// How many bytes it has now; others may change it.
    std::uint64_t bytes() const
    {
        std::uint64_t bytes = 0;
        detail::must([&](crosstie_error *said) { return crosstie_region_bytes(handle_, &bytes, said); });
        return bytes;
    }
    /// Where it lies, and how many bytes: as long as this is there.
    std::pair<void *, std::size_t> map()
    {
        std::pair<void *, std::size_t> mapped;
        detail::must([&](crosstie_error *said) {
            return crosstie_region_map(handle_, &mapped.first, &mapped.second, said);
        });
        return mapped;
    }
    /// Copies `bytes` bytes from `offset` on to `to`; an error of CROSSTIE_E_USAGE where it ends before.
    void read(std::uint64_t offset, void *to, std::size_t bytes) const
    {
        detail::must([&](crosstie_error *said) { return crosstie_region_read(handle_, offset, to, bytes, said); });
    }
    /// Copies the `bytes` bytes at `from` to `offset` and on; it never grows.
    void write(std::uint64_t offset, const void *from, std::size_t bytes)
    {
        detail::must([&](crosstie_error *said) { return crosstie_region_write(handle_, offset, from, bytes, said); });
    }
    /// Removes the name; whoever has it open keeps it.
    static void unlink(const std::string &name)
    {
        detail::must([&](crosstie_error *said) { return crosstie_region_unlink(name.c_str(), said); });
    }
};

} // namespace crosstie

#endif
