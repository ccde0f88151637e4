"""Bad values: what may stand where a title, a date, a number, an id or a link is expected."""

import re
from collections.abc import Callable

DEEP = 100_000

TEXTS: dict[str, str] = {
    "nothing": "",
    "spaces": " \t\n ",
    "NUL": "tea\x00robots",
    "control characters": "".join(map(chr, [*range(1, 32), *range(127, 160)])) + "x",
    "a header": "Tea\r\nBcc: eve@example.org\r\n\r\n<b>",
    "other line ends": "a\x0b\x0c\x1c\x85\u2028\u2029b",
    "text that runs backwards": "\u202eaet\u2066ruop\u200f",
    "invisible characters": "\u200b\u200d\ufeff\u2060\U000e0041",
    "many accents": "e" + "\u0301" * 5_000,
    "characters that grow when folded": "\ufdfa" * 400,
    "non-characters": "\ufffe\uffff\U0010ffff\ufdd0",
    "an escape for a terminal": "\x1b]0;tea\x07\x1b[31m\x9b2J",
    "a script": "<script>alert(1)</script>",
    "entities": "&amp;&lt;&#0;&#xD800;&#x110000;&#99999999999;&nosuch;&",
    "ends of sections": "]]>--><![CDATA[<!--?>",
    "a processing instruction": "<?php x ?><?xml version='1.0'?>",
    "a template": "{{7*7}}${7*7}%s%n{0.__class__}",
    "TeX": "\\sqrt{" * 200 + "$" * 200,
    "brackets": "[(" * 500 + "](" * 500,
    "a script's link": "javascript:alert(1)",
    "a hidden script's link": " java\tscript:alert(1)//https://example.org",
    "a page in a link": "data:text/html,<script>alert(1)</script>",
    "a file's link": "file:///etc/passwd",
    "a link of another host": "https://example.org\\@evil.example/",
    "a link without end": "https://example.org/" + "x" * 10_000,
    "a broken address": "http://[::1",
    "an impossible port": "http://example.org:99999999/",
    "a link with a quote": 'https://example.org/"onmouseover="alert(1)',
    "1e400": "1e400",
    "minus one": "-1",
    "NaN": "NaN",
    "5000 digits": "9" * 5_000,
    "Arabic digits": "٢٦٠٣.٠٠٠٠١",
    "superscript digits": "²³",
    "digits with lines between": "1_000",
    "year 0": "0000-00-00",
    "year 1, west of all": "0001-01-01T00:00:00+23:59",
    "year 9999, east of all": "9999-12-31T23:59:59-23:59",
    "year 99999": "99999-01-01T00:00:00Z",
    "February 30": "2026-02-30",
    "hour 25": "2026-03-11T25:61:61Z",
    "a mail's date of year 9999": "Fri, 31 Dec 9999 23:59:59 -2359",
    "a mail's date of year 0": "Sat, 01 Jan 0000 00:00:00 +9999",
    "a mail's date that is none": "Wed, 31 Feb 2026 99:99:99 XXX",
    "seconds": "1e9",
    "far too many seconds": "1" + "0" * 30,
    "a path": "../../etc/passwd",
    "an id and a path": "2603.00001/../../x",
    "an id with a query": "2603.00001?x=1#y",
    "two ids": "2603.00001\n2603.00002",
    "version 999999999": "arXiv:2603.00001v999999999",
    "a long DOI": "10.1000/" + "a/" * 1_000,
    "a DOI that runs backwards": "10.1000/\u202ex",
    "a DOI of letters that grow": "10.1000/" + "İ" * 300,
    "no title's id": "title:",
    "a drive": "C:\\con\\nul",
    "a long word": "x" * 100_000,
    "many words": "tea " * 25_000,
    "many commas": "a," * 20_000,
    "many names": "Ada Example and " * 6_000,
    "open brackets": "(" * 20_000,
    "many lines": "a\n" * 20_000,
}
JSON_VALUES: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "the number 1e400": b"1e400",
    "the number -1": b"-1",
    "the number 0.5": b"0.5",
    "a number of 5000 digits": b"9" * 5_000,
    "10**30": b"1" + b"0" * 30,
    "no number": b"NaN",
    "minus infinity": b"-Infinity",
    "half a character": rb'"\ud800"',
    "half a character within": rb'"Tin \udc00 Robots"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list of nulls": b"[" + b",".join([b"null"] * 10_000) + b"]",
    "a list of texts": b"[" + b",".join([b'"x"'] * 10_000) + b"]",
    "a list of lists": b"[" + b",".join([b"[[]]"] * 10_000) + b"]",
    "a list of names": b"[" + b",".join([b'{"name": "Ada"}'] * 10_000) + b"]",
    "an object of many keys": b"{" + b",".join(b'"%d": 1' % one for one in range(10_000)) + b"}",
    "one key many times": b"{" + b",".join([b'"id": "x"'] * 10_000) + b"}",
    "lists within lists": b"[" * DEEP + b"]" * DEEP,
    "objects within objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "some lists within lists": b"[" * 900 + b"]" * 900,
    "no JSON": b"undefined",
}  # fmt: skip

BIG = b"Tin robots pour tea, and n<N &amp; wait. "

FLOODS = (
    # markup
    "<", ">", "&", "&lt;", "&#", "&#x41;", "<a ", "<a b", "<!--", "-->", "<!", "<![CDATA[", "<![CDATA[]]>", "]]>", "<?",
    "<?x ", "<?x?>", "<b>", "</b>", "<b/>", "<b><i>", "</p>", "<p><table>", "<font><b><a href=x>", '<b a="', "<b a='",
    ' a="b"', " a", "<svg><math>", "<select>", "<template>", "<!DOCTYPE x [", "<!ENTITY a 'b'>", "<script>", "<textarea>",
    "<title>", "<item>", "<entry>", "<record>", "<article>", "<article><h3>", "<h3>", "<dt>", "<dd>", "<dt><dd>", "<dl>", "<ul>", "<li>",
    "<time>", "<item><title>", "<author><name>", "<a:b xmlns:a='c'>", "<div data-target='DailyPapers' data-props='[]'>",
    # JSON
    "[", "]", "{", '{"a":', '"', "\\", "\\\"", "\\ud800", ",", "[],", "{},", "null,", "0", "-", "1e", " ",
    # text
    "\n", " \n", "\r", "\t", "\u2028", "a\n", "a. ", "a b\n\n", "### [", "\n### [a](https://huggingface.co/papers/1)\n",
    "](", "][", "[a](", "![", "[![a](b)", "[1]: x\n", "[1", "(", ")", "·", "·\n", "a\n·\n", "Mar 3\n", "· Mar 3 ", "• 3 authors\n",
    "3 authors\n·\nMar 3, 2025 4\n", "Upvote\n", "Upvote 1\n", "GitHub ", "Submitted by\n", "[-] ", "https://huggingface.co/login\n",
    "a\nhttps://huggingface.co/papers/1\n", "https://huggingface.co/papers/1\n", "Daily Papers\n", "Subscribe", "May 296\n", "Title:", "a, ", " and ",
    "$", "${", "\\frac{", "\\'", "{", "}", "\\begin{a}", "@a{b,", "é", "\u0301", "\U0001f600", "\ufdfa", "İ", "\x00", "\ufeff",
)  # fmt: skip
"""What is put into pages thousands of times over."""


def _laughs(levels: int) -> str:
    grown = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE ROOT [<!ENTITY l0 "tea">{grown}]>'


BOMBS: dict[str, tuple[str, str]] = {
    "a billion laughs": (_laughs(10), "&l9;"),
    "a hundred laughs": (_laughs(3), "&l2;"),
    "quadratic laughs": (f'<!DOCTYPE ROOT [<!ENTITY a "{"tea " * 10_000}">]>', "&a;" * 10_000),
    "laughs in an attribute": (
        f'<!DOCTYPE ROOT [<!ENTITY a "{"tea " * 10_000}">]>',
        f'<b c="{"&a;" * 1_000}"/>',
    ),
    "an endless entity": ('<!DOCTYPE ROOT [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', "&a;"),
    "a file's entity": ('<!DOCTYPE ROOT [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "&a;"),
    "a device's entity": ('<!DOCTYPE ROOT [<!ENTITY a SYSTEM "file:///dev/zero">]>', "&a;"),
    "a server's entity": ('<!DOCTYPE ROOT [<!ENTITY a SYSTEM "http://127.0.0.1:9/">]>', "&a;"),
    "another's DTD": ('<!DOCTYPE ROOT SYSTEM "http://127.0.0.1:9/x.dtd">', "&a;"),
    "a parameter entity": (
        '<!DOCTYPE ROOT [<!ENTITY % a SYSTEM "file:///etc/passwd"><!ENTITY b "%a;"> %a;]>',
        "&b;",
    ),
    "an attribute that a DTD adds": (f'<!DOCTYPE ROOT [<!ATTLIST title a CDATA "{"x" * 100_000}">]>', ""),
    "inclusion": (
        "",
        '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>',
    ),
    "a stylesheet": ('<?xml-stylesheet href="file:///etc/passwd"?>', ""),
    "a million attributes": ("", "<b " + " ".join(f'a{n}="1"' for n in range(1_000_000)) + "/>"),
    "one attribute many times": ("", "<b " + 'a="1" ' * 100_000 + "/>"),
    "many namespaces": ("", "<b " + " ".join(f'xmlns:a{n}="b{n}"' for n in range(30_000)) + "/>"),
    "deep elements": ("", "<b>" * DEEP + "</b>" * DEEP),
    "deep elements without end": ("", "<b>" * DEEP),
    "many elements": ("", "<b/>" * 200_000),
    "a name without end": ("", f"<{'b' * 1_000_000}/>"),
    "a comment without end": ("", "<!--" + "-" * 1_000_000),
}
"""Of XML: what stands before the root element, ROOT for its name, and in its titles."""
SECRET = "root:"
"""What no list must hold: it is in every /etc/passwd."""


def encoded(charset: str) -> Callable[[bytes], bytes]:
    """The page in another charset."""
    return lambda page: page.decode("utf-8", errors="replace").encode(charset, errors="replace")


def declared(charset: str) -> Callable[[bytes], bytes]:
    """The page saying that it is of another charset, in each way that there is."""

    def change(page: bytes) -> bytes:
        name = charset.encode()
        without = re.sub(rb"^\s*<\?xml[^>]*\?>", b"", page)
        if without.lstrip()[:1] != b"<":
            return b"\xef\xbb\xbf" + page
        if re.search(rb"<html", without, re.IGNORECASE):
            return b'<meta charset="' + name + b'">' + without
        return b'<?xml version="1.0" encoding="' + name + b'"?>' + without

    return change
