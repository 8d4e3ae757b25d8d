/* What system software says to a module before it is of use: ModemManager 1.20 as its log shows it
 * (docs/modemmanager.md), oFono's atmodem drivers, the reference RIL, wvdial. From cold, in any
 * order, with echo or without, each line is answered by exactly one final result. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "base/sv.h"
#include "tests/support/unit_rig.h"

enum { ROUNDS = 40, WAIT_S = 60 };

/* Without the OK of these one of them gives the module up, or misses something that it has. */
static const char *const needed[] = {
    "AT",
    "ATE0",
    "ATE1",
    "ATV1",
    "ATX4",
    "ATZ",
    "ATH",
    "ATI",
    "AT&C1",
    "ATE0Q0V1",
    "ATS0=0",
    "ATQ0 V1 E1 S0=0 &C1 &D2 +FCLASS=0",
    "ATE0 +CMEE=1",
    "AT+CMEE=1",
    "AT+GCAP",
    "AT+GMI",
    "AT+CGMI",
    "AT+CGMM",
    "AT+CGMR",
    "AT+CGSN",
    "AT+CIMI",
    "AT+CICCID",
    "AT+CPIN?",
    "AT+CFUN?",
    "AT+CFUN=1",
    "AT+WS46=?",
    "AT+CSCS=?",
    "AT+CSCS=\"UCS2\"",
    "AT+CSCS=\"GSM\"",
    "AT+CSCS?",
    "AT+CGDCONT=?",
    "AT+CGDCONT?",
    "AT+CGDCONT=1,\"IP\",\"internet\"",
    "AT+CNAOP?",
    "AT+CRSM=176,12258,0,0,10",
    "AT+CRSM=192,28589",
    "AT+CRSM=176,28589,0,0,4",
    "AT+CRSM=176,28486,0,0,17",
    "AT+CRSM=176,28599,0,0,15",
    "AT+CRSM=176,28478,0,0,0",
    "AT+CLCK=?",
    "AT+CLCK=\"SC\",2",
    "AT+CPINR",
    "AT+SPIC",
    "AT+CUSD=?",
    "AT+CUSD=1",
    "AT+CNMI=?",
    "AT+CNMI=2,1,2,2,0",
    "AT+CPMS=?",
    "AT+CPMS?",
    "AT+CPMS=\"SM\",\"ME\",\"ME\"",
    "AT+CMGF=?",
    "AT+CMGF=0",
    "AT+CSMS=?",
    "AT+CSMS?",
    "AT+CESQ=?",
    "AT+CESQ",
    "AT+CSQ",
    "AT+CIND=?",
    "AT+CIND?",
    "AT+CMER=?",
    "AT+CMER=3,0,0,1",
    "AT+IFC=?",
    "AT+IFC=2,2",
    "AT+CGEREP=?",
    "AT+CGEREP=2",
    "AT+CNSMOD=?",
    "AT+CNSMOD=1",
    "AT+CNSMOD?",
    "AT+AUTOCSQ=?",
    "AT+AUTOCSQ=1,1",
    "AT+CREG=?",
    "AT+CREG=2",
    "AT+CREG?",
    "AT+CGREG=?",
    "AT+CGREG=2",
    "AT+CGREG?",
    "AT+CEREG=2",
    "AT+CEREG?",
    "AT+CGATT?",
    "AT+CGATT=1",
    "AT+CGACT?",
    "AT+CPOL?",
    "AT+COPS=3,0",
    "AT+COPS=3,2",
    "AT+COPS?",
    "AT+COPS=3,0;+COPS?;+COPS=3,1;+COPS?;+COPS=3,2;+COPS?",
    "AT+CLIP=1",
    "AT+COLP=0",
    "AT+CRC=1",
    "AT+CMOD=0",
    "AT+CSSN=0,1",
    "AT+CCLK?",
    "AT+CTZU=1",
    "AT+CTZR=1",
    "AT+CSSN=1,1",
    "AT+COLP=1",
    "AT+COLP?",
    "AT+CLIP?",
    "AT+CLIR?",
    "AT+CLVL=?",
    "AT+CLVL?",
    "AT+CGEREP=2,1",
    "AT+CGSMS?",
    "AT+CSCA?",
    "AT+CUSD=2",
    "AT+CAOC=0",
    "AT+COPS=0",
};

/* Said as well; what is not there is answered by an error, and the software goes on. */
static const char *const tried[] = {
    "AT*CNTI=2",  "AT+CPLS=0", "AT+CEMODE?",      "AT+CPCMREG=?", "AT+CSIM=10,\"0020000100\"",
    "AT+CPOL=,2", "AT+CNUM",   "AT+CLCC=?",       "AT+CLCC",      "AT+CCWA=1",
    "AT+CMGL=4",  "AT+CSMS=1", "AT+CSCS=\"HEX\"", "AT+CPBS=?",    "AT+CPBS?",
    "AT+CMUT=0",  "AT+CNAP=1", "AT+CDIP=1",       "AT+CTEC?",     "AT+VTD?",
    "AT+CGPS?",   "AT%CSQ=1",  "AT^SYSINFO",      "AT$QCPDPP",    "AT+CNMI=2,1,2,1,0",
    "AT+CFUN=4",  "AT+COPS=?", "AT+CNMA=0",       "AT+CSCB=0",    "AT+CSCB=?",
    "AT+CPBR=?",  "AT+CUAD",   "AT+CCWA=1,2",     "AT+CUSATT=0",  "AT+COLR",
    "AT+CDIP?",   "AT+CNAP?",  "AT+CMUT?",        "AT+VTD=?",     "AT+CHUP",
    "AT+CACM?",   "AT+CAMM?",  "AT+CPUC?",
};

enum { NEEDED = sizeof needed / sizeof needed[0], TRIED = sizeof tried / sizeof tried[0] };

static struct unit_rig rig;

static bool is_error(struct sv line) {
    return sv_eq(line, SV("ERROR")) || sv_starts_nocase(line, SV("+CME ERROR:")) ||
           sv_starts_nocase(line, SV("+CMS ERROR:"));
}

/* How many final results are in the text; whether they are errors. */
static unsigned count_results(const char *text, bool *is_bad) {
    unsigned n = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "\r\n");
        struct sv line = {at, len};
        if (is_error(line) || sv_eq(line, SV("OK"))) {
            n++;
            *is_bad = is_error(line);
        }
        at += len + strspn(at + len, "\r\n");
    }
    return n;
}

/* One line; nothing more comes behind its result but what nobody asked for. */
static void say(const char *line, bool must_be_good, unsigned round) {
    bool is_bad = false;
    unit_rig_type(&rig, line);
    unit_rig_type(&rig, "\r");
    unsigned results = count_results(unit_rig_read(&rig), &is_bad);
    for (int s = 0; s < WAIT_S && results == 0; s++) {
        unit_rig_pass(&rig, CLK_S(1));
        results = count_results(unit_rig_read(&rig), &is_bad);
    }
    cr_assert_eq(results, 1, "round %u: %s has %u results: %s", round, line, results, rig.out);
    cr_assert(!must_be_good || !is_bad, "round %u: %s is refused: %s", round, line, rig.out);
}

Test(start_talk, any_order_has_one_result_a_line_and_the_needed_ones_are_good) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        const char *lines[NEEDED + TRIED];
        struct rng rng = rng_stream(round, "talk");
        memcpy(lines, needed, sizeof needed);
        memcpy(lines + NEEDED, tried, sizeof tried);
        unit_rig_start(&rig, "sim7600e");
        unit_rig_ask(&rig, "ATE1", OK); /* ATE0 and ATZ are among the lines */
        for (size_t left = NEEDED + TRIED; left > 0; left--) {
            size_t i = (size_t)rng_below(&rng, left);
            bool must_be_good = false;
            for (size_t k = 0; k < NEEDED; k++) {
                must_be_good = must_be_good || lines[i] == needed[k];
            }
            say(lines[i], must_be_good, round);
            lines[i] = lines[left - 1];
        }
        unit_rig_stop(&rig);
    }
}
