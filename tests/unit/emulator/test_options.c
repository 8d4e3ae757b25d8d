#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "emulator/options.h"

static const char *const profiles[] = {"sim7600e", "appnote-1.00", NULL};
static struct options o;
static char error[OPTIONS_ERROR_TEXT];

/* Words separated by a blank, behind the program's name. */
static int parse(const char *line) {
    static char text[8192];
    static char *argv[256];
    int argc = 0;
    snprintf(text, sizeof text, "sim7x00 %s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return options_parse(&o, argc, argv, profiles, error);
}

Test(options, without_any_are_the_defaults) {
    cr_assert_eq(parse(""), 0);
    cr_assert_eq(o.action, OPTIONS_RUN);
    cr_assert_str_eq(o.profile, "sim7600e");
    cr_assert_str_eq(o.link, "./modem");
    cr_assert_eq(o.clock_factor, 1);
    cr_assert_eq(o.modems, 0);
    cr_assert_eq(o.log_level, LOG_WARN);
    cr_assert_null(o.dns);
    cr_assert(!o.is_json && !o.is_log_json && !o.is_quick_start && !o.is_sandboxed);
    cr_assert(impair_is_clean(&o.impair[IMPAIR_UP]) && impair_is_clean(&o.impair[IMPAIR_DOWN]));
    cr_assert_eq(o.seed, 0);
    cr_assert_null(o.trace);
    cr_assert_null(o.nvram);
    cr_assert_null(o.files);
    cr_assert_eq(o.timing, AT_TIMING_NONE);
}

Test(options, timing_is_one_of_three_words) {
    cr_assert_eq(parse("--timing typical"), 0);
    cr_assert_eq(o.timing, AT_TIMING_TYPICAL);
    cr_assert_eq(parse("--timing worst"), 0);
    cr_assert_eq(o.timing, AT_TIMING_WORST);
    cr_assert_eq(parse("--timing worst --timing none"), 0);
    cr_assert_eq(o.timing, AT_TIMING_NONE);
}

Test(options, all_are_taken) {
    cr_assert_eq(parse("--profile appnote-1.00 --link /tmp/m --map a:1=b:2 --map=c:*=echo: "
                       "--listen 80=127.0.0.1:0 --clock x1000 --dns 127.0.0.1:53 --modems 7 "
                       "--json --log trace --log-json --quick-start --sandbox --files /tmp/f"),
                 0);
    cr_assert_str_eq(o.profile, "appnote-1.00");
    cr_assert_str_eq(o.link, "/tmp/m");
    cr_assert_eq(o.map_count, 2);
    cr_assert_str_eq(o.maps[0], "a:1=b:2");
    cr_assert_str_eq(o.maps[1], "c:*=echo:");
    cr_assert_eq(o.listen_count, 1);
    cr_assert_str_eq(o.listens[0], "80=127.0.0.1:0");
    cr_assert_eq(o.clock_factor, 1000);
    cr_assert_str_eq(o.dns, "127.0.0.1:53");
    cr_assert_eq(o.modems, 7);
    cr_assert_eq(o.log_level, LOG_TRACE);
    cr_assert(o.is_json && o.is_log_json && o.is_quick_start && o.is_sandboxed);
    cr_assert_str_eq(o.files, "/tmp/f");
    cr_assert_eq(parse("--clock real"), 0);
    cr_assert_eq(o.clock_factor, 1);
}

Test(options, a_run_waits_a_minute_for_a_driver_or_as_long_as_it_is_told) {
    cr_assert_eq(parse("--scenario a"), 0);
    cr_assert_eq(o.wait_s, 0);
    cr_assert_eq(parse("--scenario a --run"), 0);
    cr_assert_eq(o.wait_s, OPTIONS_WAIT_S);
    cr_assert_eq(parse("--wait 86400 --scenario a --run"), 0);
    cr_assert_eq(o.wait_s, OPTIONS_WAIT_MAX_S);
}

Test(options, impairments_are_for_their_direction_and_add_up) {
    cr_assert_eq(parse("--impair up:latency=100,lose=3 --impair down:loss=0.5 "
                       "--impair both:jitter=7 --impair UP:rate=9600"),
                 0);
    const struct impair *up = &o.impair[IMPAIR_UP];
    const struct impair *down = &o.impair[IMPAIR_DOWN];
    cr_assert_eq(up->latency_ms, 100);
    cr_assert_eq(up->lose_next, 3);
    cr_assert_eq(up->jitter_ms, 7);
    cr_assert_eq(up->rate_bps, 9600);
    cr_assert_eq(up->loss, 0);
    cr_assert_eq(down->latency_ms, 0);
    cr_assert_eq(down->lose_next, 0);
    cr_assert_eq(down->loss, 0.5);
    cr_assert_eq(down->jitter_ms, 7);
    cr_assert_eq(down->rate_bps, 0);
    cr_assert_eq(parse("--impair both:black-hole --impair up:none"), 0);
    cr_assert_not(up->black_hole);
    cr_assert(down->black_hole);
}

Test(options, seed_and_trace_are_taken) {
    cr_assert_eq(parse("--seed 9223372036854775799 --trace /tmp/wire.jsonl --pcap w.pcapng"), 0);
    cr_assert_str_eq(o.pcap, "w.pcapng");
    cr_assert_eq(o.seed, 9223372036854775799u);
    cr_assert_str_eq(o.trace, "/tmp/wire.jsonl");
    cr_assert_eq(parse("--seed=0"), 0);
    cr_assert_eq(o.seed, 0);
}

Test(options, the_nvram_is_a_folder) {
    cr_assert_eq(parse("--nvram /tmp/nv"), 0);
    cr_assert_str_eq(o.nvram, "/tmp/nv");
    cr_assert_eq(parse("--nvram="), -EINVAL);
    cr_assert_not_null(strstr(error, "--nvram: '' is not allowed: a folder"));
}

Test(options, help_and_version_end_the_parsing) {
    cr_assert_eq(parse("--help --nonsense"), 0);
    cr_assert_eq(o.action, OPTIONS_HELP);
    cr_assert_eq(parse("--version"), 0);
    cr_assert_eq(o.action, OPTIONS_VERSION);
    cr_assert_eq(parse("--list-scenarios"), 0);
    cr_assert_eq(o.action, OPTIONS_LIBRARY);
    cr_assert_eq(parse("--print-schema"), 0);
    cr_assert_eq(o.action, OPTIONS_SCHEMA);
}

Test(options, the_group_is_a_name) {
    cr_assert_eq(parse("--modems 1"), 0);
    cr_assert_null(o.group);
    cr_assert_eq(parse("--group dialout"), 0);
    cr_assert_str_eq(o.group, "dialout");
    cr_assert_eq(parse("--group="), -EINVAL);
}

Test(options, errors_name_the_option_the_value_and_what_is_allowed) {
    static const char real[] = "real, manual or xN with N from 1 to 1000";
    static const struct {
        const char *line, *says[3];
    } rows[] = {
        {"--clock fast", {"--clock: 'fast' is not allowed", real}},
        {"--clock x0", {"--clock: 'x0' is not allowed", real}},
        {"--clock x1001", {"--clock: 'x1001' is not allowed", real}},
        {"--clock x", {"--clock: 'x' is not allowed", real}},
        {"--clock x2.5", {"--clock: 'x2.5' is not allowed", real}},
        {"--timing fast", {"--timing: 'fast' is not allowed", "none, typical or worst"}},
        {"--timing=", {"--timing: '' is not allowed", "none, typical or worst"}},
        {"--modems 0", {"--modems: '0' is not allowed", "a number from 1 to 1000"}},
        {"--modems 1001", {"--modems: '1001' is not allowed", "a number from 1 to 1000"}},
        {"--modems two", {"--modems: 'two' is not allowed", "a number from 1 to 1000"}},
        {"--log loud", {"--log: 'loud'", "error, warn, info, debug or trace"}},
        {"--profile nokia", {"--profile: 'nokia'", "sim7600e, appnote-1.00"}},
        {"--link=", {"--link: ''", "a path"}},
        {"--impair latency=1", {"--impair: 'latency=1'", "up:, down: or both:"}},
        {"--impair=", {"--impair: ''", "up:, down: or both:"}},
        {"--impair up:", {"--impair: ''", "latency=MS"}},
        {"--impair both:latency=1,", {"--impair: ''", "latency=MS"}},
        {"--impair both:latency=1,jitter=x,lose=1", {"--impair: 'jitter=x'", "no-names or none"}},
        {"--impair down:loss=2", {"--impair: 'loss=2'", "loss=P"}},
        {"--impair sideways:loss=0", {"--impair: 'sideways:loss=0'", "up:, down: or both:"}},
        {"--impair", {"--impair", "a value is missing"}},
        {"--seed -1", {"--seed: '-1'", "a number from 0 to 9223372036854775807"}},
        {"--seed 9223372036854775808", {"--seed: '9223372036854775808'", "a number from 0"}},
        {"--seed x", {"--seed: 'x'", "a number from 0"}},
        {"--scenario a --run --wait 0", {"--wait: '0'", "a number of seconds from 1 to 86400"}},
        {"--scenario a --run --wait 86401", {"--wait: '86401'", "from 1 to 86400"}},
        {"--scenario a --run --wait 1s", {"--wait: '1s'", "a number of seconds"}},
        {"--scenario a --wait 5", {"--wait: needs --run"}},
        {"--files=", {"--files: ''", "a folder"}},
        {"--trace=", {"--trace: ''", "a file"}},
        {"--pcap=", {"--pcap: ''", "a file"}},
        {"--dns=", {"--dns: ''", "ADDR[:PORT][,...]"}},
        {"--bogus", {"--bogus", "no such option"}},
        {"--bogus=1", {"--bogus=1", "no such option"}},
        {"-x", {"-x", "no such option"}},
        {"--log", {"--log", "a value is missing"}},
        {"--json=yes", {"--json=yes", "takes no value"}},
        {"modem", {"'modem'", "not an option"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(parse(rows[i].line), -EINVAL, "%s", rows[i].line);
        for (size_t j = 0; j < 3 && rows[i].says[j] != NULL; j++) {
            cr_assert_not_null(strstr(error, rows[i].says[j]), "%s: \"%s\" lacks \"%s\"",
                               rows[i].line, error, rows[i].says[j]);
        }
    }
}

Test(options, at_most_64_maps_are_taken) {
    char line[4096] = "";
    for (int i = 0; i < LIMIT_ROUTES; i++) {
        strncat(line, "--map a:1=b:2 ", sizeof line - strlen(line) - 1);
    }
    cr_assert_eq(parse(line), 0);
    cr_assert_eq(o.map_count, LIMIT_ROUTES);
    strncat(line, "--map last:1=b:2", sizeof line - strlen(line) - 1);
    cr_assert_eq(parse(line), -EINVAL);
    cr_assert_not_null(strstr(error, "--map: 'last:1=b:2' is one too many: at most 64"));
}

Test(options, a_long_value_is_cut_in_the_error) {
    char line[4096] = "--clock ";
    memset(line + 8, 'y', 4000);
    cr_assert_eq(parse(line), -EINVAL);
    cr_assert_not_null(strstr(error, "real, manual or xN"));
}

Test(options, a_map_to_a_built_in_peer_is_split) {
    char addr[LIMIT_NAME + 1];
    uint16_t port = 1;
    const char *peer = NULL;
    cr_assert_eq(options_split_peer("116.236.221.75:8011=echo:", addr, &port, &peer), 0);
    cr_assert_str_eq(addr, "116.236.221.75");
    cr_assert_eq(port, 8011);
    cr_assert_str_eq(peer, "echo:");
    cr_assert_eq(options_split_peer("example.com:*=discard:", addr, &port, &peer), 0);
    cr_assert_str_eq(addr, "example.com");
    cr_assert_eq(port, 0);
    cr_assert_str_eq(peer, "discard:");

    cr_assert_eq(options_split_peer("1.2.3.4:80=127.0.0.1:80", addr, &port, &peer), -ENOENT);
    cr_assert_eq(options_split_peer("1.2.3.4:80", addr, &port, &peer), -ENOENT);
    cr_assert_eq(options_split_peer("", addr, &port, &peer), -ENOENT);
    const char *const wrong[] = {"1.2.3.4=echo:", ":80=echo:", "a:0=echo:", "a:65536=echo:",
                                 "a:=echo:",      "=echo:",    "a:x=echo:"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(options_split_peer(wrong[i], addr, &port, &peer), -EINVAL, "%s", wrong[i]);
    }
}

Test(options, help_fits_a_terminal_and_names_every_option) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    static const char *const many[] = {"appnote-1.00", "sim7600ce", "sim7500je", "sim7600e",
                                       "sim7500a",     "sim7600c",  "sim7600g",  NULL};
    options_print_help(to, many);
    fclose(to);
    const char *const names[] = {
        "--profile", "--link",    "--map",      "--listen",      "--clock",
        "--dns",     "--json",    "--modems",   "--quick-start", "--log",
        "--help",    "--version", "--log-json", "appnote-1.00",  "--impair",
        "--seed",    "--trace",   "black-hole", "--wait",        "sim7600g",
        "--timing",  "--files",   "--rfc2217",  "--pcap",        "--sandbox"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_not_null(strstr(text, names[i]), "%s", names[i]);
    }
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cr_assert_leq(strlen(line), 90, "%s", line);
    }
    free(text);
}

Test(options, a_check_needs_a_scenario_and_no_more) {
    cr_assert_eq(parse("--check --scenario a.json"), 0);
    cr_assert(o.is_check && !o.is_run);
    cr_assert_eq(parse("--check"), -EINVAL);
    cr_assert_neq(strstr(error, "--scenario"), NULL);
}

Test(options, the_uart_is_on_loopback_unless_told) {
    static const struct {
        const char *args, *host;
        uint16_t port;
    } good[] = {
        {"--rfc2217 2217", "127.0.0.1", 2217},
        {"--rfc2217 :2217", "127.0.0.1", 2217},
        {"--rfc2217 localhost:0", "127.0.0.1", 0},
        {"--rfc2217 0.0.0.0:65535", "0.0.0.0", 65535},
        {"--rfc2217 [::1]:2217", "::1", 2217},
        {"--rfc2217 ::1:2217", "::1", 2217},
        {"--rfc2217 65436 --modems 100", "127.0.0.1", 65436},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(parse(good[i].args), 0, "%s: %s", good[i].args, error);
        cr_assert_str_eq(o.rfc2217_host, good[i].host);
        cr_assert_eq(o.rfc2217_port, good[i].port);
    }
    cr_assert_eq(parse("--link x"), 0);
    cr_assert_str_eq(o.rfc2217_host, "");
    static const char *const bad[] = {"--rfc2217 x", "--rfc2217 1.2.3.4:", "--rfc2217 1:65536",
                                      "--rfc2217 1:-1", "--rfc2217 65437 --modems 100"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(parse(bad[i]), -EINVAL, "%s", bad[i]);
        cr_assert_not_null(strstr(error, "--rfc2217"));
    }
}
