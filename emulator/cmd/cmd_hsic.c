/* cmd_hsic.c: the LAN chip (V3.00 chapter 25). */
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"

/* The module works with the new value when it has restarted. */
void cmd_lan(struct at_req *rq) {
    cmd_power_restart(cmd_of(rq));
    setting_run(rq);
}
