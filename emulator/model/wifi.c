#include "emulator/model/wifi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bus.h"
#include "base/hex.h"
#include "base/obj.h"
#include "emulator/model/events.h"

enum { SERVER_PORT = 5555 }; /* V3.00 27.3.12 */

/* That all access points are alike, and the password, which is the examples', is a guess, and so is
 * that WIFI is on. */
#define POINT                                                                                      \
    {                                                                                              \
        .ssid = "SIM7600MIFI", .is_told = true, .auth = 5, .encrypt = 4, .password = "12345678",   \
        .standard = 4                                                                              \
    }
const struct wifi_config wifi_factory = {
    .is_on = true, .points = {POINT, POINT, POINT}, .port = SERVER_PORT};

static void changed(const struct wifi *w) {
    bus_post(w->bus, TOPIC_WIFI_CHANGED, w);
}

struct wifi *wifi_new(struct bus *bus) {
    struct wifi *w = xmalloc(sizeof *w);
    OBJ_INIT(w, WIFI_MAGIC);
    w->bus = bus;
    buf_init(&w->server.line, LIMIT_WIFI_MESSAGE);
    buf_init(&w->server.cached, LIMIT_WIFI_CACHE);
    w->cfg = wifi_factory;
    return w;
}

void wifi_free(struct wifi *w) {
    if (w == NULL) {
        return;
    }
    CHECK_OBJ(w, WIFI_MAGIC);
    buf_fini(&w->server.line);
    buf_fini(&w->server.cached);
    OBJ_FINI(w);
    free(w);
}

/* -- clients -- */

bool wifi_is_mac(const char *text) {
    size_t i = 0;
    while (i < WIFI_MAC && (i % 3 == 2 ? text[i] == ':' : hex_digit(text[i]) >= 0)) {
        i++;
    }
    return i == WIFI_MAC && text[i] == '\0';
}

bool wifi_is_up(const struct wifi *w, unsigned point) {
    CHECK_OBJ(w, WIFI_MAGIC);
    static const bool has[][WIFI_POINTS] = {
        [WIFI_AP] = {true}, [WIFI_AP_AP] = {true, true}, [WIFI_STA_AP] = {false, false, true}};
    return point < WIFI_POINTS && w->cfg.is_on && has[w->cfg.mode][point];
}

static void drop_client(struct wifi *w, size_t i) {
    w->nclients--;
    memmove(&w->clients[i], &w->clients[i + 1], (w->nclients - i) * sizeof w->clients[0]);
}

/* Those whose access point is gone, or is this one (WIFI_POINTS: none). */
static void drop_clients(struct wifi *w, unsigned point) {
    for (size_t i = w->nclients; i > 0; i--) {
        if (w->clients[i - 1].point == point || !wifi_is_up(w, w->clients[i - 1].point)) {
            drop_client(w, i - 1);
        }
    }
}

static size_t find_client(const struct wifi *w, const char *mac) {
    size_t i = 0;
    while (i < w->nclients && strcmp(w->clients[i].mac, mac) != 0) {
        i++;
    }
    return i;
}

int wifi_join(struct wifi *w, const char *mac, unsigned point) {
    CHECK_OBJ(w, WIFI_MAGIC);
    must(wifi_is_mac(mac));
    if (!wifi_is_up(w, point)) {
        return -ENETDOWN;
    }
    size_t i = find_client(w, mac);
    if (i == LIMIT_WIFI_CLIENTS) {
        return -ENOSPC;
    }
    w->nclients += i == w->nclients ? 1 : 0;
    memcpy(w->clients[i].mac, mac, sizeof w->clients[i].mac);
    w->clients[i].point = point;
    changed(w);
    return 0;
}

int wifi_leave(struct wifi *w, const char *mac) {
    CHECK_OBJ(w, WIFI_MAGIC);
    size_t i = find_client(w, mac);
    if (i == w->nclients) {
        return -ENOENT;
    }
    drop_client(w, i);
    changed(w);
    return 0;
}

void wifi_leave_all(struct wifi *w) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (w->nclients > 0) {
        w->nclients = 0;
        changed(w);
    }
}

size_t wifi_count(const struct wifi *w, unsigned point) {
    CHECK_OBJ(w, WIFI_MAGIC);
    size_t n = 0;
    for (size_t i = 0; i < w->nclients; i++) {
        n += w->clients[i].point == point ? 1 : 0;
    }
    return n;
}

/* -- the whole -- */

void wifi_switch(struct wifi *w, bool is_on) {
    CHECK_OBJ(w, WIFI_MAGIC);
    w->cfg.is_on = is_on;
    drop_clients(w, WIFI_POINTS);
    changed(w);
}

void wifi_set_mode(struct wifi *w, enum wifi_mode mode) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (w->cfg.mode == (int)mode) {
        return;
    }
    w->cfg.mode = (int)mode;
    w->cfg.selected = mode == WIFI_STA_AP ? 2 : 0;
    drop_clients(w, WIFI_POINTS);
    changed(w);
}

/* V3.00 27.3.11. */
static bool is_selectable(int mode, int point) {
    return point >= 0 && (mode == WIFI_STA_AP ? point == 2 : point <= mode);
}

int wifi_select(struct wifi *w, int point) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (!is_selectable(w->cfg.mode, point)) {
        return -EINVAL;
    }
    w->cfg.selected = point;
    return 0;
}

void wifi_restore(struct wifi *w) {
    CHECK_OBJ(w, WIFI_MAGIC);
    wifi_open_server(w, false);
    w->cfg = wifi_factory;
    w->nclients = 0;
    changed(w);
}

void wifi_stop(struct wifi *w) {
    CHECK_OBJ(w, WIFI_MAGIC);
    wifi_open_server(w, false);
    w->has_station = false;
    w->nclients = 0;
    changed(w);
}

/* -- an access point -- */

struct wifi_point *wifi_point(struct wifi *w) {
    CHECK_OBJ(w, WIFI_MAGIC);
    return &w->cfg.points[w->cfg.selected];
}

/* Only ASCII 32 bytes, only Chinese 20, mixed 22; a Chinese character is two bytes, the first above
 * 0x80 (V3.00 27.3.2). */
static bool is_ssid(struct sv ssid) {
    enum { ONLY_CHINESE = 20, MIXED = 22 };
    bool has_ascii = false;
    bool has_chinese = false;
    for (size_t i = 0; i < ssid.n; i++) {
        if ((unsigned char)ssid.p[i] < 0x80) {
            has_ascii = true;
        } else if (++i < ssid.n) {
            has_chinese = true;
        } else {
            return false;
        }
    }
    size_t most = !has_chinese ? WIFI_SSID : has_ascii ? MIXED : ONLY_CHINESE;
    return ssid.n > 0 && ssid.n <= most;
}

int wifi_set_ssid(struct wifi *w, struct sv ssid) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (!is_ssid(ssid)) {
        return -EINVAL;
    }
    must(sv_copy(ssid, wifi_point(w)->ssid, WIFI_SSID + 1) == 0);
    drop_clients(w, (unsigned)w->cfg.selected);
    changed(w);
    return 0;
}

static bool is_printable(struct sv text) {
    size_t i = 0;
    while (i < text.n && text.p[i] >= ' ' && text.p[i] <= '~') {
        i++;
    }
    return i == text.n;
}

/* The conditions of V3.00 27.3.4. */
enum { ENCRYPT_NONE, ENCRYPT_WEP };

static bool is_encrypt(int auth, int encrypt) {
    static const struct {
        int lo, hi;
    } allowed[] = {{0, 1}, {0, 1}, {1, 1}, {2, 4}, {2, 4}, {2, 4}};
    return encrypt >= allowed[auth].lo && encrypt <= allowed[auth].hi;
}

static bool is_password(int encrypt, struct sv p) {
    switch (encrypt) {
    case ENCRYPT_NONE:
        return p.n == 0;
    case ENCRYPT_WEP:
        return p.n == 5 || p.n == 13 || (hex_is(p) && (p.n == 10 || p.n == 26));
    default:
        return (p.n >= 8 && p.n <= 63) || (hex_is(p) && p.n == 64);
    }
}

static bool is_auth(int auth, int encrypt, struct sv password) {
    return auth >= 0 && auth <= 5 && is_encrypt(auth, encrypt) && is_password(encrypt, password) &&
           is_printable(password);
}

int wifi_set_auth(struct wifi *w, int auth, int encrypt, struct sv password) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (!is_auth(auth, encrypt, password)) {
        return -EINVAL;
    }
    struct wifi_point *p = wifi_point(w);
    p->auth = auth;
    p->encrypt = encrypt;
    must(sv_copy(password, p->password, sizeof p->password) == 0);
    drop_clients(w, (unsigned)w->cfg.selected);
    changed(w);
    return 0;
}

/* -- all that is set -- */

static bool is_point(const struct wifi_point *p) {
    return is_ssid(sv_of(p->ssid)) && is_auth(p->auth, p->encrypt, sv_of(p->password)) &&
           p->standard >= 2 && p->standard <= 4 && p->channel >= 0 && p->channel <= 11;
}

int wifi_configure(struct wifi *w, const struct wifi_config *cfg) {
    CHECK_OBJ(w, WIFI_MAGIC);
    bool is_sound = cfg->mode >= WIFI_AP && cfg->mode <= WIFI_STA_AP &&
                    is_selectable(cfg->mode, cfg->selected) && cfg->port >= 1024 &&
                    cfg->port <= UINT16_MAX;
    for (size_t i = 0; i < WIFI_POINTS; i++) {
        is_sound &= is_point(&cfg->points[i]);
    }
    if (!is_sound) {
        return -EINVAL;
    }
    w->cfg = *cfg;
    w->nclients = 0;
    changed(w);
    return 0;
}

/* -- the station -- */

void wifi_set_station(struct wifi *w, struct sv ssid, struct sv password) {
    CHECK_OBJ(w, WIFI_MAGIC);
    must(sv_copy(ssid, w->cfg.ssid, sizeof w->cfg.ssid) == 0);
    must(sv_copy(password, w->cfg.password, sizeof w->cfg.password) == 0);
    changed(w);
}

void wifi_open_station(struct wifi *w, bool is_open) {
    CHECK_OBJ(w, WIFI_MAGIC);
    w->has_station = is_open;
    changed(w);
}

/* One kind of chip has AT+CWMAPCFG, the other AT+CWSTAINIT for it. */
bool wifi_has_station(const struct wifi *w) {
    CHECK_OBJ(w, WIFI_MAGIC);
    return w->cfg.is_on && (w->cfg.mode == WIFI_STA_AP || w->has_station);
}

const struct wifi_network *wifi_joined(const struct wifi *w) {
    CHECK_OBJ(w, WIFI_MAGIC);
    for (size_t i = 0; wifi_has_station(w) && i < w->nnetworks; i++) {
        const struct wifi_network *net = &w->networks[i];
        bool is_let_in = net->password[0] == '\0' || strcmp(net->password, w->cfg.password) == 0;
        if (strcmp(net->ssid, w->cfg.ssid) == 0 && is_let_in) {
            return net;
        }
    }
    return NULL;
}

void wifi_set_networks(struct wifi *w, const struct wifi_network *networks, size_t n) {
    CHECK_OBJ(w, WIFI_MAGIC);
    must(n <= LIMIT_WIFI_NETWORKS);
    if (n > 0) {
        memcpy(w->networks, networks, n * sizeof w->networks[0]);
    }
    w->nnetworks = n;
    changed(w);
}

/* -- the server: every client talks to it (guess) -- */

void wifi_open_server(struct wifi *w, bool is_open) {
    CHECK_OBJ(w, WIFI_MAGIC);
    w->server.is_open = is_open;
    if (!is_open) {
        buf_clear(&w->server.line);
        buf_clear(&w->server.cached);
    }
}

static bool is_connected(const struct wifi *w) {
    return w->server.is_open && w->nclients > 0;
}

int wifi_say(struct wifi *w, struct sv message) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (!is_connected(w)) {
        return -ENOTCONN;
    }
    bus_post(w->bus, TOPIC_WIFI_SENT, &message);
    return 0;
}

/* A message ends with its line; of a longer one the rest is ignored (V3.00 27.3.13). */
static void hear_line(struct wifi *w, struct sv piece, bool is_end) {
    buf_put(&w->server.line, piece.p, piece.n);
    if (is_end) {
        struct sv message = {(const char *)buf_data(&w->server.line), buf_len(&w->server.line)};
        bus_post(w->bus, TOPIC_WIFI_RECEIVED, &message);
        buf_clear(&w->server.line);
    }
}

int wifi_hear(struct wifi *w, struct sv bytes) {
    CHECK_OBJ(w, WIFI_MAGIC);
    if (!is_connected(w)) {
        return -ENOTCONN;
    }
    if (w->cfg.is_manual) {
        buf_put(&w->server.cached, bytes.p, bytes.n); /* what does not fit is lost */
        bus_post(w->bus, TOPIC_WIFI_RECEIVED, &bytes);
        return 0;
    }
    while (bytes.n > 0) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        size_t n = end != NULL ? (size_t)(end - bytes.p) : bytes.n;
        hear_line(w, sv_slice(bytes, 0, n), end != NULL);
        bytes = sv_slice(bytes, n + 1, bytes.n);
    }
    return 0;
}
