/* cmd_mux.c: the multiplexer's command (V3.00 19.2.18). */
#include "emulator/cmd/cmd.h"
#include "emulator/model/modem.h"
#include "handlers.h"

enum { MODE, SUBSET, SPEED, N1, T1, N2, T2 };

/* As the manual's example prints them. */
enum { SPEED_115200 = 5, DEFAULT_T2 = 600 };

void cmd_mux_start(struct cmd *c) {
    c->mux_mode = (struct cmd_mux_mode){.n1 = LIMIT_CMUX_INFO, .t2 = DEFAULT_T2};
}

static void tell(struct at_req *rq, const struct cmd_mux_mode *mode) {
    at_info(rq, "+CMUX: %d,0,%d,%zu,0,0,%d", mode->is_advanced, SPEED_115200, mode->n1, mode->t2);
    at_ok(rq);
}

/* Not on a virtual port; in the advanced option only where the module is told to have it. */
void cmd_cmux(struct at_req *rq) {
    struct cmd *c = cmd_of(rq);
    if (at_form_of(rq) == AT_READ) {
        tell(rq, &c->mux_mode);
        return;
    }
    struct cmd_mux_mode mode = {
        .is_advanced = at_int(rq, MODE) != 0,
        .n1 = (size_t)at_int(rq, N1),
        .is_n1_given = at_has(rq, N1),
        .t2 = at_int(rq, T2),
    };
    void *ctx = NULL;
    const struct chan_user *user = NULL;
    bool is_known = !mode.is_advanced || modem_has_quirk(c->modem, QUIRK_CMUX_ADVANCED);
    if (is_known && c->role < CMD_DLCI1 && c->mux.start != NULL) {
        user = c->mux.start(c->mux.ctx, c, &mode, &ctx);
    }
    if (user == NULL) {
        at_fail(rq, AT_ERR_PLAIN);
        return;
    }
    c->mux_mode = mode;
    at_connect(rq, "OK", user, ctx);
}
