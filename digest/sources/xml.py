"""XML from strangers, read without harm: bounded, no entities, nothing fetched, wrong charsets mended."""

import re
from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # it carries no types

from digest.errors import InputError
from digest.text import clean

MAX_XML = 50_000_000
"""Bytes."""
MAX_TAGS = 1_000_000
"""The largest pages known, 2,500 OAI records, have some two hundred thousand."""
MAX_ATTRIBUTES = 500_000
"""Told by their equals signs, those of the text included."""

# What XML 1.0 (2.2) has no place for, by itself and as a character reference: one stray control character
# in an abstract would cost the whole feed.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-f]{1,8})|([0-9]{1,9}));", re.IGNORECASE)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._-]{1,40})["']""")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\x00?\x00", "utf-16-le"),
    (b"\x00<\x00?", "utf-16-be"),
)
_CODECS = frozenset(
    "utf-8 us-ascii windows-1250 windows-1251 windows-1252 windows-1254 iso-8859-2 iso-8859-5 iso-8859-7 "
    "iso-8859-9 iso-8859-15 koi8-r gb2312 gbk gb18030 big5 shift_jis euc-jp euc-kr".split()
)


def read_xml(data: bytes, *, where: str = "") -> tuple[Any, tuple[str, ...]]:
    """The root element (lxml's) of a document, and warnings of bytes that are not of its charset.

    Comments and processing instructions are left out. Raises InputError: empty, too large, too deep, not well
    formed, or with a document type that declares anything.
    """
    text, warnings = xml_text(data, where=where)
    # A parser a document: libxml2 keeps what it learnt. Deeper than 256 elements is refused by `huge_tree`.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser), warnings
    except (etree.LxmlError, ValueError, MemoryError, RecursionError) as problem:
        told = clean(str(problem), 120) or type(problem).__name__
        fix = "It may be cut off; get it again."
        raise InputError(f"not well-formed XML ({told})", where=where, fix=fix) from None


def xml_text(data: bytes, *, where: str = "") -> tuple[str, tuple[str, ...]]:
    """The text of an XML document that is harmless to parse, and warnings of bytes not of its charset.

    What XML has no place for is taken out. Raises InputError: empty, too large, too many tags or attributes,
    or with a document type that declares anything: entities that unfold without end come that way.
    """
    if len(data) > MAX_XML:
        raise InputError(f"XML larger than {MAX_XML // 1_000_000} MB", where=where)
    decoded, warnings = _decoded(data)
    text = _REFERENCE.sub(_allowed, _FORBIDDEN.sub("", decoded)).strip()
    if not text:
        raise InputError("the answer is empty", where=where)
    if not text.startswith("<"):
        raise InputError(f"not XML; it begins “{clean(text[:200], 40)}”", where=where)
    if text.count("<") > MAX_TAGS or text.count("=") > MAX_ATTRIBUTES:
        raise InputError(f"XML of more than {MAX_TAGS:,} tags or {MAX_ATTRIBUTES:,} attributes", where=where)
    if _declares(text):
        raise InputError("XML whose document type declares things of its own, which is not read", where=where)
    return text, warnings


def _allowed(reference: re.Match[str]) -> str:
    """A character reference, or nothing in place of one to what has no place."""
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return "" if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else reference[0]


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """By its byte-order mark, else as declared, else UTF-8; where none of these holds, bad bytes replaced."""
    charset = next((codec for mark, codec in _MARKS if data.startswith(mark)), None) or _declared(data)
    for candidate in dict.fromkeys((charset, "utf-8")):
        try:
            text = data.decode(candidate)
        except UnicodeError:
            continue
        wrong = f"It is not {charset}, as it says, but {candidate}"
        return text, () if candidate == charset else (wrong,)
    warning = f"Not all of it is {charset.removesuffix('-sig')}; those characters were replaced"
    return data.decode(charset, errors="replace"), (warning,)


def _declared(data: bytes) -> str:
    """The charset of the XML declaration, if it is one we read; windows-1252 holds ISO 8859-1's text."""
    found = _DECLARED.match(data.lstrip()[:400])
    name = found[1].decode().lower() if found else "utf-8"
    if name in ("iso-8859-1", "latin1", "latin-1"):
        return "windows-1252"
    # An UTF-16 document without mark is told by its first bytes; one that only says so is not.
    return name if name in _CODECS else "utf-8"


def text_of(parent: Any, *paths: str) -> str:
    """All the text of the first child at one of these paths; empty without."""
    found = next((child for path in paths if (child := parent.find(path)) is not None), None)
    return "" if found is None else "".join(found.itertext())


_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_SUBSET = re.compile(r"""<!DOCTYPE(?:[^\[>"']|"[^"]*"|'[^']*')*+\[""")


def _declares(text: str) -> bool:
    """Whether it has a document type with an internal subset: entities are declared there (XML 1.0, 2.8)."""
    place = 0
    while skipped := _PROLOG.match(text, place):
        place = skipped.end()
    return _SUBSET.match(text, place) is not None
