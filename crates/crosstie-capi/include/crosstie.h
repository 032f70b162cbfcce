/*
 * Crosstie for C and C++: processes talk and take turns on Linux, and survive kill -9.
 *
 * docs/c.md begins with ten lines and says what survives what. Every function answers a crosstie_status: 0, or a negative number;
 * what went wrong in words stands in a crosstie_error of the caller's, which may be NULL. Deadlines are absolute, in nanoseconds
 * of CLOCK_MONOTONIC. Texts are UTF-8. A handle that is NULL, closed, of another type or from before a fork is answered by
 * CROSSTIE_E_USAGE, whatever is done with it.
 *
 * Made from crates/crosstie-capi/src by its test header; edit those.
 */

#ifndef CROSSTIE_H
#define CROSSTIE_H

#include <stddef.h>
#include <stdint.h>

/** The version of this header: "0.1.0"; see crosstie_abi_check. */
#define CROSSTIE_VERSION_NUMBER 1000

/** "usage": not understood. */
#define CROSSTIE_E_USAGE (-1)

/** "busy": busy. */
#define CROSSTIE_E_BUSY (-2)

/** "negative": no. */
#define CROSSTIE_E_NEGATIVE (-3)

/** "timed-out": timed out. */
#define CROSSTIE_E_TIMED_OUT (-4)

/** "not-permitted": not permitted. */
#define CROSSTIE_E_NOT_PERMITTED (-5)

/** "deadlock": would deadlock. */
#define CROSSTIE_E_DEADLOCK (-6)

/** "abandoned": abandoned by its last owner. */
#define CROSSTIE_E_ABANDONED (-7)

/** "lost": lost while held. */
#define CROSSTIE_E_LOST (-8)

/** "poisoned": poisoned by a panic. */
#define CROSSTIE_E_POISONED (-9)

/** "peer-died": the peer died before a clean end. */
#define CROSSTIE_E_PEER_DIED (-10)

/** "not-found": no such object. */
#define CROSSTIE_E_NOT_FOUND (-11)

/** "already-exists": exists already. */
#define CROSSTIE_E_ALREADY_EXISTS (-12)

/** "mismatch": of another layout, version or protocol. */
#define CROSSTIE_E_MISMATCH (-13)

/** "too-large": message too large. */
#define CROSSTIE_E_TOO_LARGE (-14)

/** "closed": closed. */
#define CROSSTIE_E_CLOSED (-15)

/** "corrupt": corrupt. */
#define CROSSTIE_E_CORRUPT (-16)

/** "no-space": no room. */
#define CROSSTIE_E_NO_SPACE (-17)

/** "unsupported": not supported here. */
#define CROSSTIE_E_UNSUPPORTED (-18)

/** "failed": failed. */
#define CROSSTIE_E_FAILED (-19)

/** How a struct begins that says its size: crosstie_turn turn = CROSSTIE_TURN_INIT; */
#define CROSSTIE_TURN_INIT { sizeof(crosstie_turn), 0, 0, 0, 0, 0, {0} }
#define CROSSTIE_LOCK_OPTIONS_INIT { sizeof(crosstie_lock_options), 0, 0, 0 }

/**
 * Take it alone.
 */
#define CROSSTIE_EXCLUSIVE 0

/**
 * Take it beside others who share it.
 */
#define CROSSTIE_SHARED 1

/**
 * Of a new lock: taken alone or shared; first come, first served. What the shell makes.
 */
#define CROSSTIE_LOCK_READERS_WRITER 0

/**
 * Of a new lock: a mutex, taken alone only; half the cost. Whoever is awake takes it, until the first in the queue has waited for 0.5 ms.
 */
#define CROSSTIE_LOCK_MUTEX 1

/**
 * Of a new lock: a mutex, first come, first served.
 */
#define CROSSTIE_LOCK_FAIR_MUTEX 2

/**
 * What is taken belongs to the thread that took it: only that thread can release it, its end is an owner's death, and a
 * deadlock that it would close is told.
 */
#define CROSSTIE_OWNER_THREAD 0

/**
 * What is taken belongs to the process: any of its threads can release it. No deadlock is told in which it takes part, for any
 * thread could end that. Starts one thread of the library that sleeps as long as the process lives.
 */
#define CROSSTIE_OWNER_PROCESS 1

/**
 * Bytes of the text in a crosstie_error, the zero at its end among them.
 */
#define CROSSTIE_ERROR_TEXT_BYTES 1016

/**
 * A deadline that is over: a function tries once and never waits; it answers CROSSTIE_E_BUSY.
 */
#define CROSSTIE_TRY 0

/**
 * A deadline that never comes.
 */
#define CROSSTIE_WAIT_FOREVER UINT64_MAX

/**
 * In crosstie_turn.flags: the last owner died while it had it, so that what it protects may be half done. It is held all the same.
 */
#define CROSSTIE_ABANDONED 1

/**
 * Bytes of the name of a dead owner in a crosstie_turn, the zero at its end among them.
 */
#define CROSSTIE_WHO_BYTES 48

/**
 * A lock that processes share by its name: the one that crosstie lock NAME takes, or that Rust and Python open. Never look inside.
 */
typedef struct crosstie_lock crosstie_lock;

/**
 * What every function answers: CROSSTIE_OK, or a negative number, CROSSTIE_E_....
 *
 * A number stands for the same for ever, in every version. What a newer library answers beside those of this header
 * is negative too.
 */
typedef int32_t crosstie_status;

/**
 * How a lock is opened. Begin it with CROSSTIE_LOCK_OPTIONS_INIT.
 */
typedef struct crosstie_lock_options {
  /**
   * sizeof(crosstie_lock_options), set by the caller.
   */
  size_t size;
  /**
   * The directory of its domain; NULL: $CROSSTIE_DOMAIN, else the user's own.
   */
  const char *domain;
  /**
   * What to make where it is missing: CROSSTIE_LOCK_READERS_WRITER, CROSSTIE_LOCK_MUTEX, CROSSTIE_LOCK_FAIR_MUTEX.
   */
  uint32_t make;
  /**
   * Whom it belongs to when it is taken by this handle: CROSSTIE_OWNER_THREAD, CROSSTIE_OWNER_PROCESS.
   */
  uint32_t owner;
} crosstie_lock_options;

/**
 * What went wrong, in words; the caller's own, on its stack for example. It needs no preparation and no end, and may be NULL
 * wherever it is asked for.
 *
 * Every function that is given one writes it: after a success the status is 0 and the text empty.
 */
typedef struct crosstie_error {
  /**
   * The status that the function answered.
   */
  crosstie_status status;
  /**
   * The kernel's number (errno), where it was the kernel that refused; else 0.
   */
  int32_t os_error;
  /**
   * What failed, why, and what to do, with names of objects and owners; a deadlock as the circle of who waits for whom. In
   * UTF-8; it ends in "..." where it was longer.
   */
  char text[CROSSTIE_ERROR_TEXT_BYTES];
} crosstie_error;

/**
 * What who takes a turn is told; the caller's own. Begin it with CROSSTIE_TURN_INIT; it may be NULL where it is asked for, and
 * then an owner's death is not told.
 */
typedef struct crosstie_turn {
  /**
   * sizeof(crosstie_turn), set by the caller.
   */
  size_t size;
  /**
   * The fencing number: larger than that of every exclusive owner before.
   */
  uint64_t token;
  /**
   * CROSSTIE_ABANDONED, or 0.
   */
  uint32_t flags;
  /**
   * Of a semaphore, which permit it is, from 0; else 0.
   */
  uint32_t index;
  /**
   * Of CROSSTIE_ABANDONED, the process that died; 0 where that is not known any more.
   */
  uint32_t dead_pid;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * Of CROSSTIE_ABANDONED, who died, in words.
   */
  char dead_who[CROSSTIE_WHO_BYTES];
} crosstie_turn;

/**
 * It is done.
 */
#define CROSSTIE_OK 0

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Opens the lock name, and makes it where it is missing; options may be NULL. A mutex or a readers-and-writer lock of a Rust
 * program is opened by its name too; its data stay untouched.
 *
 * CROSSTIE_E_USAGE for a name that is none; CROSSTIE_E_NOT_PERMITTED, CROSSTIE_E_NO_SPACE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_lock_close frees it. After a fork a handle
 * of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero; options is NULL or begins with its size; lock can be written; error is NULL or the
 * caller's own.
 */
crosstie_status crosstie_lock_open(const char *name,
                                   const struct crosstie_lock_options *options,
                                   struct crosstie_lock **lock,
                                   struct crosstie_error *error);

/**
 * Takes the lock, CROSSTIE_EXCLUSIVE or CROSSTIE_SHARED, and waits for that until deadline_ns: CROSSTIE_WAIT_FOREVER,
 * CROSSTIE_TRY, or an instant of CLOCK_MONOTONIC (crosstie_in_ns).
 *
 * That the last owner died is no status: the lock is held, and turn says CROSSTIE_ABANDONED. A lock without data says so once; a
 * mutex and what has data until somebody says that it is mended.
 *
 * CROSSTIE_E_BUSY and CROSSTIE_E_TIMED_OUT: who has it stands in error. CROSSTIE_E_DEADLOCK: to wait would close the circle
 * that error names, also through crosstie lock commands around other programs; nothing was taken, the others go on waiting. Also for
 * who takes what it has.
 *
 * Thread-safe: several threads may wait by one handle. Not async-signal-safe: a handler that interrupts a call is refused. A
 * child of fork has none of its parent's turns. Blocks until the deadline. Nothing is to be freed: crosstie_lock_release.
 *
 * Pointers:
 * turn is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_lock_take(struct crosstie_lock *lock,
                                   uint32_t access,
                                   uint64_t deadline_ns,
                                   struct crosstie_turn *turn,
                                   struct crosstie_error *error);

/**
 * Releases what was taken last by this handle.
 *
 * CROSSTIE_E_USAGE when this thread (of CROSSTIE_OWNER_PROCESS: this process) has not taken it. CROSSTIE_E_LOST: it was taken away by
 * force meanwhile (crosstie unlock --force), so that another may have had it at the same time.
 *
 * Thread-safe; not async-signal-safe; a child of fork has nothing to release. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_lock_release(struct crosstie_lock *lock,
                                      struct crosstie_error *error);

/**
 * Says, while the lock is held, that what it protects is whole again: the next owner is not told CROSSTIE_ABANDONED any more.
 *
 * CROSSTIE_E_USAGE when it is not held by this handle.
 *
 * Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_lock_mark_mended(struct crosstie_lock *lock,
                                          struct crosstie_error *error);

/**
 * Closes the handle; the lock itself stays, for others and for later.
 *
 * CROSSTIE_E_BUSY while a thread has it by this handle or is inside a call with it; CROSSTIE_E_USAGE for NULL and for what is
 * closed already.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle, which changes nothing in the parent. Never waits. Frees
 * the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_lock_close(struct crosstie_lock *lock,
                                    struct crosstie_error *error);

/**
 * Removes the object kind:name ("lock:db", "sem:gpu") that nobody has open: of domain, or of the default domain where that is NULL.
 *
 * CROSSTIE_E_BUSY while a living process has it open, CROSSTIE_E_NOT_FOUND when there is none.
 *
 * Thread-safe; not async-signal-safe; as before a fork after it. Does not wait for others. Nothing is to be freed.
 *
 * Pointers:
 * object is a text that ends in a zero, domain one or NULL; error is NULL or the caller's own.
 */
crosstie_status crosstie_remove(const char *object,
                                const char *domain,
                                struct crosstie_error *error);

/**
 * The id of a status, the same in every language: "ok", "timed-out", "deadlock"; "unknown" for what this library never answers.
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. The text is the library's: never free it.
 */
const char *crosstie_status_name(crosstie_status status);

/**
 * A status as a phrase: "would deadlock". What it means of which object stands in crosstie_error.
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. The text is the library's: never free it.
 */
const char *crosstie_status_text(crosstie_status status);

/**
 * Now, as deadlines count: nanoseconds of CLOCK_MONOTONIC.
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
 */
uint64_t crosstie_now_ns(void);

/**
 * The deadline that comes in ns nanoseconds: crosstie_in_ns(5000000000) is five seconds from now.
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
 */
uint64_t crosstie_in_ns(uint64_t ns);

/**
 * The library's version: "0.1.0".
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. The text is the library's: never free it.
 */
const char *crosstie_version(void);

/**
 * The library's version as a number: major * 1000000 + minor * 1000 + patch. That of the header is CROSSTIE_VERSION_NUMBER.
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
 */
uint32_t crosstie_version_number(void);

/**
 * Whether a program that was compiled with the header of header_number may use this library: crosstie_abi_check(CROSSTIE_VERSION_NUMBER) at
 * its start answers CROSSTIE_OK, or CROSSTIE_E_MISMATCH. While the major number is 0, the minor one has to be the same; the library may be
 * newer than the header, not older.
 *
 * Thread-safe, async-signal-safe, as before a fork after it. Never blocks. Nothing is to be freed.
 */
crosstie_status crosstie_abi_check(uint32_t header_number);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CROSSTIE_H */
