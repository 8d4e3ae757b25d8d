/* Any bytes of a client of the control socket, in any pieces: every line that is said is a JSON-RPC
 * message, and what waits to be sent is bounded. 0xff and a letter do something in between: p ends
 * a piece, s takes the output, a answers a request that waits, e posts an event, x ends the client.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/obj.h"
#include "scenarios/control/control_rpc.h"
#include "scenarios/json/spec.h"
#include "tests/fuzz/fuzz.h"

enum { BIG = 300000, QUEUE_MAX = LIMIT_CONTROL_OUT + LIMIT_CONTROL_CALLS * (BIG + 1024) };

static struct control_rpc rpc;
static struct control_call *open_calls[LIMIT_CONTROL_CALLS * 4];
static size_t open_count;

static void run_echo(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    must(cJSON_IsString(spec_get(params, "text")));
    control_result(call, cJSON_Duplicate(params, true));
}

static void run_later(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    must(params->child == NULL && open_count < sizeof open_calls / sizeof open_calls[0]);
    open_calls[open_count++] = call;
}

static void run_big(void *ctx, struct control_call *call, const cJSON *params) {
    static char text[BIG + 1];
    (void)ctx;
    (void)params;
    memset(text, 'x', BIG);
    control_result(call, cJSON_CreateString(text));
}

static void run_end(void *ctx, struct control_call *call, const cJSON *params) {
    (void)ctx;
    (void)params;
    control_result(call, NULL);
    control_rpc_end(&rpc);
}

static const struct spec text_spec = {.type = SPEC_TEXT, .name = "a text"};
static const struct spec_key echo_keys[] = {
    {"text", &text_spec, "Some text.", SPEC_REQUIRED},
    {0},
};
static const struct spec echo_spec = {.type = SPEC_OBJECT, .name = "params", .keys = echo_keys};

static const struct control_method methods[] = {
    {"echo", run_echo, "Gives back what it gets.", &echo_spec},
    {"later", run_later, "Answers later.", NULL},
    {"big", run_big, "Answers at length.", NULL},
    {"end", run_end, "Ends the client.", NULL},
    {0},
};

static void check_line(void *sink, const char *line, size_t n) {
    (void)sink;
    must(n > 1 && strlen(line) == n && strchr(line, '\n') == line + n - 1);
    must(rpc.queued <= QUEUE_MAX);
    cJSON *message = cJSON_ParseWithLength(line, n);
    must(message != NULL && strcmp(spec_text(message, "jsonrpc", ""), "2.0") == 0);
    must((spec_get(message, "id") != NULL) != (spec_get(message, "method") != NULL));
    cJSON_Delete(message);
}

static void answer_one(void) {
    if (open_count > 0) {
        struct control_call *call = open_calls[--open_count];
        if (open_count % 2 == 0) {
            control_result(call, NULL);
        } else {
            control_error(call, CONTROL_REFUSED, "no");
        }
    }
}

static void post_event(void) {
    size_t n = 0;
    char *line = control_rpc_event("link.closed", NULL, &n);
    if (control_rpc_is_subscribed(&rpc, "link.closed")) {
        control_rpc_notify(&rpc, line, n);
    }
    cJSON_free(line);
}

static void act(uint8_t what) {
    switch (what) {
    case 's':
        control_rpc_sent(&rpc, rpc.queued);
        break;
    case 'a':
        answer_one();
        break;
    case 'e':
        post_event();
        break;
    case 'x':
        control_rpc_end(&rpc);
        break;
    default:
        break;
    }
}

static void put(const uint8_t *p, size_t n) {
    while (n > 0 && !rpc.is_over) {
        if (!control_rpc_is_reading(&rpc)) {
            control_rpc_sent(&rpc, rpc.queued);
            continue;
        }
        size_t part = n < CONTROL_RPC_CHUNK ? n : CONTROL_RPC_CHUNK;
        control_rpc_put(&rpc, p, part);
        p += part;
        n -= part;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    control_rpc_init(&rpc, methods, NULL, check_line, NULL);
    while (size > 0) {
        const uint8_t *mark = memchr(data, 0xff, size);
        size_t n = mark != NULL ? (size_t)(mark - data) : size;
        put(data, n);
        data += n;
        size -= n;
        if (size >= 2) {
            act(data[1]);
        }
        n = size < 2 ? size : 2;
        data += n;
        size -= n;
    }
    control_rpc_fini(&rpc);
    while (open_count > 0) {
        answer_one(); /* to nobody */
    }
    return 0;
}
