"""The bytes of every message keep to the rules; each rule is shown to be kept by breaking it."""

import re
from collections.abc import Callable, Mapping

import pytest

from tests.conformance.bytes_of_mail import problems_of
from tests.conformance.mails import Mail, lines_of, parsed, part_of, with_text


@pytest.mark.slow
def test_there_is_nothing_wrong_with_any_message(mails: Mapping[str, Mail]) -> None:
    problems = lines_of({name: problems_of(mail.data, mail.edition) for name, mail in mails.items()})

    assert not problems, "\n".join(problems)


def replaced(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    """A message with the first match replaced."""
    return lambda data: re.sub(pattern, by, data, count=1)


def with_part(subtype: str, change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """A message with another text for one of its parts, encoded as it should be."""
    return lambda data: with_text(data, subtype, change(part_of(parsed(data), subtype)))


def encoded_word(data: bytes) -> bytes:
    """What Python's own policy makes of a long List-Unsubscribe."""
    return re.sub(rb"List-Unsubscribe: (.*?),", rb"List-Unsubscribe: =?utf-8?q?\1?=,", data, count=1)


FAULTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("an encoded-word where none may stand: List-Unsubscribe", encoded_word),
    (
        "an encoded-word where none may stand: Message-ID",
        replaced(rb"Message-ID: <", b"Message-ID: =?utf-8?q?<"),
    ),
    ("folded: List-Unsubscribe", replaced(rb"(List-Unsubscribe: .*?), ", rb"\1,\r\n ")),
    ("no way to leave the list", replaced(rb"List-Unsubscribe: <https:", b"List-Unsubscribe: <http:")),
    ("one click: None", replaced(rb"List-Unsubscribe-Post: .*?\r\n", b"")),
    ("0 times Date", replaced(rb"\r\nDate: [^\r]*", b"")),
    ("0 times List-Id", replaced(rb"\r\nList-Id: [^\r]*", b"")),
    ("2 times Subject", replaced(rb"\r\nSubject: ", b"\r\nSubject: Tea\r\nSubject: ")),
    (
        "Date is not the edition's",
        replaced(rb"\r\nDate: [^\r]*", b"\r\nDate: Tue, 10 Mar 2026 07:30:00 +0000"),
    ),
    ("not a Message-ID", replaced(rb"\r\nMessage-ID: <(.*)@.*>", rb"\r\nMessage-ID: <\1>")),
    ("To is not the reader alone", replaced(rb"\r\nTo: [^\r]*", b"\r\nTo: bob@example.org")),
    ("a recipient besides the reader", replaced(rb"\r\nTo: ", b"\r\nBcc: bob@example.org\r\nTo: ")),
    ("no subject to show", replaced(rb"\r\nSubject: [^\r]*(\r\n[ \t][^\r]*)*", b"\r\nSubject: ")),
    (
        "encoded-words without a space",
        replaced(rb"\r\nSubject: ", b"\r\nSubject: =?utf-8?q?a?==?utf-8?q?b?="),
    ),
    ("a line of 1", replaced(rb"\r\nList-Id: ", b"\r\nList-Id: " + b"x" * 1_000)),
    (
        "a line of 77 characters",
        replaced(rb"(text/plain.*(?:\r\n.+)*\r\n\r\n)", rb"\1" + b"x" * 77 + b"\r\n"),
    ),
    ("a line end that is not CRLF", replaced(rb"=\r\n", b"=\n")),
    ("the last line has no end", lambda data: data.rstrip()),
    ("bytes that are not ASCII", replaced(rb"=C2=B7", "·".encode())),
    ("text/html is ('utf-8', '8bit')", replaced(rb"(text/html.*\r\n.*: )quoted-printable", rb"\1 8bit")),
    ("not an alternative", replaced(rb"multipart/alternative", b"multipart/mixed")),
    ("'\\x92' in the HTML part", with_part("html", lambda html: html.replace("</h1>", "\u0092</h1>"))),
    ("'\\u202e' in the text part", with_part("plain", lambda text: f"\u202e{text}")),
    (
        "the HTML part has 9",
        with_part("html", lambda html: html + "<!-- -->" * ((90_001 - len(html.encode())) // 8 + 1)),
    ),
    (
        "the page is in another language",
        with_part("html", lambda html: html.replace('<html lang="', '<html lang="x-')),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("problem", "spoil"), FAULTS, ids=[problem for problem, _ in FAULTS])
def test_a_message_that_breaks_a_rule_is_told(
    problem: str, spoil: Callable[[bytes], bytes], rich: Mail
) -> None:
    spoiled = spoil(rich.data)

    assert spoiled != rich.data
    assert any(problem in found for found in problems_of(spoiled, rich.edition))


def as_shown(title: str) -> re.Pattern[str]:
    """The title wherever it stands, whatever white space is between its words."""
    return re.compile(r"(?:\s|&nbsp;)+".join(map(re.escape, title.split())))


def test_a_pick_that_one_part_lacks_is_told(rich: Mail) -> None:
    first = as_shown(rich.edition.shown[0].paper.title)
    spoiled = {
        "text": with_part("plain", lambda text: first.sub("Tea", text)),
        "HTML": with_part("html", lambda html: first.sub("Tea", html)),
    }

    for part, spoil in spoiled.items():
        (problem,) = problems_of(spoil(rich.data), rich.edition)
        assert problem.startswith(f"not in the {part} part, or not in its place")


def test_picks_in_another_order_are_told(rich: Mail) -> None:
    titles = [pick.paper.title for pick in rich.edition.shown[:2]]
    either = re.compile("|".join(as_shown(title).pattern for title in titles))
    first = as_shown(titles[0])
    swapped = with_part(
        "html", lambda html: either.sub(lambda found: titles[bool(first.fullmatch(found.group()))], html)
    )

    (problem,) = problems_of(swapped(rich.data), rich.edition)
    assert problem.startswith("not in the HTML part, or not in its place")


def test_a_paper_nearly_shown_in_one_part_only_is_told(rich: Mail) -> None:
    title = as_shown(rich.edition.misses[0].paper.title)
    spoiled = with_part("html", lambda html: title.sub("Tea", html))(rich.data)

    (problem,) = problems_of(spoiled, rich.edition)
    assert problem.startswith("nearly shown in one part only")
