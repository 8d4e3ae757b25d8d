#include "scenarios/peers/magic_world.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "netstack/net.h"
#include "scenarios/peers/magic.h"
#include "scenarios/peers/peers.h"

/* The upper half of what is for benchmarks (RFC 2544); the lower one has the mapped names. */
static const uint32_t names_net = 198u << 24 | 19u << 16;

/* A far end that has been made. */
struct made {
    struct peer *peer; /* NULL: free */
    uint64_t used;     /* when it was last: a count */
};

struct magic_world {
    uint32_t magic;
#define MAGIC_WORLD_MAGIC 0x6d0e94a3u
    struct peers *peers;
    struct magic *names[LIMIT_MAGIC_NAMES]; /* number i has the address names_net + 1 + i */
    size_t n_names;
    struct made made[LIMIT_PEERS];
    uint64_t uses;
};

struct magic_world *magic_world_new(struct uv_loop_s *loop, struct clk *clk) {
    struct magic_world *w = xmalloc(sizeof *w);
    OBJ_INIT(w, MAGIC_WORLD_MAGIC);
    w->peers = peers_new(loop, clk);
    return w;
}

void magic_world_close(struct magic_world *w) {
    if (w == NULL) {
        return;
    }
    CHECK_OBJ(w, MAGIC_WORLD_MAGIC);
    peers_close(w->peers);
    for (size_t i = 0; i < w->n_names; i++) {
        free(w->names[i]);
    }
    OBJ_FINI(w);
    free(w);
}

/* -- names -- */

/* An address of its own, the same each time. 0: there are no more. */
static uint32_t ip_of(struct magic_world *w, const struct magic *m) {
    size_t i = 0;
    while (i < w->n_names && strcmp(w->names[i]->name, m->name) != 0) {
        i++;
    }
    if (i == LIMIT_MAGIC_NAMES) {
        LOG(LOG_PEER, LOG_WARN, m->name, "does not exist: %d such names are all there can be",
            LIMIT_MAGIC_NAMES);
        return 0;
    }
    if (i == w->n_names) {
        w->names[i] = xmalloc(sizeof *w->names[i]);
        *w->names[i] = *m;
        w->n_names++;
    }
    return names_net + 1 + (uint32_t)i;
}

enum magic_name_verdict magic_world_resolve(struct magic_world *w, struct sv name, uint32_t *ip) {
    CHECK_OBJ(w, MAGIC_WORLD_MAGIC);
    struct magic m;
    if (!magic_by_name(name, &m)) {
        return MAGIC_NAME_NOT_MINE;
    }
    if (m.kind == MAGIC_DNS_SILENT) {
        return MAGIC_NAME_SILENT;
    }
    uint32_t found = m.has_number ? ip_of(w, &m) : m.ip;
    if (m.kind == MAGIC_NOT_FOUND || found == 0) {
        return MAGIC_NAME_NOT_FOUND;
    }
    *ip = found;
    return MAGIC_NAME_ADDR;
}

static const struct magic *named(const struct magic_world *w, uint32_t ip) {
    size_t i = (size_t)ip - names_net - 1;
    return ip > names_net && i < w->n_names ? w->names[i] : NULL;
}

const char *magic_world_name(const struct magic_world *w, uint32_t ip) {
    CHECK_OBJ(w, MAGIC_WORLD_MAGIC);
    const struct magic *m = named(w, ip);
    return m != NULL ? m->name : NULL;
}

/* -- connects -- */

/* A free place, or that of the longest unused far end, which goes. NULL: all have connections. */
static struct made *make_room(struct magic_world *w) {
    struct made *oldest = NULL;
    for (size_t i = 0; i < LIMIT_PEERS; i++) {
        struct made *at = &w->made[i];
        if (at->peer == NULL) {
            return at;
        }
        if (peer_connections(at->peer) == 0 && (oldest == NULL || at->used < oldest->used)) {
            oldest = at;
        }
    }
    if (oldest != NULL) {
        peers_remove(oldest->peer);
        oldest->peer = NULL;
    }
    return oldest;
}

static struct made *find_made(struct magic_world *w, const char *name) {
    const struct peer *peer = peers_find(w->peers, name);
    for (size_t i = 0; peer != NULL && i < LIMIT_PEERS; i++) {
        if (w->made[i].peer == peer) {
            return &w->made[i];
        }
    }
    return NULL;
}

/* NULL: no room, or the system refused. */
static struct peer *peer_of(struct magic_world *w, const struct magic *m) {
    /* Numbers that are of the path share one far end. */
    const char *name = impair_is_clean(&m->impair[IMPAIR_UP]) ? m->name : "echo.test";
    char error[PEERS_ERROR_TEXT] = "all far ends have connections";
    struct made *made = find_made(w, name);
    if (made == NULL && (made = make_room(w)) != NULL) {
        cJSON *config = cJSON_Parse(m->config);
        must(config != NULL);
        made->peer = peers_add(w->peers, name, config, error);
        cJSON_Delete(config);
    }
    if (made == NULL || made->peer == NULL) {
        LOG(LOG_PEER, LOG_ERROR, m->name, "refused: %s", error);
        return NULL;
    }
    made->used = ++w->uses;
    return made->peer;
}

enum magic_connect_verdict magic_world_connect(struct magic_world *w, const struct net_addr *to,
                                               struct magic_way *out) {
    CHECK_OBJ(w, MAGIC_WORLD_MAGIC);
    struct magic by_addr;
    const struct magic *m = named(w, to->ip);
    if (m == NULL) {
        if (!magic_by_addr(to, &by_addr)) {
            return MAGIC_CONNECT_NOT_MINE;
        }
        m = &by_addr;
    }
    if (m->kind != MAGIC_PEER) {
        return m->kind == MAGIC_REFUSE ? MAGIC_CONNECT_REFUSE : MAGIC_CONNECT_BLACK_HOLE;
    }
    const struct peer *peer = peer_of(w, m);
    if (peer == NULL) {
        return MAGIC_CONNECT_REFUSE;
    }
    *out = (struct magic_way){.from_open = m->from_open};
    memcpy(out->impair, m->impair, sizeof out->impair);
    peer_addr(peer, &out->host);
    return MAGIC_CONNECT_HOST;
}
