/* rtc.h: the module's real time clock: local time and time zone as AT+CCLK has them (V3.00 3.2.17),
 * and what the network tells of both. Runs through restarts. Caller's memory; borrows the clock for
 * each call. */
#ifndef EMULATOR_MODEL_RTC_H
#define EMULATOR_MODEL_RTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clk.h"
#include "base/sv.h"

struct rtc {
    clk_dur ahead; /* of the host's UTC */
    bool has_zone; /* else none was ever told */
    int zone;      /* quarters of an hour east of Greenwich, -47 to 48 */
};

/* What a network tells of the time (NITZ: 24.008 10.5.3.8, 10.5.3.9, 10.5.3.12). */
struct nitz {
    bool is_silent; /* it tells nothing */
    bool has_time;  /* universal time, too; else the zone alone */
    clk_dur ahead;  /* its universal time, of the host's */
    int zone;       /* of local time, summer time included; as above */
    int summer;     /* hours of summer time, 0 to 2; -1: it does not say */
};

enum { RTC_TEXT = 21, RTC_ZONE_LEAST = -47, RTC_ZONE_MOST = 48, NITZ_SUMMER_MOST = 2 };
struct rtc_date {
    int year, month, day, hour, minute, second; /* month and day from 1 on */
};

/* Of seconds since 1970, from then on. */
struct rtc_date rtc_date_of(int64_t s);

/* "yy/MM/dd,hh:mm:ss", with a zone "+zz" or "-zz" behind it. -EINVAL: not of this form, or no such
 * time. Without a zone the old one stays. */
int rtc_set(struct rtc *rtc, const struct clk *clk, struct sv text);
bool rtc_is_zone(int zone);
/* -ERANGE: a zone or, in that zone, a year (2000 to 2099) that the clock has not. */
int rtc_set_utc(struct rtc *rtc, const struct clk *clk, clk_wall utc, int zone);
void rtc_text(const struct rtc *rtc, const struct clk *clk, char to[RTC_TEXT]);
bool rtc_is_time(struct sv text); /* of this form, without a zone */
/* The clock as the network has it. A zone alone moves a clock that has one, and no other. */
void rtc_follow(struct rtc *rtc, const struct nitz *nitz);

/* Universal time is the host's and the zone Greenwich's (guess); of summer time nothing is said. */
void nitz_init(struct nitz *nitz);
/* Universal time, "yy/MM/dd,hh:mm:ss", that the network has now. -EINVAL as rtc_set. */
int nitz_set_time(struct nitz *nitz, const struct clk *clk, struct sv text);
void nitz_text(const struct nitz *nitz, const struct clk *clk, char to[RTC_TEXT]);

#endif
