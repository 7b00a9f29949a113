"""The page of a sweep: one file that shows what the table holds, says what failed or is missing, and calls nobody."""

from __future__ import annotations

import json
import re
import sqlite3

import numpy as np
import pytest

from ecosystem.cli import main
from ecosystem.report import boundary_figure, sweep_figures, sweep_page
from ecosystem.report.swept import Swept, logarithmic, named
from ecosystem.runs import sweep_cells
from ecosystem.runs.boundary import boundary, searched
from ecosystem.runs.statistics import t_interval
from ecosystem.runs.sweep import open_sweep, sweep
from ecosystem.runs.sweep_design import grid, listed, morris
from ecosystem.scenario import Scenario


@pytest.fixture
def measured(monkeypatch):
    """Cells are cheap: a metric that is known, 2 log10(rate) + read / 10 and the seed's luck; rate 7 fails."""

    def cheap(spec, seed, at):
        if spec.humans[0].rate == 7 and seed == 1:
            raise ArithmeticError("no such luck <b>")
        value = 2 * np.log10(spec.humans[0].rate) + spec.models[0].read / 10 + 0.1 * seed
        return [(4, (float(value), float(value) / 100, 1.0))]

    monkeypatch.setattr(sweep_cells, "measured", cheap)


GRID = {"humans.0.rate": [1, 10, 100], "models.0.read": [10, 20, 30, 40]}


@pytest.fixture
def swept(small_world, tmp_path, measured):
    return Swept(sweep(small_world(), grid(GRID), seeds=3, out=tmp_path))


def page(found) -> str:
    return sweep_page.write(found.folder).read_text(encoding="utf-8")


def test_what_is_drawn_is_what_the_table_holds(swept):
    """Means and intervals over seeds; where keys are left out, the mean over their points within a seed."""
    one = swept.where("within_diversity", {"humans.0.rate": 10, "models.0.read": 20})
    assert one == t_interval([4.0, 4.1, 4.2])
    over = swept.where("within_diversity", {"humans.0.rate": 10})
    assert (over.estimate, over.n) == (pytest.approx(2 + 2.5 + 0.1), 3)
    assert over.high - over.low == pytest.approx(one.high - one.low)
    assert [f.estimate for f in swept.each("within_diversity")][:4] == pytest.approx([1.1, 2.1, 3.1, 4.1])


def test_a_seed_that_lacks_a_point_is_not_averaged_over_the_others(small_world, tmp_path, measured):
    found = sweep(small_world(), grid({"humans.0.rate": [7, 10], "models.0.read": [10, 20]}), seeds=3, out=tmp_path)
    swept = Swept(found)
    over = swept.where("within_diversity", {"models.0.read": 10})
    assert over.n == 2
    assert over.estimate == pytest.approx(np.log10(7) + 1 + 1 + 0.1)


def test_lines_go_along_the_key_with_most_values_one_for_each_value_of_the_other(swept):
    ax = sweep_figures.lines(swept, "within_diversity").axes[0]
    assert ax.get_xlabel() == "0 read"
    drawn = [line for line in ax.lines if len(line.get_ydata()) == 4]
    assert [line.get_ydata()[0] for line in drawn] == pytest.approx([1.1, 3.1, 5.1])
    one = sweep_figures.lines(swept, "within_diversity")
    assert [t.get_text() for t in one.legends[0].get_texts()] == ["0 rate 1", "0 rate 10", "0 rate 100"]


def test_a_map_has_a_cell_for_each_pair_with_half_its_interval(swept):
    figure = sweep_figures.chart(swept, "within_diversity")
    image = figure.axes[0].images[0].get_array()
    assert image.shape == (3, 4)
    assert image[2, 0] == pytest.approx(5.1)
    assert figure.axes[0].texts[0].get_text() == "1.1\n±0.248"


def test_three_keys_have_a_panel_each(small_world, tmp_path, measured):
    values = {**GRID, "graph.self_loops": [True, False]}
    found = Swept(sweep(small_world(), grid(values), out=tmp_path))
    axes = [ax for ax in sweep_figures.lines(found, "within_diversity").axes if ax.get_visible()]
    assert [ax.get_xlabel() for ax in axes] == ["0 read", "0 rate", "graph self loops"]
    assert sweep_figures.chart(found, "within_diversity") is None


def test_the_page_is_one_file_that_asks_nothing_and_says_what_failed(small_world, tmp_path, measured):
    found = sweep(small_world(), grid({"humans.0.rate": [7, 10]}), seeds=3, out=tmp_path)
    text = page(found)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)
    assert "<b>&gt;" not in text
    assert "1 run failed: ArithmeticError: no such luck &lt;b&gt; (" in text
    assert "grid design" in text
    assert "2 points" in text
    assert "Diversity within models was lowest, 2.69" in text
    assert page(found) == text  # the same sweep, the same bytes


def test_what_is_missing_is_told(small_world, tmp_path, measured):
    found = sweep(small_world(), grid(GRID), seeds=3, out=tmp_path)
    with sqlite3.connect(found.folder / "sweep.db") as db:
        db.execute("DELETE FROM cells WHERE point > 9")
    text = page(open_sweep(found.folder))
    assert "6 of 36 runs have not been made yet" in text


def test_a_sweep_in_which_everything_failed_has_a_page_that_says_why(small_world, tmp_path, monkeypatch):
    def failing(*_):
        raise ArithmeticError("no luck at all")

    monkeypatch.setattr(sweep_cells, "measured", failing)
    text = page(sweep(small_world(), grid(GRID), out=tmp_path))
    assert "Nothing was measured." in text
    assert "12 runs failed: ArithmeticError: no luck at all" in text


def test_indices_stand_with_their_intervals(small_world, tmp_path, measured):
    design = morris({"humans.0.rate": (10, 1000, "log"), "models.0.read": (10, 12)}, 4)
    found = sweep(small_world(), design, out=tmp_path)
    shown = sweep_page.content(found)
    assert shown["indices"][0].title == "Diversity within models"
    assert shown["findings"][0].startswith("humans.0.rate changes most diversity within models: ")
    figure = sweep_figures.scatter(Swept(found), "within_diversity")
    assert len(figure.axes[0].collections[0].get_offsets()) == design.size


def test_points_of_a_list_stand_below_each_other(small_world, tmp_path, measured):
    rows = [{"humans.0.rate": 1, "graph.kind": "ring"}, {"humans.0.rate": 10, "graph.kind": "complete"}]
    swept = Swept(sweep(small_world(), listed(rows), seeds=2, out=tmp_path))
    ax = sweep_figures.dots(swept, "within_diversity").axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["rate 1, kind ring", "rate 10, kind complete"]
    assert ax.lines[0].get_xdata() == pytest.approx([0.95, 2.95])


def test_a_boundary_is_read_back_as_it_was_found(tmp_path):
    """The believed chance crosses one half where the search says that it does."""
    spec = Scenario.from_file("tipping_point").with_({"models.students.count": 10})
    found = boundary(spec, "world.exponent", (1.0, 2.2), "tail_coverage < 0.5", 0.2, out=tmp_path)
    search = searched(open_sweep(found.folder))
    assert search.found == pytest.approx((found.estimate, found.low, found.high))
    assert len(search.values) == found.runs
    assert search.chance(found.low - 0.3) < 0.2 < 0.5 < 0.8 < search.chance(found.high + 0.3)
    figure = boundary_figure.boundary(search)
    runs = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in runs) == found.runs
    text = page(open_sweep(found.folder))
    assert "tail_coverage &lt; 0.5 is as likely as not at world.exponent = " in text


def test_the_command_writes_the_page_of_a_sweep(swept, capsys):
    assert main(["report", str(swept.found.folder)]) == 0
    assert capsys.readouterr().out.strip() == str(swept.found.folder / "report.html")


def test_values_are_named_and_axes_scaled_by_what_they_are():
    assert [named(v) for v in (0.5, 1000, "ring", [0.1, 2], {"kind": "ring"}, True)] == [
        "0.5", "1,000", "ring", "0.1, 2", "kind ring", "True",
    ]  # fmt: skip
    assert logarithmic([1, 10, 100])
    assert not logarithmic([0, 1, 100])
    assert not logarithmic([10, 20])


def test_a_damaged_sweep_is_one_line(swept, capsys):
    (swept.found.folder / "sweep.json").write_text("{")
    assert main(["report", str(swept.found.folder)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    (swept.found.folder / "sweep.json").write_text(json.dumps({"kind": "grid"}))
    assert main(["report", str(swept.found.folder)]) == 2
