/* Which cell serves: the driver's choice of technologies, bands and order against what is there. */
#include <criterion/criterion.h>

#include "tests/support/unit_suite.h"

#define ALL_LTE "0x00000000000000000000000000000000000000000000000000000000000000"
#define NO_SERVICE LINE("+CPSI: NO SERVICE,Online") OK

Test(cells, each_preferred_technology_is_camped_on) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CNSMOD=1;+CEREG=1", OK);
    ask("AT+CNMP=13", OK LINE("+CEREG: 4") LINE("+CNSMOD: 2"));
    ask("AT+COPS?", LINE("+COPS: 0,0,\"Telekom.de\",0") OK);
    ask("AT+CNMP=14", OK LINE("+CNSMOD: 4"));
    ask("AT+CNMP=19", OK);
    ask("AT+CNMP=48", OK);
    ask("AT+CNSMOD?", LINE("+CNSMOD: 1,4") OK);
    ask("AT+CNMP=51", OK LINE("+CEREG: 1") LINE("+CNSMOD: 8"));
    ask("AT+CNMP=2", OK);
    stop();
}

Test(cells, a_technology_that_is_not_there_leaves_the_module_searching) {
    unit_rig_start(&rig, "appnote-1.00");
    ask("AT+CREG=1;+CNSMOD=1", OK);
    ask("AT+CNMP=38", OK LINE("+CREG: 2") LINE("+CNSMOD: 0"));
    ask("AT+CPSI?", NO_SERVICE);
    ask("AT+CSQ", LINE("+CSQ: 99,99") OK);
    ask("AT+COPS?", LINE("+COPS: 0") OK);
    modem_set_tech(rig.modem, PROFILE_LTE);
    expect(LINE("+CREG: 1") LINE("+CNSMOD: 8"));
    ask("AT+CNMP=59", OK LINE("+CREG: 2") LINE("+CNSMOD: 0"));
    modem_set_registration(rig.modem, REG_OFF);
    expect(LINE("+CREG: 0"));
    stop();
}

Test(cells, a_mode_of_which_the_module_has_nothing_is_refused) {
    unit_rig_start(&rig, "sim7500a");
    ask("AT+CNMP=?", LINE("+CNMP: (2,14,38,19,48,63,67,39,51,54)") OK);
    ask("AT+CNMP=13", LINE("ERROR"));
    ask("AT+CNMP=59", LINE("ERROR"));
    ask("AT+CNMP?", LINE("+CNMP: 2") OK);
    ask("AT+CNMP=14", OK);
    ask("AT+CPSI?",
        LINE("+CPSI: WCDMA,Online,310-410,0x8B1E,96522512,WCDMA PCS 1900,279,9738,0,1.5,"
             "62,33,52,500") OK);
    stop();
}

Test(cells, the_preferred_mode_outlasts_a_restart_and_not_the_factory_s) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CNMP=13", OK);
    modem_restart(rig.modem, CLK_S(1), false);
    unit_rig_pass(&rig, CLK_S(2));
    (void)unit_rig_read(&rig);
    ask("ATE0", "ATE0\r" OK);
    ask("AT+CNMP?;+CNSMOD?", LINE("+CNMP: 13") LINE("+CNSMOD: 0,2") OK);
    ask("AT&F;E0", OK);
    ask("AT+CNMP?;+CNSMOD?", LINE("+CNMP: 2") LINE("+CNSMOD: 0,8") OK);
    stop();
}

Test(cells, bands_decide_which_cell_serves) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CREG=1;+CNSMOD=1", OK);
    ask("AT+CNBP=,0x0000000000000040", OK LINE("+CNSMOD: 4"));
    ask("AT+CNBP=0x80", OK LINE("+CREG: 2") LINE("+CNSMOD: 0"));
    ask("AT+CNBP?", LINE("+CNBP: 0x0000000000000080," ALL_LTE "40,0x0000000000000000") OK);
    ask("AT+CNBP=0x40000000,\"0X44\"", OK LINE("+CREG: 1") LINE("+CNSMOD: 8"));
    ask("AT+CNBP?", LINE("+CNBP: 0x0000000000000080," ALL_LTE "44,0x0000000000000000") OK);
    ask("AT+CNBP=0Xffffffff7FFFFFFF", OK);
    ask("AT+CNBP?", LINE("+CNBP: 0xFFFFFFFF7FFFFFFF," ALL_LTE "44,0x0000000000000000") OK);
    stop();
}

Test(cells, a_mask_that_is_none_changes_nothing) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CNBP=0x80,0x", LINE("ERROR"));
    ask("AT+CNBP=80", LINE("ERROR"));
    ask("AT+CNBP=0x8g", LINE("ERROR"));
    ask("AT+CNBP=0x12345678123456789", LINE("ERROR"));
    ask("AT+CNBP=,,0x12345678123456789", LINE("ERROR"));
    ask("AT+CNBP=,,", LINE("ERROR"));
    ask("AT+CNBP=0x80,0x4,0x0,0x0", LINE("ERROR"));
    ask("AT+CNBP?",
        LINE("+CNBP: 0x0002000004400380,0x00000000000000000000000000000000000000000000000000"
             "0001A0000800D5,0x0000000000000000") OK);
    stop();
}

Test(cells, the_order_decides_among_what_is_there) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CNSMOD=1", OK);
    ask("AT+CNAOP?", LINE("+CNAOP: 7,9,5,3") OK);
    ask("AT+CNAOP=7,11,3,9", OK LINE("+CNSMOD: 2"));
    ask("AT+CNAOP=7,5", OK LINE("+CNSMOD: 4"));
    ask("AT+CNAOP?", LINE("+CNAOP: 7,5") OK);
    ask("AT+CNMP=38", OK LINE("+CNSMOD: 8"));
    ask("AT+CNMP=51", OK);
    ask("AT+CNAOP=7", OK);
    ask("AT+CNAOP?", LINE("+CNAOP: 7") OK);
    stop();
}

Test(cells, an_order_that_is_none_is_refused) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CNAOP=7,9,9", LINE("ERROR"));
    ask("AT+CNAOP=7,9,,3", LINE("ERROR"));
    ask("AT+CNAOP=7,9,6", LINE("ERROR"));
    ask("AT+CNAOP=6", LINE("ERROR"));
    ask("AT+CNAOP=7,2,3,4,5,9,11,11", LINE("ERROR"));
    ask("AT+CNAOP?", LINE("+CNAOP: 7,9,5,3") OK);
    stop();
}

Test(cells, cell_information_comes_at_its_period) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CPSI=2", OK);
    unit_rig_pass(&rig, CLK_MS(1999));
    expect("");
    unit_rig_pass(&rig, CLK_MS(1));
    expect(LINE("+CPSI: LTE,Online,262-01,0x5A1E,187214780,257,EUTRAN-BAND3,1850,5,5,-94,-850,-545,"
                "15"));
    modem_set_registration(rig.modem, REG_SEARCHING);
    unit_rig_pass(&rig, CLK_S(2));
    expect(LINE("+CPSI: NO SERVICE,Online"));
    ask("AT+CPSI=0", OK);
    unit_rig_pass(&rig, CLK_S(10));
    expect("");
    ask("AT+CPSI=1", OK);
    ask("AT&F;E0", OK);
    unit_rig_pass(&rig, CLK_S(10));
    expect("");
    stop();
}

#define SCAN(list) LINE("+COPS: " list ",,(0,1,2,3,4,5),(0,1,2)") OK
#define OPER(stat, act) "(" stat ",\"Telekom.de\",\"TDG\",\"26201\"," act ")"

static void expect_scan(const char *want) {
    unit_rig_type(&rig, "AT+COPS=?\r");
    unit_rig_pass(&rig, CLK_S(2));
    cr_assert_str_eq(unit_rig_read(&rig), want);
}

Test(cells, a_scan_lists_what_the_module_can_find) {
    unit_rig_start(&rig, "sim7600e");
    expect_scan(SCAN(OPER("2", "7") "," OPER("1", "2") "," OPER("1", "0")));
    ask("AT+CNMP=13", OK);
    expect_scan(SCAN(OPER("2", "0")));
    ask("AT+CNMP=19;+COPS=2", OK);
    expect_scan(SCAN(OPER("1", "2") "," OPER("1", "0")));
    ask("AT+CNMP=38;+COPS=0", OK);
    modem_set_registration(rig.modem, REG_DENIED);
    expect_scan(SCAN(OPER("3", "7")));
    modem_set_registration(rig.modem, REG_OFF);
    expect_scan(SCAN(""));
    modem_set_registration(rig.modem, REG_HOME);
    ask("AT+CFUN=4", OK);
    expect_scan(SCAN(""));
    stop();
}

Test(cells, an_operator_is_selected_with_its_technology) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CNSMOD=1", OK);
    ask("AT+COPS=1,2,\"26201\",0", OK LINE("+CNSMOD: 2"));
    ask("AT+COPS?", LINE("+COPS: 1,2,\"26201\",0") OK);
    ask("AT+COPS=1,2,\"26201\",2", OK LINE("+CNSMOD: 4"));
    ask("AT+COPS=1,2,\"26201\",8", LINE("+CME ERROR: 30"));
    ask("AT+COPS=1,2,\"26202\"", LINE("+CME ERROR: 30"));
    ask("AT+COPS?", LINE("+COPS: 1,2,\"26201\",2") OK);
    ask("AT+COPS=4,0,\"nobody\"", OK LINE("+CNSMOD: 8"));
    ask("AT+COPS?", LINE("+COPS: 0,0,\"Telekom.de\",7") OK);
    stop();
}

Test(cells, preferred_operators_have_the_first_free_place) {
    unit_rig_start(&rig, "sim7600e");
    ask("AT+CPOL=2,2,\"26201\",1,0,1,1", OK);
    ask("AT+CPOL=,2,\"46001\",0,0,1,0", OK);
    ask("AT+CPOL=,0,\"Telekom.de\",1,1,1,1", OK);
    ask("AT+CPOL?", "\r\n+CPOL: 1,2,\"46001\",0,0,1,0\r\n+CPOL: 2,2,\"26201\",1,0,1,1\r\n"
                    "+CPOL: 3,0,\"Telekom.de\",1,1,1,1\r\n" OK);
    ask("AT+CPOL=1", OK);
    ask("AT+CPOL=3", OK);
    ask("AT+CPOL=1,2,\"46001\"", LINE("ERROR"));
    ask("AT+CPOL=1,2,,0,0,1,0", LINE("ERROR"));
    ask("AT+CPOL=,2", LINE("ERROR"));
    ask("AT+CPOL=", LINE("ERROR"));
    ask("AT+CPOL=81", LINE("ERROR"));
    ask("AT+CPOL?", LINE("+CPOL: 2,2,\"26201\",1,0,1,1") OK);
    stop();
}

Test(cells, a_full_list_of_operators_takes_no_more) {
    unit_rig_start(&rig, "sim7600e");
    for (int i = 0; i < 80; i++) {
        ask("AT+CPOL=,2,\"46001\",0,0,1,0", OK);
    }
    ask("AT+CPOL=,2,\"46001\",0,0,1,0", LINE("ERROR"));
    ask("AT+CPOL=80,2,\"46000\",0,0,1,0", OK);
    stop();
}
