#!/usr/bin/python3
# What a message that arrived has in it: look.py BOX/NUMBER envelope|header NAME|body
# SPDX-License-Identifier: ISC
"""Reads BOX/NUMBER.json and .eml, as servers/sink.py writes them.

envelope     the sender, then the recipients, sorted, one a line
header NAME  the decoded values, one a line
body         the decoded text (of a multipart its first plain text), LF only, without
             the blank lines that many callers add to its end
"""

import email
import email.policy
import json
import sys


def main():
    name, what, *rest = sys.argv[1:]
    if what == "envelope":
        with open(name + ".json", encoding="utf-8") as file:
            facts = json.load(file)
        print(facts["mail_from"], *sorted(facts["rcpt_tos"]), sep="\n")
        return
    with open(name + ".eml", "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    if what == "header":
        for value in message.get_all(rest[0], []):
            print(value)
        return
    part = message.get_body(("plain",)) or message
    text = part.get_payload(decode=True) or b""
    text = text.replace(b"\r\n", b"\n")
    if b"\r" in text:
        sys.exit("look.py: a lone CR in the body")
    sys.stdout.buffer.write(text.rstrip(b"\n") + b"\n")


main()
