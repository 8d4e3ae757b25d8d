#include <criterion/criterion.h>
#include <errno.h>

#include "base/clk.h"
#include "netstack/bearer.h"
#include "netstack/listener.h"
#include "netstack/stream.h"
#include "tests/support/fake_host.h"

static const struct net_addr caller = {0xc0a86c05u, 57202};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;
static struct net_listener *listener;
static int accepted, closed;
static struct net_addr peer_seen;

static void on_accept(void *ctx, struct host_tcp *t, const struct net_addr *peer) {
    (void)ctx;
    accepted++;
    peer_seen = *peer;
    listener_refuse(listener, t);
}

static void on_closed(void *ctx) {
    (void)ctx;
    closed++;
}

static const struct listener_events events = {on_accept, on_closed};

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
    bearer_up(&bearer, 1);
    cr_assert_eq(listener_open(&listener, &bearer, 8080, &events, NULL), 0);
}

static void teardown(void) {
    listener_free(listener);
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

TestSuite(listener, .init = setup, .fini = teardown);

Test(listener, a_caller_is_shown_and_may_be_refused) {
    struct fake_link *l = fake_host_call(fake, &caller, 8080);
    cr_assert_not_null(l);
    cr_assert_eq(accepted, 0);
    fake_host_run(fake);
    cr_assert_eq(accepted, 1);
    cr_assert_eq(peer_seen.ip, caller.ip);
    cr_assert_eq(peer_seen.port, caller.port);
    cr_assert_eq(fake_host_seen(l), FAKE_SEEN_RESET);
}

Test(listener, a_port_that_is_taken_is_an_error) {
    struct net_listener *second = NULL;
    cr_assert_eq(listener_open(&second, &bearer, 8080, &events, NULL), -EADDRINUSE);
    fake_host_occupy(fake, 8081);
    cr_assert_eq(listener_open(&second, &bearer, 8081, &events, NULL), -EADDRINUSE);
    cr_assert_null(second);
}

Test(listener, the_loss_of_the_bearer_is_told_in_a_later_turn) {
    bearer_down(&bearer);
    cr_assert_null(fake_host_call(fake, &caller, 8080));
    cr_assert_eq(closed, 0);
    clk_advance(clk, CLK_US(0));
    cr_assert_eq(closed, 1);
    struct net_listener *second = NULL;
    cr_assert_eq(listener_open(&second, &bearer, 9090, &events, NULL), -ENETDOWN);
}

Test(listener, freed_it_listens_no_more_and_is_silent) {
    struct fake_link *l = fake_host_call(fake, &caller, 8080);
    cr_assert_not_null(l);
    bearer_down(&bearer);
    listener_free(listener);
    listener = NULL;
    listener_free(NULL);
    fake_host_run(fake);
    clk_advance(clk, CLK_S(1));
    cr_assert_eq(accepted + closed, 0);
    cr_assert_null(fake_host_call(fake, &caller, 8080));
}
