#include "scenarios/events/words.h"

#include <string.h>

#include "base/obj.h"
#include "emulator/model/audio.h"
#include "emulator/model/bluetooth.h"
#include "emulator/model/events.h"
#include "emulator/model/gnss.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim.h"
#include "emulator/model/wifi.h"

const char *const words_power[] = {[POWER_OFF] = "off",
                                   [POWER_BOOTING] = "booting",
                                   [POWER_ON] = "on",
                                   [POWER_HUNG] = "hung",
                                   NULL};
const char *const words_sim[] = {
    [SIM_READY] = "ready", [SIM_PIN] = "pin", [SIM_PUK] = "puk", [SIM_ABSENT] = "absent", NULL};
const char *const words_technology[] = {
    [PROFILE_GSM] = "gsm",      [PROFILE_WCDMA] = "wcdma", [PROFILE_LTE] = "lte",
    [PROFILE_TDS] = "td-scdma", [PROFILE_CDMA] = "cdma",   NULL};
const char *const words_gnss[] = {[GNSS_OFF] = "off",
                                  [GNSS_STOPPING] = "stopping",
                                  [GNSS_SEARCHING] = "searching",
                                  [GNSS_FIXED] = "fixed",
                                  NULL};
const char *const words_systems[] = {
    [GNSS_GPS] = "gps",       [GNSS_GLONASS] = "glonass", [GNSS_GALILEO] = "galileo",
    [GNSS_BEIDOU] = "beidou", [GNSS_QZSS] = "qzss",       NULL};

const char *const words_ussd[] = {"final", "ask", "ended", "not-supported", "timeout", NULL};

enum ussd_state words_to_ussd(const char *word) {
    static const enum ussd_state states[] = {USSD_FINAL, USSD_ASKS, USSD_ENDED, USSD_NOT_SUPPORTED,
                                             USSD_TIMEOUT};
    return states[words_index(words_ussd, word)];
}
const char *const words_audio_job[] = {[AUDIO_NONE] = "none",
                                       [AUDIO_PLAY_WAV] = "play-wav",
                                       [AUDIO_PLAY] = "play",
                                       [AUDIO_SPEAK] = "speak",
                                       [AUDIO_RECORD_WAV] = "record-wav",
                                       [AUDIO_RECORD_AMR] = "record-amr",
                                       NULL};
const char *const words_audio_state[] = {
    [AUDIO_STARTED] = "started", [AUDIO_ENDED] = "ended", [AUDIO_FAILED] = "failed", NULL};
const char *const words_bluetooth[] = {[BLUETOOTH_FOUND] = "found",
                                       [BLUETOOTH_SCANNED] = "scanned",
                                       [BLUETOOTH_PAIRING] = "pairing",
                                       [BLUETOOTH_PAIRED] = "paired",
                                       [BLUETOOTH_NOT_PAIRED] = "not-paired",
                                       [BLUETOOTH_SPP_UP] = "spp-up",
                                       [BLUETOOTH_SPP_DOWN] = "spp-down",
                                       [BLUETOOTH_RECEIVED] = "received",
                                       [BLUETOOTH_SENT] = "sent",
                                       [BLUETOOTH_GATT_UP] = "gatt-up",
                                       [BLUETOOTH_GATT_DOWN] = "gatt-down",
                                       [BLUETOOTH_READ] = "read",
                                       [BLUETOOTH_READ_DONE] = "read-done",
                                       [BLUETOOTH_WRITE] = "write",
                                       [BLUETOOTH_WRITE_DONE] = "write-done",
                                       [BLUETOOTH_NOTIFIED] = "notified",
                                       [BLUETOOTH_INDICATED] = "indicated",
                                       NULL};
const char *const words_bluetooth_answer[] = {[BLUETOOTH_ACCEPTS] = "accept",
                                              [BLUETOOTH_REFUSES] = "refuse",
                                              [BLUETOOTH_SILENT] = "none",
                                              NULL};

const char *const words_quirk[] = {
    [QUIRK_CMUX_ADVANCED] = "cmux-advanced",     [QUIRK_CMUX_MSC_FIRST] = "cmux-msc-first",
    [QUIRK_CMUX_NO_CLD] = "cmux-no-cld",         [QUIRK_CMUX_LONG_LENGTHS] = "cmux-long-lengths",
    [QUIRK_CMUX_EARLY_URCS] = "cmux-early-urcs", NULL};
const char *const words_wifi[] = {
    [WIFI_AP] = "ap", [WIFI_AP_AP] = "ap-ap", [WIFI_STA_AP] = "sta-ap", NULL};

const char *const words_registration[] = {"off", "home", "searching", "denied", "roaming", NULL};
static const enum reg_stat stats[] = {REG_OFF, REG_HOME, REG_SEARCHING, REG_DENIED, REG_ROAMING};

const char *words_of_registration(enum reg_stat stat) {
    size_t i = 0;
    while (words_registration[i] != NULL && stats[i] != stat) {
        i++;
    }
    must(words_registration[i] != NULL);
    return words_registration[i];
}

enum reg_stat words_to_registration(const char *word) {
    return stats[words_index(words_registration, word)];
}

size_t words_index(const char *const *words, const char *word) {
    size_t i = 0;
    while (words[i] != NULL && strcmp(words[i], word) != 0) {
        i++;
    }
    must(words[i] != NULL);
    return i;
}
