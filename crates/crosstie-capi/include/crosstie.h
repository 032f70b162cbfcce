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

/** "too-large": too large. */
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
#define CROSSTIE_SEMAPHORE_OPTIONS_INIT { sizeof(crosstie_semaphore_options), 0, 0, 0 }
#define CROSSTIE_END_OPTIONS_INIT { sizeof(crosstie_end_options), 0, 0, 0 }
#define CROSSTIE_MESSAGE_INIT { sizeof(crosstie_message), 0, 0, 0, 0, 0, 0 }
#define CROSSTIE_CAPABILITIES_INIT { sizeof(crosstie_capabilities), 0, 0, 0, 0, {0} }
#define CROSSTIE_CALL_OPTIONS_INIT { sizeof(crosstie_call_options), 0 }
#define CROSSTIE_CALL_STATE_INIT { sizeof(crosstie_call_state), 0, 0, 0, 0 }

/** Where a member of a monitor's data lies, for crosstie_comparison: its offset and its bytes. */
#define CROSSTIE_FIELD(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/**
 * When a party dies the barrier breaks: all who wait are told, until it is reset.
 */
#define CROSSTIE_BARRIER_BREAKS 0

/**
 * When a party dies the others go on without it.
 */
#define CROSSTIE_BARRIER_SHRINKS 1

/**
 * Of a call: to do it twice is as good as once. When a server dies with it in hand, or ends before it has answered, the next server at the
 * address gets it, three servers at most.
 */
#define CROSSTIE_CALL_IDEMPOTENT 1

/**
 * Of a call in hand: another server may have done it already, and died or ended before it had answered.
 */
#define CROSSTIE_CALL_REPEATED 2

/**
 * Of a call in hand: nobody waits for the answer any more, because the caller gave up, ended or died. To answer it is no error, and goes nowhere.
 */
#define CROSSTIE_CALL_CANCELLED 4

/**
 * Of a call in hand: its caller takes many replies (crosstie_call_stream).
 */
#define CROSSTIE_CALL_STREAM 8

/**
 * In crosstie_capabilities.can: what one sender sends comes in its order, when it is delivered for the first time.
 */
#define CROSSTIE_CAN_ORDER 1

/**
 * In crosstie_capabilities.can: a receiver is told the death of its senders, and tells it from a clean end.
 */
#define CROSSTIE_CAN_TELL_DEATH 2

/**
 * In crosstie_capabilities.can: messages are written and read where they lie.
 */
#define CROSSTIE_CAN_LEND 4

/**
 * In crosstie_capabilities.can: any number of processes may send at a time.
 */
#define CROSSTIE_CAN_MANY_SENDERS 8

/**
 * In crosstie_capabilities.can: any number of processes may receive at a time.
 */
#define CROSSTIE_CAN_MANY_RECEIVERS 16

/**
 * In crosstie_capabilities.can: the two ends may be on different machines.
 */
#define CROSSTIE_CAN_CROSS_MACHINES 32

/**
 * In crosstie_capabilities.can: calls go over it, with their replies.
 */
#define CROSSTIE_CAN_CALL 64

/**
 * Delivered once, or not at all, also when nobody dies.
 */
#define CROSSTIE_BEST_EFFORT 0

/**
 * Delivered once; not at all only when somebody dies.
 */
#define CROSSTIE_AT_MOST_ONCE 1

/**
 * Delivered once; again only when somebody dies that had it.
 */
#define CROSSTIE_AT_LEAST_ONCE 2

/**
 * What a dead receiver had not taken is lost with it.
 */
#define CROSSTIE_UNTAKEN_LOST 0

/**
 * The next receiver gets it, if another end is open until then.
 */
#define CROSSTIE_UNTAKEN_KEPT_WHILE_OPEN 1

/**
 * The next receiver gets it.
 */
#define CROSSTIE_UNTAKEN_KEPT 2

/**
 * Everyone who waits, of crosstie_condition_notify.
 */
#define CROSSTIE_ALL UINT32_MAX

/**
 * An event lets all through until it is cleared.
 */
#define CROSSTIE_EVENT_MANUAL 0

/**
 * An event lets one through each time it is set.
 */
#define CROSSTIE_EVENT_AUTOMATIC 1

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
 * The most bytes that a monitor's data have.
 */
#define CROSSTIE_MONITOR_BYTES_MAX 32768

/**
 * A number in the data that is to be so much or more.
 */
#define CROSSTIE_AT_LEAST 1

/**
 * A number in the data that is to be so much or less.
 */
#define CROSSTIE_AT_MOST 2

/**
 * A number in the data that is to be equal.
 */
#define CROSSTIE_EQUAL 3

/**
 * A number in the data that is to be different.
 */
#define CROSSTIE_DIFFERENT 4

/**
 * The most comparisons of one wait.
 */
#define CROSSTIE_COMPARISONS_MAX 3

/**
 * Open a region that is there.
 */
#define CROSSTIE_REGION_OPEN 0

/**
 * Make a region of zeros; CROSSTIE_E_ALREADY_EXISTS where there is one.
 */
#define CROSSTIE_REGION_CREATE 1

/**
 * Open it, or make it; CROSSTIE_E_MISMATCH where there is one of another size.
 */
#define CROSSTIE_REGION_OPEN_OR_CREATE 2

/**
 * Bytes of the text in a crosstie_error, the zero at its end among them.
 */
#define CROSSTIE_ERROR_TEXT_BYTES 1012

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
 * A barrier by its name. Never look inside.
 */
typedef struct crosstie_barrier crosstie_barrier;

/**
 * A call that is to be answered. Never look inside.
 */
typedef struct crosstie_call_in_hand crosstie_call_in_hand;

/**
 * Who calls a server. Never look inside.
 */
typedef struct crosstie_client crosstie_client;

/**
 * A condition by its name, as pthread_cond_t, for waiting under a lock until somebody notifies. crosstie_monitor has no notify to forget.
 * Never look inside.
 */
typedef struct crosstie_condition crosstie_condition;

/**
 * A counting semaphore by its name, as sem_t, or a sem_t itself ("posix:/name"): anyone waits, anyone posts, and nobody owns what was taken, so nothing comes back when
 * a process dies. Where that matters: crosstie_semaphore. Never look inside.
 */
typedef struct crosstie_counter crosstie_counter;

/**
 * An event by its name: set or not. Never look inside.
 */
typedef struct crosstie_event crosstie_event;

/**
 * Who listens for connections. Never look inside.
 */
typedef struct crosstie_listener crosstie_listener;

/**
 * A lock that processes share by its name: the one that crosstie lock NAME takes, or that Rust and Python open. Never look inside.
 */
typedef struct crosstie_lock crosstie_lock;

/**
 * Data in shared memory, a lock around them, and waiting for what they should be, in one, by its name. Never look inside.
 */
typedef struct crosstie_monitor crosstie_monitor;

/**
 * Something that is done once, by whoever comes first. Never look inside.
 */
typedef struct crosstie_once crosstie_once;

/**
 * A call in flight. Never look inside.
 */
typedef struct crosstie_pending crosstie_pending;

/**
 * The end of a channel that receives. Never look inside.
 */
typedef struct crosstie_receiver crosstie_receiver;

/**
 * POSIX shared memory by its name: what shm_open and mmap of other programs see, what crosstie region reads and writes. Bytes without owner and
 * without messages; who may write when is the programs' agreement: a lock. Never look inside.
 */
typedef struct crosstie_region crosstie_region;

/**
 * The replies to one call, as they come. Never look inside.
 */
typedef struct crosstie_replies crosstie_replies;

/**
 * What a call was answered. Never look inside.
 */
typedef struct crosstie_reply crosstie_reply;

/**
 * Many replies to one call. Never look inside.
 */
typedef struct crosstie_reply_stream crosstie_reply_stream;

/**
 * Permits that processes share by a name, as crosstie sem NAME takes them: each has an owner, and comes back when that dies. Never look
 * inside.
 */
typedef struct crosstie_semaphore crosstie_semaphore;

/**
 * The end of a channel that sends. Never look inside.
 */
typedef struct crosstie_sender crosstie_sender;

/**
 * Who answers calls. Never look inside.
 */
typedef struct crosstie_server crosstie_server;

/**
 * What every function answers: CROSSTIE_OK, or a negative number, CROSSTIE_E_....
 *
 * A number stands for the same for ever, in every version. What a newer library answers beside those of this header
 * is negative too.
 */
typedef int32_t crosstie_status;

/**
 * What went wrong, in words; the caller's own, on its stack for example. It needs no preparation and no end, and may be NULL
 * wherever it is asked for.
 *
 * Every function that is given one writes it: after a success the status is 0 and the text empty, and code is not written.
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
  /**
   * Of a call that its server refused, the number that the server said; of any other failure 0.
   */
  uint32_t code;
} crosstie_error;

/**
 * How an end of a channel is opened. Begin it with CROSSTIE_END_OPTIONS_INIT. What a mechanism has of its own stands in the address:
 * "ring:frames?capacity=1MiB", "queue:jobs?lease=30s".
 */
typedef struct crosstie_end_options {
  /**
   * sizeof(crosstie_end_options), set by the caller.
   */
  size_t size;
  /**
   * The directory of its domain, for shared memory; NULL: $CROSSTIE_DOMAIN, else the user's own.
   */
  const char *domain;
  /**
   * Until when to wait for the other side where opening waits for it: an instant as everywhere, but 0 waits without end.
   */
  uint64_t open_deadline_ns;
  /**
   * Of a server: what calls that wait for a worker may take, in bytes, and those of one client a quarter of that; more are refused as
   * CROSSTIE_E_BUSY. 0: 256 MiB.
   */
  size_t waiting_bytes_max;
} crosstie_end_options;

/**
 * What is said of a message beside its bytes; the caller's own. Begin it with CROSSTIE_MESSAGE_INIT.
 */
typedef struct crosstie_message {
  /**
   * sizeof(crosstie_message), set by the caller.
   */
  size_t size;
  /**
   * How many bytes it has.
   */
  size_t bytes;
  /**
   * Where they are: the caller's buffer, or of crosstie_receive_job the library's memory, until the job is done, failed or rejected.
   */
  const void *data;
  /**
   * Of a topic, its number, with CROSSTIE_E_LOST that of the first one that is lost; else 0.
   */
  uint64_t number;
  /**
   * The process that sent it, where that is known; else 0.
   */
  uint32_t sender_pid;
  /**
   * Of a job, which delivery this is, from 1; else 0.
   */
  uint32_t deliveries;
  /**
   * With CROSSTIE_E_LOST, how many messages of a topic were overwritten before this end received them; else 0.
   */
  uint64_t lost;
} crosstie_message;

/**
 * How a call is made. Begin it with CROSSTIE_CALL_OPTIONS_INIT.
 */
typedef struct crosstie_call_options {
  /**
   * sizeof(crosstie_call_options), set by the caller.
   */
  size_t size;
  /**
   * CROSSTIE_CALL_IDEMPOTENT, or 0.
   */
  uint64_t flags;
} crosstie_call_options;

/**
 * How it stands with a call in hand; the caller's own. Begin it with CROSSTIE_CALL_STATE_INIT.
 */
typedef struct crosstie_call_state {
  /**
   * sizeof(crosstie_call_state), set by the caller.
   */
  size_t size;
  /**
   * CROSSTIE_CALL_IDEMPOTENT, CROSSTIE_CALL_REPEATED, CROSSTIE_CALL_CANCELLED, CROSSTIE_CALL_STREAM.
   */
  uint64_t flags;
  /**
   * Until when the caller waits, counted from the call's arrival here; CROSSTIE_WAIT_FOREVER if for ever.
   */
  uint64_t deadline_ns;
  /**
   * How long that still is: 0 when it is over; CROSSTIE_WAIT_FOREVER if for ever.
   */
  uint64_t remaining_ns;
  /**
   * The caller's process, where the mechanism tells it; else 0.
   */
  uint64_t client_pid;
} crosstie_call_state;

/**
 * What a mechanism can; the caller's own. Begin it with CROSSTIE_CAPABILITIES_INIT. The same as docs/delivery.md has as a table.
 */
typedef struct crosstie_capabilities {
  /**
   * sizeof(crosstie_capabilities), set by the caller.
   */
  size_t size;
  /**
   * CROSSTIE_CAN_ORDER and others, added.
   */
  uint32_t can;
  /**
   * How often a message is delivered: CROSSTIE_BEST_EFFORT, CROSSTIE_AT_MOST_ONCE, CROSSTIE_AT_LEAST_ONCE.
   */
  uint32_t delivery;
  /**
   * What becomes of what a dead receiver had not taken: CROSSTIE_UNTAKEN_LOST, CROSSTIE_UNTAKEN_KEPT_WHILE_OPEN, CROSSTIE_UNTAKEN_KEPT.
   */
  uint32_t untaken;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * The mechanism, as in an address: "queue".
   */
  char mechanism[16];
} crosstie_capabilities;

/**
 * One message of several; the caller's own.
 */
typedef struct crosstie_bytes {
  /**
   * Where its bytes are; NULL where there are none.
   */
  const void *data;
  /**
   * How many.
   */
  size_t bytes;
} crosstie_bytes;

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
 * What is needed of a number in a monitor's data, for others to see when they leave it: {CROSSTIE_FIELD(struct stock, count), CROSSTIE_AT_LEAST, 0, 1}.
 */
typedef struct crosstie_comparison {
  /**
   * Where it begins, in bytes from the beginning of the data: a multiple of its own bytes.
   */
  size_t offset;
  /**
   * Its bytes: 1, 2, 4 or 8.
   */
  size_t bytes;
  /**
   * CROSSTIE_AT_LEAST, CROSSTIE_AT_MOST, CROSSTIE_EQUAL, CROSSTIE_DIFFERENT.
   */
  uint32_t relation;
  /**
   * 1 where it is signed, else 0.
   */
  uint32_t is_signed;
  /**
   * What it is compared with; of a signed one, (uint64_t)(int64_t)-1 and the like.
   */
  uint64_t number;
} crosstie_comparison;

/**
 * How a semaphore is opened. Begin it with CROSSTIE_SEMAPHORE_OPTIONS_INIT.
 */
typedef struct crosstie_semaphore_options {
  /**
   * sizeof(crosstie_semaphore_options), set by the caller.
   */
  size_t size;
  /**
   * The directory of its domain; NULL: $CROSSTIE_DOMAIN, else the user's own.
   */
  const char *domain;
  /**
   * Whom a permit belongs to that is taken by this handle: CROSSTIE_OWNER_THREAD, CROSSTIE_OWNER_PROCESS.
   */
  uint32_t owner;
  /**
   * 0.
   */
  uint32_t reserved;
} crosstie_semaphore_options;

/**
 * It is done.
 */
#define CROSSTIE_OK 0

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Opens the barrier name of domain (NULL: the default domain) for parties threads, and makes it where it is missing; what becomes of it when
 * one dies: CROSSTIE_BARRIER_BREAKS or CROSSTIE_BARRIER_SHRINKS.
 *
 * CROSSTIE_E_MISMATCH when it is for others; CROSSTIE_E_USAGE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_barrier_close frees it. After a
 * fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; barrier can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_barrier_open(const char *name,
                                      uint32_t parties,
                                      uint32_t on_death,
                                      const char *domain,
                                      struct crosstie_barrier **barrier,
                                      struct crosstie_error *error);

/**
 * Waits until all parties have come, or until deadline_ns. Writes 1 to leads for one of them, 0 for the others; it may be NULL.
 *
 * CROSSTIE_E_TIMED_OUT, also for CROSSTIE_TRY: the caller counts as not come. CROSSTIE_E_PEER_DIED: a party died before it came, and error
 * names it; crosstie_barrier_reset.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Blocks until the deadline. Nothing is to be freed.
 *
 * Pointers:
 * leads is NULL or can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_barrier_wait(struct crosstie_barrier *barrier,
                                      uint64_t deadline_ns,
                                      uint32_t *leads,
                                      struct crosstie_error *error);

/**
 * Makes a broken barrier whole again: the places of the dead are empty.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_barrier_reset(struct crosstie_barrier *barrier,
                                       struct crosstie_error *error);

/**
 * Closes the handle; the barrier itself stays.
 *
 * CROSSTIE_E_BUSY while a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_barrier_close(struct crosstie_barrier *barrier,
                                       struct crosstie_error *error);

/**
 * Opens a client of the server at address: unix, unixpacket, tcp, fifo, queue, ring; options may be NULL.
 *
 * CROSSTIE_E_USAGE for an address that is none or that goes one way only.
 *
 * Thread-safe; not async-signal-safe. Blocks until the server is there (open_deadline_ns). The handle is the caller's, crosstie_client_close
 * frees it. After a fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * address is a text that ends in a zero; options is NULL or begins with its size; client can be written; error is NULL or the
 * caller's own.
 */
crosstie_status crosstie_client_open(const char *address,
                                     const struct crosstie_end_options *options,
                                     struct crosstie_client **client,
                                     struct crosstie_error *error);

/**
 * Calls the server with the bytes bytes at data, and waits for the reply until deadline_ns: it goes into buffer, which has room for room bytes;
 * reply says how long it is.
 *
 * CROSSTIE_E_NEGATIVE, or another status that the server chose: it refused, error has its text and its code. CROSSTIE_E_PEER_DIED, CROSSTIE_E_CLOSED, CROSSTIE_E_TIMED_OUT: whether it was done is not
 * known. CROSSTIE_E_TOO_LARGE: the request, or the reply, which is gone then: reply says how much room it needed. CROSSTIE_E_DEADLOCK, through a
 * queue: the server waits for the caller.
 *
 * Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks until the deadline. All memory is the
 * caller's to free.
 *
 * Pointers:
 * data leads to bytes bytes; buffer to room bytes that can be written, or it is NULL where there is none; reply is NULL or begins with its
 * size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_call(struct crosstie_client *client,
                              const void *data,
                              size_t bytes,
                              void *buffer,
                              size_t room,
                              uint64_t deadline_ns,
                              struct crosstie_message *reply,
                              struct crosstie_error *error);

/**
 * As crosstie_call, for a reply of any length: message says where its bytes are, until reply is closed.
 *
 * As crosstie_call; CROSSTIE_E_TOO_LARGE is the request then.
 *
 * Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks until the deadline. The reply is the
 * caller's, crosstie_reply_close frees it, and with it its bytes.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; reply can be written; message is NULL or begins with its size and can be
 * written; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_in_place(struct crosstie_client *client,
                                       const void *data,
                                       size_t bytes,
                                       uint64_t deadline_ns,
                                       struct crosstie_reply **reply,
                                       struct crosstie_message *message,
                                       struct crosstie_error *error);

/**
 * As crosstie_call_in_place, made as options say, which may be NULL: an idempotent call goes to the next server when one dies with it in hand.
 *
 * As crosstie_call_in_place; CROSSTIE_E_UNSUPPORTED for a flag that this version does not know.
 *
 * Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks until the deadline. The reply is the
 * caller's, crosstie_reply_close frees it, and with it its bytes.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; options is NULL or begins with its size; reply can be written; message is NULL or
 * begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_with(struct crosstie_client *client,
                                   const void *data,
                                   size_t bytes,
                                   uint64_t deadline_ns,
                                   const struct crosstie_call_options *options,
                                   struct crosstie_reply **reply,
                                   struct crosstie_message *message,
                                   struct crosstie_error *error);

/**
 * Closes the handle; calls that it started go on.
 *
 * CROSSTIE_E_BUSY while another thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_client_close(struct crosstie_client *client,
                                      struct crosstie_error *error);

/**
 * How it stands with a call in hand: whether anybody waits for it still, and how long, and whether it may be done already. What came from its client meanwhile
 * comes in with that.
 *
 * CROSSTIE_E_USAGE for one that was answered, and is closed with that.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork has none of its parent's. Never waits. The struct is
 * the caller's to free.
 *
 * Pointers:
 * state is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_look(struct crosstie_call_in_hand *call,
                                   struct crosstie_call_state *state,
                                   struct crosstie_error *error);

/**
 * Answers a call with the bytes bytes at data, and closes its handle. That nobody waits for it any more is no error.
 *
 * CROSSTIE_E_TOO_LARGE: the caller is told too. CROSSTIE_E_BUSY while another thread is inside a call with it: it was not answered then,
 * and stays in hand.
 *
 * One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Waits only on a full ring. Frees the call and the bytes of its
 * request.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_reply(struct crosstie_call_in_hand *call,
                                    const void *data,
                                    size_t bytes,
                                    struct crosstie_error *error);

/**
 * Answers a call that there is no reply, and why; closes its handle. Its caller is answered CROSSTIE_E_NEGATIVE with that text.
 *
 * CROSSTIE_E_USAGE for a text that is none, CROSSTIE_E_BUSY while another thread is inside a call with it: it was not answered then, and stays in hand.
 *
 * One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the call and the bytes of its request.
 *
 * Pointers:
 * why is a text that ends in a zero; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_refuse(struct crosstie_call_in_hand *call,
                                     const char *why,
                                     struct crosstie_error *error);

/**
 * As crosstie_call_refuse, with the status that its caller is answered, CROSSTIE_E_..., and the code that the caller finds in its crosstie_error: an
 * exit code, an error number, whatever says more to who knows this server. 0 is the exit code of that status in the shell.
 *
 * As crosstie_call_refuse; CROSSTIE_E_USAGE for a status that is none of an error.
 *
 * One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the call and the bytes of its request.
 *
 * Pointers:
 * why is a text that ends in a zero; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_refuse_with(struct crosstie_call_in_hand *call,
                                          crosstie_status status,
                                          uint32_t code,
                                          const char *why,
                                          struct crosstie_error *error);

/**
 * Closes a call that was not answered: its caller is told that the server does not reply.
 *
 * CROSSTIE_E_USAGE for one that was answered, and is closed with that.
 *
 * One thread for a call. Not async-signal-safe; a child of fork may close its parent's. Never waits. Frees the call and the bytes of its request.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_call_close(struct crosstie_call_in_hand *call,
                                    struct crosstie_error *error);

/**
 * Sends a call with the bytes bytes at data, and does not wait for its reply: crosstie_pending_reply asks for that later. deadline_ns is for the reply, and
 * the server is told it; options may be NULL. Up to 1,024 calls of a client are in flight at a time; one more waits until one of them ends.
 *
 * CROSSTIE_E_TOO_LARGE: the request. CROSSTIE_E_PEER_DIED, CROSSTIE_E_CLOSED, CROSSTIE_E_TIMED_OUT. CROSSTIE_E_UNSUPPORTED for a flag that
 * this version does not know.
 *
 * Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks while there is no room for the
 * request. The call in flight is the caller's, crosstie_pending_close frees it; it may outlive the handle of its client.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; options is NULL or begins with its size; pending can be written; error is NULL or
 * the caller's own.
 */
crosstie_status crosstie_call_start(struct crosstie_client *client,
                                    const void *data,
                                    size_t bytes,
                                    uint64_t deadline_ns,
                                    const struct crosstie_call_options *options,
                                    struct crosstie_pending **pending,
                                    struct crosstie_error *error);

/**
 * The reply to a call in flight; waits for it until deadline_ns, or the call's own deadline where that is earlier. message says where its bytes are,
 * until reply is closed.
 *
 * CROSSTIE_E_BUSY with a code of 0: it is not there by deadline_ns, and the call goes on. Else as crosstie_call, and the call is over: from then on
 * this answers CROSSTIE_E_CLOSED.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the
 * earlier deadline. The reply is the caller's, crosstie_reply_close frees it, and with it its bytes.
 *
 * Pointers:
 * reply can be written; message is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_pending_reply(struct crosstie_pending *pending,
                                       uint64_t deadline_ns,
                                       struct crosstie_reply **reply,
                                       struct crosstie_message *message,
                                       struct crosstie_error *error);

/**
 * Closes a call in flight. One that has no reply yet is cancelled: its server sees that nobody waits any more (crosstie_call_look), and a late reply
 * is thrown away.
 *
 * CROSSTIE_E_BUSY while another thread waits for its reply.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's, whose call goes on. Never waits. Frees the call in flight.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_pending_close(struct crosstie_pending *pending,
                                       struct crosstie_error *error);

/**
 * Calls the server with the bytes bytes at data for many replies, which crosstie_replies_next gives as they come; deadline_ns is for all of them
 * together. The server is never more than 256 KiB, or one reply, ahead of who takes them. A stream is not repeated at another server.
 *
 * As crosstie_call_start.
 *
 * Thread-safe: many calls may be in flight by one handle. Not async-signal-safe; a child of fork opens its own. Blocks while there is no room for the
 * request. The replies are the caller's, crosstie_replies_close frees them; they may outlive the handle of their client.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; replies can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_client_stream(struct crosstie_client *client,
                                       const void *data,
                                       size_t bytes,
                                       uint64_t deadline_ns,
                                       struct crosstie_replies **replies,
                                       struct crosstie_error *error);

/**
 * The next reply of a stream; waits for it until deadline_ns, or the call's own deadline where that is earlier. message says where its bytes are, until the
 * next call with replies. Behind the last reply the data of message are NULL; those of a reply, an empty one too, never are.
 *
 * CROSSTIE_E_BUSY with a code of 0: none is there by deadline_ns, and the stream goes on. Else as crosstie_call, and the stream is over:
 * CROSSTIE_E_PEER_DIED and CROSSTIE_E_CLOSED are a server's end before it had sent all. Behind these, as behind the last reply, there is none.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the
 * earlier deadline. The bytes are the library's: they are freed with the next call, or with replies.
 *
 * Pointers:
 * message begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_replies_next(struct crosstie_replies *replies,
                                      uint64_t deadline_ns,
                                      struct crosstie_message *message,
                                      struct crosstie_error *error);

/**
 * Closes a stream of replies. Before the last of them the call is cancelled: its server is told that nobody takes them any more.
 *
 * CROSSTIE_E_BUSY while another thread waits for a reply.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's, whose stream goes on. Never waits. Frees the stream and the bytes of its last
 * reply.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_replies_close(struct crosstie_replies *replies,
                                       struct crosstie_error *error);

/**
 * Closes a reply; its bytes are no longer there.
 *
 * CROSSTIE_E_USAGE for one that is closed.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's. Never waits. Frees the reply and its bytes.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_reply_close(struct crosstie_reply *reply,
                                     struct crosstie_error *error);

/**
 * Opens a server at address: unix, unixpacket, tcp, fifo, ring, or queue, which other servers may share; options may be NULL.
 *
 * CROSSTIE_E_BUSY when another process listens there; CROSSTIE_E_USAGE, also for a waiting_bytes_max that is no length.
 *
 * Thread-safe; not async-signal-safe. Does not wait for clients. The handle is the caller's, crosstie_server_close frees it. After a fork a handle of
 * the parent's is refused in the child.
 *
 * Pointers:
 * address is a text that ends in a zero; options is NULL or begins with its size; server can be written; error is NULL or the
 * caller's own.
 */
crosstie_status crosstie_server_open(const char *address,
                                     const struct crosstie_end_options *options,
                                     struct crosstie_server **server,
                                     struct crosstie_error *error);

/**
 * Takes a call, and waits for one until deadline_ns; request says where its bytes are. Answer it with crosstie_call_reply or
 * crosstie_call_refuse; whose handle is closed without that is refused.
 *
 * CROSSTIE_E_BUSY (there is none), CROSSTIE_E_TIMED_OUT. CROSSTIE_E_CLOSED once the server was stopped, or the only client that there can be has ended.
 *
 * Thread-safe: a pool of threads may take calls by one handle. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the
 * deadline. The call is the caller's: answering it or crosstie_call_close frees it, and with it the bytes of the request.
 *
 * Pointers:
 * call can be written; request is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_server_take(struct crosstie_server *server,
                                     uint64_t deadline_ns,
                                     struct crosstie_call_in_hand **call,
                                     struct crosstie_message *request,
                                     struct crosstie_error *error);

/**
 * Stops the server, in order: no call is given out any more, and whoever waits for one is answered CROSSTIE_E_CLOSED. Calls in hand can still be answered; when that
 * is done, close the server, which tells those whose calls were not taken.
 *
 * CROSSTIE_OK for a server that was stopped before.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none of its parent's. Never waits. Nothing is to be freed: the handle stays.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_server_stop(struct crosstie_server *server,
                                     struct crosstie_error *error);

/**
 * Closes the handle: the server ends, and its clients are told.
 *
 * CROSSTIE_E_BUSY while another thread is inside a call with it: crosstie_server_stop ends its wait.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_server_close(struct crosstie_server *server,
                                      struct crosstie_error *error);

/**
 * Answers a call with many replies, which crosstie_stream_send sends as they come, and closes its handle.
 *
 * CROSSTIE_E_MISMATCH for a caller that takes one reply (no CROSSTIE_CALL_STREAM): it is told the same, and the call is over. CROSSTIE_E_BUSY while another
 * thread is inside a call with it: it stays in hand.
 *
 * One thread for a call. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the call and the bytes of its request; the stream
 * is the caller's, crosstie_stream_end, crosstie_stream_refuse_with or crosstie_stream_close frees it.
 *
 * Pointers:
 * stream can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_call_stream(struct crosstie_call_in_hand *call,
                                     struct crosstie_reply_stream **stream,
                                     struct crosstie_error *error);

/**
 * Sends the next reply, the bytes bytes at data; waits while the client has 256 KiB that it has not taken, until deadline_ns or the call's own
 * deadline.
 *
 * CROSSTIE_E_CLOSED: nobody takes the replies any more, stop. CROSSTIE_E_BUSY (there is no room), CROSSTIE_E_TIMED_OUT, CROSSTIE_E_TOO_LARGE: this one was
 * not sent.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork has none of its parent's. Blocks until there is room.
 * All memory is the caller's to free.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; error is NULL or the caller's own.
 */
crosstie_status crosstie_stream_send(struct crosstie_reply_stream *stream,
                                     const void *data,
                                     size_t bytes,
                                     uint64_t deadline_ns,
                                     struct crosstie_error *error);

/**
 * Writes to cancelled 1 if nobody takes the replies any more, else 0. What came from its client meanwhile comes in with that.
 *
 * CROSSTIE_E_USAGE for a stream that is ended.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Nothing is to
 * be freed.
 *
 * Pointers:
 * cancelled can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_stream_look(struct crosstie_reply_stream *stream,
                                     uint32_t *cancelled,
                                     struct crosstie_error *error);

/**
 * Says that there are no more replies, and closes the stream. That nobody waits for them any more is no error.
 *
 * CROSSTIE_E_TIMED_OUT: the client did not take all of them until the call's deadline. CROSSTIE_E_BUSY while another thread is inside a call with the stream:
 * it stays open.
 *
 * One thread for a stream. Not async-signal-safe; a child of fork has none of its parent's. Blocks until the client's side has room for all of them, or the call's
 * deadline. Frees the stream.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_stream_end(struct crosstie_reply_stream *stream,
                                    struct crosstie_error *error);

/**
 * Says that there are no more replies because something went wrong, and closes the stream: as crosstie_call_refuse_with, behind the replies.
 *
 * As crosstie_call_refuse_with.
 *
 * One thread for a stream. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the stream.
 *
 * Pointers:
 * why is a text that ends in a zero; error is NULL or the caller's own.
 */
crosstie_status crosstie_stream_refuse_with(struct crosstie_reply_stream *stream,
                                            crosstie_status status,
                                            uint32_t code,
                                            const char *why,
                                            struct crosstie_error *error);

/**
 * Closes a stream that was not ended: behind the replies its caller is told that these are not all.
 *
 * CROSSTIE_E_USAGE for one that was ended, and is closed with that.
 *
 * One thread for a stream. Not async-signal-safe; a child of fork may close its parent's, whose stream goes on. Never waits. Frees the stream.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_stream_close(struct crosstie_reply_stream *stream,
                                      struct crosstie_error *error);

/**
 * Reads address as every opening function does, and writes to capabilities, which may be NULL, what its mechanism can; opens nothing.
 *
 * CROSSTIE_E_USAGE for what is none: error says which part, and what was meant. CROSSTIE_E_UNSUPPORTED where nothing general is to be said of
 * its mechanism.
 *
 * Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * address is a text that ends in a zero; capabilities is NULL or begins with its size and can be written; error is NULL or the
 * caller's own.
 */
crosstie_status crosstie_address_check(const char *address,
                                       struct crosstie_capabilities *capabilities,
                                       struct crosstie_error *error);

/**
 * Connects to a listener at address (unix, unixpacket, tcp; "fd:3" is a connection already), for both directions; options may be NULL.
 *
 * CROSSTIE_E_TIMED_OUT if nobody listened until open_deadline_ns; CROSSTIE_E_USAGE for an address that is none or goes one way only.
 *
 * Thread-safe; not async-signal-safe. Blocks until somebody listens. The handles are the caller's, crosstie_sender_close and crosstie_receiver_close
 * free them, in any order. After a fork handles of the parent's are refused in the child.
 *
 * Pointers:
 * address is a text that ends in a zero; options is NULL or begins with its size; sender and receiver can be written; error
 * is NULL or the caller's own.
 */
crosstie_status crosstie_connect(const char *address,
                                 const struct crosstie_end_options *options,
                                 struct crosstie_sender **sender,
                                 struct crosstie_receiver **receiver,
                                 struct crosstie_error *error);

/**
 * Listens at address for connections: unix, unixpacket, tcp; options may be NULL.
 *
 * CROSSTIE_E_BUSY when another process listens there; CROSSTIE_E_USAGE for an address that is none or goes one way only.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_listener_close frees it. After a fork a
 * handle of the parent's is refused in the child.
 *
 * Pointers:
 * address is a text that ends in a zero; options is NULL or begins with its size; listener can be written; error is NULL or
 * the caller's own.
 */
crosstie_status crosstie_listener_open(const char *address,
                                       const struct crosstie_end_options *options,
                                       struct crosstie_listener **listener,
                                       struct crosstie_error *error);

/**
 * Takes the next connection, and waits for it until deadline_ns: what is sent by sender and received by receiver goes over it alone.
 *
 * CROSSTIE_E_BUSY (there is none), CROSSTIE_E_TIMED_OUT.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own. Blocks until the deadline. The handles are the caller's,
 * crosstie_sender_close and crosstie_receiver_close free them, in any order.
 *
 * Pointers:
 * sender and receiver can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_listener_accept(struct crosstie_listener *listener,
                                         uint64_t deadline_ns,
                                         struct crosstie_sender **sender,
                                         struct crosstie_receiver **receiver,
                                         struct crosstie_error *error);

/**
 * Writes to fd the descriptor that is readable when there is a connection to accept, and to buffer, which has room for room bytes, the address to
 * connect to, with the port that the kernel chose for port 0; either may be NULL.
 *
 * CROSSTIE_E_TOO_LARGE where the address has no room.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own. Never waits. The descriptor is the library's: it is freed with the handle.
 *
 * Pointers:
 * fd is NULL or can be written; buffer is NULL or leads to room bytes that can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_listener_place(struct crosstie_listener *listener,
                                        int *fd,
                                        char *buffer,
                                        size_t room,
                                        struct crosstie_error *error);

/**
 * Closes the handle; connections that it accepted stay.
 *
 * CROSSTIE_E_BUSY while a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_listener_close(struct crosstie_listener *listener,
                                        struct crosstie_error *error);

/**
 * Receives a message where it lies, and waits for one until deadline_ns: message says where its bytes are, in shared memory without a copy. Read
 * them, then say crosstie_received; only then is it acknowledged, so that of a ring or a queue the next receiver gets it where this process dies.
 *
 * As crosstie_receive, without CROSSTIE_E_TOO_LARGE. In shared memory a sender that breaks the protocol could still write the bytes: read each once where
 * that matters.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork opens its own end. Blocks until the
 * deadline. The bytes are the library's, until crosstie_received or the handle is closed: never free or write them.
 *
 * Pointers:
 * message begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_receive_in_place(struct crosstie_receiver *receiver,
                                          uint64_t deadline_ns,
                                          struct crosstie_message *message,
                                          struct crosstie_error *error);

/**
 * Says that what crosstie_receive_in_place lent is read: it is acknowledged, and nobody gets it again.
 *
 * CROSSTIE_E_USAGE where nothing is lent.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the message.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_received(struct crosstie_receiver *receiver,
                                  struct crosstie_error *error);

/**
 * Takes a job of a queue in hand, and waits for one until deadline_ns; message says where its bytes are. It is done only when
 * crosstie_job_done says so: a process that dies before leaves it to another, which is told (deliveries).
 *
 * As crosstie_receive; CROSSTIE_E_UNSUPPORTED on mechanisms that deliver once.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Blocks until the deadline. The bytes are the library's: they are
 * freed when the job is done, failed or rejected.
 *
 * Pointers:
 * message begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_receive_job(struct crosstie_receiver *receiver,
                                     uint64_t deadline_ns,
                                     struct crosstie_message *message,
                                     struct crosstie_error *error);

/**
 * Takes a dead letter of a queue in hand: a job that was rejected, or delivered as often as the queue allows; message says where its bytes are. crosstie_job_done
 * removes it. Whatever else becomes of it (crosstie_job_fail, crosstie_job_reject, the receiver closed, a death), it stays a dead letter, for the next who looks.
 *
 * CROSSTIE_E_BUSY: there is none. CROSSTIE_E_UNSUPPORTED on mechanisms that deliver once.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. The bytes are the library's: they are freed when the letter is
 * done, failed or rejected.
 *
 * Pointers:
 * message begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_receive_dead_letter(struct crosstie_receiver *receiver,
                                             struct crosstie_message *message,
                                             struct crosstie_error *error);

/**
 * Says that the job in hand is done: nobody gets it again.
 *
 * CROSSTIE_E_USAGE where none is; CROSSTIE_E_LOST when its lease was over and another has it.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the job.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_job_done(struct crosstie_receiver *receiver,
                                  struct crosstie_error *error);

/**
 * Says that the job in hand has failed: it is delivered again, or a dead letter after as many times as the queue allows.
 *
 * As crosstie_job_done.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the job.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_job_fail(struct crosstie_receiver *receiver,
                                  struct crosstie_error *error);

/**
 * Says that the job in hand can never be done: it is a dead letter at once.
 *
 * As crosstie_job_done.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Frees the bytes of the job.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_job_reject(struct crosstie_receiver *receiver,
                                    struct crosstie_error *error);

/**
 * Opens the receiver's end of address, as crosstie_sender_open; options may be NULL.
 *
 * As crosstie_sender_open.
 *
 * Thread-safe; not async-signal-safe. Blocks where the mechanism waits for the other side. The handle is the caller's, crosstie_receiver_close
 * frees it. After a fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * address is a text that ends in a zero; options is NULL or begins with its size; receiver can be written; error is NULL or the
 * caller's own.
 */
crosstie_status crosstie_receiver_open(const char *address,
                                       const struct crosstie_end_options *options,
                                       struct crosstie_receiver **receiver,
                                       struct crosstie_error *error);

/**
 * Receives a message into buffer, which has room for room bytes, and waits for one until deadline_ns; message says how long it is. It is
 * acknowledged with that: nobody gets it again.
 *
 * CROSSTIE_E_CLOSED: the sender said that nothing more comes; CROSSTIE_E_PEER_DIED: it ended without that. CROSSTIE_E_BUSY (there is none),
 * CROSSTIE_E_TIMED_OUT. CROSSTIE_E_LOST: messages of a topic were overwritten before; message says from which number on and how many, and the next call gets
 * what follows. CROSSTIE_E_TOO_LARGE: message says how much room it needs, and the next call gets it. Where there is none, message has none of an earlier one.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork opens its own end. Blocks until the
 * deadline. The buffer is the caller's to free.
 *
 * Pointers:
 * buffer leads to room bytes that can be written, or is NULL where there is none; message is NULL or begins with its size and
 * can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_receive(struct crosstie_receiver *receiver,
                                 void *buffer,
                                 size_t room,
                                 uint64_t deadline_ns,
                                 struct crosstie_message *message,
                                 struct crosstie_error *error);

/**
 * Writes to fd the descriptor to poll for being readable while there is no message, for epoll, poll, or a loop of events. It is the same for the life of
 * the end; neither read nor close it. Before each sleep ask crosstie_receiver_arm.
 *
 * CROSSTIE_E_UNSUPPORTED where there is none.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. The descriptor is the library's: it is freed with
 * the handle.
 *
 * Pointers:
 * fd can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_receiver_fd(struct crosstie_receiver *receiver,
                                     int *fd,
                                     struct crosstie_error *error);

/**
 * Says that the descriptor is to be polled now. Writes 1 to is_ready where there is a message, an end or a death already: do not sleep then, receive.
 *
 * As crosstie_receiver_fd.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * is_ready can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_receiver_arm(struct crosstie_receiver *receiver,
                                      uint32_t *is_ready,
                                      struct crosstie_error *error);

/**
 * Closes the handle. A job in hand is delivered again.
 *
 * CROSSTIE_E_BUSY while another thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_receiver_close(struct crosstie_receiver *receiver,
                                        struct crosstie_error *error);

/**
 * Opens the sender's end of address: "ring:frames", "queue:jobs", "topic:ticks", "fifo:/tmp/f", "unix:/run/x.sock", "tcp:127.0.0.1:9000", "fd:3",
 * as in every language; options may be NULL.
 *
 * CROSSTIE_E_USAGE for an address that is none: error says which part, and what was meant; CROSSTIE_E_BUSY where somebody else has that end.
 *
 * Thread-safe; not async-signal-safe. Blocks where the mechanism waits for the other side (open_deadline_ns). The handle is the caller's,
 * crosstie_sender_close frees it. After a fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * address is a text that ends in a zero; options is NULL or begins with its size; sender can be written; error is NULL or the
 * caller's own.
 */
crosstie_status crosstie_sender_open(const char *address,
                                     const struct crosstie_end_options *options,
                                     struct crosstie_sender **sender,
                                     struct crosstie_error *error);

/**
 * Sends the bytes bytes at data as one message, and waits for room until deadline_ns.
 *
 * CROSSTIE_E_BUSY (full), CROSSTIE_E_TIMED_OUT, CROSSTIE_E_TOO_LARGE, CROSSTIE_E_PEER_DIED, CROSSTIE_E_CLOSED. After a success the message is in the
 * channel: what that survives stands in docs/delivery.md.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork opens its own end. Blocks until the
 * deadline. data stays the caller's and may be freed or used again at once.
 *
 * Pointers:
 * data leads to bytes bytes, or is NULL where there are none; error is NULL or the caller's own.
 */
crosstie_status crosstie_send(struct crosstie_sender *sender,
                              const void *data,
                              size_t bytes,
                              uint64_t deadline_ns,
                              struct crosstie_error *error);

/**
 * Sends the count messages at messages in order, with as few system calls as the mechanism allows, and waits for room for the first until deadline_ns; sent
 * says how many of them were sent: at least one, and not all where there is no room, or one behind the first is refused, which the next call is told.
 *
 * As crosstie_send, about the first message; sent is 0 then. CROSSTIE_E_USAGE where there is no message.
 *
 * One thread at a time: a second one is answered CROSSTIE_E_BUSY. Not async-signal-safe; a child of fork opens its own end. Blocks until the
 * deadline. All memory stays the caller's and may be freed or used again at once.
 *
 * Pointers:
 * messages leads to count of them, each of which leads to its bytes; sent is NULL or can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_send_batch(struct crosstie_sender *sender,
                                    const struct crosstie_bytes *messages,
                                    size_t count,
                                    uint64_t deadline_ns,
                                    size_t *sent,
                                    struct crosstie_error *error);

/**
 * Lends room for a message of bytes bytes, and waits for it until deadline_ns; in shared memory it is where the receiver will read. Write it with
 * crosstie_sender_write, then crosstie_sender_commit or crosstie_sender_cancel; a sender lends one at a time.
 *
 * As crosstie_send.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Blocks until the deadline. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_reserve(struct crosstie_sender *sender,
                                        size_t bytes,
                                        uint64_t deadline_ns,
                                        struct crosstie_error *error);

/**
 * Writes bytes bytes at offset of the room that is lent.
 *
 * CROSSTIE_E_USAGE where no room is lent, or it is smaller.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. data stays the caller's to free.
 *
 * Pointers:
 * data leads to bytes bytes; error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_write(struct crosstie_sender *sender,
                                      size_t offset,
                                      const void *data,
                                      size_t bytes,
                                      struct crosstie_error *error);

/**
 * Sends the message that was written in place.
 *
 * As crosstie_send; CROSSTIE_E_USAGE where no room is lent.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. In shared memory it never waits, elsewhere it blocks until the
 * deadline of crosstie_sender_reserve. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_commit(struct crosstie_sender *sender,
                                       struct crosstie_error *error);

/**
 * Gives the room back that is lent: nothing is sent.
 *
 * CROSSTIE_E_USAGE where none is.
 *
 * One thread at a time. Not async-signal-safe; a child of fork has none of its parent's. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_cancel(struct crosstie_sender *sender,
                                       struct crosstie_error *error);

/**
 * Writes to fd the descriptor to poll while there is no room, for epoll, poll, or a loop of events, and to for_writing whether for being
 * writable (1) or readable (0). It is the same for the life of the end; neither read, write nor close it. Before each sleep ask
 * crosstie_sender_arm.
 *
 * CROSSTIE_E_UNSUPPORTED where there is none.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. The descriptor is the library's: it is freed with
 * the handle.
 *
 * Pointers:
 * fd and for_writing can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_fd(struct crosstie_sender *sender,
                                   int *fd,
                                   uint32_t *for_writing,
                                   struct crosstie_error *error);

/**
 * Says that the descriptor is to be polled now. Writes 1 to is_ready where there is room again already: do not sleep then, send.
 *
 * As crosstie_sender_fd.
 *
 * One thread at a time. Not async-signal-safe; a child of fork opens its own end. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * is_ready can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_arm(struct crosstie_sender *sender,
                                    uint32_t *is_ready,
                                    struct crosstie_error *error);

/**
 * Says that nothing more comes, and closes the handle; a receiver is answered CROSSTIE_E_CLOSED after the last message. A program that ends
 * without that has died, for the receiver.
 *
 * What could not be brought to its end is answered, and the handle is closed all the same; but for CROSSTIE_E_BUSY, while another thread is inside a call
 * with it, and CROSSTIE_E_USAGE.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle, which says nothing to the receiver. May wait for the kernel to take
 * the end mark. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_sender_close(struct crosstie_sender *sender,
                                      struct crosstie_error *error);

/**
 * Opens the condition name of domain (NULL: the default domain), and makes it where it is missing: that of the lock under which is waited.
 *
 * CROSSTIE_E_USAGE for a name that is none; CROSSTIE_E_NOT_PERMITTED, CROSSTIE_E_NO_SPACE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_condition_close frees it. After a
 * fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; condition can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_condition_open(const char *name,
                                        const char *domain,
                                        struct crosstie_condition **condition,
                                        struct crosstie_error *error);

/**
 * Gives up lock, which this thread has alone, waits to be notified until deadline_ns, and takes it again. It may return without a
 * notification: look in a loop whether what was waited for is there.
 *
 * CROSSTIE_OK and CROSSTIE_E_TIMED_OUT (nobody notified in time): the lock is held again, and turn is told as by crosstie_lock_take, an owner's death
 * too. After CROSSTIE_E_USAGE (it is not held by this handle, or is shared, or CROSSTIE_OWNER_PROCESS) it is as before. After every other status it
 * is not held: it could not be taken again.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handles. Blocks until the deadline, and then for the lock as long as that takes.
 * Who is killed while it waits holds nobody up, and a notification that it had goes to the next. Nothing is to be freed.
 *
 * Pointers:
 * turn is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_condition_wait(struct crosstie_condition *condition,
                                        struct crosstie_lock *lock,
                                        uint64_t deadline_ns,
                                        struct crosstie_turn *turn,
                                        struct crosstie_error *error);

/**
 * Notifies the first count who wait, or CROSSTIE_ALL. The caller has lock, under which they wait.
 *
 * CROSSTIE_E_USAGE when this thread does not have it by this handle.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handles. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_condition_notify(struct crosstie_condition *condition,
                                          struct crosstie_lock *lock,
                                          uint32_t count,
                                          struct crosstie_error *error);

/**
 * Closes the handle; the condition itself stays.
 *
 * CROSSTIE_E_BUSY while a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_condition_close(struct crosstie_condition *condition,
                                         struct crosstie_error *error);

/**
 * Opens the counting semaphore name of domain (NULL: the default domain), and makes it with the value value where it is missing. "posix:/name" is
 * the one that other programs open by sem_open("/name"), in no domain; of that nobody is served in order, and error cannot say who waits.
 *
 * CROSSTIE_E_USAGE for a name or value that is none.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_counter_close frees it. After a
 * fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; counter can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_counter_open(const char *name,
                                      uint32_t value,
                                      const char *domain,
                                      struct crosstie_counter **counter,
                                      struct crosstie_error *error);

/**
 * As crosstie_counter_open, of a counting semaphore that is not there yet: the value is the one that this caller says.
 *
 * CROSSTIE_E_ALREADY_EXISTS; CROSSTIE_E_USAGE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_counter_close frees it. After a
 * fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; counter can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_counter_create(const char *name,
                                        uint32_t value,
                                        const char *domain,
                                        struct crosstie_counter **counter,
                                        struct crosstie_error *error);

/**
 * Adds one, and wakes the first who waits.
 *
 * CROSSTIE_E_TOO_LARGE at 2147483647: nothing was added.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_counter_post(struct crosstie_counter *counter,
                                      struct crosstie_error *error);

/**
 * Takes one, and waits for it until deadline_ns.
 *
 * CROSSTIE_E_BUSY, CROSSTIE_E_TIMED_OUT.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Blocks until the deadline. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_counter_wait(struct crosstie_counter *counter,
                                      uint64_t deadline_ns,
                                      struct crosstie_error *error);

/**
 * Writes the value of now to value; it may change at once.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * value can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_counter_value(struct crosstie_counter *counter,
                                       uint32_t *value,
                                       struct crosstie_error *error);

/**
 * Closes the handle; the semaphore itself stays.
 *
 * CROSSTIE_E_BUSY while a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_counter_close(struct crosstie_counter *counter,
                                       struct crosstie_error *error);

/**
 * Opens the event name of domain (NULL: the default domain), and makes it, not set, where it is missing: CROSSTIE_EVENT_MANUAL or
 * CROSSTIE_EVENT_AUTOMATIC.
 *
 * CROSSTIE_E_MISMATCH when it is reset otherwise; CROSSTIE_E_USAGE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_event_close frees it. After a fork
 * a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; event can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_event_open(const char *name,
                                    uint32_t reset,
                                    const char *domain,
                                    struct crosstie_event **event,
                                    struct crosstie_error *error);

/**
 * Sets it, and wakes whom it lets through.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_event_set(struct crosstie_event *event,
                                   struct crosstie_error *error);

/**
 * Clears it.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_event_clear(struct crosstie_event *event,
                                     struct crosstie_error *error);

/**
 * Waits until it is set, or until deadline_ns.
 *
 * CROSSTIE_E_BUSY (it is not set), CROSSTIE_E_TIMED_OUT.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Blocks until the deadline. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_event_wait(struct crosstie_event *event,
                                    uint64_t deadline_ns,
                                    struct crosstie_error *error);

/**
 * Closes the handle; the event itself stays.
 *
 * CROSSTIE_E_BUSY while a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_event_close(struct crosstie_event *event,
                                     struct crosstie_error *error);

/**
 * Writes what is in domain (NULL: the default domain) to buffer as one JSON document, with a zero behind it: {"schema": "crosstie.c.ls/1", "objects": [{"name":
 * "lock:db", "kind": "lock", "description": …, "value": null, "held_by": [{"pid": 4711, "tid": 4711, "command": "sh", "units": 1}], "waiting": [{"pid": …, "tid": …,
 * "command": …, "waits_for": "lock:db", "waited_ns": …, "has_deadline": false, "is_stopped": false, "is_stalled": false}], "is_abandoned": false, "is_stalled": false,
 * "damage": null}]}, with what an object stands at as its value: {"count": 7}, {"is_set": true}, {"is_done": false}, {"is_used": true} of what has no name, {"taken": 1,
 * "total": 3}, {"arrived": 1, "total": 2, "is_broken": false}; its damage says why nobody can open it. bytes, which may be NULL, is told how much room that takes.
 *
 * CROSSTIE_E_TOO_LARGE: bytes says how much room it took now; there may be more at the next call.
 *
 * Thread-safe; not async-signal-safe; as before a fork after it. Does not wait for others. The buffer is the caller's to free.
 *
 * Pointers:
 * domain is NULL or a text that ends in a zero; buffer leads to room bytes that can be written, or is NULL where there is none; bytes is NULL or can be
 * written; error is NULL or the caller's own.
 */
crosstie_status crosstie_list(const char *domain,
                              char *buffer,
                              size_t room,
                              size_t *bytes,
                              struct crosstie_error *error);

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
 * Opens the monitor name of domain (NULL: the default domain), and makes it, all zeros, where it is missing; its data have bytes bytes, up to
 * CROSSTIE_MONITOR_BYTES_MAX, and no pointers in them.
 *
 * CROSSTIE_E_MISMATCH when it has another number of bytes, or a Rust program's type; CROSSTIE_E_USAGE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_monitor_close frees it. After a fork a
 * handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; monitor can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_monitor_open(const char *name,
                                      size_t bytes,
                                      const char *domain,
                                      struct crosstie_monitor **monitor,
                                      struct crosstie_error *error);

/**
 * Enters, and waits for that until deadline_ns. Writes to data where the data lie, aligned to 8 bytes: this thread's alone until it leaves.
 *
 * That somebody died inside is no status: turn says CROSSTIE_ABANDONED, and the data may be half changed, until somebody says that they are mended.
 * CROSSTIE_E_BUSY, CROSSTIE_E_TIMED_OUT: who is inside stands in error; CROSSTIE_E_DEADLOCK, also for who is inside already.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none of its parent's stays. Blocks until the deadline. Nothing is to be freed:
 * crosstie_monitor_leave.
 *
 * Pointers:
 * data can be written; turn is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_monitor_enter(struct crosstie_monitor *monitor,
                                       uint64_t deadline_ns,
                                       void **data,
                                       struct crosstie_turn *turn,
                                       struct crosstie_error *error);

/**
 * Waits inside, with others inside meanwhile, until the data are as all count comparisons at needs say, or until deadline_ns. Who leaves looks
 * for itself whom it has to wake: there is no notify to forget.
 *
 * CROSSTIE_OK, CROSSTIE_E_TIMED_OUT (they are not so): this thread is inside again, and the data lie where they lay. With CROSSTIE_ABANDONED in turn
 * somebody died inside: look whether they are so. CROSSTIE_E_USAGE for what is no comparison: as before. After every other status it is outside.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none of its parent's stays. Blocks until the deadline, and up to a second longer to be
 * inside again. Who is killed while it waits holds nobody up. Nothing is to be freed.
 *
 * Pointers:
 * needs leads to count comparisons; turn is NULL or begins with its size and can be written; error is NULL or the caller's
 * own.
 */
crosstie_status crosstie_monitor_wait(struct crosstie_monitor *monitor,
                                      const struct crosstie_comparison *needs,
                                      size_t count,
                                      uint64_t deadline_ns,
                                      struct crosstie_turn *turn,
                                      struct crosstie_error *error);

/**
 * Leaves, and wakes who can go on now.
 *
 * CROSSTIE_E_USAGE when this thread is not inside. CROSSTIE_E_LOST: it was put out by force meanwhile, so that another may have been inside at the same time.
 *
 * Thread-safe; not async-signal-safe; a child of fork has nothing to leave. Never waits. Nothing is to be freed; the data are not this thread's any
 * more.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_monitor_leave(struct crosstie_monitor *monitor,
                                       struct crosstie_error *error);

/**
 * Says, inside, that the data are whole again: the next is not told CROSSTIE_ABANDONED any more.
 *
 * CROSSTIE_E_USAGE when this thread is not inside.
 *
 * Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_monitor_mark_mended(struct crosstie_monitor *monitor, struct crosstie_error *error);

/**
 * Closes the handle; the monitor itself and its data stay.
 *
 * CROSSTIE_E_BUSY while a thread is inside by it, or in a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle; the data are not in this
 * process's memory any more.
 *
 * Pointers:
 * Nothing uses the data any more; error is NULL or the caller's own.
 */
crosstie_status crosstie_monitor_close(struct crosstie_monitor *monitor,
                                       struct crosstie_error *error);

/**
 * Opens name of domain (NULL: the default domain), and makes it, not done, where it is missing.
 *
 * CROSSTIE_E_USAGE for a name that is none; CROSSTIE_E_NOT_PERMITTED, CROSSTIE_E_NO_SPACE.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_once_close frees it. After a fork a
 * handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero, domain one or NULL; once can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_once_open(const char *name,
                                   const char *domain,
                                   struct crosstie_once **once,
                                   struct crosstie_error *error);

/**
 * Asks whether it is to be done, and waits until deadline_ns for another that is at it. Writes 1 to is_ours where this thread is to do it now
 * and then say crosstie_once_done or crosstie_once_give_up; 0 where it is done.
 *
 * turn says CROSSTIE_ABANDONED where the last who began it died before it was done. CROSSTIE_E_BUSY, CROSSTIE_E_TIMED_OUT: another is at it, named in
 * error; CROSSTIE_E_DEADLOCK, also for who is at it already.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none of its parent's turns. Blocks until the deadline. Nothing is to be freed.
 *
 * Pointers:
 * is_ours can be written; turn is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_once_begin(struct crosstie_once *once,
                                    uint64_t deadline_ns,
                                    uint32_t *is_ours,
                                    struct crosstie_turn *turn,
                                    struct crosstie_error *error);

/**
 * Says that it is done, for ever: whoever waits goes on, nobody does it again.
 *
 * CROSSTIE_E_USAGE when this thread is not doing it; CROSSTIE_E_LOST when it was taken away by force meanwhile: then it is not said to be done.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none of its parent's turns. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_once_done(struct crosstie_once *once,
                                   struct crosstie_error *error);

/**
 * Says that it could not be done: the next who asks does it.
 *
 * CROSSTIE_E_USAGE when this thread is not doing it.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none of its parent's turns. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_once_give_up(struct crosstie_once *once,
                                      struct crosstie_error *error);

/**
 * Closes the handle; whether it is done stays.
 *
 * CROSSTIE_E_BUSY while a thread is doing it by this handle, or is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_once_close(struct crosstie_once *once,
                                    struct crosstie_error *error);

/**
 * Removes the object kind:name ("lock:db", "sem:gpu") that nobody has open: of domain, or of the default domain where that is NULL. Of "posix:/name" the
 * name goes, whoever has it open.
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
 * Opens the region name ("/my_region"): CROSSTIE_REGION_OPEN, CROSSTIE_REGION_CREATE, CROSSTIE_REGION_OPEN_OR_CREATE; a new one has bytes bytes,
 * zeroed, for this user alone, and its space is taken at once.
 *
 * CROSSTIE_E_NOT_FOUND, CROSSTIE_E_ALREADY_EXISTS, CROSSTIE_E_NO_SPACE (sizes and remedy in error), CROSSTIE_E_USAGE for a name that is not /name.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_region_close frees it. After a fork a
 * handle of the parent's is refused in the child; what it mapped stays mapped there.
 *
 * Pointers:
 * name is a text that ends in a zero; region can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_open(const char *name,
                                     uint64_t bytes,
                                     uint32_t how,
                                     struct crosstie_region **region,
                                     struct crosstie_error *error);

/**
 * Writes to bytes how many the region has now; others may change it.
 *
 * Thread-safe; not async-signal-safe; a child of fork opens its own handle. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * bytes can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_bytes(struct crosstie_region *region,
                                      uint64_t *bytes,
                                      struct crosstie_error *error);

/**
 * Writes to data where the region lies in this process, and to bytes (which may be NULL) how many bytes of it do: with the size that it had at the
 * first of these calls. The same for every call with this handle.
 *
 * Others write it at any time: take turns, or use atomics. One who makes it shorter turns an access behind its end into SIGBUS.
 * CROSSTIE_E_USAGE where it has no bytes.
 *
 * Thread-safe; not async-signal-safe; a child of fork has it at the same place. Never waits. The memory is the library's: it goes with
 * crosstie_region_close, never free or unmap it.
 *
 * Pointers:
 * data can be written, bytes too or it is NULL; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_map(struct crosstie_region *region,
                                    void **data,
                                    size_t *bytes,
                                    struct crosstie_error *error);

/**
 * Copies bytes bytes of the region from offset on to to.
 *
 * CROSSTIE_E_USAGE when the region ends before.
 *
 * Thread-safe, in no order with what others write; not async-signal-safe; a child of fork opens its own handle. Never waits. to is the caller's
 * to free.
 *
 * Pointers:
 * to leads to bytes bytes that can be written, or is NULL where there are none; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_read(struct crosstie_region *region,
                                     uint64_t offset,
                                     void *to,
                                     size_t bytes,
                                     struct crosstie_error *error);

/**
 * Copies the bytes bytes at from into the region from offset on; it never grows.
 *
 * CROSSTIE_E_USAGE when the region ends before: nothing was written.
 *
 * Thread-safe, in no order with what others write; not async-signal-safe; a child of fork opens its own handle. Never waits. from is the
 * caller's to free.
 *
 * Pointers:
 * from leads to bytes bytes, or is NULL where there are none; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_write(struct crosstie_region *region,
                                      uint64_t offset,
                                      const void *from,
                                      size_t bytes,
                                      struct crosstie_error *error);

/**
 * Removes the name of a region; whoever has it open keeps it.
 *
 * CROSSTIE_E_NOT_FOUND, CROSSTIE_E_NOT_PERMITTED.
 *
 * Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * name is a text that ends in a zero; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_unlink(const char *name, struct crosstie_error *error);

/**
 * Closes the handle, and unmaps what crosstie_region_map answered; the region itself stays until its name is removed and all have closed it.
 *
 * CROSSTIE_E_BUSY while a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle and the memory.
 *
 * Pointers:
 * Nothing uses the region's memory any more; error is NULL or the caller's own.
 */
crosstie_status crosstie_region_close(struct crosstie_region *region,
                                      struct crosstie_error *error);

/**
 * Opens the semaphore name, and makes it with permits of them where it is missing; options may be NULL.
 *
 * CROSSTIE_E_MISMATCH when it has another number of permits; CROSSTIE_E_USAGE for a number or name that is none.
 *
 * Thread-safe; not async-signal-safe. Does not wait for others. The handle is the caller's, crosstie_semaphore_close frees it. After a
 * fork a handle of the parent's is refused in the child, which opens its own.
 *
 * Pointers:
 * name is a text that ends in a zero; options is NULL or begins with its size; semaphore can be written; error is NULL or
 * the caller's own.
 */
crosstie_status crosstie_semaphore_open(const char *name,
                                        uint32_t permits,
                                        const struct crosstie_semaphore_options *options,
                                        struct crosstie_semaphore **semaphore,
                                        struct crosstie_error *error);

/**
 * Takes one permit, and waits for it until deadline_ns. turn says which of the permits it is (index, from 0: which GPU, which port).
 *
 * CROSSTIE_E_BUSY, CROSSTIE_E_TIMED_OUT; CROSSTIE_E_DEADLOCK when no holder could ever give one back: error names them.
 *
 * Thread-safe; not async-signal-safe. A child of fork has none of its parent's permits. Blocks until the deadline. Nothing is to be
 * freed: crosstie_semaphore_release.
 *
 * Pointers:
 * turn is NULL or begins with its size and can be written; error is NULL or the caller's own.
 */
crosstie_status crosstie_semaphore_acquire(struct crosstie_semaphore *semaphore,
                                           uint64_t deadline_ns,
                                           struct crosstie_turn *turn,
                                           struct crosstie_error *error);

/**
 * Gives the permit back that was taken last by this handle.
 *
 * CROSSTIE_E_USAGE when this thread (of CROSSTIE_OWNER_PROCESS: this process) has none by it.
 *
 * Thread-safe; not async-signal-safe; a child of fork has none to give back. Never waits. Nothing is to be freed.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_semaphore_release(struct crosstie_semaphore *semaphore,
                                           struct crosstie_error *error);

/**
 * Closes the handle; the semaphore itself stays.
 *
 * CROSSTIE_E_BUSY while a permit is held by it, or a thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_semaphore_close(struct crosstie_semaphore *semaphore,
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
