#include "scenarios/control/control_rpc.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "scenarios/json/spec.h"

enum { ERROR_TEXT = SPEC_PATH + SPEC_ERROR + 64 };

struct control_call {
    uint32_t magic;
#define CONTROL_CALL_MAGIC 0xd47a10c9u
    struct control_rpc *rpc; /* NULL: the client has gone */
    cJSON *id;               /* NULL: a notification, which wants no answer */
};

/* -- lines -- */

/* Takes the message. */
static char *to_line(cJSON *message, size_t *n) {
    char *text = cJSON_PrintUnformatted(message);
    must(text != NULL);
    cJSON_Delete(message);
    *n = strlen(text) + 1;
    text = xrealloc(text, *n + 1);
    memcpy(text + *n - 1, "\n", 2);
    return text;
}

static cJSON *message_new(void) {
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "jsonrpc", "2.0");
    return message;
}

/* Takes the params. */
static char *notification(const char *method, cJSON *params, size_t *n) {
    cJSON *message = message_new();
    cJSON_AddStringToObject(message, "method", method);
    cJSON_AddItemToObject(message, "params", params);
    return to_line(message, n);
}

/* `key` is "result" or "error"; takes id (NULL: it is not known) and value. */
static char *answer(cJSON *id, const char *key, cJSON *value, size_t *n) {
    cJSON *message = message_new();
    cJSON_AddItemToObject(message, "id", id != NULL ? id : cJSON_CreateNull());
    cJSON_AddItemToObject(message, key, value);
    return to_line(message, n);
}

static cJSON *error_new(int code, const char *text) {
    cJSON *error = cJSON_CreateObject();
    cJSON_AddNumberToObject(error, "code", code);
    cJSON_AddStringToObject(error, "message", text);
    return error;
}

char *control_rpc_event(const char *topic, cJSON *params, size_t *n) {
    params = params != NULL ? params : cJSON_CreateObject();
    cJSON *first = cJSON_AddStringToObject(params, "topic", topic);
    cJSON_InsertItemInArray(params, 0, cJSON_DetachItemViaPointer(params, first));
    return notification("event", params, n);
}

char *control_rpc_complaint(int code, const char *text, size_t *n) {
    return answer(NULL, "error", error_new(code, text), n);
}

/* Takes the line. */
static void send_line(struct control_rpc *r, char *line, size_t n) {
    r->queued += n;
    r->send(r->sink, line, n);
    free(line);
}

static void complain(struct control_rpc *r, const cJSON *id, int code, const char *text) {
    size_t n = 0;
    char *line = answer(cJSON_Duplicate(id, true), "error", error_new(code, text), &n);
    send_line(r, line, n);
}

/* -- requests -- */

static struct control_call *call_new(struct control_rpc *r, const cJSON *id) {
    struct control_call *call = xmalloc(sizeof *call);
    OBJ_INIT(call, CONTROL_CALL_MAGIC);
    call->rpc = r;
    call->id = cJSON_Duplicate(id, true);
    must(r->call_count < LIMIT_CONTROL_CALLS);
    r->calls[r->call_count++] = call;
    return call;
}

/* Takes call and value. */
static void end_call(struct control_call *call, const char *key, cJSON *value) {
    CHECK_OBJ(call, CONTROL_CALL_MAGIC);
    struct control_rpc *r = call->rpc;
    cJSON *id = call->id;
    if (r != NULL) {
        size_t i = 0;
        while (r->calls[i] != call) {
            i++;
        }
        r->calls[i] = r->calls[--r->call_count];
    }
    OBJ_FINI(call);
    free(call);
    if (r == NULL || id == NULL) {
        cJSON_Delete(id);
        cJSON_Delete(value);
        return;
    }
    size_t n = 0;
    char *line = answer(id, key, value, &n);
    send_line(r, line, n);
}

bool control_is_wanted(const struct control_call *call) {
    CHECK_OBJ(call, CONTROL_CALL_MAGIC);
    return call->rpc != NULL;
}

void control_result(struct control_call *call, cJSON *result) {
    end_call(call, "result", result != NULL ? result : cJSON_CreateObject());
}

void control_error(struct control_call *call, int code, const char *fmt, ...) {
    char text[ERROR_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    end_call(call, "error", error_new(code, text));
}

/* -- what every socket has -- */

static const struct spec topic_spec = {
    .type = SPEC_TEXT, .name = "a topic", .lo = 1, .hi = LIMIT_CONTROL_TOPIC};
static const struct spec topics_spec = {.type = SPEC_LIST,
                                        .name = "a list of topics",
                                        .lo = 1,
                                        .hi = LIMIT_CONTROL_TOPICS,
                                        .item = &topic_spec};
static const struct spec_key subscribe_keys[] = {
    {"topics", &topics_spec, "Topics of events; a * at the end stands for any rest.",
     SPEC_REQUIRED},
    {0},
};
static const struct spec subscribe_spec = {
    .type = SPEC_OBJECT, .name = "a subscription", .keys = subscribe_keys};
static const struct spec_key unsubscribe_keys[] = {
    {"topics", &topics_spec, "As they were subscribed to; without them: all.", 0},
    {0},
};
static const struct spec unsubscribe_spec = {
    .type = SPEC_OBJECT, .name = "a subscription", .keys = unsubscribe_keys};

static size_t find_topic(const struct control_rpc *r, const char *topic) {
    size_t i = 0;
    while (i < r->topic_count && strcmp(r->topics[i], topic) != 0) {
        i++;
    }
    return i;
}

static void answer_topics(struct control_call *call) {
    cJSON *result = cJSON_CreateObject();
    cJSON *topics = cJSON_AddArrayToObject(result, "topics");
    for (size_t i = 0; i < call->rpc->topic_count; i++) {
        cJSON_AddItemToArray(topics, cJSON_CreateString(call->rpc->topics[i]));
    }
    control_result(call, result);
}

static void run_subscribe(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    struct control_rpc *r = call->rpc;
    size_t before = r->topic_count;
    const cJSON *topic = NULL;
    cJSON_ArrayForEach(topic, spec_get(params, "topics")) {
        if (find_topic(r, topic->valuestring) < r->topic_count) {
            continue;
        }
        if (r->topic_count == LIMIT_CONTROL_TOPICS) {
            r->topic_count = before;
            control_error(call, CONTROL_BUSY, "topics: %d are subscribed to, no more are allowed",
                          LIMIT_CONTROL_TOPICS);
            return;
        }
        snprintf(r->topics[r->topic_count++], sizeof r->topics[0], "%s", topic->valuestring);
    }
    answer_topics(call);
}

static void run_unsubscribe(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    struct control_rpc *r = call->rpc;
    const cJSON *topics = spec_get(params, "topics");
    const cJSON *topic = NULL;
    if (topics == NULL) {
        r->topic_count = 0;
    }
    cJSON_ArrayForEach(topic, topics) {
        size_t i = find_topic(r, topic->valuestring);
        if (i < r->topic_count) {
            r->topic_count--;
            memmove(r->topics[i], r->topics[i + 1], (r->topic_count - i) * sizeof r->topics[0]);
        }
    }
    answer_topics(call);
}

static void run_methods(void *ctx, struct control_call *call, const cJSON *params);

static const struct control_method built_in[] = {
    {"subscribe", run_subscribe, "Sends events of these topics as notifications.", &subscribe_spec},
    {"unsubscribe", run_unsubscribe, "Sends them no longer.", &unsubscribe_spec},
    {"methods", run_methods, "Lists the methods and their params.", NULL},
    {0},
};

static void add_methods(cJSON *list, const struct control_method *m) {
    for (; m->name != NULL; m++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", m->name);
        cJSON_AddStringToObject(item, "doc", m->doc);
        if (m->params != NULL) {
            cJSON_AddItemToObject(item, "params", spec_schema(m->params, m->name, m->doc));
        }
        cJSON_AddItemToArray(list, item);
    }
}

static void run_methods(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    cJSON *result = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(result, "methods");
    add_methods(list, built_in);
    add_methods(list, call->rpc->methods);
    control_result(call, result);
}

static const struct control_method *find_method(const struct control_method *m, const char *name) {
    while (m->name != NULL && strcmp(m->name, name) != 0) {
        m++;
    }
    return m->name != NULL ? m : NULL;
}

/* -- from a line to a method -- */

static void check_and_run(struct control_call *call, const struct control_method *m,
                          const cJSON *params) {
    struct spec_error e = {0};
    if (!cJSON_IsObject(params)) {
        control_error(call, CONTROL_BAD_PARAMS, "params: only an object is allowed");
    } else if (m->params == NULL && params->child != NULL) {
        control_error(call, CONTROL_BAD_PARAMS, "params: none are allowed");
    } else if (m->params != NULL && !spec_check(m->params, params, NULL, 0, &e)) {
        control_error(call, CONTROL_BAD_PARAMS, "%s: %s", e.path[0] != '\0' ? e.path : "params",
                      e.text);
    } else {
        m->run(call->rpc->ctx, call, params);
    }
}

/* NULL, or what is wrong with it; *id is what an answer to it says. */
static const char *check_request(const cJSON *request, const cJSON **id) {
    *id = NULL;
    if (cJSON_IsArray(request)) {
        return "batches are not done: send a request a line";
    }
    if (!cJSON_IsObject(request)) {
        return "a request is an object";
    }
    const cJSON *given = spec_get(request, "id");
    const char *text = cJSON_GetStringValue(given);
    if (given != NULL && text == NULL && !cJSON_IsNumber(given) && !cJSON_IsNull(given)) {
        return "id: only a text, a number and null are allowed";
    }
    if (text != NULL && strlen(text) > LIMIT_CONTROL_ID) {
        return "id: too long";
    }
    *id = given;
    const cJSON *version = spec_get(request, "jsonrpc");
    if (!cJSON_IsString(version) || strcmp(version->valuestring, "2.0") != 0) {
        return "jsonrpc: only \"2.0\" is allowed";
    }
    if (!cJSON_IsString(spec_get(request, "method"))) {
        return "method: a text is missing";
    }
    return NULL;
}

static void run_request(struct control_rpc *r, const cJSON *request) {
    const cJSON *id = NULL;
    const char *wrong = check_request(request, &id);
    if (wrong != NULL) {
        complain(r, id, CONTROL_INVALID_REQUEST, wrong);
        return;
    }
    if (r->call_count == LIMIT_CONTROL_CALLS) {
        if (id != NULL) {
            complain(r, id, CONTROL_BUSY, "too many requests are open");
        }
        return;
    }
    const char *name = spec_get(request, "method")->valuestring;
    const struct control_method *m = find_method(built_in, name);
    m = m != NULL ? m : find_method(r->methods, name);
    struct control_call *call = call_new(r, id);
    if (m == NULL) {
        control_error(call, CONTROL_NO_METHOD, "no such method; \"methods\" lists them");
        return;
    }
    const cJSON *params = spec_get(request, "params");
    cJSON *none = params == NULL ? cJSON_CreateObject() : NULL;
    check_and_run(call, m, params != NULL ? params : none);
    cJSON_Delete(none);
}

static bool is_blank(const char *p, size_t n) {
    while (n > 0 && strchr(" \t\r", *p) != NULL && *p != '\0') {
        p++;
        n--;
    }
    return n == 0;
}

/* The line leaves the input before anything is run, since a method may do anything. */
static void take_line(struct control_rpc *r, size_t n) {
    const char *line = (const char *)buf_data(&r->in);
    struct spec_error e = {0};
    bool is_empty = is_blank(line, n);
    cJSON *request = is_empty ? NULL : spec_parse(line, n, &e);
    buf_drop(&r->in, n + 1);
    r->scanned = 0;
    if (is_empty) {
        return;
    }
    if (request == NULL) {
        char text[ERROR_TEXT];
        snprintf(text, sizeof text, "column %u: %s", e.column, e.text);
        complain(r, NULL, CONTROL_PARSE_ERROR, text);
        return;
    }
    run_request(r, request);
    cJSON_Delete(request);
}

static void refuse_line(struct control_rpc *r) {
    char text[ERROR_TEXT];
    snprintf(text, sizeof text, "a line has at most %d bytes", LIMIT_CONTROL_LINE);
    complain(r, NULL, CONTROL_INVALID_REQUEST, text);
    control_rpc_end(r);
}

bool control_rpc_is_reading(const struct control_rpc *r) {
    CHECK_OBJ(r, CONTROL_RPC_MAGIC);
    return !r->is_over && r->queued < LIMIT_CONTROL_OUT;
}

static void pump(struct control_rpc *r) {
    while (control_rpc_is_reading(r) && r->scanned < buf_len(&r->in)) {
        const uint8_t *p = buf_data(&r->in);
        const uint8_t *lf = memchr(p + r->scanned, '\n', buf_len(&r->in) - r->scanned);
        r->scanned = lf != NULL ? (size_t)(lf - p) : buf_len(&r->in);
        if (r->scanned > LIMIT_CONTROL_LINE) {
            refuse_line(r);
        } else if (lf != NULL) {
            take_line(r, r->scanned);
        }
    }
}

void control_rpc_put(struct control_rpc *r, const void *p, size_t n) {
    must(control_rpc_is_reading(r));
    /* What waits is less than a line and a chunk: it was not read while lines had to wait. */
    must(buf_put_all(&r->in, p, n) == 0);
    pump(r);
}

/* -- events -- */

/* Says that something is missing where it is missing, and not before the client has room. */
static void tell_dropped(struct control_rpc *r) {
    if (r->dropped == 0 || r->queued > LIMIT_CONTROL_OUT / 2 || r->is_over) {
        return;
    }
    cJSON *params = cJSON_CreateObject();
    cJSON_AddNumberToObject(params, "count", (double)r->dropped);
    size_t n = 0;
    char *line = notification("dropped", params, &n);
    r->dropped = 0;
    send_line(r, line, n);
}

void control_rpc_sent(struct control_rpc *r, size_t n) {
    CHECK_OBJ(r, CONTROL_RPC_MAGIC);
    must(n <= r->queued);
    r->queued -= n;
    tell_dropped(r);
    pump(r);
}

static bool matches(const char *pattern, const char *topic) {
    size_t n = strlen(pattern);
    bool is_prefix = n > 0 && pattern[n - 1] == '*';
    return is_prefix ? strncmp(pattern, topic, n - 1) == 0 : strcmp(pattern, topic) == 0;
}

bool control_rpc_is_subscribed(const struct control_rpc *r, const char *topic) {
    CHECK_OBJ(r, CONTROL_RPC_MAGIC);
    for (size_t i = 0; i < r->topic_count && !r->is_over; i++) {
        if (matches(r->topics[i], topic)) {
            return true;
        }
    }
    return false;
}

void control_rpc_notify(struct control_rpc *r, const char *line, size_t n) {
    CHECK_OBJ(r, CONTROL_RPC_MAGIC);
    if (r->dropped == 0 && r->queued + n <= LIMIT_CONTROL_OUT) {
        r->queued += n;
        r->send(r->sink, line, n);
        return;
    }
    r->dropped++;
    tell_dropped(r);
}

/* -- life -- */

void control_rpc_init(struct control_rpc *r, const struct control_method *methods, void *ctx,
                      control_rpc_send_fn *send, void *sink) {
    *r = (struct control_rpc){.methods = methods, .ctx = ctx, .send = send, .sink = sink};
    OBJ_INIT(r, CONTROL_RPC_MAGIC);
    buf_init(&r->in, LIMIT_CONTROL_LINE + CONTROL_RPC_CHUNK);
}

bool control_rpc_is_idle(const struct control_rpc *r) {
    CHECK_OBJ(r, CONTROL_RPC_MAGIC);
    return r->call_count == 0 && r->queued == 0;
}

void control_rpc_end(struct control_rpc *r) {
    CHECK_OBJ(r, CONTROL_RPC_MAGIC);
    r->is_over = true;
    r->scanned = 0;
    buf_clear(&r->in);
    while (r->call_count > 0) {
        r->calls[--r->call_count]->rpc = NULL;
    }
}

void control_rpc_fini(struct control_rpc *r) {
    control_rpc_end(r);
    buf_fini(&r->in);
    OBJ_FINI(r);
}
