"""Which links may stand in a mail, and where a paper's pages are."""

import re
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from digest.model import Paper

MAX_LINK = 2_000
_ARXIV_ID = re.compile(r"(?:[0-9]{4}\.[0-9]{4,5}|[a-z-]+(?:\.[A-Z]{2})?/[0-9]{7})")
_ARXIV_MENTION = re.compile(
    rf"(?:arxiv\.org/(?:abs|pdf|html)/|huggingface\.co/papers/|10\.48550/arxiv\.|arxiv:\s*|^)({_ARXIV_ID.pattern})(?:v[0-9]+)?(?:\.pdf)?(?=$|[/?#])",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:^|doi\.org/|doi:\s*)(10\.[0-9]{4,9}/[^\s\"<>?#]+)$", re.IGNORECASE)
_RXIV = re.compile(
    r"(?:^|doi\.org/|doi:\s*|\b(?:bio|med)rxiv\.org/content/)(10\.(?:1101|64898)/[^\s\"<>?#/]+)(?=$|[/?#])",
    re.IGNORECASE,
)
# What bioRxiv and medRxiv put behind a DOI: a version, and which page of the paper it is.
_RXIV_PAGE = re.compile(
    r"(?<!/)(?:v\d{1,3})?(?:\.(?:abstract|article-(?:info|metrics)|full|full-text|supplementary-material))?"
    r"(?:\.pdf)?(?:\+html)?$"
)


def safe_link(url: str | None) -> str | None:
    """The link if a mail may carry it: absolute http(s) with a host, no control characters; else `None`."""
    if not url or len(url) > MAX_LINK or not url.isprintable() or re.search(r"[\s\\\"<>`]", url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and host else None


def is_arxiv_id(text: str) -> bool:
    """Whether this is an arXiv id without version (`2104.14294`, `astro-ph/0601001`)."""
    return _ARXIV_ID.fullmatch(text) is not None


def paper_id(text: str) -> str | None:
    """The canonical id that an id, DOI or address of a paper names, or `None`.

    `2104.14294v2`, `arXiv:2104.14294`, `https://huggingface.co/papers/2104.14294` and
    `10.48550/arXiv.2104.14294` are all `2104.14294`, and `math.GT/0309136` is `math/0309136`; other DOIs are
    lower-cased (they ignore case), those of bioRxiv and medRxiv without the version that addresses have.
    """
    mention = text.strip()
    if not mention.isprintable():
        return None
    if found := _ARXIV_MENTION.search(mention):
        archive, slash, number = found.group(1).rpartition("/")
        return f"{archive.partition('.')[0].lower()}{slash}{number}"
    if found := _RXIV.search(mention):
        return _RXIV_PAGE.sub("", found.group(1).lower(), count=1)
    if found := _DOI.search(mention):
        return found.group(1).lower()
    return None


def links_of(identifier: str) -> dict[str, str]:
    """The pages that follow from an id alone: `abstract`, for arXiv's also `pdf`, `html`, `huggingface`."""
    if is_arxiv_id(identifier):
        return {
            "abstract": f"https://arxiv.org/abs/{identifier}",
            "pdf": f"https://arxiv.org/pdf/{identifier}",
            "html": f"https://arxiv.org/html/{identifier}",
            "huggingface": f"https://huggingface.co/papers/{identifier}",
        }
    if identifier.startswith("10."):
        return {"abstract": f"https://doi.org/{quote(identifier, safe='/.()-_:;')}"}
    place, _, own = identifier.partition(":")
    return {"abstract": _PAGES[place] + quote(own, safe="")} if own and place in _PAGES else {}


_PAGES = {
    "openreview": "https://openreview.net/forum?id=",
    "s2": "https://www.semanticscholar.org/paper/",
}
"""Of ids that a source gave itself: where it shows them."""


def pages_of(paper: Paper) -> dict[str, str]:
    """The safe addresses of a paper by what they lead to, `abstract` first, then `code` and `project` last.

    Where none is known, `search` alone.
    """
    named = {
        "abstract": paper.url,
        **links_of(paper.id),
        "code": paper.code_url,
        "project": paper.project_url,
    }
    safe = {name: address for name, url in named.items() if (address := safe_link(url))}
    return safe or {"search": search_link(paper.title)}


def first_page(paper: Paper) -> str:
    """Where a paper's title leads."""
    return next(iter(pages_of(paper).values()))


def search_link(title: str) -> str:
    """Where to look for a paper that is known by its title only."""
    words = title if len(title) <= 120 else title[:120].rsplit(" ", 1)[0]
    return f"https://arxiv.org/search/?searchtype=title&query={quote(words)}"


def is_loopback(host: str) -> bool:
    """Whether what goes to a host, a name or an address, never leaves this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
