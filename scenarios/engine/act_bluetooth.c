/* act_bluetooth.c: what the Bluetooth devices around the module do. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "base/sv.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/gatt.h"
#include "emulator/model/modem.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/events/words.h"

static struct bluetooth *bluetooth_of(struct stage *st) {
    return stage_world(st)->modem->bluetooth;
}

static const char *check_mac(const char *text) {
    size_t i = 0;
    for (; i < BLUETOOTH_MAC && text[i] != '\0'; i++) {
        bool is_fit = i % 3 == 2
                          ? text[i] == ':'
                          : isdigit((unsigned char)text[i]) || (text[i] >= 'A' && text[i] <= 'F');
        if (!is_fit) {
            break;
        }
    }
    return i == BLUETOOTH_MAC && text[i] == '\0' ? NULL : "six bytes: C4:0B:CB:3E:68:62";
}

static const char *check_code(const char *text) {
    return text[strspn(text, "0123456789")] == '\0' ? NULL : "digits";
}

static int told(int rc, const char **why) {
    static const struct {
        int rc;
        const char *why;
    } reasons[] = {
        {-ENODEV, "Bluetooth is off"},
        {-ENOENT, "there is no such device in the air"},
        {-EBUSY, "something of this kind is under way"},
        {-EISCONN, "there is a link already"},
        {-ENOTCONN, "there is no link"},
        {-ECONNREFUSED, "the module does not take it"},
        {-EACCES, "the characteristic does not take it"},
        {-EMSGSIZE, "it is too long"},
        {-ENOSPC, "there are too many devices"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        *why = reasons[i].rc == rc ? reasons[i].why : *why;
    }
    return rc;
}

const struct spec bt_mac_spec = {
    .type = SPEC_TEXT, .check = check_mac, .pattern = "^[0-9A-F]{2}(:[0-9A-F]{2}){5}$"};
static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec name_spec = {.type = SPEC_TEXT, .lo = 1, .hi = BLUETOOTH_NAME};
static const struct spec rssi_spec = {.type = SPEC_INT, .lo = 0, .hi = 255};
static const struct spec code_spec = {
    .type = SPEC_TEXT, .lo = 1, .hi = BLUETOOTH_CODE, .check = check_code, .pattern = "^[0-9]*$"};
static const struct spec answer_spec = {.type = SPEC_WORD, .words = words_bluetooth_answer};
static const struct spec_key device_keys[] = {
    {"mac", &bt_mac_spec, "Which one.", SPEC_REQUIRED},
    {"name", &name_spec, "As AT+BTSCAN shows it (device).", 0},
    {"rssi", &rssi_spec, "As AT+BTSCAN shows it (180).", 0},
    {"code", &code_spec, "The number both sides show, or type; or its PIN (123456).", 0},
    {"pin", &flag_spec, "It knows PINs only.", 0},
    {"answer", &answer_spec, "What it says to a pairing (accept).", 0},
    {"spp", &flag_spec, "It takes serial links.", 0},
    {"gone", &flag_spec, "It leaves; the rest does not count.", 0},
    {0},
};
const struct spec bt_device_spec = {
    .type = SPEC_OBJECT, .name = "a Bluetooth device", .keys = device_keys};

int act_bt_device(struct stage *st, const struct cJSON *value, struct decision *d,
                  const char **why) {
    (void)d;
    struct sv mac = sv_of(spec_text(value, "mac", ""));
    if (spec_flag(value, "gone", false)) {
        return told(bluetooth_take(bluetooth_of(st), mac), why);
    }
    const char *answer = spec_text(value, "answer", words_bluetooth_answer[BLUETOOTH_ACCEPTS]);
    struct bluetooth_device device = {
        .rssi = spec_int(value, "rssi", 180),
        .has_pin = spec_flag(value, "pin", false),
        .has_spp = spec_flag(value, "spp", false),
        .answer = (enum bluetooth_answer)words_index(words_bluetooth_answer, answer),
    };
    must(sv_copy(mac, device.mac, sizeof device.mac) == 0);
    must(sv_copy(sv_of(spec_text(value, "name", "device")), device.name, sizeof device.name) == 0);
    must(sv_copy(sv_of(spec_text(value, "code", "123456")), device.code, sizeof device.code) == 0);
    return told(bluetooth_put(bluetooth_of(st), &device), why);
}

int act_bt_pair(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    return told(bluetooth_ask_pairing(bluetooth_of(st), sv_of(value->valuestring)), why);
}

static const char *const link_words[] = {"spp", "gatt", NULL};
const struct spec bt_link_spec = {.type = SPEC_WORD, .words = link_words};
static const struct spec_key connect_keys[] = {
    {"mac", &bt_mac_spec, "Who.", SPEC_REQUIRED},
    {"over", &bt_link_spec, "The serial link, or as a GATT client.", SPEC_REQUIRED},
    {0},
};
const struct spec bt_connect_spec = {
    .type = SPEC_OBJECT, .name = "a Bluetooth connection", .keys = connect_keys};

static bool is_gatt(const char *word) {
    return words_index(link_words, word) == 1;
}

int act_bt_connect(struct stage *st, const struct cJSON *value, struct decision *d,
                   const char **why) {
    (void)d;
    return told(bluetooth_call(bluetooth_of(st), sv_of(spec_text(value, "mac", "")),
                               is_gatt(spec_text(value, "over", "spp"))),
                why);
}

int act_bt_disconnect(struct stage *st, const struct cJSON *value, struct decision *d,
                      const char **why) {
    (void)d;
    return told(bluetooth_hang_up(bluetooth_of(st), is_gatt(value->valuestring)), why);
}

const struct spec bt_text_spec = {.type = SPEC_TEXT, .lo = 1, .hi = BLUETOOTH_FRAME};

int act_bt_send(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    return told(bluetooth_receive(bluetooth_of(st), sv_of(value->valuestring)), why);
}

const struct spec bt_handle_spec = {.type = SPEC_INT, .lo = 1, .hi = 65535};

int act_bt_read(struct stage *st, const struct cJSON *value, struct decision *d, const char **why) {
    (void)d;
    return told(gatt_read(bluetooth_gatt(bluetooth_of(st)), (unsigned)value->valueint), why);
}

static const struct spec_key write_keys[] = {
    {"handle", &bt_handle_spec, "Of the characteristic.", SPEC_REQUIRED},
    {"bytes", &spec_of_bytes, "Its new value.", SPEC_REQUIRED},
    {0},
};
const struct spec bt_write_spec = {
    .type = SPEC_OBJECT, .name = "a write of a GATT client", .keys = write_keys};

int act_bt_write(struct stage *st, const struct cJSON *value, struct decision *d,
                 const char **why) {
    (void)d;
    unsigned char *p = NULL;
    size_t n = 0;
    spec_bytes(spec_get(value, "bytes"), &p, &n);
    int rc = gatt_write(bluetooth_gatt(bluetooth_of(st)), (unsigned)spec_int(value, "handle", 1),
                        (struct sv){(const char *)p, n});
    free(p);
    return told(rc, why);
}
