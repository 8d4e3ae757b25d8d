/* Results and information as they appear on the line, by S3, S4, V, Q and CMEE. */
#include <criterion/criterion.h>

#include "tests/support/at_rig.h"

static struct at_rig rig;

static void run_error(struct at_req *rq) {
    at_fail(rq, (enum at_err)at_int(rq, 0));
}

static void run_final(struct at_req *rq) {
    char text[64];
    cr_assert_eq(sv_copy(at_text(rq, 0), text, sizeof text), 0);
    at_final(rq, text);
}

static void run_lines(struct at_req *rq) {
    at_info(rq, "one");
    at_info_raw(rq, "t\x1a\r\nwo", 6);
    at_info(rq, "%s", "");
    at_ok(rq);
}

static const struct at_range any[] = {{-1, 99999}};
static const struct at_param number[] = {
    {.name = "n", .type = AT_INT, .slot = AT_NO_SLOT, .nranges = 1, .ranges = any},
};
static const struct at_param string[] = {{.name = "s", .type = AT_STR, .slot = AT_NO_SLOT}};

static const struct at_cmd rows[] = {
    {.name = "+ERR",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = number,
     .run = run_error},
    {.name = "+FIN",
     .kind = AT_ACTION,
     .forms = AT_WRITE,
     .code_forms = AT_WRITE,
     .nparams = 1,
     .params = string,
     .run = run_final},
    {.name = "+INF", .kind = AT_ACTION, .forms = AT_EXEC, .code_forms = AT_EXEC, .run = run_lines},
};

static void start(void) {
    at_rig_start(&rig, rows, sizeof rows / sizeof *rows, NULL, 0);
    at_rig_expect(&rig, "ATE0\r", "ATE0\r\r\nOK\r\n");
}

static void stop(void) {
    at_rig_stop(&rig);
}

TestSuite(reply, .init = start, .fini = stop);

#define expect(text, want) at_rig_expect(&rig, (text), (want))

Test(reply, information_lines_form_one_block) {
    expect("AT+INF\r", "\r\none\r\nt\x1a\r\nwo\r\n\r\n\r\nOK\r\n");
    expect("AT+INF;+INF\r", "\r\none\r\nt\x1a\r\nwo\r\n\r\n"
                            "\r\none\r\nt\x1a\r\nwo\r\n\r\n\r\nOK\r\n");
}

Test(reply, numeric_results_are_a_number_and_cr) {
    expect("ATV0\r", "0\r");
    expect("AT\r", "0\r");
    expect("AT+NOPE\r", "4\r");
    expect("AT+INF\r", "one\r\nt\x1a\r\nwo\r\n\r\n0\r");
    expect("ATV1\r", "\r\nOK\r\n");
}

Test(reply, v_and_q_without_a_value_are_zero) {
    expect("ATV\r", "0\r");
    expect("ATV1\r", "\r\nOK\r\n");
    expect("ATQ1\r", "");
    expect("ATQ\r", "\r\nOK\r\n");
}

Test(reply, suppressed_results_leave_the_information) {
    expect("ATQ1\r", "");
    expect("AT\r", "");
    expect("AT+NOPE\r", "");
    expect("AT+ERR=30\r", "");
    expect("AT+FIN=\"BUSY\"\r", "");
    expect("AT+INF\r", "\r\none\r\nt\x1a\r\nwo\r\n\r\n");
    expect("ATV0\r", "");
    expect("AT+NOPE\r", "");
    expect("ATQ0\r", "0\r");
}

Test(reply, value_that_v_or_q_does_not_have_is_an_error_and_changes_nothing) {
    expect("ATV2\r", "\r\nERROR\r\n");
    expect("ATQ2\r", "\r\nERROR\r\n");
    expect("AT\r", "\r\nOK\r\n");
}

Test(reply, answers_are_framed_with_s3_and_s4) {
    expect("ATS4=42\r", "\r*OK\r*");
    expect("AT+INF\r", "\r*one\r*t\x1a\r\nwo\r*\r*\r*OK\r*");
    expect("ATS3=36\r", "$*OK$*");
    expect("AT+NOPE$", "$*ERROR$*");
    expect("ATV0$", "0$");
    expect("AT+INF$", "one$*t\x1a\r\nwo$*$*0$");
}

Test(reply, s_parameters_read_with_three_digits) {
    expect("ATS3?\r", "\r\n013\r\n\r\nOK\r\n");
    expect("ATS4?S5?\r", "\r\n010\r\n\r\n008\r\n\r\nOK\r\n");
    expect("ATS0=255\r", "\r\nOK\r\n");
    expect("ATS0?\r", "\r\n255\r\n\r\nOK\r\n");
    expect("ATS0=256\r", "\r\nERROR\r\n");
    expect("ATS0?\r", "\r\n255\r\n\r\nOK\r\n");
    expect("ATS99?\r", "\r\nERROR\r\n");
}

Test(reply, cmee_0_says_error_only) {
    expect("AT+CMEE=0\r", "\r\nOK\r\n");
    expect("AT+ERR=30\r", "\r\nERROR\r\n");
    expect("AT+ERR=302\r", "\r\nERROR\r\n");
    expect("ATV0\r", "0\r");
    expect("AT+ERR=30\r", "4\r");
}

Test(reply, cmee_1_says_numbers) {
    expect("AT+CMEE=1\r", "\r\nOK\r\n");
    expect("AT+ERR=0\r", "\r\n+CME ERROR: 0\r\n");
    expect("AT+ERR=30\r", "\r\n+CME ERROR: 30\r\n");
    expect("AT+ERR=299\r", "\r\n+CME ERROR: 299\r\n");
    expect("AT+ERR=300\r", "\r\n+CMS ERROR: 300\r\n");
    expect("AT+ERR=321\r", "\r\n+CMS ERROR: 321\r\n");
}

Test(reply, cmee_2_says_texts) {
    expect("AT+CMEE=2\r", "\r\nOK\r\n");
    expect("AT+ERR=10\r", "\r\n+CME ERROR: SIM not inserted\r\n");
    expect("AT+ERR=30\r", "\r\n+CME ERROR: no network service\r\n");
    expect("AT+ERR=302\r", "\r\n+CMS ERROR: Operation not allowed\r\n");
}

Test(reply, error_without_a_text_keeps_its_number) {
    expect("AT+CMEE=2\r", "\r\nOK\r\n");
    cr_assert_null(at_err_text((enum at_err)299));
    expect("AT+ERR=299\r", "\r\n+CME ERROR: 299\r\n");
    expect("AT+ERR=9999\r", "\r\n+CMS ERROR: 9999\r\n");
}

Test(reply, plain_error_is_plain_in_every_mode) {
    for (char mode = '0'; mode <= '2'; mode++) {
        char line[] = "AT+CMEE=0\r";
        line[8] = mode;
        expect(line, "\r\nOK\r\n");
        expect("AT+ERR=-1\r", "\r\nERROR\r\n");
        expect("AT+NOPE\r", "\r\nERROR\r\n");
        expect("AT+ERR=x\r", "\r\nERROR\r\n");
    }
}

Test(reply, texts_are_those_of_the_table) {
#define X(id, code, text) cr_assert_str_eq(at_err_text(id), text);
#include "errors.inc"
#undef X
    cr_assert_null(at_err_text(AT_ERR_PLAIN));
}

Test(reply, final_result_of_v250_has_its_number) {
    expect("AT+FIN=\"NO CARRIER\"\r", "\r\nNO CARRIER\r\n");
    expect("ATV0\r", "0\r");
    expect("AT+FIN=\"NO CARRIER\"\r", "3\r");
    expect("AT+FIN=\"NO DIALTONE\"\r", "6\r");
    expect("AT+FIN=\"BUSY\"\r", "7\r");
    expect("AT+FIN=\"NO ANSWER\"\r", "8\r");
}

Test(reply, final_result_of_the_module_is_text_and_ends_the_line) {
    expect("AT+FIN=\"SEND FAIL\";+INF\r", "\r\nSEND FAIL\r\n");
}
