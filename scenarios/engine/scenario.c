#include "scenarios/engine/scenario.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "base/sv.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_file.h"
#include "emulator/model/sim_text.h"
#include "netstack/net.h"
#include "netstack/route.h"
#include "scenarios/engine/action.h"
#include "scenarios/engine/action_priv.h"
#include "scenarios/engine/library.h"
#include "scenarios/engine/rule.h"
#include "scenarios/engine/services.h"
#include "scenarios/events/words.h"
#include "scenarios/json/spec.h"
#include "scenarios/peers/peer_program.h"
#include "scenarios/peers/peers.h"
#include "scenarios/verdict/expect.h"

enum { NAMES_TEXT = 320 }; /* of a message, which has as much room for the rest */

struct scenario {
    uint32_t magic;
#define SCENARIO_MAGIC 0x5ce4a210u
    struct cJSON *tree;
    struct profile profile; /* of scenario_profile */
    struct peer *built[LIMIT_PEERS];
    size_t nbuilt;
};

/* -- what texts must look like -- */

static const char *check_profile(const char *text) {
    return profile_find(text) != NULL ? NULL : "allowed: a profile that --help lists";
}

/* One command line: a CR in it would begin another, whose answer nobody looks at. */
static const char *check_command(const char *text) {
    return sv_starts_nocase(sv_of(text), SV("AT")) && strpbrk(text, "\r\n") == NULL
               ? NULL
               : "allowed: one command line that begins with AT";
}

static const char *check_pin(const char *text) {
    size_t n = strlen(text);
    return n >= 4 && n <= 8 && strspn(text, "0123456789") == n ? NULL : "allowed: 4 to 8 digits";
}

static const char *check_imei(const char *text) {
    return strlen(text) == 15 && strspn(text, "0123456789") == 15 ? NULL : "allowed: 15 digits";
}

static const char *check_number(const char *text) {
    size_t n = strlen(text);
    return n > 0 && n <= 20 && strspn(text, "0123456789ABCDEF") == n ? NULL
                                                                     : "allowed: up to 20 digits";
}

static const char *check_apn(const char *text) {
    size_t n = strlen(text);
    return n > 0 && n < 100 ? NULL : "allowed: APNs of 1 to 99 bytes";
}

static const char *check_phone_number(const char *text) {
    size_t n = strlen(text + (*text == '+'));
    return n > 0 && n <= SIM_NUMBER_DIGITS && strspn(text + (*text == '+'), "0123456789") == n
               ? NULL
               : "allowed: up to 20 digits, maybe behind a plus";
}

#define NAME_LETTERS "A-Za-z0-9 .,'()-"

/* What takes one place a letter on every card. */
static const char *check_card_name(const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr(" .,'()-", text[i]) == NULL) {
            n = 0;
        }
    }
    return n > 0 && n <= 14 ? NULL : "allowed: up to 14 of A-Z a-z 0-9 . , ' ( ) - and blanks";
}

static const char *check_card_file(const char *text) {
    return sim_file_of_path(text) != SIM_FILE_NONE ? NULL
                                                   : "allowed: a file of the card, like 7FFF/6F7B";
}

static const char *check_address(const char *text) {
    uint32_t ip = 0;
    return net_parse_ip(sv_of(text), &ip) == 0 ? NULL : "allowed: four numbers from 0 to 255";
}

/* "ADDR:PORT", ADDR an address or a name, PORT 1 to 65535 or *. */
static const char *check_place(const char *text) {
    static const char allowed[] = "allowed: ADDR:PORT, PORT from 1 to 65535 or *";
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (colon == NULL || colon == text || !net_is_name((struct sv){text, (size_t)(colon - text)})) {
        return allowed;
    }
    return strcmp(colon, ":*") == 0 || sv_int(sv_of(colon + 1), 1, 65535, &port) == 0 ? NULL
                                                                                      : allowed;
}

/* Where it leads: HOST:PORT with an address, since a look-up would make the daemon wait; a kind of
 * far end; the name of one. */
static const char *check_target(const char *text) {
    static const char allowed[] = "allowed: ADDR:PORT with an address of the host or localhost, a "
                                  "kind of peer as \"echo:\", the name of a peer";
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0') {
        return NULL;
    }
    struct in6_addr v6;
    char host[INET6_ADDRSTRLEN] = "";
    struct sv addr = {text, (size_t)(colon - text)};
    bool is_v6 = addr.n > 2 && addr.p[0] == '[' && addr.p[addr.n - 1] == ']' &&
                 sv_copy(sv_slice(addr, 1, addr.n - 2), host, sizeof host) == 0 &&
                 inet_pton(AF_INET6, host, &v6) == 1;
    uint32_t v4 = 0;
    int64_t port = 0;
    if (strcmp(colon, ":*") != 0 && sv_int(sv_of(colon + 1), 0, 65535, &port) != 0) {
        return "allowed: a port from 0 to 65535, or *";
    }
    return is_v6 || sv_eq(addr, SV("localhost")) || net_parse_ip(addr, &v4) == 0 ? NULL : allowed;
}

static const char *check_port(const char *text) {
    int64_t port = 0;
    return sv_int(sv_of(text), 1, 65535, &port) == 0 ? NULL : "allowed: a port from 1 to 65535";
}

static const char *check_name(const char *text) {
    return net_is_name(sv_of(text)) ? NULL : "allowed: a domain name";
}

static const char *check_answer(const char *text) {
    bool is_word = strcmp(text, "not-found") == 0 || strcmp(text, "silent") == 0;
    return is_word || check_address(text) == NULL ? NULL
                                                  : "allowed: an IPv4 address, not-found or silent";
}

#define IP_PATTERN "[0-9]{1,3}(\\.[0-9]{1,3}){3}"
#define TARGET_PATTERN                                                                             \
    "^([^:]+:?|(" IP_PATTERN "|localhost|\\[[0-9A-Fa-f:.]+\\]):(\\*|[0-9]{1,5}))$"
#define NAME_PATTERN "[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"

/* -- the format -- */

static const struct spec flag_spec = {.type = SPEC_BOOL};
static const struct spec title_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 128};
static const struct spec prose_spec = {.type = SPEC_TEXT, .hi = 4096};
static const struct spec word_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 64};
static const struct spec time_spec = {.type = SPEC_DURATION, .hi = 8640000};
static const struct spec count_spec = {.type = SPEC_INT, .lo = 1, .hi = 1000000};
/* 15 digits, which every program that prints JSON keeps. */
static const struct spec seed_spec = {.type = SPEC_INT, .lo = 0, .hi = 999999999999999.0};

static const struct spec profile_spec = {
    .type = SPEC_TEXT, .lo = 1, .hi = 64, .check = check_profile};
static const struct spec command_spec = {.type = SPEC_TEXT,
                                         .lo = 3,
                                         .hi = LIMIT_LINE,
                                         .check = check_command,
                                         .pattern = "^[Aa][Tt][^\\r\\n]*$"};
static const struct spec commands_spec = {
    .type = SPEC_LIST, .name = "settings", .lo = 0, .hi = 256, .item = &command_spec};
static const struct spec imei_spec = {
    .type = SPEC_TEXT, .lo = 15, .hi = 15, .check = check_imei, .pattern = "^[0-9]{15}$"};
static const struct spec digits_spec = {
    .type = SPEC_TEXT, .lo = 1, .hi = 20, .check = check_number, .pattern = "^[0-9A-F]+$"};
static const struct spec_key identity_keys[] = {
    {"manufacturer", &word_spec, "As ATI and AT+CGMI have it.", 0},
    {"model", &word_spec, "As ATI and AT+CGMM have it.", 0},
    {"revision", &word_spec, "As AT+CGMR has it.", 0},
    {"imei", &imei_spec, "15 digits.", 0},
    {0},
};
static const struct spec identity_spec = {
    .type = SPEC_OBJECT, .name = "an identity", .keys = identity_keys};
static const char *const nv_words[] = {"00", "01", NULL};
static const struct spec nv_spec = {.type = SPEC_WORD, .words = nv_words};
static const struct spec_key nvram_keys[] = {
    {"1341", &nv_spec, "\"01\": AT+CIPCLOSE tells the peer in dormancy, too (note 2.9).", 0},
    {0},
};
static const struct spec nvram_spec = {.type = SPEC_OBJECT, .name = "NVRAM", .keys = nvram_keys};
static const struct spec quirk_spec = {.type = SPEC_WORD, .words = words_quirk};
static const struct spec quirks_spec = {
    .type = SPEC_LIST, .name = "quirks", .lo = 0, .hi = QUIRKS, .item = &quirk_spec};
static const struct spec_key module_keys[] = {
    {"profile", &profile_spec, "Which module, which firmware (that of --profile).", 0},
    {"settings", &commands_spec,
     "Command lines that are run before the driver gets the tty; each must answer OK.", 0},
    {"identity", &identity_spec, "What is not as the profile has it.", 0},
    {"nvram", &nvram_spec, "NV items by number.", 0},
    {"hardware", &hardware_spec, "The board around it.", 0},
    {"gnss", &gnss_spec, "What its satellite receiver hears, and where the module is.", 0},
    {"quirks", &quirks_spec, "What some firmware does and other does not; see below.", 0},
    {0},
};
static const struct spec module_spec = {
    .type = SPEC_OBJECT, .name = "the module", .keys = module_keys};

static const struct spec pin_spec = {
    .type = SPEC_TEXT, .lo = 4, .hi = 8, .check = check_pin, .pattern = "^[0-9]{4,8}$"};
static const struct spec phone_number_spec = {.type = SPEC_TEXT,
                                              .lo = 1,
                                              .hi = 1 + SIM_NUMBER_DIGITS,
                                              .check = check_phone_number,
                                              .pattern = "^\\+?[0-9]{1,20}$"};
static const struct spec card_name_spec = {.type = SPEC_TEXT,
                                           .lo = 1,
                                           .hi = 14,
                                           .check = check_card_name,
                                           .pattern = "^[" NAME_LETTERS "]{1,14}$"};
static const struct spec_key entry_keys[] = {
    {"number", &phone_number_spec, "Digits, behind a plus if it is international.", SPEC_REQUIRED},
    {"name", &card_name_spec, "Whose it is.", 0},
    {0},
};
static const struct spec entry_spec = {
    .type = SPEC_OBJECT, .name = "an entry of the phone book", .keys = entry_keys};
static const struct spec phonebook_spec = {
    .type = SPEC_LIST, .name = "the phone book", .lo = 0, .hi = 200, .item = &entry_spec};
static const struct spec card_files_spec = {.type = SPEC_MAP,
                                            .name = "files of the card",
                                            .lo = 0,
                                            .hi = 64,
                                            .item = &spec_of_bytes,
                                            .check = check_card_file,
                                            .pattern = "^[0-9A-F]{4}/[0-9A-F]{4}$"};
static const struct spec_key sim_keys[] = {
    {"state", &sim_state_spec, "ready, or the PIN or PUK is awaited, or there is no card.", 0},
    {"pin", &pin_spec, "The PIN (1234).", 0},
    {"puk", &pin_spec, "The PUK (12345678).", 0},
    {"iccid", &digits_spec, "As AT+CICCID has it.", 0},
    {"imsi", &digits_spec, "As AT+CIMI has it.", 0},
    {"number", &phone_number_spec, "Its own number, as AT+CNUM has it.", 0},
    {"phonebook", &phonebook_spec,
     "The first entries of AT+CPBS=\"SM\"; those behind them stay as they are.", 0},
    {"files", &card_files_spec,
     "Files by folder and number: what they begin with. What is written stays on the card.", 0},
    {0},
};
static const struct spec sim_spec = {.type = SPEC_OBJECT, .name = "the card", .keys = sim_keys};

static const struct spec target_spec = {
    .type = SPEC_TEXT, .lo = 1, .hi = 64, .check = check_target, .pattern = TARGET_PATTERN};
static const struct spec map_spec = {.type = SPEC_MAP,
                                     .name = "a map",
                                     .hi = LIMIT_ROUTES,
                                     .item = &target_spec,
                                     .check = check_place,
                                     .pattern = "^" NAME_PATTERN ":(\\*|[0-9]{1,5})$"};
static const struct spec listen_spec = {.type = SPEC_MAP,
                                        .name = "a listen table",
                                        .hi = LIMIT_ROUTES,
                                        .item = &target_spec,
                                        .check = check_port,
                                        .pattern = "^[0-9]{1,5}$"};
static const struct spec answer_spec = {.type = SPEC_TEXT,
                                        .lo = 1,
                                        .hi = 16,
                                        .check = check_answer,
                                        .pattern = "^(" IP_PATTERN "|not-found|silent)$"};
static const struct spec names_spec = {.type = SPEC_MAP,
                                       .name = "a name table",
                                       .hi = 256,
                                       .item = &answer_spec,
                                       .check = check_name,
                                       .pattern = "^" NAME_PATTERN "$"};
static const struct spec_key way_keys[] = {
    {"up", &path_spec, "From the module.", 0},
    {"down", &path_spec, "To the module.", 0},
    {0},
};
static const struct spec ways_spec = {.type = SPEC_OBJECT, .name = "impairments", .keys = way_keys};
static const struct spec address_spec = {
    .type = SPEC_TEXT, .lo = 7, .hi = 15, .check = check_address, .pattern = "^" IP_PATTERN "$"};
static const struct spec apns_spec = {
    .type = SPEC_LIST, .name = "APNs", .lo = 0, .hi = 64, .item = &word_spec};
static const struct spec_key login_keys[] = {
    {"user", &word_spec, "Who may come in.", SPEC_REQUIRED},
    {"password", &word_spec, "What he knows.", SPEC_REQUIRED},
    {0},
};
static const struct spec login_spec = {.type = SPEC_OBJECT, .name = "a login", .keys = login_keys};
static const struct spec logins_spec = {.type = SPEC_MAP,
                                        .name = "logins",
                                        .hi = 64,
                                        .item = &login_spec,
                                        .check = check_apn,
                                        .pattern = "^.{1,99}$"};
static const struct spec_key network_keys[] = {
    {"technology", &technology_spec, "The newest that is there; older ones are, too.", 0},
    {"registration", &registration_spec, "What the network grants at the start (home).", 0},
    {"attached", &flag_spec, "The packet service at the start (true).", 0},
    {"signal", &signal_spec, "What AT+CSQ tells.", 0},
    {"time", &time_told_spec, "What it tells of the time (the host's, zone 0); false: nothing.", 0},
    {"ussd", &services_spec, "USSD by code (*100#, a balance, and *101#, a menu).", 0},
    {"address", &address_spec, "Of the module's first context.", 0},
    {"apns", &apns_spec, "The APNs there are; contexts with another one are refused.", 0},
    {"logins", &logins_spec,
     "By APN: who may come in, by AT+CGAUTH or by PAP or CHAP of a dial-up link.", 0},
    {"open-delay", &time_spec, "How long the packet network takes to open.", 0},
    {"map", &map_spec,
     "Where connects to ADDR:PORT of the module's world really go: HOST:PORT, a kind (\"echo:\") "
     "or "
     "a peer's name.",
     0},
    {"listen", &listen_spec, "Where servers of the module listen on the host: HOST:PORT.", 0},
    {"names", &names_spec, "What look-ups answer: an address, not-found, or silent: nothing.", 0},
    {"impair", &ways_spec, "What is wrong with the way to every peer.", 0},
    {"magic", &flag_spec, "Whether the magic destinations are there (true).", 0},
    {0},
};
static const struct spec network_part_spec = {
    .type = SPEC_OBJECT, .name = "the network", .keys = network_keys};

/* A colon at the end is that of the kinds: "echo:". */
static const char *check_peer_name(const char *text) {
    size_t n = strlen(text);
    return n > 0 && n <= 64 && strchr(text, ':') == NULL
               ? NULL
               : "allowed: names of 1 to 64 bytes without a colon";
}

static const struct spec peers_spec = {.type = SPEC_MAP,
                                       .name = "peers",
                                       .hi = LIMIT_PEERS,
                                       .item = &peer_spec,
                                       .check = check_peer_name,
                                       .pattern = "^[^:]{1,64}$"};

/* A manual clock stops at every one of them. */
static const struct spec period_spec = {.type = SPEC_DURATION, .lo = 0.001, .hi = 8640000};
static const struct spec_key cue_keys[] = {
    {"at", &time_spec, "Once, at this instant.", SPEC_VERB},
    {"every", &period_spec, "Again and again.", SPEC_VERB},
    {"from", &time_spec, "The first time of \"every\" (after one period).", 0},
    {"times", &count_spec, "How often at most (any number).", 0},
    {"do", &action_list_spec, "What is done, in this order.", SPEC_REQUIRED},
    {0},
};
static const struct spec cue_spec = {.type = SPEC_OBJECT, .name = "a cue", .keys = cue_keys};
static const struct spec timeline_spec = {
    .type = SPEC_LIST, .name = "a timeline", .hi = 256, .item = &cue_spec};
static const struct spec rules_spec = {
    .type = SPEC_LIST, .name = "rules", .hi = LIMIT_RULES, .item = &rule_spec};

static const char *const start_words[] = {"open", "load", NULL};
static const struct spec start_spec = {.type = SPEC_WORD, .words = start_words};

static const struct spec_key scenario_keys[] = {
    {"$schema", &prose_spec, "For editors: where this schema is, as \"../schema.json\".", 0},
    {"name", &title_spec, "What happens, in one line.", SPEC_REQUIRED},
    {"description", &prose_spec, "What a driver sees, and what it should do.", 0},
    {"source", &prose_spec, "Where the failure was reported.", 0},
    {"seed", &seed_spec, "Of all chance (that of --seed).", 0},
    {"start", &start_spec,
     "Instant 0: the driver's first opening of the tty (open), or the loading (load).", 0},
    {"module", &module_spec, "The module at the start.", 0},
    {"sim", &sim_spec, "Its card at the start.", 0},
    {"network", &network_part_spec, "The network around it.", 0},
    {"peers", &peers_spec, "Far ends by name.", 0},
    {"timeline", &timeline_spec, "What happens when.", 0},
    {"rules", &rules_spec, "What happens when something else does.", 0},
    {"expect", &expect_spec, "What must come, in this order.", 0},
    {"verdict", &verdict_spec, "How the run ends and is judged.", 0},
    {0},
};
const struct spec scenario_spec = {
    .type = SPEC_OBJECT, .name = "a scenario", .keys = scenario_keys};

struct cJSON *scenario_schema(void) {
    return spec_schema(&scenario_spec, "sim7x00-scenario", "Scenario of the SIM7X00 emulator");
}

/* -- loading -- */

/* What a table cannot say: decisions stand only behind what they decide. */
static bool check_actions(const struct cJSON *tree, const char *text, size_t n,
                          struct spec_error *e) {
    const char *why = NULL;
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, spec_get(tree, "rules")) {
        const struct cJSON *bad =
            action_misfit(spec_get(item, "do"), spec_text(item, "on", ""), &why);
        if (bad != NULL) {
            return spec_refuse(tree, bad, text, n, e, why);
        }
    }
    cJSON_ArrayForEach(item, spec_get(tree, "timeline")) {
        const struct cJSON *bad = action_misfit(spec_get(item, "do"), NULL, &why);
        if (bad != NULL) {
            return spec_refuse(tree, bad, text, n, e, why);
        }
    }
    return true;
}

/* What only "every" has. */
static bool check_cues(const struct cJSON *tree, const char *text, size_t n, struct spec_error *e) {
    static const char *const keys[] = {"from", "times"};
    const struct cJSON *cue = NULL;
    cJSON_ArrayForEach(cue, spec_get(tree, "timeline")) {
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            const struct cJSON *value = spec_get(cue, keys[i]);
            if (value != NULL && spec_get(cue, "at") != NULL) {
                return spec_refuse(tree, value, text, n, e,
                                   "it goes with \"every\"; \"at\" is once");
            }
        }
    }
    return true;
}

/* The far end that an action or an expectation is about, by name; NULL: it is about none. */
static const struct cJSON *named_peer(const struct cJSON *item) {
    const struct cJSON *call = spec_get(item, "call");
    return call != NULL ? spec_get(call, "peer") : spec_get(spec_get(item, "peer"), "name");
}

/* Whole names, as many as there is room for. */
static void list_names(const struct cJSON *peers, char to[NAMES_TEXT]) {
    size_t n = (size_t)snprintf(to, NAMES_TEXT, "allowed: ");
    const struct cJSON *peer = NULL;
    cJSON_ArrayForEach(peer, peers) {
        bool fits = strlen(peer->string) + sizeof "..., " PEERS_NAMES < NAMES_TEXT - n - 2;
        n += (size_t)snprintf(to + n, NAMES_TEXT - n, "%s, ", fits ? peer->string : "...");
        if (!fits) {
            break;
        }
    }
    snprintf(to + n, NAMES_TEXT - n, PEERS_NAMES);
    for (char *c = to; *c != '\0'; c++) {
        *c = iscntrl((unsigned char)*c) ? '?' : *c;
    }
}

static bool check_one_peer(const struct cJSON *tree, const struct cJSON *name, const char *text,
                           size_t n, struct spec_error *e) {
    const struct cJSON *peers = spec_get(tree, "peers");
    if (name == NULL || spec_get(peers, name->valuestring) != NULL ||
        peers_is_kind(name->valuestring)) {
        return true;
    }
    char why[NAMES_TEXT];
    list_names(peers, why);
    return spec_refuse(tree, name, text, n, e, why);
}

/* The names of a list of actions or of the expectations. */
static bool check_named(const struct cJSON *tree, const struct cJSON *list, const char *text,
                        size_t n, struct spec_error *e) {
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        if (!check_one_peer(tree, named_peer(item), text, n, e)) {
            return false;
        }
    }
    return true;
}

/* Of far ends that are not there nothing would ever come. */
static bool check_peer_names(const struct cJSON *tree, const char *text, size_t n,
                             struct spec_error *e) {
    static const char *const parts[] = {"timeline", "rules"};
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, spec_get(spec_get(tree, "network"), "map")) {
        bool is_place = strchr(item->valuestring, ':') != NULL;
        if (!is_place && !check_one_peer(tree, item, text, n, e)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cJSON_ArrayForEach(item, spec_get(tree, parts[i])) {
            if (!check_named(tree, spec_get(item, "do"), text, n, e)) {
                return false;
            }
        }
    }
    return check_named(tree, spec_get(tree, "expect"), text, n, e);
}

/* Scripts that make no sense, which only their compiler knows. */
static bool check_scripts(const struct cJSON *tree, const char *text, size_t n,
                          struct spec_error *e) {
    const struct cJSON *peer = NULL;
    cJSON_ArrayForEach(peer, spec_get(tree, "peers")) {
        const struct cJSON *script = spec_get(peer, "script");
        char why[PEER_PROGRAM_ERROR];
        struct peer_program *program = script != NULL ? peer_program_new(script, why) : NULL;
        if (script != NULL && program == NULL) {
            return spec_refuse(tree, script, text, n, e, why);
        }
        peer_program_free(program);
    }
    return true;
}

/* Menus lead somewhere. */
static bool check_services(const struct cJSON *tree, const char *text, size_t n,
                           struct spec_error *e) {
    const struct cJSON *bad = services_misfit(spec_get(spec_get(tree, "network"), "ussd"));
    return bad == NULL || spec_refuse(tree, bad, text, n, e, "allowed: a key of \"ussd\"");
}

/* A rule is switched and removed by its name. */
static bool check_rule_names(const struct cJSON *tree, const char *text, size_t n,
                             struct spec_error *e) {
    const struct cJSON *rules = spec_get(tree, "rules");
    const struct cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, rules) {
        const struct cJSON *name = spec_get(rule, "name");
        for (const struct cJSON *r = rules->child; name != NULL && r != rule; r = r->next) {
            if (strcmp(spec_text(r, "name", ""), name->valuestring) == 0) {
                return spec_refuse(tree, name, text, n, e, "a rule before has this name");
            }
        }
    }
    return true;
}

/* Nothing is ever within a window that ends before it begins. */
static bool check_windows(const struct cJSON *tree, const char *text, size_t n,
                          struct spec_error *e) {
    static const char *const parts[] = {"rules", "expect"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const struct cJSON *item = NULL;
        cJSON_ArrayForEach(item, spec_get(tree, parts[i])) {
            const struct cJSON *within = spec_get(item, "within");
            const struct cJSON *from = within != NULL ? within->child : NULL;
            if (from != NULL &&
                spec_duration(from->next->valuestring).us < spec_duration(from->valuestring).us) {
                return spec_refuse(tree, from->next, text, n, e, "the window begins later");
            }
        }
    }
    return true;
}

static bool check_card(const struct cJSON *tree, const char *text, size_t n, struct spec_error *e) {
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, spec_get(spec_get(tree, "sim"), "files")) {
        unsigned char *bytes = NULL;
        size_t len = 0;
        spec_bytes(item, &bytes, &len);
        free(bytes);
        if (len > sim_file_size(sim_file_info(sim_file_of_path(item->string)))) {
            return spec_refuse(tree, item, text, n, e, "the file is shorter");
        }
    }
    return true;
}

static void tell(const char *file, const struct spec_error *e, char error[SCENARIO_ERROR]) {
    char at[32] = "";
    if (e->line > 0) {
        snprintf(at, sizeof at, ":%u:%u", e->line, e->column);
    }
    snprintf(error, SCENARIO_ERROR, "%s%s: %s%s%s", file, at, e->path,
             e->path[0] != '\0' ? ": " : "", e->text);
}

struct scenario *scenario_parse(const char *file, const char *text, size_t n,
                                char error[SCENARIO_ERROR]) {
    struct spec_error e = {0};
    struct cJSON *tree = spec_parse(text, n, &e);
    if (tree == NULL || !spec_check(&scenario_spec, tree, text, n, &e) ||
        !check_actions(tree, text, n, &e) || !check_scripts(tree, text, n, &e) ||
        !check_rule_names(tree, text, n, &e) || !check_cues(tree, text, n, &e) ||
        !check_peer_names(tree, text, n, &e) || !check_services(tree, text, n, &e) ||
        !check_windows(tree, text, n, &e) || !check_card(tree, text, n, &e)) {
        cJSON_Delete(tree);
        tell(file, &e, error);
        return NULL;
    }
    struct scenario *sc = xmalloc(sizeof *sc);
    OBJ_INIT(sc, SCENARIO_MAGIC);
    sc->tree = tree;
    return sc;
}

struct scenario *scenario_load(const char *path, char error[SCENARIO_ERROR]) {
    char found[LIBRARY_PATH];
    path = library_find(path, found);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(error, SCENARIO_ERROR, "%s: %s", path, strerror(errno));
        return NULL;
    }
    /* One byte more than is allowed shows that there is more. */
    char *text = xmalloc(LIMIT_JSON + 1);
    size_t n = fread(text, 1, LIMIT_JSON + 1, file);
    bool is_read = ferror(file) == 0;
    fclose(file);
    struct scenario *sc = NULL;
    if (is_read) {
        sc = scenario_parse(path, text, n, error);
    } else {
        snprintf(error, SCENARIO_ERROR, "%s: cannot be read", path);
    }
    free(text);
    return sc;
}

void scenario_free(struct scenario *sc) {
    if (sc == NULL) {
        return;
    }
    CHECK_OBJ(sc, SCENARIO_MAGIC);
    cJSON_Delete(sc->tree);
    OBJ_FINI(sc);
    free(sc);
}

const char *scenario_name(const struct scenario *sc) {
    CHECK_OBJ(sc, SCENARIO_MAGIC);
    return spec_text(sc->tree, "name", "");
}

const struct cJSON *scenario_part(const struct scenario *sc, const char *key) {
    CHECK_OBJ(sc, SCENARIO_MAGIC);
    return spec_get(sc->tree, key);
}

uint64_t scenario_seed(const struct scenario *sc, uint64_t otherwise) {
    return scenario_part(sc, "seed") != NULL ? (uint64_t)spec_number(sc->tree, "seed", 0)
                                             : otherwise;
}

const struct profile *scenario_profile(struct scenario *sc, const struct profile *base) {
    CHECK_OBJ(sc, SCENARIO_MAGIC);
    const struct cJSON *module = spec_get(sc->tree, "module");
    const struct cJSON *identity = spec_get(module, "identity");
    const struct cJSON *sim = spec_get(sc->tree, "sim");
    const struct cJSON *network = spec_get(sc->tree, "network");
    const char *name = spec_text(module, "profile", NULL);
    sc->profile = name != NULL ? *profile_find(name) : *base;
    struct profile *p = &sc->profile;
    p->manufacturer = spec_text(identity, "manufacturer", p->manufacturer);
    p->model = spec_text(identity, "model", p->model);
    p->revision_cgmr = spec_text(identity, "revision", p->revision_cgmr);
    p->imei = spec_text(identity, "imei", p->imei);
    p->iccid = spec_text(sim, "iccid", p->iccid);
    p->imsi = spec_text(sim, "imsi", p->imsi);
    p->ip = spec_text(network, "address", p->ip);
    return p;
}

/* -- the world around it -- */

static int lead_to(struct route *route, const char *place, const struct sockaddr_storage *host,
                   char error[SCENARIO_ERROR]) {
    const char *colon = strrchr(place, ':');
    char addr[LIMIT_NAME + 1];
    int64_t port = 0; /* any */
    must(colon != NULL &&
         sv_copy((struct sv){place, (size_t)(colon - place)}, addr, sizeof addr) == 0);
    sv_int(sv_of(colon + 1), 1, 65535, &port);
    int err = route_add_map_addr(route, addr, (uint16_t)port, (const struct sockaddr *)host);
    if (err != 0) {
        snprintf(error, SCENARIO_ERROR, "%s: no room left in the map", place);
    }
    return err;
}

/* A peer's "at": one place or several. */
static int lead_to_peer(struct route *route, const struct peer *peer, const struct cJSON *at,
                        char error[SCENARIO_ERROR]) {
    struct sockaddr_storage host;
    peer_addr(peer, &host);
    if (cJSON_IsString(at)) {
        return lead_to(route, at->valuestring, &host, error);
    }
    int err = 0;
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, at) {
        err = err != 0 ? err : lead_to(route, item->valuestring, &host, error);
    }
    return err;
}

static int build_peers(struct scenario *sc, struct peers *peers, struct route *route,
                       char error[SCENARIO_ERROR]) {
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, spec_get(sc->tree, "peers")) {
        char why[PEERS_ERROR_TEXT];
        struct peer *peer = peers_add(peers, item->string, item, why);
        if (peer == NULL) {
            snprintf(error, SCENARIO_ERROR, "peers.%s: %s", item->string, why);
            return -ENOBUFS;
        }
        sc->built[sc->nbuilt++] = peer;
        int err = lead_to_peer(route, peer, spec_get(item, "at"), error);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int add_map(const struct cJSON *item, struct peers *peers, struct route *route,
                   char error[SCENARIO_ERROR]) {
    struct sockaddr_storage host;
    const struct peer *peer = peers_find(peers, item->valuestring);
    if (peer != NULL) {
        peer_addr(peer, &host);
        return lead_to(route, item->string, &host, error);
    }
    if (peers_addr(peers, item->valuestring, &host) == 0) {
        return lead_to(route, item->string, &host, error);
    }
    char text[2 * LIMIT_NAME + 32];
    char why[ROUTE_ERROR_TEXT];
    snprintf(text, sizeof text, "%s=%s", item->string, item->valuestring);
    int err = route_add_map(route, text, why);
    if (err != 0) {
        snprintf(error, SCENARIO_ERROR, "network.map: %s", why);
    }
    return err;
}

static int add_listen(const struct cJSON *item, struct route *route, char error[SCENARIO_ERROR]) {
    char text[LIMIT_NAME + 32];
    char why[ROUTE_ERROR_TEXT];
    snprintf(text, sizeof text, "%s=%s", item->string, item->valuestring);
    int err = route_add_listen(route, text, why);
    if (err != 0) {
        snprintf(error, SCENARIO_ERROR, "network.listen: %s", why);
    }
    return err;
}

int scenario_build(struct scenario *sc, struct peers *peers, struct route *route,
                   char error[SCENARIO_ERROR]) {
    CHECK_OBJ(sc, SCENARIO_MAGIC);
    route_set_owner(route, sc);
    int err = build_peers(sc, peers, route, error);
    const struct cJSON *network = spec_get(sc->tree, "network");
    const struct cJSON *item = NULL;
    cJSON_ArrayForEach(item, spec_get(network, "map")) {
        err = err != 0 ? err : add_map(item, peers, route, error);
    }
    cJSON_ArrayForEach(item, spec_get(network, "listen")) {
        err = err != 0 ? err : add_listen(item, route, error);
    }
    route_set_owner(route, NULL);
    return err;
}

void scenario_pull_down(struct scenario *sc, struct route *route) {
    CHECK_OBJ(sc, SCENARIO_MAGIC);
    route_forget(route, sc);
    for (size_t i = 0; i < sc->nbuilt; i++) {
        peers_remove(sc->built[i]);
    }
    sc->nbuilt = 0;
}
