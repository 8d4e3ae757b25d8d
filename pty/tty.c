#include "pty/tty.h"

/* The kernel's own termios2 carries any bit rate as a number; <termios.h> would clash with it. */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned speed_bps = 115200;

/* What every client finds, whatever the one before it set. The control characters are those
 * a client gets back by switching on canonical mode. */
static int set_raw(int fd) {
    struct termios2 t;
    if (ioctl(fd, TCGETS2, &t) != 0) {
        return -errno;
    }
    t.c_iflag = 0;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = CS8 | CREAD | CLOCAL | B115200;
    t.c_ispeed = speed_bps;
    t.c_ospeed = speed_bps;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    return ioctl(fd, TCSETS2, &t) == 0 ? 0 : -errno;
}

static int open_peer(const struct tty *t) {
    return ioctl(t->fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* What is written to it is a command to the module, and Debian lets the group tty write to every
 * one: for its owner alone, and for the group that was named. */
static int give_access(const struct tty *t) {
    enum { OWNER = 0600, OWNER_AND_GROUP = 0660 };
    int err = 0;
    int peer = open_peer(t);
    if (peer < 0 || (t->group > 0 && fchown(peer, (uid_t)-1, t->group) != 0) ||
        fchmod(peer, t->group > 0 ? OWNER_AND_GROUP : OWNER) != 0) {
        err = -errno;
    }
    if (peer >= 0) {
        close(peer);
    }
    return err;
}

int tty_open(struct tty *t) {
    int unlocked = 0;
    unsigned number = 0;
    t->fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        return -errno;
    }
    int err = 0;
    if (ioctl(t->fd, TIOCSPTLCK, &unlocked) != 0 || ioctl(t->fd, TIOCGPTN, &number) != 0) {
        err = -errno;
    }
    snprintf(t->path, sizeof t->path, "/dev/pts/%u", number);
    /* A slave that was never open is not reported as hung up: open and close it once. */
    size_t unread = 0;
    if (err == 0) {
        err = tty_clean(t, &unread);
    }
    if (err == 0) {
        err = give_access(t);
    }
    if (err != 0) {
        tty_close(t);
    }
    return err;
}

void tty_close(struct tty *t) {
    if (t->fd >= 0) {
        close(t->fd);
        t->fd = -1;
    }
}

bool tty_is_hung_up(const struct tty *t) {
    struct pollfd p = {.fd = t->fd};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0;
}

bool tty_has_room(const struct tty *t) {
    struct pollfd p = {.fd = t->fd, .events = POLLOUT};
    return poll(&p, 1, 0) > 0 && p.revents == POLLOUT;
}

size_t tty_input(const struct tty *t) {
    /* The poll brings in what the kernel has still under way. */
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    int n = 0;
    return poll(&p, 1, 0) > 0 && ioctl(t->fd, FIONREAD, &n) == 0 ? (size_t)n : 0;
}

int tty_clean(struct tty *t, size_t *unread) {
    *unread = 0;
    int peer = open_peer(t);
    if (peer < 0) {
        return -errno;
    }
    int err = set_raw(peer);
    /* Counted by reading: FIONREAD leaves out what the kernel has still under way. */
    char bin[4096];
    ssize_t n = 0;
    while ((n = read(peer, bin, sizeof bin)) > 0) {
        *unread += (size_t)n;
    }
    ioctl(peer, TIOCNXCL);
    ioctl(peer, TCFLSH, TCIFLUSH);
    close(peer);
    return err;
}

/* `fd`, which is closed, under the number of the tty's. */
static int replace(struct tty *t, int fd) {
    int err = dup2(fd, t->fd) < 0 || fcntl(t->fd, F_SETFD, FD_CLOEXEC) != 0 ? -errno : 0;
    close(fd);
    return err;
}

int tty_renew(struct tty *t) {
    struct tty same = {.fd = -1};
    struct tty fresh = {.fd = -1, .group = t->group};
    int err = tty_open(&fresh);
    if (err == 0 && strcmp(fresh.path, t->path) == 0) {
        /* The lowest free number is given, so it is held while another one is asked for. */
        same = fresh;
        err = tty_open(&fresh);
    }
    tty_close(&same);
    if (err == 0) {
        err = replace(t, fresh.fd);
    }
    if (err == 0) {
        memcpy(t->path, fresh.path, sizeof t->path);
    }
    return err;
}

int tty_pull(struct tty *t) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : replace(t, fd);
}

unsigned tty_speed(const struct tty *t) {
    struct termios2 now;
    return ioctl(t->fd, TCGETS2, &now) == 0 ? now.c_ospeed : 0;
}
