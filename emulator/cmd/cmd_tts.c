/* cmd_tts.c: speech (V3.00 chapter 22). */
#include "emulator/at/req.h"
#include "emulator/at/setting.h"
#include "handlers.h"

void cmd_cdtam(struct at_req *rq) {
    at_info(rq, "+CDTAM:");
    setting_run(rq);
}
