"""Jinja templates from folders, the HTML one with its style sheet inlined before any mail is made."""

import re
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
    UndefinedError,
)

from digest.errors import InputError
from digest.rendering.columns import wrap
from digest.rendering.excerpt import is_caseless
from digest.rendering.letter import Letter
from digest.text import clean

HTML_TEMPLATE = "edition.html.j2"
TEXT_TEMPLATE = "edition.txt.j2"
STYLES = "edition.css"
HEAD_STYLES = "head.css"


def load_templates(folders: Sequence[Path]) -> dict[str, Template]:
    """The templates by name, compiled; a file of an earlier folder hides those of later ones.

    Raises InputError with file and line if one has a syntax error.
    """
    environment = _environment(folders, inline=True)
    return {name: _load(environment, name, folders) for name in (HTML_TEMPLATE, TEXT_TEMPLATE, HEAD_STYLES)}


def explain(error: Exception, name: str, letter: Letter, folders: Sequence[Path]) -> Exception:
    """What filling a template raised, with file and line if it is not one of ours; else as it is.

    Inlining moves lines, so the template is filled once more just as it was written.
    """
    try:
        _environment(folders, inline=False).get_template(name).render(letter=letter)
    except Exception as again:
        return _located(again, folders[:-1]) or error
    return error


def _environment(folders: Sequence[Path], *, inline: bool) -> Environment:
    environment = Environment(
        loader=_InliningLoader(folders) if inline else FileSystemLoader(folders),
        autoescape=lambda name: not (name or "").endswith((".txt.j2", ".css")),  # noqa: S701  # all else is
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrap"] = wrap
    environment.tests["caseless"] = is_caseless
    return environment


class _InliningLoader(FileSystemLoader):
    """Gives the HTML template with its style sheet inlined."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, filename, is_current = super().get_source(environment, template)
        if template != HTML_TEMPLATE:
            return source, filename, is_current
        environment.parse(source, template, filename)  # here a syntax error still has its own line
        styles, _, _ = super().get_source(environment, STYLES)
        return inline_styles(source, styles), filename, is_current


def inline_styles(source: str, styles: str) -> str:
    """A Jinja template with the style sheet written into its elements, and without what the parser adds.

    An HTML parser moves text that stands between the rows of a table, and escapes what stands in attributes.
    So Jinja's tags pass through it as comments, and as words where no comment can stand.
    """
    tags: list[str] = []

    def hide(match: re.Match[str]) -> str:
        tags.append(match.group())
        return f"jinja{len(tags) - 1}x"

    hidden = _MARKUP_OR_WORD.sub(_as_comment, _JINJA_TAG.sub(hide, source))
    inlined = CSSInliner(extra_css=styles, load_remote_stylesheets=False, minify_css=True).inline(hidden)
    restored = _HIDDEN.sub(lambda match: tags[int(next(filter(None, match.groups())))], inlined)
    return _NEEDLESS.sub("", restored)


_JINJA_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WORD = re.compile(r"jinja\d+x")
_MARKUP_OR_WORD = re.compile(
    r"<!--.*?-->|<title\b.*?</title>|(?P<style><style\b.*?</style>)|<[^>]*>|(?P<word>jinja\d+x)",
    re.DOTALL | re.IGNORECASE,
)
_HIDDEN = re.compile(r'<!--jinja(\d+)x-->|/\*jinja(\d+)x\*/|jinja(\d+)x(?:="")?')
_NEEDLESS = re.compile(r"(?<=\n)\s+|</?tbody>")


def _as_comment(match: re.Match[str]) -> str:
    if match["style"]:
        return _WORD.sub(r"/*\g<0>*/", match["style"])
    return f"<!--{match['word']}-->" if match["word"] else match.group()


def _load(environment: Environment, name: str, folders: Sequence[Path]) -> Template:
    try:
        return environment.get_template(name)
    except TemplateSyntaxError as error:
        raise _broken(error, f"{error.filename}:{error.lineno}") from error
    except (UnicodeDecodeError, OSError) as error:
        path = next((folder / name for folder in folders if (folder / name).exists()), Path(name))
        raise _broken(error, str(path)) from error


def _located(error: Exception, folders: Sequence[Path]) -> InputError | None:
    """The error where it arose in one of these folders' templates; `None` if it did not."""
    if isinstance(error, TemplateSyntaxError):
        return _broken(error, f"{error.filename}:{error.lineno}")
    frames = traceback.extract_tb(error.__traceback__)
    places = [f for f in frames if any(Path(f.filename).is_relative_to(folder) for folder in folders)]
    return _broken(error, f"{places[-1].filename}:{places[-1].lineno}") if places else None


def _broken(error: Exception, where: str) -> InputError:
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, TemplateSyntaxError | UndefinedError):
        said = error.message or said
    fix = "Correct it, or remove the file to use the shipped one"
    return InputError(f"this template is broken: {clean(said, 300)}", where=where, fix=fix)
