/* ipdns.h: a name server's side of DNS messages (RFC 1035): one question read, one answer written.
 *
 * Pure; messages come from a driver and may be anything.
 */
#ifndef NETSTACK_IPDNS_H
#define NETSTACK_IPDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum { IPDNS_A = 1, IPDNS_PTR = 12 };
enum { IPDNS_OK, IPDNS_FORMAT_ERROR, IPDNS_FAILURE, IPDNS_NO_NAME, IPDNS_NOT_DONE, IPDNS_REFUSED };
enum { IPDNS_ANSWER_MAX = 1024, IPDNS_NAME_WIRE = 255 };

struct ipdns_question {
    uint16_t id, type;
    bool wants_recursion;
    char name[LIMIT_NAME + 1];         /* as text; empty: the root, or a name that is no host's */
    uint8_t wire[IPDNS_NAME_WIRE + 4]; /* as it was asked */
    size_t n_wire;                     /* 0: it could not be read */
};

/* -EINVAL: no question, to which nothing is said. 0: look it up. Above: this is the answer. */
int ipdns_parse(struct ipdns_question *q, const uint8_t *p, size_t n);

/* The address that a PTR question is about. -EINVAL: it is about none. */
int ipdns_reverse(const struct ipdns_question *q, uint32_t *ip);

/* Each returns the size: an answer without records, with an address, with a name. */
size_t ipdns_answer(const struct ipdns_question *q, int code, uint8_t out[IPDNS_ANSWER_MAX]);
size_t ipdns_answer_ip(const struct ipdns_question *q, uint32_t ip, uint8_t out[IPDNS_ANSWER_MAX]);
size_t ipdns_answer_name(const struct ipdns_question *q, const char *name,
                         uint8_t out[IPDNS_ANSWER_MAX]);

#endif
