"""Jinja templates from folders, those of HTML with the style sheet inlined before any mail is made."""

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from css_inline import CSSInliner
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateSyntaxError,
    UndefinedError,
    nodes,
)

from digest.errors import InputError
from digest.rendering.columns import columns, hang, noted, numbered, wrap
from digest.rendering.excerpt import is_caseless
from digest.rendering.phrases import tied
from digest.rendering.slots import Slot
from digest.resources import shipped
from digest.text import clean

HTML = ".html.j2"
TEXT = ".txt.j2"
_BOTH = ("edition", "card", "excerpt", "account", "reason", "chart")
MAIL_TEMPLATES = (*(f"{name}{suffix}" for suffix in (HTML, TEXT) for name in _BOTH), f"footnotes{TEXT}")
STYLES = "edition.css"
HEAD_STYLES = "head.css"


class Templates:
    """The templates of some folders, compiled; a file of an earlier folder hides those of later ones.

    Making it raises InputError with file and line if one has a syntax error.
    """

    def __init__(self, folders: Sequence[Path], *, inline: bool = True) -> None:
        self._folders = folders
        self._printing: dict[str, bool] = {}
        self._environment = _environment(folders, inline=inline)
        for name in (*MAIL_TEMPLATES, HEAD_STYLES):
            self._load(name)

    def fill(self, name: str, context: Mapping[str, Any]) -> str:
        """What a template prints."""
        return self._environment.get_template(name).render(context)

    @property
    def as_written(self) -> "Templates":
        """The same without styles: inlining moves lines, and what goes wrong is to be told by line."""
        return Templates(self._folders, inline=False)

    def located(self, error: Exception) -> InputError | None:
        """What filling a template raised, with file and line; `None` if it was not in one of ours."""
        return _located(error, self._folders[:-1])

    def only_prints(self, name: str) -> bool:
        """Whether a template looks at nothing that it has printed, so that slots may stand in it.

        What a block, a macro or another template printed may be captured and measured: then they may not.
        """
        if name not in self._printing:
            source, _, _ = FileSystemLoader(self._folders).get_source(self._environment, name)
            self._printing[name] = _only_prints(self._environment.parse(source))
        return self._printing[name]

    def _load(self, name: str) -> None:
        try:
            self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise _broken(error, f"{error.filename}:{error.lineno}") from error
        except (ValueError, OSError) as error:
            found = (folder / name for folder in self._folders if (folder / name).exists())
            raise _broken(error, str(next(found, Path(name)))) from error


_CAPTURING = (nodes.AssignBlock, nodes.FilterBlock, nodes.CallBlock, nodes.Import, nodes.FromImport)
_PRINTING = {"show", "footnotes"}


def _only_prints(template: nodes.Template) -> bool:
    if any(True for _ in template.find_all(_CAPTURING)):
        return False
    printing = _PRINTING | {macro.name for macro in template.find_all(nodes.Macro)}

    def prints(node: nodes.Node) -> bool:
        return (
            isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in printing
        )

    bare = {
        id(shown) for output in template.find_all(nodes.Output) for shown in output.nodes if prints(shown)
    }
    return all(id(call) in bare for call in template.find_all(nodes.Call) if prints(call))


def _environment(folders: Sequence[Path], *, inline: bool) -> Environment:
    environment = Environment(
        loader=_InliningLoader(folders) if inline else FileSystemLoader(folders),
        autoescape=lambda name: not (name or "").endswith((TEXT, ".css")),  # noqa: S701  # all else is
        finalize=_printed,
        undefined=StrictUndefined,
        auto_reload=False,  # it asks the disk at every use
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for function in (wrap, hang, numbered, noted, columns, tied):
        environment.filters[function.__name__] = _for_slots_too(function)
    environment.tests["caseless"] = is_caseless
    return environment


@cache
def shipped_pages() -> Environment:
    """For pages of commands, whose templates nobody changes."""
    return Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _printed(value: object) -> object:
    return value.mark() if type(value) is Slot else value


def _for_slots_too(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that, of a slot, makes the slot of what it will make of the value."""

    def apply(value: Any, *arguments: Any, **named: Any) -> Any:
        if type(value) is Slot:
            return value.then(lambda known: function(known, *arguments, **named))
        return function(value, *arguments, **named)

    return apply


class _InliningLoader(FileSystemLoader):
    """Gives the templates of HTML with the style sheet inlined."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, filename, is_current = super().get_source(environment, template)
        if not template.endswith(HTML):
            return source, filename, is_current
        environment.parse(source, template, filename)  # here a syntax error still has its own line
        styles, _, _ = super().get_source(environment, STYLES)
        return inline_styles(source, styles), filename, is_current


def inline_styles(source: str, styles: str) -> str:
    """A Jinja template with the style sheet written into its elements, and without what the parser adds.

    An HTML parser moves text that stands between the rows of a table, and escapes what stands in attributes.
    So Jinja's tags pass through it as comments, and as words where no comment can stand.
    """
    if found := _WORD.search(source):
        raise ValueError(f"a template cannot have the word {found.group()}")
    tags: list[str] = []

    def hide(match: re.Match[str]) -> str:
        tags.append(match.group())
        return f"jinja{len(tags) - 1}x"

    hidden = _MARKUP_OR_WORD.sub(_as_comment, _JINJA_TAG.sub(hide, source))
    inlined = _inlined(hidden, styles)
    restored = _HIDDEN.sub(lambda match: tags[int(next(filter(None, match.groups())))], inlined)
    return _NEEDLESS.sub("", restored)


def _inlined(html: str, styles: str) -> str:
    """A whole page, or a part of one."""
    if "</html>" in html.lower():
        inliner = CSSInliner(extra_css=styles, load_remote_stylesheets=False, minify_css=True)
        return inliner.inline(html)
    return CSSInliner(load_remote_stylesheets=False, minify_css=True).inline_fragment(html, styles)


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
