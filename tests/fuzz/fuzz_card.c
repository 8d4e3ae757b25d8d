/* A card at the mercy of its host: any bytes as commands (AT+CSIM), as menu selections and as
 * terminal responses (AT+STKR).
 *
 * Input: what the bytes are, how many, the bytes; and again. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_apdu.h"
#include "emulator/model/toolkit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_host.h"

enum { HEAD = 2 };

enum what { APDU, ENVELOPE, RESPONSE, RESET, WHATS };

static void run_apdu(struct modem *m, const uint8_t *p, size_t n) {
    struct sim_answer a;
    memset(&a, 0xa5, sizeof a);
    sim_apdu_run(m, p, n, &a);
    must(a.sw >= 0x6000 && a.sw <= 0x9fff && a.n <= SIM_APDU_DATA);
    must(m->sim.pin_tries >= 0 && m->sim.pin_tries <= SIM_PIN_TRIES);
    must(m->sim.pin2_tries >= 0 && m->sim.pin2_tries <= SIM_PIN_TRIES);
    must(memchr(m->sim.pin, '\0', sizeof m->sim.pin) != NULL);
}

static void run_toolkit(struct toolkit *t, enum what what, const uint8_t *p, size_t n) {
    uint8_t pdu[TOOLKIT_PDU];
    int rc = what == ENVELOPE ? toolkit_envelope(t, p, n) : toolkit_response(t, p, n);
    must(rc <= 1);
    const struct toolkit_step *s = toolkit_wants(t);
    must(s->type != TOOLKIT_NOTHING); /* who started it does not lose it */
    must(toolkit_pdu(s, pdu) <= sizeof pdu);
}

static void run(struct modem *m, struct toolkit *t, enum what what, const uint8_t *p, size_t n) {
    uint8_t *bytes = xmalloc(n > 0 ? n : 1); /* its size: a read past it is seen */
    memcpy(bytes, p, n);
    switch (what) {
    case APDU:
        run_apdu(m, bytes, n);
        break;
    case ENVELOPE:
    case RESPONSE:
        run_toolkit(t, what, bytes, n);
        break;
    case RESET:
        modem_set_sim(m, n % 3 == 0 ? SIM_READY : n % 3 == 1 ? SIM_PIN : SIM_ABSENT);
        break;
    case WHATS:
        break;
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct clk *clk = clk_new_manual();
    struct fake_host *host = fake_host_new();
    struct modem *m = modem_new(profile_find("sim7600e"), clk, fake_host_net(host));
    struct toolkit t;
    log_set_level(LOG_ERROR);
    toolkit_start(&t);
    while (size >= HEAD) {
        size_t n = data[1] < size - HEAD ? data[1] : size - HEAD;
        run(m, &t, (enum what)(data[0] % WHATS), data + HEAD, n);
        data += HEAD + n;
        size -= HEAD + n;
    }
    modem_free(m);
    fake_host_free(host);
    clk_close(clk);
    return 0;
}
