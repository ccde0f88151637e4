"""Listing pages as readers and clippers save them: layouts D, E, F and G."""

from dataclasses import replace
from datetime import date

from digest.model import Listing
from digest.sources.dumps import fold, parse_dump
from digest.sources.reading import Draft, Meta
from tests.makers import NOW

SAVED = date(2026, 10, 2)


def parsed(text: str) -> Listing:
    listing = parse_dump(text, at=NOW, saved_on=SAVED)
    assert listing is not None
    return listing


MARKDOWN = r"""# Daily Papers

Oct 2

[101](https://huggingface.co/login?next=%2Fpapers%2F2606.00001)

### [Tin Robots Pour\
Tea](https://huggingface.co/papers/2606.00001)

[We study how robots learn on [0,1) to pour tea [1].\\
They spill none of it.](https://huggingface.co/papers/2606.00001)

[![tea-lab](https://example.org/a.png)Institute of Tea](https://huggingface.co/tea-lab)

·

May 29[6](https://huggingface.co/papers/2606.00001#community)

[-](https://huggingface.co/login?next=%2Fpapers%2F2504.00002)

### [Clouds as Sheep: A \_Survey\_](https://huggingface.co/papers/2504.00002)

[We count clouds. We fall asleep.](https://huggingface.co/papers/2504.00002)

[- ![](https://example.org/b.png)\\
\\
- 3 authors](https://huggingface.co/papers/2504.00002)

·

Apr 3, 2025
"""


def test_markdown_with_links_gives_ids_votes_organisations_and_comments() -> None:
    listing = parsed(MARKDOWN)

    robots, clouds = listing.entries
    assert (listing.layout, listing.day) == ("text D", SAVED)
    assert (robots.paper.id, robots.paper.title) == ("2606.00001", "Tin Robots Pour Tea")
    assert (
        robots.paper.abstract == "We study how robots learn on [0,1) to pour tea [1]. They spill none of it."
    )
    assert (robots.paper.organization, robots.paper.n_authors) == ("Institute of Tea", None)
    assert robots.paper.published == date(2026, 5, 29)
    assert (robots.observation.upvotes, robots.observation.comments) == (101, 6)
    assert robots.paper.url == "https://huggingface.co/papers/2606.00001"
    assert (clouds.paper.title, clouds.paper.n_authors) == ("Clouds as Sheep: A _Survey_", 3)
    assert clouds.paper.published == date(2025, 4, 3)
    assert (clouds.observation.upvotes, clouds.observation.comments) == (0, None)


NUMBERED = """Oct 2

[

-

][31]

### [Tin Robots Pour Tea][32]

[

We study how robots learn to pour tea.
They spill none of it.

][33]

[

  * 3 authors

][34]

·

Mar 8, 2024 [ 6][35]

[ 12 ][36]

### [Clouds as Sheep][37]

[ We count clouds. ][38]

[[tea-lab] Institute of Tea][39]

·

Mar 9

"""
REFERENCES = """
[31]: https://huggingface.co/login?next=%2Fpapers%2F2403.00001
[32]: https://huggingface.co/papers/2403.00001
[33]: https://huggingface.co/papers/2403.00001
[34]: https://huggingface.co/papers/2403.00001
[35]: https://huggingface.co/papers/2403.00001#community
[36]: https://huggingface.co/login?next=%2Fpapers%2F2603.00002
[37]: https://huggingface.co/papers/2603.00002
[38]: https://huggingface.co/papers/2603.00002
[39]: https://huggingface.co/tea-lab
"""


def test_numbered_links_are_looked_up_at_the_foot() -> None:
    listing = parsed(NUMBERED + REFERENCES)

    robots, clouds = listing.entries
    assert listing.layout == "text E"
    assert (robots.paper.id, clouds.paper.id) == ("2403.00001", "2603.00002")
    assert robots.paper.abstract == "We study how robots learn to pour tea. They spill none of it."
    assert (robots.paper.n_authors, robots.paper.published) == (3, date(2024, 3, 8))
    assert (robots.observation.upvotes, robots.observation.comments) == (0, 6)
    assert (clouds.paper.organization, clouds.observation.upvotes) == ("Institute of Tea", 12)
    assert clouds.paper.published == date(2026, 3, 9)


def test_numbered_links_without_their_foot_leave_only_the_title_as_identity() -> None:
    listing = parsed(NUMBERED)

    assert [entry.paper.id for entry in listing.entries] == ["title:tinrobotspourtea", "title:cloudsassheep"]
    assert listing.entries[1].paper.abstract == "We count clouds."


ITEM_A_LINE = """Daily Papers
https://huggingface.co/papers/date/2025-03-24
Mar 25
 [-] 19
https://huggingface.co/login?next=%2Fpapers%2F2409.00001
Tin Robots Pour Tea
https://huggingface.co/papers/2409.00001
We study how robots learn to pour tea.
https://huggingface.co/papers/2409.00001
[

2 authors](https://huggingface.co/papers/2409.00001)
·
Sep 3, 2024
2

https://huggingface.co/papers/2409.00001#community
 [-] -
https://huggingface.co/login?next=%2Fpapers%2F2503.00002
Clouds as Sheep
https://huggingface.co/papers/2503.00002
We count clouds.
https://huggingface.co/papers/2503.00002
[

Institute of Tea](https://huggingface.co/tea-lab)
·
Mar 20
"""


def test_one_item_a_line_is_read_and_the_link_to_the_day_before_gives_the_year() -> None:
    listing = parsed(ITEM_A_LINE)

    robots, clouds = listing.entries
    assert (listing.layout, listing.day) == ("text F", date(2025, 3, 25))
    assert (robots.paper.id, robots.paper.title) == ("2409.00001", "Tin Robots Pour Tea")
    assert robots.paper.abstract == "We study how robots learn to pour tea."
    assert (robots.paper.n_authors, robots.paper.published) == (2, date(2024, 9, 3))
    assert (robots.observation.upvotes, robots.observation.comments) == (19, 2)
    assert (clouds.paper.organization, clouds.paper.published) == ("Institute of Tea", date(2025, 3, 20))
    assert (clouds.observation.upvotes, clouds.observation.comments) == (0, None)


TRENDING = """Trending Papers
byAK and the research community

Submitted by
Ada Example

Tin Robots Pour
Tea

A robot pours tea without spilling any of it, and learns to do so in a day.

- 8 authors
·
Published on Oct 4, 2025

Upvote
117

GitHub 11.3k
arXiv Page

Submitted by
Ada Example

Tin Robots Pour
Tea

A robot pours tea without spilling any of it, and learns to do so in a day.

- 8 authors
·
Oct 4, 2025

Upvote
117

Clouds as Sheep

We count clouds, and fall asleep before we have counted all of them, as anybody would.

tea-lab Institute of Tea
·
Oct 1

Upvote
-
"""


def test_the_trending_page_shows_every_paper_once_though_it_stands_there_twice() -> None:
    listing = parsed(TRENDING)

    robots, clouds = listing.entries
    assert (listing.layout, len(listing.entries)) == ("text G", 2)
    assert (robots.paper.title, robots.paper.n_authors) == ("Tin Robots Pour Tea", 8)
    assert robots.paper.published == date(2025, 10, 4)
    assert (robots.observation.upvotes, robots.observation.stars) == (117, 11_300)
    assert (clouds.paper.title, clouds.paper.organization) == ("Clouds as Sheep", "tea-lab Institute of Tea")
    assert clouds.observation.upvotes == 0


def test_neighbours_about_one_paper_are_one_with_the_fuller_abstract_and_every_fact() -> None:
    desktop = Draft(number=1, title="Tin Robots", abstract="Short.", meta=Meta(upvotes=3))
    mobile = Draft(number=9, title="Tin robots!", abstract="Rather long.", meta=Meta(upvotes=4, n_authors=2))
    other = Draft(number=12, title="Clouds")

    assert fold([desktop, mobile, other, desktop]) == [
        replace(desktop, abstract="Rather long.", meta=Meta(upvotes=3, n_authors=2)),
        other,
        desktop,
    ]


def test_one_title_with_two_ids_is_two_papers() -> None:
    one, two = (Draft(number=1, title="Tea", identifier=identifier) for identifier in ("2603.1", "2603.2"))

    assert fold([one, two]) == [one, two]


def test_other_texts_are_no_dumps() -> None:
    for text in (
        "",
        "### heading",
        "### [A project](https://example.org)\n\nIt is good.\n",
        "Trending Papers",
        "https://example.org/papers/2606.00001\nx",
    ):
        assert parse_dump(text, at=NOW, saved_on=SAVED) is None
