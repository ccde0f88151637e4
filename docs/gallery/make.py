"""Takes the pictures in this folder of the sample editions, with headless Chromium: `make gallery`.

`python docs/gallery/make.py [--out DIR] [NAME...]`; a NAME is a picture's (`rich-375-dark`) or an edition's.
"""

import argparse
import base64
import io
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from digest.model import Edition
from digest.outputs.archive import ENTRY, INDEX, PAGE, make_day, make_lists, open_press
from digest.outputs.feed import read_entry
from digest.outputs.page import Neighbours
from digest.rendering.renderer import Renderer
from docs.gallery.clients import as_in_word, without_scheme, without_style
from tests.editions import SAMPLES, SENDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

GALLERY = Path(__file__).parent
FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-lcd-text")
TERMINAL = 722
"""Pixels of 80 columns."""
MOST = 16_000
"""Pixels: WebP's limit is 16,383."""
COLOURS = 64
"""Letters on an even ground need no more, and are smaller without loss than they are with it."""

Scheme = Literal["light", "dark"]
Kind = Literal["mail", "text", "archive page", "archive list"]
Change = Callable[[str], str]
ALL_VIEWS: tuple[tuple[int, Scheme], ...] = ((640, "light"), (640, "dark"), (375, "light"), (375, "dark"))
TWO_VIEWS: tuple[tuple[int, Scheme], ...] = ((640, "light"), (375, "dark"))
ENOUGH = 1_500
"""Pixels of pictures that show nothing new further down."""
HEAD = 700
"""Pixels that show a heading and a chart, above cards as of any day."""
LOOKING_BACK = ("weekly", "quiet-week", "monthly", "german-week", "chinese-month")
IN_TWO_VIEWS = ("forty", "german", "french", "chinese", *LOOKING_BACK[1:])
CUT = (
    "rich-640-dark",
    "forty-375-dark",
    *(f"{name}-{n}" for name in ("german", "french", "chinese") for n in (640, 375)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of an edition: as what, in what width and colours, what a mail program does to it first."""

    name: str
    edition: Edition
    width: int
    height: int = MOST
    """What is longer is cut."""
    scheme: Scheme = "light"
    change: Change | None = None
    is_forced_dark: bool = False
    kind: Kind = "mail"


def main() -> None:
    """Take the pictures that were asked for, all of them by default."""
    out, names = _arguments(sys.argv[1:])
    wanted = _chosen(tuple(pictures()), names)
    out.mkdir(parents=True, exist_ok=True)
    too_wide = []
    with browser() as chromium:
        for number, picture in enumerate(wanted, 1):
            size, width = take(chromium, picture, out / f"{picture.name}.webp")
            print(f"{number:3}/{len(wanted)}  {picture.name}.webp  {size / 1_000:.0f} kB", flush=True)
            if width > picture.width:
                too_wide.append(f"{picture.name} is {width} px wide, on a screen of {picture.width}")
    if too_wide:
        sys.exit("A page must not scroll sideways:\n  " + "\n  ".join(too_wide))


def _arguments(words: Sequence[str]) -> tuple[Path, Sequence[str]]:
    parser = argparse.ArgumentParser(description="Take pictures of the sample editions.")
    parser.add_argument("--out", type=Path, default=GALLERY, metavar="DIR", help="where they go")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="of pictures or editions; all if none is named"
    )
    given = parser.parse_args(words)
    return given.out, given.names


def _chosen(known: Sequence[Picture], names: Iterable[str]) -> Sequence[Picture]:
    """The pictures of these names, or whose names begin so; all if there are none."""
    if not names:
        return known
    for name in names:
        if not any(_is_meant(picture, name) for picture in known):
            sys.exit(f"There is no picture {name}. Editions: {', '.join(SAMPLES)}")
    return [picture for picture in known if any(_is_meant(picture, name) for name in names)]


def _is_meant(picture: Picture, name: str) -> bool:
    return picture.name == name or picture.name.startswith(f"{name}-")


# ---------------------------------------------------------------- what there is to see


def pictures() -> Iterator[Picture]:
    """Every edition in light and dark on a desk and on a phone; the richest also as hard cases make it."""
    yield Picture(name="front", edition=SAMPLES["rich"], width=640, height=ENOUGH)
    for name, edition in SAMPLES.items():
        for width, scheme in TWO_VIEWS if name in IN_TWO_VIEWS else ALL_VIEWS:
            title = f"{name}-{width}-{scheme}"
            height = ENOUGH if title.startswith(CUT) else HEAD if name in LOOKING_BACK else MOST
            yield Picture(name=title, edition=edition, width=width, height=height, scheme=scheme)
    yield from _hard_cases(SAMPLES["rich"])
    yield from _hard_charts(SAMPLES["weekly"])
    yield from _archive(SAMPLES["rich"])


def _hard_cases(rich: Edition) -> Iterator[Picture]:
    dark: dict[str, Any] = {
        "edition": rich,
        "height": ENOUGH,
        "change": without_scheme,
        "is_forced_dark": True,
    }
    yield Picture(name="rich-640-forced-dark", width=640, **dark)
    yield Picture(name="rich-375-forced-dark", width=375, **dark)
    mobile = "rich-375-gmail-mobile"
    yield Picture(name=mobile, edition=rich, width=375, height=ENOUGH, change=without_style)
    yield Picture(name="rich-640-word", edition=rich, width=640, change=as_in_word)
    yield Picture(name="rich-text", edition=rich, width=TERMINAL, kind="text")


def _hard_charts(weekly: Edition) -> Iterator[Picture]:
    chart: dict[str, Any] = {"edition": weekly, "height": HEAD}
    yield Picture(name="weekly-640-word", width=640, change=as_in_word, **chart)
    yield Picture(
        name="weekly-375-forced-dark", width=375, change=without_scheme, is_forced_dark=True, **chart
    )
    yield Picture(name="weekly-text", width=TERMINAL, kind="text", **chart)


def _archive(rich: Edition) -> Iterator[Picture]:
    for width, scheme in TWO_VIEWS:
        page: dict[str, Any] = {"edition": rich, "width": width, "scheme": scheme, "height": ENOUGH}
        yield Picture(name=f"archive-page-{width}-{scheme}", kind="archive page", **page)
        yield Picture(name=f"archive-list-{width}-{scheme}", kind="archive list", **page)


# ---------------------------------------------------------------- taking them


@contextmanager
def browser() -> Iterator["Browser"]:
    """Debian's Chromium, driven by Playwright; ends with a word on what to install if one is not there."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed. Install it: apt-get install chromium")
    try:
        import PIL.Image  # noqa: F401
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        sys.exit(f"{error.name} is needed. Install it: python -m pip install '.[browser]'")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


def take(chromium: "Browser", picture: Picture, target: Path) -> tuple[int, int]:
    """Write one picture of the whole page; its size in bytes, and how wide the page is."""
    context = chromium.new_context(
        viewport={"width": picture.width, "height": 200},
        color_scheme=picture.scheme,
        java_script_enabled=False,
        offline=True,
    )
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        if picture.is_forced_dark:
            session.send("Emulation.setAutoDarkModeOverride", {"enabled": True})
        page.set_content(_page(picture))
        content = session.send("Page.getLayoutMetrics")["cssContentSize"]
        shot = _capture(session, picture.width, min(content["height"], picture.height))
    finally:
        context.close()
    data = _small(shot)
    target.write_bytes(data)
    return len(data), content["width"]


def _capture(session: "CDPSession", width: int, height: int) -> bytes:
    options: dict[str, Any] = {
        "format": "png",
        "captureBeyondViewport": True,
        "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
    }
    return base64.b64decode(session.send("Page.captureScreenshot", options)["data"])


def _small(png: bytes) -> bytes:
    """The picture as WebP, without loss but for colours that nobody misses."""
    from PIL.Image import Dither, Quantize, open

    whole = open(io.BytesIO(png)).convert("RGB")
    plain = whole.quantize(COLOURS, method=Quantize.FASTOCTREE, dither=Dither.NONE).convert("RGB")
    plain.save(found := io.BytesIO(), "webp", lossless=True, method=4)
    return found.getvalue()


RENDERER = Renderer()
PRESS = open_press(SENDER)
ARCHIVED = ("rich", "last-list", "quiet", "maths", "one")
"""Editions of a list of them, a day apart."""


def _page(picture: Picture) -> str:
    match picture.kind:
        case "archive page":
            day = picture.edition.day
            around = Neighbours(earlier=day - timedelta(days=1), later=day + timedelta(days=1))
            return make_day(picture.edition, around, PRESS)[PAGE]
        case "archive list":
            return _list_of_editions()
        case "text":
            return _in_a_terminal(RENDERER.render(picture.edition, SENDER).text)
    html = RENDERER.render(picture.edition, SENDER).html
    return picture.change(html) if picture.change else html


def _list_of_editions() -> str:
    alone = Neighbours(earlier=None, later=None)
    days = [(timedelta(days=n), SAMPLES[name]) for n, name in enumerate(ARCHIVED)]
    editions = [replace(one, day=one.day - before, at=one.at - before) for before, one in days]
    entries = [read_entry(make_day(one, alone, PRESS)[ENTRY].encode(), one.day) for one in editions]
    return make_lists(entries, (), editions[0].profile, PRESS)[INDEX]


def _in_a_terminal(text: str) -> str:
    loader = FileSystemLoader(GALLERY)
    terminal = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return terminal.get_template("terminal.html.j2").render(text=text)


if __name__ == "__main__":
    main()
