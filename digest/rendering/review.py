"""What a rendered mail misses of what it owes its reader, whatever templates made it."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Comment, Tag
from bs4.element import NavigableString

from digest.language import language
from digest.links import first_page, safe_link
from digest.model import Edition, Pick, Reason, SectionName, Sender
from digest.rendering.columns import TEXT_COLUMNS, columns
from digest.rendering.phrases import shown, shown_title
from digest.rendering.renderer import MAX_HTML_BYTES
from digest.tex.prose import readable
from digest.text import MAX_ABSTRACT, clean


class Part(StrEnum):
    """The two ways a mail says the same."""

    HTML = "HTML"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One thing that a part misses; `fix` is the same for the same thing in every edition."""

    part: Part
    what: str
    """Follows "the HTML part ..." in a sentence."""
    fix: str
    is_grave: bool = True
    """Whether readers must not get such a mail; else it is merely unwise."""

    def __str__(self) -> str:
        return f"the {self.part} part {self.what}"


def review(edition: Edition, sender: Sender, *, html: str, text: str) -> tuple[Lack, ...]:
    """Everything that a mail of these two parts misses, the grave first.

    What the shipped templates make of any edition misses nothing.
    """
    mail = _read(edition, sender, html, text)
    lacks = [lack for check in _CHECKS for lack in check(mail)]
    return tuple(sorted(lacks, key=lambda lack: not lack.is_grave))


# ---------------------------------------------------------------- reading a mail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    """What a reader of one part can see and follow."""

    part: Part
    words: str
    squeezed: str
    """The words without case and white space, as lines are broken anywhere."""
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    html: str
    text: str
    edition: Edition
    sender: Sender
    page: BeautifulSoup
    pages: tuple[BeautifulSoup, ...]
    """The page, and what stands in comments that Outlook reads."""
    faces: tuple[_Face, _Face]


def _read(edition: Edition, sender: Sender, html: str, text: str) -> _Mail:
    page = _parsed(html)
    pages = (page, *(_parsed(hidden) for hidden in _for_outlook(page)))
    links = filter(None, (_value(link, "href") for link in page("a")))
    faces = (
        _face(Part.HTML, " ".join(_visible(page)), links),
        _face(Part.TEXT, text, _written(text)),
    )
    return _Mail(html=html, text=text, edition=edition, sender=sender, page=page, pages=pages, faces=faces)


def _face(part: Part, words: str, addresses: Iterable[str]) -> _Face:
    return _Face(part=part, words=words, squeezed=_squeezed(words), addresses=frozenset(addresses))


def _parsed(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "lxml", multi_valued_attributes=None)


def _value(element: Tag, name: str) -> str:
    """Of an attribute; nothing if it has none."""
    return str(element.get(name) or "")


_CONDITION = re.compile(r"\[if[^\]]*\]>(.*)<!\[endif\]", re.DOTALL)


def _for_outlook(page: BeautifulSoup) -> Iterator[str]:
    for comment in page.find_all(string=lambda text: isinstance(text, Comment)):
        if found := _CONDITION.search(str(comment)):
            yield found.group(1)


_UNSEEN = ("head", "script", "style", "template")


def _visible(element: Tag) -> Iterator[str]:
    """The texts that are shown, in order."""
    for child in element.children:
        if isinstance(child, Tag) and child.name not in _UNSEEN and not _is_hidden(child):
            yield from _visible(child)
        elif type(child) is NavigableString:  # not one of its kinds: a comment, a style sheet
            yield str(child)


def _is_hidden(element: Tag) -> bool:
    return re.search(r"display\s*:\s*none", _value(element, "style")) is not None


_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>]+")


def _written(text: str) -> Iterator[str]:
    """Addresses in a text, with and without the marks that end a sentence."""
    for address in _ADDRESS.findall(text):
        yield address
        yield address.rstrip(".,;:!?)]")


_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


def _squeezed(text: str) -> str:
    return _INVISIBLE.sub("", text.casefold())


# ---------------------------------------------------------------- the way out


def _unsubscribing(mail: _Mail) -> Iterator[Lack]:
    address = mail.sender.unsubscribe_email or mail.sender.address
    page = safe_link(mail.sender.unsubscribe_url)
    for face in mail.faces:
        if address.casefold() not in set(map(_addressee, face.addresses)):
            yield Lack(
                part=face.part,
                what=f"has no mailto link to {address}, by which a reader can stop",
                fix="Write letter.unsubscribe_mailto into its foot",
            )
        if page and page not in face.addresses:
            yield Lack(
                part=face.part,
                what=f"has no link to the page where a reader can stop ({page})",
                fix="Write letter.unsubscribe_url into its foot, where it is not empty",
            )


def _addressee(link: str) -> str:
    """Of a mailto link; else nothing."""
    scheme, _, rest = link.partition(":")
    return unquote(rest.partition("?")[0]).casefold() if scheme.casefold() == "mailto" else ""


# ---------------------------------------------------------------- the papers


def _picks(mail: _Mail) -> Iterator[Lack]:
    """Both parts name the same papers in the same order, and link to them."""
    picks = mail.edition.shown
    for face in mail.faces:
        missing = [pick for pick in picks if _key(pick) not in face.squeezed]
        if missing:
            yield Lack(
                part=face.part,
                what=f"does not name {_some_of(missing, len(picks))}",
                fix="Show every card of every section of letter.sections, and in each card.paper.title",
            )
        elif not _in_order(face, picks):
            yield Lack(
                part=face.part,
                what="names the papers in another order than the edition",
                fix="Go through letter.sections and their cards in the order they have",
            )
        if unlinked := [pick for pick in picks if first_page(pick.paper) not in face.addresses]:
            yield Lack(
                part=face.part,
                what=f"has no link to {_some_of(unlinked, len(picks))}",
                fix="Link every title to card.paper.link; the text part gives it as a footnote",
            )


def _period(mail: _Mail) -> Iterator[Lack]:
    """A weekly or monthly mail says which days it looks back on."""
    period = mail.edition.period
    if period is None:
        return
    dates = language(mail.edition.profile.language).dates(period.first, period.last, year=True)
    for face in mail.faces:
        if _squeezed(dates) not in face.squeezed:
            yield Lack(
                part=face.part,
                what=f"of a weekly or monthly edition does not say which days it looks back on ({dates})",
                fix="Write letter.dates beside letter.day, where it is not empty; show(letter.chart), too",
                is_grave=False,
            )


def _key(pick: Pick) -> str:
    return _squeezed(shown_title(pick.paper.title))


def _in_order(face: _Face, picks: Iterable[Pick]) -> bool:
    after = 0
    for key in map(_key, picks):
        place = face.squeezed.find(key, after)
        if place < 0:
            return False
        after = place + len(key)
    return True


def _some_of(picks: list[Pick], among: int) -> str:
    first = f"“{shown_title(picks[0].paper.title)}”"
    return first if len(picks) == 1 else f"{len(picks)} of {among} papers, the first of them {first}"


# ---------------------------------------------------------------- why they are there


NAMED_REASONS = 5
"""A card names at least so many of the largest, and the rest in one sum."""


def _scores(mail: _Mail) -> Iterator[Lack]:
    """Every pick has its score; what it is made of is asked of the first, which shrinks last."""
    picks = mail.edition.section(SectionName.PICKS) + mail.edition.section(SectionName.LATE)
    for face in mail.faces:
        if any(not _has_number(face, str(min(pick.score.value, 100))) for pick in picks if _is_scored(pick)):
            yield Lack(
                part=face.part,
                what="does not tell every pick's score",
                fix="Show account.score in the account of a card, and card.score in a title line",
                is_grave=False,
            )
        if any(not _has_number(face, _signed(reason)) for reason in _largest(picks[:1])):
            yield Lack(
                part=face.part,
                what="does not tell what the scores are made of",
                fix="Show all of account.reasons with their points; in the text part account.said has them",
                is_grave=False,
            )


def _is_scored(pick: Pick) -> bool:
    return pick.score.value > 0


def _has_number(face: _Face, pattern: str) -> bool:
    return re.search(rf"(?<!\d){pattern}(?!\d)", face.words) is not None


def _signed(reason: Reason) -> str:
    sign = r"\+" if reason.points > 0 else r"[-−]"
    return rf"{sign}\s?{abs(reason.points)}"


def _largest(picks: Iterable[Pick]) -> Iterator[Reason]:
    for pick in picks:
        ranked = sorted((r for r in pick.score.reasons if r.points), key=lambda r: (-abs(r.points), r.about))
        yield from ranked[:NAMED_REASONS]


BEGINNING = 40
"""By so many characters a summary is recognised."""


def _machine_words(mail: _Mail) -> Iterator[Lack]:
    """What a language model wrote stands nowhere without that model's name."""
    written = [pick.summary for pick in mail.edition.shown if pick.summary]
    for face in mail.faces:
        models = [
            _squeezed(shown(one.model))
            for one in written
            if _squeezed(shown(one.text, 1_000))[:BEGINNING] in face.squeezed
        ]
        if any(face.squeezed.count(model) < models.count(model) for model in models):
            yield Lack(
                part=face.part,
                what="shows a machine-written summary without the name of its model",
                fix="Write card.written_by beside card.summary, always",
            )


# ---------------------------------------------------------------- what mail programs do with it


def _size(mail: _Mail) -> Iterator[Lack]:
    size = len(mail.html.replace("\n", "\r\n").encode())  # as it travels
    if size > MAX_HTML_BYTES:
        yield Lack(
            part=Part.HTML,
            what=f"has {size:,} bytes, though its cards are shrunk; Gmail clips a mail above 102,000",
            fix=f"Write shorter markup and styles, until 40 papers fit into {MAX_HTML_BYTES:,} bytes",
        )


def _language(mail: _Mail) -> Iterator[Lack]:
    wanted, given = mail.edition.profile.language, _root_language(mail.page)
    if given.partition("-")[0].casefold() != wanted.partition("-")[0].casefold():
        yield Lack(
            part=Part.HTML,
            what=f"says {given!r} as its language, and is written in {wanted!r}"
            if given
            else "does not say its language, so screen readers may misread it",
            fix='Write lang="{{ letter.language }}" into its html element',
        )


def _root_language(page: BeautifulSoup) -> str:
    return _value(page.html, "lang") if page.html else ""


def _charset(mail: _Mail) -> Iterator[Lack]:
    said = {
        (_value(meta, "charset") or _value(meta, "content").partition("charset=")[2]).casefold()
        for meta in mail.page("meta")
    }
    if said.isdisjoint({"utf-8", "utf8"}):
        yield Lack(
            part=Part.HTML,
            what="does not say that it is UTF-8, so a saved page may show wrong letters",
            fix='Put a meta element with charset="utf-8" first into its head',
            is_grave=False,
        )


def _scripts(mail: _Mail) -> Iterator[Lack]:
    elements = (element for page in mail.pages for element in page(True))
    if any(element.name == "script" or any(map(_is_handler, element.attrs)) for element in elements):
        yield Lack(
            part=Part.HTML,
            what="has a script; mail programs drop it, and filters take the mail for an attack",
            fix="Take out every script element and every attribute like onclick",
        )


def _is_handler(attribute: str) -> bool:
    return attribute.startswith("on")


_FOREIGN = ("form", "iframe", "frame", "frameset", "object", "embed", "applet")


def _foreign(mail: _Mail) -> Iterator[Lack]:
    """What phishing is made of, or another page within the mail."""
    found = next((element.name for page in mail.pages for element in page(_FOREIGN)), None)
    if found:
        yield Lack(
            part=Part.HTML,
            what=f"has an element that a mail must not have (<{found}>); filters take it for an attack",
            fix=f"Take out every {', '.join(_FOREIGN)}, and link to what they show",
        )


_LOADING = ("src", "srcset", "background", "poster", "data", "lowsrc", "dynsrc")
_STYLE_LOADS = re.compile(r"@import|url\(\s*['\"]?(?!data:|['\"]?\s*\))", re.IGNORECASE)
_FOLLOWED = ("a", "area")
_REFERENCES = ("href", "xlink:href")


def _loads(mail: _Mail) -> Iterator[Lack]:
    """Nothing is fetched by reading the mail: no pixel tells when and where it was read."""
    found = next((load for page in mail.pages for load in _loaded(page)), None)
    if found:
        yield Lack(
            part=Part.HTML,
            what=f"loads something from the net when it is read ({found})",
            fix="Take out every image, font and style sheet that is not in the file itself",
        )


def _loaded(page: BeautifulSoup) -> Iterator[str]:
    """What in it makes a mail program fetch something, each as a few words; foreign elements apart."""
    for element in page(lambda one: one.name not in _FOREIGN):
        names = _LOADING if element.name in _FOLLOWED else (*_LOADING, *_REFERENCES)
        for name in names:
            value = _plain(_value(element, name))
            if value and not value.startswith(("data:", "#")):
                yield f"{element.name} {name}={value[:60]}"
        styles = f"{_value(element, 'style')} {element.string or '' if element.name == 'style' else ''}"
        if match := _STYLE_LOADS.search(styles):
            yield f"style {styles[match.start() :][:60]}"
        if element.name == "meta" and _value(element, "http-equiv").casefold() == "refresh":
            yield "meta refresh"


_LINKS = ("http", "https", "mailto", "tel")


def _bad_links(mail: _Mail) -> Iterator[Lack]:
    links = (
        _plain(_value(one, "href")) for page in mail.pages for one in page(_FOLLOWED) if "href" in one.attrs
    )
    bad = next((link for link in links if not link.startswith("#") and _scheme(link) not in _LINKS), None)
    if bad is not None:
        yield Lack(
            part=Part.HTML,
            what=f"has a link that a mail must not have ({bad[:60] or 'an empty one'})",
            fix="Link to http, https and mailto only; card.paper.link and those of card.paper.links are safe",
        )


def _plain(address: str) -> str:
    """Without what browsers skip in an address: white space and control characters."""
    return re.sub(r"[\x00-\x20]+", "", address)


def _scheme(link: str) -> str:
    try:
        return urlsplit(link).scheme
    except ValueError:
        return ""


def _dark(mail: _Mail) -> Iterator[Lack]:
    styles = " ".join(style.string or "" for style in mail.page("style"))
    body = mail.page.body
    own = f"{_value(body, 'style')};bgcolor:{_value(body, 'bgcolor')}" if body else ""
    has_colours = all(
        re.search(one, own) for one in (r"(?<![-\w])color\s*:", r"b(?:ackground|gcolor)[-\w]*:\s*\S")
    )
    if "prefers-color-scheme" not in styles and not has_colours:
        yield Lack(
            part=Part.HTML,
            what="says nothing of dark mode, where its text may not be readable",
            fix='Include "head.css" in a style element of its head, or give its body both colours',
            is_grave=False,
        )


def _wide_lines(mail: _Mail) -> Iterator[Lack]:
    lines = mail.text.splitlines()
    number = next((n for n, line in enumerate(lines, 1) if _width(line) > TEXT_COLUMNS), 0)
    if number:
        yield Lack(
            part=Part.TEXT,
            what=f"has a line of {columns(lines[number - 1])} columns (its line {number}); "
            f"{TEXT_COLUMNS} fit everywhere",
            fix="Put what may be long through the filter wrap: {{ letter.why | wrap }}",
            is_grave=False,
        )


def _width(line: str) -> int:
    """In columns, without words that hold an address, which are not broken."""
    return columns(" ".join(word for word in line.split(" ") if not _ADDRESS.search(word)))


def _placeholders(mail: _Mail) -> Iterator[Lack]:
    # Papers on templates may say such a thing themselves.
    said = " ".join(clean(readable(words), MAX_ABSTRACT) for words in _strings(asdict(mail.edition)))
    for part, source in ((Part.HTML, mail.html), (Part.TEXT, mail.text)):
        if any(mark in source and mark not in said for mark in ("{{", "{%")):
            yield Lack(
                part=part,
                what="shows a placeholder that was not filled in ({{ or {%)",
                fix="Close every {{ with }} and every {% with %}, and let no quotes or raw block hide them",
            )


def _strings(value: object) -> Iterator[str]:
    """All that stand anywhere in a value, those in mappings and tuples too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)


_CHECKS: tuple[Callable[[_Mail], Iterator[Lack]], ...] = (
    _unsubscribing,
    _picks,
    _scores,
    _machine_words,
    _period,
    _size,
    _language,
    _charset,
    _scripts,
    _foreign,
    _loads,
    _bad_links,
    _dark,
    _wide_lines,
    _placeholders,
)
