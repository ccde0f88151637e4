"""Ways to spoil a page: pure, and the same each time for one seed.

A page has slots, places where a value stands: a JSON value, the text or an attribute of an element, a line.
What is bad is put into them one by one; pages are cut off within everything that has two ends, flooded, and changed
at random. `quick`, `long` and `whole` say how much of that is done.
"""

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from lxml import etree, html  # type: ignore[import-untyped]

from tests.hostile.values import BIG, BOMBS, FLOODS, JSON_VALUES, TEXTS, declared, encoded

MARK = "@@slot@@"
Change = Callable[[bytes], bytes]
SMALL_FLOOD = 30_000
LARGE_FLOOD = 300_000
"""Bytes. What is quadratic takes a minute of them; what is linear takes a second at most."""
HUGE = 10_000_000


@dataclass(frozen=True, slots=True)
class Mutation:
    """A way to spoil each page of a source, and what it is called."""

    name: str
    change: Change


def quick(pages: Sequence[bytes], seed: int) -> Iterator[Mutation]:
    """Some dozens, which are small: in less than a second."""
    yield from list(_small(pages, seed))[seed % 8 :: 8]


def long(pages: Sequence[bytes], seed: int) -> Iterator[Mutation]:
    """Some hundreds that are small, and of the large ones and of all combinations a few: in some seconds."""
    chance = random.Random(seed)
    yield from _small(pages, seed)
    yield from chance.sample(list(floods()), 4)
    yield from _few(chance, in_every_slot(pages), 30)
    yield from _few(chance, [*huge_fields(pages), *crowds()], 4)


def whole(pages: Sequence[bytes], seed: int) -> Iterator[Mutation]:
    """All there are: in many minutes."""
    yield from _small(pages, seed)
    yield from at_random(seed + 1, 300)
    yield from in_every_slot(pages)
    yield from floods()
    yield from huge_fields(pages)
    yield from crowds()


def _small(pages: Sequence[bytes], seed: int) -> Iterator[Mutation]:
    yield from truncations()
    yield from at_random(seed, 30)
    yield from charsets()
    yield from bombs()
    chance = random.Random(seed)
    yield from _few(chance, in_some_slots(pages, seed), 200)
    yield from (_flood(token, SMALL_FLOOD, _in_slot) for token in chance.sample(FLOODS, 20))
    yield from structures(pages)


def _few(chance: random.Random, mutations: Iterable[Mutation], number: int) -> list[Mutation]:
    found = list(mutations)
    return chance.sample(found, min(number, len(found)))


KINDS = {"quick": quick, "long": long, "whole": whole}


# ---------------------------------------------------------------- cut off

ENDS = {
    "a tag": rb"<[a-zA-Z/][^<>]{1,200}>",
    "an attribute": rb'\s[\w:-]+="[^"<>]{2,}"',
    "an entity": rb"&#?\w+;",
    "a character of several bytes": rb"[\xc3-\xf4][\x80-\xbf]+",
    "a JSON text": rb'"[^"\\]{3,}"',
    "a JSON escape": rb"\\u[0-9a-fA-F]{4}|\\.",
    "a number": rb"\d{2,}",
    "a CDATA section": rb"<!\[CDATA\[.{2,}?\]\]>",
    "a comment": rb"<!--.{2,}?-->",
    "a link": rb"\]\([^)]{2,}\)",
    "a line": rb"[^\n]{2,}\n",
    "a line end": rb"\r\n",
}
"""What has a beginning and an end, so that a page may be cut off between them."""


def truncations() -> Iterator[Mutation]:
    """Cut off within the first, the middle and the last of each."""
    for name, pattern in ENDS.items():
        for place in (0.0, 0.5, 1.0):
            yield Mutation(
                f"cut off within {name}, at {place:.0%}", _cut(re.compile(pattern, re.DOTALL), place)
            )


def _cut(pattern: re.Pattern[bytes], place: float) -> Change:
    def change(page: bytes) -> bytes:
        whole = page.replace(b"\n", b"\r\n") if pattern.pattern == ENDS["a line end"] else page
        found = [match.span() for match in pattern.finditer(whole)]
        if not found:
            return page
        begin, end = found[round(place * (len(found) - 1))]
        return whole[: begin + max((end - begin) // 2, 1)]

    return change


# ---------------------------------------------------------------- bytes


def at_random(seed: int, number: int) -> Iterator[Mutation]:
    """Bytes flipped, cut out, doubled, moved and put in."""
    for one in range(number):
        way = _RANDOM_WAYS[one % len(_RANDOM_WAYS)]
        yield Mutation(f"{way.__name__.strip('_')}, seed {seed + one}", _randomly(way, seed + one))


def _randomly(way: Callable[[bytearray, random.Random], None], seed: int) -> Change:
    def change(page: bytes) -> bytes:
        spoiled = bytearray(page or b" ")
        way(spoiled, random.Random(seed))
        return bytes(spoiled)

    return change


def _flipped_bits(page: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 3, 30))):
        page[chance.randrange(len(page))] ^= 1 << chance.randrange(8)


def _other_bytes(page: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 10, 100))):
        page[chance.randrange(len(page))] = chance.choice(b"\x00\xff\x80<>&\"'[]{}\\\n\r:,;/")


def _a_piece_cut_out(page: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(page))
    del page[begin : begin + chance.choice((1, 20, 500))]


def _a_piece_doubled(page: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(page))
    page[begin:begin] = page[begin : begin + chance.choice((1, 50, 2_000))] * chance.choice((1, 20))


def _a_piece_moved(page: bytearray, chance: random.Random) -> None:
    begin, to = chance.randrange(len(page)), chance.randrange(len(page))
    piece = page[begin : begin + 300]
    del page[begin : begin + 300]
    page[to:to] = piece


_RANDOM_WAYS = (_flipped_bits, _other_bytes, _a_piece_cut_out, _a_piece_doubled, _a_piece_moved)


def charsets() -> Iterator[Mutation]:
    """Other charsets than the page says, marks where none belong, NULs."""
    for charset in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "latin-1", "shift_jis"):
        yield Mutation(f"in {charset}", encoded(charset))
    for charset in ("utf-16", "latin-1", "utf-7", "ebcdic-cp-us", "x-tea", "", "utf-8\x00"):
        yield Mutation(f"declared as {charset!r}", declared(charset))
    yield Mutation("a mark before it", lambda page: b"\xef\xbb\xbf" + page)
    yield Mutation("three marks before it", lambda page: b"\xef\xbb\xbf" * 3 + page)
    yield Mutation("the mark of UTF-16 before UTF-8", lambda page: b"\xff\xfe" + page)
    yield Mutation("NUL after each byte", lambda page: page.replace(b"", b"\x00")[1:])
    yield Mutation("NULs before it", lambda page: b"\x00" * 100 + page)
    yield Mutation("NULs in it", lambda page: page.replace(b"e", b"e\x00"))
    yield Mutation("overlong", lambda page: page.replace(b"<", b"\xc0\xbc").replace(b"{", b"\xc1\xbb"))
    yield Mutation("surrogates", lambda page: page.replace(b"e", b"\xed\xa0\x80"))
    yield Mutation("every byte in it", lambda page: page.replace(b"a", bytes(range(256)), 1))
    yield Mutation("backwards", lambda page: page[::-1])
    yield Mutation("twice", lambda page: page + page)
    yield Mutation("only its beginning", lambda page: page[:1])
    yield Mutation("old line ends", lambda page: page.replace(b"\r\n", b"\n").replace(b"\n", b"\r"))


# ---------------------------------------------------------------- slots


class Form(StrEnum):
    """What a page is, as far as slots matter."""

    JSON = "JSON"
    MARKUP = "markup"
    TEXT = "text"


def form_of(page: bytes) -> Form:
    """By its first character."""
    begun = page.lstrip()[:1]
    if begun in (b"{", b"["):
        return Form.JSON
    return Form.MARKUP if begun == b"<" else Form.TEXT


@lru_cache(maxsize=64)
def slots(page: bytes) -> Mapping[str, bytes]:
    """The page with MARK in a slot, by the slot's name; of slots alike, such as all titles, the first."""
    form = form_of(page)
    if form is Form.JSON:
        return dict(_json_slots(json.loads(page)))
    return dict(_markup_slots(page) if form is Form.MARKUP else _text_slots(page))


def _json_slots(answer: Any) -> Iterator[tuple[str, bytes]]:
    found: dict[str, tuple[Any, ...]] = {}
    for path in _paths(answer, ()):
        found.setdefault("/".join("*" if isinstance(step, int) else step for step in path), path)
    for name, path in found.items():
        yield name, json.dumps(_marked(deepcopy(answer), path)).encode()


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from _paths(one, (*path, step))


def _marked(answer: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return MARK
    holder = answer
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = MARK
    return answer


def _markup_slots(page: bytes) -> Iterator[tuple[str, bytes]]:
    is_html = b"<?xml" not in page[:100] and re.search(rb"<html|<body|<article", page[:2_000], re.IGNORECASE)
    parse: Callable[[bytes], Any] = html.document_fromstring if is_html else etree.fromstring
    root = parse(page)
    seen: set[str] = set()
    for element in root.iter(etree.Element):
        path = re.sub(r"\[\d+\]", "", root.getroottree().getpath(element))
        for name in ("text", *element.attrib):
            if (slot := f"{path}/{name}") not in seen:
                seen.add(slot)
                yield slot, _with_mark(root, element, name)


def _with_mark(root: Any, element: Any, name: str) -> bytes:
    kept = element.text if name == "text" else element.get(name)
    _put(element, name, MARK)
    marked: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    _put(element, name, kept)
    return marked


def _put(element: Any, name: str, value: str) -> None:
    if name == "text":
        element.text = value
    else:
        element.set(name, value)


def _text_slots(page: bytes) -> Iterator[tuple[str, bytes]]:
    lines = page.split(b"\n")
    for number in range(min(len(lines), 60)):
        yield f"line {number + 1}", b"\n".join([*lines[:number], MARK.encode(), *lines[number + 1 :]])


def _filled(slot: str, value: bytes) -> Change:
    """The value in that slot; a page without it stays as it is."""

    def change(page: bytes) -> bytes:
        template = _slots_of(page).get(slot)
        if template is None:
            return page
        mark = b'"' + MARK.encode() + b'"' if form_of(page) is Form.JSON else MARK.encode()
        return template.replace(mark, value, 1)

    return change


def _slots_of(page: bytes) -> Mapping[str, bytes]:
    try:
        return slots(page)
    except (ValueError, etree.LxmlError):
        return {}


def _values(form: Form) -> list[tuple[str, bytes]]:
    """What may stand in a slot, as that form writes it; in markup, escaped and as it is."""
    if form is Form.JSON:
        texts = [(name, json.dumps(text).encode()) for name, text in TEXTS.items()]
        return texts + list(JSON_VALUES.items())
    plain = [(name, text.encode(errors="surrogatepass")) for name, text in TEXTS.items()]
    if form is Form.TEXT:
        return plain
    escaped = [
        (f"{name}, escaped", value.replace(b"&", b"&amp;").replace(b"<", b"&lt;")) for name, value in plain
    ]
    return plain + escaped


def _places(pages: Sequence[bytes]) -> Iterator[tuple[Form, str]]:
    """Each slot of any page, once."""
    seen: set[tuple[Form, str]] = set()
    for page in pages:
        for slot in _slots_of(page):
            place = form_of(page), slot
            if place not in seen:
                seen.add(place)
                yield place


def in_every_slot(pages: Sequence[bytes]) -> Iterator[Mutation]:
    """Each value in each slot."""
    for form, slot in _places(pages):
        for name, value in _values(form):
            yield Mutation(f"{name} in {slot}", _filled(slot, value))


def in_some_slots(pages: Sequence[bytes], seed: int) -> Iterator[Mutation]:
    """Each value in two slots at least, and two values at least in each slot."""
    chance = random.Random(seed)
    places = list(_places(pages))
    for form in Form:
        named = [slot for one, slot in places if one is form]
        values = _values(form)
        pairs = [(slot, chance.choice(values)) for slot in named for _ in range(2)]
        pairs += [(chance.choice(named), value) for value in values for _ in range(2) if named]
        for slot, (name, value) in pairs:
            yield Mutation(f"{name} in {slot}", _filled(slot, value))


def huge_fields(pages: Sequence[bytes]) -> Iterator[Mutation]:
    """Megabytes where a title or an abstract was."""
    for form, slot in _places(pages):
        if re.search("title|summary|abstract|description|author|line [1-9]$", slot, re.IGNORECASE):
            huge = BIG * (HUGE // len(BIG))
            yield Mutation(
                f"10 MB in {slot}", _filled(slot, b'"' + huge + b'"' if form is Form.JSON else huge)
            )


# ---------------------------------------------------------------- floods


def _flood(token: str, size: int, place: Callable[[bytes], Change]) -> Mutation:
    flood = token.encode() * (size // len(token.encode()))
    return Mutation(f"{size} bytes of {token!r} {place.__name__.strip('_').replace('_', ' ')}", place(flood))


def _in_slot(flood: bytes) -> Change:
    def change(page: bytes) -> bytes:
        template = next((one for slot, one in _slots_of(page).items() if "title" in slot.lower()), None)
        template = template or next(iter(_slots_of(page).values()), page + MARK.encode())
        return template.replace(MARK.encode(), flood, 1)

    return change


def _after(flood: bytes) -> Change:
    return lambda page: page + flood


def _before(flood: bytes) -> Change:
    return lambda page: flood + page


def _in_the_middle(flood: bytes) -> Change:
    return lambda page: page[: len(page) // 2] + flood + page[len(page) // 2 :]


def floods() -> Iterator[Mutation]:
    """Each token many times, in each place."""
    for place in (_in_slot, _after, _before, _in_the_middle):
        yield from (_flood(token, LARGE_FLOOD, place) for token in FLOODS)


def structures(pages: Sequence[bytes]) -> Iterator[Mutation]:
    """All alike: every value null, every text the same, every element emptied."""
    yield Mutation("no digits", lambda page: re.sub(rb"\d", b"x", page))
    yield Mutation("every number 9", lambda page: re.sub(rb"\d+", b"9999999999", page))
    yield Mutation("no JSON texts", lambda page: re.sub(rb'(?<=[:\[,] )"[^"\\]*"', b"null", page))
    yield Mutation("empty JSON texts", lambda page: re.sub(rb'"[^"\\]*"(?! *:)', b'""', page))
    yield Mutation("no texts in elements", lambda page: re.sub(rb">[^<]+<", b"><", page))
    yield Mutation("no attributes", lambda page: re.sub(rb'\s[\w:-]+="[^"]*"', b"", page))
    yield Mutation("no closing tags", lambda page: re.sub(rb"</[^>]*>", b"", page))
    yield Mutation("no blank lines", lambda page: re.sub(rb"\n\s*\n", b"\n", page))
    yield Mutation("every line apart", lambda page: page.replace(b"\n", b"\n\n"))
    yield Mutation("capitals", bytes.upper)
    for page in dict.fromkeys(pages):
        yield Mutation("one page for all", lambda _, page=page: page)  # type: ignore[misc]


def bombs() -> Iterator[Mutation]:
    """Entities that grow, and that read files or the net, put where a page's first text is."""
    for name, (prologue, reference) in BOMBS.items():
        yield Mutation(name, _bombed(prologue.encode(), reference.encode()))


def _bombed(prologue: bytes, reference: bytes) -> Change:
    def change(page: bytes) -> bytes:
        if form_of(page) is not Form.MARKUP:
            return page
        body = re.sub(rb"^\s*(<\?xml[^>]*>)?\s*(<!DOCTYPE[^>]*>)?", b"", page, flags=re.IGNORECASE)
        root = re.match(rb"\s*<([\w:-]+)", body)
        head = prologue.replace(b"ROOT", root[1] if root else b"x")
        return (
            b'<?xml version="1.0"?>'
            + head
            + re.sub(rb"(<(?:\w+:)?title[^>]*>)", rb"\1" + reference, body, count=1)
        )

    return change


def crowds() -> Iterator[Mutation]:
    """So many entries that no list has them: the same ones, empty ones, none that is a paper."""
    yield Mutation("its longest list, 10 MB of it", _crowded(10_000_000))
    yield Mutation("its longest list, 10000 times", _crowded(0, 10_000))
    for row in ("{}", "null", "[]", '""', "0", '{"paper": {}}', '{"id": "1", "title": "1"}'):
        yield Mutation(f"100000 times {row}", _rows(row.encode()))


def _crowded(size: int, times: int = 0) -> Change:
    def change(page: bytes) -> bytes:
        piece = _repeated(page)
        begin = page.find(piece)
        many = piece * min(times or size // max(len(piece), 1), HUGE // max(len(piece), 1))
        return page[:begin] + many + page[begin:]

    return change


def _repeated(page: bytes) -> bytes:
    """The first of what a page's list consists of, as it stands there; all of the page if that is not told."""
    if form_of(page) is Form.MARKUP:
        found = re.search(
            rb"<(item|entry|record|article|dt|rdf:li)\b.*?(?:</\1>(?!\s*</dt>)|</dd>)", page, re.DOTALL
        )
        return found[0] if found else page
    if form_of(page) is Form.JSON:
        rows = max((one for one in _lists(json.loads(page)) if one), key=len, default=None)
        return b"" if rows is None else _as_it_stands(page, rows)
    return page + b"\n"


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _lists(one)


def _as_it_stands(page: bytes, rows: list[Any]) -> bytes:
    """The page's own bytes of a list's first row, with a comma after them; nothing if they are not found."""
    decoder, text = json.JSONDecoder(), page.decode(errors="replace")
    for match in re.finditer(r"\[\s*", text):
        try:
            row, end = decoder.raw_decode(text, match.end())
        except ValueError:
            continue
        if row == rows[0]:
            return text[match.end() : end].encode() + b","
    return b""


def _rows(row: bytes) -> Change:
    """A list of such rows in place of the longest."""

    def change(page: bytes) -> bytes:
        if form_of(page) is not Form.JSON:
            return page
        many = b"[" + b",".join([row] * 100_000) + b"]"
        lists = [slot for slot in _slots_of(page) if slot.endswith("*")]
        holder = min(lists, key=len, default="*").removesuffix("*").rstrip("/")
        return _filled(holder, many)(page)

    return change
