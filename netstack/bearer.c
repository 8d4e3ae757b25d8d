#include "netstack/bearer.h"

#include "base/obj.h"

void bearer_init(struct bearer *b, struct clk *clk, struct net_host host) {
    *b = (struct bearer){.clk = clk, .host = host};
    OBJ_INIT(b, BEARER_MAGIC);
}

void bearer_fini(struct bearer *b) {
    bearer_down(b);
    OBJ_FINI(b);
}

void bearer_up(struct bearer *b, uint32_t ip) {
    CHECK_OBJ(b, BEARER_MAGIC);
    b->is_up = true;
    b->ip = ip;
}

void bearer_down(struct bearer *b) {
    CHECK_OBJ(b, BEARER_MAGIC);
    b->is_up = false;
    b->ip = 0;
    while (b->users != NULL) {
        struct bearer_user *u = b->users;
        bearer_detach(u);
        u->down(u);
    }
}

void bearer_attach(struct bearer *b, struct bearer_user *u) {
    CHECK_OBJ(b, BEARER_MAGIC);
    must(b->is_up && u->prev == NULL);
    u->next = b->users;
    u->prev = &b->users;
    if (u->next != NULL) {
        u->next->prev = &u->next;
    }
    b->users = u;
}

void bearer_detach(struct bearer_user *u) {
    if (u->prev == NULL) {
        return;
    }
    *u->prev = u->next;
    if (u->next != NULL) {
        u->next->prev = u->prev;
    }
    u->next = NULL;
    u->prev = NULL;
}
