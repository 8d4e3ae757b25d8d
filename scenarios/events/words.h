/* words.h: what the model's numbers are called, in events, in the state and in the format alike. */
#ifndef SCENARIOS_EVENTS_WORDS_H
#define SCENARIOS_EVENTS_WORDS_H

#include <stddef.h>

#include "emulator/model/reg.h"
#include "emulator/model/ussd.h"

/* By the enum, with NULL behind the last one. */
extern const char *const words_power[];       /* enum power_state */
extern const char *const words_sim[];         /* enum sim_state */
extern const char *const words_wifi[];        /* enum wifi_mode */
extern const char *const words_technology[];  /* enum profile_tech */
extern const char *const words_gnss[];        /* enum gnss_state */
extern const char *const words_systems[];     /* enum gnss_system */
extern const char *const words_quirk[];       /* enum modem_quirk */
extern const char *const words_audio_job[];   /* enum audio_job */
extern const char *const words_audio_state[]; /* enum audio_state */
extern const char *const words_bluetooth[];   /* enum bluetooth_what */
extern const char *const words_bluetooth_answer[];

/* Of enum ussd_state, whose numbers have a gap. */
extern const char *const words_ussd[];
enum ussd_state words_to_ussd(const char *word);

/* Of enum reg_stat, whose numbers have a gap. */
extern const char *const words_registration[];
const char *words_of_registration(enum reg_stat stat);
enum reg_stat words_to_registration(const char *word);

/* Which it is; it is one of them. */
size_t words_index(const char *const *words, const char *word);

#endif
