"""The HTML part is HTML: the Nu Html Checker and html-validate find nothing but what accepted.toml explains."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.accepted import accepted_from, unsettled
from tests.conformance.mails import Mail, pages
from tests.conformance.requirements import from_npm, program

pytestmark = pytest.mark.acceptance

RULES = {"root": True, "extends": ["html-validate:recommended", "html-validate:document"]}


def nu(html: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """What the Nu Html Checker says of each page, errors and warnings."""
    jar = from_npm("vnu-jar/build/dist/vnu.jar")
    files = written(html, folder)
    command = [program("java", package="default-jre-headless"), "-jar", str(jar)]
    output = run(*command, "--format", "json", "--stdout", "--exit-zero-always", *map(str, files))
    messages = json.loads(output)["messages"]
    uris = {file.as_uri().replace("///", "/"): name for file, name in files.items()}
    return grouped(html, ((uris[m["url"].replace("///", "/")], m["message"]) for m in messages))


def html_validate(html: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """The rules of html-validate that each page breaks."""
    main = from_npm("html-validate/bin/html-validate.mjs")
    files = written(html, folder)
    rules = folder / "rules.json"
    rules.write_text(json.dumps(RULES), encoding="utf-8")
    node = program("node", package="nodejs")
    report = folder / "report.json"  # on a pipe it ends in the middle, when the program does
    run(node, str(main), "-f", f"json={report}", "-c", str(rules), *map(str, files))
    results = json.loads(report.read_text(encoding="utf-8"))
    said = (
        (files[Path(page["filePath"])], message["ruleId"]) for page in results for message in page["messages"]
    )
    return grouped(html, said)


def written(html: Mapping[str, str], folder: Path) -> dict[Path, str]:
    """The pages as files, with their names."""
    files = {folder / f"{number}.html": name for number, name in enumerate(html)}
    for file, name in files.items():
        file.write_text(html[name], encoding="utf-8")
    return files


def run(*command: str) -> str:
    """What the program prints; both checkers tell of faults by their exit code, too."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def grouped(names: Iterable[str], said: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {name: [] for name in names}
    for name, line in said:
        groups[name].append(line)
    return groups


def broken(html: str) -> dict[str, str]:
    """The page with one fault each."""
    return {
        "an end tag is missing": html.replace("</h2>", "", 1),
        "an end tag too many": html.replace("</h1>", "</h1></div>", 1),
        "tags that cross": html.replace("</h1>", "<b><i></b></i></h1>", 1),
        "an attribute twice": html.replace("<h1 ", '<h1 lang="en" lang="de" ', 1),
        "a paragraph in a heading": html.replace("</h1>", "<p>Tea</p></h1>", 1),
    }


def test_the_nu_html_checker_says_nothing_new_of_any_mail(mails: Mapping[str, Mail], tmp_path: Path) -> None:
    new = unsettled("vnu", nu(pages(mails), tmp_path), accepted_from("vnu"))

    assert not new, "\n".join(new)


def test_html_validate_says_nothing_new_of_any_mail(mails: Mapping[str, Mail], tmp_path: Path) -> None:
    new = unsettled("html-validate", html_validate(pages(mails), tmp_path), accepted_from("html-validate"))

    assert not new, "\n".join(new)


@pytest.mark.parametrize(("checker", "name"), [(nu, "vnu"), (html_validate, "html-validate")])
def test_a_broken_page_is_noticed(checker: Any, name: str, rich: Mail, tmp_path: Path) -> None:
    said = checker(broken(rich.html), tmp_path)

    unnoticed = [fault for fault, lines in said.items() if not set(lines) - set(accepted_from(name))]
    assert unnoticed == []
