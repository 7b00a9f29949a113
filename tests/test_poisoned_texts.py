"""Texts that mean no good: what a corpus, a scenario and a graph's labels hold is shown everywhere and runs nowhere."""

from __future__ import annotations

import json
import sqlite3

import pytest

from ecosystem.cli import main
from ecosystem.runs.opened import open_run
from tests.browser import Watched, chromium, opened

POISON = [
    "<script>window.pwned=1</script>", "</script><script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1></svg>", "<a href='javascript:window.pwned=1'>here</a>", "\u2028window.pwned=1\u2029",
    "\x1b[2J\x1b]0;window.pwned\x07 red", "\u202egnp.exe and \u2066so on",
    "{{constructor.constructor('window.pwned=1')()}}",
    "${window.pwned=1} `${window.pwned=1}`", "<!-- --> ]]> <![CDATA[", "<style>*{display:none}</style>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>", "<base href=http://evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=http://evil.invalid'>", "<link rel=stylesheet href=http://evil.invalid/x.css>",
    "\" onmouseover=\"window.pwned=1", "' autofocus onfocus='window.pwned=1", "a\0b \ufeff \x85 \x9b31m",
    "=HYPERLINK(\"http://evil.invalid\")",
]  # fmt: skip
LABELS = [text.replace("\0", "") for text in POISON[:6]]
ASK = POISON[0] + POISON[1] + POISON[2] + POISON[6] + POISON[7] + POISON[8]


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """A scenario file whose every text is poison."""
    folder = tmp_path_factory.mktemp("poisoned")
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": f"{text} {i}"}) + "\n" for i in range(8) for text in POISON)
    cells = [label.replace('"', '""') for label in LABELS]
    links = [f'"{one}","{other}"\n' for one, other in zip(cells, cells[1:] + cells[:1], strict=True)]
    (folder / "web.csv").write_text("reader,author\n" + "".join(links), encoding="utf-8")
    (folder / "poisoned.yaml").write_text(
        json.dumps(
            {
                "name": "poisoned <img src=x onerror=window.pwned=1>", "question": ASK, "steps": 3,
                "metrics": ["support", "human_share_read", "distinct_2"],
                "world": {"kind": "text", "path": "corpus.jsonl", "tokenizer": {"kind": "character"}, "length": 80},
                "humans": [{"name": "<svg onload=window.pwned=1>", "rate": 12}],
                "models": [{"name": "<b onclick=window.pwned=1>{{7}}", "count": len(LABELS), "publish": 3, "read": 12,
                            "learner": {"kind": "ngram", "order": 6}}],
                "graph": {"kind": "file", "path": "web.csv"}, "record": {"documents": "all"},
                "arms": {"<script>window.pwned=1<script>": {"humans.0.rate": 3}},
                "claims": [{"says": ASK, "metric": "support", "arms": ["base", "<script>window.pwned=1<script>"],
                            "effect": "> 0", "seeds": 2}],
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    return folder / "poisoned.yaml"


@pytest.fixture(scope="module")
def ran(poisoned):
    out = poisoned.parent / "outputs"
    assert main(["run", str(poisoned), "--quiet", "--out", str(out)]) == 0
    (study,) = out.glob("*/*")
    return study


@pytest.mark.parametrize("command", ["run", "show", "check", "theory"])
def test_a_terminal_is_sent_nothing_that_it_would_obey(poisoned, ran, capsys, command):
    more = ["--out", str(poisoned.parent / "outputs")] if command in ("run", "check") else []
    main([command, str(poisoned), *more])
    said = capsys.readouterr()
    assert "pwned" in said.out + said.err
    wrong = {c for c in said.out + said.err if not c.isprintable() and c != "\n"}
    assert not wrong


def test_texts_are_kept_as_they_are(ran):
    kept = open_run(ran).documents
    human = set(kept.loc[kept["author_kind"] == "human", "text"])
    assert any(text.startswith(POISON[0]) for text in human)
    with sqlite3.connect(next(ran.glob("base/seed-000/run.db"))) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(open_run(ran / "base" / "seed-000").graph) >= len(LABELS)


@pytest.fixture(scope="module")
def chrome():
    with opened() as found:
        yield found


@pytest.mark.parametrize("page", ["report.html", "replay.html"])
def test_a_page_of_a_run_runs_nothing_of_it(ran, chrome, page):
    watched = Watched(chrome)
    watched.page.on("dialog", lambda dialog: watched.wrong.append(dialog.message))
    watched.page.goto((ran / page).as_uri())
    watched.page.wait_for_timeout(500)
    assert watched.page.evaluate("window.pwned") is None
    assert "window.pwned=1" in watched.page.inner_text("body")
    watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    for item in watched.page.locator("text=window.pwned").all()[:20]:
        item.dispatch_event("mouseover")
        item.dispatch_event("click")
    assert watched.page.evaluate("window.pwned") is None
    made = "iframe, base, img[onerror], svg[onload], link[href*=evil], meta[content*=evil]"
    assert watched.page.locator(made).count() == 0
    assert watched.wrong == []
    watched.context.close()


@pytest.mark.timeout(400)
def test_the_live_page_runs_nothing_of_it(poisoned, chrome):
    from ecosystem.view import assets, launch

    wrong = assets.problem()
    if wrong:
        pytest.skip(wrong)
    chromium()
    with (poisoned.parent / "log").open("w+") as log, launch.serving(str(poisoned), log=log) as address:
        watched = Watched(chrome).open(address)
        watched.page.get_by_role("button", name="Step", exact=True).click()
        watched.reaches(1)
        assert watched.page.evaluate("window.pwned") is None
        assert watched.wrong == []
        watched.context.close()


@pytest.mark.parametrize("text", [POISON[2], POISON[3]])
def test_the_poison_works_where_nobody_guards_against_it(chrome, text):
    """The negative control: in a page that takes it for its own it runs."""
    watched = Watched(chrome)
    watched.page.set_content(f"<p>{text}</p>")
    watched.until(lambda: watched.page.evaluate("window.pwned") == 1, seconds=10)
    watched.context.close()
