/* SPDX-License-Identifier: ISC */
/* bs_args.h: what a caller writes behind MAIL and RCPT, taken apart. Answers nobody. */
#ifndef MAILCHUTE_BS_ARGS_H
#define MAILCHUTE_BS_ARGS_H

#include "post.h"

/*
 * "FROM:<path> parameters": the path into box, the rest returned; NULL where it is none (ERR_DATA
 * where the path is no address). keyword: "FROM:" or "TO:".
 */
const char *
bs_read_path(const char *args, const char *keyword, struct addr_box *box, struct err *e);

/*
 * MAIL's parameters (RFC 1870, 6152, 6531, 3461, 4954) into the letter. max_size: bytes; 0: none.
 * NULL, or the refusal.
 */
const char *bs_mail_parameters(struct letter *l, int max_size, const char *args);

/* RCPT's parameters, for the server as they are (RFC 3461 4.1, 4.2). NULL, or the refusal. */
const char *bs_rcpt_parameters(const char *args, struct text *dsn);

#endif
