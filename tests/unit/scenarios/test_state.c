#include "scenarios/engine/state.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "emulator/model/wifi.h"
#include "tests/support/stage_rig.h"

static struct stage_rig r;

static void start(void) {
    stage_rig_start(&r);
}

static void stop(void) {
    stage_rig_stop(&r);
}

TestSuite(state, .init = start, .fini = stop);

static void expect_part(const char *part, const char *want) {
    struct cJSON *json = state_json(r.stage, part);
    char *text = cJSON_PrintUnformatted(json);
    cr_assert_str_eq(text, want);
    free(text);
    cJSON_Delete(json);
}

Test(state, wifi_has_its_access_points_and_who_is_there) {
    expect_part("wifi", "{\"wifi\":{\"on\":true,\"mode\":\"ap\",\"points\":[{\"point\":0,"
                        "\"clients\":0}],\"server\":false,\"joined\":false}}");
    stage_rig_ask(&r, "AT+CWMAPCFG=\"enablessid2\",1;+CWLANSRV=1", OK);
    cr_assert_eq(wifi_join(r.u.modem->wifi, "02:00:00:00:00:01", 1), 0);
    expect_part("wifi", "{\"wifi\":{\"on\":true,\"mode\":\"ap-ap\",\"points\":[{\"point\":0,"
                        "\"clients\":0},{\"point\":1,\"clients\":1}],\"server\":true,"
                        "\"joined\":false}}");
    stage_rig_ask(&r, "AT+CWMAP=0", OK);
    expect_part("wifi", "{\"wifi\":{\"on\":false,\"mode\":\"ap-ap\",\"points\":[],"
                        "\"server\":true,\"joined\":false}}");
}
