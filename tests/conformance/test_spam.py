"""SpamAssassin's local tests see no spam in any mail: at most 0 points, where 5 are spam."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conformance.mails import Mail, parsed, with_text
from tests.conformance.requirements import program

pytestmark = pytest.mark.acceptance

# What the receiving server puts on top. The address is one for documentation (RFC 3849): those of IPv4
# are held against a message.
ARRIVED = (
    b"Return-Path: <%(sender)s>\r\n"
    b"Received: from mail.example.org (mail.example.org [IPv6:2001:db8::25])\r\n"
    b"\tby mx.example.net (Postfix) with ESMTPS id 4f1A2b3C4d\r\n"
    b"\tfor <%(reader)s>; %(date)s\r\n"
)
# No network, no learning, nothing of this machine's users: the rules as they were installed.
COMMAND = [
    "--local",
    "--nocreate-prefs",
    "--configpath=/usr/share/spamassassin",
    "--prefspath=/dev/null",
    "--cf=use_bayes 0",
    "--cf=clear_headers",
    "--cf=fold_headers 0",
    "--cf=add_header all Rules _TESTSSCORES(,)_",
]


def points(messages: Mapping[str, bytes], folder: Path) -> dict[str, dict[str, float]]:
    """The rules that each message sets off, with their points."""
    files = []
    for number, data in enumerate(messages.values()):
        files.append(folder / f"{number}.eml")
        files[-1].write_bytes(data)
    command = [program("spamassassin", package="spamassassin"), *COMMAND, *map(str, files)]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=True)
    found = re.findall(rb"^X-Spam-Rules: (.*?)\r?$", done.stdout, re.MULTILINE)
    assert len(found) == len(messages), done.stderr.decode()
    return {name: _rules(line.decode()) for name, line in zip(messages, found, strict=True)}


def _rules(line: str) -> dict[str, float]:
    return {
        rule: float(given) for rule, _, given in (part.partition("=") for part in line.split(",")) if given
    }


def arrived(data: bytes) -> bytes:
    """The message as it lies in the reader's mailbox."""
    headers = parsed(data)
    sender, reader = (headers[name].addresses[0].addr_spec.encode() for name in ("From", "To"))
    date = b"Wed, 11 Mar 2026 07:30:09 +0000"
    return ARRIVED % {b"sender": sender, b"reader": reader, b"date": date} + data


def test_no_mail_has_more_than_zero_points(mails: Mapping[str, Mail], tmp_path: Path) -> None:
    given = points({name: arrived(mail.data) for name, mail in mails.items()}, tmp_path)

    suspicious = {name: rules for name, rules in given.items() if sum(rules.values()) > 0}
    assert suspicious == {}


def test_a_mail_that_looks_like_spam_has_more_than_zero(rich: Mail, tmp_path: Path) -> None:
    data = arrived(rich.data)
    loud = re.sub(rb"\r\nSubject: [^\r]*(\r\n[ \t][^\r]*)*", b"\r\nSubject: PAPERS YOU MUST READ TODAY", data)
    no_list = re.compile(rb"\r\n(?:List-[A-Za-z-]+|Precedence): [^\r]*")
    spoiled = {
        "no Date": re.sub(rb"\r\nDate: [^\r]*", b"", data),
        "a subject in capitals, no list": no_list.sub(b"", loud),
        "HTML only, no list": no_list.sub(b"", html_only(data)),
        "a text that is another": with_text(data, "plain", "Tea.\n"),
    }

    given = points(spoiled, tmp_path)

    assert {name for name, rules in given.items() if sum(rules.values()) > 0} == set(spoiled), given


def html_only(data: bytes) -> bytes:
    """The message with its HTML part for a body."""
    headers, _, body = data.partition(b"\r\n\r\n")
    (boundary,) = re.findall(rb'boundary="([^"]+)"', headers)
    html = body.split(b"--" + boundary)[2].strip(b"\r\n")
    return re.sub(rb"\r\nContent-Type: [^\r]*(\r\n[ \t][^\r]*)*", b"", headers) + b"\r\n" + html + b"\r\n"
