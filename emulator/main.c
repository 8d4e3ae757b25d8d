/* main.c: builds the modules, says when they are ready, runs until it is asked to stop. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/chan.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/obj.h"
#include "emulator/capacity.h"
#include "emulator/capture.h"
#include "emulator/model/files.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/notify.h"
#include "emulator/options.h"
#include "emulator/sandbox.h"
#include "emulator/trace.h"
#include "emulator/unit.h"
#include "netstack/host_uv.h"
#include "netstack/route.h"
#include "package.h"
#include "pty/port.h"
#include "pty/rfc2217.h"
#include "pty/watch.h"
#include "scenarios/engine/director.h"
#include "scenarios/engine/library.h"
#include "scenarios/engine/scenario.h"
#include "scenarios/peers/peers.h"

enum exit_code { EXIT_ASKED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

enum {
    PROFILES_MAX = 32, /* as gen_dialect allows */
    PATH_SIZE = 4096,
    NAME_SIZE = 16, /* "at999" */
    STOP_SIGNALS = 2,
    LEAVE_MS = 1000, /* of the host, for a driver to come to its end */
};

/* One module and its ports. */
struct modem_slot {
    struct port *ports[PROFILE_PORTS]; /* NULL: it has none of these */
    struct rfc2217 *uart;              /* NULL: none */
    struct unit *unit;
    struct watch *watch; /* the app's */
};

struct app {
    struct options options;
    const char *profile_names[PROFILES_MAX + 1];
    uv_loop_t loop;
    uv_signal_t signals[STOP_SIGNALS];
    struct clk *clk;
    struct clk *host_clk; /* the host's, whatever the module's does; NULL: nobody waits by it */
    struct clk_timer wait, leave;
    struct route *route;
    gid_t group; /* of the ttys; 0: the system's */
    struct peers *peers;
    struct host_uv *host;
    struct watch *watch;
    struct trace *trace;
    struct capture *capture; /* NULL: none is running */
    struct director *director;
    uv_prepare_t saving; /* each turn, with --nvram */
    uv_async_t ending;   /* the end comes in a turn of its own */
    FILE *junit, *tap;   /* NULL: not wanted */
    int code;
    struct modem_slot *slots;
    unsigned slot_count;
    bool is_asked, is_concluded, is_stopping;
};

/* By enum profile_port. A module's number stands behind the name, and in front of the suffix. */
static const struct {
    const char *name, *suffix;
    enum cmd_role role; /* of the session, where there is one */
} port_kinds[PROFILE_PORTS] = {
    [PROFILE_PORT_AT] = {"at", "", CMD_AT},
    [PROFILE_PORT_MODEM] = {"modem", ".modem", CMD_MODEM},
    [PROFILE_PORT_NMEA] = {.name = "nmea", .suffix = ".nmea"},
};

/* The servers that the application note's examples talk to (2.3.1, 2.3.2), so that they work as
 * typed and offline. */
static const struct {
    const char *addr;
    uint16_t port;
    const char *peer;
} quick_start_maps[] = {
    {"116.236.221.75", 8011, "echo:"},
    {"16.236.221.75", 9015, "echo:"},
    {"16.236.221.75", 8058, "echo:"},
};

static const char quick_start_text[] =
    "\n"
    "Open it from another terminal:  picocom %s\n"
    "and type, each line with Enter:\n"
    "  AT\n"
    "  AT+CSQ\n"
    "  AT+NETOPEN\n"
    "  AT+CIPOPEN=0,\"TCP\",\"116.236.221.75\",8011\n"
    "  AT+CIPSEND=0,5      and, behind the >,  HELLO\n"
    "  AT+CIPCLOSE=0\n"
    "  AT+NETCLOSE\n"
    "That server is a built-in echo: what is sent comes back. Ctrl-A Ctrl-X leaves picocom,\n"
    "Ctrl-C stops the module.\n";

static void stop_all(struct app *a);

static int complain(enum exit_code code, const char *option, const char *text) {
    fprintf(stderr, "sim7x00: %s: %s\n", option, text);
    return (int)code;
}

static int complain_of(enum exit_code code, const char *option, const char *value,
                       const char *why) {
    fprintf(stderr, "sim7x00: %s: '%s': %s\n", option, value, why);
    return (int)code;
}

/* -- the way a connection takes -- */

static int map_to_peer(struct app *a, const char *addr, uint16_t port, const char *peer) {
    struct sockaddr_storage host;
    int err = peers_addr(a->peers, peer, &host);
    if (err == 0) {
        err = route_add_map_addr(a->route, addr, port, (const struct sockaddr *)&host);
    }
    return err;
}

static int add_map(struct app *a, const char *text) {
    char error[ROUTE_ERROR_TEXT] = "";
    char addr[LIMIT_NAME + 1] = "";
    uint16_t port = 0;
    const char *peer = NULL;
    int err = options_split_peer(text, addr, &port, &peer);
    if (err == -ENOENT) {
        if (route_add_map(a->route, text, error) != 0) {
            return complain(EXIT_USAGE, "--map", error);
        }
        return 0;
    }
    if (err == 0) {
        err = map_to_peer(a, addr, port, peer);
    }
    if (err != -EINVAL) {
        return err == 0 ? 0 : EXIT_REFUSED;
    }
    fprintf(stderr,
            "sim7x00: --map: '%s' is not allowed: ADDR:PORT=PEER with PORT from 1 to 65535 or *, "
            "PEER one of " PEERS_NAMES "\n",
            text);
    return EXIT_USAGE;
}

static int build_route(struct app *a) {
    const struct options *o = &a->options;
    /* The user's own entries come first, and the first match wins. */
    for (size_t i = 0; i < o->map_count; i++) {
        int code = add_map(a, o->maps[i]);
        if (code != 0) {
            return code;
        }
    }
    for (size_t i = 0; i < o->listen_count; i++) {
        char error[ROUTE_ERROR_TEXT] = "";
        if (route_add_listen(a->route, o->listens[i], error) != 0) {
            return complain(EXIT_USAGE, "--listen", error);
        }
    }
    size_t count = sizeof quick_start_maps / sizeof quick_start_maps[0];
    for (size_t i = 0; o->is_quick_start && i < count; i++) {
        if (map_to_peer(a, quick_start_maps[i].addr, quick_start_maps[i].port,
                        quick_start_maps[i].peer) != 0) {
            return complain(EXIT_REFUSED, "--quick-start", "no room left in the map");
        }
    }
    return 0;
}

/* -- modules -- */

static void say_ready(const struct app *a, struct port *port) {
    const char *name = port_chan(port)->name;
    if (!a->options.is_json) {
        printf("%s: %s -> %s\n", name, port_link(port), port_tty(port));
    } else {
        fputs("{\"port\":", stdout);
        log_json_string(stdout, name);
        fputs(",\"link\":", stdout);
        log_json_string(stdout, port_link(port));
        fputs(",\"tty\":", stdout);
        log_json_string(stdout, port_tty(port));
        fputs("}\n", stdout);
    }
}

static void say_uart(const struct app *a, struct rfc2217 *uart) {
    printf(a->options.is_json ? "{\"port\":\"%s\",\"url\":\"%s\"}\n" : "%s: %s\n",
           rfc2217_chan(uart)->name, rfc2217_url(uart));
}

static void each_setting(void *ctx, stage_setting_fn *each, void *each_ctx) {
    unit_settings(ctx, each, each_ctx);
}

/* A driver that asks for the lines behind its open must not be asked who it is. */
static void each_port(void *ctx, stage_port_fn *each, void *each_ctx) {
    const struct modem_slot *slot = ctx;
    watch_look(slot->watch);
    for (enum profile_port kind = 0; kind < PROFILE_PORTS; kind++) {
        struct port *port = slot->ports[kind];
        if (port != NULL) {
            struct chan *ch = port_chan(port);
            each(each_ctx, &(struct stage_port){ch->name, port_tty(port), port_link(port), ch});
        }
    }
    if (slot->uart != NULL) {
        struct chan *ch = rfc2217_chan(slot->uart);
        each(each_ctx, &(struct stage_port){ch->name, "", rfc2217_url(slot->uart), ch});
    }
}

static int add_to_stage(struct app *a, unsigned i, uint64_t seed) {
    const struct stage_world world = {
        .number = i,
        .modem = unit_modem(a->slots[i].unit),
        .chan = port_chan(a->slots[i].ports[PROFILE_PORT_AT]),
        .seed = seed,
        .settings = each_setting,
        .settings_ctx = a->slots[i].unit,
        .ports = each_port,
        .ports_ctx = &a->slots[i],
    };
    char error[SCENARIO_ERROR];
    if (director_add(a->director, &world, error) != 0) {
        return complain(EXIT_USAGE, "--scenario", error);
    }
    return 0;
}

/* What is kept of module `i` in a folder that is for all of them. */
static void folder_of(const struct app *a, const char *option, unsigned i, char to[PATH_SIZE]) {
    if (a->options.modems > 0) {
        snprintf(to, PATH_SIZE, "%.4000s/%u", option, i);
    } else {
        snprintf(to, PATH_SIZE, "%.4000s", option);
    }
}

static int keep_nvram(const struct app *a, struct unit *unit, unsigned i) {
    char folder[PATH_SIZE];
    char error[NVRAM_ERROR] = "";
    if (a->options.nvram == NULL) {
        return 0;
    }
    folder_of(a, a->options.nvram, i, folder);
    return unit_keep(unit, folder, error) ? 0 : complain(EXIT_REFUSED, "--nvram", error);
}

/* Of module `i`; a single one has none. */
static void name_number(const struct app *a, unsigned i, char number[NAME_SIZE]) {
    number[0] = '\0';
    if (a->options.modems > 0) {
        snprintf(number, NAME_SIZE, "%u", i);
    }
}

static int keep_files(const struct app *a, struct unit *unit, unsigned i) {
    char folder[PATH_SIZE];
    if (a->options.files == NULL) {
        return 0;
    }
    folder_of(a, a->options.files, i, folder);
    int err = files_keep(unit_modem(unit)->files, folder);
    if (err != 0) {
        return complain_of(EXIT_REFUSED, "--files", folder,
                           err == -EBUSY ? "another process has it" : strerror(-err));
    }
    return 0;
}

/* A tty of module `i`. */
static int add_port(struct app *a, unsigned i, enum profile_port kind) {
    const struct options *o = &a->options;
    char link[PATH_SIZE];
    char name[NAME_SIZE];
    char number[NAME_SIZE];
    name_number(a, i, number);
    snprintf(link, sizeof link, "%.4000s%s%s", o->link, number, port_kinds[kind].suffix);
    snprintf(name, sizeof name, "%s%.4s", port_kinds[kind].name, number);
    struct port_config port = {
        .name = name,
        .link = link,
        .loop = &a->loop,
        .clk = a->clk,
        .watch = a->watch,
        .group = a->group,
    };
    return port_new(&a->slots[i].ports[kind], &port); /* the log says why not */
}

static int add_uart(struct app *a, unsigned i) {
    const struct options *o = &a->options;
    char name[NAME_SIZE];
    char number[NAME_SIZE];
    if (o->rfc2217_host[0] == '\0') {
        return 0;
    }
    name_number(a, i, number);
    snprintf(name, sizeof name, "uart%.4s", number);
    const struct rfc2217_config cfg = {
        .name = name,
        .host = o->rfc2217_host,
        .port = (uint16_t)(o->rfc2217_port + (o->rfc2217_port > 0 ? i : 0)),
        .loop = &a->loop,
        .clk = a->clk,
    };
    return rfc2217_new(&a->slots[i].uart, &cfg); /* the log says why not */
}

static int add_ports(struct app *a, unsigned i, const struct profile *profile) {
    int err = 0;
    for (enum profile_port kind = 0; err == 0 && kind < PROFILE_PORTS; kind++) {
        if ((profile->ports >> kind & 1) != 0) {
            err = add_port(a, i, kind);
        }
    }
    return err == 0 ? add_uart(a, i) : err;
}

/* The first port is the unit's own. */
static void put_on_ports(const struct modem_slot *slot) {
    for (enum profile_port kind = PROFILE_PORT_AT + 1; kind < PROFILE_PORTS; kind++) {
        if (slot->ports[kind] == NULL) {
            continue;
        }
        if (kind == PROFILE_PORT_NMEA) {
            unit_add_nmea(slot->unit, port_chan(slot->ports[kind]));
        } else {
            unit_add_port(slot->unit, port_kinds[kind].role, port_chan(slot->ports[kind]));
        }
    }
    if (slot->uart != NULL) {
        unit_add_port(slot->unit, CMD_UART, rfc2217_chan(slot->uart));
    }
}

/* The tty that a driver waits for last, so that all are there when it is. */
static void say_all_ready(const struct app *a, const struct modem_slot *slot) {
    if (slot->uart != NULL) {
        say_uart(a, slot->uart);
    }
    for (enum profile_port kind = 0; kind < PROFILE_PORTS; kind++) {
        if (slot->ports[kind] != NULL) {
            say_ready(a, slot->ports[kind]);
        }
    }
}

/* Number `i` of a->options.modems. */
static int start_modem(struct app *a, unsigned i) {
    const struct options *o = &a->options;
    struct modem_slot *slot = &a->slots[i];
    slot->watch = a->watch;
    const struct profile *profile = director_profile(a->director, profile_find(o->profile));
    if (add_ports(a, i, profile) != 0) {
        return EXIT_REFUSED;
    }
    struct unit_config unit = {
        .profile = profile,
        .name = port_chan(slot->ports[PROFILE_PORT_AT])->name,
        .clk = a->clk,
        .host = host_uv_host(a->host),
        .chan = port_chan(slot->ports[PROFILE_PORT_AT]),
        .way_out = {.loop = &a->loop, .route = a->route},
        .timing = o->timing,
        .seed = director_seed(a->director, o->seed) + i,
    };
    slot->unit = unit_new(&unit);
    put_on_ports(slot);
    struct modem *modem = unit_modem(slot->unit);
    for (enum impair_direction dir = IMPAIR_UP; dir < IMPAIR_DIRECTIONS; dir++) {
        modem_impair(modem, dir, &o->impair[dir]);
    }
    if (a->trace != NULL) {
        trace_attach(a->trace, &modem->bearer, i);
    }
    if (a->capture != NULL) {
        capture_attach(a->capture, &modem->bearer, i);
    }
    int code = keep_nvram(a, slot->unit, i);
    if (code == 0) {
        code = keep_files(a, slot->unit, i);
    }
    if (code == 0) {
        code = add_to_stage(a, i, unit.seed);
    }
    if (code == 0) {
        say_all_ready(a, slot);
    }
    return code;
}

static void stop_modem(struct modem_slot *slot) {
    unit_close(slot->unit);
    for (enum profile_port kind = 0; kind < PROFILE_PORTS; kind++) {
        port_close(slot->ports[kind]);
    }
    rfc2217_close(slot->uart);
    *slot = (struct modem_slot){0};
}

/* -- the program -- */

static void write_report(struct app *a, enum director_format format, FILE **to) {
    if (*to != NULL) {
        director_report(a->director, format, *to);
        if (fclose(*to) != 0) {
            a->code = complain(EXIT_REFUSED, "report", strerror(errno));
        }
        *to = NULL;
    }
}

static void print_json_report(const struct app *a, bool has_passed) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    must(to != NULL);
    director_report(a->director, DIRECTOR_TEXT, to);
    must(fclose(to) == 0);
    printf("{\"passed\":%s,\"report\":", has_passed ? "true" : "false");
    log_json_string(stdout, text);
    fputs("}\n", stdout);
    free(text);
}

/* What the scenario has come to. A run that is stopped before has failed. */
static void conclude(struct app *a) {
    const struct options *o = &a->options;
    if (o->scenario == NULL || a->director == NULL || a->code != EXIT_ASKED || a->is_concluded ||
        a->is_stopping) {
        return;
    }
    a->is_concluded = true;
    director_end(a->director);
    bool has_passed = director_has_passed(a->director);
    if (o->is_run) {
        a->code = has_passed ? EXIT_ASKED : EXIT_FAILED;
        if (o->is_json) {
            print_json_report(a, has_passed);
        } else {
            director_report(a->director, DIRECTOR_TEXT, stdout);
        }
        fflush(stdout);
    }
    write_report(a, DIRECTOR_JUNIT, &a->junit);
    write_report(a, DIRECTOR_TAP, &a->tap);
}

/* What has changed without a command, before the loop rests. */
static void on_saving(uv_prepare_t *saving) {
    const struct app *a = saving->data;
    for (unsigned i = 0; i < a->slot_count; i++) {
        unit_flush(a->slots[i].unit);
    }
}

static void on_leave(void *ctx) {
    stop_all(ctx);
}

/* What has passed must not fail because the module is gone: the answer that made it pass is still
 * on its way to the driver, who gets the time to read it and to close the tty. */
static void on_ending(uv_async_t *ending) {
    struct app *a = ending->data;
    bool is_news = !a->is_concluded;
    conclude(a);
    if (is_news && !a->is_asked && a->code == EXIT_ASKED && director_has_driver(a->director)) {
        clk_start(a->host_clk, &a->leave, CLK_MS(LEAVE_MS), on_leave, a);
    } else {
        stop_all(a);
    }
}

static void on_left(void *ctx) {
    struct app *a = ctx;
    if (a->is_concluded) {
        uv_async_send(&a->ending);
    }
}

static void on_signal(uv_signal_t *handle, int number) {
    struct app *a = handle->data;
    LOG(LOG_MAIN, LOG_INFO, NULL, "signal %d", number);
    a->is_asked = true;
    uv_async_send(&a->ending);
}

/* Somebody at the control socket wants it to end. */
static void on_stop(void *ctx) {
    struct app *a = ctx;
    a->is_asked = true;
    uv_async_send(&a->ending);
}

static int on_capture_start(void *ctx, const char *file) {
    struct app *a = ctx;
    if (a->capture != NULL) {
        return -EALREADY;
    }
    a->capture = capture_open(file, &a->loop, a->clk);
    if (a->capture == NULL) {
        return -errno;
    }
    for (unsigned i = 0; i < a->slot_count; i++) {
        capture_attach(a->capture, &unit_modem(a->slots[i].unit)->bearer, i);
    }
    return 0;
}

static int on_capture_stop(void *ctx, uint64_t *packets) {
    struct app *a = ctx;
    if (a->capture == NULL) {
        return -ENOENT;
    }
    int err = capture_close(a->capture, packets);
    a->capture = NULL;
    return err;
}

static void on_over(void *ctx) {
    struct app *a = ctx;
    if (a->options.is_run) {
        uv_async_send(&a->ending);
    }
}

/* Nobody came: a run that nobody watches must not wait for ever. */
static void on_wait(void *ctx) {
    struct app *a = ctx;
    char why[64];
    snprintf(why, sizeof why, "no driver opened the tty within %u s", a->options.wait_s);
    if (!director_has_started(a->director, why)) {
        uv_async_send(&a->ending);
    }
}

/* What the modules take of the system, before any of it is taken. */
static int take_capacity(const struct app *a) {
    enum { OF_TTY = 2, OF_UART = 3, OF_FOLDER = 2 }; /* itself and its claim; with its client */
    const struct options *o = &a->options;
    const struct profile *profile = director_profile(a->director, profile_find(o->profile));
    struct capacity c = {.modules = a->slot_count};
    for (enum profile_port kind = 0; kind < PROFILE_PORTS; kind++) {
        c.ttys += profile->ports >> kind & 1;
    }
    c.descriptors = c.ttys * OF_TTY + (o->rfc2217_host[0] != '\0' ? OF_UART : 0) +
                    (o->nvram != NULL ? OF_FOLDER : 0) + (o->files != NULL ? OF_FOLDER : 0);
    char error[CAPACITY_ERROR];
    return capacity_take(&c, error) == 0 ? 0 : complain(EXIT_REFUSED, "--modems", error);
}

/* A descriptor that opens as 0, 1 or 2 would be written to as if it were the console. */
static void fill_standard_descriptors(void) {
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

/* Returns the exit code; if it is not 0 nothing is there to be closed. */
static int build_loop(struct app *a) {
    static const int numbers[STOP_SIGNALS] = {SIGINT, SIGTERM};
    signal(SIGPIPE, SIG_IGN); /* a closed stdout is no reason to die */
    fill_standard_descriptors();
    int err = uv_loop_init(&a->loop);
    if (err != 0) {
        return complain(EXIT_REFUSED, "event loop", uv_strerror(err));
    }
    /* The first one makes what all need. */
    err = uv_signal_init(&a->loop, &a->signals[0]);
    if (err != 0) {
        must(uv_loop_close(&a->loop) == 0);
        return complain(EXIT_REFUSED, "signals", uv_strerror(err));
    }
    for (size_t i = 0; i < STOP_SIGNALS; i++) {
        must(i == 0 || uv_signal_init(&a->loop, &a->signals[i]) == 0);
        a->signals[i].data = a;
        must(uv_signal_start(&a->signals[i], on_signal, numbers[i]) == 0);
    }
    must(uv_async_init(&a->loop, &a->ending, on_ending) == 0);
    a->ending.data = a;
    must(uv_prepare_init(&a->loop, &a->saving) == 0);
    a->saving.data = a;
    unsigned factor = a->options.clock_factor;
    a->clk = factor > 0 ? clk_new_real(&a->loop, factor) : clk_new_manual();
    if (a->options.is_run) {
        a->host_clk = clk_new_real(&a->loop, 1);
    }
    log_set_clock(a->clk);
    a->peers = peers_new(&a->loop, a->clk);
    a->route = route_new();
    a->host = host_uv_new(&a->loop, a->clk, a->route);
    return 0;
}

static int open_report(FILE **to, const char *option, const char *path) {
    if (path != NULL && (*to = fopen(path, "we")) == NULL) {
        return complain_of(EXIT_REFUSED, option, path, strerror(errno));
    }
    return 0;
}

static int build_director(struct app *a) {
    const struct options *o = &a->options;
    const struct director_config cfg = {
        .loop = &a->loop,
        .clk = a->clk,
        .route = a->route,
        .peers = a->peers,
        .scenario = o->scenario,
        .version = SIM7X00_VERSION,
        .on_stop = on_stop,
        .on_over = on_over,
        .on_left = on_left,
        .on_capture_start = on_capture_start,
        .on_capture_stop = on_capture_stop,
        .ctx = a,
    };
    char error[SCENARIO_ERROR];
    int err = director_new(&a->director, &cfg, error);
    if (err != 0) {
        return complain(err == -EINVAL ? EXIT_USAGE : EXIT_REFUSED, "--scenario", error);
    }
    if (o->control != NULL && director_listen(a->director, o->control) != 0) {
        return EXIT_REFUSED; /* the log says why */
    }
    int code = open_report(&a->junit, "--junit", o->junit);
    return code != 0 ? code : open_report(&a->tap, "--tap", o->tap);
}

/* Where the file of this path lies. */
static void folder_with(const char *path, char to[PATH_SIZE]) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        snprintf(to, PATH_SIZE, ".");
    } else {
        snprintf(to, PATH_SIZE, "%.*s", slash > path ? (int)(slash - path) : 1, path);
    }
}

/* What has been opened stays so: reports, trace. */
static int enter_sandbox(struct app *a) {
    const struct options *o = &a->options;
    char link[PATH_SIZE];
    char control[PATH_SIZE];
    char says[SANDBOX_SAYS];
    char error[SANDBOX_ERROR];
    struct sandbox_path paths[4];
    size_t n = 0;
    if (!o->is_sandboxed) {
        return 0;
    }
    folder_with(o->link, link);
    paths[n++] = (struct sandbox_path){link, SANDBOX_NAMES};
    if (o->control != NULL) {
        folder_with(o->control, control);
        paths[n++] = (struct sandbox_path){control, SANDBOX_NAMES};
    }
    if (o->nvram != NULL) {
        paths[n++] = (struct sandbox_path){o->nvram, SANDBOX_KEEP};
    }
    if (o->files != NULL) {
        paths[n++] = (struct sandbox_path){o->files, SANDBOX_KEEP};
    }
    if (sandbox_enter(paths, n, says, error) != 0) {
        return complain(EXIT_REFUSED, "--sandbox", error);
    }
    LOG(LOG_MAIN, LOG_INFO, NULL, "sandbox: %s", says);
    return 0;
}

static int find_group(struct app *a) {
    const char *name = a->options.group;
    const struct group *group = name != NULL ? getgrnam(name) : NULL;
    if (name != NULL && group == NULL) {
        return complain_of(EXIT_USAGE, "--group", name, "no such group");
    }
    a->group = group != NULL ? group->gr_gid : 0;
    return 0;
}

static int set_dns(struct app *a) {
    const char *servers = a->options.dns;
    if (servers != NULL && host_uv_set_dns(a->host, servers) != 0) {
        fprintf(stderr, "sim7x00: --dns: '%s' is not allowed: ADDR[:PORT][,...]\n", servers);
        return EXIT_USAGE;
    }
    return 0;
}

static int open_records(struct app *a) {
    const struct options *o = &a->options;
    if (o->trace != NULL && (a->trace = trace_open(o->trace, a->clk)) == NULL) {
        return complain_of(EXIT_REFUSED, "--trace", o->trace, strerror(errno));
    }
    if (o->pcap != NULL && (a->capture = capture_open(o->pcap, &a->loop, a->clk)) == NULL) {
        return complain_of(EXIT_REFUSED, "--pcap", o->pcap, strerror(errno));
    }
    return 0;
}

static int start_modems(struct app *a) {
    a->slot_count = a->options.modems > 0 ? a->options.modems : 1;
    a->slots = xmalloc(a->slot_count * sizeof *a->slots);
    int code = take_capacity(a);
    if (code == 0 && watch_new(&a->watch, &a->loop) != 0) {
        code = EXIT_REFUSED;
    }
    for (unsigned i = 0; code == 0 && i < a->slot_count; i++) {
        code = start_modem(a, i);
    }
    return code;
}

/* Returns the exit code, 0: all is running. */
static int start_all(struct app *a) {
    static int (*const steps[])(struct app *) = {
        find_group, build_route, build_director, set_dns, open_records, start_modems, enter_sandbox,
    };
    const struct options *o = &a->options;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int code = steps[i](a);
        if (code != 0) {
            return code;
        }
    }
    if (o->nvram != NULL) {
        must(uv_prepare_start(&a->saving, on_saving) == 0);
    }
    if (o->is_quick_start && !o->is_json) {
        printf(quick_start_text, port_link(a->slots[0].ports[PROFILE_PORT_AT]));
    }
    if (o->is_run) {
        clk_start(a->host_clk, &a->wait, CLK_S(o->wait_s), on_wait, a);
    }
    fflush(stdout);
    int err = notify_say("READY=1");
    if (err != 0 && err != -ENOENT) {
        LOG(LOG_MAIN, LOG_WARN, NULL, "NOTIFY_SOCKET: %s", strerror(-err));
    }
    return 0;
}

/* Closes everything that has handles; the loop then runs empty. */
static void stop_all(struct app *a) {
    if (a->is_stopping) {
        return;
    }
    a->is_stopping = true;
    director_drop(a->director);
    capture_close(a->capture, NULL);
    for (unsigned i = 0; i < a->slot_count; i++) {
        stop_modem(&a->slots[i]);
    }
    clk_close(a->host_clk);
    trace_close(a->trace);
    watch_close(a->watch);
    host_uv_close(a->host);
    director_close(a->director);
    peers_close(a->peers);
    uv_close((uv_handle_t *)&a->ending, NULL);
    uv_close((uv_handle_t *)&a->saving, NULL);
    for (size_t i = 0; i < STOP_SIGNALS; i++) {
        uv_close((uv_handle_t *)&a->signals[i], NULL);
    }
}

static void fini(struct app *a) {
    /* Last, because the others' close callbacks may still ask for the time. */
    uv_run(&a->loop, UV_RUN_DEFAULT);
    log_set_clock(NULL);
    clk_close(a->clk);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&a->loop) == 0);
    route_free(a->route);
    free(a->slots);
}

static int run(struct app *a) {
    log_set_level(a->options.log_level);
    log_set_json(a->options.is_log_json);
    a->code = build_loop(a);
    if (a->code != 0) {
        return a->code;
    }
    a->code = start_all(a);
    if (a->code != 0) {
        stop_all(a);
    }
    uv_run(&a->loop, UV_RUN_DEFAULT); /* until on_signal's stop_all has left it empty */
    fini(a);
    return a->code;
}

/* All that can be known of a scenario without a module that plays it: the far ends are made, for
 * what their scripts say. */
static int check(struct app *a) {
    const struct options *o = &a->options;
    char error[SCENARIO_ERROR];
    int code = build_loop(a);
    if (code != 0) {
        return code;
    }
    struct scenario *sc = scenario_load(o->scenario, error);
    bool is_good = sc != NULL && scenario_build(sc, a->peers, a->route, error) == 0;
    scenario_free(sc);
    stop_all(a);
    fini(a);
    if (!is_good) {
        return complain(EXIT_USAGE, "--scenario", error);
    }
    printf("%s: good\n", o->scenario);
    return EXIT_ASKED;
}

static int print_library(void) {
    if (library_list(stdout) != 0) {
        return complain(EXIT_REFUSED, "--list-scenarios", "there is no library of scenarios");
    }
    return EXIT_ASKED;
}

static int print_schema(void) {
    struct cJSON *schema = scenario_schema();
    char *text = cJSON_Print(schema);
    must(text != NULL);
    bool is_indent = true;
    for (const char *c = text; *c != '\0'; c++) {
        /* Blanks for cJSON's tabs, of which it has none in texts. */
        fputs(*c != '\t' ? (char[]){*c, '\0'} : is_indent ? "  " : " ", stdout);
        is_indent = *c == '\n' || (is_indent && *c == '\t');
    }
    putchar('\n');
    cJSON_free(text);
    cJSON_Delete(schema);
    return EXIT_ASKED;
}

/* A library without memory would leave things out, and a text of the NVRAM would lack them. */
static void lend_memory(void) {
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = xmalloc, .free_fn = free});
    must(uv_replace_allocator(xmalloc, xrealloc, xcalloc, free) == 0);
}

int main(int argc, char **argv) {
    static struct app app;
    lend_memory();
    for (size_t i = 0; i < nprofiles && i < PROFILES_MAX; i++) {
        app.profile_names[i] = profiles[i].name;
    }
    char error[OPTIONS_ERROR_TEXT];
    if (options_parse(&app.options, argc, argv, app.profile_names, error) != 0) {
        fprintf(stderr, "sim7x00: %s\n", error);
        return EXIT_USAGE;
    }
    switch (app.options.action) {
    case OPTIONS_HELP:
        options_print_help(stdout, app.profile_names);
        return EXIT_ASKED;
    case OPTIONS_VERSION:
        puts("sim7x00 " SIM7X00_VERSION);
        return EXIT_ASKED;
    case OPTIONS_SCHEMA:
        return print_schema();
    case OPTIONS_LIBRARY:
        return print_library();
    case OPTIONS_RUN:
        break;
    }
    return app.options.is_check ? check(&app) : run(&app);
}
