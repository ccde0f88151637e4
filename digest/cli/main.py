"""The `digest` command: a group whose commands are imported when they are used."""

import errno
import os
from pathlib import Path

import click

from digest import __version__
from digest.cli.group import LazyGroup
from digest.cli.world import World
from digest.errors import DigestError, ExitCode

# name: (where it is, its line in `digest --help`). The lines stand here too so that `digest --help` need not
# import nine modules; a test compares them.
COMMANDS = {
    "init": ("digest.cli.init:init", "Write a configuration and a reader's profile, commented."),
    "read": ("digest.cli.read:read", "Print the papers found on saved pages."),
    "fetch": ("digest.cli.fetch:fetch", "Read every source and store its papers."),
    "preview": ("digest.cli.preview:preview", "Show the edition a reader would get, changing nothing."),
    "send": ("digest.cli.send:send", "Make today's editions and send them, once."),
    "run": (
        "digest.cli.run:run",
        "Stay, and do by itself what is due: read sources, make editions, send them.",
    ),
    "health": (
        "digest.cli.health:health",
        "Say in a line whether `digest run` does its work: ok, late, or failing.",
    ),
    "sources": (
        "digest.cli.sources:sources",
        "Say how each source stands: its state, its numbers, when it is read next.",
    ),
    "status": ("digest.cli.status:status", "Say how each reader's days ended, and how the sources are."),
    "outbox": (
        "digest.cli.outbox:outbox",
        "List messages on their way out, look at one, send it again, or give it up.",
    ),
    "suppress": (
        "digest.cli.suppress:suppress",
        "List the addresses that get no mail; add one, or let it have mail again.",
    ),
    "bounces": (
        "digest.cli.bounces:bounces",
        "Read what came back, and stop mail to addresses that are no good.",
    ),
    "plan": (
        "digest.cli.plan:plan",
        "Say when each wave of readers would have its mail, and what holds it up.",
    ),
    "pause": ("digest.cli.pause:pause", "Send a reader no editions for a while."),
    "resume": ("digest.cli.pause:resume", "End a reader's pause, or take back one that is still to come."),
    "explain": ("digest.cli.explain:explain", "Show the arithmetic of a paper's score: why, or why not."),
    "like": ("digest.cli.feedback:like", "Say that a paper is what the reader wants more of."),
    "dislike": ("digest.cli.feedback:dislike", "Say that a paper is what the reader wants less of."),
    "forget": ("digest.cli.feedback:forget", "Take back what the reader said of a paper."),
    "feedback": ("digest.cli.feedback:feedback", "List what a reader said of papers, the latest first."),
    "score": (
        "digest.cli.score:score",
        "Score papers without mail, store or configuration, for other programs.",
    ),
    "check": ("digest.cli.check:check", "Look for what is wrong, before the morning does."),
    "profile": (
        "digest.cli.profile:profile",
        "Look at a profile: what is wrong with it, what it would have shown, what it lacks.",
    ),
}

EPILOG = """\b
First steps, in an empty folder:
  digest init            answer a few questions
  digest fetch           get the papers
  digest preview         look at today's edition
  digest send            send it; `digest run` does that by itself, every morning

\b
Exit codes: 0 done · 1 failed · 2 wrong usage · 3 configuration ·
4 a page or source could not be read · 5 store · 6 delivery
"""


class CommandGroup(LazyGroup):
    """Ends with a sentence, not a traceback, where a person can act."""

    known = COMMANDS

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what a person can act on is said in a line each on standard error."""
        try:
            return super().invoke(ctx)
        except DigestError as problem:
            from digest.cli.screen import complain

            complain(problem)
            ctx.exit(problem.exit_code)


@click.group(cls=CommandGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="digest")
@click.option(
    "--config",
    "config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration; else $DIGEST_CONFIG, else config.toml in this folder.",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Mail every reader the research papers they would have picked themselves, with reasons.

    Papers come from Hugging Face's daily list or from saved pages; each reader has one TOML file of
    interests; each edition goes out once, over SMTP, into a Maildir, or into a folder.
    """
    ctx.obj = ctx.obj or World()
    ctx.meta["digest.config"] = config


def main() -> None:
    """Run the command line."""
    try:
        cli(prog_name="digest")
    except OSError as problem:
        # What is printed goes to a full disk or a broken terminal: not ours to mend, nor worth a traceback.
        if problem.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        os.write(2, f"error: cannot write the answer ({problem.strerror})\n".encode())
        os._exit(ExitCode.FAILED)
