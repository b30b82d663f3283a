/* SPDX-License-Identifier: ISC */
/* tls_fault.c: a fault of TLS in words that an administrator can act on. Opens nothing. */
#include "tls.h"

/* RFC 5246 7.2: what the server's alert means. */
static const char *
alert_words(int alert)
{
	static const struct {
		int alert;
		const char *words;
	} rows[] = {
		{40,  "the server found nothing in common with us: it has no TLS 1.2, no ECDHE with "
		     "AEAD, or its key is of a kind that BearSSL doesn't know (Ed25519, RSA-PSS), "
		     "or it wants a certificate of ours (tls_cert)"           },
		{42,  "the server calls a certificate bad"                                        },
		{43,  "the server can't use our certificate"                                      },
		{44,  "the server says that our certificate is revoked"                           },
		{45,  "the server says that our certificate has expired"                          },
		{46,  "the server doesn't accept our certificate"                                 },
		{47,  "the server calls our greeting illegal"                                     },
		{48,  "the server doesn't know our certificate's issuer"                          },
		{49,  "the server denies access"						  },
		{70,  "the server speaks other versions of TLS than 1.2 only (BearSSL has no 1.3)"},
		{71,  "the server finds our cipher suites too weak"                               },
		{80,  "the server has an internal error"                                          },
		{112, "the server doesn't know the name we ask it for"                            },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].alert == alert)
			return rows[i].words;
	}
	return "the server broke off with an alert";
}

const char *
tls_fault_words(int number)
{
	static const struct {
		int number;
		const char *words;
	} rows[] = {
		{BR_ERR_UNSUPPORTED_VERSION, "the server speaks other versions of TLS than 1.2, or "
					     "none at all (is this the right port?)"},
		{BR_ERR_BAD_VERSION,         "what came is no TLS record (is this the right port?)"                             },
		{BR_ERR_BAD_LENGTH,          "a record has a wrong length"                                                      },
		{BR_ERR_TOO_LARGE,           "a record is too large"							    },
		{BR_ERR_BAD_MAC,             "a record was changed on its way"                                                  },
		{BR_ERR_NO_RANDOM,           "there is no source of random bytes"                                               },
		{BR_ERR_UNKNOWN_TYPE,        "what came is no TLS record (is this the right port?)"                             },
		{BR_ERR_UNEXPECTED,
                 "a message came out of turn (it shows no certificate, perhaps)"                                                },
		{BR_ERR_BAD_CIPHER_SUITE,    "the server chose what we hadn't offered"                                          },
		{BR_ERR_BAD_SIGNATURE,       "the server's signature is wrong"                                                  },
		{BR_ERR_BAD_FINISHED,        "the handshake was changed on its way"                                             },
		{BR_ERR_INVALID_ALGORITHM,   "the server uses an algorithm that isn't known here"                               },
		{BR_ERR_WRONG_KEY_USAGE,     "the certificate's key is not for this use"                                        },
	};
	size_t i;

	if (number >= BR_ERR_SEND_FATAL_ALERT)
		return "we broke off with an alert";
	if (number >= BR_ERR_RECV_FATAL_ALERT)
		return alert_words(number - BR_ERR_RECV_FATAL_ALERT);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].number == number)
			return rows[i].words;
	}
	return "a message can't be understood";
}
