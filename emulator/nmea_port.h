/* nmea_port.h: the module's NMEA port: a tty that carries sentences and no commands.
 *
 * While the receiver runs, with a fix or without, each second (AT+CGPSNMEARATE=1: ten times) brings
 * the sentences of AT+CGPSNMEA (V3.00 17.2.8, 17.2.9). Nothing is said while nobody has the port
 * open. Who does not read loses whole sentences; what is typed there is thrown away. On USB it goes
 * and comes back with the module's other ports.
 *
 * Borrows: the module, its first session (which has the mask that it has started with) and the
 *          channel, until nmea_port_free.
 */
#ifndef EMULATOR_NMEA_PORT_H
#define EMULATOR_NMEA_PORT_H

struct chan;
struct cmd;
struct modem;
struct nmea_port;

struct nmea_port *nmea_port_new(struct modem *modem, const struct cmd *first, struct chan *chan);
void nmea_port_free(struct nmea_port *p); /* NULL is allowed */

#endif
