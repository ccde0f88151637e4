"""A watch on the templates, stepped through: what a browser is shown after each save."""

import os
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from digest.cli.main import cli
from digest.cli.watch import Redo, in_words, stamps_of, what_to_redo, with_reload
from digest.cli.world import World
from digest.errors import ExitCode
from digest.resources import shipped
from tests.conformance.requirements import absent, program
from tests.desk import ADA, CONFIG, NOW, PAGE, Desk

pytestmark = pytest.mark.slow  # each looks at many mails, or waits for a page

OTHER_PAGE = PAGE.replace("Learning to Wait", "Learning to Hurry")
TEMPLATE = "edition.txt.j2"


class OnDesktop(World):
    """Where a browser window would be shown."""

    @property
    def has_desktop(self) -> bool:
        return True


Step = Callable[[httpx.Client], object]


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """Ada's folder, with a folder of templates."""
    desk.write("config.toml", 'templates_dir = "mine"\n' + CONFIG.format(transport="maildir"))
    desk.write(f"mine/{TEMPLATE}", "As it was\n")
    return desk


def watch(desk: Desk, *steps: Step, arguments: tuple[str, ...] = (), now: datetime = NOW) -> Result:
    """Run a watch in which each step takes place between two looks at the files; then Ctrl-C."""
    opened: list[str] = []
    to_come = iter(steps)

    def sleep(_seconds: float) -> None:
        step = next(to_come, None)
        if step is None:
            raise KeyboardInterrupt
        with httpx.Client(base_url=opened[0], trust_env=False) as browser:
            step(browser)

    world = OnDesktop(
        now=lambda: now, environment={}, folder=desk.folder, sleep=sleep, open_page=opened.append
    )
    result = CliRunner().invoke(cli, ["preview", "--watch", *arguments], obj=world)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert next(to_come, None) is None
    return result


def shows(path: str, words: str, status: int = 200) -> Step:
    def look(browser: httpx.Client) -> None:
        answer = browser.get(path)
        assert words in answer.text
        assert answer.status_code == status

    return look


def saves(desk: Desk, name: str, text: str) -> Step:
    return lambda _browser: desk.write(name, text)


# ---------------------------------------------------------------- saving


def test_a_saved_template_is_shown_at_the_next_look(watched: Desk) -> None:
    result = watch(
        watched,
        shows("/text", "As it was"),
        shows("/", "Learning to Wait"),
        saves(watched, f"mine/{TEMPLATE}", "As it is now: {{ letter.subject }}\n"),
        shows("/text", "As it is now: Learning to Wait"),
    )

    assert result.exit_code == 0
    rendered = [line for line in result.stdout.splitlines() if "rendered" in line]
    assert len(rendered) == 2
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d rendered in \d+ ms, [\d,]+ bytes", line) for line in rendered)


def test_the_version_changes_with_what_is_shown_and_with_nothing_else(watched: Desk) -> None:
    versions: list[str] = []

    def note_version(browser: httpx.Client) -> None:
        versions.append(browser.get("/version").text)
        assert f'"{versions[-1]}"' in browser.get("/").text

    save = saves(watched, "mine/edition.css", ".title { color: #123456 }")
    watch(watched, note_version, note_version, save, note_version)
    watch(watched, note_version)

    first, second, third, of_another_watch = versions
    assert first == second
    assert len({first, third, of_another_watch}) == 3


@pytest.mark.parametrize(
    ("broken", "where", "said"),
    [
        ("\n\n{% if %}", 3, "Expected an expression"),
        ("{{ letter.nothing }}", 1, "nothing"),
        ("\n{{ 1 // 0 }}", 2, "ZeroDivisionError"),
        ('{% include "gone.j2" %}', 1, "gone.j2"),
    ],
)
def test_a_broken_template_is_told_with_file_and_line_and_the_next_save_mends_it(
    watched: Desk, broken: str, where: int, said: str
) -> None:
    place = f"{watched.folder / 'mine' / TEMPLATE}:{where}"

    result = watch(
        watched,
        saves(watched, f"mine/{TEMPLATE}", broken),
        shows("/", place, 500),
        shows("/text", said, 500),
        shows("/version", "."),
        saves(watched, f"mine/{TEMPLATE}", "Mended at last\n"),
        shows("/text", "Mended at last"),
    )

    (told,) = [line for line in result.stdout.splitlines() if place in line]
    assert said in told


def test_a_watch_may_begin_with_a_broken_template(watched: Desk) -> None:
    watched.write(f"mine/{TEMPLATE}", "{% broken %}")

    watch(
        watched,
        shows("/", "this template is broken", 500),
        saves(watched, f"mine/{TEMPLATE}", "Mended"),
        shows("/text", "Mended"),
    )


def test_a_removed_template_gives_place_to_the_shipped_one(watched: Desk) -> None:
    watch(
        watched,
        lambda _browser: (watched.folder / "mine" / TEMPLATE).unlink(),
        shows("/text", "YOUR PICKS"),
    )


def test_the_edition_is_made_anew_for_the_profile_and_not_for_a_template(watched: Desk) -> None:
    watch(
        watched,
        saves(watched, "pages/today.txt", OTHER_PAGE),
        saves(watched, "mine/edition.css", "p { color: red }"),
        shows("/", "Learning to Wait"),
        saves(watched, "profiles/ada.toml", ADA + "\n"),
        shows("/", "Learning to Hurry"),
    )


@pytest.mark.parametrize("name", ["profiles/ada.toml", "config.toml"])
def test_a_broken_profile_or_configuration_is_told_and_the_next_save_mends_it(
    watched: Desk, name: str
) -> None:
    whole = (watched.folder / name).read_text(encoding="utf-8")

    watch(
        watched,
        saves(watched, name, "= broken"),
        shows("/", name.partition("/")[2] or name, 500),
        saves(watched, f"mine/{TEMPLATE}", "Not shown while the rest is broken"),
        shows("/text", name.partition("/")[2] or name, 500),
        saves(watched, name, whole),
        shows("/text", "Not shown while the rest is broken"),
    )


def test_another_folder_of_templates_is_watched_from_then_on(watched: Desk) -> None:
    config = CONFIG.format(transport="maildir")
    watched.write(f"others/{TEMPLATE}", "Of the other folder\n")

    result = watch(
        watched,
        saves(watched, "config.toml", 'templates_dir = "others"\n' + config),
        shows("/text", "Of the other folder"),
        saves(watched, f"others/{TEMPLATE}", "And saved there\n"),
        shows("/text", "And saved there"),
    )

    assert result.stdout.count(" rendered in ") == 3


def test_a_page_can_be_watched_without_a_configuration(empty: Desk) -> None:
    profile, page = empty.write("ada.toml", ADA), empty.write("today.txt", PAGE)

    watch(
        empty,
        shows("/text", "Learning to Wait"),
        saves(empty, "ada.toml", ADA + '[avoid]\n"waiting" = 10\n"self-supervised learning" = 10\n'),
        shows("/text", "A quiet day"),
        arguments=(str(profile), "--page", str(page)),
    )


def test_another_day_can_be_watched(watched: Desk) -> None:
    watched.write(f"mine/{TEMPLATE}", "{{ letter.day }}\n")

    watch(watched, shows("/text", "10 March 2026"), arguments=("--day", "2026-03-10"))


# ---------------------------------------------------------------- serving


def test_only_the_script_that_reloads_may_run(watched: Desk) -> None:
    def look(browser: httpx.Client) -> None:
        answers = [browser.get(path) for path in ("/", "/", "/text")]
        nonces = [re.findall(r'<script nonce="([^"]+)"', answer.text) for answer in answers]
        assert all(len(found) == 1 for found in nonces)
        assert len({found[0] for found in nonces}) == 3
        for answer, (nonce,) in zip(answers, nonces, strict=True):
            assert f"script-src 'nonce-{nonce}';" in answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "img-src data:;" in answer.headers["Content-Security-Policy"]
            assert "*" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"

    watch(watched, look)


def test_the_text_part_is_shown_as_text(watched: Desk) -> None:
    watched.write(f"mine/{TEMPLATE}", "<script>alert(1)</script> & so on\n")

    watch(watched, shows("/text", "&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on"))


def test_a_request_by_another_name_is_refused(watched: Desk) -> None:
    def ask(browser: httpx.Client) -> None:
        for host in (
            "evil.example",
            "evil.example:80",
            "127.0.0.1.evil.example",
            "",
            "[::1",
            "[",
            "evil@127.0.0.1",
        ):
            for path in ("/", "/text", "/version", "/nothing", "//["):
                answered = browser.get(path, headers={"Host": host})
                assert answered.status_code == 403
                assert answered.text == "This is served to this machine's own browser only.\n"

    watch(watched, ask)


def test_localhost_is_a_name_of_this_machine_by_whatever_port(watched: Desk) -> None:
    def ask(browser: httpx.Client) -> None:
        assert browser.get("/", headers={"Host": "localhost:9"}).status_code == 200

    watch(watched, ask)


def test_nothing_but_looking_is_possible(watched: Desk) -> None:
    def ask(browser: httpx.Client) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
            assert browser.request(method, "/").status_code == 501

    watch(watched, ask)


def test_other_pages_are_not_there(watched: Desk) -> None:
    watch(watched, shows("/favicon.ico", "only / and /text", 404), shows("/../config.toml", "only", 404))


def test_it_listens_on_this_machine_only_and_ends_with_ctrl_c(watched: Desk) -> None:
    addresses: list[str] = []

    result = watch(watched, lambda browser: addresses.append(str(browser.base_url)))

    assert result.exit_code == 0
    assert addresses[0].startswith("http://127.0.0.1:")
    assert addresses[0] in result.stdout
    with pytest.raises(httpx.ConnectError):
        httpx.get(addresses[0], trust_env=False)


def test_a_port_that_is_taken_is_told(watched: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = watched.run("preview", "--watch", "--port", str(port))

    assert result.exit_code == ExitCode.FAILED
    assert f"127.0.0.1:{port}: cannot listen there" in result.stderr
    assert "--port" in result.stderr


def test_the_port_asked_for_is_taken(watched: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def ask(browser: httpx.Client) -> None:
        assert browser.base_url.port == port

    watch(watched, ask, arguments=("--port", str(port)))


@pytest.mark.parametrize("arguments", [["--watch", "--json"], ["--watch", "--text"], ["--port", "8000"]])
def test_what_cannot_be_meant_is_wrong_usage(watched: Desk, arguments: list[str]) -> None:
    assert watched.run("preview", *arguments).exit_code == ExitCode.USAGE


def test_no_edition_to_begin_with_is_told_as_ever(watched: Desk) -> None:
    result = watched.run("preview", "nobody", "--watch")

    assert result.exit_code == ExitCode.USAGE
    assert "no reader 'nobody'" in result.stderr


def test_watching_changes_nothing(watched: Desk) -> None:
    watched.run("fetch")

    def files() -> dict[Path, bytes]:
        found = (path for path in watched.folder.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in found if not path.name.endswith(("-shm", "-wal"))}

    before = files()
    watch(watched, shows("/", "Learning to Wait"), shows("/text", "As it was"))

    assert files() == before
    assert not watched.mails()


@pytest.mark.acceptance
def test_a_browser_loads_the_page_anew_by_itself_and_runs_no_script_of_a_mail(watched: Desk) -> None:
    chromium = program("chromium", "chromium-browser", "google-chrome", package="chromium")
    if not find_spec("playwright"):
        absent("playwright", "pip install playwright, the extra `browser`")
    from playwright.sync_api import sync_playwright

    def scripted(words: str) -> Step:
        script = f"<script>document.title = 'It ran'</script><p onclick='x()'>{words}</p></body>"
        source = (shipped("templates") / "edition.html.j2").read_text(encoding="utf-8")
        return saves(watched, "mine/edition.html.j2", source.replace("</body>", script))

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        watch(
            watched,
            lambda client: page.goto(str(client.base_url)),
            scripted("Saved once"),
            lambda _client: page.get_by_text("Saved once").wait_for(timeout=10_000),
            saves(watched, f"mine/{TEMPLATE}", "{{ broken }}"),
            lambda _client: page.get_by_text("this template is broken").wait_for(timeout=10_000),
            saves(watched, f"mine/{TEMPLATE}", "Mended"),
            lambda _client: page.get_by_text("Saved once").wait_for(timeout=10_000),
        )
        assert page.title().startswith("Learning to Wait")
        page.get_by_text("The watch has ended").wait_for(timeout=10_000)
        assert page.title().startswith("(ended) Learning to Wait")
        browser.close()


# ---------------------------------------------------------------- deciding

AT, LATER = (1, 10, 100), (2, 10, 100)
TASTE, STYLE = Path("ada.toml"), Path("edition.css")


@pytest.mark.parametrize(
    ("before", "after", "redo"),
    [
        ({TASTE: AT, STYLE: AT}, {TASTE: AT, STYLE: AT}, Redo.NOTHING),
        ({TASTE: AT, STYLE: AT}, {TASTE: AT, STYLE: LATER}, Redo.PAGE),
        ({TASTE: AT}, {TASTE: AT, STYLE: AT}, Redo.PAGE),
        ({TASTE: AT, STYLE: AT}, {TASTE: AT}, Redo.PAGE),
        ({TASTE: AT, STYLE: AT}, {TASTE: LATER, STYLE: LATER}, Redo.EDITION),
        ({TASTE: AT}, {}, Redo.EDITION),
        ({}, {TASTE: AT}, Redo.EDITION),
    ],
)
def test_what_changed_decides_what_is_made_anew(
    before: dict[Path, tuple[int, int, int]], after: dict[Path, tuple[int, int, int]], redo: Redo
) -> None:
    assert what_to_redo(before, after, [TASTE]) is redo


def test_a_file_that_is_replaced_by_another_of_its_size_and_time_has_changed(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_text("same", encoding="utf-8")
        os.utime(path, ns=(1, 1))
    before = stamps_of([one], [])
    other.replace(one)

    assert stamps_of([one], []) != before


def test_files_in_folders_are_seen_and_what_is_not_there_is_not(tmp_path: Path) -> None:
    inner = tmp_path / "card" / "title.html.j2"
    inner.parent.mkdir()
    inner.write_text("", encoding="utf-8")

    assert set(stamps_of([tmp_path / "gone.toml"], [tmp_path, tmp_path / "nowhere"])) == {inner}
    assert shipped("templates") / "watch.html.j2" in stamps_of([], [shipped("templates")])


def test_a_folder_that_cannot_be_looked_into_is_passed_over(tmp_path: Path) -> None:
    """As one that vanishes meanwhile; this one's path is longer than the system takes."""
    (tmp_path / "card.html.j2").write_text("", encoding="utf-8")
    inner = os.open(tmp_path, os.O_RDONLY)
    for _ in range(17):
        os.mkdir("x" * 250, dir_fd=inner)
        outer, inner = inner, os.open("x" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)

    assert set(stamps_of([], [tmp_path])) == {tmp_path / "card.html.j2"}


def test_the_script_stands_at_the_end_of_the_body_or_of_a_page_without_one() -> None:
    whole = with_reload("<body><p>İİİ</body></p></BODY></html>", "a.1", "once")
    bare = with_reload("<p>bare", "a.1", "once")

    assert re.search(
        r"</body></p><div .*<script nonce=\"once\">.*</script>\s*</BODY></html>$", whole, re.DOTALL
    )
    assert bare.startswith("<p>bare<div ")


def test_what_is_not_ours_is_told_with_its_place() -> None:
    with pytest.raises(RecursionError) as caught:
        raise RecursionError("too deep")

    assert re.search(r"test_watch.py:\d+: RecursionError: too deep$", in_words(caught.value))


def test_the_clock_on_a_line_is_the_machine_s(watched: Desk) -> None:
    moment = datetime(2026, 3, 11, 12, 3, 4, tzinfo=UTC)

    result = watch(watched, now=moment)

    assert f"{moment.astimezone():%H:%M:%S} rendered" in result.stdout
