// Crosstie for C++17: the handles of crosstie.h that close themselves, guards that release, and errors that are thrown.
//
// Header only. A deadlock, a time-out and every other refusal is a crosstie::error, except for what was only tried.
#ifndef CROSSTIE_HPP
#define CROSSTIE_HPP

#include "crosstie/base.hpp"
#include "crosstie/calls.hpp"
#include "crosstie/inspect.hpp"
#include "crosstie/memory.hpp"
#include "crosstie/talk.hpp"
#include "crosstie/turns.hpp"

#endif
