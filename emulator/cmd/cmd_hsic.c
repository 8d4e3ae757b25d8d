/* cmd_hsic.c: the LAN chip (V3.00 chapter 25). */
#include "emulator/at/setting.h"
#include "emulator/cmd/cmd.h"
#include "handlers.h"
#include "netstack/net.h"
#include "slots.h"

/* The module works with the new value when it has restarted. */
void cmd_lan(struct at_req *rq) {
    cmd_power_restart(cmd_of(rq));
    setting_run(rq);
}

/* 192.168.x.x; of the mask only the low half may be free, and its ones stand together (guess). */
static bool is_address(struct sv text) {
    uint32_t ip = 0;
    return net_parse_ip(text, &ip) == 0 && ip >> 16 == 0xc0a8;
}

static bool is_mask(struct sv text) {
    uint32_t mask = 0;
    bool is_ip = net_parse_ip(text, &mask) == 0;
    return is_ip && mask >> 16 == 0xffff && (~mask & (~mask + 1)) == 0;
}

void cmd_clanctrl(struct at_req *rq) {
    enum { OPTION, IP, NETMASK, SET_MAC = 2, SET_IP };
    int option = at_int(rq, OPTION);
    bool has_more = at_has(rq, IP) || at_has(rq, NETMASK);
    if (option == SET_IP) {
        cmd_store_if(rq, is_address(at_text(rq, IP)) && is_mask(at_text(rq, NETMASK)));
    } else if (!has_more &&
               (option == SET_MAC || setting_int(cmd_of(rq)->module, SLOT_CENABLELAN_ONOFF) == 1)) {
        at_ok(rq);
    } else {
        at_fail(rq, AT_ERR_PLAIN);
    }
}
