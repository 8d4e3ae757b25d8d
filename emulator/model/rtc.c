#include "emulator/model/rtc.h"

#include <errno.h>
#include <stdio.h>

enum {
    FIELDS = 6, /* year of the century, month, day, hour, minute, second */
    TEXT_PLAIN = 17,
    TEXT_ZONED = 20,
    QUARTER_S = 900,
    DAY_S = 86400,
    CENTURY = 2000, /* the two digits count from it (guess) */
};

static bool is_leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Of 1 January, since 1970. */
static int64_t year_start(int64_t year) {
    int64_t before = year - 1;
    int64_t leaps = before / 4 - before / 100 + before / 400;
    return (year - 1970) * 365 + leaps - 477; /* 477 leap years before 1970 */
}

static int two_digits(const char *p) {
    bool are_digits = p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9';
    return are_digits ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

static bool parse_fields(const char *p, int field[FIELDS]) {
    static const char behind[] = "//,::";
    for (int i = 0; i < FIELDS; i++) {
        field[i] = two_digits(p + 3 * i);
        if (field[i] < 0 || (i + 1 < FIELDS && p[3 * i + 2] != behind[i])) {
            return false;
        }
    }
    return field[1] >= 1 && field[1] <= 12 && field[2] >= 1 &&
           field[2] <= month_days(CENTURY + field[0], field[1]) && field[3] < 24 && field[4] < 60 &&
           field[5] < 60;
}

bool rtc_is_time(struct sv text) {
    int f[FIELDS];
    return text.n == TEXT_PLAIN && parse_fields(text.p, f);
}

/* Seconds since 1970. */
static int64_t seconds_of(const int f[FIELDS]) {
    int64_t days = year_start(CENTURY + f[0]) + f[2] - 1;
    for (int m = 1; m < f[1]; m++) {
        days += month_days(CENTURY + f[0], m);
    }
    return days * DAY_S + f[3] * 3600 + f[4] * 60 + f[5];
}

static clk_dur ahead_of(const struct clk *clk, int64_t s) {
    return CLK_US(s * 1000000 - clk_wall_now(clk).us);
}

int rtc_set(struct rtc *rtc, const struct clk *clk, struct sv text) {
    int f[FIELDS];
    bool is_zoned = text.n == TEXT_ZONED;
    if ((text.n != TEXT_PLAIN && !is_zoned) || !parse_fields(text.p, f)) {
        return -EINVAL;
    }
    if (is_zoned) {
        const char *sign = text.p + TEXT_PLAIN;
        int zone = two_digits(sign + 1);
        zone = *sign == '-' ? -zone : zone;
        bool is_sign = *sign == '+' || *sign == '-';
        if (!is_sign || two_digits(sign + 1) < 0 || zone < RTC_ZONE_LEAST || zone > RTC_ZONE_MOST) {
            return -EINVAL;
        }
        rtc->has_zone = true;
        rtc->zone = zone;
    }
    rtc->ahead = ahead_of(clk, seconds_of(f));
    return 0;
}

struct rtc_date rtc_date_of(int64_t s) {
    int64_t days = s / DAY_S;
    int of_day = (int)(s % DAY_S);
    int64_t year = 1970 + days / 366; /* not later than it is */
    while (year_start(year + 1) <= days) {
        year++;
    }
    int day = (int)(days - year_start(year));
    int month = 1;
    while (day >= month_days(year, month)) {
        day -= month_days(year, month++);
    }
    return (struct rtc_date){(int)year,        month,      day + 1, of_day / 3600,
                             of_day / 60 % 60, of_day % 60};
}

static int print(clk_dur ahead, const struct clk *clk, char to[RTC_TEXT]) {
    struct rtc_date d = rtc_date_of((clk_wall_now(clk).us + ahead.us) / 1000000);
    return snprintf(to, RTC_TEXT, "%02d/%02d/%02d,%02d:%02d:%02d", d.year % 100, d.month, d.day,
                    d.hour, d.minute, d.second);
}

void rtc_text(const struct rtc *rtc, const struct clk *clk, char to[RTC_TEXT]) {
    int n = print(rtc->ahead, clk, to);
    if (rtc->has_zone) {
        bool is_west = rtc->zone < 0;
        snprintf(to + n, RTC_TEXT - (size_t)n, "%c%02d", is_west ? '-' : '+',
                 (is_west ? -rtc->zone : rtc->zone) % 100);
    }
}

bool rtc_is_zone(int zone) {
    return zone >= RTC_ZONE_LEAST && zone <= RTC_ZONE_MOST;
}

int rtc_set_utc(struct rtc *rtc, const struct clk *clk, clk_wall utc, int zone) {
    int64_t local = utc.us + (int64_t)zone * QUARTER_S * 1000000;
    int64_t first = year_start(CENTURY) * DAY_S * 1000000;
    int64_t end = year_start(CENTURY + 100) * DAY_S * 1000000;
    if (!rtc_is_zone(zone) || local < first || local >= end) {
        return -ERANGE;
    }
    rtc->ahead = CLK_US(local - clk_wall_now(clk).us);
    rtc->has_zone = true;
    rtc->zone = zone;
    return 0;
}
static clk_dur offset_of(int zone) {
    return CLK_S((int64_t)zone * QUARTER_S);
}

void rtc_follow(struct rtc *rtc, const struct nitz *nitz) {
    if (nitz->has_time) {
        rtc->ahead = CLK_US(nitz->ahead.us + offset_of(nitz->zone).us);
    } else if (rtc->has_zone) {
        rtc->ahead.us += offset_of(nitz->zone - rtc->zone).us;
    }
    rtc->zone = nitz->zone;
    rtc->has_zone = true;
}

void nitz_init(struct nitz *nitz) {
    *nitz = (struct nitz){.has_time = true, .summer = -1};
}

int nitz_set_time(struct nitz *nitz, const struct clk *clk, struct sv text) {
    int f[FIELDS];
    if (text.n != TEXT_PLAIN || !parse_fields(text.p, f)) {
        return -EINVAL;
    }
    nitz->has_time = true;
    nitz->ahead = ahead_of(clk, seconds_of(f));
    return 0;
}

void nitz_text(const struct nitz *nitz, const struct clk *clk, char to[RTC_TEXT]) {
    print(nitz->ahead, clk, to);
}
