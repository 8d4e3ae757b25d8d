/* control_rpc.h: what is said on one connection of the control socket: bytes in, lines out.
 *
 * Cuts the input into lines, checks requests and runs the methods of control.h; knows no socket.
 * While LIMIT_CONTROL_OUT bytes wait for the client its further requests wait too, so that memory
 * is bounded by one answer for each request that is open.
 *
 * Owns:    half a line, the requests that are open, the subscriptions.
 * Borrows: the table of methods with its context, the sink.
 * Calls back: methods and `send`, from control_rpc_put and control_rpc_sent; `send` also from
 *          control_result, control_error and control_rpc_notify.
 */
#ifndef SCENARIOS_CONTROL_CONTROL_RPC_H
#define SCENARIOS_CONTROL_CONTROL_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "scenarios/control/control.h"

enum { CONTROL_RPC_CHUNK = 65536 }; /* most bytes of one control_rpc_put */

/* A line with its LF; whoever sends it says so by control_rpc_sent, never from inside. */
typedef void control_rpc_send_fn(void *sink, const char *line, size_t n);

struct control_rpc {
    uint32_t magic;
#define CONTROL_RPC_MAGIC 0x6b0d92e3u
    const struct control_method *methods;
    void *ctx;
    control_rpc_send_fn *send;
    void *sink;
    struct buf in;
    size_t scanned; /* of the input: no LF in there */
    size_t queued;  /* bytes sent, not yet reported by control_rpc_sent */
    struct control_call *calls[LIMIT_CONTROL_CALLS];
    size_t call_count;
    char topics[LIMIT_CONTROL_TOPICS][LIMIT_CONTROL_TOPIC + 1];
    size_t topic_count;
    uint64_t dropped; /* events since the queue was full, not yet told */
    bool is_over;     /* nothing is read or said any more, or only what is queued */
};

void control_rpc_init(struct control_rpc *r, const struct control_method *methods, void *ctx,
                      control_rpc_send_fn *send, void *sink);
void control_rpc_fini(struct control_rpc *r);

/* From the client. Only while control_rpc_is_reading, n at most CONTROL_RPC_CHUNK. */
void control_rpc_put(struct control_rpc *r, const void *p, size_t n);
void control_rpc_sent(struct control_rpc *r, size_t n);

bool control_rpc_is_reading(const struct control_rpc *r);
/* No request is open and nothing waits to be sent. */
bool control_rpc_is_idle(const struct control_rpc *r);

/* The client is not to hear any more; requests that are open are answered to nobody. */
void control_rpc_end(struct control_rpc *r);

bool control_rpc_is_subscribed(const struct control_rpc *r, const char *topic);
/* A line made by control_rpc_event; dropped and counted while the queue is full. */
void control_rpc_notify(struct control_rpc *r, const char *line, size_t n);

/* {"jsonrpc":"2.0","method":"event",...} with its LF; the caller's, for free(). Takes the params.
 */
char *control_rpc_event(const char *topic, struct cJSON *params, size_t *n);
/* An error that answers no request. The caller's, for free(). */
char *control_rpc_complaint(int code, const char *text, size_t *n);

#endif
