#include "netstack/ipfrag.h"

#include <stdlib.h>
#include <string.h>

#include "base/obj.h"

enum { PACKET_MAX = 65535, UNIT = 8 };

static void drop(struct ipfrag_slot *s) {
    free(s->p);
    *s = (struct ipfrag_slot){0};
}

void ipfrag_fini(struct ipfrag *f) {
    for (size_t i = 0; i < IPFRAG_SLOTS; i++) {
        drop(&f->slots[i]);
    }
    free(f->whole);
    f->whole = NULL;
}

static struct ipfrag_slot *find(struct ipfrag *f, const struct ippkt *k) {
    for (size_t i = 0; i < IPFRAG_SLOTS; i++) {
        struct ipfrag_slot *s = &f->slots[i];
        if (s->p != NULL && s->proto == k->proto && s->id == k->id && s->dst == k->dst.ip) {
            return s;
        }
    }
    return NULL;
}

/* The first one brings the head; one with the same number was never finished. */
static struct ipfrag_slot *begin(struct ipfrag *f, const struct ippkt *k) {
    struct ipfrag_slot *s = find(f, k);
    if (s == NULL) {
        s = &f->slots[f->next];
        f->next = (f->next + 1) % IPFRAG_SLOTS;
    }
    drop(s);
    *s = (struct ipfrag_slot){.p = xmalloc(k->head),
                              .n = k->head,
                              .head = k->head,
                              .proto = k->proto,
                              .id = k->id,
                              .dst = k->dst.ip};
    memcpy(s->p, k->p, k->head);
    return s;
}

bool ipfrag_add(struct ipfrag *f, const struct ippkt *k, struct ippkt *whole) {
    struct ipfrag_slot *s = k->is_later ? find(f, k) : begin(f, k);
    size_t n = k->n - k->head;
    if (s == NULL) {
        return false;
    }
    bool is_next = s->head + k->offset == s->n && s->n + n <= PACKET_MAX;
    if (!is_next || n == 0 || (k->is_more && n % UNIT != 0)) {
        drop(s);
        return false;
    }
    s->p = xrealloc(s->p, s->n + n);
    memcpy(s->p + s->n, k->p + k->head, n);
    s->n += n;
    if (k->is_more) {
        return false;
    }
    free(f->whole);
    f->whole = s->p;
    ippkt_seal(s->p, s->n);
    int err = ippkt_parse(whole, s->p, s->n);
    must(err == 0);
    s->p = NULL;
    drop(s);
    return true;
}
