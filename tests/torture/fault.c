#define _GNU_SOURCE /* RTLD_NEXT, _Fork, ppoll, the calls that stand here */
#include "tests/torture/fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/obj.h"

/* The call behind the one that is defined here. */
#define DECLARE_NEXT(name) static __typeof__(&(name)) next_##name
#define NEXT(name) (next_##name == NULL ? find_next(#name, &next_##name) : (void)0, *next_##name)

enum {
    LOOK_NS = 300000, /* while bytes of a tty are on their way */
    LOOKS = 300,      /* then they have got lost, with a tty that was closed */
    PATIENCE = 3,     /* so many times as long where nothing fails, and few can be lost */
    TTY_MAJOR = 136,  /* and the seven behind it */
    PTMX_MAJOR = 5,
    AGAIN_ONE_IN = 4,
};

const char *const fault_names[FAULT_KINDS_COUNT] = {
#define X(id, name) [FAULT_##id] = name,
    FAULT_KINDS(X)
#undef X
};

static struct fault_page *page; /* NULL: all is passed on */
static struct fault_page
    *watched;          /* the page of the process that is watched from here, NULL: none */
static bool has_acted; /* since it last came to rest */
static bool is_probe;  /* a child that has had its allocation fail */

/* A pointer to a function, of any type; dlsym gives one to an object. */
static void find_next(const char *name, void *to) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(to, &found, sizeof found);
}

/* -- whether a call fails -- */

/* A probe that comes to touch what it shares with its parent has survived. */
static void end_probe(void) {
    if (is_probe) {
        _exit(FAULT_SURVIVED);
    }
}

static void note_hit(struct fault_page *p) {
    struct fault_page *kept = page;
    page = NULL; /* backtrace may allocate */
    p->hits++;
    p->site_depth = backtrace(p->site, FAULT_SITE);
    page = kept;
}

/* No descriptor is left, until one is closed: libuv keeps one to close, so that it can accept. */
static void reach_limit(struct fault_page *p) {
    struct rlimit limit;
    int free_fd = (int)syscall(SYS_dup, STDERR_FILENO);
    if (p->hits == 0 && free_fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        note_hit(p);
        limit.rlim_cur = (rlim_t)free_fd;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (free_fd >= 0) {
        syscall(SYS_close, free_fd);
    }
}

static bool fails(enum fault_kind kind, int error) {
    struct fault_page *p = page;
    end_probe();
    has_acted = true;
    if (p == NULL || !atomic_load(&p->is_armed)) {
        return false;
    }
    uint64_t n = ++p->counts[kind];
    if ((int)kind != p->kind || n < p->from || n > p->to) {
        return false;
    }
    if (kind == FAULT_DESCRIPTOR && p->is_limited) {
        reach_limit(p); /* and then the kernel says no */
        return false;
    }
    note_hit(p);
    errno = error;
    return true;
}

/* -- memory -- */

/* Of the C library, and of AddressSanitizer where that is linked in: its allocator then. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
__attribute__((weak)) void *__interceptor_malloc(size_t size);
__attribute__((weak)) void *__interceptor_calloc(size_t n, size_t size);
__attribute__((weak)) void *__interceptor_realloc(void *p, size_t size);

static bool is_good_end(int status, const char *text, size_t n) {
    const char *end = memchr(text, '\n', n);
    return WIFEXITED(status) && WEXITSTATUS(status) == FAULT_NO_MEMORY && n > 0 &&
           end == text + n - 1;
}

/* What the probe said and how it ended. */
static void judge_probe(struct fault_page *p, uint64_t number, int status, int text_fd) {
    p->probes++;
    if (WIFEXITED(status) && WEXITSTATUS(status) == FAULT_SURVIVED) {
        if (p->nsurvivors < FAULT_SURVIVORS) {
            p->survivors[p->nsurvivors++] = number;
        }
        return;
    }
    char text[FAULT_TEXT] = "";
    ssize_t n = syscall(SYS_pread64, text_fd, text, sizeof text - 1, 0);
    if (p->bad_probe == 0 && !is_good_end(status, text, n > 0 ? (size_t)n : 0)) {
        p->bad_probe = number;
        p->bad_status = status;
        memcpy(p->bad_text, text, sizeof text);
        note_hit(p);
    }
}

/* True in the child. Without the handlers of fork: libuv's would make descriptors. */
static bool probe(struct fault_page *p, uint64_t number) {
    int text_fd = memfd_create("said", MFD_CLOEXEC);
    pid_t pid = _Fork();
    if (pid == 0) {
        syscall(SYS_dup3, text_fd, STDERR_FILENO, 0);
        is_probe = true;
        page = NULL;
        return true;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    judge_probe(p, number, status, text_fd);
    syscall(SYS_close, text_fd);
    return false;
}

static bool fails_to_allocate(void) {
    struct fault_page *p = page;
    int error = errno;
    if (p == NULL || !atomic_load(&p->is_armed)) {
        return false;
    }
    if (p->is_probing) {
        uint64_t number = ++p->counts[FAULT_ALLOC];
        bool is_chosen = p->probe_every == 0 || number % p->probe_every == 0;
        bool is_child = is_chosen && probe(p, number);
        errno = is_child ? ENOMEM : error;
        return is_child;
    }
    return fails(FAULT_ALLOC, ENOMEM);
}

void *malloc(size_t size) {
    return fails_to_allocate()            ? NULL
           : __interceptor_malloc != NULL ? __interceptor_malloc(size)
                                          : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return fails_to_allocate()            ? NULL
           : __interceptor_calloc != NULL ? __interceptor_calloc(n, size)
                                          : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
    return fails_to_allocate()             ? NULL
           : __interceptor_realloc != NULL ? __interceptor_realloc(p, size)
                                           : __libc_realloc(p, size);
}

/* -- time -- */

DECLARE_NEXT(clock_gettime);
int clock_gettime(clockid_t id, struct timespec *to) {
    bool is_ours = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE;
    if (page == NULL || !page->is_virtual || !is_ours) {
        return NEXT(clock_gettime)(id, to);
    }
    int64_t now = atomic_load(&page->now);
    *to = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
    return 0;
}

static void signal_to(int fd) {
    uint64_t one = 1;
    syscall(SYS_write, fd, &one, sizeof one);
}

static void take_signal(int fd) {
    uint64_t count = 0;
    syscall(SYS_read, fd, &count, sizeof count);
}

/* A busy machine keeps bytes of a tty for long. */
static unsigned most_looks(const struct fault_page *p) {
    return p->from == UINT64_MAX ? PATIENCE * LOOKS : LOOKS;
}

/* True: the descriptor, or a new grant; ns < 0: for ever. */
static bool rest(struct fault_page *p, int epoll, int64_t ns) {
    struct pollfd fds[] = {{.fd = epoll, .events = POLLIN}, {.fd = p->wake_fd, .events = POLLIN}};
    struct timespec wait = {.tv_nsec = ns};
    if (syscall(SYS_ppoll, fds, 2, ns < 0 ? NULL : &wait, NULL, 0) <= 0) {
        return false;
    }
    if (fds[1].revents != 0) {
        take_signal(p->wake_fd);
    }
    return true;
}

static int wait_virtually(struct fault_page *p, int epoll, struct epoll_event *to, int max,
                          int timeout) {
    int64_t due = timeout < 0 ? INT64_MAX : atomic_load(&p->now) + timeout * INT64_C(1000000);
    for (unsigned looks = 0;;) {
        int n = (int)syscall(SYS_epoll_wait, epoll, to, max, 0);
        if (n != 0 || timeout == 0) {
            return n;
        }
        uint32_t grants = atomic_load(&p->grants);
        if (atomic_load(&p->sent) != atomic_load(&p->got) && looks++ < most_looks(p)) {
            rest(p, epoll, LOOK_NS);
            continue;
        }
        atomic_store(&p->got, atomic_load(&p->sent));
        int64_t granted = atomic_load(&p->granted);
        int64_t now = atomic_load(&p->now);
        if (has_acted) { /* it may have answered: the watcher looks before time goes on */
            has_acted = false;
            granted = now;
        }
        if (due <= granted) {
            atomic_store(&p->now, due > now ? due : now);
            return 0;
        }
        atomic_store(&p->now, granted > now ? granted : now);
        if (atomic_exchange(&p->idle, grants) != grants) {
            signal_to(p->idle_fd);
        }
        rest(p, epoll, -1);
    }
}

DECLARE_NEXT(epoll_wait);
int epoll_wait(int epoll, struct epoll_event *to, int max, int timeout) {
    end_probe();
    return page != NULL && page->is_virtual ? wait_virtually(page, epoll, to, max, timeout)
                                            : NEXT(epoll_wait)(epoll, to, max, timeout);
}

/* Until a descriptor is ready or the tried process rests; the result is poll's, -1: neither. */
static int await_rest(struct fault_page *p, struct pollfd *all, nfds_t n, int limit_ms) {
    uint32_t grants = atomic_fetch_add(&p->grants, 1) + 1;
    signal_to(p->wake_fd);
    for (;;) {
        int ready = poll(all, n + 1, limit_ms);
        if (ready <= 0) {
            return -1;
        }
        if (all[n].revents == 0) {
            return ready;
        }
        take_signal(p->idle_fd);
        if (ready > 1 || atomic_load(&p->idle) == grants) {
            return ready - 1;
        }
    }
}

int fault_poll(struct fault_page *p, struct pollfd *fds, nfds_t n, int64_t until, int limit_ms) {
    static const struct timespec look = {.tv_nsec = LOOK_NS};
    struct pollfd all[FAULT_FDS + 1];
    int ready = 0;
    must(n <= FAULT_FDS);
    memcpy(all, fds, n * sizeof *fds);
    all[n] = (struct pollfd){.fd = p->idle_fd, .events = POLLIN};
    take_signal(p->idle_fd);
    atomic_store(&p->granted, until);
    do {
        ready = await_rest(p, all, n, limit_ms);
        for (unsigned i = 0;
             ready == 0 && i < most_looks(p) && atomic_load(&p->put) != atomic_load(&p->taken);
             i++) {
            ready = ppoll(all, n, &look, NULL);
        }
        if (ready == 0) {
            atomic_store(&p->taken, atomic_load(&p->put));
        }
    } while (ready == 0 && atomic_load(&p->now) < until);
    memcpy(fds, all, n * sizeof *fds);
    return ready;
}

/* -- bytes -- */

enum what { OTHER, TTY, STREAM, DATAGRAM, REGULAR };

DECLARE_NEXT(getsockopt);
static enum what what_is(int fd) {
    struct stat st;
    if (page == NULL || fstat(fd, &st) != 0) {
        return OTHER;
    }
    if (S_ISREG(st.st_mode)) {
        return REGULAR;
    }
    if (S_ISCHR(st.st_mode)) {
        unsigned number = major(st.st_rdev);
        return number == PTMX_MAJOR || (number >= TTY_MAJOR && number < TTY_MAJOR + 8) ? TTY
                                                                                       : OTHER;
    }
    int type = 0;
    socklen_t size = sizeof type;
    if (!S_ISSOCK(st.st_mode) || NEXT(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return OTHER;
    }
    return type == SOCK_STREAM ? STREAM : DATAGRAM;
}

static bool is_module_side(const struct stat *st) {
    return major(st->st_rdev) == PTMX_MAJOR;
}

static void note_bytes(int fd, ssize_t n, bool is_read) {
    struct stat st;
    if ((page == NULL && watched == NULL) || n <= 0 || fstat(fd, &st) != 0 ||
        !S_ISCHR(st.st_mode)) {
        return;
    }
    bool is_master = is_module_side(&st);
    if (page != NULL && is_master) {
        atomic_fetch_add(is_read ? &page->got : &page->put, (uint64_t)n);
    } else if (page == NULL && !is_master) {
        atomic_fetch_add(is_read ? &watched->taken : &watched->sent, (uint64_t)n);
    }
}

/* xorshift64: the same seed gives the same run. */
static uint64_t draw(struct fault_page *p) {
    p->chance ^= p->chance << 13;
    p->chance ^= p->chance >> 7;
    p->chance ^= p->chance << 17;
    return p->chance;
}

/* EAGAIN of a tty whose client has gone is the end of what it left, and EAGAIN of the client's
 * side, which the module reads too, the end of what was not read: a kernel tells no lies there. */
static bool is_end_of_tty(int fd) {
    struct stat st;
    struct pollfd p = {.fd = fd};
    return (fstat(fd, &st) == 0 && !is_module_side(&st)) ||
           (syscall(SYS_poll, &p, 1, 0) > 0 && (p.revents & POLLHUP) != 0);
}

/* Not where the caller would rightly wait for ever, and not with datagrams: one that is not sent
 * at once is lost, as it may be. */
static bool is_put_off(int fd, enum what what, int flags) {
    struct fault_page *p = page;
    if (p == NULL || !p->is_again || what == OTHER || what == DATAGRAM ||
        draw(p) % AGAIN_ONE_IN != 0 || (what == TTY && is_end_of_tty(fd))) {
        return false;
    }
    bool may_wait = what == REGULAR || ((flags & MSG_DONTWAIT) == 0 &&
                                        ((int)syscall(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK) == 0);
    errno = may_wait || draw(p) % 2 == 0 ? EINTR : EAGAIN;
    return true;
}

static size_t capped(enum what what, size_t n) {
    bool is_one =
        page != NULL && n > 1 &&
        ((what == TTY && page->is_capped) || (what == STREAM && page->are_streams_capped));
    return is_one ? 1 : n;
}

/* A datagram whose reading fails is lost, or a poll would tell of it for ever. */
static bool loses_datagram(int fd) {
    char byte = 0;
    bool has_failed = fails(FAULT_RECV, ECONNRESET);
    int error = errno;
    if (has_failed) {
        syscall(SYS_recvfrom, fd, &byte, 1, MSG_DONTWAIT, NULL, NULL);
    }
    errno = error;
    return has_failed;
}

static bool fails_to_read(int fd, enum what what, int flags) {
    end_probe();
    return what == TTY       ? fails(FAULT_TTY_READ, EIO) || is_put_off(fd, what, flags)
           : what == REGULAR ? fails(FAULT_FILE_READ, EIO) || is_put_off(fd, what, flags)
           : what == STREAM  ? fails(FAULT_RECV, ECONNRESET) || is_put_off(fd, what, flags)
           : what != OTHER   ? loses_datagram(fd) || is_put_off(fd, what, flags)
                             : false;
}

static bool fails_to_write(int fd, enum what what, int flags) {
    end_probe();
    return what == TTY       ? fails(FAULT_TTY_WRITE, EIO) || is_put_off(fd, what, flags)
           : what == REGULAR ? fails(FAULT_FILE_WRITE, ENOSPC) || is_put_off(fd, what, flags)
           : what == STREAM  ? fails(FAULT_SEND, EPIPE) || is_put_off(fd, what, flags)
           : what != OTHER   ? fails(FAULT_SEND, ENOBUFS) || is_put_off(fd, what, flags)
                             : false;
}

DECLARE_NEXT(read);
ssize_t read(int fd, void *to, size_t n) {
    enum what what = what_is(fd);
    ssize_t got = fails_to_read(fd, what, 0) ? -1 : NEXT(read)(fd, to, capped(what, n));
    note_bytes(fd, got, true);
    return got;
}

DECLARE_NEXT(write);
ssize_t write(int fd, const void *from, size_t n) {
    enum what what = what_is(fd);
    ssize_t put = fails_to_write(fd, what, 0) ? -1 : NEXT(write)(fd, from, capped(what, n));
    note_bytes(fd, put, false);
    return put;
}

/* The pieces of a capped call: one of a byte. */
static int cap_pieces(enum what what, const struct iovec *from, int n, struct iovec *one) {
    for (int i = 0; i < n && capped(what, 2) == 1; i++) {
        if (from[i].iov_len > 0) {
            *one = (struct iovec){from[i].iov_base, 1};
            return 1;
        }
    }
    return 0;
}

DECLARE_NEXT(writev);
ssize_t writev(int fd, const struct iovec *from, int n) {
    enum what what = what_is(fd);
    struct iovec one;
    if (fails_to_write(fd, what, 0)) {
        return -1;
    }
    bool is_one = cap_pieces(what, from, n, &one) > 0;
    return NEXT(writev)(fd, is_one ? &one : from, is_one ? 1 : n);
}

DECLARE_NEXT(recv);
ssize_t recv(int fd, void *to, size_t n, int flags) {
    enum what what = what_is(fd);
    return fails_to_read(fd, what, flags) ? -1 : NEXT(recv)(fd, to, capped(what, n), flags);
}

DECLARE_NEXT(recvfrom);
ssize_t recvfrom(int fd, void *to, size_t n, int flags, __SOCKADDR_ARG from, socklen_t *size) {
    enum what what = what_is(fd);
    return fails_to_read(fd, what, flags)
               ? -1
               : NEXT(recvfrom)(fd, to, capped(what, n), flags, from, size);
}

DECLARE_NEXT(recvmsg);
ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    enum what what = what_is(fd);
    struct iovec one;
    if (fails_to_read(fd, what, flags)) {
        return -1;
    }
    if (cap_pieces(what, message->msg_iov, (int)message->msg_iovlen, &one) == 0) {
        return NEXT(recvmsg)(fd, message, flags);
    }
    struct msghdr part = *message;
    part.msg_iov = &one;
    part.msg_iovlen = 1;
    ssize_t n = NEXT(recvmsg)(fd, &part, flags);
    part.msg_iov = message->msg_iov;
    part.msg_iovlen = message->msg_iovlen;
    *message = part;
    return n;
}

DECLARE_NEXT(send);
ssize_t send(int fd, const void *from, size_t n, int flags) {
    enum what what = what_is(fd);
    return fails_to_write(fd, what, flags) ? -1 : NEXT(send)(fd, from, capped(what, n), flags);
}

DECLARE_NEXT(sendto);
ssize_t sendto(int fd, const void *from, size_t n, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t size) {
    enum what what = what_is(fd);
    return fails_to_write(fd, what, flags)
               ? -1
               : NEXT(sendto)(fd, from, capped(what, n), flags, to, size);
}

DECLARE_NEXT(sendmsg);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    enum what what = what_is(fd);
    struct msghdr part = *message;
    struct iovec one;
    if (fails_to_write(fd, what, flags)) {
        return -1;
    }
    if (cap_pieces(what, message->msg_iov, (int)message->msg_iovlen, &one) > 0) {
        part.msg_iov = &one;
        part.msg_iovlen = 1;
    }
    return NEXT(sendmsg)(fd, &part, flags);
}

/* -- the others: counted, and passed on -- */

#define CALL(type, name, params, args, kind, error, failed)                                        \
    DECLARE_NEXT(name);                                                                            \
    type name params {                                                                             \
        return fails(FAULT_##kind, error) ? (failed) : NEXT(name) args;                            \
    }

CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), DESCRIPTOR,
     EMFILE, -1)
CALL(int, accept, (int fd, __SOCKADDR_ARG from, socklen_t *restrict size), (fd, from, size),
     DESCRIPTOR, EMFILE, -1)
CALL(int, accept4, (int fd, __SOCKADDR_ARG from, socklen_t *restrict size, int flags),
     (fd, from, size, flags), DESCRIPTOR, EMFILE, -1)
CALL(int, eventfd, (unsigned count, int flags), (count, flags), DESCRIPTOR, EMFILE, -1)
CALL(int, pipe2, (int ends[2], int flags), (ends, flags), DESCRIPTOR, EMFILE, -1)
CALL(int, epoll_create1, (int flags), (flags), DESCRIPTOR, EMFILE, -1)
CALL(int, inotify_init1, (int flags), (flags), DESCRIPTOR, EMFILE, -1)
CALL(FILE *, fopen, (const char *restrict path, const char *restrict mode), (path, mode),
     DESCRIPTOR, EMFILE, NULL)
CALL(FILE *, fopen64, (const char *restrict path, const char *restrict mode), (path, mode),
     DESCRIPTOR, EMFILE, NULL)
CALL(int, connect, (int fd, __CONST_SOCKADDR_ARG to, socklen_t size), (fd, to, size), CONNECT,
     ENETUNREACH, -1)
CALL(int, bind, (int fd, __CONST_SOCKADDR_ARG to, socklen_t size), (fd, to, size), BIND, EADDRINUSE,
     -1)
CALL(int, listen, (int fd, int backlog), (fd, backlog), LISTEN, EADDRINUSE, -1)
CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size), SOCKET_OPTION, ENOBUFS, -1)
CALL(int, getsockname, (int fd, __SOCKADDR_ARG to, socklen_t *restrict size), (fd, to, size),
     SOCKET_OPTION, ENOBUFS, -1)
CALL(int, getpeername, (int fd, __SOCKADDR_ARG to, socklen_t *restrict size), (fd, to, size),
     SOCKET_OPTION, ENOTCONN, -1)
CALL(int, shutdown, (int fd, int how), (fd, how), SOCKET_OPTION, ENOTCONN, -1)
CALL(int, rename, (const char *from, const char *to), (from, to), FILE_SYSTEM, ENOSPC, -1)
CALL(int, renameat, (int from_fd, const char *from, int to_fd, const char *to),
     (from_fd, from, to_fd, to), FILE_SYSTEM, ENOSPC, -1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), FILE_SYSTEM, ENOSPC, -1)
CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), FILE_SYSTEM, ENOSPC,
     -1)
CALL(int, unlink, (const char *path), (path), FILE_SYSTEM, EIO, -1)
CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), FILE_SYSTEM, EIO, -1)
CALL(int, symlink, (const char *target, const char *path), (target, path), FILE_SYSTEM, ENOSPC, -1)
CALL(ssize_t, readlink, (const char *restrict path, char *restrict to, size_t n), (path, to, n),
     FILE_SYSTEM, EIO, -1)
CALL(int, ftruncate, (int fd, off_t n), (fd, n), FILE_SYSTEM, EIO, -1)
CALL(int, flock, (int fd, int how), (fd, how), FILE_SYSTEM, ENOLCK, -1)
CALL(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), POLL, EINTR, -1)
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), WATCH,
     ENOSPC, -1)

/* What counts is the order of calls; that the disk has it takes long, and a process's death loses
 * none. */
DECLARE_NEXT(fsync);
int fsync(int fd) {
    return fails(FAULT_FILE_SYSTEM, EIO) ? -1 : page != NULL ? 0 : NEXT(fsync)(fd);
}

DECLARE_NEXT(close);
int close(int fd) {
    bool has_failed = fails(FAULT_CLOSE, EIO);
    int rc = NEXT(close)(fd);
    errno = has_failed ? EIO : errno;
    return has_failed ? -1 : rc;
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size) {
    return fails(FAULT_SOCKET_OPTION, ENOBUFS) ? -1
                                               : NEXT(getsockopt)(fd, level, name, value, size);
}

static mode_t mode_of(int flags, va_list ap) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define CALL_OPEN(name, params, first)                                                             \
    DECLARE_NEXT(name);                                                                            \
    int name params {                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = mode_of(flags, ap);                                                          \
        va_end(ap);                                                                                \
        return fails(FAULT_DESCRIPTOR, EMFILE) ? -1 : NEXT(name)(first flags, mode);               \
    }
#define COMMA ,

CALL_OPEN(open, (const char *path, int flags, ...), path COMMA)
CALL_OPEN(open64, (const char *path, int flags, ...), path COMMA)
CALL_OPEN(openat, (int fd, const char *path, int flags, ...), fd COMMA path COMMA)

/* Only what is new takes memory and counts against a limit. */
DECLARE_NEXT(epoll_ctl);
int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event) {
    bool has_failed = what == EPOLL_CTL_ADD && fails(FAULT_EPOLL, ENOSPC);
    end_probe();
    return has_failed ? -1 : NEXT(epoll_ctl)(epoll, what, fd, event);
}

/* On a socket or a pipe it sets what cannot fail. */
DECLARE_NEXT(ioctl);
int ioctl(int fd, unsigned long request, ...) {
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    bool makes_one = request == TIOCGPTPEER;
    if (what_is(fd) == TTY &&
        fails(makes_one ? FAULT_DESCRIPTOR : FAULT_TTY_IOCTL, makes_one ? EMFILE : EIO)) {
        return -1;
    }
    return NEXT(ioctl)(fd, request, arg);
}

/* -- the page -- */

struct fault_page *fault_page_new(void) {
    struct fault_page *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(p != MAP_FAILED);
    p->chance = 1;
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(p->wake_fd >= 0 && p->idle_fd >= 0);
    return p;
}

void fault_page_free(struct fault_page *p) {
    close(p->wake_fd);
    close(p->idle_fd);
    munmap(p, sizeof *p);
}

void fault_attach(struct fault_page *p) {
    page = p;
}

void fault_detach(void) {
    page = NULL;
}

void fault_watch(struct fault_page *p) {
    watched = p;
}
