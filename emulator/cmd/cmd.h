/* cmd.h: what the command families share: one AT session, the module behind it, their own state.
 *
 * The only place where AT syntax and the model meet. Handlers reach it through
 * cmd_of(rq); results that come later arrive on the bus and leave as unsolicited
 * results of the session they belong to.
 *
 * Owns:    the session and the families' state. Borrows: modem, settings, channel.
 */
#ifndef EMULATOR_CMD_CMD_H
#define EMULATOR_CMD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/limits.h"
#include "emulator/at/escape.h"
#include "emulator/at/req.h"
#include "emulator/at/session.h"
#include "emulator/model/modem.h"
#include "emulator/model/profile.h"
#include "emulator/model/sim_text.h"
#include "emulator/model/toolkit.h"
#include "netstack/ping.h"

struct chan;
struct chan_user;
struct cmd;
struct cmd_data_kind;
struct dial;
struct net_ping;
struct net_resolve;
struct sntp;
struct setting_store;
struct tcpip;

enum { CMD_REPORTS = 3, CMD_INDICATORS = 4, CMD_GNSS_REPORTS = 4 };
enum { CMD_RLP_VERSIONS = 3, CMD_ECALL_TIMERS = 3 };
enum { CMD_NO_ARG = LIMIT_ARGS }; /* of no command */

/* Unsolicited lines that a <mode> of 0 holds back in the module (V3.00 8.2.14, 27.007 8.10). */
struct held {
    char lines[LIMIT_REPORTS][LIMIT_REPORT_TEXT];
    size_t n; /* oldest first */
};

/* Of one version of the radio link protocol (V3.00 5.2.4). */
struct rlp {
    int values[4]; /* <iws>, <mws>, <T1>, <N2> */
    int t4;        /* 0: never set */
};

/* Which port of the module the session is on: what AT+CATR calls it by (V3.00 3.2.11). */
enum cmd_role { CMD_ANY = 0, CMD_UART, CMD_MODEM, CMD_AT, CMD_DLCI1 };

/* What AT+CMUX asks for (V3.00 19.2.18); what it leaves out is as AT+CMUX? prints it. */
struct cmd_mux_mode {
    bool is_advanced;
    size_t n1;
    bool is_n1_given;
    int t2;
};

/* Who multiplexes ports; what starts it stands on the port from the next byte on, with the context
 * that is returned. NULL: it cannot be. */
struct cmd_mux {
    const struct chan_user *(*start)(void *ctx, struct cmd *c, const struct cmd_mux_mode *mode,
                                     void **user_ctx);
    void *ctx;
};

struct cmd {
    uint32_t magic;
#define CMD_MAGIC 0xc03da7adu
    enum cmd_role role;
    struct cmd *first; /* of the module's sessions: it keeps what is the module's and no setting */
    struct modem *modem;
    struct at_session *session;
    struct setting_store *module;
    struct tcpip *tcpip; /* cmd_tcpip.h */
    struct {
        struct net_resolve *name; /* its name is being looked up */
        struct net_ping *session; /* it runs; at most one of the two is set */
        struct ping_config cfg;
    } ping;           /* cmd_ping.c */
    struct sntp *ntp; /* AT+CNTP under way; cmd_ntp.c */
    struct {
        enum { LBS_CLOSED, LBS_OPENING, LBS_OPEN } state; /* as +CNETSTART tells it */
        int err;                                          /* of the opening */
        clk_dur delay;                                    /* before its result */
        struct clk_timer opening, under_way;
        struct bearer_user user; /* attached: the bearer is there, or is waited for */
        struct at_req *asked;    /* AT+CLBS under way, or NULL */
    } lbs;                       /* cmd_lbs.c */
    int reported[CMD_REPORTS];   /* the newest <stat> of +CREG, +CGREG and +CEREG */
    uint32_t reported_ci;        /* the cell of these */
    int reported_mode;           /* the newest <stat> of +CNSMOD */
    struct held cgev, ciev;
    struct filter *filters;               /* of the first session: of +CGTFT; cmd_tft.c */
    bool has_uart;                        /* of the first session: another one is on the UART */
    bool has_service;                     /* the packet service, as +CGEV has last seen it */
    int indicators[CMD_INDICATORS];       /* the newest values of +CIND */
    struct rlp rlp[CMD_RLP_VERSIONS];     /* cmd_call.c */
    int ecall_timeouts[CMD_ECALL_TIMERS]; /* cmd_ecall.c */
    struct {
        struct clk_timer step; /* until the next line */
        bool is_checked;
    } fota;        /* cmd_fota.c */
    int cops_mode; /* of the newest AT+COPS= */
    struct {
        int rssi, ber;          /* as reported last */
        struct clk_timer every; /* AT+AUTOCSQ=1,0 */
    } csq;                      /* cmd_status.c */
    struct {
        struct clk_timer warning; /* AT+CVALARM: while the supply is bad */
        int heat;                 /* as +CMTE told it last */
        bool is_high[HARDWARE_PINS];
    } hw; /* cmd_hardware.c */
    struct {
        struct gnss_report {
            struct cmd *cmd;
            struct clk_timer timer; /* until the next one */
        } reports[CMD_GNSS_REPORTS];
        enum gnss_state state; /* the newest one */
        /* Of the first session: what the module has started with. Later changes count from its
         * next start on. */
        uint32_t nmea; /* the sentences of AT+CGPSNMEA */
        uint32_t modes;
        unsigned systems;
        bool has_server, has_xtra;
    } gnss;                /* cmd_gnss.c */
    struct clk_timer scan; /* AT+COPS=? */
    uint8_t cops_techs;    /* its <AcT>: 1 << enum profile_tech; 0: none given */
    struct clk_timer cpsi; /* until the next +CPSI of AT+CPSI=<time> */
    bool is_choosing;      /* AT+CNAOP is being stored, a slot at a time */
    struct power {
        enum power_state state; /* the newest one */
        /* What a command has asked for; it is done behind its line's result. */
        enum { POWER_GO_NOWHERE, POWER_GO_RESTART, POWER_GO_OFF } go;
        struct clk_timer going;
        size_t next;            /* line of the start */
        struct clk_timer start; /* until that one */
        struct clk_timer usb;   /* until the port on USB is there */
    } power;                    /* cmd_power.c */
    struct {
        struct toolkit toolkit;
        struct clk_timer patience; /* for an answer */
        bool is_on, is_pdu;        /* as set at the start */
    } stk;                         /* of the first session; cmd_stk.c */
    struct {
        enum sleep_state { SLEEP_AWAKE, SLEEP_ASLEEP, SLEEP_WAKING } state;
        struct clk_timer timer; /* until the next one */
    } sleep;                    /* cmd_sleep.c */
    struct dial *dial;          /* cmd_dial.c */
    struct {
        const struct cmd_data_kind *kind; /* of the mode the port is in, or NULL */
        struct escape escape;
        struct clk_timer guard;   /* of the escape */
    } data;                       /* cmd_data.c */
    struct cmd_mux mux;           /* cmd_mux.c */
    struct cmd_mux_mode mux_mode; /* the newest one */
    bool is_muxed;                /* frames go over its port: unsolicited results do not */
    void (*before_result)(void *ctx);
    void *before_ctx;
};

/* `first` is the session that was made first, NULL: this one. */
struct cmd *cmd_new(struct modem *modem, struct setting_store *module, struct chan *chan,
                    enum cmd_role role, struct cmd *first);
void cmd_set_mux(struct cmd *c, const struct cmd_mux *mux);
/* Frames go over the port from now on, or no longer. */
void cmd_set_muxed(struct cmd *c, bool is_muxed);
void cmd_close(struct cmd *c); /* its links go to the first one; NULL is allowed */

/* AT&W's copies are the module's: any port's AT&W goes to the first session, and each takes them
 * from there before it falls back on them. */
void cmd_take_profile(struct cmd *c);

/* Of the first session: is called before each final result of a command line goes out on any port:
 * what it says is true then. NULL: nobody is. */
void cmd_before_result(struct cmd *c, void (*cb)(void *ctx), void *ctx);

struct cmd *cmd_of(struct at_req *rq);
struct cmd *cmd_from(void *ctx); /* in a callback whose context it is */

/* Ends a write: stores what was given as the row says, or ERROR where the values are not fit. */
void cmd_store_if(struct at_req *rq, bool is_fit);

/* Whether the card's PIN2 is good, if it is given as argument `arg`, then by it; if not the request
 * is ended. */
bool cmd_has_pin2(struct at_req *rq, size_t arg);
void cmd_end_pin2(struct at_req *rq, int rc); /* with what entering it, or its PUK, has given */

/* The number that a dial string means behind its > (without its semicolon). 0, or the error. */
int cmd_phonebook_find(const struct cmd *c, struct sv text, char number[SIM_NUMBER_TEXT]);

/* The bus, by family. */
void cmd_tcpip_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_network_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_ussd_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_packet_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_standard_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_status_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_hardware_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_dial_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_mifi_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_gnss_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_audio_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_call_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_bluetooth_event(struct cmd *c, unsigned topic, const void *payload);
void cmd_power_event(struct cmd *c, unsigned topic, const void *payload);
/* The result of a line is out. */
void cmd_power_done(struct cmd *c);

/* DTR or AT+CSCLK has changed. */
void cmd_sleep_changed(struct cmd *c);

/* A setting of the module has changed. */
void cmd_cells_changed(struct cmd *c, unsigned slot);
void cmd_cells_select(struct cmd *c, uint8_t techs); /* AT+COPS: only these; 0: any */

/* Starts and ends with the session. */
void cmd_status_stop(struct cmd *c);
void cmd_bluetooth_load(struct cmd *c); /* what is stored has come */
void cmd_call_start(struct cmd *c);     /* the module's start, too */
void cmd_ecall_start(struct cmd *c);    /* the module's start, too */
void cmd_fota_stop(struct cmd *c);
void cmd_hardware_start(struct cmd *c); /* the module's start, too */
void cmd_hardware_stop(struct cmd *c);
void cmd_gnss_start(struct cmd *c); /* the module's start, too */
void cmd_gnss_stop(struct cmd *c);
void cmd_network_start(struct cmd *c); /* the module's start, too */
void cmd_packet_start(struct cmd *c);
void cmd_standard_start(struct cmd *c);
void cmd_network_stop(struct cmd *c);
void cmd_sleep_stop(struct cmd *c);
void cmd_power_start(struct cmd *c);
void cmd_mux_start(struct cmd *c);
void cmd_dial_start(struct cmd *c);
void cmd_dial_stop(struct cmd *c);
void cmd_power_stop(struct cmd *c);
void cmd_stk_start(struct cmd *c); /* the module's start, too */
void cmd_stk_stop(struct cmd *c);
void cmd_stk_card_ready(struct cmd *c); /* behind the start's lines */
void cmd_tcpip_start(struct cmd *c);
void cmd_tcpip_stop(struct cmd *c);
void cmd_tcpip_reset(struct cmd *c); /* the module has gone off */
void cmd_ping_stop(struct cmd *c);
void cmd_ntp_stop(struct cmd *c);
void cmd_lbs_stop(struct cmd *c);
void cmd_tft_stop(struct cmd *c);

/* A report whose command has <mode> 0 (hold it back), 1 (drop it in data mode) or more (tell it,
 * behind data mode at the latest). */
void cmd_report(struct cmd *c, struct held *held, int mode, const char *text);
/* The command has got `mode`: other than 0 tells what is held back, or forgets it. */
void cmd_report_mode(struct cmd *c, struct held *held, int mode, bool is_told);

/* A command restarts the module, behind its line's result. */
void cmd_power_restart(struct cmd *c);
void cmd_power_off(struct cmd *c);       /* by itself, behind what it has said */
void cmd_power_say_start(struct cmd *c); /* all lines of a start with a good card, at once */

#endif
