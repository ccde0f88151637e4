"""The languages an edition is written in: sentences by gettext, dates, numbers and lists by Babel's CLDR."""

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal

CATALOGS = Path(__file__).parent / "locale"
"""`de.po`, `fr.po`, ...: a file a language, read as it is, so that none can be older than its source."""
SOURCE_LANGUAGE = "en"
SCRIPTS = {"zh": "Hans"}
"""The script of a catalog whose language has more than one: a tag that asks for another finds nothing."""


class UnknownLanguageError(ValueError):
    """There is no catalog for a language tag."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """One language in one region, made by `language`, once for each tag."""

    tag: str
    """BCP 47, as it stands in `lang` and Content-Language."""
    locale: Locale = field(repr=False)
    translations: NullTranslations = field(repr=False)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return str(self.locale.text_direction)

    def say(self, message: str, /, **fields: object) -> str:
        """A sentence in this language, its `{fields}` filled; the English is its key in the catalogs."""
        return self.translations.gettext(message).format(**fields)

    def count(self, one: str, many: str, number: int, /, **fields: object) -> str:
        """The same where the grammar asks for a number, which is shown at `{n}`."""
        message = self.translations.ngettext(one, many, number)
        return message.format(n=self.number(number), **fields)

    def number(self, number: int) -> str:
        """`1,204`, `1.204` or `1 204`."""
        return _number(number, self.locale)

    def long_date(self, day: date) -> str:
        """`Wednesday, 11 March 2026`."""
        return _date(day, "full", self.locale)

    def short_date(self, day: date) -> str:
        """`11 Mar`."""
        return _date(day, "MMMd", self.locale)

    def weekday(self, day: date) -> str:
        """`Wed 11`."""
        return _date(day, "Ed", self.locale)

    def dates(self, first: date, last: date, *, year: bool = False) -> str:
        """`9–15 Mar`, from one day to another, both included; with the `year` if asked for."""
        return _dates(first, last, "yMMMd" if year else "MMMd", self.locale)

    def date_seen_from(self, today: date, day: date) -> str:
        """`10 March`, with its year if that is not today's; does not break between lines."""
        form = "MMMMd" if day.year == today.year else "long"
        return _date(day, form, self.locale).replace(" ", "\N{NO-BREAK SPACE}")

    def listed(self, names: tuple[str, ...]) -> str:
        """`this`, `this and that`, `this, that and these`."""
        return format_list(names, locale=self.locale)


@lru_cache(maxsize=1_024)
def language(tag: str) -> Language:
    """The language of a BCP 47 tag; `en` alone is the English of no country (11 March, not March 11).

    Raises UnknownLanguageError where there is no catalog for the language, or none in the tag's script.
    """
    parts = _TAG.fullmatch(tag.lower().replace("_", "-"))
    if not parts:
        raise UnknownLanguageError(tag)
    name, script, region = parts.groups(default="")
    return _language(name, script.title(), region.upper())


_TAG = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?", re.ASCII)


def _language(name: str, script: str, region: str) -> Language:
    written_in = SCRIPTS.get(name, "")
    if not region:
        script = script or written_in  # so that a mail program finds the right font
    tag = "-".join(filter(None, (name, script, region)))
    if name not in known_languages() or script not in ("", written_in):
        raise UnknownLanguageError(tag)
    locale = _locale("en-001" if tag == SOURCE_LANGUAGE else tag)
    if (locale.script or written_in) != written_in:
        raise UnknownLanguageError(tag)  # of a region with another script
    return _made(tag, locale, name)


@cache
def _made(tag: str, locale: Locale, name: str) -> Language:
    return Language(tag=tag, locale=locale, translations=_translations(name))


def _locale(tag: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        raise UnknownLanguageError(tag) from None


@cache
def _translations(name: str) -> NullTranslations:
    if name == SOURCE_LANGUAGE:
        return NullTranslations()
    # Most readers are written to in English: the rest is not loaded for them.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = BytesIO()
    with (CATALOGS / f"{name}.po").open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return Translations(compiled)


def known_languages() -> tuple[str, ...]:
    """The languages that editions can be written in."""
    return (SOURCE_LANGUAGE, *sorted(path.stem for path in CATALOGS.glob("*.po")))


@lru_cache(maxsize=4_096)
def _number(number: int, locale: Locale) -> str:
    return str(format_decimal(number, locale=locale))


@lru_cache(maxsize=4_096)
def _date(day: date, form: str, locale: Locale) -> str:
    if form in ("full", "long"):
        return str(format_date(day, form, locale=locale))
    return str(format_skeleton(form, day, locale=locale))


@lru_cache(maxsize=4_096)
def _dates(first: date, last: date, form: str, locale: Locale) -> str:
    if first == last:
        return _date(first, form, locale)
    return str(format_interval(first, last, form, locale=locale))


ENGLISH = language(SOURCE_LANGUAGE)
"""What editions are written in where a profile says nothing, and the commands always."""
