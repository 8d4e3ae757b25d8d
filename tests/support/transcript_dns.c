#include "tests/support/transcript_dns.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/be.h"
#include "tests/support/transcript.h"

/* RFC 1035 4.1. */
enum { HEADER = 12, TYPE_A = 1, TYPE_PTR = 12, NAME_MAX_BYTES = 256, MESSAGE = 1024 };

struct query {
    char name[NAME_MAX_BYTES]; /* dotted */
    unsigned type;
    size_t end; /* of the question */
};

/* Labels without compression, which a question does not have. */
static bool read_query(const uint8_t *p, size_t n, struct query *q) {
    size_t at = HEADER;
    size_t len = 0;
    while (at < n && p[at] != 0) {
        size_t label = p[at++];
        if (label > 63 || at + label >= n || len + label + 1 >= sizeof q->name) {
            return false;
        }
        memcpy(q->name + len, p + at, label);
        len += label;
        at += label;
        q->name[len++] = '.';
    }
    if (at + 5 > n || len == 0) {
        return false;
    }
    q->name[len - 1] = '\0';
    q->type = be_get16(p + at + 1);
    q->end = at + 5;
    return true;
}

static size_t put_labels(uint8_t *to, const char *name) {
    size_t n = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        to[n++] = (uint8_t)label;
        memcpy(to + n, name, label);
        n += label;
        name += label + (name[label] == '.' ? 1 : 0);
    }
    to[n++] = 0;
    return n;
}

/* The answer's data; 0: no such name. */
static size_t look_up(const struct transcript *t, const struct query *q, uint8_t *to) {
    for (size_t i = 0; i < t->nnames; i++) {
        uint32_t ip = t->names[i].ip;
        char reverse[64];
        snprintf(reverse, sizeof reverse, "%u.%u.%u.%u.in-addr.arpa", ip & 255, ip >> 8 & 255,
                 ip >> 16 & 255, ip >> 24);
        if (q->type == TYPE_A && strcasecmp(q->name, t->names[i].name) == 0) {
            uint32_t net = htonl(ip);
            memcpy(to, &net, sizeof net);
            return sizeof net;
        }
        if (q->type == TYPE_PTR && strcasecmp(q->name, reverse) == 0) {
            return put_labels(to, t->names[i].name);
        }
    }
    return 0;
}

void transcript_dns_answer(int fd, const struct transcript *t) {
    uint8_t p[MESSAGE + NAME_MAX_BYTES];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(fd, p, MESSAGE / 2, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    struct query q;
    if (got < HEADER || !read_query(p, (size_t)got, &q)) {
        return;
    }
    /* The name is that of the question; class IN, a minute to live. */
    static const uint8_t answer[] = {0xc0, HEADER, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0};
    uint8_t *a = p + q.end;
    size_t n = look_up(t, &q, a + sizeof answer);
    memcpy(a, answer, sizeof answer);
    a[3] = (uint8_t)q.type;
    a[11] = (uint8_t)n;
    p[2] = 0x81;                /* an answer, recursion was desired */
    p[3] = n > 0 ? 0x80 : 0x83; /* recursion is available; 3: no such name */
    memset(p + 6, 0, HEADER - 6);
    p[7] = n > 0;
    sendto(fd, p, q.end + (n > 0 ? sizeof answer + n : 0), 0, (struct sockaddr *)&from, size);
}
