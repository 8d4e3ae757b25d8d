/* cmd_bluetooth.c: settings of Bluetooth (V3.00 chapter 28). */
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"
#include "slots.h"

void cmd_bthost(struct at_req *rq) {
    at_info(rq, "+BTHOST: %s, 00:02:5B:AC:8D:D9",
            setting_text(cmd_of(rq)->module, SLOT_BTHOST_BTNAME));
    at_ok(rq);
}

void cmd_btiocap(struct at_req *rq) {
    at_info(rq, "+BTIOCAP: 1");
    setting_run(rq);
}

void cmd_btpower(struct at_req *rq) {
    cmd_store_if(rq, at_int(rq, 0) == 1 || !at_has(rq, 1));
}
