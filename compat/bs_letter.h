/* SPDX-License-Identifier: ISC */
/* bs_letter.h: MAIL, RCPT and DATA of -bs: a message from its beginning to each of its ends. */
#ifndef MAILCHUTE_BS_LETTER_H
#define MAILCHUTE_BS_LETTER_H

#include "dialogue.h"
#include "relay.h"

#include <stdbool.h>

/* A caller's session. */
struct bs {
	struct dialogue dialogue;
	struct relay relay;
	struct err failure; /* why the message under way can't go on; what RSET repeats */
	bool in_mail;       /* MAIL was taken, by the server too */
	bool over;
	bool quit;  /* he said QUIT, and heard all that came before */
	int signal; /* ended the commit window, and ends us; 0: none */
	unsigned bad;
};

/* "250 2.0.0 Ok" to the caller. */
void bs_reply(struct bs *b, const char *code_and_words);

/* The verbs, each with what stands behind it; they answer the caller. */
void bs_mail(struct bs *b, const char *args);
void bs_rcpt(struct bs *b, const char *args);
void bs_data(struct bs *b, const char *args);

/* Forgets a message that was begun and not sent. */
void bs_forget(struct bs *b);

#endif
