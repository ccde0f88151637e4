"""A threshold against stored papers, and liked papers that are not known."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from digest.library.liked import load_liked
from digest.model import Pick, Profile
from digest.pipeline import Reader, Shelf
from digest.profiles.findings import Finding
from digest.profiles.past import day_seen

EVERYTHING_PERCENT = 60
FEWEST_PAPERS = 20
NAMED = 5


def check_liked(reader: Reader) -> Iterator[Finding]:
    """Liked papers that teach nothing, as nothing is known of them; and files of them that cannot be read."""
    profile = reader.profile
    library = load_liked(profile)
    wanted = library.ids
    for note in library.notes:
        yield Finding(
            check="liked-file",
            key="liked.files",
            what=note.removeprefix("liked papers: "),
            fix="Correct the path, or what stands in the file",
        )
    stored = {paper.id for paper in reader.liked}
    missing = [identifier for identifier in wanted if identifier not in stored]
    if missing:
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        yield Finding(
            check="liked-unknown",
            key="liked.papers" if set(missing) <= set(profile.liked) else "liked.files",
            what=f"{len(missing):,} of {len(wanted):,} liked papers are not stored and teach nothing: "
            f"{', '.join(missing[:NAMED])}{more}",
            fix="`digest fetch` asks the sources for them; what they do not know cannot be used",
        )


def check_threshold(profile: Profile, scored: tuple[Pick, ...], shelf: Shelf) -> Iterator[Finding]:
    """A threshold that nothing reaches, or nearly everything; with one that would give a few papers a day."""
    if len(scored) < FEWEST_PAPERS:
        return
    values = sorted((pick.score.value for pick in scored), reverse=True)
    reached = sum(value >= profile.threshold for value in values)
    days = len({day_seen(one, ZoneInfo(profile.timezone)) for one in shelf.candidates})
    if not reached and values[0] > 0:
        yield Finding(
            check="threshold-high",
            key="threshold",
            what=f"none of {len(values):,} papers reaches {profile.threshold}; the best has {values[0]}",
            fix=_better(values, profile, days),
        )
    if 100 * reached >= EVERYTHING_PERCENT * len(values):
        yield Finding(
            check="threshold-low",
            key="threshold",
            what=f"{reached:,} of {len(values):,} papers reach {profile.threshold}, so few are left out",
            fix=_better(values, profile, days),
        )


def _better(values: list[int], profile: Profile, days: int) -> str:
    """The threshold that would pick half of `max_papers` a day."""
    wanted = max(1, profile.max_papers // 2)
    value = values[min(len(values), wanted * days) - 1]
    if value < 1:
        return f"`threshold = {values[0]}` would pick the best; more interests would find more"
    return f"`threshold = {value}` would pick about {wanted} a day"
