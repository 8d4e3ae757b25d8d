/* What of a running daemon others can reach: sockets, files, modes. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/obj.h"
#include "tests/support/daemon.h"
#include "tests/support/far_end.h"
#include "tests/support/turn.h"

enum { INODES = 256 };

struct inodes {
    unsigned long all[INODES];
    size_t n;
};

static void find_sockets(const struct daemon *d, struct inodes *in) {
    char path[64];
    struct dirent *e = NULL;
    *in = (struct inodes){.n = 0};
    snprintf(path, sizeof path, "/proc/%d/fd", (int)d->pid);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    while ((e = readdir(dir)) != NULL) {
        char target[64] = "";
        if (readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1) > 0 &&
            sscanf(target, "socket:[%lu]", &in->all[in->n]) == 1) {
            in->n++;
            cr_assert_lt(in->n, INODES);
        }
    }
    closedir(dir);
}

static bool has(const struct inodes *in, unsigned long inode) {
    for (size_t i = 0; i < in->n; i++) {
        if (in->all[i] == inode) {
            return true;
        }
    }
    return false;
}

/* "0100007F" of IPv4, the bytes of a word turned; ::1 of IPv6. */
static bool is_loopback(const char *hex) {
    return strlen(hex) == 8 ? strcmp(hex + 6, "7F") == 0
                            : strcmp(hex, "00000000000000000000000001000000") == 0;
}

/* Counts those of the daemon in one table of /proc/net; each has to be on the loopback. */
static unsigned count_local(const struct inodes *in, const char *table) {
    char path[64];
    char line[512];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/net/%s", table);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char local[40] = "";
        unsigned long inode = 0;
        int got =
            sscanf(line, " %*u: %39[0-9A-F]:%*x %*s %*s %*s %*s %*s %*u %*u %lu", local, &inode);
        if (got == 2 && has(in, inode)) {
            n++;
            cr_assert(is_loopback(local), "%s: %s", table, line);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

static const char scenario[] =
    "{\"name\":\"all far ends\",\"peers\":{\"one\":{\"script\":[{\"send\":\"x\"}]}},"
    "\"network\":{\"map\":{\"203.0.113.1:7\":\"echo:\",\"203.0.113.2:*\":\"chargen:\","
    "\"203.0.113.3:80\":\"one\"}}}";

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

/* All that opens a socket. */
static void start_all(struct daemon *d, struct dte *t) {
    char path[128];
    daemon_init(d);
    snprintf(path, sizeof path, "%s/all.json", d->folder);
    put(path, scenario);
    daemon_option(d, "--scenario", "%s", path);
    daemon_option(d, "--control", "%s/control", d->folder);
    daemon_option(d, "--rfc2217", "0");
    daemon_option(d, "--quick-start", NULL);
    daemon_start(d);
    dte_open(t, d->link);
    dte_ask(t, "ATE0", "OK\r\n");
    dte_ask(t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(t, "AT+SERVERSTART=18080,0", "OK\r\n");
    dte_ask(t, "AT+SERVERSTART=18081,3", "OK\r\n");
    dte_ask(t, "AT+CIPOPEN=0,\"TCP\",\"203.0.113.1\",7", "+CIPOPEN: 0,0\r\n");
    dte_ask(t, "AT+CIPOPEN=1,\"UDP\",,,15000", "+CIPOPEN: 1,0\r\n");
    dte_ask(t, "AT+CIPSEND=1,2,\"203.0.113.1\",7", ">");
    dte_say(t, "x");
    dte_expect(t, "+CIPSEND: 1,2,2\r\n");
}

Test(e2e_security, whatever_is_on_every_socket_is_on_the_loopback) {
    struct daemon d;
    struct dte t;
    struct inodes in;
    start_all(&d, &t);
    find_sockets(&d, &in);
    unsigned tcp = count_local(&in, "tcp") + count_local(&in, "tcp6");
    unsigned udp = count_local(&in, "udp") + count_local(&in, "udp6");
    /* Two servers, the UART, three far ends and more of the quick start, both ends of a link. */
    cr_assert_geq(tcp, 8);
    cr_assert_geq(udp, 4);
    cr_assert_eq(count_local(&in, "raw") + count_local(&in, "raw6"), 0);
    dte_close(&t);
    daemon_stop(&d);
}

/* The other way round: what is asked for is seen by the test. */
Test(e2e_security, a_server_listens_elsewhere_when_it_is_told_to) {
    struct daemon d;
    struct dte t;
    struct inodes in;
    daemon_init(&d);
    daemon_option(&d, "--listen", "18082=0.0.0.0:0");
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "AT+NETOPEN", "+NETOPEN: 0\r\n");
    dte_ask(&t, "AT+SERVERSTART=18082,0", "OK\r\n");
    find_sockets(&d, &in);
    FILE *f = fopen("/proc/net/tcp", "r");
    char line[512];
    bool is_seen = false;
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long inode = 0;
        is_seen |=
            sscanf(line, " %*u: 00000000:%*x %*s %*s %*s %*s %*s %*u %*u %lu", &inode) == 1 &&
            has(&in, inode);
    }
    fclose(f);
    cr_assert(is_seen);
    dte_close(&t);
    daemon_stop(&d);
}

static unsigned mode_of(const char *path) {
    struct stat st;
    cr_assert_eq(stat(path, &st), 0, "%s", path);
    cr_assert_eq(st.st_uid, geteuid());
    return st.st_mode & 07777;
}

Test(e2e_security, what_it_makes_is_its_owners_alone_whatever_the_umask) {
    struct daemon d;
    struct dte t;
    char path[128];
    char nvram[64];
    umask(0);
    daemon_init(&d);
    snprintf(nvram, sizeof nvram, "%s/nvram", d.folder);
    daemon_option(&d, "--control", "%s/control", d.folder);
    daemon_option(&d, "--nvram", "%s", nvram);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "AT+CSOCKSETPN=2", "OK\r\n");
    cr_assert_eq(mode_of(d.link), 0600);
    snprintf(path, sizeof path, "%s/control", d.folder);
    cr_assert_eq(mode_of(path), 0600);
    cr_assert_eq(mode_of(nvram), 0700);
    static const char *const names[] = {"nvram.json", "nvram.lock"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", nvram, names[i]);
        cr_assert_eq(mode_of(path), 0600);
    }
    dte_close(&t);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", nvram, names[i]);
        cr_expect_eq(unlink(path), 0);
    }
    cr_expect_eq(rmdir(nvram), 0);
    daemon_stop(&d);
}

Test(e2e_security, the_sandbox_is_in_force_behind_the_ready_line) {
    struct daemon d;
    struct dte t;
    daemon_init(&d);
    daemon_option(&d, "--sandbox", NULL);
    daemon_start(&d);
    dte_open(&t, d.link);
    dte_ask(&t, "AT", "OK\r\n");
    cr_assert_eq(daemon_status(&d, "NoNewPrivs"), 1);
    cr_assert_eq(daemon_status(&d, "Seccomp"), 2);
    dte_close(&t);
    daemon_stop(&d);
}
