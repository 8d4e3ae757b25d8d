/* wifi.h: the WIFI chip (V3.00 chapter 27): access points and their clients, the station, the
 * server that clients talk to.
 *
 * What is set stays through restarts and is in the NVRAM (guess: the manual prints no saving mode
 * but for the station, and has a command that restores). Who is out there is for the outside to
 * say: nobody from the start. Changes are posted.
 *
 * Owns: all of it. Borrows: the bus.
 */
#ifndef EMULATOR_MODEL_WIFI_H
#define EMULATOR_MODEL_WIFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/sv.h"

struct bus;

enum {
    WIFI_POINTS = 3,
    WIFI_SSID = 32,     /* V3.00 27.3.2 */
    WIFI_PASSWORD = 64, /* V3.00 27.3.4 */
    WIFI_MAC = 17,      /* "74:23:44:8f:64:fd" */
};

/* V3.00 27.3.11. The first has one access point, the second two, the third a station and the third
 * access point. */
enum wifi_mode { WIFI_AP, WIFI_AP_AP, WIFI_STA_AP };

struct wifi_point {
    char ssid[WIFI_SSID + 1];
    bool is_told; /* broadcasts its name */
    int auth, encrypt;
    char password[WIFI_PASSWORD + 1];
    int standard, channel; /* as +CWMOCH has them */
    bool is_isolated;      /* its clients do not see each other */
};

struct wifi_client {
    char mac[WIFI_MAC + 1];
    unsigned point;
};

/* A network in the air. */
struct wifi_network {
    char bssid[WIFI_MAC + 1];
    char ssid[WIFI_SSID + 1];
    char password[WIFI_PASSWORD + 1]; /* "": any will do */
    int signal;                       /* dBm */
};

/* What is set, and stays. */
struct wifi_config {
    bool is_on;
    int mode;     /* enum wifi_mode */
    int selected; /* the access point that commands are about */
    struct wifi_point points[WIFI_POINTS];
    char ssid[WIFI_SSID + 1]; /* the station's; "": none is chosen */
    char password[WIFI_PASSWORD + 1];
    int port;       /* the server's */
    bool is_manual; /* what comes there is fetched */
};

struct wifi {
    uint32_t magic;
#define WIFI_MAGIC 0x31f1a902u
    struct bus *bus;
    struct wifi_config cfg;
    bool has_station; /* by AT+CWSTAINIT, until the module goes off */
    struct {
        bool is_open;
        struct buf line;   /* of a message, up to its end */
        struct buf cached; /* what was not fetched yet */
    } server;
    struct wifi_client clients[LIMIT_WIFI_CLIENTS]; /* in the order in which they came */
    size_t nclients;
    struct wifi_network networks[LIMIT_WIFI_NETWORKS];
    size_t nnetworks;
};

struct wifi *wifi_new(struct bus *bus);
void wifi_free(struct wifi *w); /* NULL is allowed */

extern const struct wifi_config wifi_factory;
void wifi_restore(struct wifi *w); /* what is set is as from the factory */
/* All of it. -EINVAL: something of it could not have been set; nothing is. */
int wifi_configure(struct wifi *w, const struct wifi_config *cfg);
void wifi_stop(struct wifi *w); /* the module goes off */

/* -- what commands set -- */

void wifi_switch(struct wifi *w, bool is_on);
void wifi_set_mode(struct wifi *w, enum wifi_mode mode);
int wifi_select(struct wifi *w, int point); /* -EINVAL: not in this mode */
/* -EINVAL: not as the manual wants it. A new name or password sends the clients away (guess). */
int wifi_set_ssid(struct wifi *w, struct sv ssid);
int wifi_set_auth(struct wifi *w, int auth, int encrypt, struct sv password);
void wifi_set_station(struct wifi *w, struct sv ssid, struct sv password); /* of sound lengths */
void wifi_open_station(struct wifi *w, bool is_open);
void wifi_open_server(struct wifi *w, bool is_open); /* what is cached goes with a closed one */
/* -ENOTCONN: it is closed, or nobody is there. */
int wifi_say(struct wifi *w, struct sv message);

bool wifi_is_up(const struct wifi *w, unsigned point);
struct wifi_point *wifi_point(struct wifi *w);           /* the selected one */
size_t wifi_count(const struct wifi *w, unsigned point); /* its clients */
bool wifi_has_station(const struct wifi *w);
const struct wifi_network *wifi_joined(const struct wifi *w); /* by the station; NULL: none */

/* -- what the outside does -- */

bool wifi_is_mac(const char *text);
/* `mac` is one. -ENETDOWN: there is no such access point now, -ENOSPC: it is full. Who is at
 * another one comes from there. */
int wifi_join(struct wifi *w, const char *mac, unsigned point);
int wifi_leave(struct wifi *w, const char *mac); /* -ENOENT: not there */
void wifi_leave_all(struct wifi *w);
void wifi_set_networks(struct wifi *w, const struct wifi_network *networks, size_t n); /* copied */
/* A client sends to the server. -ENOTCONN as in wifi_say. */
int wifi_hear(struct wifi *w, struct sv bytes);

#endif
