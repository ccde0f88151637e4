"""The optional tiers as their operator sees them: off by default, useful when on, never in the way."""

import hashlib
import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from digest.config import EndpointEmbeddingTable, FolderEmbeddingTable, Settings, SummariesTable
from digest.errors import ExitCode
from tests.desk import ADA, CONFIG, PAGE, Desk
from tests.model_server import CHAT, EMBEDDINGS, ModelServer, chatted, embedded, letters
from tests.web import answer

pytestmark = pytest.mark.slow  # a model's server answers each

TABLES = (FolderEmbeddingTable, EndpointEmbeddingTable, SummariesTable)
KEY = "sk-0123456789abcdef"
SAID = "The study lets agents practise patience with self-supervised learning. Its effects are found to last."


@pytest.fixture
def server() -> Iterator[ModelServer]:
    running = ModelServer()
    running.answers[CHAT] = [answer(chatted(SAID))]
    yield running
    running.close()


LISTED = {
    "2603.00001": (
        "Learning to Wait: Self-Supervised Patience",
        "We study agents that wait. Self-supervised learning of patience turns out to be cheap.",
    ),
    "2603.00002": (
        "Cooking Rice with Robots",
        "A robot cooks rice. It burns none of it, after nine attempts.",
    ),
    "2603.00003": (
        "A Survey of Waiting Rooms",
        "We survey 214 waiting rooms. Chairs matter less than plants.",
    ),
}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Ada's folder, its page one that names each paper's id."""
    (desk.folder / "pages" / "today.txt").unlink()
    papers = [{"id": one, "title": title, "summary": said} for one, (title, said) in LISTED.items()]
    rows = [{"paper": one | {"publishedAt": "2026-03-09T00:00:00.000Z"}} for one in papers]
    desk.write("pages/today.json", json.dumps(rows))
    return desk


def switched_on(desk: Desk, server: ModelServer, *tables: str) -> Desk:
    texts = {
        "embedding": f'\n[embedding]\nkind = "endpoint"\nbase_url = "{server.base_url}"\nmodel = "letters"\n',
        "summaries": f'\n[summaries]\nbase_url = "{server.base_url}"\nmodel = "tiny-7b"\n',
    }
    tiers = "".join(texts[table] for table in tables)
    desk.write("config.toml", CONFIG.format(transport="maildir") + tiers)
    return desk


def text_of(mail: bytes) -> str:
    parsed = message_from_bytes(mail, policy=policy.default)
    body = parsed.get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def rows(desk: Desk, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(desk.folder / "digest.sqlite3") as raw:
        found = raw.execute(query).fetchall()
    raw.close()
    return found


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---------------------------------------------------------------- off


def test_without_their_tables_nothing_is_asked_nor_said(desk: Desk, server: ModelServer) -> None:
    result = desk.run("send")

    assert result.exit_code == 0
    assert server.posted == []
    assert rows(desk, "SELECT * FROM tier") == []
    assert "tier" not in desk.run("status").stdout
    assert b"achine-written" not in desk.mails()[0]


# ---------------------------------------------------------------- embeddings


def test_fetch_embeds_what_is_new_and_says_so(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding")

    first, second = desk.run("fetch"), desk.run("fetch")

    assert "embedding: 3 papers embedded" in first.stdout
    assert "embedding" not in second.stdout
    assert len(server.posts(EMBEDDINGS)) == 1
    assert len(rows(desk, "SELECT * FROM vector")) == 3


def test_send_embeds_too_before_it_scores(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding")

    assert "embedding: 3 papers embedded" in desk.run("send").stdout
    assert len(desk.mails()) == 1


def test_a_look_asks_no_model(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")
    desk.run("fetch")
    asked, before = len(server.posted), sha(desk.folder / "digest.sqlite3")

    assert desk.run("preview", "--text").exit_code == 0
    assert desk.run("explain", "Learning to Wait: Self-Supervised Patience").exit_code == 0

    assert len(server.posted) == asked
    assert sha(desk.folder / "digest.sqlite3") == before


def test_an_embedding_service_that_is_down_costs_a_line_not_the_edition(
    desk: Desk, server: ModelServer
) -> None:
    switched_on(desk, server, "embedding")
    server.answers[EMBEDDINGS] = [answer(status=500)]

    result = desk.run("send")

    assert result.exit_code == 0
    assert "warning: embedding: " in result.stderr
    assert "500" in desk.run("status").stdout
    (mail,) = desk.mails()
    assert "The embedding model was out of order on 11 Mar" in text_of(mail)
    assert "500" not in text_of(mail)


def test_a_paper_that_the_model_refuses_is_no_model_out_of_order(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding")

    def no_rice(asked: Any) -> bytes:
        return embedded(*([0.0] * 26 if "Rice" in text else letters(text) for text in asked["input"]))

    server.answers[EMBEDDINGS] = [server.by(no_rice)]
    desk.run("fetch")

    desk.run("send")

    assert rows(desk, "SELECT papers, ended FROM tier") == [(0, 0)]
    (mail,) = desk.mails()
    assert "out of order" not in text_of(mail)
    assert "1 paper was left out until the next run; " in desk.run("status").stdout


def test_a_model_that_was_switched_off_is_not_out_of_order(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding")
    server.answers[EMBEDDINGS] = [answer(status=500)]
    desk.run("fetch")
    on = desk.run("preview", "--text").stdout

    switched_on(desk, server)
    desk.run("send")

    assert "out of order" in on
    (mail,) = desk.mails()
    assert "out of order" not in text_of(mail)


def test_a_lone_refusal_is_told_as_a_sentence(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "summaries")
    server.answers[CHAT] = [answer(status=422)]

    sent, checked = desk.run("send"), desk.run("check")

    said = (
        f"1 paper was left out until the next run; the server answered 422 Unprocessable Entity ({server.url}"
    )
    assert f"warning: summaries: {said}" in sent.stderr
    assert said in desk.run("status", "--json").stdout
    assert "[summaries]: the model failed the invented paper it was asked about: the server answered 422" in (
        checked.stderr
    )
    assert checked.exit_code == ExitCode.INPUT


def test_a_folder_without_a_model_costs_a_line_not_the_edition(desk: Desk) -> None:
    config = CONFIG.format(transport="maildir") + '\n[embedding]\nkind = "folder"\npath = "no-model"\n'
    desk.write("config.toml", config)

    result = desk.run("send")

    assert result.exit_code == 0
    assert "modules.json" in result.stderr
    assert len(desk.mails()) == 1


def test_the_key_comes_from_the_environment_and_is_shown_nowhere(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")
    desk.environment = {"DIGEST_EMBEDDING_KEY": KEY, "DIGEST_SUMMARIES_KEY": f"{KEY}-two"}
    server.answers[CHAT] = [answer(status=401)]

    result = desk.run("send")
    status = desk.run("status", "--json")

    sent = {path: headers.get("Authorization") for path, headers, _ in server.posted}
    assert sent == {EMBEDDINGS: f"Bearer {KEY}", CHAT: f"Bearer {KEY}-two"}
    assert "DIGEST_SUMMARIES_KEY" in result.stderr
    assert KEY not in result.output + result.stderr + status.output
    assert KEY.encode() not in (desk.folder / "digest.sqlite3").read_bytes()


def test_a_key_that_would_go_in_the_clear_stops_the_tier_and_nothing_else(desk: Desk) -> None:
    tier = '\n[embedding]\nkind = "endpoint"\nbase_url = "http://192.0.2.1/v1"\nmodel = "m"\n'
    desk.write("config.toml", CONFIG.format(transport="maildir") + tier)
    desk.environment = {"DIGEST_EMBEDDING_KEY": KEY}

    result = desk.run("send")

    assert result.exit_code == 0
    assert "DIGEST_EMBEDDING_KEY: would go unencrypted" in result.stderr
    assert len(desk.mails()) == 1


# ---------------------------------------------------------------- summaries


def test_a_summary_is_in_the_mail_with_its_model(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "summaries")

    result = desk.run("send")

    assert result.exit_code == 0
    assert "summaries: 1 paper summarised" in result.stdout
    (mail,) = desk.mails()
    assert SAID in text_of(mail)
    assert "machine-written summary by tiny-7b" in text_of(mail)


def test_a_paper_whose_page_is_not_known_keeps_the_authors_words(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "summaries")
    (desk.folder / "pages" / "today.json").unlink()
    desk.write("pages/today.txt", PAGE)

    desk.run("send")

    assert server.posted == []
    assert "turns out to be cheap" in text_of(desk.mails()[0])


def test_readers_share_a_summary(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "summaries")
    desk.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))

    desk.run("send")

    assert len(desk.mails()) == 2
    assert all(SAID in text_of(mail) for mail in desk.mails())
    assert len(server.posts(CHAT)) == 1


def test_preview_shows_what_is_stored_and_is_then_the_mails_bytes(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "summaries")
    desk.run("fetch")
    before = desk.run("preview", "--text").stdout
    desk.run("send")

    desk.run("preview", "--eml", str(desk.folder / "seen.eml"))
    shown = json.loads(desk.run("preview", "--json").stdout)

    assert "machine-written" not in before
    (mail,) = desk.mails()
    assert (desk.folder / "seen.eml").read_bytes().replace(b"\r\n", b"\n") == mail.replace(b"\r\n", b"\n")
    assert shown["sections"][0]["picks"][0]["summary"] == {"text": SAID, "model": "tiny-7b"}


@pytest.mark.parametrize(
    "body", [b"", chatted(""), chatted("I'm sorry, I cannot do that with agents, as it is against my rules.")]
)
def test_what_the_model_fails_is_shown_by_its_abstract(desk: Desk, server: ModelServer, body: bytes) -> None:
    switched_on(desk, server, "summaries")
    server.answers[CHAT] = [answer(body)]

    result = desk.run("send")

    assert result.exit_code == 0
    assert "warning: summaries: " in result.stderr
    assert "Self-supervised learning of patience turns out to be cheap" in text_of(desk.mails()[0])
    assert b"achine-written" not in desk.mails()[0]


def test_a_service_that_is_not_there_costs_a_line_not_the_edition(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "summaries")
    server.close()

    result = desk.run("send")

    assert result.exit_code == 0
    assert "cannot be reached" in result.stderr
    assert len(desk.mails()) == 1


def test_a_second_run_asks_for_nothing(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")
    desk.run("send")
    asked = len(server.posted)

    desk.run("send")

    assert len(server.posted) == asked
    assert len(desk.mails()) == 1


def test_status_says_how_the_tiers_fared(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")
    desk.run("send")

    table, tiers = desk.run("status").stdout, json.loads(desk.run("status", "--json").stdout)["tiers"]

    assert "embedding\t2026-03-11 09:00 UTC\t3\tok" in table
    assert [(one["tier"], one["papers"], one["problem"]) for one in tiers] == [
        ("embedding", 3, None),
        ("summaries", 1, None),
    ]


# ---------------------------------------------------------------- check, configuration


def test_check_asks_both_models_about_an_invented_paper(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")
    server.answers[CHAT] = [
        answer(chatted("A waiting room learns when to offer tea. Patients complain less."))
    ]

    result = desk.run("check")

    assert result.exit_code == 0
    assert f"ok: embedding: letters at {server.base_url} gives 26 numbers a paper" in result.stdout
    assert "ok: summaries: tiny-7b answers" in result.stdout


def test_check_without_connecting_asks_nobody(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")

    assert desk.run("check", "--no-login").exit_code == 0
    assert server.posted == []


def test_check_says_what_is_wrong_with_a_tier(desk: Desk, server: ModelServer) -> None:
    switched_on(desk, server, "embedding", "summaries")
    server.answers[EMBEDDINGS] = [answer(status=404)]

    result = desk.run("check")

    assert result.exit_code == ExitCode.INPUT
    assert "base_url" in result.stderr


def test_check_looks_for_the_folder_even_without_connecting(desk: Desk) -> None:
    config = CONFIG.format(transport="maildir") + '\n[embedding]\nkind = "folder"\npath = "no-model"\n'
    desk.write("config.toml", config)

    result = desk.run("check", "--no-login")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert str(desk.folder / "no-model") in result.stderr


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('[embedding]\nkind = "folder"\n', "embedding.path: this key is needed"),
        ('[embedding]\nkind = "foldr"\npath = "x"\n', "Did you mean 'folder'?"),
        ('[embedding]\nkind = "folder"\npath = "x"\nmodle = "y"\n', "embedding.modle: unknown key"),
        ('[embedding]\nkind = "endpoint"\nbase_url = "ftp://x/v1"\nmodel = "y"\n', "embedding.base_url"),
        ('[summaries]\nbase_url = "http://ada:pw@x/v1"\nmodel = "y"\n', "from the environment only"),
        ('[summaries]\nbase_url = "http://x/v1?key=1"\nmodel = "y"\n', "summaries.base_url"),
        ('[summaries]\nbase_url = "http://x/v1"\nmodel = ""\n', "summaries.model"),
        ('[summaries]\nbase_url = "http://x/v1"\nmodel = "y"\nkey = "s"\n', "summaries.key: unknown key"),
        ('[summaries]\nbase_url = "http://x/v1"\nmodel = "y"\nmax_papers = 0\n', "summaries.max_papers"),
    ],
)
def test_a_wrong_table_is_told_by_file_and_key(desk: Desk, table: str, told: str) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir") + "\n" + table)

    result = desk.run("check")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert told in result.stderr
    assert ":pw@" not in result.stderr


def test_the_examples_tables_are_sound_and_hold_the_defaults(desk: Desk) -> None:
    text = (Path(__file__).parents[2] / "config.example.toml").read_text(encoding="utf-8")
    tables = re.findall(r"^# \[(?:embedding|summaries)\].*(?:\n# .*)*", text, re.MULTILINE)
    plain = [re.sub(r"^# ", "", table, flags=re.MULTILINE) for table in tables]
    needed = {"kind", "path", "base_url", "model", "dimensions"}

    assert [re.findall(r"(?m)^\[(\w+)\]", one) for one in plain] == [
        ["embedding"],
        ["embedding"],
        ["summaries"],
    ]
    for one in plain:
        table = tomllib.loads(one)
        (name,) = table
        short = {name: {key: value for key, value in table[name].items() if key in needed}}
        mail = {"mail": {"from_address": "d@example.org"}}
        assert Settings.model_validate(mail | table) == Settings.model_validate(mail | short)
        assert any(set(kind.model_fields) == set(table[name]) for kind in TABLES)
