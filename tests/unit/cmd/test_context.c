/* Contexts and the packet service: what the network does with them. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

static struct context_event changed; /* the newest */
static int nchanged;

#define FAIL(number) ((struct bus_verdict){.act = BUS_FAIL, .code = (number)})
#define DROP ((struct bus_verdict){.act = BUS_DROP})
#define DELAY_S(s) ((struct bus_verdict){.delay = CLK_S(s)})

static void on_bus(void *ctx, unsigned topic, const void *payload) {
    (void)ctx;
    if (topic == TOPIC_CONTEXT_CHANGED) {
        changed = *(const struct context_event *)payload;
        nchanged++;
    }
}

Test(context, the_network_takes_one_and_the_service_is_lost) {
    start();
    nchanged = 0;
    bus_listen(&rig.modem->bus, on_bus, NULL);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    modem_deactivate(rig.modem, 1);
    expect(LINE("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY"));
    cr_assert(nchanged == 1 && changed.cid == 1 && !changed.is_active && changed.by_network);
    ask("AT+CGACT?", LINE("+CGACT: 1,0") OK);
    ask("AT+CGACT=1,1", OK);
    cr_assert(nchanged == 2 && changed.is_active && !changed.by_network);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 0"));
    stop();
}

Test(context, an_activation_may_be_refused) {
    start();
    ask("AT+CGACT=0,1", OK);
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, FAIL(107), 1);
    ask("AT+CGACT=1,1", LINE("+CME ERROR: 107"));
    ask("AT+CGACT?", LINE("+CGACT: 1,0") OK);
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, FAIL(0), 1);
    ask("AT+CGACT=1,1", LINE("+CME ERROR: 148"));
    ask("AT+CGACT=1,1", OK);
    ask("AT+CGACT?", LINE("+CGACT: 1,1") OK);
    stop();
}

Test(context, one_that_is_never_answered_is_given_up_after_150_s) {
    start();
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, DROP, 1);
    ask("AT+CGACT=1,1", "");
    pass_s(149);
    expect("");
    pass_s(1);
    expect(LINE("+CME ERROR: 148"));
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, DROP, 1);
    ask("AT+CGACT=1,1", "");
    chan_set_open(&rig.ch, false);
    chan_set_open(&rig.ch, true);
    ask("AT", OK);
    pass_s(300);
    expect("");
    stop();
}

Test(context, attaching_asks_for_the_default_one_and_may_take_its_time) {
    start();
    ask("AT+CGATT=0", OK);
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, FAIL(107), 1);
    ask("AT+CGATT=1", LINE("+CME ERROR: 107"));
    ask("AT+CGATT?", LINE("+CGATT: 0") OK);
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, DELAY_S(3), 1);
    ask("AT+CGATT=1", "");
    pass_s(3);
    expect(OK);
    ask("AT+CGATT?", LINE("+CGATT: 1") OK);
    stop();
}

Test(context, netopen_fails_with_the_activation) {
    start();
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, FAIL(107), 1);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 1"));
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, DROP, 1);
    ask("AT+CIPTIMEOUT=40000", OK);
    ask("AT+NETOPEN", OK);
    ask("AT+NETOPEN", LINE("ERROR"));
    pass_s(40);
    expect(LINE("+NETOPEN: 10"));
    unit_rig_answer(&rig, ASK_CONTEXT_ACTIVATE, DELAY_S(2), 1);
    ask("AT+NETOPEN", OK);
    pass_s(2);
    expect(LINE("+NETOPEN: 0"));
    ask("AT+NETOPEN", LINE("+IP ERROR: Network is already opened") LINE("ERROR"));
    cr_assert_eq(rig.asked[ASK_CONTEXT_ACTIVATE], 1, "what is open does not ask");
    stop();
}

Test(context, netopen_itself_may_fail_be_late_or_never_be_heard_of) {
    start();
    unit_rig_answer(&rig, ASK_NET_OPEN, FAIL(IP_BUSY), 1);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 8"));
    unit_rig_answer(&rig, ASK_NET_OPEN, FAIL(0), 1);
    ask("AT+NETOPEN", OK LINE("+NETOPEN: 1"));
    unit_rig_answer(&rig, ASK_NET_OPEN, DROP, 1);
    ask("AT+NETOPEN", OK);
    pass_s(600);
    ask("AT+NETOPEN?", LINE("+NETOPEN: 0") OK);
    unit_rig_answer(&rig, ASK_NET_OPEN, DELAY_S(5), 1);
    ask("AT+NETOPEN", OK);
    pass_s(4);
    ask("AT+NETOPEN?", LINE("+NETOPEN: 0") OK);
    pass_s(1);
    expect(LINE("+NETOPEN: 0"));
    stop();
}

Test(context, the_network_may_go_while_the_result_is_late) {
    start();
    unit_rig_answer(&rig, ASK_NET_OPEN, DELAY_S(5), 1);
    ask("AT+NETOPEN", OK);
    modem_deactivate(rig.modem, 1);
    expect(LINE("+NETOPEN: 1"));
    pass_s(5);
    expect("");
    stop();
}
