#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Sends stdin by Python's smtplib, as its manual shows: send.py PORT starttls|implicit CAFILE"""
import smtplib
import ssl
import sys

port, tls, trust = sys.argv[1:]
context = ssl.create_default_context(cafile=trust)
if tls == "implicit":
    server = smtplib.SMTP_SSL("localhost", int(port), context=context)
else:
    server = smtplib.SMTP("localhost", int(port))
    server.starttls(context=context)
server.login("alice@mail.test", "s3cret-alice")
server.sendmail("alice@mail.test", ["bob@mail.test"], sys.stdin.read())
server.quit()
