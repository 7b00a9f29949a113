"""The page of a study: self-contained, harmless, honest about what is missing, and right in what it draws."""

from __future__ import annotations

import json
import math
import re
import shutil
import sqlite3
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from ecosystem import theory
from ecosystem.files.scenario_file import read
from ecosystem.metrics import titles
from ecosystem.report import bands, compared, figures, layout, network_figure, style, tables, write
from ecosystem.report.words import number, span
from ecosystem.runs import comparison
from ecosystem.runs.opened import Study, open_run
from ecosystem.runs.runner import replicate
from ecosystem.runs.statistics import t_interval

EVIL = "<script>alert(1)"
SCENARIO = {
    "name": "paged",
    "question": "Who forgets? <img src=x onerror=alert(1)>",
    "steps": 5,
    "metrics": ["within_diversity", "tail_coverage", "tail_coverage@few", "human_divergence", "human_share_read"],
    "record": {"documents": "all", "pairs": True},
    "world": {"kind": "zipf", "items": 30},
    "measure": {"rare_below": 0.05},
    "humans": [{"name": "people", "rate": 6, "reach": 0.5}, {"name": "few", "rate": 2, "writes": {"first": 20}}],
    "models": [
        {"name": "small", "count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}},
        {"name": "large", "count": 3, "publish": 8, "read": 40, "learner": {"kind": "categorical"}},
    ],
    "graph": {"kind": "ring", "self_loops": True},
    "arms": {EVIL: {"humans.people.rate": 0}},
    "claims": [
        {"says": "It is forgotten.", "metric": "tail_coverage", "arms": [EVIL, "base"], "effect": "< 0", "seeds": 3},
        {"says": "It takes many.", "metric": "tail_coverage", "arms": [EVIL, "base"], "effect": "< 0", "seeds": 9},
    ],
}
PLAIN = {
    "name": "plain",
    "steps": 4,
    "metrics": ["within_diversity", "support"],
    "world": {"kind": "zipf", "items": 20},
    "humans": [{"name": "people", "rate": 6}],
    "models": [{"name": "some", "count": 4, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
    "graph": {"kind": "ring", "self_loops": True},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Study:
    """Two arms with three seeds."""
    return replicate(read(SCENARIO), 3, arms=("base", EVIL), out=tmp_path_factory.mktemp("report"))


@pytest.fixture
def study(made, tmp_path) -> Study:
    """A copy that a test may spoil."""
    return Study(Path(shutil.copytree(made.folder, tmp_path / "study")))


@pytest.fixture
def plain(tmp_path):
    """Makes a study of a small scenario with parts of one's own."""

    def study(seeds=1, **parts) -> Study:
        return replicate(read(PLAIN | parts), seeds, out=tmp_path / "plain")

    return study


class Page(HTMLParser):
    """Tags with their attributes, and text, as a browser's parser sees them."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page_of(study: Study) -> Page:
    return Page(write(study.folder).read_text(encoding="utf-8"))


def on_run(run, *statements: str) -> None:
    with sqlite3.connect(run.folder / "run.db") as db:
        for statement in statements:
            db.execute(statement)


def told(run, **changes) -> None:
    path = run.folder / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def dashed(figure) -> list:
    return [line for line in figure.axes[0].lines if line.get_color() == style.INK]


def test_a_report_lies_beside_the_arms_with_its_sections_in_order(study):
    assert write(study.folder) == study.folder / "report.html"
    page = page_of(study)
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == [
        "findings", "claims", "values", "compared", "curves", "spread", "groups", "network", "documents", "origin",
    ]  # fmt: skip
    assert "Who forgets?" in page.text
    assert "arm base" in page.text


def test_arms_are_compared_with_the_first_one_as_the_command_compares_them(study):
    table = comparison.table(study, EVIL, "base").set_index("metric")
    told = compared.differences(study)
    assert (told["base"], [arm["arm"] for arm in told["arms"]]) == ("base", [EVIL])
    rows = {row["column"]: row for row in told["arms"][0]["rows"]}
    assert list(rows) == list(table.index[table["seeds"] > 1])
    row, expected = rows["human_share_read"], table.loc["human_share_read"]
    assert row["p"] == number(expected["p_holm"])
    assert [cell["mean"] for cell in row["cells"]] == [
        number(expected["difference"]), number(expected["effect"]), number(expected["effect_av"]), "0%",
        number(expected["saving"]),
    ]  # fmt: skip
    assert row["cells"][0]["span"] == span(expected["low"], expected["high"])
    assert "paired t test" in page_of(study).text


def test_one_seed_compares_nothing(study):
    one = Study(study.folder, tuple((arm, 0) for arm in study.arms))
    assert compared.differences(one)["arms"] == []


def test_a_legend_counts_the_seeds_of_each_arm(study):
    fewer = Study(study.folder, tuple((run.arm, run.seed) for run in study.runs if run.arm == "base" or run.seed))
    legend = figures.curves(fewer, "human_share_read").legends[0]
    assert "mean of 2 to 3 seeds" in [text.get_text() for text in legend.get_texts()]
    assert "2 arms, 2 to 3 seeds, 5 steps" in tables.setting(fewer)[0]


def test_a_report_of_one_run_lies_in_its_folder(study):
    run = study.runs[0]
    assert write(run.folder) == run.folder / "report.html"
    assert "1 arm, 1 seed" in Page((run.folder / "report.html").read_text(encoding="utf-8")).text


def test_a_page_asks_nothing_of_any_network(study):
    page = page_of(study)
    sources = [
        value
        for _, attrs in page.tags
        for name, value in attrs.items()
        if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster", "background")
    ]
    assert sources
    beside = [value for value in sources if not value.startswith(("#", "data:image/png"))]
    assert beside == ["replay.html"]  # a link to the file beside it
    assert (study.folder / "replay.html").is_file()
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    markup = (study.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!['\"]?#)", markup)
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_nothing_in_a_document_or_a_name_can_run(study):
    for run in study.runs:
        text = "</p></blockquote><script>alert(2)</script><svg onload=alert(3)> $x_1$ \x00 \x1b end"
        on_run(run, "DROP TABLE documents", "CREATE TABLE documents (document, step, author, author_kind, depth, text)")
        rows = [(i, i // 4, i % 4, "human" if i % 4 == 3 else "model", 1.0, text) for i in range(24)]
        with sqlite3.connect(run.folder / "run.db") as db:
            db.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)", rows)
    page = page_of(study)
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "<script>alert(2)</script><svg onload=alert(3)> $x_1$" in page.text  # shown, as it was written
    assert EVIL in page.text
    assert "<img src=x onerror=alert(1)>" in page.text
    assert "\x1b" not in page.text


def test_texts_stand_beside_each_other_by_generation(study):
    for run in study.runs:
        on_run(
            run,
            "ALTER TABLE documents RENAME COLUMN content TO text",
            "UPDATE documents SET text = 'words of step ' || step",
        )
    page = page_of(study)
    places = [
        page.text.index(heading) for heading in ("Human writing", "Models, step 1", "Models, step 3", "Models, step 5")
    ]
    assert places == sorted(places)
    assert "words of step 5" in page.text
    assert "words of step 2" not in page.text


def test_a_page_says_how_to_record_documents_where_there_are_none(plain):
    assert "--set record.documents=0.1" in page_of(plain()).text


def test_the_same_study_gives_the_same_bytes(study):
    first = write(study.folder).read_bytes()
    assert write(study.folder).read_bytes() == first


def test_a_claim_is_judged_only_on_the_seeds_it_asks_for(study):
    text = " ".join(page_of(study).text.split())
    assert re.search(r"(held|failed|undecided) It is forgotten\.", text)
    assert "not tested It takes many." in text
    assert "3 seeds of 9; run: ecosystem check paged" in text


def test_a_killed_run_is_shown_as_far_as_it_went(plain):
    study = plain()
    run = study.runs[0]
    on_run(run, *(f"DELETE FROM {table} WHERE step > 2" for table in ("steps", "agents")))
    told(run, status="running", end=None, wall_seconds=None, peak_memory_bytes=None)
    page = page_of(Study(study.folder))
    assert "is not complete (running): step 2 of 4" in page.text
    assert "over steps. base:" in " ".join(a.get("aria-label") or "" for _, a in page.tags)


def test_runs_that_failed_before_the_first_step_say_why(plain):
    study = plain()
    run = study.runs[0]
    (run.folder / "run.db").unlink()
    (run.folder / "graph.graphml").unlink()
    told(run, status="failed", reason="no room on the <disk>")
    page = page_of(Study(study.folder))
    assert "failed: no room on the <disk>" in page.text
    assert "figure" not in {tag for tag, _ in page.tags}


def test_a_run_without_its_network_still_has_a_page(plain):
    study = plain()
    (study.runs[0].folder / "graph.graphml").unlink()
    assert "graph.graphml is missing" in page_of(study).text


def test_one_seed_has_lines_and_no_interval(plain):
    study = plain()
    figure = figures.curves(study, "within_diversity")
    assert not figure.axes[0].collections
    assert "one seed" in [text.get_text() for text in figure.legends[0].get_texts()]
    values = page_of(study).text.split("Final values")[-1].split("Over time")[0]
    assert not re.search(r"\d to \d", values)


def test_missing_and_infinite_values_leave_gaps_and_are_named(plain):
    study = plain(2)
    for run in study.runs:
        on_run(
            run,
            "UPDATE steps SET support = 9e999 WHERE step >= 2",
            "UPDATE steps SET within_diversity = NULL WHERE step = 1",
        )
        on_run(run, "UPDATE agents SET support = 9e999 WHERE step >= 2", "UPDATE agents SET within_diversity = NULL")
    page = page_of(study)
    assert "Infinite, and not drawn, in 6 of 10 measurements." in page.text
    assert "∞" in page.text
    for run in study.runs:
        on_run(run, "UPDATE steps SET support = 9e999", "UPDATE steps SET within_diversity = NULL")
    page = page_of(Study(study.folder))
    assert "Not drawn: Support, infinite at every step" in page.text


def test_a_study_of_pretraining_alone_shows_its_values_as_dots(plain):
    page = page_of(plain(2, steps=0))
    assert "Means at step 0" in page.text
    assert "figure" in {tag for tag, _ in page.tags}


def test_the_band_of_a_curve_is_students_interval_cut_to_possible_values(made):
    for band in bands.bands(made.steps, "tail_coverage", list(made.arms)):
        for place, step in enumerate(band.step_T):
            rows = made.steps[(made.steps["arm"] == band.arm) & (made.steps["step"] == step)]
            known = t_interval(rows["tail_coverage"])
            assert band.mean_T[place] == pytest.approx(known.estimate)
            assert band.low_T[place] == pytest.approx(max(known.low, 0.0))
            assert band.high_T[place] == pytest.approx(min(known.high, 1.0))


def test_an_infinite_seed_has_no_mean_and_a_missing_one_is_left_out():
    mean, low, high = bands.interval(np.array([[1.0, 1.0, np.nan], [3.0, np.inf, np.nan], [np.nan, 2.0, np.nan]]))
    known = t_interval([1.0, 3.0])
    assert [mean[0], low[0], high[0]] == pytest.approx([known.estimate, known.low, known.high])
    assert np.isnan([mean[1], low[1], high[1], mean[2], low[2], high[2]]).all()


def test_the_exact_curve_is_drawn_over_the_simulated_one_where_a_law_applies(plain):
    from ecosystem.report.exact import exact

    study = plain(2)
    found = exact(study)
    (line,) = dashed(figures.curves(study, "within_diversity", found.steps))
    assert np.allclose(line.get_ydata(), theory.law(study.spec, 0).steps["within_diversity"])
    assert not dashed(figures.curves(study, "support", found.steps))
    assert found.why_not("support") == "No closed form is known for it."
    assert "Exact law" in page_of(study).text


def test_no_exact_curve_is_drawn_where_no_law_applies_and_the_page_says_why(plain):
    from ecosystem.report.exact import exact

    sharp = {
        "name": "some",
        "count": 4,
        "publish": 8,
        "read": 12,
        "learner": {"kind": "categorical", "temperature": 0.5},
    }
    study = plain(models=[sharp])
    assert not dashed(figures.curves(study, "within_diversity", exact(study).steps))
    assert re.search(r"No exact curve: .*temperature 0\.5", page_of(study).text)


def test_a_law_is_averaged_over_the_graphs_of_its_seeds(plain):
    from ecosystem.report.exact import exact

    study = plain(3, graph={"kind": "random", "density": 0.4, "self_loops": True})
    laws = [theory.law(study.spec, seed).steps["within_diversity"].to_numpy() for seed in range(3)]
    assert np.allclose(exact(study).steps["within_diversity"], np.mean(laws, axis=0))
    assert not np.allclose(laws[0], laws[1])


def test_figures_are_saved_in_every_format(made, tmp_path):
    figure = made.plot("within_diversity")
    for suffix in ("png", "svg", "pdf"):
        figure.savefig(tmp_path / f"curve.{suffix}")
        assert (tmp_path / f"curve.{suffix}").stat().st_size > 1000


def test_drawing_leaves_the_readers_own_settings_alone(made):
    with matplotlib.rc_context({"font.size": 23}):
        made.plot("within_diversity")
        assert matplotlib.rcParams["font.size"] == 23
    assert matplotlib.rcParams["text.parse_math"] is True


def test_more_arms_than_can_be_labelled_still_have_their_names(made):
    steps = made.steps[made.steps["arm"] == "base"]
    copies = {
        f"arm {i}": steps.assign(arm=f"arm {i}", within_diversity=steps["within_diversity"] + i) for i in range(12)
    }
    many = type("Many", (), {"arms": tuple(copies), "steps": pd.concat(copies.values())})
    figure = figures.curves(many, "within_diversity")
    assert {t.get_text() for legend in figure.legends for t in legend.get_texts()} >= set(copies)


def test_labels_at_line_ends_do_not_cover_one_another():
    placed = style.spaced([0.5, 0.5, 0.52, 0.1, 1.0], 0.08, 0.0, 1.0)
    assert np.diff(np.sort(placed)).min() >= 0.08 - 1e-9
    assert placed.min() >= 0
    assert placed.max() <= 1
    crowded = style.spaced([1.0] * 30, 0.08, 0.0, 1.0)
    assert crowded.min() >= -1e-9
    assert crowded.max() <= 1 + 1e-9


def test_text_in_a_lines_colour_stands_out_from_white():
    for index in range(len(style.OKABE_ITO)):
        luminance = style._luminance(np.array(style.text_colour(index)))
        assert 1.05 / (luminance + 0.05) >= 4.5


def test_lines_differ_in_more_than_colour():
    looks = [style.line_style(i) for i in range(28)]
    assert len({(str(s["color"]), str(s["linestyle"])) for s in looks}) == 28
    assert len({s["marker"] for s in looks[:7]}) == 7


@pytest.mark.parametrize("n", [1, 2, 3, 7, 80, 160])
@pytest.mark.parametrize("kind", ["nobody", "ring", "hub", "two", "everyone"])
def test_a_network_is_laid_out_within_the_disc_and_always_the_same(n, kind):
    me = np.arange(n)
    reader, author = {
        "nobody": (me[:0], me[:0]),
        "ring": (me, (me + 1) % n),
        "hub": (me[1:], me[1:] * 0),
        "two": (me[1 : n // 2], me[1 : n // 2] - 1),
        "everyone": tuple(np.indices((n, n)).reshape(2, -1)),
    }[kind]
    place = layout.positions(n, reader, author)
    assert place.shape == (n, 2)
    assert np.isfinite(place).all()
    assert np.hypot(*place.T).max() <= 1 + 1e-9
    assert np.array_equal(place, layout.positions(n, reader, author))
    assert len(np.unique(place.round(6), axis=0)) == n


def test_discs_that_cover_one_another_are_moved_apart():
    place = np.array([[0.0, 0.0], [0.05, 0.0], [0.5, 0.5]])
    moved = layout.apart(place, np.array([0.1, 0.1, 0.1]))
    assert np.hypot(*(moved[0] - moved[1])) >= 0.2 - 2e-3
    assert np.array_equal(moved[2], place[2])


def test_arrows_point_the_way_text_travels_from_author_to_reader(plain):
    edge = {"kind": "hub", "self_loops": False}
    figure = network_figure.network(plain(models=[PLAIN["models"][0] | {"count": 2}], graph=edge), steps=(0,))
    heads = next(c for c in figure.axes[0].collections if type(c).__name__ == "PolyCollection")
    tip, back = heads.get_paths()[0].vertices[0], heads.get_paths()[0].vertices[1]
    reader, author = layout.positions(2, np.array([1]), np.array([0]))[[1, 0]]  # model 1 reads model 0
    assert np.hypot(*(tip - reader)) < np.hypot(*(back - reader)) < np.hypot(*(reader - author))


def test_rings_mark_models_that_are_read_by_humans_who_publish_in_that_step(plain):
    people = {"name": "people", "rate": [[0, 5], [2, 0]], "reach": [1, 3]}
    run = plain(humans=[people]).runs[0]
    assert network_figure.fed(run, 1).tolist() == [False, True, False, True]
    assert not network_figure.fed(run, 2).any()


def test_a_network_is_coloured_by_the_metric_of_the_definition_of_collapse(plain):
    study = plain(collapse={"metric": "support", "below": 0.5}, metrics=["within_diversity", "support", "collapsed"])
    assert network_figure.state_metric(study) == "support"


def test_a_metric_of_ones_own_is_spelled_out():
    assert titles.title("my_package.measures:word_length").title == "word length"


def test_vectors_are_drawn_as_points_and_numbers_as_densities(plain):
    from ecosystem.report import written

    models = [{"name": "some", "count": 3, "publish": 8, "read": 12, "learner": {"kind": "gaussian"}}]
    for dimensions, panels in ((1, 1), (2, 4)):
        study = plain(
            world={"kind": "gaussian", "dimensions": dimensions}, models=models, metrics=["within_diversity"],
            record={"documents": "all"},
        )  # fmt: skip
        assert len(written.vectors(study).axes) == panels


def test_a_rank_abundance_curve_starts_with_the_share_of_the_most_frequent_item(made):
    from ecosystem.report import written

    axes = written.items(made).axes[0]
    last = next(line for line in axes.lines if line.get_label() == "step 5")
    tops = []
    for run in made.runs:
        if run.arm == "base":
            rows = run.frame("documents", 5)
            tops.append(rows.loc[rows["author_kind"] == "model", "content"].value_counts(normalize=True).iloc[0])
    assert last.get_ydata()[0] == pytest.approx(np.mean(tops))
    assert math.isclose(last.get_ydata().sum(), 1.0)


def test_an_arms_folder_reports_that_arm_alone(study):
    path = write(study.folder / "base")
    assert path == study.folder / "base" / "report.html"
    assert "1 arm, 3 seeds" in Page(path.read_text(encoding="utf-8")).text
    assert open_run(study.folder / "base").arms == ("base",)


def test_a_large_table_of_models_is_thinned_and_the_page_says_so(study, monkeypatch):
    from ecosystem.report import sections

    monkeypatch.setattr(sections, "MOST_ROWS", 10)
    light = sections.lighter(study)
    assert set(light.agents["seed"]) == {0}
    assert set(light.agents["arm"]) == set(study.arms)
    assert "Models of the first seed, at a dozen steps" in page_of(study).text
