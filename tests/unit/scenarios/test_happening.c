#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "emulator/model/audio.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/gnss.h"
#include "emulator/model/hardware.h"
#include "emulator/model/reg.h"
#include "emulator/model/rtc.h"
#include "emulator/model/sim.h"
#include "emulator/model/ussd.h"
#include "emulator/model/wifi.h"
#include "netstack/ppp/auth.h"
#include "scenarios/events/happening.h"

#define IP(a, b, c, d) (((a) << 24) | ((b) << 16) | ((c) << 8) | (d))

static struct happening h;

static const char *text_of(enum topic topic, const void *payload) {
    static char text[HAPPENING_TEXT];
    happening_of_topic(&h, topic, payload);
    cr_assert_str_eq(h.name, topic_name(topic));
    cr_assert_eq(h.ask, -1);
    return happening_text(&h, text);
}

static const char *asked(enum ask ask, const void *payload) {
    static char text[HAPPENING_TEXT];
    happening_of_ask(&h, ask, payload);
    cr_assert_str_eq(h.name, ask_name(ask));
    cr_assert_eq(h.ask, (int)ask);
    cr_assert_eq(happening_ask(h.name), (int)ask);
    return happening_text(&h, text);
}

Test(happening, every_topic_has_its_facts) {
    static const struct net_result net = {.err = IP_TIMEOUT};
    static const struct link_result link = {.link = 3, .err = IP_BUSY};
    static const struct link_sent sent = {.link = 3, .requested = 10, .confirmed = -1};
    static const struct link_closed closed = {.link = 3, .why = NET_CLOSE_RESET};
    static const struct link_accepted accepted = {
        .link = 3, .server = 1, .peer = {IP(10u, 0, 0, 1), 4000}};
    static const struct power_event power = {POWER_HUNG, false};
    static const struct context_event context = {.cid = 2, .is_active = false};
    static const struct urc_event urc = {.text = "RING"};
    static const struct at_event done = {
        .text = {"OK", 2}, .name = "+CSQ", .args = {"", 0}, .form = 1};
    static const struct reg reg = {.stat = REG_SEARCHING, .rssi = 7};
    static const struct nitz nitz = {.zone = -4, .summer = 1};
    static const struct time_event time = {&nitz, true};
    static const struct ussd_entry ussd = {.state = USSD_ASKS, .text = "1 or 2?"};
    static const struct call_event call = {true};
    static const struct hardware hw = {.supply = 3300, .temperature = -5};
    static const struct gnss gnss = {.state = GNSS_SEARCHING};
    static const struct sim sim = {.state = SIM_PIN};
    static const struct wifi wifi = {.cfg = {.is_on = true}, .nclients = 2};
    static const struct sv message = {"hi", 2};
    static const struct bluetooth_device device = {.mac = "00:11:22:33:44:55"};
    static const struct bluetooth_event bluetooth = {
        .what = BLUETOOTH_WRITE, .device = &device, .number = 15, .data = {"x", 1}};
    static const struct audio_event audio = {AUDIO_RECORD_AMR, AUDIO_ENDED};
    static const struct {
        enum topic topic;
        const void *payload;
        const char *text;
    } cases[] = {
        {TOPIC_AT_DONE, &done, "text OK, name +CSQ, form exec"},
        {TOPIC_POWER_CHANGED, &power, "state hung, planned no"},
        {TOPIC_SIM_CHANGED, &sim, "state pin"},
        {TOPIC_REG_CHANGED, &reg, "stat 2, rssi 7"},
        {TOPIC_TIME_TOLD, &time, "zone -4, summer 1"},
        {TOPIC_USSD_ANSWERED, &ussd, "state 1, text 1 or 2?"},
        {TOPIC_CALL_CHANGED, &call, "up yes"},
        {TOPIC_SIGNAL_CHANGED, &reg, "stat 2, rssi 7"},
        {TOPIC_HARDWARE_CHANGED, &hw, "supply 3300, temperature -5"},
        {TOPIC_GNSS_CHANGED, &gnss, "state searching, sky no"},
        {TOPIC_AUDIO_CHANGED, &audio, "job record-amr, state ended"},
        {TOPIC_BLUETOOTH, &bluetooth,
         "what write, mac 00:11:22:33:44:55, number 15, limit 0, text x"},
        {TOPIC_CONTEXT_CHANGED, &context, "cid 2, state inactive"},
        {TOPIC_WIFI_CHANGED, &wifi, "state on, clients 2"},
        {TOPIC_WIFI_RECEIVED, &message, "text hi"},
        {TOPIC_WIFI_SENT, &message, "text hi"},
        {TOPIC_URC, &urc, "text RING"},
        {TOPIC_NET_OPENED, &net, "err 10"},
        {TOPIC_NET_CLOSED, &net, "err 10"},
        {TOPIC_NET_LOST, &net, "err 10"},
        {TOPIC_LINK_OPENED, &link, "link 3, err 8"},
        {TOPIC_LINK_DATA, &link, "link 3, err 8"},
        {TOPIC_LINK_ROOM, &link, "link 3, err 8"},
        {TOPIC_LINK_SENT, &sent, "link 3, bytes 10, confirmed -1"},
        {TOPIC_LINK_CLOSED, &closed, "link 3, why reset"},
        {TOPIC_LINK_ACCEPTED, &accepted, "link 3, server 1, address 10.0.0.1, port 4000"},
    };
    cr_assert_eq(sizeof cases / sizeof cases[0], TOPIC_COUNT);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        cr_assert_str_eq(text_of(cases[i].topic, cases[i].payload), cases[i].text);
    }
}

Test(happening, every_question_has_its_facts) {
    static const struct at_event line = {.text = {"+CSQ;+X=1", 9}, .name = ""};
    static const struct at_event command = {
        .text = {"+X=1,2", 6}, .name = "+X", .args = {"1,2", 3}, .form = 8};
    static const struct sim sim = {.state = SIM_ABSENT};
    static const struct context_event context = {.cid = 1, .is_active = true};
    static const struct login_asked nameless = {.context = {.cid = 1, .is_active = true}};
    static const struct auth_login anna = {.user = {"anna", 4}};
    static const struct login_asked named = {{.cid = 1, .is_active = true}, &anna};
    static const struct net_result net = {.err = 0};
    static const struct name_asked name = {{"a.example", 9}};
    static const struct update_asked update = {{"V2.00", 5}};
    static const struct link_asked link = {
        .link = 1, .proto = NET_UDP, .peer = {IP(10u, 0, 0, 1), 80}, .bytes = 5};
    static const struct power_event power = {POWER_BOOTING, true};
    static const char link_text[] = "link 1, protocol udp, address 10.0.0.1, port 80, bytes 5";
    static const struct {
        enum ask ask;
        const void *payload;
        const char *text;
    } cases[] = {
        {ASK_AT_LINE, &line, "text +CSQ;+X=1"},
        {ASK_AT_COMMAND, &command, "text +X=1,2, name +X, args 1,2, form write"},
        {ASK_AT_RESULT, &command, "text +X=1,2, name +X, args 1,2, form write"},
        {ASK_AT_URC, &line, "text +CSQ;+X=1"},
        {ASK_SIM_ACCESS, &sim, "state absent"},
        {ASK_CONTEXT_ACTIVATE, &context, "cid 1, state active"},
        {ASK_PPP_LOGIN, &nameless, "cid 1, state active, user "},
        {ASK_PPP_LOGIN, &named, "cid 1, state active, user anna"},
        {ASK_NET_OPEN, &net, ""},
        {ASK_NET_RESOLVE, &name, "name a.example"},
        {ASK_NET_CONNECT, &link, link_text},
        {ASK_NET_ACCEPT, &link, link_text},
        {ASK_NET_SEND, &link, link_text},
        {ASK_NET_CLOSE, &link, link_text},
        {ASK_UPDATE_CHECK, &update, "version V2.00"},
        {ASK_POWER_RESTART, &power, "state booting, planned yes"},
    };
    cr_assert_eq(sizeof cases / sizeof cases[0], ASK_COUNT + 1);
    for (size_t i = 0; i < ASK_COUNT; i++) {
        cr_assert_str_eq(asked(cases[i].ask, cases[i].payload), cases[i].text);
    }
}

Test(happening, every_name_stands_once_in_the_list) {
    size_t n = 0;
    for (; happening_names[n] != NULL; n++) {
        for (size_t i = 0; i < n; i++) {
            cr_assert_str_neq(happening_names[i], happening_names[n]);
        }
    }
    cr_assert_eq(n, 9 + TOPIC_COUNT + ASK_COUNT);
    cr_assert_eq(happening_ask("at.done"), -1);
    cr_assert_eq(happening_ask(""), -1);
}

Test(happening, text_is_printable_and_bounded) {
    static char big[2000];
    memset(big, '\x01', sizeof big);
    char text[HAPPENING_TEXT];
    happening_init(&h, "tty.in");
    happening_add_text(&h, "text", (struct sv){"a\r\n\x7f\xff\0\\", 7});
    cr_assert_str_eq(happening_text(&h, text), "text a\\r\\n\\x7f\\xff\\x00\\\\");
    for (size_t n = 0; n < sizeof big; n++) {
        happening_init(&h, "tty.in");
        for (int i = 0; i < HAPPENING_FACTS; i++) {
            happening_add_text(&h, "text", (struct sv){big, n});
        }
        cr_assert_lt(strlen(happening_text(&h, text)), sizeof text);
    }
}

Test(happening, a_view_of_nothing_is_an_empty_text_and_no_number) {
    happening_init(&h, "tty.in");
    happening_add_text(&h, "text", (struct sv){NULL, 0});
    cr_assert_not_null(happening_fact(&h, "text")->text.p);
    cr_assert_null(happening_fact(&h, "link"));
}

Test(happening, json_has_all_of_it) {
    static char big[LIMIT_CHAN_IN];
    memset(big, '\xfe', sizeof big);
    big[0] = '"';
    happening_init(&h, "tty.in");
    happening_add_text(&h, "text", (struct sv){big, sizeof big});
    happening_add(&h, "link", -1);
    cJSON *json = happening_json(&h);
    const char *text = cJSON_GetObjectItem(json, "text")->valuestring;
    cr_assert_eq(strlen(text), 1 + 4 * (sizeof big - 1));
    cr_assert_eq(strncmp(text, "\"\\xfe", 5), 0);
    cr_assert_eq(cJSON_GetObjectItem(json, "link")->valueint, -1);
    cJSON_Delete(json);
}
