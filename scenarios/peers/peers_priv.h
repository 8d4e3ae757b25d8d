/* peers_priv.h: what the files of peers share: peers.c listens, peer_conn.c is one connection,
 * peer_run.c follows its script.
 */
#ifndef SCENARIOS_PEERS_PEERS_PRIV_H
#define SCENARIOS_PEERS_PEERS_PRIV_H

#include <uv.h>

#include "base/buf.h"
#include "base/clk.h"
#include "scenarios/peers/peer_program.h"
#include "scenarios/peers/peers.h"

enum { PEER_READ_SIZE = 16384 };

struct peers {
    uint32_t magic;
#define PEERS_MAGIC 0x21b7e0d4u
    uv_loop_t *loop;
    struct clk *clk;
    const struct peer_events *events;
    void *ctx;
    struct peer *list; /* newest first */
    size_t count;      /* of the list */
    size_t unfreed;    /* peers that have handles still; the last one frees */
    size_t connections;
    uint64_t refused;
    bool is_closing;
    char *bin; /* PEER_READ_SIZE, one for all: it is used up before the next read; NULL: no peer */
};

struct peer {
    uint32_t magic;
#define PEER_MAGIC 0x5e21c8b7u
    struct peers *peers;
    struct peer *next;
    char *name;
    struct peer_program *program;
    const struct peer_kind *udp;
    uv_tcp_t tcp;
    uv_udp_t udp_socket;
    size_t handles; /* the last one frees */
    bool is_closing;
    struct peer_conn *conns;   /* newest first */
    struct peer_conn *counted; /* the newest to begin, while it lives */
    uint64_t received;
    uint32_t crc;
};

/* What becomes of bytes that no step waits for. */
enum peer_input { PEER_KEEP, PEER_SEND_BACK, PEER_DROP };

struct peer_conn {
    uint32_t magic;
#define PEER_CONN_MAGIC 0x90ce4f17u
    struct peer *peer;
    struct peer_conn *prev, *next;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    size_t writes;                      /* under way */
    bool is_open, is_reading, is_ended; /* is_ended: the other side sent its FIN */
    bool has_fin, is_fin_out;           /* ours: ordered; sent */
    bool is_leaving;                    /* gone as soon as the FIN is out */

    /* Of peer_run.c. */
    size_t at;       /* the step; the number of steps: all are done */
    size_t progress; /* bytes of the step */
    unsigned rounds; /* done by repeat */
    enum peer_input input;
    bool is_stalled;
    bool is_waiting; /* `timer` has been started for this step */
    struct buf kept; /* what came and no step has taken */
    size_t echoed;   /* of `kept`, from its start */
    struct clk_timer timer;
};

/* -- peer_conn.c -- */

void peer_conn_accept(struct peer *peer, uv_stream_t *listener);
int peer_conn_call(struct peer *peer, const struct sockaddr *to, const struct sockaddr *from);
struct peer_conn *peer_conn_newest(const struct peer *peer); /* NULL: none is open */
bool peer_conn_is_gone(const struct peer_conn *c);
size_t peer_conn_room(const struct peer_conn *c); /* bytes that may be sent */
void peer_conn_send(struct peer_conn *c, const void *p, size_t n);
void peer_conn_half_close(struct peer_conn *c);
void peer_conn_close(struct peer_conn *c);
void peer_conn_reset(struct peer_conn *c);
void peer_conn_update(struct peer_conn *c); /* reads or does not, as it should be now */

/* -- peer_run.c -- */

void peer_run_init(struct peer_conn *c);
void peer_run_fini(struct peer_conn *c);
/* Follows the script as far as it goes. */
void peer_run(struct peer_conn *c);
void peer_run_bytes(struct peer_conn *c, const uint8_t *p, size_t n);
bool peer_run_takes_more(const struct peer_conn *c);
void peer_run_stop(struct peer_conn *c); /* no step any more; what comes is dropped */
const char *peer_run_pattern(size_t *n); /* one period of RFC 864 */

/* -- peers.c -- */

void peer_count(struct peer *peer, const void *p, size_t n);
void peer_drop_handle(struct peer *peer);

#endif
