"""The catalogs of translations, brought up to the sentences in the sources: `make catalogs`."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from digest.language import CATALOGS

ROOT = Path(__file__).parent.parent
KEYWORDS: dict[str, tuple[int, ...] | None] = {"say": None, "count": (1, 2)}
"""The methods of Language, which are functions in templates: their first strings are sentences."""
SOURCES = {
    # The commands' `say` prints, and what sources `count` is bytes.
    "digest": [("cli/**", "ignore"), ("sources/**", "ignore"), ("**.py", "python")],
    "templates": [("**.j2", "jinja2")],
}


_CHANGING = re.compile(
    rb'"(Project-Id|Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated-By).*\\n"\n'
)
"""Lines of a catalog's head that say nothing here and change with every writing."""


def main() -> None:
    """Add what is new to every catalog, empty and thus to be translated, and remove what is no more."""
    wanted = extracted()
    for path in sorted(CATALOGS.glob("*.po")):
        path.write_bytes(updated(path, wanted))
        missing = [message.id for message in read(path) if message.id and not any(texts(message))]
        print(f"{path.relative_to(ROOT)}: {len(wanted)} messages, {len(missing)} to translate")  # noqa: T201


def extracted() -> Catalog:
    """Every sentence of the sources, with the files that say it."""
    found = Catalog()
    for folder, methods in SOURCES.items():
        options = {"**.j2": {"silent": "false"}}  # a template that cannot be read is an error
        for file, _, message, comments, _ in extract_from_dir(
            ROOT / folder, methods, options, KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
        ):
            found.add(message, locations=[(f"{folder}/{file}", 0)], auto_comments=comments)
    return found


def updated(path: Path, wanted: Catalog) -> bytes:
    """A catalog's file as it should be."""
    catalog = read(path)
    catalog.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    for message in catalog:
        message.flags -= {"python-format"}  # `5 % of`
    written = BytesIO()
    write_po(written, catalog, width=110, ignore_obsolete=True, sort_by_file=True, include_lineno=False)
    return _CHANGING.sub(b"", written.getvalue())


def texts(message: Message) -> tuple[str, ...]:
    """The translation of a message in all its forms; empty ones are missing."""
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string or "",)


def read(path: Path) -> Catalog:
    """A catalog as it is."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


if __name__ == "__main__":
    main()
