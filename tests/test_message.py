"""Composition: headers that survive every server on the way, bodies that come back as they were."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.message import compose, encoded_words, message_id
from digest.model import Edition, Message, Sender
from digest.quoted import encode, finished
from digest.text import clean
from tests.makers import TODAY, edition, profile

SENDER = Sender(
    address="digest@example.net",
    name="Morning Papers",
    list_id="papers.example.net",
    unsubscribe_url="https://example.net/stop?token=abc",
)
TEXT = "Dear Ada,\n\nthree papers today. 𝒪(n²) beats waiting …\n"
HTML = "<html><body><p>Dear Ada, three papers – 𝒪(n²)</p></body></html>\n"


def composed(
    subject: str = "Learning to Wait",
    text: str = TEXT,
    html: str = HTML,
    *,
    of: Edition | None = None,
    sender: Sender = SENDER,
) -> Message:
    parts = (finished(encode(part)) for part in (text, html))
    return compose(subject, *parts, edition=of or edition(), sender=sender)


def sender(**fields: Any) -> Sender:
    return dataclasses.replace(SENDER, **fields)


def parsed(message: Message) -> EmailMessage:
    return BytesParser(EmailMessage, policy=default).parsebytes(message.data)


def header_lines(message: Message) -> list[str]:
    return message.data.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")


def header(message: Message, name: str) -> str:
    """A header's field as it stands in the message, folds included."""
    block = message.data.partition(b"\r\n\r\n")[0].decode("ascii")
    match = re.search(rf"(?:^|\r\n){name}: ?([^\r]*(?:\r\n[ \t][^\r]*)*)", block)
    assert match, f"no {name}"
    return match.group(1)


def body(message: Message, subtype: str) -> str:
    part = parsed(message).get_body((subtype,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


# ---------------------------------------------------------------- the whole message


def test_the_same_edition_gives_the_same_bytes() -> None:
    assert composed() == composed()


def test_the_message_comes_back_from_a_parser_as_it_went_in() -> None:
    mail = parsed(composed())

    assert mail.defects == []
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert body(composed(), "plain") == TEXT
    assert body(composed(), "html") == HTML
    assert mail["Subject"] == "Learning to Wait"
    assert mail["From"].addresses == (Address("Morning Papers", "digest", "example.net"),)
    assert mail["To"].addresses == (Address("", "ada", "example.org"),)


def test_the_envelope_names_the_sender_and_the_one_reader() -> None:
    message = composed()

    assert message.envelope.sender == "digest@example.net"
    assert message.envelope.recipient == "ada@example.org"
    assert message.subject == "Learning to Wait"
    assert parsed(message)["Message-ID"] == message.message_id


def test_each_header_stands_once() -> None:
    names = [line.partition(":")[0] for line in header_lines(composed()) if not line.startswith(" ")]

    assert names == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Feedback-ID",
        "Auto-Submitted",
        "Precedence",
        "X-Auto-Response-Suppress",
        "Content-Language",
        "Content-Type",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Id", "Digest <papers.example.net>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", "2026-03-11::edition:digest"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply"),
        ("Content-Language", "en"),
        ("MIME-Version", "1.0"),
    ],
)
def test_machines_find_what_they_look_for(name: str, value: str) -> None:
    assert header(composed(), name) == value


# ---------------------------------------------------------------- Message-ID and Date


def test_the_message_id_is_of_the_reader_the_day_and_our_domain() -> None:
    ada = message_id("ada", TODAY, SENDER)

    assert re.fullmatch(r"<[0-9a-f]{32}@example\.net>", ada)
    assert ada == message_id("ada", TODAY, sender(name="Another name"))
    others = {
        message_id("bob", TODAY, SENDER),
        message_id("ada", TODAY + timedelta(days=1), SENDER),
        message_id("ada", TODAY, sender(address="digest@example.com")),
    }
    assert len(others | {ada}) == 4


@pytest.mark.parametrize(
    ("zone", "date"),
    [
        (UTC, "Wed, 11 Mar 2026 07:30:00 +0000"),
        (ZoneInfo("Asia/Kathmandu"), "Wed, 11 Mar 2026 07:30:00 +0545"),
        (timezone(-timedelta(hours=3, minutes=30)), "Wed, 11 Mar 2026 07:30:00 -0330"),
    ],
)
def test_the_date_is_the_editions_moment_in_the_readers_zone(zone: Any, date: str) -> None:
    at = datetime(2026, 3, 11, 7, 30, tzinfo=zone)

    assert header(composed(of=edition(at=at)), "Date") == date


def test_a_moment_without_a_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="time zone"):
        composed(of=edition(at=datetime(2026, 3, 11, 7, 30)))  # noqa: DTZ001


# ---------------------------------------------------------------- leaving the list


def test_both_ways_out_are_named_the_web_first() -> None:
    assert header(composed(), "List-Unsubscribe") == (
        "<https://example.net/stop?token=abc>, <mailto:digest@example.net?subject=unsubscribe>"
    )


def test_without_a_web_part_there_is_no_one_click() -> None:
    message = composed(sender=sender(unsubscribe_url="", unsubscribe_email="stop+all@example.net"))

    assert header(message, "List-Unsubscribe") == "<mailto:stop+all@example.net?subject=unsubscribe>"
    assert "List-Unsubscribe-Post" not in parsed(message)


def test_a_mail_address_cannot_add_to_the_mailto() -> None:
    message = composed(sender=sender(unsubscribe_email="a&b?c%d@example.net"))

    assert "<mailto:a%26b%3Fc%25d@example.net?subject=unsubscribe>" in header(message, "List-Unsubscribe")


def test_a_long_unsubscribe_address_is_neither_folded_nor_encoded() -> None:
    url = "https://example.net/stop?token=" + "x" * 800

    assert f"<{url}>, <mailto:" in header(composed(sender=sender(unsubscribe_url=url)), "List-Unsubscribe")
    assert "\r\n" not in header(composed(sender=sender(unsubscribe_url=url)), "List-Unsubscribe")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.net/stop",
        "javascript:alert(1)",
        "https://example.net/a>, <mailto:eve@example.org",
        "https://example.net/\r\nBcc: eve@example.org",
        "https://example.net/ü",
        "https://example.net/" + "x" * 1_000,
    ],
)
def test_an_unsubscribe_address_that_could_not_work_is_a_bug(url: str) -> None:
    with pytest.raises(ValueError, match=r"https|ASCII|characters"):
        composed(sender=sender(unsubscribe_url=url))


@pytest.mark.parametrize("list_id", ["", "a>b", "päpers.example.net", "a b", "a\r\nb"])
def test_a_list_id_of_other_characters_is_a_bug(list_id: str) -> None:
    with pytest.raises(ValueError, match="list identifier"):
        composed(sender=sender(list_id=list_id))


# ---------------------------------------------------------------- subjects

LONG_MIXED = "Größere Modelle für 数学の推論 – 🦜 " * 12
SUBJECTS = [
    "",
    "Learning to Wait",
    "Learning to wait, patiently and at length, for the arrival of many more papers " * 4,
    "x" * 300,
    "Schrödinger",
    LONG_MIXED[:300].strip(),
    "数学" * 150,
    "🧑‍🔬👩🏽‍💻" * 40,
    "=?utf-8?q?spoofed?=",
    "a=?b ?= c",
    "Is it? == yes_no = 100%",
    "word " * 20 + "y" * 80,
]


@pytest.mark.parametrize("subject", [clean(subject, 300) for subject in SUBJECTS])
def test_a_subject_is_read_as_it_was_written_and_keeps_the_rules_of_encoded_words(subject: str) -> None:
    message = composed(subject)

    assert parsed(message)["Subject"] == subject
    field = header(message, "Subject")
    assert "?==?" not in field
    assert all(len(line) <= 76 for line in f"Subject: {field}".split("\r\n"))
    assert all(line.strip() for line in field.split("\r\n")) or not subject
    for word in re.findall(r"=\?utf-8\?.*?\?=(?=\s|$)", field):
        assert len(word) <= 75


def test_a_plain_subject_stays_readable_in_the_source() -> None:
    assert header(composed("On P = NP: a survey (part 2)"), "Subject") == "On P = NP: a survey (part 2)"


@pytest.mark.slow
@given(st.text(max_size=400).map(lambda text: clean(text, 300)))
@example("a  b")
@example("=?utf-8?b?????=")
def test_any_clean_subject_comes_back_equal(subject: str) -> None:
    message = composed(subject)

    assert parsed(message)["Subject"] == subject
    assert all(len(line) <= 76 for line in f"Subject: {header(message, 'Subject')}".split("\r\n"))


@given(st.text(min_size=1, max_size=200), st.integers(min_value=0, max_value=70))
def test_encoded_words_hold_whole_characters_and_are_as_short_as_asked(text: str, column: int) -> None:
    words = encoded_words(text, column=column)

    assert all(len(word) <= 75 for word in words)
    decoded = [decode_header(word) for word in words]
    assert "".join(str(raw, "utf-8") for ((raw, _),) in decoded) == text


@pytest.mark.parametrize("break_", ["\r", "\n", "\r\n", "\x00", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_break_in_a_header_is_a_bug_not_a_header(break_: str) -> None:
    evil = f"Papers{break_}Bcc: eve@example.org"

    with pytest.raises(ValueError, match="control character in Subject"):
        composed(evil)
    with pytest.raises(ValueError, match="control character in From"):
        composed(sender=sender(name=evil))
    with pytest.raises(ValueError, match="control character in To"):
        composed(of=edition(profile=profile(display_name=evil)))


def test_half_a_character_is_a_bug() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        composed("\ud83d")


# ---------------------------------------------------------------- names and addresses

NAMES = [
    "Ada Lovelace",
    "Lovelace, Ada",
    'Ada "Countess" Lovelace',
    "back\\slash",
    "O'Neil (Bob) <b@example.com>",
    "Jürgen Müller",
    "山田 太郎",
    "Ada 🦜",
    "=?utf-8?q?Eve?=",
    "eve@example.com",
    "A very long name " * 7,
    "Ü" * 120,
]


def mailbox(message: Message, name: str) -> tuple[str, str]:
    """Name and address as read by the older parser: the newer one puts spaces between encoded-words of names."""
    shown, address = parseaddr(header(message, name).replace("\r\n", ""))
    return str(make_header(decode_header(shown))), address


@pytest.mark.parametrize("name", [clean(name, 120) for name in NAMES])
def test_a_display_name_is_read_as_it_was_written(name: str) -> None:
    message = composed(of=edition(profile=profile(display_name=name)), sender=sender(name=name))

    assert mailbox(message, "To") == (name, "ada@example.org")
    assert mailbox(message, "From") == (name, "digest@example.net")
    assert "<ada@example.org>" in header(message, "To")
    assert all(len(line) <= 76 for line in header_lines(message) if "List-" not in line)


@pytest.mark.parametrize(
    "address",
    [
        "ada@exämple.org",
        "ädä@example.org",
        "ada",
        "",
        "ada@example.org, eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "<ada@example.org>",
        "a b@example.org",
        "ada@eve@example.org",
    ],
)
def test_an_address_that_is_no_single_ascii_addr_spec_is_a_bug(address: str) -> None:
    with pytest.raises(ValueError, match="not an ASCII address"):
        composed(of=edition(profile=profile(email=address)))
    with pytest.raises(ValueError, match="not an ASCII address"):
        composed(sender=sender(address=address))


def test_an_idn_domain_arrives_as_it_was_given() -> None:
    message = composed(of=edition(profile=profile(email="ada@xn--exmple-cua.org")))

    assert header(message, "To") == "ada@xn--exmple-cua.org"


# ---------------------------------------------------------------- bodies

HARD_TEXTS = [
    "",
    "no line end",
    "x" * 5_000,
    "é" * 3_000,
    "trailing space \nand tab\t\n",
    ".\n..\n.dots\n",
    "From the start\n",
    "--=_boundary\n--\n",
    "old mac\rline ends\r\nmixed\n",
    "= =3D =\n",
]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_every_line_is_short_and_every_line_end_is_crlf(text: str) -> None:
    data = composed(text=text, html=f"<p>{text}</p>").data

    lines = data.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    headers = {line.encode() for line in header_lines(composed())}
    assert all(len(line) <= 76 for line in lines if line not in headers)
    assert data.isascii()


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_a_body_comes_back_with_its_last_line_ended(text: str) -> None:
    normal = re.sub(r"\r\n?", "\n", text)
    ended = normal if normal.endswith("\n") else f"{normal}\n"

    assert body(composed(text=text), "plain") == ended
    assert body(composed(html=text), "html") == ended


@pytest.mark.slow
@given(st.text(max_size=600))
def test_any_body_comes_back_and_never_breaks_the_message(text: str) -> None:
    message = composed(text=text, html=text)

    ended = re.sub(r"\r\n?", "\n", text)
    ended = ended if ended.endswith("\n") else f"{ended}\n"
    assert body(message, "plain") == body(message, "html") == ended
    assert max(map(len, message.data.split(b"\r\n"))) <= 998
