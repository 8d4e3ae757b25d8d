/* profile.h: which module is emulated: identity, card, cell and wire quirks.
 *
 * The table is generated from emulator/profiles/<name>.json; it is const and lives for ever.
 * Code asks the profile for a named quirk, never for its name.
 */
#ifndef EMULATOR_MODEL_PROFILE_H
#define EMULATOR_MODEL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Radio technologies. A serving cell is of one of the first three: those behind are only what a
 * module has. A voice call suspends TCP in GSM only (note 2.10). */
enum profile_tech { PROFILE_GSM, PROFILE_WCDMA, PROFILE_LTE, PROFILE_TDS, PROFILE_CDMA };

/* Its ttys beside the diagnostic one, which nobody can use. */
enum profile_port { PROFILE_PORT_AT, PROFILE_PORT_MODEM, PROFILE_PORT_NMEA, PROFILE_PORTS };

struct profile {
    const char *name;   /* --profile NAME */
    const char *source; /* where its values come from */

    const char *manufacturer;  /* ATI, +CGMI */
    const char *model;         /* ATI, +CGMM */
    const char *revision_ati;  /* ATI */
    const char *revision_cgmr; /* +CGMR */
    const char *imei;          /* 15 digits, check digit right */
    const char *meid;          /* +SMEID: 14 hexadecimal digits; "": it has none */
    const char *gcap;          /* what follows "+GCAP: " */

    const char *iccid; /* 20 characters */
    const char *imsi;

    const char *oper_long, *oper_short, *oper_numeric; /* +COPS formats 0, 1, 2 */
    uint8_t techs;                     /* what the module has: 1 << enum profile_tech */
    const char *bands;                 /* of GSM, CDMA and WCDMA, as +CNBP? prints them */
    const char *lte_bands, *tds_bands; /* the same of LTE and TD-SCDMA */
    enum profile_tech tech;            /* of the best cell that is there */
    int32_t band;                      /* that cell's position in the masks of +CNBP */
    int32_t cops_act;                  /* <AcT> of +COPS? */
    int32_t cnsmod_stat;               /* <stat> of +CNSMOD? when in service */
    int32_t rssi, ber;                 /* +CSQ */
    const char *cpsi;                  /* what follows "+CPSI: " */
    const char *lac, *ci;  /* hex digits without quotes; lac is the tac of an LTE cell */
    const char *ip;        /* address of the first context */
    int32_t wireless_rate; /* bit/s, in CONNECT under AT&E0 */
    int32_t rtt_ms;        /* the module's estimate of a round trip in this cell (note 2.6) */
    int32_t dormancy_s;    /* without traffic the packet service is dormant after it (note 2.9) */

    bool usb;      /* its ports are USB devices: gone while it is off */
    uint8_t ports; /* 1 << enum profile_port; the AT port always */

    const char *rcv_from;        /* sender line up to the address: "RECV FROM:" (field F12) */
    bool ipclose_space;          /* "+IPCLOSE: 0, 1" (note 2.3.1), else "0,1" (field F17) */
    bool server_rings;           /* a caller of a transparent server rings, S0 times (guess) */
    bool rxget_announces_sender; /* the sender line announces data to be fetched (note 2.3.6) */
};

/* The default profile comes first. */
extern const struct profile profiles[];
extern const size_t nprofiles;

/* NULL: no such profile. */
const struct profile *profile_find(const char *name);

#endif
