"""`digest profile lint`: what in a profile may not do what was meant."""

import json
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.screen import say, stepping, warn
from digest.cli.stored import Span, load_shelf
from digest.cli.world import Day, World, is_terminal
from digest.config import Configuration
from digest.errors import ExitCode, StoreError
from digest.model import Profile
from digest.outcome import day_of

if TYPE_CHECKING:
    from digest.profiles.findings import Finding

UNCHECKED = "which phrases match, who shares a name, liked papers, and the threshold"


@click.command("lint")
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...")
@click.option("--last", "span", type=Span(), metavar="DAYS", default="90d", show_default=True,
              help="Look at the papers of so many days, such as 90d or 26w.")  # fmt: skip
@click.option("--to", "last", type=Day(), metavar="DATE", help="The last of those days; today if left out.")
@click.option("--strict", is_flag=True, help="Exit with 1 if anything is found.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def profile_lint(
    ctx: click.Context,
    profiles: tuple[str, ...],
    span: int,
    last: date | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Look for what in a profile does not do what was meant.

    Of the readers named (or profile files, ending in .toml), or of all. Looked for: interests, aliases and
    things to avoid that match no stored paper or most of them; phrases that contain each other, so that
    points double; what is both wanted and avoided; followed names that several people share, organisations no
    paper is from; liked papers that are not stored; a threshold that nothing reaches, or nearly everything;
    days on which nothing is due, and a pause that was forgotten.

    Findings are hints, not errors: the exit code is 0, unless --strict is given.
    """
    world: World = ctx.obj
    loaded = setup.configuration_if_any(ctx) if _are_files(profiles) else setup.configuration(ctx)
    chosen = [(name, setup.chosen_profile(loaded, name)) for name in profiles]
    if loaded and not profiles:
        chosen = [(one.name, one) for one in loaded.profiles]
    files = [_file(loaded, name, world.folder) for name, _ in chosen]
    readers = [profile for _, profile in chosen]
    looked_at, found = _lint(loaded, readers, span, last, world)
    if as_json:
        _print_json(files, readers, found, looked_at)
    else:
        _print(files, found, looked_at, span)
    if strict and any(found):
        sys.exit(ExitCode.FAILED)


def _are_files(names: Sequence[str]) -> bool:
    return bool(names) and all(name.endswith(".toml") for name in names)


def _file(loaded: Configuration | None, name: str, folder: Path) -> str:
    """The profile's file, from here if it is below."""
    if name.endswith(".toml") or loaded is None:
        return name
    path = loaded.path(loaded.settings.profiles) / f"{name}.toml"
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _lint(
    loaded: Configuration | None, profiles: Sequence[Profile], span: int, last: date | None, world: World
) -> "tuple[int, list[list[Finding]]]":
    """How many papers were looked at, and the findings of each profile."""
    from digest.profiles.calendar import check_calendar
    from digest.profiles.lint import in_order, lint_alone, lint_with_papers

    found = [
        [*lint_alone(profile), *check_calendar(profile, day_of(profile, world.now()))] for profile in profiles
    ]
    # The furthest zones are a day ahead of UTC.
    end = last or world.now().date() + timedelta(days=1)
    try:
        if loaded is None:
            raise StoreError("there is no configuration here, so no store")
        first = end - timedelta(days=span)
        shelf, readers = load_shelf(loaded, profiles, first=first, last=end, world=world)
    except StoreError as problem:
        warn(f"{problem}. Not checked: {UNCHECKED}")
        return 0, [in_order(findings) for findings in found]
    steps = stepping(f"looking at {len(found)} profiles ...", tuple(zip(found, readers, strict=True)))
    for findings, reader in steps:
        findings.extend(lint_with_papers(reader, shelf))
    return len(shelf.candidates), [in_order(findings) for findings in found]


def _print(files: Sequence[str], found: "Sequence[Sequence[Finding]]", looked_at: int, span: int) -> None:
    """A line each in a pipe, as compilers do; three on a terminal."""
    from digest.rendering.phrases import counted

    for file, findings in zip(files, found, strict=True):
        for one in findings:
            where = f"{file}: {click.style(one.key, bold=True)}"
            if is_terminal(sys.stdout):
                say(f"{where}\n    {one.what}.\n    → {_sentence(one.fix)}\n")
            else:
                say(f"{where}: {one.what}. {_sentence(one.fix)}")
    n_findings = sum(map(len, found))
    against = f"against {looked_at:,} papers of {span} days" if looked_at else "without any paper"
    told = counted(n_findings, "finding") if n_findings else "nothing found"
    say(f"{told} in {counted(len(files), 'profile')}, {against}")


def _sentence(fix: str) -> str:
    return fix if fix.endswith((".", "?", "!")) else f"{fix}."


def _print_json(
    files: Sequence[str],
    profiles: Sequence[Profile],
    found: "Sequence[Sequence[Finding]]",
    looked_at: int,
) -> None:
    answer = [
        {
            "profile": profile.name,
            "file": file,
            "check": one.check,
            "key": one.key,
            "what": one.what,
            "fix": one.fix,
        }
        for file, profile, findings in zip(files, profiles, found, strict=True)
        for one in findings
    ]
    say(json.dumps({"papers": looked_at, "findings": answer}, ensure_ascii=False, indent=2))
