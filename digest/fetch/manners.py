"""How often which hosts may be asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What is kept to with a host: all hosts of its group share one connection and one pace."""

    group: str
    """A domain, for all its subdomains; of hosts that have no such domain here, the host itself."""
    spacing_s: float = 0.0
    """From the beginning of a request to that of the next."""
    after_429_s: float = 0.0
    """For how long a host is left alone that goes on answering 429 without saying for how long."""


AN_HOUR_S = 3_600.0
# arXiv: one request in three seconds, over one connection, for all that it serves to programs
# (https://info.arxiv.org/help/api/tou.html); its query API answers 429 for hours, without Retry-After.
# Semantic Scholar: one request a second with a key; without one, 429 is the rule.
_KNOWN = (
    Manner(group="arxiv.org", spacing_s=3, after_429_s=AN_HOUR_S),
    Manner(group="api.biorxiv.org", spacing_s=1),
    Manner(group="semanticscholar.org", spacing_s=1, after_429_s=AN_HOUR_S),
)


def manner_of(host: str, spacing_s: float) -> Manner:
    """The manner for a host; `spacing_s` is the operator's wish, which may only make it slower."""
    name = normal(host)
    known = next((one for one in _KNOWN if f".{name}".endswith(f".{one.group}")), Manner(group=name))
    spacing_s = max(known.spacing_s, spacing_s)
    return Manner(group=known.group, spacing_s=spacing_s, after_429_s=known.after_429_s)


def normal(host: str) -> str:
    """A host's name in one form: `Localhost.` is `localhost`."""
    return host.lower().rstrip(".")
