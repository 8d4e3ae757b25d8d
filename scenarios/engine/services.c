#include "scenarios/engine/services.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "base/charset.h"
#include "base/limits.h"
#include "base/obj.h"
#include "emulator/model/ussd.h"
#include "scenarios/events/words.h"
#include "scenarios/json/spec.h"

struct services {
    uint32_t magic;
#define SERVICES_MAGIC 0x055d7ab1u
    struct ussd *ussd;
    struct ussd_entry *entries;
    size_t n;
    struct ussd_reply *replies; /* of all entries */
};

static const struct spec text_spec = {.type = SPEC_TEXT, .hi = LIMIT_USSD_TEXT / 4};
static const struct spec state_spec = {.type = SPEC_WORD, .words = words_ussd};
static const struct spec dcs_spec = {.type = SPEC_INT, .lo = 0, .hi = 255};
static const struct spec delay_spec = {.type = SPEC_DURATION, .hi = 86400};
static const struct spec to_spec = {.type = SPEC_TEXT, .lo = 1, .hi = 64};
static const struct spec replies_spec = {
    .type = SPEC_MAP, .name = "replies", .hi = LIMIT_USSD_REPLIES, .item = &to_spec};
static const struct spec_key entry_keys[] = {
    {"text", &text_spec, "What it answers (only the state is told).", 0},
    {"state", &state_spec,
     "<m> of +CUSD: 0, 1, 2, 4, 5 in this order (ask with replies, else final).", 0},
    {"dcs", &dcs_spec, "The alphabet (15: GSM, or 72: UCS2 where the text needs it).", 0},
    {"delay", &delay_spec, "How long it takes (0s).", 0},
    {"replies", &replies_spec, "To what a reply leads: another entry.", 0},
    {0},
};
static const struct spec entry_spec = {
    .type = SPEC_OBJECT, .name = "a USSD answer", .keys = entry_keys};
const struct spec services_spec = {
    .type = SPEC_MAP, .name = "USSD services", .hi = LIMIT_USSD, .item = &entry_spec};

const struct cJSON *services_misfit(const struct cJSON *json) {
    const struct cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, json) {
        const struct cJSON *reply = NULL;
        cJSON_ArrayForEach(reply, spec_get(entry, "replies")) {
            if (spec_get(json, reply->valuestring) == NULL) {
                return reply;
            }
        }
    }
    return NULL;
}

static int dcs_of(const char *text) {
    enum { GSM_7_BIT = 15, UCS2 = 72 };
    struct sv rest = sv_of(text);
    while (rest.n > 0) {
        if (charset_to_gsm(charset_next(&rest)) < 0) {
            return UCS2;
        }
    }
    return GSM_7_BIT;
}

static void fill(struct ussd_entry *e, const struct cJSON *json, struct ussd_reply *replies) {
    const char *text = spec_text(json, "text", NULL);
    const struct cJSON *reply = NULL;
    e->code = json->string;
    e->text = text;
    e->delay = spec_dur(json, "delay", CLK_US(0));
    e->dcs = spec_int(json, "dcs", dcs_of(text != NULL ? text : ""));
    e->replies = replies;
    cJSON_ArrayForEach(reply, spec_get(json, "replies")) {
        replies[e->nreplies++] = (struct ussd_reply){reply->string, reply->valuestring};
    }
    e->state =
        words_to_ussd(spec_text(json, "state", e->nreplies > 0 ? words_ussd[1] : words_ussd[0]));
}

struct services *services_new(const struct cJSON *json, struct ussd *ussd) {
    struct services *sv = xmalloc(sizeof *sv);
    OBJ_INIT(sv, SERVICES_MAGIC);
    sv->ussd = ussd;
    size_t nreplies = 0;
    const struct cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, json) {
        sv->n++;
        nreplies += (size_t)cJSON_GetArraySize(spec_get(entry, "replies"));
    }
    sv->entries = xmalloc((sv->n + 1) * sizeof *sv->entries);
    sv->replies = xmalloc((nreplies + 1) * sizeof *sv->replies);
    struct ussd_entry *e = sv->entries;
    struct ussd_reply *replies = sv->replies;
    cJSON_ArrayForEach(entry, json) {
        fill(e, entry, replies);
        replies += e->nreplies;
        e++;
    }
    ussd_set_table(ussd, sv->entries, sv->n);
    return sv;
}

void services_free(struct services *sv) {
    if (sv == NULL) {
        return;
    }
    CHECK_OBJ(sv, SERVICES_MAGIC);
    ussd_set_table(sv->ussd, NULL, 0);
    free(sv->entries);
    free(sv->replies);
    OBJ_FINI(sv);
    free(sv);
}
