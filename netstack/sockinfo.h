/* sockinfo.h: what Linux tells about a TCP socket beyond the portable calls. */
#ifndef NETSTACK_SOCKINFO_H
#define NETSTACK_SOCKINFO_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of ours that the peer's host has acknowledged. The kernel counts the SYN of a socket
 * that called (`is_caller`) as one more. 0 when it does not tell. */
uint64_t sockinfo_acked(int fd, bool is_caller);

/* Bytes written but not acknowledged; a FIN under way counts as one. 0 when it does not tell. */
unsigned sockinfo_unacked(int fd);

/* Of these, how many have been sent: the rest waits for the peer's window. A question about the
 * window that is not answered counts as one, so a peer that has gone is told from a slow one. */
unsigned sockinfo_in_flight(int fd);

/* 0, or -E...: what broke the connection, once. libuv tells of an RST right behind data as of a
 * FIN. */
int sockinfo_error(int fd);

/* Throws away what has arrived: a close with unread bytes would be a reset. */
void sockinfo_discard_input(int fd);

#endif
