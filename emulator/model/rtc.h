/* rtc.h: the module's real time clock: local time and time zone as AT+CCLK has them (V3.00 3.2.17).
 * Runs through restarts. Caller's memory; borrows the clock for each call. */
#ifndef EMULATOR_MODEL_RTC_H
#define EMULATOR_MODEL_RTC_H

#include <stdbool.h>

#include "base/clk.h"
#include "base/sv.h"

struct rtc {
    clk_dur ahead; /* of the host's UTC */
    bool has_zone; /* from the factory on it has none */
    int zone;      /* quarters of an hour east of Greenwich, -47 to 48 */
};

enum { RTC_TEXT = 21 };

/* "yy/MM/dd,hh:mm:ss", with a zone "+zz" or "-zz" behind it. -EINVAL: not of this form, or no such
 * time. Without a zone the old one stays. */
int rtc_set(struct rtc *rtc, const struct clk *clk, struct sv text);
bool rtc_is_zone(int zone);
/* -ERANGE: a zone or, in that zone, a year (2000 to 2099) that the clock has not. */
int rtc_set_utc(struct rtc *rtc, const struct clk *clk, clk_wall utc, int zone);
void rtc_text(const struct rtc *rtc, const struct clk *clk, char to[RTC_TEXT]);

#endif
