"""`digest like`, `dislike`, `forget` and `feedback`, as a reader uses them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.desk import ADA, Desk
from tests.web import Server, answer

WAIT = "title:learningtowaitselfsupervisedpatience"


@pytest.fixture
def reader(desk: Desk) -> Desk:
    """Ada's folder with the papers of the day stored."""
    desk.run("fetch")
    return desk


def edition(desk: Desk) -> dict[str, Any]:
    """Today's edition, as a preview shows it."""
    shown: dict[str, Any] = json.loads(desk.run("preview", "--json").stdout)
    return shown


def shown(desk: Desk) -> set[str]:
    return {pick["id"] for section in edition(desk)["sections"] for pick in section["picks"]}


def said(desk: Desk) -> list[tuple[str, str]]:
    lines = desk.run("feedback", "--json").stdout.splitlines()
    return [(one["verdict"], one["id"]) for one in map(json.loads, lines)]


def test_a_disliked_paper_is_not_shown_and_forgetting_brings_it_back(reader: Desk) -> None:
    assert WAIT in shown(reader)

    disliked = reader.run("dislike", "Learning to Wait")
    without = shown(reader)
    explained = reader.run("explain", "Learning to Wait").stdout
    forgotten = reader.run("forget", "Learning to Wait")

    assert "ada dislikes “Learning to Wait: Self-Supervised Patience”" in disliked.stdout
    assert "not shown again" in disliked.stdout
    assert WAIT not in without
    assert "ada dislikes it: it is not shown" in explained
    assert "that ada disliked “Learning to Wait" in forgotten.stdout
    assert WAIT in shown(reader)


def test_a_reader_may_change_her_mind(reader: Desk) -> None:
    reader.run("like", "cooking rice")
    turned = reader.run("dislike", "cooking rice", "ada")

    assert "dislikes “Cooking Rice with Robots”" in turned.stdout
    assert "and no longer likes it" in turned.stdout
    assert said(reader) == [("dislike", "title:cookingricewithrobots")]


def test_saying_it_twice_is_harmless(reader: Desk) -> None:
    reader.run("like", "cooking rice")
    reader.now += timedelta(days=1)
    again = reader.run("like", "cooking rice")

    assert again.exit_code == 0
    assert "ada said so on 2026-03-11 already" in again.stdout
    assert len(said(reader)) == 1


@pytest.mark.slow
def test_forgetting_what_was_never_said_is_harmless(reader: Desk) -> None:
    result = reader.run("forget", "cooking rice")

    assert result.exit_code == 0
    assert "ada has said nothing of “Cooking Rice with Robots”" in result.stdout


def test_a_liked_paper_teaches_the_next_edition(reader: Desk) -> None:
    reader.write("pages/more.txt", PAGE_OF_RICE)
    reader.run("fetch")
    before = reader.run("explain", "Rice, Fires").stdout
    reader.run("like", "cooking rice")

    after = reader.run("explain", "Rice, Fires").stdout

    assert "Cooking Rice with Robots" not in before
    assert "Cooking Rice with Robots" in after


PAGE_OF_RICE = """Daily Papers

byAK and the research community

Mar 11

Rice, Fires and Other Robots

A robot cooks rice and burns none of it. Nine attempts, a small fire, and a robot that cooks rice once more.

  • 2 authors
·
Mar 10
"""


@pytest.mark.slow
def test_the_preview_of_an_edition_stays_what_was_sent(reader: Desk) -> None:
    reader.run("send")
    before = edition(reader)
    reader.now += timedelta(minutes=5)

    reader.run("dislike", "Learning to Wait")

    assert edition(reader) == before


def test_what_was_said_is_listed_the_latest_first(reader: Desk) -> None:
    nothing = reader.run("feedback")
    reader.run("like", "cooking rice")
    reader.now += timedelta(days=1)
    reader.run("dislike", "a survey")

    assert nothing.stdout == ""
    assert "ada has said nothing yet" in nothing.stderr
    assert reader.run("feedback").stdout.splitlines() == [
        "2026-03-12\tdislike\ttitle:asurveyofwaitingrooms\tA Survey of Waiting Rooms",
        "2026-03-11\tlike\ttitle:cookingricewithrobots\tCooking Rice with Robots",
    ]


@pytest.mark.parametrize("command", ["like", "dislike", "forget"])
def test_which_paper_must_be_said(reader: Desk, command: str) -> None:
    assert reader.run(command).exit_code == 2


def test_a_title_nobody_stored_is_said_with_what_to_do(reader: Desk) -> None:
    result = reader.run("like", "Sleeping Cars")

    assert result.exit_code == 1
    assert "no stored paper is called 'Sleeping Cars'" in result.stderr
    assert "digest fetch" in result.stderr
    assert said(reader) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "mention", ["", "...", "%", "'; drop table feedback; --", "title:", "\x00", "x" * 5_000]
)
def test_no_mention_is_a_crash_or_means_any_paper(reader: Desk, mention: str) -> None:
    result = reader.run("dislike", mention)

    assert result.exit_code == 1
    assert said(reader) == []


def test_forgetting_asks_no_source(reader: Desk) -> None:
    result = reader.run("forget", "2104.14294")

    assert result.exit_code == 1
    assert "no stored paper is called '2104.14294'" in result.stderr
    assert "looking up" not in result.stderr


@pytest.mark.slow
def test_a_title_that_begins_several_asks_which(reader: Desk) -> None:
    page = PAGE_OF_RICE.replace("Rice, Fires and Other Robots", "Cooking Rice without Robots")
    reader.write("pages/more.txt", page)
    reader.run("fetch")

    result = reader.run("like", "cooking rice with")

    assert result.exit_code == 1
    assert "2 papers are called like" in result.stderr
    assert "title:cookingricewithoutrobots" in result.stderr


def test_the_whole_title_is_enough_where_another_begins_with_it(reader: Desk) -> None:
    page = PAGE_OF_RICE.replace("Rice, Fires and Other Robots", "A Survey of Waiting Rooms II")
    reader.write("pages/more.txt", page)
    reader.run("fetch")

    reader.run("like", "A survey of waiting rooms")

    assert said(reader) == [("like", "title:asurveyofwaitingrooms")]


def test_a_paper_only_in_the_readers_library_can_be_spoken_of(reader: Desk) -> None:
    reader.write("profiles/ada.toml", ADA + '[liked]\nfiles = ["library.bib"]\n')
    reader.write("profiles/library.bib", "@misc{a, title = {Sleeping Cars}, doi = {10.1000/Cars}}")

    reader.run("dislike", "sleeping cars")

    assert said(reader) == [("dislike", "10.1000/cars")]
    assert reader.run("forget", "10.1000/CARS").exit_code == 0


def test_a_paper_that_no_list_brought_is_asked_of_the_sources(desk: Desk) -> None:
    site = Server()
    found = {"id": "2104.14294", "title": "Patience as Self-Supervision", "summary": "We wait."}
    site.answers["/api/papers/2104.14294"] = [answer(json.dumps(found).encode())]
    site.answers["/api/papers/2104.99999"] = [answer(status=404)]
    site.answers["/api/papers/2104.88888"] = [answer(status=500)]
    source = f'[[sources]]\nkind = "huggingface"\nbase_url = "{site.url}"\n'
    desk.write("config.toml", f'[mail]\nfrom_address = "d@example.org"\n[fetch]\nspacing_s = 0\n{source}')

    liked = desk.run("like", "https://arxiv.org/abs/2104.14294v2")
    missing = desk.run("like", "2104.99999")
    broken = desk.run("like", "2104.88888")
    site.close()

    assert "ada likes “Patience as Self-Supervision” (2104.14294)" in liked.stdout
    assert "no paper 2104.99999 is stored, and no source knows it" in missing.stderr
    assert missing.exit_code == broken.exit_code == 1
    assert "500" in broken.stderr
    assert said(desk) == [("like", "2104.14294")]


@pytest.mark.slow
def test_check_warns_of_a_library_read_in_part_and_fails_for_one_not_read_at_all(desk: Desk) -> None:
    desk.write("profiles/ada.toml", ADA + '[liked]\nfiles = ["library.bib"]\n')
    gone = desk.run("check")
    desk.write("profiles/library.bib", "@misc{a, title = {No end\n@misc{b, title = {Fine}}")
    in_part = desk.run("check")

    assert gone.exit_code == 3
    assert "library.bib: cannot be read" in gone.stderr
    assert in_part.exit_code == 0
    assert "warning: ada:" in in_part.stderr
    assert "1 of its entries could not be read" in in_part.stderr
    assert "1 liked papers in all" in in_part.stdout


@pytest.mark.slow
def test_a_reader_who_only_said_yes_has_a_taste(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'email = "ada@example.org"\n')
    desk.run("fetch")
    before = desk.run("check")
    desk.run("like", "cooking rice")

    assert "nothing can ever be picked" in before.stderr
    assert "nothing can ever be picked" not in desk.run("check").stderr


# ---------------------------------------------------------------- one reader's files, other readers' editions

PRIVATE = """@misc{a, title = {Waiting, as a Nasty Reviewer Sees It}, eprint = {2603.00777}, author = {Nobody, Ann},
  abstract = {A private note: waiting and self-supervised learning bore me, to be refused at once.}}
@misc{b, title = {SLEEPING cars, a nasty book}, abstract = {A private note on waiting.}}"""


def listed(identifier: str, title: str, abstract: str | None = None) -> dict[str, Any]:
    """A paper of a saved list."""
    stated = {"id": identifier, "title": title, "publishedAt": "2026-03-10T00:00:00.000Z"}
    return {"paper": stated | ({"summary": abstract} if abstract else {}), "title": title}


def titles(desk: Desk, name: str) -> set[str]:
    """What a reader's edition of today shows."""
    made = json.loads(desk.run("preview", name, "--json").stdout)
    return {pick["title"] for section in made["sections"] for pick in section["picks"]}


@pytest.fixture
def two_readers(reader: Desk) -> Desk:
    """Ada with files of her own, and Bob."""
    reader.write("profiles/ada.toml", ADA + '[liked]\nfiles = ["library.bib"]\n')
    reader.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))
    reader.write("profiles/library.bib", PRIVATE)
    return reader


@pytest.mark.slow
@pytest.mark.parametrize("abstract", ["We wait, with self-supervised learning. " * 3, None])
@pytest.mark.parametrize("verdict", ["like", "dislike"])
def test_what_a_readers_file_says_of_a_paper_reaches_no_other_reader(
    two_readers: Desk, verdict: str, abstract: str | None
) -> None:
    two_readers.run(verdict, "2603.00777", "ada")
    before = two_readers.run("like", "waiting, as a nasty", "bob")
    lists = [listed("2603.00777", "Waiting with Self-Supervised Learning", abstract)]
    two_readers.write("pages/list.json", json.dumps(lists))
    two_readers.now += timedelta(hours=1)
    two_readers.run("fetch")

    bobs = two_readers.run("preview", "bob", "--text").stdout

    assert "no stored paper is called" in before.stderr
    assert "Waiting with Self-Supervised Learning" in bobs
    for private in ("Nasty", "private note", "Ann Nobody"):
        assert private not in bobs
        assert private.encode() not in (two_readers.folder / "digest.sqlite3").read_bytes()


def test_a_file_fills_no_gap_of_a_paper_that_a_list_brought(two_readers: Desk) -> None:
    title = "Waiting with Self-Supervised Learning"
    two_readers.write("pages/list.json", json.dumps([listed("2603.00777", title)]))
    two_readers.run("fetch")

    two_readers.run("like", "waiting, as a nasty", "ada")

    assert "private note" not in two_readers.run("preview", "bob", "--text").stdout
    assert "no stored paper is called" in two_readers.run("like", "waiting, as a nasty", "bob").stderr
    assert f"“{title}” (2603.00777)" in two_readers.run("forget", "2603.00777", "ada").stdout


def test_a_paper_known_by_its_title_alone_takes_the_words_of_the_list_that_brings_it(
    two_readers: Desk,
) -> None:
    two_readers.run("dislike", "sleeping cars", "ada")
    unlisted = two_readers.run("like", "sleeping cars", "bob")
    lists = [listed("2603.00888", "Sleeping Cars: a Nasty Book", "Waiting, by self-supervised learning.")]
    two_readers.write("pages/list.json", json.dumps(lists))
    two_readers.run("fetch")

    bobs, adas = (titles(two_readers, name) for name in ("bob", "ada"))

    assert "no stored paper is called" in unlisted.stderr
    assert "Sleeping Cars: a Nasty Book" in bobs - adas
    assert two_readers.run("feedback", "ada").stdout.split("\t")[2:] == [
        "2603.00888",
        "Sleeping Cars: a Nasty Book\n",
    ]


def test_what_was_said_of_a_paper_of_ones_own_is_listed_as_the_file_has_it_and_taken_back_without_it(
    two_readers: Desk,
) -> None:
    two_readers.run("like", "2603.00777", "ada")
    with_file = two_readers.run("feedback", "ada").stdout
    two_readers.write("profiles/library.bib", "@misc{c, title = {Another}}")
    without = two_readers.run("feedback", "ada").stdout
    forgotten = two_readers.run("forget", "2603.00777", "ada")

    assert with_file == "2026-03-11\tlike\t2603.00777\tWaiting, as a Nasty Reviewer Sees It\n"
    assert without == "2026-03-11\tlike\t2603.00777\t2603.00777\n"
    assert forgotten.exit_code == 0
    assert two_readers.run("feedback", "ada").stdout == ""


def test_a_paper_disliked_by_the_id_of_ones_own_file_is_not_shown_under_its_title_alone(
    two_readers: Desk,
) -> None:
    bib = "@misc{a, title = {Rice, fires and other robots}, doi = {10.1000/rice}}"
    two_readers.write("profiles/library.bib", bib)
    two_readers.run("dislike", "10.1000/rice", "ada")
    two_readers.write("pages/more.txt", PAGE_OF_RICE)
    two_readers.run("fetch")

    explained = two_readers.run("explain", "rice, fires", "ada").stdout

    assert "ada dislikes it: it is not shown" in explained
    assert "dislikes" not in two_readers.run("explain", "rice, fires", "bob").stdout


def test_a_liked_paper_is_no_news_and_explain_says_so(reader: Desk) -> None:
    reader.run("like", "Learning to Wait")

    assert WAIT not in shown(reader)
    assert "ada likes it already: it is no news" in reader.run("explain", "Learning to Wait").stdout


@pytest.mark.slow
def test_the_preview_stays_the_mail_whatever_other_readers_come_to_like(two_readers: Desk) -> None:
    site = Server()
    for number in range(100, 130):
        said = f"Waiting number {number}, by self-supervised learning of patience, rice and rooms."
        found = {"id": f"2104.00{number}", "title": f"Patience {number}", "summary": said}
        site.answers[f"/api/papers/2104.00{number}"] = [answer(json.dumps(found).encode())]
    source = f'[[sources]]\nkind = "huggingface"\nbase_url = "{site.url}"\n'
    two_readers.run("send", "bob")
    (mail,) = two_readers.mails()
    config = (two_readers.folder / "config.toml").read_text(encoding="utf-8")
    two_readers.write("config.toml", f"{config}\n[fetch]\nspacing_s = 0\n\n{source}")

    likes = [two_readers.run("like", f"2104.00{number}", "ada") for number in range(100, 130)]
    site.close()
    two_readers.run("preview", "bob", "--eml", str(two_readers.folder / "again.eml"))

    assert {one.exit_code for one in likes} == {0}
    again = (two_readers.folder / "again.eml").read_bytes()
    assert again.replace(b"\r\n", b"\n") == mail
