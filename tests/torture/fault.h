/* fault.h: calls of the C library that fail on demand, in the program they are linked into.
 *
 * The functions of fault.c stand in front of the C library's for the program and for the libraries
 * below it (libuv, c-ares, libslirp): what an executable defines goes before what they import.
 * Without a page (fault_attach) they only pass on.
 *
 * A page is shared memory, because who plans and watches is another process, the parent of the one
 * that is tried. The page also has the tried process's clock: it stands still while there is work,
 * and goes on to the next timer, but not further than granted, when there is none and the watcher
 * has seen what was done. So minutes of a dialogue take no time.
 *
 * Owns nothing; borrows the page until the process ends.
 */
#ifndef TESTS_TORTURE_FAULT_H
#define TESTS_TORTURE_FAULT_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of calls: what is counted, and fails, together. */
#define FAULT_KINDS(X)                                                                             \
    X(ALLOC, "alloc")                                                                              \
    X(DESCRIPTOR, "descriptor") /* all that makes one */                                           \
    X(CONNECT, "connect")                                                                          \
    X(BIND, "bind")                                                                                \
    X(LISTEN, "listen")                                                                            \
    X(SOCKET_OPTION, "socket-option") /* and names and shutdown */                                 \
    X(RECV, "recv")                                                                                \
    X(SEND, "send")                                                                                \
    X(TTY_READ, "tty-read")                                                                        \
    X(TTY_WRITE, "tty-write")                                                                      \
    X(TTY_IOCTL, "tty-ioctl")                                                                      \
    X(FILE_READ, "file-read")                                                                      \
    X(FILE_WRITE, "file-write")                                                                    \
    X(FILE_SYSTEM, "file-system") /* names and folders, and what makes them last */                \
    X(CLOSE, "close")             /* it is closed all the same */                                  \
    X(POLL, "poll")               /* a signal interrupts it */                                     \
    X(EPOLL, "epoll")                                                                              \
    X(WATCH, "watch") /* inotify */

enum fault_kind {
#define X(id, name) FAULT_##id,
    FAULT_KINDS(X)
#undef X
        FAULT_KINDS_COUNT
};

enum { FAULT_SURVIVORS = 8192, FAULT_TEXT = 2048, FAULT_SITE = 32, FAULT_FDS = 64 };

/* What a process ends with that has no memory (base/obj.h), and a probe that lives on without. */
enum { FAULT_NO_MEMORY = 71, FAULT_SURVIVED = 99 };

struct fault_page {
    /* The plan: calls number `from` to `to` of this kind fail, counted from 1, from when it was
     * armed. from 0: none does. */
    atomic_bool is_armed;
    int kind;
    uint64_t from, to;
    /* Descriptors: instead of the call failing, the process is at its limit from then on. */
    bool is_limited;
    /* At each allocation a child is forked in which it fails: who ends with FAULT_NO_MEMORY and one
     * line is done with; who would go on is ended and its number kept, to be played in full. */
    bool is_probing;
    uint64_t probe_every; /* so many allocations; 0: each */
    /* Of reads and writes of ttys and stream sockets. */
    bool is_capped, are_streams_capped; /* ttys, sockets: a byte each */
    bool is_again;                      /* now and then EAGAIN or EINTR */
    uint64_t chance;

    /* What happened. */
    uint64_t counts[FAULT_KINDS_COUNT];
    uint64_t hits;
    uint64_t freed;         /* descriptors, while no more are to be had */
    void *site[FAULT_SITE]; /* of the newest */
    int site_depth;
    uint64_t probes, bad_probe; /* the number of the first that went wrong, 0: none */
    int bad_status;
    char bad_text[FAULT_TEXT]; /* what it said */
    uint64_t survivors[FAULT_SURVIVORS];
    size_t nsurvivors;

    /* The clock, in ns. */
    bool is_virtual;
    _Atomic int64_t now, granted;
    _Atomic uint32_t grants, idle; /* grants up to which there is nothing to do */
    int wake_fd, idle_fd;          /* eventfds: to the tried process, and from it */
    /* Bytes of the tty, counted at both ends: some may be on their way, in a thread of the
     * kernel. */
    _Atomic uint64_t put, taken; /* by the tried process, by the watcher */
    _Atomic uint64_t sent, got;  /* by the watcher, by the tried process */
};

extern const char *const fault_names[FAULT_KINDS_COUNT];

/* A page in shared memory with its eventfds, for a child to come. */
struct fault_page *fault_page_new(void);
void fault_page_free(struct fault_page *page);

/* From now on this process is tried. */
void fault_attach(struct fault_page *page);
/* It is not any more: what the harness does in it does not count. */
void fault_detach(void);

/* This process is the watcher: what it writes to a tty is for the tried one. NULL: it was. */
void fault_watch(struct fault_page *page);

/* The watcher's poll: lets the clock go on to `until` and waits until a descriptor is ready, or the
 * tried process has nothing to do before then; at most FAULT_FDS of them. The result is poll's;
 * -1: neither within `limit_ms` of the host's time. */
int fault_poll(struct fault_page *page, struct pollfd *fds, nfds_t n, int64_t until, int limit_ms);

#endif
