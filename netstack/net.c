#include "netstack/net.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

int net_parse_ip(struct sv text, uint32_t *ip) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const char *dot = text.n > 0 ? memchr(text.p, '.', text.n) : NULL;
        if ((dot == NULL) != (i == 3)) {
            return -EINVAL;
        }
        struct sv part = sv_slice(text, 0, dot != NULL ? (size_t)(dot - text.p) : text.n);
        int64_t number = 0;
        if (part.n == 0 || part.n > 3 || sv_int(part, 0, 255, &number) != 0 || part.p[0] == '-') {
            return -EINVAL;
        }
        value = value << 8 | (uint32_t)number;
        text = sv_slice(text, part.n + 1, text.n);
    }
    *ip = value;
    return 0;
}

const char *net_format_ip(uint32_t ip, char to[NET_IP_TEXT]) {
    snprintf(to, NET_IP_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return to;
}

bool net_is_name(struct sv text) {
    if (text.n == 0 || text.n > LIMIT_NAME) {
        return false;
    }
    size_t label = 0;
    for (size_t i = 0; i <= text.n; i++) {
        char c = i < text.n ? text.p[i] : '.';
        if (c == '.') {
            if (label == 0 || text.p[i - 1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        bool is_inner_dash = c == '-' && label > 0;
        if ((!isalnum((unsigned char)c) && !is_inner_dash) || ++label > LIMIT_LABEL) {
            return false;
        }
    }
    return true;
}

const char *net_close_name(enum net_close why) {
    static const char *const names[] = {
        [NET_CLOSE_LOCAL] = "local",     [NET_CLOSE_REMOTE] = "remote",
        [NET_CLOSE_TIMEOUT] = "timeout", [NET_CLOSE_RESET] = "reset",
        [NET_CLOSE_NETWORK] = "network",
    };
    return (size_t)why < sizeof names / sizeof names[0] ? names[why] : "?";
}
