"""Secrets that a server says back are not repeated: replies go into records, reports and alarms."""

import re
from collections.abc import Iterable

_TELLING = 8
"""So many characters give a secret away that a server says in part, or that a cut-off reply holds."""


def masked(text: str, said: Iterable[str]) -> str:
    """The text with `***` for what was said, whole or its beginning, in capitals or not."""
    parts = [_pattern(one) for one in sorted(said, key=len, reverse=True) if one]
    return re.sub("|".join(parts), "***", text, flags=re.IGNORECASE) if parts else text


def _pattern(secret: str) -> str:
    if len(secret) <= _TELLING:  # a short one may stand in any word by chance
        return rf"(?<!\w){re.escape(secret)}(?!\w)"
    return rf"{re.escape(secret)}|{re.escape(secret[:_TELLING])}\S*"
