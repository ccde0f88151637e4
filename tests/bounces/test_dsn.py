"""What bounces of real mail programs say, and what hostile ones cannot do."""

import re
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.dsn import (
    MAX_BASE_LOCAL,
    MAX_BYTES,
    MAX_LOCAL,
    MOST_RECIPIENTS,
    Action,
    Nature,
    Report,
    has_token,
    read_report,
    return_path_of,
    return_paths,
    with_return_path,
)
from digest.model import Envelope, Message

SAMPLES = Path(__file__).parent / "samples"
TOKEN = "0123456789abcdef0123"
RETURN_PATH = f"bounces+{TOKEN}@digest.example"
MESSAGE_ID = "<5d41402abc4b2a76b9719d911017c592@digest.example>"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


def only_report(data: bytes) -> Report:
    reading = read_report(data)
    assert reading.nature is Nature.REPORT
    (report,) = reading.reports
    return report


def dsn(*groups: str, head: str = "", original: str = f"Message-ID: {MESSAGE_ID}\n") -> bytes:
    """A report with these groups of fields for recipients."""
    status = "Reporting-MTA: dns; mx.example.org\n\n" + "\n".join(f"{group}\n" for group in groups)
    return (
        f"From: MAILER-DAEMON@mx.example.org\nTo: {RETURN_PATH}\n{head}"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nNot delivered.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{status}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{original}\n--b--\n"
    ).encode()


FAILED = "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.1.1"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("postfix", "5.1.1", 550),
        ("exim", "5.1.1", 550),
        ("sendmail", "5.1.2", 550),
        ("exchange", "5.1.10", 550),
        ("gmail", "5.1.1", 550),
        ("qmail", "5.1.1", 550),
        ("ses", "5.2.2", 552),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_bounce_says_who_failed_why_and_with_which_message(
    name: str, status: str, code: int, line_end: bytes
) -> None:
    report = only_report(sample(name).replace(b"\n", line_end))

    assert report.action is Action.FAILED
    assert report.recipients == ("ada@example.org",)
    assert (report.status, report.code) == (status, code)
    assert report.message_id == MESSAGE_ID
    assert return_paths(report) == (RETURN_PATH,)


def test_the_words_of_a_bounce_are_one_line_with_code_status_and_server() -> None:
    assert only_report(sample("postfix")).words == (
        "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown in local recipient table"
        " [mx.example.org]"
    )
    assert only_report(sample("sendmail")).words == "550 Host unknown (5.1.2) [mx.example.org]"


def test_a_delay_is_no_failure() -> None:
    report = only_report(sample("delayed"))

    assert (report.action, report.status) == (Action.DELAYED, "4.4.1")


def test_a_complaint_names_its_recipient_and_the_return_path_of_its_message() -> None:
    report = only_report(sample("complaint"))

    assert (report.action, report.recipients) == (Action.COMPLAINT, ("ada@example.org",))
    assert return_paths(report) == (RETURN_PATH,)


def test_what_is_said_not_to_be_spam_is_no_complaint() -> None:
    praise = sample("complaint").replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")

    assert read_report(praise).nature is Nature.OTHER


def test_an_address_in_utf8_is_read_as_it_is_and_escaped() -> None:
    report = only_report(sample("utf8"))

    assert report.recipients == ("ädä@example.org",)


@pytest.mark.parametrize("name", ["vacation", "challenge", "read"])
def test_an_automatic_reply_is_no_bounce(name: str) -> None:
    reading = read_report(sample(name))

    assert (reading.nature, reading.reports) == (Nature.AUTO_REPLY, ())


def test_a_person_who_writes_like_a_mail_server_is_none() -> None:
    assert read_report(sample("person")).nature is Nature.OTHER


def test_a_person_who_writes_like_an_older_exim_is_none() -> None:
    forged = sample("exim").replace(b"Mailer-Daemon@relay", b"ada@relay")

    assert read_report(forged).reports == ()


def test_an_older_exim_warns_of_a_delay_without_naming_failures() -> None:
    warning = re.sub(rb"X-Failed-Recipients:.*\n", b"", sample("exim"))

    assert read_report(warning).reports == ()


def test_a_forwarded_report_is_no_report() -> None:
    inner = sample("postfix").decode()
    forwarded = (
        f"From: bob@example.org\nTo: {RETURN_PATH}\nContent-Type: multipart/mixed; boundary=outer\n\n"
        f"--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n"
    )

    assert read_report(forwarded.encode()).nature is Nature.OTHER


def test_each_recipient_of_a_report_is_told_apart() -> None:
    other = "Final-Recipient: rfc822; bob@example.org\nAction: delivered\nStatus: 2.0.0"

    reports = read_report(dsn(FAILED, other)).reports

    assert [(one.recipients[0], one.action) for one in reports] == [
        ("ada@example.org", Action.FAILED),
        ("bob@example.org", Action.DELIVERED),
    ]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Status: 5.0.0\nDiagnostic-Code: smtp; 550 5.2.1 switched off", "5.2.1"),
        ("Status: 5.1.1 (no such user)", "5.1.1"),
        ("Diagnostic-Code: smtp; 550 5.1.1 no such user", "5.1.1"),
        ("Status: 5.0.0\nDiagnostic-Code: smtp; 550 no", "5.0.0"),
        ("Status: 5.2.2\nDiagnostic-Code: smtp; 550 5.1.1 no such user", "5.2.2"),
        ("Status: nonsense", ""),
        ("Diagnostic-Code: smtp; host 5.1.1.1 said no", ""),
    ],
)
def test_a_status_is_taken_from_where_it_says_most(fields: str, status: str) -> None:
    group = f"Final-Recipient: rfc822; ada@example.org\nAction: failed\n{fields}"

    assert only_report(dsn(group)).status == status


@pytest.mark.parametrize(
    "group",
    [
        "Final-Recipient: rfc822; ada@example.org",
        "Action: failed\nStatus: 5.1.1",
        "Final-Recipient: x400; /c=us/\nAction: failed\nStatus: 5.1.1",
        "Final-Recipient: rfc822; ada\nAction: failed",
        "Final-Recipient: rfc822; ada@example.org\nAction: exploded",
        "Final-Recipient: rfc822; ada@example.org\nAction: complaint",
        "",
    ],
)
def test_a_report_that_does_not_say_who_and_what_cannot_be_read(group: str) -> None:
    assert read_report(dsn(group)).nature is Nature.BROKEN


def test_a_report_without_the_message_it_is_about_is_still_one() -> None:
    report = only_report(dsn(FAILED, original=""))

    assert report.message_id == ""
    assert return_paths(report) == (RETURN_PATH,)


def test_an_escaped_control_character_does_not_come_through() -> None:
    escaped = r"Final-Recipient: utf-8; \x{1B}[2Jowned\x{9B}31m\x{202E}@evil.example"

    report = only_report(dsn(f"{escaped}\nAction: failed\nStatus: 5.1.1"))

    assert report.recipients == ("[2Jowned31m@evil.example",)


def test_a_recipient_in_a_report_of_qmail_has_no_control_characters() -> None:
    data = b"From: MAILER-DAEMON@x\n\nHi. This is the qmail-send program.\n\n<a\x1b[2J@b>:\nno. (#5.1.1)\n\n--- Below"

    assert only_report(data).recipients == ("a[2J@b",)


def test_what_lies_beyond_a_megabyte_is_not_read() -> None:
    whole = dsn(FAILED)
    begun, boundary, report = whole.partition(b"\n--")

    padded = begun + b"\n" + b"x" * MAX_BYTES + boundary + report

    assert read_report(whole).nature is Nature.REPORT
    assert read_report(padded).nature is Nature.BROKEN


def test_control_characters_do_not_come_through() -> None:
    report = only_report(dsn(FAILED + "\nDiagnostic-Code: smtp; 550 5.1.1 \x1b[31mred\x00\r\n two"))

    assert report.diagnostic == "550 5.1.1 [31mred two"


# ---------------------------------------------------------------- hostile ones

MANY = 100_000
LONG = "x" * 1_000_000
BOMBS = {
    "100,000 recipients": dsn(*[FAILED] * MANY),
    "1000 levels": b"".join(
        b"Content-Type: multipart/report; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_000)
    ),
    "100,000 parts": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\n" * MANY,
    "a million fields": b"a:b\n" * 1_000_000,
    "a field folded 300,000 times": b"Content-Type: multipart/report\n" + b" x\n" * 300_000,
    "parameters without end": b"Content-Type: multipart/report" + b";a=b" * 250_000 + b"\n\n",
    "quotes without end": b'Content-Type: multipart/report; boundary="' + b'\\"' * 400_000,
    "one long field": f"To: {LONG}\n\n".encode(),
    "a long address": dsn(f"Final-Recipient: rfc822; {LONG}@{LONG}\nAction: failed"),
    "dots and digits": dsn(f"{FAILED}\nDiagnostic-Code: smtp; {'5.1.' * 200_000}"),
    "white space": b"Content-Type: multipart/report; boundary=b\n\n--b\n" + b" \t\n" * 300_000,
    "empty lines in qmail": b"From: MAILER-DAEMON@x\n\nHi. This is the " + b"\n \n" * 300_000,
    "dashes in exim": b"From: Mailer-Daemon@x\nX-Failed-Recipients: a@b.c\n\n" + b"-" * 900_000,
    "copies in exim": b"From: Mailer-Daemon@x\nX-Failed-Recipients: a@b.c\n\n"
    + b"------ This is a copy of \n" * 35_000,
    "NULs": b"\0" * 1_000_000,
    "nothing": b"",
    "a boundary of patterns": b'Content-Type: multipart/report; boundary="(a+)+$"\n\n' + b"a" * 900_000,
    "broken base64": dsn(FAILED, head="Content-Transfer-Encoding: base64\n"),
    "an unknown charset": dsn(FAILED).replace(b"text/plain", b"text/plain; charset=klingon-\xff\xfe"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_in_bounded_time_and_to_bounded_length(name: str) -> None:
    begun = process_time()

    reading = read_report(BOMBS[name])

    assert process_time() - begun < 5  # seconds of CPU: what takes quadratic time takes minutes
    assert len(reading.reports) <= MOST_RECIPIENTS
    assert all(len(one.words) < 1_000 and len(one.addresses) <= 20 for one in reading.reports)


ALL = sorted(path.stem for path in SAMPLES.glob("*.eml"))


@pytest.mark.parametrize("name", ALL)
def test_a_sample_cut_off_anywhere_is_read_without_a_crash(name: str) -> None:
    whole = sample(name)

    for end in range(0, len(whole), 7):
        for report in read_report(whole[:end]).reports:
            # Half an address is still somebody's; whoever believes it must find it in the record.
            assert report.recipients[0].startswith(("ada@", "ädä@"))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(ALL),
    places=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12), st.integers(0, 40)), max_size=8),
)
def test_a_sample_changed_anywhere_is_read_without_a_crash(
    name: str, places: list[tuple[float, bytes, int]]
) -> None:
    data = sample(name)

    for place, put, taken in places:
        at = int(place * len(data))
        data = data[:at] + put + data[at + taken :]

    reading = read_report(data)
    assert bool(reading.reports) is (reading.nature is Nature.REPORT)
    assert all("\n" not in one.words and "\0" not in one.words for one in reading.reports)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes_are_read_without_a_crash(data: bytes) -> None:
    assert read_report(data).reports == ()


# ---------------------------------------------------------------- return paths


def test_a_return_path_holds_its_token() -> None:
    assert return_path_of("bounces@digest.example", TOKEN) == RETURN_PATH
    assert has_token(RETURN_PATH)
    assert not has_token("bounces@digest.example")
    assert not has_token("bounces+sales@digest.example")


def test_the_longest_return_path_keeps_to_the_limit_of_smtp() -> None:
    path = return_path_of("b" * MAX_BASE_LOCAL + "@example.org", TOKEN)

    assert len(path.partition("@")[0]) == MAX_LOCAL
    with pytest.raises(ValueError, match="no return path"):
        return_path_of("b" * (MAX_BASE_LOCAL + 1) + "@example.org", TOKEN)


@pytest.mark.parametrize("token", ["", "short", "0123456789abcdef012\n", "x" * 20])
def test_what_is_no_token_makes_no_return_path(token: str) -> None:
    with pytest.raises(ValueError, match="no return path"):
        return_path_of("bounces@example.org", token)


def test_a_token_that_was_written_large_on_the_way_is_known_again() -> None:
    shouted = dsn(FAILED).replace(RETURN_PATH.encode(), RETURN_PATH.replace(TOKEN, TOKEN.upper()).encode())

    assert return_paths(only_report(shouted)) == (RETURN_PATH,)


def test_only_the_envelope_of_a_message_changes_with_its_return_path() -> None:
    message = Message(
        envelope=Envelope(sender="digest@digest.example", recipient="ada@example.org"),
        message_id=MESSAGE_ID,
        subject="8 papers",
        data=b"Subject: 8 papers\r\n\r\n",
    )

    traced = with_return_path(message, "bounces@digest.example", lambda: TOKEN)
    shared = with_return_path(message, "bounces@digest.example", None)

    assert traced.envelope == Envelope(sender=RETURN_PATH, recipient="ada@example.org")
    assert shared.envelope.sender == "bounces@digest.example"
    assert (traced.data, traced.message_id) == (message.data, message.message_id)
