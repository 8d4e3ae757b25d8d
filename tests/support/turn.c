#include "tests/support/turn.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/obj.h"

enum { WATCHED_MAX = 256, STEP_US = 10000 };

static struct pollfd fds[WATCHED_MAX];
static struct {
    turn_fn *fn;
    void *ctx;
} users[WATCHED_MAX];
static nfds_t count;

int64_t turn_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static nfds_t find(int fd) {
    nfds_t i = 0;
    while (i < count && fds[i].fd != fd) {
        i++;
    }
    return i;
}

void turn_add(int fd, short events, turn_fn *fn, void *ctx) {
    must(count < WATCHED_MAX && find(fd) == count);
    fds[count] = (struct pollfd){.fd = fd, .events = events};
    users[count].fn = fn;
    users[count].ctx = ctx;
    count++;
}

void turn_events(int fd, short events) {
    nfds_t i = find(fd);
    must(i < count);
    fds[i].events = events;
}

void turn_remove(int fd) {
    nfds_t i = find(fd);
    if (i < count) {
        count--;
        fds[i] = fds[count];
        users[i] = users[count];
    }
}

bool turn_once(int64_t until_us) {
    int64_t left_us = until_us - turn_now_us();
    int wait_ms = left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
    if (poll(fds, count, wait_ms) <= 0) {
        return turn_now_us() < until_us; /* woken by a signal */
    }
    /* Whoever is served may add and remove others; a moved one has its turn next time. */
    for (nfds_t i = 0; i < count; i++) {
        short revents = fds[i].revents;
        fds[i].revents = 0;
        if (revents != 0) {
            users[i].fn(users[i].ctx, fds[i].fd, revents);
        }
    }
    return turn_now_us() < until_us;
}

void turn_for(int64_t ms) {
    int64_t until_us = turn_now_us() + ms * 1000;
    while (turn_once(until_us)) {
    }
}

bool turn_step(int64_t until_us) {
    turn_once(turn_now_us() + STEP_US);
    return turn_now_us() < until_us;
}

void turn_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: waited in vain for %s\n", file, line, what);
    abort();
}
