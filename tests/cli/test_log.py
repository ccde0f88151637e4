"""What happens in a service, as its log has it."""

import io
import json
import os
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digest import making, outbox, turns
from digest.cli import harvest_events, service
from digest.cli.log import Log, told
from digest.cli.screen import complain, counting, note, overheard, say, warn, working
from digest.cli.watching import Over, Untold
from digest.errors import ConfigurationError, DigestError
from digest.logs import Level
from digest.model import Attempt, Delivery, DeliveryState, Envelope, Message, Outcome, Suppression
from digest.outbox import Tally
from tests.makers import profile

NOW = datetime(2026, 11, 22, 5, 10, tzinfo=UTC)
DAY = date(2026, 11, 22)
BOB = profile(name="bob", email="bob@example.org")


def delivery(state: DeliveryState, reply: str = "") -> Delivery:
    message = Message(
        envelope=Envelope(sender="digest@example.org", recipient="bob@example.org"),
        message_id="<bob@example.org>",
        subject="Pouring tea\nevent=fake",
        data=b"",
    )
    return Delivery(profile="bob", day=DAY, message=message, state=state, relay="main", reply=reply)


def sent(state: DeliveryState, reply: str = "", due_at: datetime | None = None) -> outbox.Sent:
    attempt = Attempt(state=state, reply=reply)
    return outbox.Sent(delivery=delivery(state, reply), attempt=attempt, due_at=due_at)


def lines(event: object, form: str = "text") -> list[str]:
    stream = io.StringIO()
    Log("json" if form == "json" else "text", lambda: NOW, {}, stream)(event)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            sent(DeliveryState.SENT),
            'level=info event=sent reader=bob day=2026-11-22 relay=main subject="Pouring tea event=fake"',
        ),
        (
            sent(DeliveryState.QUEUED, "450 busy", NOW + timedelta(minutes=5)),
            'level=warning event=put_off reader=bob day=2026-11-22 relay=main until=2026-11-22T05:15:00Z reply="450 busy"',
        ),
        (
            sent(DeliveryState.FAILED, "RCPT 550 nobody"),
            'level=warning event=refused reader=bob day=2026-11-22 relay=main reply="RCPT 550 nobody"',
        ),
        (
            sent(DeliveryState.UNKNOWN, "lost"),
            "level=warning event=unknown reader=bob day=2026-11-22 relay=main reply=lost",
        ),
        (
            outbox.CutOff(delivery=delivery(DeliveryState.UNKNOWN), resent=True),
            "level=warning event=cut_off reader=bob day=2026-11-22 is_sent_again=true",
        ),
        (
            turns.Stated(profile=BOB, day=DAY, outcome=Outcome.PAUSED, reason="paused"),
            "level=info event=stated reader=bob day=2026-11-22 outcome=paused reason=paused",
        ),
        (
            making.NoMail(profile=BOB, day=DAY, outcome=Outcome.NO_LIST, reason="no source had a new paper"),
            'level=info event=stated reader=bob day=2026-11-22 outcome=no_list reason="no source had a new paper"',
        ),
        (
            service.ClockBehind(now=NOW),
            'level=warning event=clock_behind text="by the clock it is 2026-11-22 05:10 UTC, before Digest was ever '
            'at work: no turn is moved until it is right"',
        ),
        (
            making.Unmade(profile=BOB, problem=DigestError("no tea")),
            'level=error event=not_made reader=bob reason="no tea"',
        ),
        (
            making.Barred(
                profile=BOB, suppression=Suppression(address="bob@example.org", reason="left", at=NOW)
            ),
            "level=info event=suppressed reader=bob reason=left",
        ),
        (
            harvest_events.Warned(source="tea", what="odd"),
            "level=warning event=source_odd source=tea what=odd",
        ),
        (
            harvest_events.PageKept(source="tea", path=Path("/kept/1.html")),
            "level=info event=page_kept source=tea path=/kept/1.html",
        ),
        (harvest_events.Ended(is_abandoned=True), "level=info event=harvest_abandoned"),
        (
            service.Delivered(tally=Tally(sent=2, waiting=1, held_up="main is paused")),
            'level=warning event=delivered sent=2 waiting=1 refused=0 unknown=0 held_up="main is paused"',
        ),
        (
            service.Failed(part="editions", problem="full"),
            "level=error event=failed part=editions problem=full",
        ),
        (Over(about="2026-11-22 relay"), 'level=info event=over about="2026-11-22 relay"'),
        (Untold(problem="no channel"), 'level=error event=untold problem="no channel"'),
    ],
)
def test_an_event_is_a_line(event: object, line: str) -> None:
    assert lines(event) == [f"at=2026-11-22T05:10:00Z {line}"]


@pytest.mark.parametrize(
    "event",
    [
        harvest_events.Began(sources=("tea",)),
        harvest_events.Asking(source="tea", url="https://tea.example"),
        harvest_events.Ended(),
        harvest_events.LookedUp(found=0),
        making.Progress(done=1, of=2),
        outbox.Began(waiting=3),
    ],
)
def test_how_far_things_are_is_not_logged(event: object) -> None:
    assert lines(event) == []


def test_each_problem_of_a_configuration_has_a_line() -> None:
    problem = ConfigurationError((DigestError("no tea", where="a"), DigestError("no cup", fix="Buy one")))

    assert lines(service.KeptOld(problem=problem)) == [
        'at=2026-11-22T05:10:00Z level=error event=configuration_kept what="no tea" where=a',
        'at=2026-11-22T05:10:00Z level=error event=configuration_kept what="no cup" fix="Buy one"',
    ]


def test_no_address_of_a_reader_gets_into_the_log() -> None:
    events = [sent(state, "said") for state in DeliveryState]
    events_of_others = [outbox.CutOff(delivery=delivery(DeliveryState.UNKNOWN), resent=False)]

    assert "@" not in str([list(told(event)) for event in (*events, *events_of_others)])


def test_an_event_that_the_log_does_not_know_is_told_by_its_name_and_what_fits_on_a_line() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class KettleBoiled:
        reader: object
        at: datetime
        after: timedelta
        cups: tuple[str, ...]
        secret: object

    event = KettleBoiled(BOB, NOW, timedelta(minutes=2), ("b", "a"), object())

    assert list(told(event)) == [
        (Level.INFO, "kettle_boiled", {"reader": "bob", "at": NOW, "after": 120.0, "cups": "a, b"})
    ]


def test_as_json_it_is_an_object_a_line() -> None:
    (line,) = lines(sent(DeliveryState.SENT), "json")

    assert json.loads(line) == {
        "at": "2026-11-22T05:10:00Z",
        "level": "info",
        "event": "sent",
        "reader": "bob",
        "day": "2026-11-22",
        "relay": "main",
        "subject": "Pouring tea event=fake",
    }


def test_the_journal_is_told_the_level_in_its_own_way_and_not_the_time(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w") as stream:
        found = os.fstat(stream.fileno())
        journal = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        Log("text", lambda: NOW, journal, stream)(Untold(problem="x"))
        Log("text", lambda: NOW, {"JOURNAL_STREAM": "1:2"}, stream)(Untold(problem="y"))

    assert path.read_text().splitlines() == [
        "<3>event=untold problem=x",
        "at=2026-11-22T05:10:00Z level=error event=untold problem=y",
    ]


def test_what_a_screen_would_show_is_a_line_and_how_far_things_are_is_none() -> None:
    stream = io.StringIO()
    log = Log("text", lambda: NOW, {}, stream)

    for how in ("said", "noted", "warned", "complained", "counted"):
        log.overhear(how, "tea")

    assert [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "level=info event=said text=tea",
        "level=info event=noted text=tea",
        "level=warning event=warned text=tea",
        "level=error event=complained text=tea",
    ]


def test_a_log_that_nobody_reads_any_more_stops_nothing() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(os.dup(writing), "w")
    log = Log("text", lambda: NOW, {}, stream)
    log(Untold(problem="x"))
    os.close(reading)

    for _ in range(3):
        log(Untold(problem="y"))

    os.close(writing)
    with suppress(BrokenPipeError):
        stream.close()


def test_while_somebody_listens_nothing_is_shown_and_afterwards_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard: list[tuple[str, str]] = []
    with overheard(lambda how, line: heard.append((how, line))):
        say("poured")
        note("kettle")
        warn("hot")
        complain(ConfigurationError((DigestError("no tea"), DigestError("no cup"))))
        with counting("pouring") as tell, working("boiling"):
            tell(1, 2)
    meanwhile = capsys.readouterr()
    say("drunk")

    assert heard == [
        ("said", "poured"),
        ("noted", "kettle"),
        ("warned", "hot"),
        ("complained", "no tea"),
        ("complained", "no cup"),
        ("noted", "boiling"),
        ("counted", "pouring: 1 of 2"),
    ]
    assert (meanwhile.out, meanwhile.err) == ("", "")
    assert capsys.readouterr().out == "drunk\n"


def test_what_is_odd_about_a_source_each_time_is_said_when_it_begins_changes_and_once_an_hour() -> None:
    out, now = io.StringIO(), [NOW]
    log = Log("text", lambda: now[0], {}, out)

    for what in ("no year",) * 5 + ("no month",):
        log(harvest_events.Warned(source="kettle", what=what))
        now[0] += timedelta(minutes=20)

    assert re.findall(r'what="([a-z ]+)"', out.getvalue()) == ["no year", "no year", "no month"]
