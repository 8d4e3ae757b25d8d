#include <criterion/criterion.h>

#include "base/clk.h"
#include "netstack/bearer.h"
#include "tests/support/fake_host.h"

struct user {
    struct bearer_user user; /* first */
    struct user *frees;      /* taken off in this one's turn */
    int downs;
};

static struct clk *clk;
static struct fake_host *fake;
static struct bearer bearer;

static void setup(void) {
    clk = clk_new_manual();
    fake = fake_host_new();
    bearer_init(&bearer, clk, fake_host_net(fake));
}

static void teardown(void) {
    bearer_fini(&bearer);
    fake_host_free(fake);
    clk_close(clk);
}

static void on_down(struct bearer_user *u) {
    struct user *user = (struct user *)u;
    user->downs++;
    if (user->frees != NULL) {
        bearer_detach(&user->frees->user);
    }
}

TestSuite(bearer, .init = setup, .fini = teardown);

Test(bearer, it_is_down_until_it_is_taken_up) {
    cr_assert_not(bearer.is_up);
    bearer_up(&bearer, 0x0a712b9du);
    cr_assert(bearer.is_up);
    cr_assert_eq(bearer.ip, 0x0a712b9du);
    bearer_down(&bearer);
    cr_assert_not(bearer.is_up);
    cr_assert_eq(bearer.ip, 0);
}

Test(bearer, going_down_tells_every_user_once) {
    struct user u[3] = {{.user.down = on_down}, {.user.down = on_down}, {.user.down = on_down}};
    bearer_up(&bearer, 1);
    for (int i = 0; i < 3; i++) {
        bearer_attach(&bearer, &u[i].user);
    }
    bearer_detach(&u[1].user);
    bearer_detach(&u[1].user);
    bearer_down(&bearer);
    bearer_down(&bearer);
    cr_assert_eq(u[0].downs, 1);
    cr_assert_eq(u[1].downs, 0);
    cr_assert_eq(u[2].downs, 1);
}

Test(bearer, a_user_may_take_another_one_off_while_it_goes_down) {
    struct user a = {.user.down = on_down};
    struct user b = {.user.down = on_down, .frees = &a};
    bearer_up(&bearer, 1);
    bearer_attach(&bearer, &a.user);
    bearer_attach(&bearer, &b.user);
    bearer_down(&bearer);
    cr_assert_eq(a.downs, 0);
    cr_assert_eq(b.downs, 1);
}
