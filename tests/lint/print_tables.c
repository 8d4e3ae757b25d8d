/* print_tables.c: what the pages on scenarios show of the program's tables, as JSON, for pages:
 *
 *   {"actions": [{"name", "doc", "decides": ["at.line", ...]}],     [] of what is no decision
 *    "events": [{"name", "is_question", "facts": ["link", ...]}],   those of the bus
 *    "magic": [{"name", "address", "port", "doc"}]}
 */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/obj.h"
#include "emulator/model/audio.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"
#include "emulator/model/gnss.h"
#include "emulator/model/hardware.h"
#include "emulator/model/reg.h"
#include "emulator/model/rtc.h"
#include "emulator/model/sim.h"
#include "emulator/model/ussd.h"
#include "emulator/model/wifi.h"
#include "netstack/net.h"
#include "scenarios/engine/action.h"
#include "scenarios/events/happening.h"
#include "scenarios/peers/magic.h"

/* One payload of each type, with everything in it that may be there. */
static const struct at_event at_event = {
    .text = {"+X=1", 4}, .name = "+X", .args = {"1", 1}, .form = 8};
static const struct at_event no_command = {.text = {"+X", 2}, .name = ""};
static const struct power_event power_event;
static const struct sim sim;
static const struct reg reg;
static const struct nitz nitz;
static const struct time_event time_event = {.nitz = &nitz};
static const struct ussd_entry ussd_entry;
static const struct call_event call_event;
static const struct hardware hardware;
static const struct wifi wifi;
static const struct sv message = {"hi", 2};
static const struct gnss gnss;
static const struct audio_event audio_event;
static const struct bluetooth_device device;
static const struct bluetooth_event bluetooth_event = {.device = &device, .data = {"a", 1}};
static const struct context_event context_event;
static const struct urc_event urc_event = {.text = "RING"};
static const struct net_result net_result;
static const struct link_result link_result;
static const struct link_sent link_sent;
static const struct link_closed link_closed;
static const struct link_accepted link_accepted;
static const struct name_asked name_asked = {.name = {"a", 1}};
static const struct link_asked link_asked;
static const struct update_asked update_asked;
static const struct login_asked login_asked;

#define PAYLOAD(type)                                                                              \
    _Generic((type *)NULL, struct at_event *                                                       \
             : (const void *)&at_event, struct power_event *                                       \
             : (const void *)&power_event, struct sim *                                            \
             : (const void *)&sim, struct reg *                                                    \
             : (const void *)&reg, struct hardware *                                               \
             : (const void *)&hardware, struct wifi *                                              \
             : (const void *)&wifi, struct sv *                                                    \
             : (const void *)&message, struct time_event *                                         \
             : (const void *)&time_event, struct ussd_entry *                                      \
             : (const void *)&ussd_entry, struct call_event *                                      \
             : (const void *)&call_event, struct gnss *                                            \
             : (const void *)&gnss, struct audio_event *                                           \
             : (const void *)&audio_event, struct bluetooth_event *                                \
             : (const void *)&bluetooth_event, struct context_event *                              \
             : (const void *)&context_event, struct login_asked *                                  \
             : (const void *)&login_asked, struct urc_event *                                      \
             : (const void *)&urc_event, struct net_result *                                       \
             : (const void *)&net_result, struct link_result *                                     \
             : (const void *)&link_result, struct link_sent *                                      \
             : (const void *)&link_sent, struct link_closed *                                      \
             : (const void *)&link_closed, struct link_accepted *                                  \
             : (const void *)&link_accepted, struct name_asked *                                   \
             : (const void *)&name_asked, struct link_asked *                                      \
             : (const void *)&link_asked, struct update_asked *                                    \
             : (const void *)&update_asked)

static void add_event(cJSON *list, const struct happening *h) {
    cJSON *event = cJSON_CreateObject();
    cJSON_AddItemToArray(list, event);
    cJSON_AddStringToObject(event, "name", h->name);
    cJSON_AddBoolToObject(event, "is_question", h->ask >= 0);
    cJSON *facts = cJSON_AddArrayToObject(event, "facts");
    for (size_t i = 0; i < h->n; i++) {
        cJSON_AddItemToArray(facts, cJSON_CreateString(h->facts[i].key));
    }
}

/* A line is not parsed yet, and an unsolicited result has none. */
static bool knows_command(enum ask point) {
    return point != ASK_AT_LINE && point != ASK_AT_URC;
}

static void add_events(cJSON *list) {
    struct happening h;
#define TOPIC(id, name, payload)                                                                   \
    happening_of_topic(&h, id, PAYLOAD(payload));                                                  \
    add_event(list, &h);
#define ASK(id, name, payload)                                                                     \
    happening_of_ask(&h, id, knows_command(id) ? PAYLOAD(payload) : &no_command);                  \
    add_event(list, &h);
#include "emulator/bus_points.def"
}

/* The loader's own answer to what may stand where. */
static void add_decides(cJSON *to, const char *verb) {
    cJSON *list = cJSON_CreateArray();
    cJSON *action = cJSON_CreateObject();
    cJSON_AddItemToArray(list, action);
    cJSON_AddTrueToObject(action, verb);
    for (const char *const *event = happening_names; *event != NULL; event++) {
        const char *why = NULL;
        if (action_misfit(list, *event, &why) == NULL) {
            cJSON_AddItemToArray(to, cJSON_CreateString(*event));
        }
    }
    cJSON_Delete(list);
}

static void add_actions(cJSON *list) {
    const char *name = NULL;
    for (size_t i = 0; (name = action_name(i)) != NULL; i++) {
        cJSON *action = cJSON_CreateObject();
        cJSON_AddItemToArray(list, action);
        cJSON_AddStringToObject(action, "name", name);
        cJSON_AddStringToObject(action, "doc", action_doc(i));
        cJSON *decides = cJSON_AddArrayToObject(action, "decides");
        if (action_is_decision(i)) {
            add_decides(decides, name);
        }
    }
}

static void add_magic(cJSON *list) {
    struct magic_entry e;
    for (size_t i = 0; magic_entry(i, &e); i++) {
        char ip[NET_IP_TEXT] = "";
        char port[16] = "";
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddItemToArray(list, entry);
        if (e.hi > 0) {
            snprintf(port, sizeof port, "%u-%u", e.lo, e.hi);
        }
        cJSON_AddStringToObject(entry, "name", e.name);
        cJSON_AddStringToObject(entry, "address", e.ip != 0 ? net_format_ip(e.ip, ip) : "");
        cJSON_AddStringToObject(entry, "port", port);
        cJSON_AddStringToObject(entry, "doc", e.doc);
    }
}

int main(void) {
    cJSON *tables = cJSON_CreateObject();
    add_actions(cJSON_AddArrayToObject(tables, "actions"));
    add_events(cJSON_AddArrayToObject(tables, "events"));
    add_magic(cJSON_AddArrayToObject(tables, "magic"));
    char *text = cJSON_Print(tables);
    must(text != NULL);
    puts(text);
    free(text);
    cJSON_Delete(tables);
    return 0;
}
