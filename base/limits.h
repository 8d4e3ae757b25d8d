/* limits.h: every bound of the program, with its reason.
 *
 * Sizes are bytes unless the name says otherwise. What happens at a bound is
 * tested where the bound is used.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_LOG_RECENT 64 /* lines shown when a must fails: one command's worth */
#define LIMIT_LOG_LINE 1024 /* longest log line; longer ones are cut */

#define LIMIT_CHAN_IN 4096    /* bytes read ahead from a tty: then the kernel holds them */
#define LIMIT_CHAN_OUT 65536  /* bytes waiting for a tty: more than any one answer */
#define LIMIT_CHAN_HIGH 16384 /* waiting bytes at which producers stop */
#define LIMIT_CHAN_USERS 4    /* deepest stack: at, cmux, at, ppp */
#define LIMIT_CHAN_NAME 32    /* "usb2/dlci1" */

#define LIMIT_PORT_STASH 65536  /* read behind a full channel in search of an XON */
#define LIMIT_PORT_REST_MS 100  /* until what the kernel has refused to a tty is tried again */
#define LIMIT_PORT_HOLD_MS 1000 /* output kept for the next client of a tty that nobody has open */

#define LIMIT_RFC2217_OUT 32768 /* for a client, in it the answers to 4096 bytes of commands */

#define LIMIT_PORTS 2          /* of a module beside the first: modem, UART */
#define LIMIT_CMUX_INFO 1500   /* V3.00 19.2.18: octets that one frame carries (N1) */
#define LIMIT_CMUX_DLCIS 4     /* V3.00 19.2.18: virtual ports */
#define LIMIT_CMUX_STASH 16384 /* input that a virtual port could not take yet; then all wait */

#define LIMIT_LINE 559         /* characters after AT: V3.00 1.4 */
#define LIMIT_LINE_COMMANDS 39 /* commands on a line: V3.00 1.4 */
#define LIMIT_ARGS 24          /* arguments of one command: the widest row has fewer */
#define LIMIT_INFO 2048        /* one information line, without raw data */
#define LIMIT_URCS 64          /* waiting unsolicited results of one port */
#define LIMIT_URC_TEXT 768     /* longest unsolicited line: a +CUSD */
#define LIMIT_USSD 64         /* entries of a network's USSD table: more than a tree of menus has */
#define LIMIT_USSD_REPLIES 16 /* of one menu: digits, and some words */
#define LIMIT_USSD_TEXT 728   /* 182 septets (23.038 6.1.2.3), as UCS2 in hexadecimal */
#define LIMIT_FILTERS 64      /* of AT+CGTFT; a host sets a few */
#define LIMIT_REPORTS 16      /* lines that AT+CGEREP or AT+CMER holds back in mode 0 */
#define LIMIT_REPORT_TEXT 64  /* the longest of them is a +CGEV of a context */
#define LIMIT_ARENA 65536     /* what one command may allocate for its answer */
#define LIMIT_RECORDS 104     /* records of one keyed setting: PDP contexts 1-24 and 100-179 */
#define LIMIT_BUS_LISTENERS 16 /* listeners of one bus */

#define LIMIT_EXPECT_STEPS 512   /* expectations of a run: a long log of a driver has fewer */
#define LIMIT_EXPECT_LINE 4096   /* longest line compared whole and recorded; the rest is cut */
#define LIMIT_EXPECT_WINDOW 4096 /* bytes of a far end in which a pattern is surely seen */
#define LIMIT_EXPECT_RECORD 256  /* newest lines kept for the report: some screens */

#define LIMIT_LINKS 10         /* V3.00 11.2.3: links 0-9 */
#define LIMIT_SERVERS 4        /* V3.00 11.2.14: servers 0-3 */
#define LIMIT_SEND 1500        /* V3.00 11.2.5: bytes of one AT+CIPSEND */
#define LIMIT_PUSH 1460        /* bytes of one pushed +IPD: one TCP segment (field F14) */
#define LIMIT_STREAM_IN 65536  /* received bytes kept a link: then the peer's window closes */
#define LIMIT_STREAM_OUT 65536 /* bytes accepted from the driver, not yet taken by the host */
#define LIMIT_DGRAM_IN 65536   /* received datagram bytes kept a link; further ones are dropped */
#define LIMIT_DGRAM_SIZE 1500  /* longest datagram passed on; the rest of a longer one is cut */
#define LIMIT_ROUTES 64        /* --map and --listen entries each */
#define LIMIT_NAME 254         /* V3.00 11.3.1: domain name */
#define LIMIT_LABEL 63         /* V3.00 11.3.1: one label */

#define LIMIT_PPP_MRU 1500 /* bytes of a frame's payload: what everybody must take (RFC 1661 6.1) */
#define LIMIT_PPP_OUT 32768 /* bytes of a PPP link that wait for its line: some ten frames */
#define LIMIT_IP_FLOWS 256  /* TCP and UDP flows of a link: each may be a socket of the host */
#define LIMIT_IP_OUT                                                                               \
    131072 /* bytes of packets that wait for the driver: further ones are dropped */
#define LIMIT_IP_HIGH 32768 /* waiting bytes at which the host's sockets are not read any more */
#define LIMIT_IP_ECHOES 16  /* pings under way: further ones are dropped */
#define LIMIT_IP_NAMES 32   /* look-ups of names under way: the same */
#define LIMIT_IP_LISTENS 32 /* ports of the listen table that a link offers */

#define LIMIT_CAPTURE_OUT                                                                          \
    262144                    /* bytes of a capture that are not in its file yet: a turn's worth */
#define LIMIT_CAPTURE_PORTS 8 /* of one module in a capture: PPP on 3 and 4, the multiplexer */

#define LIMIT_FILES 1024     /* files and folders of one module: its list stays short to search */
#define LIMIT_FILE_PATH 254  /* V3.00 20.1: a name with its drive and folders */
#define LIMIT_FILE_BLOCK 512 /* bytes of one block of AT+CFTRANTX (guess) */
#define LIMIT_I2C_DEVICES 8  /* on the module's I2C bus: a board has fewer */

#define LIMIT_WIFI_CLIENTS 32   /* V3.00 27.3.9 */
#define LIMIT_WIFI_NETWORKS 32  /* in the air: a street has fewer */
#define LIMIT_WIFI_MESSAGE 1024 /* V3.00 27.3.13: bytes of a line; the rest is ignored */
#define LIMIT_WIFI_CACHE 10240  /* V3.00 27.3.13: bytes not fetched yet; further ones are lost */

#define LIMIT_BLUETOOTH_DEVICES 32    /* around one module: a scan of 6 s finds more */
#define LIMIT_GATT_CHARACTERISTICS 64 /* of one module: a profile has fewer */
#define LIMIT_GATT_VALUE 512          /* bytes of a value: Core 5.2 3.F.3.2.9 */
#define LIMIT_GATT_WRITE 100          /* bytes of one write: its line is below LIMIT_URC_TEXT */

#define LIMIT_ANSWER 16384  /* bytes of an answer that was made outside */
#define LIMIT_RULES 256     /* rules on one module */
#define LIMIT_PENDING 1024  /* actions on one module that wait for their time */
#define LIMIT_RULE_CHAIN 16 /* rules that lead to each other within one instant */
#define LIMIT_TTY_EDITS 32  /* faults that wait for their byte of one tty's output */

#define LIMIT_JSON (4 << 20)    /* bytes of a JSON text from outside */
#define LIMIT_JSON_VALUES 65536 /* values in one: what it costs in memory, 64 bytes and more each */
#define LIMIT_JSON_DEPTH 32     /* nesting: the format needs 10 */

#define LIMIT_NVRAM (1 << 20) /* bytes of a module's stored settings: all contexts have 0.1 MB */

#define LIMIT_PATTERN 256         /* bytes of a regular expression */
#define LIMIT_PATTERN_REPEAT 255  /* bound of one interval: what POSIX promises (RE_DUP_MAX) */
#define LIMIT_PATTERN_STATES 1024 /* with its repetitions copied out: 4 KB are searched in 20 ms */

#define LIMIT_CONTROL_CLIENTS 32 /* clients of one control socket: the next one is sent away */
#define LIMIT_CONTROL_LINE (LIMIT_JSON + 65536) /* a longer text is refused, a longer line fatal */
#define LIMIT_CONTROL_CALLS 64          /* open requests of a client: the next one is refused */
#define LIMIT_CONTROL_OUT (1 << 20)     /* waiting for a client: then it is not served any more */
#define LIMIT_CONTROL_LEAVE_MS 500      /* of the host: for the last answers, at the end */
#define LIMIT_CONTROL_TOPICS 32         /* subscriptions of a client */
#define LIMIT_CONTROL_TOPIC 64          /* bytes of one: the longest topic has fewer */
#define LIMIT_CONTROL_ID 128            /* bytes of a request's id: it is kept and sent back */
#define LIMIT_CONTROL_ANSWER (64 << 20) /* longest line sim7x00ctl takes: who sends it is lost */
#define LIMIT_VIEW_LINE 2048 /* bytes of a line that sim7x00ctl watch collects; then it is cut */
#define LIMIT_VIEW_URCS 64   /* unsolicited lines that it waits to see written, as a port holds */
#define LIMIT_PEERS 64       /* far ends: more than the links of six modules */
#define LIMIT_PEER_CONNECTIONS 1024 /* of all far ends: one of each of 1000 modules, and some */
#define LIMIT_PEER_STEPS 256        /* of one script: more than anyone reads */
#define LIMIT_MAGIC_NAMES 256       /* magic names with a number in them that have an address */

#endif
