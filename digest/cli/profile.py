"""`digest profile`: a group of commands that look at a reader's profile, or help to write it."""

import click

from digest.cli.group import LazyGroup

COMMANDS = {
    "lint": (
        "digest.cli.profile_lint:profile_lint",
        "Look for what in a profile does not do what was meant.",
    ),
    "diff": (
        "digest.cli.profile_diff:profile_diff",
        "Show the papers two profiles would gain and lose, day by day.",
    ),
    "replay": ("digest.cli.profile_replay:profile_replay", "Show what the past editions would have been."),
    "suggest": (
        "digest.cli.profile_suggest:profile_suggest",
        "Propose interests from the papers a reader liked.",
    ),
    "import": ("digest.cli.profile_import:profile_import", "Import liked papers from a Zotero library."),
}


class ProfileGroup(LazyGroup):
    """The commands under `digest profile`."""

    known = COMMANDS


@click.group(cls=ProfileGroup)
def profile() -> None:
    """Look at a profile: what is wrong with it, what it would have shown, what it lacks."""
