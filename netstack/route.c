#include "netstack/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"

/* 198.18.0.0/15 is for benchmarks (RFC 2544): no network that is in use has it. */
static const uint32_t names_net = 198u << 24 | 18u << 16;
enum { NAMES_MAX = 1 << 17 };

/* Port 0 in an entry is "*": as `port` any, in `host` the one the modem's side uses. */
struct map_entry {
    const void *owner;
    char *name; /* NULL: the entry was given an address */
    uint32_t ip;
    uint16_t port;
    struct sockaddr_storage host;
};

struct listen_entry {
    const void *owner;
    uint16_t port;
    struct sockaddr_storage host;
};

struct route {
    uint32_t magic;
#define ROUTE_MAGIC 0x73b20d5fu
    struct map_entry *maps; /* as many as there are, so that few cost little */
    size_t n_maps;
    struct listen_entry *listens;
    size_t n_listens;
    const void *owner; /* of what is added */
    uint32_t names;    /* that were given an address, ever */
};

struct route *route_new(void) {
    struct route *r = xmalloc(sizeof *r);
    OBJ_INIT(r, ROUTE_MAGIC);
    return r;
}

void route_free(struct route *r) {
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, ROUTE_MAGIC);
    for (size_t i = 0; i < r->n_maps; i++) {
        free(r->maps[i].name);
    }
    free(r->maps);
    free(r->listens);
    OBJ_FINI(r);
    free(r);
}

/* Host addresses of both families. */

static uint16_t port_of(const struct sockaddr_storage *a) {
    return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
                                          : ((const struct sockaddr_in *)a)->sin_port);
}

static void set_port(struct sockaddr_storage *a, uint16_t port) {
    if (a->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)a)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)a)->sin_port = htons(port);
    }
}

static void set_host(struct sockaddr_storage *to, const struct sockaddr *from) {
    size_t size =
        from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    *to = (struct sockaddr_storage){0};
    memcpy(to, from, size);
}

static void set_ipv4(struct sockaddr_storage *to, uint32_t ip, uint16_t port) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip), .sin_port = htons(port)};
    set_host(to, (const struct sockaddr *)&a);
}

static bool is_same_machine(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET6) {
        return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
    }
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

/* The text of an entry. */

__attribute__((format(printf, 3, 4))) static int fail(char error[ROUTE_ERROR_TEXT], int err,
                                                      const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error, ROUTE_ERROR_TEXT, fmt, ap);
    va_end(ap);
    return err;
}

/* For "%.*s" of something that may be of any length. */
static struct sv shown(struct sv v) {
    return sv_slice(v, 0, 60);
}

/* Cuts at the first `at`, or at the last. False: there is none. */
static bool cut(struct sv text, char at, bool last, struct sv *before, struct sv *after) {
    bool found = false;
    for (size_t i = 0; i < text.n && (last || !found); i++) {
        if (text.p[i] == at) {
            *before = sv_slice(text, 0, i);
            *after = sv_slice(text, i + 1, text.n);
            found = true;
        }
    }
    return found;
}

struct port_rule {
    const char *what;
    int64_t lowest;
    bool may_be_any;
    const char *wanted;
};

static const struct port_rule modem_port = {"modem-side port", 1, true, "1-65535 or *"};
static const struct port_rule host_port = {"host port", 1, true, "1-65535 or *"};
static const struct port_rule server_port = {"modem-side port", 1, false, "1-65535"};
static const struct port_rule listen_port = {"host port", 0, false, "0-65535, 0 for any free one"};

static int parse_port(struct sv text, const struct port_rule *rule, uint16_t *port,
                      char error[ROUTE_ERROR_TEXT]) {
    int64_t number = 0;
    bool is_any = rule->may_be_any && sv_eq(text, SV("*"));
    if (!is_any && sv_int(text, rule->lowest, UINT16_MAX, &number) != 0) {
        return fail(error, -EINVAL, "%s \"%.*s\": want %s", rule->what, SV_ARG(shown(text)),
                    rule->wanted);
    }
    *port = (uint16_t)number;
    return 0;
}

static bool is_all_numbers(struct sv text) {
    for (size_t i = 0; i < text.n; i++) {
        if (strchr("0123456789.", text.p[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* An IPv4 address is preferred: the modem's own links are of that family. */
static int resolve_host(struct sv host, struct sockaddr_storage *out,
                        char error[ROUTE_ERROR_TEXT]) {
    bool is_bracketed = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    struct sv bare = is_bracketed ? sv_slice(host, 1, host.n - 2) : host;
    char name[LIMIT_NAME + 1];
    if (bare.n == 0 || sv_copy(bare, name, sizeof name) != 0) {
        return fail(error, -EINVAL,
                    "host \"%.*s\": want an address, a host name or an IPv6 address in []",
                    SV_ARG(shown(host)));
    }
    struct addrinfo hints = {.ai_family = is_bracketed ? AF_INET6 : AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = is_bracketed ? AI_NUMERICHOST : 0};
    struct addrinfo *list = NULL;
    int err = getaddrinfo(name, NULL, &hints, &list);
    if (err != 0) {
        return fail(error, -EINVAL,
                    "host \"%.*s\": %s; want an address, a host name or an IPv6 address in []",
                    SV_ARG(shown(host)), gai_strerror(err));
    }
    must(list != NULL);
    const struct addrinfo *best = list;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            best = a;
            break;
        }
    }
    set_host(out, best->ai_addr);
    freeaddrinfo(list);
    return 0;
}

static int parse_host(struct sv text, const struct port_rule *rule, struct sockaddr_storage *out,
                      char error[ROUTE_ERROR_TEXT]) {
    struct sv host = {0};
    struct sv port_text = {0};
    if (!cut(text, ':', true, &host, &port_text)) {
        return fail(error, -EINVAL, "host side \"%.*s\": want HOST:PORT", SV_ARG(shown(text)));
    }
    uint16_t port = 0;
    int err = parse_port(port_text, rule, &port, error);
    if (err == 0) {
        err = resolve_host(host, out, error);
    }
    if (err == 0) {
        set_port(out, port);
    }
    return err;
}

/* The name's address if an earlier entry has given it one, else the next free one. */
static uint32_t ip_for_name(struct route *r, struct sv name) {
    uint32_t ip = 0;
    if (route_name(r, name, &ip) != 0) {
        ip = names_net + ++r->names % NAMES_MAX;
    }
    return ip;
}

static int set_modem_addr(struct route *r, struct map_entry *e, struct sv addr,
                          char error[ROUTE_ERROR_TEXT]) {
    if (net_parse_ip(addr, &e->ip) == 0) {
        return 0;
    }
    if (is_all_numbers(addr) || !net_is_name(addr)) {
        return fail(error, -EINVAL,
                    "modem-side address \"%.*s\": want four numbers 0-255 or a host name",
                    SV_ARG(shown(addr)));
    }
    e->ip = ip_for_name(r, addr);
    e->name = sv_dup(addr);
    return 0;
}

static void add_entry(struct route *r, const struct map_entry *e) {
    r->maps = xrealloc(r->maps, (r->n_maps + 1) * sizeof *e);
    r->maps[r->n_maps++] = *e;
}

int route_add_map(struct route *r, const char *text, char error[ROUTE_ERROR_TEXT]) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    struct sv modem = {0};
    struct sv host = {0};
    struct sv addr = {0};
    struct sv port = {0};
    if (!cut(sv_of(text), '=', false, &modem, &host)) {
        return fail(error, -EINVAL, "map \"%.60s\": want ADDR:PORT=HOST:PORT", text);
    }
    if (!cut(modem, ':', true, &addr, &port)) {
        return fail(error, -EINVAL, "modem side \"%.*s\": want ADDR:PORT", SV_ARG(shown(modem)));
    }
    if (r->n_maps == LIMIT_ROUTES) {
        return fail(error, -ENOSPC, "map \"%.60s\": %d maps are all there can be", text,
                    LIMIT_ROUTES);
    }
    struct map_entry e = {.owner = r->owner};
    int err = parse_port(port, &modem_port, &e.port, error);
    if (err == 0) {
        err = parse_host(host, &host_port, &e.host, error);
    }
    if (err == 0) {
        err = set_modem_addr(r, &e, addr, error);
    }
    if (err != 0) {
        return err;
    }
    if (port_of(&e.host) == 0) {
        set_port(&e.host, e.port);
    }
    add_entry(r, &e);
    return 0;
}

int route_add_listen(struct route *r, const char *text, char error[ROUTE_ERROR_TEXT]) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    struct sv port = {0};
    struct sv host = {0};
    if (!cut(sv_of(text), '=', false, &port, &host)) {
        return fail(error, -EINVAL, "listen \"%.60s\": want PORT=HOST:PORT", text);
    }
    if (r->n_listens == LIMIT_ROUTES) {
        return fail(error, -ENOSPC, "listen \"%.60s\": %d are all there can be", text,
                    LIMIT_ROUTES);
    }
    struct listen_entry e = {.owner = r->owner};
    int err = parse_port(port, &server_port, &e.port, error);
    if (err == 0) {
        err = parse_host(host, &listen_port, &e.host, error);
    }
    if (err == 0) {
        r->listens = xrealloc(r->listens, (r->n_listens + 1) * sizeof e);
        r->listens[r->n_listens++] = e;
    }
    return err;
}

int route_add_map_addr(struct route *r, const char *modem_addr, uint16_t port,
                       const struct sockaddr *host) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    if (r->n_maps == LIMIT_ROUTES) {
        return -ENOSPC;
    }
    char error[ROUTE_ERROR_TEXT];
    struct map_entry e = {.owner = r->owner, .port = port};
    int err = set_modem_addr(r, &e, sv_of(modem_addr), error);
    if (err == 0) {
        set_host(&e.host, host);
        add_entry(r, &e);
    }
    return err;
}

int route_put_map_addr(struct route *r, const struct net_addr *at, const struct sockaddr *host) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    for (size_t i = 0; i < r->n_maps; i++) {
        if (r->maps[i].ip == at->ip && r->maps[i].port == at->port) {
            set_host(&r->maps[i].host, host);
            return 0;
        }
    }
    char ip[NET_IP_TEXT];
    return route_add_map_addr(r, net_format_ip(at->ip, ip), at->port, host);
}

void route_set_owner(struct route *r, const void *owner) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    r->owner = owner;
}

void route_forget(struct route *r, const void *owner) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    must(owner != NULL);
    size_t kept = 0;
    for (size_t i = 0; i < r->n_maps; i++) {
        if (r->maps[i].owner == owner) {
            free(r->maps[i].name);
        } else {
            r->maps[kept++] = r->maps[i];
        }
    }
    r->n_maps = kept;
    kept = 0;
    for (size_t i = 0; i < r->n_listens; i++) {
        if (r->listens[i].owner != owner) {
            r->listens[kept++] = r->listens[i];
        }
    }
    r->n_listens = kept;
}

/* Looking up. */

static const struct map_entry *find_map(const struct route *r, const struct net_addr *to) {
    const struct map_entry *any = NULL;
    for (size_t i = 0; i < r->n_maps; i++) {
        const struct map_entry *e = &r->maps[i];
        if (e->ip != to->ip) {
            continue;
        }
        if (e->port == to->port || to->port == 0) {
            return e;
        }
        if (e->port == 0 && any == NULL) {
            any = e;
        }
    }
    return any;
}

void route_to_host(const struct route *r, const struct net_addr *to,
                   struct sockaddr_storage *host) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    const struct map_entry *e = find_map(r, to);
    if (e == NULL) {
        set_ipv4(host, to->ip, to->port);
        return;
    }
    *host = e->host;
    if (port_of(host) == 0) {
        set_port(host, to->port);
    }
}

void route_from_host(const struct route *r, const struct sockaddr *host, struct net_addr *to) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    struct sockaddr_storage from;
    set_host(&from, host);
    uint16_t port = port_of(&from);
    const struct map_entry *best = NULL;
    for (size_t i = 0; i < r->n_maps; i++) {
        const struct map_entry *e = &r->maps[i];
        if (!is_same_machine(&e->host, &from)) {
            continue;
        }
        if (port_of(&e->host) == port) {
            best = e;
            break;
        }
        if (port_of(&e->host) == 0 && best == NULL) {
            best = e;
        }
    }
    to->port = port;
    if (best != NULL) {
        to->ip = best->ip;
        to->port = best->port != 0 ? best->port : port;
    } else {
        to->ip = from.ss_family == AF_INET
                     ? ntohl(((const struct sockaddr_in *)&from)->sin_addr.s_addr)
                     : 0;
    }
}

void route_listen(const struct route *r, uint16_t port, struct sockaddr_storage *host) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    for (size_t i = 0; i < r->n_listens; i++) {
        if (r->listens[i].port == port) {
            *host = r->listens[i].host;
            return;
        }
    }
    set_ipv4(host, INADDR_LOOPBACK, port);
}

size_t route_listens(const struct route *r, uint16_t *ports, size_t max) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    size_t n = r->n_listens < max ? r->n_listens : max;
    for (size_t i = 0; i < n; i++) {
        ports[i] = r->listens[i].port;
    }
    return n;
}

int route_name(const struct route *r, struct sv name, uint32_t *ip) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    for (size_t i = 0; i < r->n_maps; i++) {
        const struct map_entry *e = &r->maps[i];
        if (e->name != NULL && sv_eq_nocase(sv_of(e->name), name)) {
            *ip = e->ip;
            return 0;
        }
    }
    return -ENOENT;
}

const char *route_addr_name(const struct route *r, uint32_t ip) {
    CHECK_OBJ(r, ROUTE_MAGIC);
    for (size_t i = 0; i < r->n_maps; i++) {
        if (r->maps[i].name != NULL && r->maps[i].ip == ip) {
            return r->maps[i].name;
        }
    }
    return NULL;
}
