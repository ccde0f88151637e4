"""`digest outbox`: every message on its way out, every try to hand it over, and the operator's word on it."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.group import LazyGroup
from digest.cli.screen import complain, note, put, say, table
from digest.cli.states import in_words, instant, moment
from digest.cli.world import Day, Text, World
from digest.config import Configuration
from digest.errors import DeliveryError, DigestError, ExitCode, StoreError, UsageError
from digest.model import DeliveryState
from digest.text import clean, shorten

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.model import Tried
    from digest.store.database import Database
    from digest.store.record import Listed

WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)
_MOST_REPLY = 400
_States = click.Choice([state.value for state in DeliveryState])


COMMANDS = {
    "list": ("digest.cli.outbox:list_", "List the messages that wait, or others."),
    "show": ("digest.cli.outbox:show", "Show all that is known of one message: every try, every reply."),
    "retry": (
        "digest.cli.outbox:retry",
        "Let messages wait again, so that the next `digest send` tries them.",
    ),
    "cancel": (
        "digest.cli.outbox:cancel",
        "Give up messages that wait; their papers come again in the next edition.",
    ),
}


class OutboxGroup(LazyGroup):
    """The commands under `digest outbox`, in the order they are needed."""

    known = COMMANDS


@click.group(cls=OutboxGroup)
def outbox() -> None:
    """List messages on their way out, look at one, send it again, or give it up.

    A KEY is a reader (whose latest message is meant), a reader and a day (`ada 2026-03-11`), or a Message-ID.
    """


# ---------------------------------------------------------------- list


@click.command("list")
@click.option("--state", "states", type=_States, multiple=True, help="Those in this state; repeatable.")
@click.option("--day", type=Day(), help="Those of this day.")
@click.option("--profile", "profiles", type=Text(), multiple=True, help="Those of this reader; repeatable.")
@click.option("--all", "everything", is_flag=True, help="In whatever state; else those that wait.")
@click.option("--most", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@click.pass_context
def list_(
    ctx: click.Context, /, states: tuple[str, ...], day: date | None, profiles: tuple[str, ...], **how: Any
) -> None:
    """List the messages that wait, or others.

    Waiting are those still to go, those that are going out, and those that may have arrived and stay so until
    you say what to do (`digest outbox retry`). The newest day comes first. Times are UTC.
    """
    from digest.cli.standing import closed
    from digest.store.record import doubted, overview, tries

    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    if not setup.has_store(loaded):
        note(NO_STORE)
        return
    wanted = [DeliveryState(state) for state in states] or [*WAITING, DeliveryState.UNKNOWN]
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        found = overview(
            connection,
            states=None if how["everything"] and not states else wanted,
            profiles=profiles or None,
            day=day,
            most=how["most"] + 1,
        )
        shown = found[: how["most"]]
        numbers = tries(connection, [one.message_id for one in shown])
        doubts = doubted(connection, [one.message_id for one in shown])
        now = database.now(world.now())
        shut = closed(connection, setup.relay_limits(loaded), now)
    if how["as_json"]:
        for one in shown:
            id_ = one.message_id
            more = {"tries": numbers.get(id_, 0), "may_have_arrived": id_ in doubts}
            say(json.dumps(as_json(one) | more, ensure_ascii=False))
    elif shown:
        not_before = shut.until if shut else now
        words = {one.message_id: in_words(one, is_doubted=one.message_id in doubts) for one in shown}
        rows = (
            (one, words[one.message_id], numbers.get(one.message_id, 0), _when(one, now, not_before))
            for one in shown
        )
        table(_COLUMNS, (_row(*row) for row in rows))
    else:
        note("Nothing waits." if not (states or how["everything"] or day or profiles) else "No such message.")
    if len(found) > len(shown):
        note(f"There are more than {len(shown)}; --most shows more of them.")


NO_STORE = "The outbox is empty: there is no store yet. `digest send` makes it."
_COLUMNS = ("day", "reader", "state", "tries", "when", "last reply")


def _row(one: "Listed", state: str, tries: int, when: str) -> tuple[str, ...]:
    return (
        one.day.isoformat(),
        one.profile,
        state,
        str(tries),
        when,
        shorten(clean(one.reply, _MOST_REPLY), 100),
    )


def _when(one: "Listed", now: datetime, not_before: datetime) -> str:
    """The next try of what waits, the end of what ended."""
    if one.state is DeliveryState.QUEUED:
        at = max(one.due_at, not_before)
        return f"next try {moment(at)}" if at > now else "next try as soon as it can be"
    return moment(one.ended_at)


def as_json(one: "Listed") -> dict[str, Any]:
    """A message as the record shows it."""
    return {
        "profile": one.profile,
        "day": one.day.isoformat(),
        "message_id": one.message_id,
        "sender": one.sender,
        "recipient": one.recipient,
        "subject": one.subject,
        "state": one.state.value,
        "attempts": one.attempts,
        "deferrals": one.deferrals,
        "relay": one.relay,
        "reply": one.reply,
        "queued_at": instant(one.queued_at),
        "due_at": instant(one.due_at),
        "ended_at": instant(one.ended_at),
    }


# ---------------------------------------------------------------- show


@click.command()
@click.argument("keys", nargs=-1, required=True, type=Text(), metavar="KEY")
@click.option("--eml", metavar="FILE", help="Write the message there, as it is sent; - for standard output.")
@click.option("--json", "as_json_", is_flag=True, help="As JSON.")
@click.pass_context
def show(ctx: click.Context, keys: tuple[str, ...], eml: str | None, as_json_: bool) -> None:
    """Show all that is known of one message: every try, every reply.

    KEY is a reader (the latest message is meant), a reader and a day, or a Message-ID. A message that was
    sent is kept in the record without its content; `digest preview --day` makes that again.
    """
    from digest.store.record import content, tried

    loaded = setup.configuration(ctx, briefly=True)
    wanted = parse_keys(keys)
    if len(wanted) > 1:
        raise UsageError("one message at a time", where=", ".join(map(repr, wanted)))
    with _reading(loaded) as database, database.read() as connection:
        one = _find(connection, wanted[0], loaded)
        tries = tried(connection, one.message_id)
        data = content(connection, one.message_id)
    if eml:
        _write_eml(eml, data, one)
    elif as_json_:
        say(json.dumps(as_json(one) | {"tries": [_try_json(each) for each in tries]}, ensure_ascii=False))
    else:
        _show(one, tries, data)


def _show(one: "Listed", tries: "Sequence[Tried]", data: bytes | None) -> None:
    is_doubted = any(each.ended_at and each.attempt.state is DeliveryState.UNKNOWN for each in tries)
    say(f"{one.profile}, {one.day}: {in_words(one, is_doubted=is_doubted)}")
    size = f"{len(data):,} bytes" if data else "kept no longer"
    facts = {
        "subject": clean(one.subject, _MOST_REPLY),
        "to": one.recipient,
        "from": f"{one.sender} (envelope)",
        "message id": one.message_id,
        "made": moment(one.queued_at),
        "content": size,
        "ended" if one.ended_at else "next try": moment(one.ended_at or one.due_at),
        "relay": one.relay or "-",
        "last reply": clean(one.reply, _MOST_REPLY) or "-",
    }
    for name, value in facts.items():
        say(f"  {name:<11} {value}")
    say()
    if tries:
        table(_TRY_COLUMNS, (_try_row(each) for each in tries), title="Tries")
    else:
        say("It was not tried yet.")


_TRY_COLUMNS = ("try", "began", "ended", "by", "came to", "whose matter", "what was said")


def _try_row(one: "Tried") -> tuple[str, ...]:
    attempt = one.attempt
    return (
        str(one.number),
        f"{one.began_at:%m-%d %H:%M:%S}",
        f"{one.ended_at:%m-%d %H:%M:%S}" if one.ended_at else "under way",
        one.relay,
        attempt.phase.value if attempt.phase else "-",
        attempt.failure.value if attempt.failure else "-",
        clean(attempt.reply, _MOST_REPLY),
    )


def _try_json(one: "Tried") -> dict[str, Any]:
    attempt = one.attempt
    return {
        "number": one.number,
        "relay": one.relay,
        "began_at": instant(one.began_at),
        "ended_at": instant(one.ended_at),
        "state": attempt.state.value,
        "phase": attempt.phase.value if attempt.phase else None,
        "failure": attempt.failure.value if attempt.failure else None,
        "code": attempt.code,
        "enhanced": attempt.enhanced or None,
        "reply": attempt.reply,
    }


def _write_eml(where: str, data: bytes | None, one: "Listed") -> None:
    if not data:
        fix = f"`digest preview {one.profile} --day {one.day} --eml FILE` makes it again"
        raise StoreError(
            "the message was sent, and its content let go", where=f"{one.profile} {one.day}", fix=fix
        )
    if where == "-":
        put(data)
        return
    try:
        Path(where).write_bytes(data)
    except OSError as problem:
        raise DigestError(f"cannot be written ({problem.strerror})", where=where) from problem
    say(f"wrote {where}")


# ---------------------------------------------------------------- retry


@click.command()
@click.argument("keys", nargs=-1, type=Text(), metavar="[KEY...]")
@click.option("--failed", is_flag=True, help="All that were refused, bounced or suppressed.")
@click.option("--unknown", is_flag=True, help="All that may have arrived.")
@click.option("--state", "states", type=_States, multiple=True, help="All in this state; repeatable.")
@click.option("--day", type=Day(), help="Of those only the ones of this day.")
@click.option("--yes", is_flag=True, help="Do not ask, even if a message may arrive twice.")
@click.pass_context
def retry(
    ctx: click.Context, /, keys: tuple[str, ...], failed: bool, unknown: bool, yes: bool, **which: Any
) -> None:
    """Let messages wait again, so that the next `digest send` tries them.

    Each KEY is a reader, a reader and a day, or a Message-ID. One that may have arrived is asked about first:
    its reader may get it twice. Such a message keeps its Message-ID, and its papers count as had.
    """
    from digest.store.record import overview

    flags = {DeliveryState.FAILED: failed, DeliveryState.UNKNOWN: unknown}
    states = {state for state, is_meant in flags.items() if is_meant} | set(
        map(DeliveryState, which["states"])
    )
    wanted = parse_keys(keys)
    if bool(wanted) == bool(states):
        fix = "Name messages, or say --failed, --unknown or --state; `digest outbox list` shows them"
        raise UsageError("which messages?", fix=fix)
    loaded = setup.configuration(ctx, briefly=True)
    with _reading(loaded) as database, database.read() as connection:
        found = _find_all(connection, wanted, loaded)
        if states:
            found += overview(connection, states=states, day=which["day"], most=_MOST_AT_ONCE)
    chosen = _able(_asked(found, ctx.obj, yes=yes))
    is_refused = _put_back(loaded, chosen, ctx.obj)
    if not found:
        note("No such message.")
    if is_refused or len(chosen) < len(found):
        sys.exit(ExitCode.FAILED)


_MOST_AT_ONCE = 1_000_000


def _asked(found: "list[Listed]", world: World, *, yes: bool) -> "list[Listed]":
    """Without those that may have arrived and should not go again. Raises UsageError with nobody to ask."""
    doubtful = [one for one in found if one.state is DeliveryState.UNKNOWN and one.ended_at]
    if not doubtful or yes:
        return found
    names = shorten(", ".join(f"{one.profile} {one.day}" for one in doubtful), 300)
    if not world.is_interactive:
        what = "may have arrived, and would come twice"
        raise UsageError(what, where=names, fix="Add --yes if that is what you want")
    if click.confirm(f"{names}: may have arrived, and would come twice. Send again?"):
        return found
    return [one for one in found if one not in doubtful]


def _able(found: "list[Listed]") -> "list[Listed]":
    for one in found:
        if one.state is DeliveryState.SENT:
            complain(DigestError("was sent already", where=f"{one.profile} {one.day}"))
    return [one for one in found if one.state is not DeliveryState.SENT]


def _put_back(loaded: Configuration, chosen: "list[Listed]", world: World) -> bool:
    """Whether some of them could not be put back."""
    from digest.store.suppressions import suppressed
    from digest.store.waiting import retry as put_back

    if not chosen:
        return False
    with setup.open_store(loaded) as database:
        now = database.now(world.now())
        with database.begin() as connection:
            barred = suppressed(connection, {one.recipient for one in chosen})
            able = [one for one in chosen if one.recipient not in barred]
            done = [put_back(connection, one, now) for one in able]
        with database.read() as connection:
            stuck = [one for one, is_back in zip(able, done, strict=True) if not is_back]
            why = {one.message_id: _why_not(connection, one) for one in stuck}
    for one in able:
        if what := why.get(one.message_id):
            complain(DigestError(what, where=f"{one.profile} {one.day}"))
        else:
            say(f"{one.profile} {one.day}: waits again; `digest send` tries it")
    for one in chosen:
        if reason := barred.get(one.recipient):
            fix = f"`digest suppress remove {one.recipient}` lets it"
            what = f"{one.recipient} gets no mail: {reason.reason}"
            complain(DigestError(what, where=f"{one.profile} {one.day}", fix=fix))
    return bool(barred) or not all(done)


def _why_not(connection: "Connection", one: "Listed") -> str:
    """Why a message was not put back."""
    from digest.store.record import by_message_id, content

    now = by_message_id(connection, one.message_id) or one
    is_over = now.state in (DeliveryState.FAILED, DeliveryState.EXPIRED) or now.ended_at is not None
    if is_over and content(connection, one.message_id) is None:
        if in_words(now) == "bounced":
            return "bounced, and its content was let go when a server took it: its papers come again"
        return f"{in_words(now)}, and its content is kept no longer"
    how = "has changed just now" if is_over else "is under way"
    return f"{how}; `digest outbox show` says how it stands"


# ---------------------------------------------------------------- cancel


@click.command()
@click.argument("keys", nargs=-1, required=True, type=Text(), metavar="KEY...")
@click.pass_context
def cancel(ctx: click.Context, keys: tuple[str, ...]) -> None:
    """Give up messages that wait; their papers come again in the next edition.

    Each KEY is a reader, a reader and a day, or a Message-ID. What is under way cannot be called back.
    """
    from digest.store.waiting import cancel as give_up

    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    with _reading(loaded) as database, database.read() as connection:
        found = _find_all(connection, parse_keys(keys), loaded)
    with setup.open_store(loaded) as database:
        now = database.now(world.now())
        with database.begin() as connection:
            done = [give_up(connection, one, now) for one in found]
    for one, is_over in zip(found, done, strict=True):
        if is_over:
            say(f"{one.profile} {one.day}: given up; its papers come again in the next edition")
        else:
            what = f"does not wait: {in_words(one)}"
            complain(DigestError(what, where=f"{one.profile} {one.day}"))
    if not all(done):
        sys.exit(ExitCode.FAILED)


# ---------------------------------------------------------------- which message is meant


def parse_keys(arguments: Sequence[str]) -> list[str]:
    """`ada 2026-03-11 bob` as two keys: a day belongs to the reader before it."""
    keys: list[str] = []
    for argument in arguments:
        if keys and " " not in keys[-1] and _is_day(argument):
            keys[-1] = f"{keys[-1]} {argument}"
        else:
            keys.append(argument)
    return keys


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _find_all(connection: "Connection", keys: Sequence[str], loaded: Configuration) -> "list[Listed]":
    """Each message once, however often and by whatever name it was meant."""
    found = (_find(connection, key, loaded) for key in keys)
    return list({one.message_id: one for one in found}.values())


def _find(connection: "Connection", key: str, loaded: Configuration) -> "Listed":
    from digest.store.record import find

    found = find(connection, key)
    if found is None:
        known = {profile.name for profile in loaded.profiles}
        is_reader = key.partition(" ")[0] in known
        fix = "" if is_reader else "`digest outbox list --all` names them"
        raise DeliveryError("there is no such message", where=repr(key), fix=fix)
    return found


def _reading(loaded: Configuration) -> "Database":
    if not setup.has_store(loaded):
        raise StoreError("there is no store yet", where=setup.store_name(loaded), fix="Run `digest send`")
    return setup.open_store_for_reading(loaded)
