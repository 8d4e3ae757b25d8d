/* mux.h: the multiplexer of a module: AT sessions on its virtual ports (V3.00 19.2.18).
 *
 * AT+CMUX on any port of the module puts the multiplexer there; one at a time. Each DLCI that the
 * DTE opens gets a session, with the settings of the port that was multiplexed (echo and the like).
 *
 * Owns:    the sessions of the virtual ports.
 * Borrows: the module, its settings, the sessions of its ports (mux_serve), until mux_free.
 */
#ifndef EMULATOR_MUX_H
#define EMULATOR_MUX_H

struct cmd;
struct modem;
struct mux;
struct setting_store;

struct mux *mux_new(struct modem *modem, struct setting_store *settings);
void mux_serve(struct mux *mux, struct cmd *c); /* AT+CMUX may be typed there */
void mux_free(struct mux *mux);                 /* before the sessions it serves; NULL is allowed */

#endif
