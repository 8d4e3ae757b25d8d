#include "scenarios/engine/action.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/events/happening.h"

/* -- decisions -- */

static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec line_spec = {.type = SPEC_TEXT, .hi = LIMIT_INFO};
static const struct spec lines_spec = {.type = SPEC_LIST, .lo = 1, .hi = 64, .item = &line_spec};
static const struct spec *const answer_choices[] = {&line_spec, &lines_spec, NULL};
static const struct spec answer_spec = {.type = SPEC_CHOICE, .choices = answer_choices};
static const struct spec code_spec = {.type = SPEC_INT, .lo = 0, .hi = 999};
static const struct spec *const error_choices[] = {&flag_spec, &code_spec, NULL};
static const struct spec error_spec = {.type = SPEC_CHOICE, .choices = error_choices};
static const char *const what_words[] = {"answer", NULL};
static const struct spec what_spec = {.type = SPEC_WORD, .words = what_words};
static const struct spec *const swallow_choices[] = {&flag_spec, &what_spec, NULL};
static const struct spec swallow_spec = {.type = SPEC_CHOICE, .choices = swallow_choices};
static const struct spec wait_spec = {.type = SPEC_DURATION, .hi = 86400};
static const struct spec name_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 64};
static const struct spec text_spec = {.type = SPEC_TEXT, .hi = 512};
static const struct spec_key rule_keys[] = {
    {"name", &name_spec, "Which rule.", SPEC_REQUIRED},
    {"enabled", &flag_spec, "Whether it acts from now on.", SPEC_REQUIRED},
    {0},
};
static const struct spec rule_switch_spec = {.type = SPEC_OBJECT, .keys = rule_keys};

static int act_answer(struct stage *st, const struct cJSON *value, struct decision *d,
                      const char **why) {
    (void)why;
    const struct cJSON *first = cJSON_IsArray(value) ? value->child : value;
    struct buf lines;
    buf_init(&lines, LIMIT_ANSWER);
    for (const struct cJSON *line = first; line != NULL; line = line->next) {
        buf_put(&lines, "\n", line == first ? 0 : 1);
        buf_put(&lines, line->valuestring, strlen(line->valuestring));
        if (!cJSON_IsArray(value)) {
            break; /* its siblings are other keys of the action */
        }
    }
    d->verdict.act = BUS_REPLACE;
    d->verdict.text = stage_keep(st, buf_data(&lines), buf_len(&lines));
    buf_fini(&lines);
    return 0;
}

/* ERROR, whatever AT+CMEE says; 0 is an error of its own: phone failure. */
enum { PLAIN_ERROR = -1 };

static int act_error(struct stage *st, const struct cJSON *value, struct decision *d,
                     const char **why) {
    (void)st;
    (void)why;
    if (cJSON_IsFalse(value)) {
        return 0;
    }
    bool is_command = d->what->ask == ASK_AT_LINE || d->what->ask == ASK_AT_COMMAND;
    d->verdict.act = BUS_FAIL;
    d->verdict.code = cJSON_IsNumber(value) ? value->valueint : is_command ? PLAIN_ERROR : 0;
    return 0;
}

static int act_swallow(struct stage *st, const struct cJSON *value, struct decision *d,
                       const char **why) {
    if (cJSON_IsString(value)) {
        return act_lose(st, value, d, why);
    }
    if (cJSON_IsTrue(value)) {
        d->verdict.act = BUS_DROP;
    }
    return 0;
}

static int act_delay(struct stage *st, const struct cJSON *value, struct decision *d,
                     const char **why) {
    (void)st;
    (void)why;
    d->verdict.delay = spec_duration(value->valuestring);
    return 0;
}

/* -- the run itself -- */

static int act_rule(struct stage *st, const struct cJSON *value, struct decision *d,
                    const char **why) {
    (void)d;
    *why = "there is no rule of this name";
    return stage_enable_rule(st, spec_text(value, "name", ""), spec_flag(value, "enabled", true));
}

static const char no_play[] = "no scenario is loaded";

static int act_fail(struct stage *st, const struct cJSON *value, struct decision *d,
                    const char **why) {
    (void)d;
    *why = no_play;
    return stage_fail(st, value->valuestring);
}

static int act_stop(struct stage *st, const struct cJSON *value, struct decision *d,
                    const char **why) {
    (void)d;
    *why = no_play;
    return cJSON_IsTrue(value) ? stage_end(st) : 0;
}

static int act_log(struct stage *st, const struct cJSON *value, struct decision *d,
                   const char **why) {
    (void)st;
    (void)d;
    (void)why;
    LOG(LOG_STAGE, LOG_WARN, NULL, "%s", value->valuestring);
    return 0;
}

/* -- the table -- */

/* Where a decision may stand: the questions it is an answer to. */
enum {
    AT_LINES = 1u << ASK_AT_LINE | 1u << ASK_AT_COMMAND | 1u << ASK_AT_RESULT | 1u << ASK_AT_URC,
    COMMANDS = 1u << ASK_AT_LINE | 1u << ASK_AT_COMMAND,
    NETWORK = 1u << ASK_NET_OPEN | 1u << ASK_NET_RESOLVE | 1u << ASK_NET_CONNECT |
              1u << ASK_NET_ACCEPT | 1u << ASK_NET_SEND | 1u << ASK_CONTEXT_ACTIVATE |
              1u << ASK_UPDATE_CHECK,
    ANSWERABLE = AT_LINES | 1u << ASK_NET_RESOLVE,
    FAILABLE = COMMANDS | NETWORK | 1u << ASK_SIM_ACCESS | 1u << ASK_PPP_LOGIN,
    DROPPABLE = AT_LINES | NETWORK | 1u << ASK_NET_CLOSE | 1u << ASK_POWER_RESTART,
    DELAYABLE = AT_LINES | 1u << ASK_NET_OPEN | 1u << ASK_NET_RESOLVE | 1u << ASK_NET_CONNECT |
                1u << ASK_UPDATE_CHECK,
    /* Of what is no decision: done at once even from inside what led to it, since it only changes
     * what becomes of bytes; or at once in a question, where it writes. All else comes in the next
     * turn, because what led to it is still going on. */
    AT_ONCE = 1u << 30,
    WRITES = 1u << 29,
    LATER = 0,
    DECISIONS = (1u << ASK_COUNT) - 1,
};

/* The verb, what stands behind it, who does it, when, and what it does. */
#define ACTIONS(X)                                                                                 \
    X("answer", answer_spec, act_answer, ANSWERABLE,                                               \
      "These lines instead of what would have come, the last one as the result; of a look-up: "    \
      "the "                                                                                       \
      "address.")                                                                                  \
    X("error", error_spec, act_error, FAILABLE,                                                    \
      "It fails: a command with ERROR (true) or this CME number (CMS from 300 on); a connect is "  \
      "refused, a name does not exist, a send or NETOPEN gives this <err>.")                       \
    X("swallow", swallow_spec, act_swallow, DROPPABLE,                                             \
      "It does not happen, and nobody is told; \"answer\": a command is run, but all of its "      \
      "answer "                                                                                    \
      "is lost.")                                                                                  \
    X("delay", wait_spec, act_delay, DELAYABLE, "Before it goes on.")                              \
    X("cut", cut_spec, act_cut, AT_ONCE,                                                           \
      "The output stops behind so many bytes and goes on later.")                                  \
    X("drip", drip_spec, act_drip, AT_ONCE, "The answer comes in small pieces, one at a time.")    \
    X("corrupt", corrupt_spec, act_corrupt, AT_ONCE, "One byte of the output is another one.")     \
    X("garble", garble_spec, act_garble, AT_ONCE,                                                  \
      "Bytes become others, as with a wrong speed: with this chance each, for so long.")           \
    X("line-end", line_end_spec, act_line_end, AT_ONCE,                                            \
      "The lines of the answer end with these bytes.")                                             \
    X("insert", insert_spec, act_insert, AT_ONCE,                                                  \
      "These bytes stand in the output behind so many others.")                                    \
    X("noise", noise_spec, act_noise, WRITES, "So many random bytes come out, now.")               \
    X("urc", urc_spec, act_urc, WRITES,                                                            \
      "An unsolicited line, in its turn, or now, though a command or a prompt is open.")           \
    X("vanish", wait_spec, act_vanish, LATER,                                                      \
      "The tty is gone, as a pulled USB device is, and comes back after so long under another "    \
      "number, with the same link.")                                                               \
    X("dtr", flag_spec, act_dtr, LATER, "The driver's DTR, which a pty does not have.")            \
    X("power", power_spec, act_power, LATER, "Off, without a word, or on again.")                  \
    X("restart", restart_spec, act_restart, LATER,                                                 \
      "The module crashes and starts again after so long.")                                        \
    X("hang", flag_spec, act_hang, LATER,                                                          \
      "The firmware hangs: no answer to anything until it is restarted.")                          \
    X("hardware", hardware_spec, act_hardware, LATER,                                              \
      "Supply, temperature, voltages and pins, as the board has them from now on.")                \
    X("sim", sim_state_spec, act_sim, LATER, "The card is pulled, put in, or wants its PIN.")      \
    X("signal", signal_spec, act_signal, LATER, "What AT+CSQ tells.")                              \
    X("fade", fade_spec, act_fade, LATER, "The signal goes there step by step.")                   \
    X("registration", registration_spec, act_registration, LATER, "What the network grants.")      \
    X("attached", flag_spec, act_attached, LATER, "The packet service, as AT+CGATT has it.")       \
    X("technology", technology_spec, act_technology, LATER, "The newest that is there.")           \
    X("gnss", gnss_spec, act_gnss, LATER,                                                          \
      "What its satellite receiver hears and where the module is; the rest stays, and it moves "   \
      "on.")                                                                                       \
    X("voice-call", flag_spec, act_voice_call, LATER,                                              \
      "A call that has the radio: in GSM no TCP passes.")                                          \
    X("wifi", wifi_spec, act_wifi, LATER,                                                          \
      "What WIFI devices around the module do, and the networks in the air.")                      \
    X("network", network_spec, act_network, LATER,                                                 \
      "The cell is lost (registration 2, links are dead), or found again, at home or roaming as "  \
      "before.")                                                                                   \
    X("time", time_told_spec, act_time, LATER,                                                     \
      "What the network tells of the time, now and at each registration; true: once more as "      \
      "before, false: nothing any more.")                                                          \
    X("ussd", ussd_spec, act_ussd, LATER,                                                          \
      "The network begins a USSD session with this entry of its table.")                           \
    X("deactivate", context_spec, act_deactivate, LATER,                                           \
      "The network takes this PDP context down.")                                                  \
    X("open-delay", wait_spec, act_open_delay, LATER,                                              \
      "How long the packet network takes to open, from the next time on.")                         \
    X("impair", impair_spec, act_impair, AT_ONCE,                                                  \
      "What is wrong with the way of one link, or of all.")                                        \
    X("close", link_spec, act_close, LATER, "The peer of a link closes it.")                       \
    X("reset", link_spec, act_reset, LATER, "The peer of a link resets it.")                       \
    X("give-up", link_spec, act_give_up, LATER,                                                    \
      "The module's own TCP gives a link up, as when nothing is acknowledged any more.")           \
    X("peer", peer_action_spec, act_peer, LATER, "A far end does something.")                      \
    X("call", call_spec, act_call, LATER, "A far end connects to a server of the module.")         \
    X("bt-device", bt_device_spec, act_bt_device, LATER,                                           \
      "A Bluetooth device comes near, becomes another one, or leaves.")                            \
    X("bt-pair", bt_mac_spec, act_bt_pair, LATER, "It asks the module to pair.")                   \
    X("bt-connect", bt_connect_spec, act_bt_connect, LATER,                                        \
      "It opens the serial link, once paired, or comes as a GATT client.")                         \
    X("bt-disconnect", bt_link_spec, act_bt_disconnect, LATER, "It closes that link.")             \
    X("bt-send", bt_text_spec, act_bt_send, LATER, "It sends over the serial link.")               \
    X("bt-read", bt_handle_spec, act_bt_read, LATER, "The GATT client reads this handle.")         \
    X("bt-write", bt_write_spec, act_bt_write, LATER, "The GATT client writes.")                   \
    X("rule", rule_switch_spec, act_rule, AT_ONCE, "A rule begins or ceases to act.")              \
    X("log", text_spec, act_log, AT_ONCE, "A line in the daemon's log.")                           \
    X("fail", text_spec, act_fail, AT_ONCE, "The verdict is that it failed, for this reason.")     \
    X("stop", flag_spec, act_stop, LATER, "The run ends; what has not come by now is missing.")

static const struct action {
    const char *name;
    action_fn *run;
    unsigned when; /* the questions it decides, or when it is done */
    const char *doc;
} actions[] = {
#define X(verb, spec, run, when, doc) {verb, run, when, doc},
    ACTIONS(X)
#undef X
};

enum { COUNT = sizeof actions / sizeof actions[0] };

static const struct spec_key action_keys[] = {
#define X(verb, spec, run, when, doc) {verb, &(spec), doc, SPEC_VERB},
    ACTIONS(X)
#undef X
        {"in", &wait_spec, "So long after what leads to it; not for decisions.", 0},
    {0},
};

const struct spec action_spec = {
    .type = SPEC_OBJECT, .name = "an action", .keys = action_keys, .is_shared = true};
const struct spec action_list_spec = {.type = SPEC_LIST, .lo = 1, .hi = 64, .item = &action_spec};

const char *action_name(size_t i) {
    return i < COUNT ? actions[i].name : NULL;
}

const char *action_doc(size_t i) {
    return i < COUNT ? actions[i].doc : NULL;
}

bool action_is_decision(size_t i) {
    return i < COUNT && (actions[i].when & DECISIONS) != 0;
}

/* Of a checked action, which has one verb. */
static const struct action *find(const struct cJSON *action, const struct cJSON **value) {
    size_t i = 0;
    while (i < COUNT && (*value = spec_get(action, actions[i].name)) == NULL) {
        i++;
    }
    must(i < COUNT);
    return &actions[i];
}

/* Bytes are swallowed, too, which is no question of the bus. */
static bool fits(const struct action *a, const char *event) {
    if ((a->when & DECISIONS) == 0) {
        return true;
    }
    if (event == NULL) {
        return false;
    }
    int ask = happening_ask(event);
    bool is_bytes = strcmp(event, "tty.in") == 0 || strcmp(event, "tty.out") == 0;
    return ask >= 0 ? (a->when & 1u << ask) != 0 : is_bytes && a->run == act_swallow;
}

/* The questions that it decides, for a message; good until the next call. */
static const char *where_it_fits(const struct action *a) {
    static char text[256];
    size_t n = 0;
    const char *before = "allowed on: ";
    for (int ask = 0; ask < ASK_COUNT && n < sizeof text; ask++) {
        if ((a->when & 1u << ask) != 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", before,
                                  ask_name((enum ask)ask));
            before = ", ";
        }
    }
    if (a->run == act_swallow && n < sizeof text) {
        snprintf(text + n, sizeof text - n, ", tty.in, tty.out");
    }
    return text;
}

/* What no spec can say of the value. NULL: nothing. */
static const char *what_is_wrong(const struct action *a, const struct cJSON *value,
                                 const char *event) {
    if (a->run == act_swallow && cJSON_IsString(value)) {
        int ask = happening_ask(event);
        bool is_there = ask >= 0 && (COMMANDS & 1u << ask) != 0;
        return is_there ? NULL : "only a line or a command has an answer";
    }
    size_t size = 0;
    const struct cJSON *line = a->run == act_answer ? value->child : NULL;
    for (; line != NULL; line = line->next) {
        size += strlen(line->valuestring) + 1;
    }
    return size <= LIMIT_ANSWER ? NULL : "an answer has at most 16384 bytes";
}

const struct cJSON *action_misfit(const struct cJSON *list, const char *event, const char **why) {
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        const struct cJSON *value = NULL;
        const struct action *a = find(item, &value);
        if (!fits(a, event)) {
            *why = event != NULL ? where_it_fits(a)
                                 : "it decides a question, and stands in rules only";
            return value;
        }
        if ((a->when & DECISIONS) != 0 && spec_get(item, "in") != NULL) {
            *why = "a decision is taken at once; \"delay\" makes what was asked about wait";
            return spec_get(item, "in");
        }
        const char *wrong = what_is_wrong(a, value, event);
        if (wrong != NULL) {
            *why = wrong;
            return value;
        }
    }
    return NULL;
}

/* Whoever watches sees what is done to the module, be it by a rule, the timeline or by hand. */
static void show(struct stage *st, const struct cJSON *json, int err) {
    struct happening h;
    char *text = cJSON_PrintUnformatted(json);
    must(text != NULL);
    happening_init(&h, "action.done");
    happening_add_text(&h, "action", sv_of(text));
    happening_add(&h, "err", err);
    stage_show(st, &h);
    cJSON_free(text);
}

static int run(struct stage *st, const struct cJSON *json, struct decision *d, const char **why) {
    const struct cJSON *value = NULL;
    const struct action *a = find(json, &value);
    *why = NULL;
    int err = a->run(st, value, d, why);
    show(st, json, err);
    if (err != 0) {
        *why = *why != NULL ? *why : strerror(-err);
        LOG(LOG_STAGE, LOG_WARN, a->name, "not done: %s", *why);
    }
    return err;
}

static void do_later(struct stage *st, const struct cJSON *json, int link) {
    struct happening h;
    happening_init(&h, "");
    if (link >= 0) {
        happening_add(&h, "link", link);
    }
    struct decision d = {.what = &h};
    const char *why = NULL;
    run(st, json, &d, &why);
}

/* Whether what led to it leaves no room for it now. */
static bool is_for_later(const struct action *a, const struct decision *d) {
    if (d == NULL || d->what == NULL || (a->when & (AT_ONCE | DECISIONS)) != 0) {
        return false;
    }
    /* An unsolicited line in a question about one would be asked about from there. */
    return (a->when & WRITES) == 0 || d->what->ask < 0 || d->what->ask == ASK_AT_URC;
}

int action_do(struct stage *st, const struct cJSON *json, struct decision *d, const char **why) {
    const struct cJSON *value = NULL;
    const struct action *a = find(json, &value);
    clk_dur in = spec_dur(json, "in", CLK_US(0));
    if (in.us == 0 && !is_for_later(a, d)) {
        return run(st, json, d, why);
    }
    const struct fact *link = d != NULL && d->what != NULL ? happening_fact(d->what, "link") : NULL;
    int err = stage_later(st, in, do_later, json, link != NULL ? (int)link->number : -1);
    if (err != 0) {
        *why = err == -ELOOP ? "rules lead to each other" : "too many actions wait for their time";
        LOG(LOG_STAGE, LOG_WARN, a->name, "not done: %s", *why);
    }
    return err;
}

unsigned action_link(const struct cJSON *value, const struct decision *d) {
    int link = cJSON_IsObject(value) ? spec_int(value, "link", -1) : -1;
    if (link >= 0) {
        return (unsigned)link;
    }
    const struct fact *f = d != NULL && d->what != NULL ? happening_fact(d->what, "link") : NULL;
    return f != NULL ? (unsigned)f->number : 0;
}
