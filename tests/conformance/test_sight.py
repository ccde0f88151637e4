"""Everyone can read the mail: axe-core finds nothing, in light and dark, on wide and narrow screens."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Literal

import pytest

from tests.conformance.mails import Mail, lines_of
from tests.conformance.requirements import absent, from_npm, program

pytestmark = pytest.mark.acceptance

Scheme = Literal["light", "dark"]
SETTINGS: list[tuple[Scheme, int]] = [("light", 640), ("light", 375), ("dark", 640), ("dark", 375)]


class Screen:
    """One page of one browser that is offline."""

    def __init__(self, page: Any, axe: str) -> None:
        self._page = page
        self._axe = axe
        self.asked: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))

    def show(self, html: str, scheme: Scheme = "light", width: int = 640) -> None:
        """Lay the page out for that colour scheme and width."""
        self.asked.clear()
        self._page.set_viewport_size({"width": width, "height": 900})
        self._page.emulate_media(color_scheme=scheme)
        self._page.set_content(html)

    def faults(self, html: str, scheme: Scheme, width: int) -> list[str]:
        """What axe finds against the page, and what it cannot decide."""
        self.show(html, scheme, width)
        self._page.evaluate(self._axe)
        found = self._page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
        return [
            f"{kind} {rule['id']}: {node['target']} {node['failureSummary']}"
            for kind in ("violations", "incomplete")
            for rule in found[kind]
            for node in rule["nodes"]
        ]

    def width(self) -> int:
        """How wide the content is: more than the screen means scrolling sideways."""
        return int(self._page.evaluate("document.documentElement.scrollWidth"))


# Not longer: as long as Playwright runs, nothing else in this process can run an event loop.
@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    """A browser that shows one mail after the other."""
    axe = from_npm("axe-core/axe.min.js").read_text(encoding="utf-8")
    chromium = program("chromium", "chromium-browser", "google-chrome", package="chromium")
    if not find_spec("playwright"):
        absent("playwright", "pip install playwright, the extra `browser`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield Screen(browser.new_context(offline=True).new_page(), axe)
        browser.close()


@pytest.mark.parametrize(("scheme", "width"), SETTINGS)
def test_axe_finds_nothing_in_any_mail(
    scheme: Scheme, width: int, screen: Screen, mails: Mapping[str, Mail]
) -> None:
    faults = lines_of({name: screen.faults(mail.html, scheme, width) for name, mail in mails.items()})

    assert not faults, "\n".join(faults)


def test_no_mail_is_wider_than_a_telephone(screen: Screen, mails: Mapping[str, Mail]) -> None:
    widths = {}
    for name, mail in mails.items():
        screen.show(mail.html, width=375)
        widths[name] = screen.width()

    assert {name: width for name, width in widths.items() if width > 375} == {}


def test_no_mail_asks_the_network_for_anything(screen: Screen, mails: Mapping[str, Mail]) -> None:
    asked = {}
    for name, mail in mails.items():
        screen.show(mail.html)
        asked[name] = list(screen.asked)

    assert lines_of(asked) == []


# ---------------------------------------------------------------- each of these can fail


def with_paragraph(html: str, paragraph: str) -> str:
    """The page with something more beneath its head line."""
    return html.replace("</h1>", f"</h1>{paragraph}", 1)


@pytest.mark.parametrize(
    ("paragraph", "scheme", "other"),
    [
        ('<p style="color:#9b9fa4">Tea</p>', "light", "dark"),
        ('<p style="color:#3d4145">Tea</p>', "dark", "light"),
    ],
)
def test_text_that_is_too_pale_is_noticed_in_the_scheme_that_has_it(
    paragraph: str, scheme: Scheme, other: Scheme, screen: Screen, rich: Mail
) -> None:
    pale = with_paragraph(rich.html, paragraph)

    assert any("color-contrast" in fault for fault in screen.faults(pale, scheme, 640))
    assert not any("color-contrast" in fault for fault in screen.faults(pale, other, 640))


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("html-has-lang", "<html lang=", "<html data-lang="),
        (
            "image-alt",
            "</h1>",
            '</h1><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="9" height="9">',
        ),
        ("link-name", "</h1>", '</h1><a href="https://example.org/"></a>'),
        ("heading-order", "</h1>", "</h1><h5>Tea</h5>"),
    ],
)
def test_what_a_screen_reader_needs_is_missed(
    rule: str, before: str, after: str, screen: Screen, rich: Mail
) -> None:
    faults = screen.faults(rich.html.replace(before, after, 1), "light", 640)

    assert any(rule in fault for fault in faults)


def test_a_table_wider_than_the_screen_is_noticed(screen: Screen, rich: Mail) -> None:
    screen.show(with_paragraph(rich.html, '<div style="width:700px">Tea</div>'), width=375)

    assert screen.width() > 375


def test_a_picture_from_elsewhere_is_noticed(screen: Screen, rich: Mail) -> None:
    screen.show(with_paragraph(rich.html, '<img alt="" src="https://example.org/seen.gif">'))

    assert screen.asked == ["https://example.org/seen.gif"]
