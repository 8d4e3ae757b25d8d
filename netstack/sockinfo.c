/* The only file with <linux/tcp.h>: <netinet/tcp.h>, which uv.h brings, has an older struct. */
#include "netstack/sockinfo.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

uint64_t sockinfo_acked(int fd, bool is_caller) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) {
        return 0;
    }
    uint64_t acked = info.tcpi_bytes_acked;
    return is_caller && acked > 0 ? acked - 1 : acked;
}

unsigned sockinfo_unacked(int fd) {
    int n = 0;
    return ioctl(fd, SIOCOUTQ, &n) == 0 && n > 0 ? (unsigned)n : 0;
}

unsigned sockinfo_in_flight(int fd) {
    int unsent = 0;
    unsigned unacked = sockinfo_unacked(fd);
    if (ioctl(fd, SIOCOUTQNSD, &unsent) != 0 || unsent < 0) {
        return 0;
    }
    if (unacked > (unsigned)unsent) {
        return unacked - (unsigned)unsent;
    }
    struct tcp_info info;
    socklen_t size = sizeof info;
    bool has_info = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
    /* One probe is always under way; a second one means that the first was not answered. */
    return has_info && info.tcpi_probes > 1 ? 1 : 0;
}

int sockinfo_error(int fd) {
    int err = 0;
    socklen_t size = sizeof err;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) == 0 ? -err : 0;
}

void sockinfo_discard_input(int fd) {
    /* With MSG_TRUNC a TCP socket drops the bytes without copying them anywhere. */
    while (recv(fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) > 0) {
    }
}
