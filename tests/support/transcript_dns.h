/* transcript_dns.h: a name server that knows the names of one dialogue file and nothing else. */
#ifndef TESTS_SUPPORT_TRANSCRIPT_DNS_H
#define TESTS_SUPPORT_TRANSCRIPT_DNS_H

struct transcript;

/* Reads a query from the socket and answers it: an address, an address's name, or no such name. */
void transcript_dns_answer(int fd, const struct transcript *t);

#endif
