/* What the programs of the tests check with: the line that does not hold is said, and the program fails. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crosstie.h"

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
            exit(1); \
        } \
    } while (0)

/* That `call`, which is given &error, answers `wanted`, and, where that is an error, says `words`. */
#define ANSWERS(wanted, words, call) \
    do { \
        crosstie_status answer_ = (call); \
        if (answer_ != (wanted) || error.status != answer_ || strstr(error.text, words) == NULL) { \
            fprintf(stderr, "%s:%d: %s answers %s: %s\n", __FILE__, __LINE__, #call, crosstie_status_name(answer_), \
                    error.text); \
            exit(1); \
        } \
    } while (0)

#endif
