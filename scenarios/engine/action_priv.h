/* action_priv.h: what the files of the actions share; nobody else includes it. */
#ifndef SCENARIOS_ENGINE_ACTION_PRIV_H
#define SCENARIOS_ENGINE_ACTION_PRIV_H

#include "netstack/impair.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/stage.h"
#include "scenarios/json/spec.h"

/* Does it; `value` is what stands behind the verb. As action_do. */
typedef int action_fn(struct stage *st, const struct cJSON *value, struct decision *d,
                      const char **why);

/* act_tty.c */
extern const struct spec cut_spec, drip_spec, corrupt_spec, garble_spec, line_end_spec, insert_spec,
    noise_spec, urc_spec;
action_fn act_cut, act_drip, act_corrupt, act_garble, act_line_end, act_insert, act_noise, act_lose,
    act_urc, act_vanish, act_dtr;

/* act_module.c */
extern const struct spec power_spec, restart_spec, sim_state_spec, signal_spec, fade_spec,
    registration_spec, technology_spec, gnss_spec;
action_fn act_power, act_restart, act_hang, act_sim, act_signal, act_fade, act_registration,
    act_attached, act_technology, act_voice_call, act_gnss;

/* act_wifi.c */
extern const struct spec wifi_spec;
action_fn act_wifi;

/* act_hardware.c */
extern const struct spec hardware_spec;
action_fn act_hardware;

/* act_bluetooth.c */
extern const struct spec bt_mac_spec, bt_device_spec, bt_connect_spec, bt_link_spec, bt_text_spec,
    bt_handle_spec, bt_write_spec;
action_fn act_bt_device, act_bt_pair, act_bt_connect, act_bt_disconnect, act_bt_send, act_bt_read,
    act_bt_write;

/* act_net.c */
extern const struct spec network_spec, time_told_spec, ussd_spec, context_spec, impair_spec,
    link_spec, peer_action_spec, call_spec;
action_fn act_network, act_time, act_ussd, act_deactivate, act_open_delay, act_impair, act_close,
    act_reset, act_give_up, act_peer, act_call;

/* What is wrong with a path: the keys that are there change it. */
extern const struct spec path_spec;
void action_path(const struct cJSON *json, struct impair *im);

/* The link an action is about: its "link", else that of what led to it, else 0. */
unsigned action_link(const struct cJSON *value, const struct decision *d);

#endif
