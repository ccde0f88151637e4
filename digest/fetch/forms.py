"""Whether an answer has the form that was asked for: a login page is no JSON, whatever its status."""

import re

from digest.errors import FormError
from digest.fetch.web import Form
from digest.text import clean

_BEGINNING = 2_000
_MARKUP = re.compile(r"<[a-z!?]", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|script)\b", re.IGNORECASE)
_ENDS = {"<?": ">", "<!--": "-->"}


def check_form(form: Form, content_type: str, body: bytes, where: str) -> None:
    """Raises FormError for a body that plainly is something else than `form`; the body decides first."""
    begun = _beginning(body)
    declared = content_type.partition(";")[0].strip().lower()
    if form is Form.ANY or _is(form, begun, declared):
        return
    came = _name(begun, declared)
    guess, fix = "", ""
    if came == "HTML":
        guess, fix = " (a login page?)", "Open the address in a browser on this machine"
    what = f"answered {came} where {form.value} was expected{guess}"
    raise FormError(what, where=where, fix=fix, body=body)


def _is(form: Form, begun: str, declared: str) -> bool:
    is_markup, is_html = bool(_MARKUP.match(begun)), _is_html(begun)
    begins_as_json = begun[:1] in ("{", "[")
    if form is Form.JSON:
        return begins_as_json or (declared.endswith("json") and not is_markup)
    if form is Form.XML:
        return is_markup and not is_html
    declares_html = declared in ("text/html", "application/xhtml+xml")
    return is_html or (declares_html and not begins_as_json) or (is_markup and not _is_xml(begun, declared))


def _is_html(begun: str) -> bool:
    """In front of the first element there may be declarations and comments."""
    rest = begun
    while opened := next((start for start in _ENDS if rest.startswith(start)), None):
        rest = rest.partition(_ENDS[opened])[2].lstrip()
    return bool(_HTML.match(rest))


def _is_xml(begun: str, declared: str) -> bool:
    return begun.startswith("<?xml") or declared.endswith("xml")


def _name(begun: str, declared: str) -> str:
    if _is_html(begun):
        return "HTML"
    if _MARKUP.match(begun):
        return "XML" if _is_xml(begun, declared) else "HTML"
    if begun[:1] in ("{", "["):
        return "JSON"
    return clean(declared, 60) or "something"


def _beginning(body: bytes) -> str:
    """Enough to tell forms apart, in whatever encoding the byte order mark says."""
    begun = body[:_BEGINNING]
    encoding = "utf-16" if begun[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return begun.decode(encoding, errors="replace").lstrip()
