"""arXiv's archives and categories, as people write them in a configuration."""

import difflib
import re
from typing import Annotated

from pydantic import AfterValidator

_TAXONOMY = "https://arxiv.org/category_taxonomy"
# Archives and where they stand in OAI-PMH's sets; subject classes change
# now and then, so only their form is checked.
_GROUPS = {
    **{name: name for name in ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat", "physics")},
    **dict.fromkeys(
        "astro-ph cond-mat gr-qc hep-ex hep-lat hep-ph hep-th math-ph nlin nucl-ex nucl-th quant-ph".split(),
        "physics",
    ),
}
_WITH_CLASSES = frozenset("astro-ph cond-mat cs econ eess math nlin physics q-bio q-fin stat".split())
_LOWER = frozenset({"cond-mat", "physics"})
"""Whose subject classes are in lower case: `physics.optics`; all others have two capitals: `cs.CL`."""
_NAMED, _TWO = re.compile(r"[a-z][a-z-]{2,15}"), re.compile(r"[A-Z]{2}")


def canonical(text: str) -> str:
    """The name of a category or archive as arXiv writes it: `CS.cl` is `cs.CL`.

    Raises ValueError for what cannot be one.
    """
    archive, dot, subject = text.strip().partition(".")
    archive = archive.lower()
    if archive not in _GROUPS:
        near = difflib.get_close_matches(archive, _GROUPS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"see {_TAXONOMY}"
        raise ValueError(f"{text[:40]!r} is of no archive of arXiv; {hint}")
    if not dot:
        return archive
    subject = subject.lower() if archive in _LOWER else subject.upper()
    form = _NAMED if archive in _LOWER else _TWO
    if archive not in _WITH_CLASSES:
        raise ValueError(f"{text[:40]!r} is no category of arXiv: {archive} has no subject classes")
    if not form.fullmatch(subject):
        example = "physics.optics" if archive in _LOWER else "cs.CL"
        raise ValueError(f"{text[:40]!r} is no category of arXiv, such as {example}; see {_TAXONOMY}")
    return f"{archive}.{subject}"


def set_of(category: str) -> str:
    """The set of OAI-PMH that has a category or archive: `cs:cs:CL`, `physics:hep-th`, `cs`."""
    archive, dot, subject = category.partition(".")
    group = _GROUPS[archive]
    if not dot and group == archive:
        return f"{group}:{archive}" if archive == "physics" else group
    return f"{group}:{archive}:{subject}" if dot else f"{group}:{archive}"


# Names of one category in two archives; pages show the second.
_SHOWN = {
    "cs.NA": "math.NA",
    "cs.SY": "eess.SY",
    "math.IT": "cs.IT",
    "math.MP": "math-ph",
    "q-fin.EC": "econ.GN",
    "stat.TH": "math.ST",
}


def is_in(category: str, wanted: str) -> bool:
    """Whether a category is the wanted one, by either of its names, or of the wanted archive."""
    return _SHOWN.get(category, category) == _SHOWN.get(wanted, wanted) or category.startswith(f"{wanted}.")


Category = Annotated[str, AfterValidator(canonical)]
