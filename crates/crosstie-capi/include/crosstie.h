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
#define CROSSTIE_SEMAPHORE_OPTIONS_INIT { sizeof(crosstie_semaphore_options), 0, 0, 0 }
#define CROSSTIE_END_OPTIONS_INIT { sizeof(crosstie_end_options), 0, 0 }
#define CROSSTIE_MESSAGE_INIT { sizeof(crosstie_message), 0, 0, 0, 0, 0 }

/**
 * When a party dies the barrier breaks: all who wait are told, until it is reset.
 */
#define CROSSTIE_BARRIER_BREAKS 0

/**
 * When a party dies the others go on without it.
 */
#define CROSSTIE_BARRIER_SHRINKS 1

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
 * A counting semaphore by its name, as sem_t: anyone waits, anyone posts, and nobody owns what was taken, so nothing comes back when
 * a process dies. Where that matters: crosstie_semaphore. Never look inside.
 */
typedef struct crosstie_counter crosstie_counter;

/**
 * An event by its name: set or not. Never look inside.
 */
typedef struct crosstie_event crosstie_event;

/**
 * A lock that processes share by its name: the one that crosstie lock NAME takes, or that Rust and Python open. Never look inside.
 */
typedef struct crosstie_lock crosstie_lock;

/**
 * The end of a channel that receives. Never look inside.
 */
typedef struct crosstie_receiver crosstie_receiver;

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
   * Of a topic, its number; else 0.
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
} crosstie_message;

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
 * CROSSTIE_E_NEGATIVE: the server refused, error says why. CROSSTIE_E_PEER_DIED, CROSSTIE_E_CLOSED, CROSSTIE_E_TIMED_OUT: whether it was done is not
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
 * Closes the handle.
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
 * Opens a server at address: unix, unixpacket, tcp, fifo, ring, or queue, which other servers may share; options may be NULL.
 *
 * CROSSTIE_E_BUSY when another process listens there; CROSSTIE_E_USAGE.
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
 * CROSSTIE_E_BUSY (there is none), CROSSTIE_E_TIMED_OUT.
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
 * Answers a call with the bytes bytes at data, and closes its handle. That nobody waits for it any more is no error.
 *
 * CROSSTIE_E_TOO_LARGE: the caller is told too.
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
 * CROSSTIE_E_USAGE for a text that is none.
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
 * Closes the handle: the server ends, and its clients are told.
 *
 * CROSSTIE_E_BUSY while another thread is inside a call with it.
 *
 * Thread-safe; not async-signal-safe; a child of fork may close its parent's handle. Never waits. Frees the handle.
 *
 * Pointers:
 * error is NULL or the caller's own.
 */
crosstie_status crosstie_server_close(struct crosstie_server *server,
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
 * CROSSTIE_E_TIMED_OUT. CROSSTIE_E_TOO_LARGE: message says how much room it needs, and the next call gets it.
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
 * Opens the counting semaphore name of domain (NULL: the default domain), and makes it with the value value where it is missing.
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
 * "lock:db", "kind": "lock", "description": …, "is_abandoned": false, "held_by": [{"pid": 4711, "tid": 4711, "command": "sh", "units": 1}],
 * "waiting": [{"pid": …, "tid": …, "command": …, "waited_ns": …, "has_deadline": false}]}]}. bytes, which may be NULL, is told how much room that takes.
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
