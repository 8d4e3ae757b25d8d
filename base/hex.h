/* hex.h: bytes and numbers as hexadecimal text. Digits of either case are read, capitals written.
 *
 * Pure.
 */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sv.h"

int hex_digit(char c);       /* -1: none */
bool hex_is(struct sv text); /* nothing but digits, maybe none */

/* Up to 8 digits; none are 0. -EINVAL: other characters; -ERANGE: more digits. */
int hex_number(struct sv text, uint32_t *out);

/* Pairs of digits; how many bytes. -EINVAL: something else; -ENOSPC: more than room, whatever they
 * are. Nothing is written then. */
int hex_parse(struct sv text, void *to, size_t room);

/* Terminated: room for 2 * n + 1. */
void hex_print(const void *p, size_t n, char *to);

#endif
