/* cmd_mifi.c: the WIFI chip (V3.00 chapter 27). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "emulator/model/events.h"
#include "emulator/model/wifi.h"
#include "handlers.h"
#include "slots.h"

static struct wifi *wifi_of(struct at_req *rq) {
    return cmd_of(rq)->modem->wifi;
}

static bool is_read(const struct at_req *rq) {
    return at_form_of(rq) == AT_READ;
}

static void end(struct at_req *rq, int err) {
    if (err == 0) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}

static void tell_number(struct at_req *rq, int value) {
    at_info(rq, "%s: %d", at_row_of(rq)->name, value);
    at_ok(rq);
}

/* -- the hotspot -- */

void cmd_cwmap(struct at_req *rq) {
    if (is_read(rq)) {
        tell_number(rq, wifi_of(rq)->cfg.is_on ? 1 : 0);
    } else {
        wifi_switch(wifi_of(rq), at_int(rq, 0) == 1);
        at_ok(rq);
    }
}

/* What is restored is not listed: all of this chapter but what a CDMA network wants (guess). */
void cmd_cwrstd(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    wifi_restore(c->modem->wifi);
    setting_set_int(c->module, SLOT_CWNAT_TYPE, slot_infos[SLOT_CWNAT_TYPE].def);
    setting_set_int(c->module, SLOT_CWSTASCAN_FLAG_SHOW_SIGNAL, 0);
    at_ok(rq);
}

void cmd_cwmapcfg(struct at_req *rq) {
    enum { ENABLE_SSID_2 };
    struct wifi *w = wifi_of(rq);
    if (is_read(rq)) {
        at_info(rq, "+CWMAPCFG: %d,%d", w->cfg.mode, w->cfg.selected);
        at_ok(rq);
    } else if (at_int(rq, 0) == ENABLE_SSID_2) {
        wifi_set_mode(w, (enum wifi_mode)at_int(rq, 1));
        at_ok(rq);
    } else {
        end(rq, wifi_select(w, at_int(rq, 1)));
    }
}

void cmd_cwnetcnct(struct at_req *rq) {
    tell_number(rq, bearer_is_there(&cmd_of(rq)->modem->bearer) ? 1 : 0);
}

/* -- the selected access point -- */

void cmd_cwssid(struct at_req *rq) {
    if (is_read(rq)) {
        at_info(rq, "+CWSSID: \"%s\"", wifi_point(wifi_of(rq))->ssid);
        at_ok(rq);
    } else {
        end(rq, wifi_set_ssid(wifi_of(rq), at_text(rq, 0)));
    }
}

static void switch_flag(struct at_req *rq, bool *flag) {
    if (is_read(rq)) {
        tell_number(rq, *flag ? 1 : 0);
    } else {
        *flag = at_int(rq, 0) == 1;
        at_ok(rq);
    }
}

void cmd_cwbcast(struct at_req *rq) {
    switch_flag(rq, &wifi_point(wifi_of(rq))->is_told);
}

void cmd_cwiso(struct at_req *rq) {
    switch_flag(rq, &wifi_point(wifi_of(rq))->is_isolated);
}

/* The blank in front of the password is the examples'. */
void cmd_cwauth(struct at_req *rq) {
    const struct wifi_point *p = wifi_point(wifi_of(rq));
    if (!is_read(rq)) {
        end(rq, wifi_set_auth(wifi_of(rq), at_int(rq, 0), at_int(rq, 1), at_text(rq, 2)));
        return;
    }
    if (p->password[0] != '\0') {
        at_info(rq, "+CWAUTH: %d,%d, \"%s\"", p->auth, p->encrypt, p->password);
    } else {
        at_info(rq, "+CWAUTH: %d,%d", p->auth, p->encrypt);
    }
    at_ok(rq);
}

void cmd_cwmoch(struct at_req *rq) {
    struct wifi_point *p = wifi_point(wifi_of(rq));
    if (is_read(rq)) {
        at_info(rq, "+CWMOCH: %d,%d", p->standard, p->channel);
    } else {
        p->standard = at_int(rq, 0);
        p->channel = at_int(rq, 1);
    }
    at_ok(rq);
}

/* The example's, and the same for each access point (guess). */
void cmd_cwdhcp(struct at_req *rq) {
    at_info(rq, "+CWDHCP: \"192.168.1.250\",\"192.168.1.128\",\"192.168.1.249\",240h");
    at_ok(rq);
}

void cmd_cwclicnt(struct at_req *rq) {
    struct wifi *w = wifi_of(rq);
    tell_number(rq, (int)wifi_count(w, (unsigned)w->cfg.selected));
}

/* The example's address; those of the other access points follow on it (guess). */
void cmd_cwmacaddr(struct at_req *rq) {
    enum { LAST_BYTE = 0x8f };
    const struct wifi *w = wifi_of(rq);
    unsigned selected = (unsigned)w->cfg.selected;
    if (wifi_is_up(w, selected)) {
        at_info(rq, "0,00:0A:F5:88:88:%02X", LAST_BYTE + selected);
    }
    unsigned number = 0;
    for (size_t i = 0; i < w->nclients; i++) {
        if (w->clients[i].point == selected) {
            at_info(rq, "%u,%s", ++number, w->clients[i].mac);
        }
    }
    at_ok(rq);
}

/* -- the station -- */

void cmd_cwstainit(struct at_req *rq) {
    if (is_read(rq)) {
        tell_number(rq, wifi_of(rq)->has_station ? 1 : 0);
    } else {
        wifi_open_station(wifi_of(rq), at_int(rq, 0) == 1);
        at_ok(rq);
    }
}

/* The reserved values are not kept (V3.00 27.3.19). */
void cmd_cwstacfg(struct at_req *rq) {
    enum { SSID, SECURITY, PROTO, PSK };
    struct wifi *w = wifi_of(rq);
    if (!is_read(rq)) {
        bool is_ours = w->cfg.selected == 2 || w->has_station;
        if (is_ours) {
            wifi_set_station(w, at_text(rq, SSID), at_text(rq, PSK));
        }
        end(rq, is_ours ? 0 : -EPERM);
        return;
    }
    if (w->cfg.password[0] != '\0') {
        at_info(rq, "+CWSTACFG: \"%s\",,,\"%s\"", w->cfg.ssid, w->cfg.password);
    } else {
        at_info(rq, "+CWSTACFG: \"%s\"", w->cfg.ssid);
    }
    at_ok(rq);
}

/* The example's address. */
void cmd_cwstaip(struct at_req *rq) {
    if (wifi_joined(wifi_of(rq)) != NULL) {
        at_info(rq, "+CWSTAIP: 192.168.11.27");
    }
    end(rq, wifi_has_station(wifi_of(rq)) ? 0 : -ENETDOWN);
}

void cmd_cwstascan(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    const struct wifi *w = c->modem->wifi;
    if (!wifi_has_station(w)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    bool is_level = setting_int(c->module, SLOT_CWSTASCAN_FLAG_SHOW_SIGNAL) == 1;
    if (w->nnetworks > 0) {
        at_info(rq, "+CWSTASCAN:");
    }
    for (size_t i = 0; i < w->nnetworks; i++) {
        const struct wifi_network *net = &w->networks[i];
        if (is_level) {
            at_info(rq, "%s,%s,%d", net->bssid, net->ssid, net->signal);
        } else {
            at_info(rq, "%s,%s", net->bssid, net->ssid);
        }
    }
    at_ok(rq);
}

/* -- the server that clients talk to -- */

void cmd_cwlansrv(struct at_req *rq) {
    enum { VALUE, PORT, RECV_MODE };
    struct wifi *w = wifi_of(rq);
    if (is_read(rq)) {
        at_info(rq, "+CWLANSRV: 192.168.225.1,%d,%d", w->cfg.port, w->cfg.is_manual ? 1 : 0);
        at_ok(rq);
        return;
    }
    bool is_open = at_int(rq, VALUE) == 1;
    bool is_set = at_has(rq, PORT);
    if (at_nargs(rq) > 1 && (is_open || !is_set)) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    wifi_open_server(w, is_open);
    if (is_set) {
        w->cfg.port = at_int(rq, PORT);
        w->cfg.is_manual = at_int(rq, RECV_MODE) == 1;
    }
    at_ok(rq);
}

void cmd_cwlanmsg(struct at_req *rq) {
    struct sv hex = at_text(rq, 0);
    char *bytes = at_alloc(rq, hex.n / 2);
    int n = hex_parse(hex, bytes, hex.n / 2);
    if (n < 0) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    end(rq, wifi_say(wifi_of(rq), (struct sv){bytes, (size_t)n}));
}

/* 27.3.14 has the bytes in a line of their own; the examples of 27.3.12 do not. */
void cmd_cwlanmget(struct at_req *rq) {
    struct wifi *w = wifi_of(rq);
    struct buf *cached = &w->server.cached;
    if (is_read(rq)) {
        tell_number(rq, (int)buf_len(cached));
        return;
    }
    if (!w->server.is_open) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    size_t n = (size_t)at_int(rq, 0);
    n = n < buf_len(cached) ? n : buf_len(cached);
    at_info(rq, "+CWLANMGET: %zu", n);
    if (n > 0) {
        at_info_raw(rq, buf_data(cached), n);
        buf_drop(cached, n);
    }
    at_ok(rq);
}

/* A message with its line end, and then CR: with that of every result it makes the tail 0D 0A 0D
 * 0D 0A. One with a 0x00 ends there, and the tail is 0D 0D 0A (V3.00 27.3.13). */
static void tell_message(struct cmd *c, struct sv message) {
    const char *zero = message.n > 0 ? memchr(message.p, '\0', message.n) : NULL;
    size_t n = zero != NULL ? (size_t)(zero - message.p) : message.n;
    char text[LIMIT_WIFI_MESSAGE + sizeof "+CWLANMSG: \n\r"];
    snprintf(text, sizeof text, "+CWLANMSG: %.*s%s\r", (int)n, n > 0 ? message.p : "",
             zero != NULL ? "" : "\n");
    urc_post_text(c->session, URC_EVENT, text);
}

void cmd_mifi_event(struct cmd *c, unsigned topic, const void *payload) {
    const struct wifi *w = c->modem->wifi;
    if (topic == TOPIC_WIFI_RECEIVED && w->cfg.is_manual) {
        urc_post(c->session, URC_EVENT, "+CWLANMSG: %zu", buf_len(&w->server.cached));
    } else if (topic == TOPIC_WIFI_RECEIVED) {
        tell_message(c, *(const struct sv *)payload);
    }
}
