"""Listing pages in each text layout, written from what they are to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from tests.sources.page_makers import Card, dense_page, spaced_page, who_and_when

HOME = "https://huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a page says of one paper."""

    identifier: str
    title: str
    abstract: str
    n_authors: int
    published: date
    upvotes: int
    comments: int

    @property
    def when(self) -> str:
        """The date as pages print it, with its year."""
        return f"{self.published:%b} {self.published.day}, {self.published.year}"

    @property
    def page(self) -> str:
        """The paper's address."""
        return f"{HOME}/papers/{self.identifier}"


def layout_a(papers: Sequence[Said]) -> str:
    """Titles and abstracts, blank lines between them."""
    return spaced_page(*(Card(title=said.title, abstract=said.abstract) for said in papers))


def layout_b(papers: Sequence[Said]) -> str:
    """As A, with who and when."""
    cards = (
        Card(
            title=said.title,
            abstract=said.abstract,
            meta=who_and_when(f"  • {said.n_authors} authors", f"{said.when} {said.comments}"),
        )
        for said in papers
    )
    return spaced_page(*cards)


def layout_c(papers: Sequence[Said]) -> str:
    """Titles and abstracts, line after line."""
    return dense_page(*(Card(title=said.title, abstract=said.abstract) for said in papers))


def layout_d(papers: Sequence[Said]) -> str:
    """Markdown with links."""
    return "# Daily Papers\n\nMar 14, 2026\n" + "".join(
        f"""
[{said.upvotes}]({HOME}/login?next=%2Fpapers%2F{said.identifier})

### [{said.title}]({said.page})

[{said.abstract}]({said.page})

[- {said.n_authors} authors]({said.page})

·

{said.when}[{said.comments}]({said.page}#community)
"""
        for said in papers
    )


def layout_e(papers: Sequence[Said]) -> str:
    """Markdown whose links are numbers, with their addresses at the foot."""
    blocks, foot = [], []
    for number, said in enumerate(papers):
        login, title, abstract, community = (4 * number + offset for offset in range(4))
        blocks.append(
            f"[\n\n{said.upvotes}\n\n][{login}]\n\n### [{said.title}][{title}]\n\n[\n\n{said.abstract}\n\n][{abstract}]"
            f"\n\n[\n\n  * {said.n_authors} authors\n\n][{title}]\n\n·\n\n{said.when} [ {said.comments}][{community}]\n"
        )
        foot.append(
            f"[{login}]: {HOME}/login\n[{title}]: {said.page}\n[{abstract}]: {said.page}\n"
            f"[{community}]: {said.page}#community\n"
        )
    return "Mar 14, 2026\n\n" + "\n".join(blocks) + "\n" + "".join(foot)


def layout_f(papers: Sequence[Said]) -> str:
    """One item a line, each address on its own."""
    return "Daily Papers\nMar 14, 2026\n" + "".join(
        f""" [-] {said.upvotes}
{HOME}/login?next=%2Fpapers%2F{said.identifier}
{said.title}
{said.page}
{said.abstract}
{said.page}
[

{said.n_authors} authors]({said.page})
·
{said.when}
{said.comments}

{said.page}#community
"""
        for said in papers
    )


def layout_g(papers: Sequence[Said]) -> str:
    """The trending page, where every paper stands twice."""
    cards = (
        f"""Submitted by
Ada Example

{said.title}

{said.abstract}

- {said.n_authors} authors
·
Published on {said.when}

Upvote
{said.upvotes}

GitHub {said.comments}
arXiv Page

"""
        for said in papers
    )
    return "Trending Papers\nbyAK and the research community\n\n" + "".join(2 * card for card in cards)


LAYOUTS: dict[str, Callable[[Sequence[Said]], str]] = {
    "text A": layout_a,
    "text B": layout_b,
    "text C": layout_c,
    "text D": layout_d,
    "text E": layout_e,
    "text F": layout_f,
    "text G": layout_g,
}

FEW = tuple(
    Said(
        identifier=f"2603.0000{number}",
        title=title,
        abstract=f"We study how {title.lower()} can be had without spilling tea, and with how little. " * 4,
        n_authors=number + 2,
        published=date(2025, 3, number + 1),
        upvotes=number * 7,
        comments=number,
    )
    for number, title in enumerate(("Tin Robots Pour Tea", "Clouds as Sheep", "Where the Spoons Go"))
)
"""Three papers that each layout can say."""
