# Python's standard library as it comes: a token by urllib, mail by smtplib. Settings come over standard input.
import json
import smtplib
import ssl
import sys
import urllib.parse
import urllib.request

settings = json.load(sys.stdin)
trust = ssl.create_default_context(cadata=settings["ca"])
form = {
    "grant_type": "client_credentials",
    "client_id": settings["clientId"],
    "client_secret": settings["clientSecret"],
    "scope": settings["scope"],
}
endpoint = settings["authority"] + "/oauth2/v2.0/token"
with urllib.request.urlopen(endpoint, urllib.parse.urlencode(form).encode(), context=trust) as answer:
    token = json.load(answer)["access_token"]

mailbox = settings["mailbox"]
with smtplib.SMTP(settings["smtp"]["host"], settings["smtp"]["port"]) as smtp:
    smtp.starttls(context=trust)
    smtp.ehlo()
    smtp.auth("XOAUTH2", lambda challenge=None: f"user={mailbox}\x01auth=Bearer {token}\x01\x01")
    smtp.sendmail(mailbox, [mailbox], f"From: {mailbox}\r\nSubject: From smtplib\r\n\r\nHello\r\n")
