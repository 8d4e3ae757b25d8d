/* control.h: the control socket: JSON-RPC 2.0 over a Unix stream socket, a message a line.
 *
 * What can be asked for is the caller's table. Built in are
 *   subscribe    {"topics": ["link.*", ...]}; a * at the end stands for any rest, "*" for all
 *   unsubscribe  {"topics": [...]}, or without: from all; both answer with what is left
 *   methods      names, what they do, the JSON Schema of their params
 * and the notifications
 *   event        {"topic": "link.closed", ...} to who subscribed to it
 *   dropped      {"count": 7}: so many events were left out here, since the client did not read
 * Not done: batches; they are refused with CONTROL_INVALID_REQUEST.
 *
 * Owns:    the socket and its file (mode 0600), the clients.
 * Borrows: the loop; the table and its context, until control_close.
 * Calls back: methods, from the loop only.
 * Needs:   a process that ignores SIGPIPE.
 * Bounds:  LIMIT_CONTROL_*. A client that does not take its output is not read any more, misses
 *          events, and delays nobody else.
 */
#ifndef SCENARIOS_CONTROL_CONTROL_H
#define SCENARIOS_CONTROL_CONTROL_H

#include <stdbool.h>

struct cJSON;
struct control;
struct spec;
struct uv_loop_s;

enum control_error {
    CONTROL_PARSE_ERROR = -32700, /* these five: JSON-RPC 2.0, 5.1 */
    CONTROL_INVALID_REQUEST = -32600,
    CONTROL_NO_METHOD = -32601,
    CONTROL_BAD_PARAMS = -32602,
    CONTROL_INTERNAL = -32603,
    CONTROL_REFUSED = -32000, /* understood, but it cannot be done */
    CONTROL_BUSY = -32001,    /* too many clients, or too many requests open */
};

/* One request being answered: exactly one of control_result and control_error, once, now or later,
 * even after control_close. If its client has gone, or wants none, the answer is dropped. */
struct control_call;

/* `params` is an object (empty if there were none) that passed the check, valid until it returns.
 */
typedef void control_fn(void *ctx, struct control_call *call, const struct cJSON *params);

struct control_method {
    const char *name;
    control_fn *run;
    const char *doc;           /* a sentence */
    const struct spec *params; /* of an object; NULL: none allowed */
};

/* The table ends with a NULL name. -EADDRINUSE: a living daemon listens there; -ENAMETOOLONG;
 * -EEXIST: there is a file that is no socket; other -E...: the system refused. The reason is
 * logged. What a dead process left at the path is replaced. */
int control_new(struct control **out, struct uv_loop_s *loop, const char *path,
                const struct control_method *methods, void *ctx);

/* NULL: an empty object. The tree is taken. */
void control_result(struct control_call *call, struct cJSON *result);
void control_error(struct control_call *call, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether its client is still there. */
bool control_is_wanted(const struct control_call *call);

/* Whether anybody would hear of it: for events that are not made for nobody. */
bool control_is_subscribed(const struct control *c, const char *topic);

/* Told when the first one subscribes to anything, and when nobody does any more. */
void control_on_subscribed(struct control *c, void (*cb)(void *ctx, bool any));

/* `params` is an object, taken; NULL: nothing but the topic. */
void control_notify(struct control *c, const char *topic, struct cJSON *params);

/* Removes the file and closes all clients, those with output that the kernel has not taken yet at
 * most LIMIT_CONTROL_LEAVE_MS later. The memory goes in the last close callback. NULL is allowed.
 */
void control_close(struct control *c);

#endif
