"""XML from strangers."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import InputError
from digest.sources.xml import MAX_ATTRIBUTES, MAX_TAGS, read_xml, xml_text

DECLARED = '<?xml version="1.0" encoding="{}"?><tea>Été – “warm”</tea>'


def text_of(data: bytes) -> str:
    return "".join(read_xml(data)[0].itertext())


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b" \n\x00", "empty"),
        (b"Rate exceeded.", "not XML; it begins “Rate exceeded.”"),
        (b"{}", "not XML"),
        (b"<tea>", "not well-formed"),
        (b"<tea>&cup;</tea>", "not well-formed"),
        (b"<tea/><tea/>", "not well-formed"),
        (b"<tea>" * 300 + b"</tea>" * 300, "not well-formed"),
        (b"<tea>" * 100_000, "not well-formed"),
        (b"<t>" + b"<a/>" * (MAX_TAGS + 1) + b"</t>", "tags"),
        (b"<t " + b'a="" ' * (MAX_ATTRIBUTES + 1) + b"/>", "attributes"),
        (b"<!--" * 10_000, "not well-formed"),
    ],
)
def test_what_is_no_xml_or_too_much_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        read_xml(data, where="https://example.org/tea")

    assert refused.value.where == "https://example.org/tea"


BOMB = b'<!ENTITY a "tea"><!ENTITY b "&a;&a;&a;">'


@pytest.mark.parametrize(
    "head",
    [
        b"<!DOCTYPE tea [" + BOMB + b"]>",
        b"\n<!-- <tea> --><?tea?> <!DOCTYPE tea\n[" + BOMB + b"]>",
        b"<!DOCTYPE tea SYSTEM '>' [" + BOMB + b"]>",
        b'<!DOCTYPE tea SYSTEM "file:///etc/passwd" [ ]>',
        b'<!DOCTYPE tea [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_that_declares_entities_is_refused(head: bytes) -> None:
    for charset in ("utf-8", "utf-16"):
        with pytest.raises(InputError, match="declares"):
            read_xml((head + b"<tea>&b;</tea>").decode().encode(charset))


def test_a_document_type_alone_is_harmless() -> None:
    data = b'<!DOCTYPE rss PUBLIC "-//Tea//EN" "http://example.org/tea.dtd"><rss>warm</rss>'

    assert text_of(data) == "warm"


def test_no_file_is_included() -> None:
    data = b'<t xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/>x</t>'

    assert text_of(data) == "x"


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "windows-1252"]
)
def test_a_charset_is_known_by_its_mark_or_declaration(charset: str) -> None:
    root, warnings = read_xml(DECLARED.format(charset.removesuffix("-sig")).encode(charset))

    assert root.text == "Été – “warm”"
    assert warnings == ()


def test_what_is_called_latin_1_may_be_windows() -> None:
    assert text_of(DECLARED.format("ISO-8859-1").encode("windows-1252")) == "Été – “warm”"


def test_a_wrong_charset_costs_single_letters_and_is_told() -> None:
    root, warnings = read_xml(DECLARED.format("utf-8").encode("windows-1252"))

    assert root.text.endswith("warm\N{REPLACEMENT CHARACTER}")
    assert warnings == ("Not all of it is utf-8; those characters were replaced",)


def test_utf_8_that_says_it_is_something_else_is_told() -> None:
    root, warnings = read_xml(DECLARED.format("us-ascii").encode())

    assert root.text == "Été – “warm”"
    assert warnings == ("It is not us-ascii, as it says, but utf-8",)


@pytest.mark.parametrize(
    "charset", ["rot13", "zlib", "idna", "utf-7", "unicode_escape", "x" * 40, "iso-8859-12"]
)
def test_a_charset_that_is_none_is_not_believed(charset: str) -> None:
    assert text_of(DECLARED.format(charset).encode()) == "Été – “warm”"


def test_one_forbidden_character_does_not_cost_the_whole_document() -> None:
    data = b"<tea>a\x01b&#1;c&#x1F;d&#65;e&#xD800;f&#55296;g&#x110000;h&#10;i&#99999999;</tea>"

    assert text_of(data) == "abcdAefgh\ni"


def test_comments_and_instructions_are_left_out() -> None:
    assert text_of(b"<tea>a<!-- b --><?c d?>e<![CDATA[<f>]]></tea>") == "ae<f>"


def test_the_text_alone_can_be_had() -> None:
    assert xml_text(b" <tea>\x00warm</tea>\n") == ("<tea>warm</tea>", ())


@given(st.binary(max_size=300))
@example(b"\xff\xfe<\x00")
@example(b"\x00\x00\xfe\xff\xff")
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with suppress(InputError):
        assert read_xml(data)[0].tag


@given(st.text(st.sampled_from("<>/!-[]?'\"= atDOCYPENI&;#x\x00é"), max_size=200))
def test_any_text_of_markup_is_a_document_or_refused(text: str) -> None:
    with suppress(InputError):
        assert read_xml(f"<t>{text}</t>".encode())[0].tag
