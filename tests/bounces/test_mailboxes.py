"""Reading a Maildir and an IMAP account: what is read, what is marked, what a hostile server can do."""

import os
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import DigestError
from digest.transport import mailboxes
from digest.transport.mailboxes import ImapBox, ImapServer, Letter, MaildirBox
from tests.bounces.imap import PASSWORD, FakeImap, served

LONG_AGO = date(2000, 1, 1)
PLENTY = 1_000_000


# ---------------------------------------------------------------- Maildir


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for room in ("new", "cur", "tmp"):
        (tmp_path / "box" / room).mkdir(parents=True)
    return tmp_path / "box"


def put(maildir: Path, key: str, *, text: str = "", age: int = 0) -> None:
    path = maildir / key
    path.write_text(text or key)
    os.utime(path, (1_773_214_205 - age,) * 2)


def keys(box: MaildirBox | ImapBox, *, since: date = LONG_AGO) -> list[str]:
    return [letter.key for letter in box.letters(since, PLENTY)]


def test_unseen_mail_is_read_the_newest_first(maildir: Path) -> None:
    put(maildir, "new/1.a", age=30)
    put(maildir, "new/2.b", age=10)
    put(maildir, "cur/3.c:2,R", age=20)
    put(maildir, "cur/4.d:2,RS")

    assert keys(MaildirBox(maildir)) == ["new/2.b", "cur/3.c:2,R", "new/1.a"]


def test_a_marked_message_is_seen_and_keeps_its_flags(maildir: Path) -> None:
    put(maildir, "new/1.a")
    put(maildir, "cur/2.b:2,RF")
    put(maildir, "cur/3.c")
    box = MaildirBox(maildir)

    for letter in list(box.letters(LONG_AGO, PLENTY)):
        box.mark(letter)

    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.a:2,S", "2.b:2,FRS", "3.c:2,S"]
    assert not list((maildir / "new").iterdir())
    assert keys(box) == []


def test_what_is_not_marked_stays_where_it_is(maildir: Path) -> None:
    put(maildir, "new/1.a")

    list(MaildirBox(maildir).letters(LONG_AGO, PLENTY))

    assert [path.name for path in (maildir / "new").iterdir()] == ["1.a"]


def test_old_mail_is_left_alone(maildir: Path) -> None:
    put(maildir, "new/1.a")
    put(maildir, "new/2.b", age=40 * 86_400)
    came = datetime.fromtimestamp(1_773_214_205, UTC).date()

    assert keys(MaildirBox(maildir), since=came) == ["new/1.a"]


def test_a_message_is_read_only_so_far(maildir: Path) -> None:
    put(maildir, "new/1.a", text="x" * 5_000)

    (letter,) = MaildirBox(maildir).letters(LONG_AGO, 1_000)

    assert letter.data == b"x" * 1_000


def test_links_pipes_and_folders_are_passed_over(maildir: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (maildir / "new" / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(maildir / "new" / "pipe")
    (maildir / "new" / "folder").mkdir()
    put(maildir, "new/.hidden")
    put(maildir, "new/1.a")

    assert keys(MaildirBox(maildir)) == ["new/1.a"]


def test_a_message_that_another_program_takes_away_is_passed_over(maildir: Path) -> None:
    put(maildir, "new/1.a", age=10)
    put(maildir, "new/2.b")
    box = MaildirBox(maildir)

    letters = box.letters(LONG_AGO, PLENTY)
    first = next(letters)
    (maildir / "new/1.a").unlink()
    (maildir / "new/2.b").unlink()
    box.mark(first)

    assert list(letters) == []


def test_a_file_that_cannot_be_read_holds_up_no_other_and_is_told(maildir: Path) -> None:
    for age in range(3):
        put(maildir, f"new/{age}.a", age=age)
    letters = MaildirBox(maildir).letters(LONG_AGO, PLENTY)

    read = [next(letters).key]
    (maildir / "new/1.a").unlink()
    (maildir / "new/1.a").symlink_to(maildir / "new/2.a")  # which nobody follows
    read.append(next(letters).key)
    with pytest.raises(DigestError, match=r"new/1\.a cannot be read") as raised:
        next(letters)

    assert read == ["new/0.a", "new/2.a"]
    assert raised.value.where == str(maildir)


def test_a_check_says_how_many_are_unseen_and_changes_nothing(maildir: Path, fake: FakeImap) -> None:
    put(maildir, "new/1.a")

    with closing(box_of(fake)) as account:
        assert account.check() == f"127.0.0.1:{fake.port}: logged in as bounces, and can read INBOX"
    assert MaildirBox(maildir).check() == f"The Maildir {maildir} can be read; 1 unseen in it"
    assert (maildir / "new" / "1.a").exists()
    assert fake.seen == set()


def test_what_is_no_maildir_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DigestError, match="cannot be read: No such file") as raised:
        keys(MaildirBox(tmp_path / "nowhere"))

    assert "Maildir" in raised.value.fix


# ---------------------------------------------------------------- IMAP


@pytest.fixture
def fake() -> Iterator[FakeImap]:
    with served(FakeImap(messages={3: b"three", 7: b"seven", 12: b"x" * 5_000})) as fake:
        yield fake


def server_of(fake: FakeImap) -> ImapServer:
    return ImapServer(
        host="127.0.0.1",
        port=fake.port,
        security="none",
        username="bounces",
        secret=lambda: PASSWORD,
        timeout_s=5,
    )


def box_of(fake: FakeImap, *, clock: Callable[[], float] = lambda: 0.0, **fields: object) -> ImapBox:
    return ImapBox(replace(server_of(fake), **fields), clock=clock)  # type: ignore[arg-type]


def read_all(box: ImapBox, max_bytes: int = PLENTY) -> list[Letter]:
    with closing(box):
        return list(box.letters(LONG_AGO, max_bytes))


def test_unseen_messages_are_fetched_the_newest_first_and_only_so_far(fake: FakeImap) -> None:
    letters = read_all(box_of(fake), max_bytes=1_000)

    assert [letter.key for letter in letters] == ["12", "7", "3"]
    assert [len(letter.data) for letter in letters] == [1_000, 5, 5]


def test_reading_marks_nothing_and_marking_marks_one(fake: FakeImap) -> None:
    box = box_of(fake)
    with closing(box):
        letters = list(box.letters(LONG_AGO, PLENTY))
        assert fake.seen == set()
        box.mark(letters[1])

    assert fake.seen == {7}
    assert not any(b"DELETE" in line.upper() or b"EXPUNGE" in line.upper() for line in fake.heard)


def test_a_box_for_looking_only_is_opened_read_only(fake: FakeImap) -> None:
    read_all(ImapBox(server_of(fake), clock=lambda: 0.0, is_read_only=True))

    assert any(b" EXAMINE " in line for line in fake.heard)
    assert not any(b" SELECT " in line for line in fake.heard)


def test_only_mail_since_a_day_is_asked_for(fake: FakeImap) -> None:
    with closing(box_of(fake)) as box:
        list(box.letters(date(2026, 3, 1), PLENTY))

    assert any(line.endswith(b"UID SEARCH UNSEEN SINCE 1-Mar-2026") for line in fake.heard)


def test_a_password_of_any_characters_is_said_by_plain(fake: FakeImap) -> None:
    read_all(box_of(fake, secret=lambda: 'pässword \\"'))

    assert b64decode(fake.heard[2]) == '\0bounces\0pässword \\"'.encode()


def test_an_old_server_gets_the_password_by_login(fake: FakeImap) -> None:
    fake.capabilities = b"IMAP4rev1"

    read_all(box_of(fake, secret=lambda: 'a "b" \\c'))

    assert any(line.endswith(b'LOGIN "bounces" "a \\"b\\" \\\\c"') for line in fake.heard)


def test_an_access_token_is_said_by_xoauth2(fake: FakeImap) -> None:
    read_all(box_of(fake, auth="xoauth2", secret=lambda: "ya29.token"))

    assert b64decode(fake.heard[2]) == b"user=bounces\x01auth=Bearer ya29.token\x01\x01"


@pytest.mark.parametrize(
    ("folder", "said"),
    [("Bounces & more", b'"Bounces &- more"'), ("Rückläufer", b'"R&APw-ckl&AOQ-ufer"'), ('a"b', b'"a\\"b"')],
)
def test_a_folder_of_any_name_is_opened(fake: FakeImap, folder: str, said: bytes) -> None:
    read_all(box_of(fake, folder=folder))

    assert any(line.endswith(b" SELECT " + said) for line in fake.heard)


@pytest.mark.parametrize("secret", ["a\r\nb", "a\0b"])
def test_a_password_with_controls_is_not_sent(fake: FakeImap, secret: str) -> None:
    with pytest.raises(DigestError, match="control character"):
        read_all(box_of(fake, secret=lambda: secret))


def test_no_password_goes_out_unencrypted_to_another_machine() -> None:
    server = ImapServer(
        host="imap.example.org", port=143, security="none", username="bounces", secret=lambda: PASSWORD
    )

    with pytest.raises(DigestError, match="unencrypted"):
        read_all(ImapBox(server, clock=lambda: 0.0))


def test_a_server_without_starttls_gets_no_password(fake: FakeImap) -> None:
    fake.odd["STARTTLS"] = lambda tag, _: tag + b" BAD what\r\n"

    with pytest.raises(DigestError, match="STARTTLS"):
        read_all(box_of(fake, security="starttls"))

    assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in fake.heard)


def test_words_that_come_after_starttls_unencrypted_end_it(fake: FakeImap) -> None:
    fake.odd["STARTTLS"] = lambda tag, _: tag + b" OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"

    with pytest.raises(DigestError, match="unencrypted text came after STARTTLS"):
        read_all(box_of(fake, security="starttls"))


def test_a_server_that_is_logged_in_already_is_not_believed_before_encryption(fake: FakeImap) -> None:
    fake.greeting = b"* PREAUTH welcome\r\n"

    with pytest.raises(DigestError, match="STARTTLS"):
        read_all(box_of(fake, security="starttls"))


def test_a_refused_login_says_what_to_check(fake: FakeImap) -> None:
    fake.odd["AUTHENTICATE"] = lambda tag, _: tag + b" NO [AUTHENTICATIONFAILED] wrong\r\n"

    with pytest.raises(DigestError, match="wrong") as raised:
        read_all(box_of(fake))

    assert "app password" in raised.value.fix
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("way", ["PLAIN", "XOAUTH2", "LOGIN"])
def test_a_secret_that_the_server_says_back_is_not_repeated(fake: FakeImap, way: str) -> None:
    secret = 'geheim "123"'
    fake.capabilities = b"IMAP4rev1" + (b" AUTH=PLAIN" if way == "PLAIN" else b"")
    forms = {
        "PLAIN": b64encode(f"\0bounces\0{secret}".encode()),
        "XOAUTH2": b64encode(f"user=bounces\x01auth=Bearer {secret}\x01\x01".encode()),
        "LOGIN": b'LOGIN "bounces" "geheim \\"123\\""',
    }
    said = b" NO [AUTHENTICATIONFAILED] wrong: " + forms[way] + b" or " + secret.encode() + b"\r\n"
    fake.odd["LOGIN" if way == "LOGIN" else "AUTHENTICATE"] = lambda tag, _: tag + said
    box = box_of(fake, secret=lambda: secret, auth="xoauth2" if way == "XOAUTH2" else "password")

    with pytest.raises(DigestError, match="wrong") as raised:
        read_all(box)

    assert "geheim" not in str(raised.value)
    assert forms[way].decode()[:12] not in str(raised.value)


def test_a_folder_that_is_not_there_is_said(fake: FakeImap) -> None:
    fake.odd["SELECT"] = lambda tag, _: tag + b" NO no such folder\r\n"

    with pytest.raises(DigestError, match="no such folder") as raised:
        read_all(box_of(fake))

    assert "folder" in raised.value.fix


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(DigestError, match="refused"):
        read_all(box_of(FakeImap(port=port)))


def test_a_message_that_vanished_is_passed_over(fake: FakeImap) -> None:
    fake.odd["UID SEARCH"] = lambda tag, _: b"* SEARCH 3 99\r\n" + tag + b" OK done\r\n"

    assert [letter.key for letter in read_all(box_of(fake))] == ["3"]


def test_a_number_that_is_none_of_a_message_is_passed_over(fake: FakeImap) -> None:
    numbers = b"* SEARCH " + b"9" * 5_000 + b" 7 12345678901 \xb2 x3\r\n"
    fake.odd["UID SEARCH"] = lambda tag, _: numbers + tag + b" OK done\r\n"

    assert [letter.key for letter in read_all(box_of(fake))] == ["7"]


def test_a_fault_of_ours_is_not_blamed_on_the_server(fake: FakeImap) -> None:
    moments: list[float] = [0.0]  # which are too few

    with pytest.raises(IndexError, match="pop"):
        read_all(box_of(fake, clock=moments.pop))


def test_no_more_than_so_many_are_looked_at(fake: FakeImap) -> None:
    fake.messages = dict.fromkeys(range(1, mailboxes.MOST + 11), b"x")

    assert len(read_all(box_of(fake))) == mailboxes.MOST


def _endless(tag: bytes, _rest: bytes) -> bytes:
    return b"* OK still here\r\n" * 400_000


ODD: dict[str, dict[str, bytes | Callable[[bytes, bytes], bytes]]] = {
    "closes at the search": {"UID SEARCH": b""},
    "closes at the fetch": {"UID FETCH": b""},
    "says BYE": {"UID SEARCH": b"* BYE go away\r\n"},
    "speaks without end": {"UID SEARCH": _endless},
    "sends one endless line": {"UID SEARCH": b"x" * 5_000_000},
    "promises a terabyte": {"UID FETCH": b"* 1 FETCH (BODY[]<0> {1000000000000}\r\n"},
    "promises a number without end": {"UID FETCH": b"* 1 FETCH (BODY[]<0> {" + b"9" * 10_000 + b"}\r\n"},
    "answers with garbage": {"UID SEARCH": b"\xff\xfe\0\r\n"},
    "answers somebody else": {"UID SEARCH": b"ZZZZ1 OK done\r\n"},
    "has no capabilities": {"CAPABILITY": lambda tag, _: tag + b" OK done\r\n"},
    "has capabilities in no charset": {
        "CAPABILITY": lambda tag, _: b"* CAPABILITY \xff\r\n" + tag + b" OK done\r\n"
    },
    "asks for the password again and again": {"AUTHENTICATE": b"+ \r\n" * 300_000},
    "refuses the search": {"UID SEARCH": lambda tag, _: tag + b" NO later\r\n"},
}


@pytest.mark.slow
@pytest.mark.parametrize("what", ODD)
def test_a_server_that_goes_wrong_ends_in_a_sentence(fake: FakeImap, what: str) -> None:
    fake.odd = ODD[what]

    with pytest.raises(DigestError) as raised:
        read_all(box_of(fake))

    assert raised.value.where == f"127.0.0.1:{fake.port}"
    assert len(str(raised.value)) < 700
    assert str(raised.value).isprintable()


def test_a_literal_that_is_too_long_is_not_waited_for(fake: FakeImap) -> None:
    fake.odd["UID FETCH"] = ODD["promises a terabyte"]["UID FETCH"]

    with pytest.raises(DigestError, match="an answer of 1000000000000 bytes"):
        read_all(box_of(fake))


def test_a_server_that_never_comes_to_an_end_is_left_when_the_time_is_up(fake: FakeImap) -> None:
    ticks = count(step=100)  # each look at the clock takes as many seconds
    fake.odd["UID SEARCH"] = lambda tag, _: b"* OK x\r\n" * 100_000

    with pytest.raises(DigestError, match="no answer in time"):
        read_all(box_of(fake, clock=lambda: float(next(ticks)), patience_s=1_500))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    noise=st.binary(max_size=200), place=st.sampled_from(["CAPABILITY", "SELECT", "UID SEARCH", "UID FETCH"])
)
def test_any_bytes_from_a_server_end_in_a_sentence_or_in_letters(noise: bytes, place: str) -> None:
    def noisy(tag: bytes, _rest: bytes) -> bytes:
        return b"* " + noise + b"\r\n" + tag + b" OK done\r\n"

    with served(FakeImap(messages={1: b"x"}, odd={place: noisy})) as fake:
        told = _told(box_of(fake, timeout_s=0.2))

    assert all(isinstance(one, Letter) or str(one).isprintable() for one in told)


def _told(box: ImapBox) -> list[Letter] | list[DigestError]:
    try:
        return read_all(box)
    except DigestError as problem:
        return [problem]
