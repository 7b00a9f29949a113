"""The command line: what each command prints, leaves behind, and answers as exit status."""

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys

import pytest

from ecosystem.cli import main
from ecosystem.files import json_schema, scenario_file
from ecosystem.runs.opened import open_run

SMALL = """\
name: small
question: Does it run?
steps: 3
metrics: [within_diversity, human_share_read]
record: {pairs: true}
world: {kind: zipf, items: 20}
humans: [{rate: 6}]
models: [{name: models, count: 4, publish: 7, read: 9, learner: {kind: categorical}}]
graph: {kind: ring, self_loops: true}
arms:
  none: {humans.people.rate: 0}
claims:
  - {says: Humans are read., metric: human_share_read, at: 3, effect: "> 0.1", seeds: 3}
"""

OWN = """
from agents.learners.categorical import Categorical

class Breaks(Categorical):
    def train(self, params, content, weight, rng):
        if int(rng.step) == 2:
            raise {error}
        return super().train(params, content, weight, rng)
"""


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with small.yaml in it: (exit status, lines on stdout, lines on stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()

    return run


def study_of(tmp_path):
    """The one digest folder under outputs/."""
    (study,) = (tmp_path / "outputs" / "small").iterdir()
    return study


def test_help_comes_without_heavy_imports():
    heavy = "{'torch', 'mesa', 'matplotlib', 'numba', 'numpy', 'pandas', 'scipy', 'networkx', 'pydantic'}"
    code = f"import sys; from ecosystem.cli import main; main(['--help']); sys.exit(len({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    for command in ("list", "show", "schema", "run", "compare", "check", "theory", "report"):
        assert f"\n  {command} " in done.stdout


def test_python_m_ecosystem_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "ecosystem", "shwo"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ecosystem: No such command 'shwo'. Did you mean 'show'?\n"


def test_no_command_shows_the_commands(told):
    status, out, _ = told()
    assert status == 0
    assert out[0].startswith("Usage: ecosystem")


def test_list_gives_every_scenario_with_its_question(told):
    status, out, err = told("list")
    assert (status, err) == (0, [])
    assert len(out) == len(scenario_file.names())
    for name, line in zip(scenario_file.names(), out, strict=True):
        assert line.startswith(f"{name} ")
        assert line.endswith("?")


def test_what_show_prints_is_the_same_scenario(told, tmp_path):
    status, out, _ = told("show", "small.yaml", "--set", "humans.0.rate=1e1")
    assert status == 0
    (tmp_path / "shown.yaml").write_text("\n".join(out))
    spec = scenario_file.read("small.yaml", ["humans.0.rate=10"])
    assert scenario_file.read("shown.yaml") == spec
    assert told("show", "small.yaml", "--arm", "none")[1] == scenario_file.to_yaml(spec.arm("none")).splitlines()


def test_schema_is_json(told):
    status, out, _ = told("schema")
    assert status == 0
    assert json.loads("\n".join(out)) == json_schema.schema()


def test_run_makes_every_arm_and_ends_with_folder_report_and_findings(told, tmp_path):
    status, out, err = told("run", "small.yaml")
    study = study_of(tmp_path)
    assert (status, err) == (0, [])
    assert out[-1] == str(study)
    assert str(study / "report.html") in out[-2]
    assert (study / "report.html").is_file()
    assert any("iversity" in line for line in out[:-2])
    assert sorted(p.parent.name for p in study.glob("*/seed-000")) == ["base", "none"]
    told_of = open_run(study / "none" / "seed-000").provenance
    assert (told_of["status"], told_of["seed"], told_of["arm"]) == ("complete", 0, "none")


def test_run_takes_arms_seeds_steps_and_an_output_folder(told, tmp_path):
    words = ("--arm", "none", "--seeds", "2:4", "--steps", 1, "--out", "here", "--quiet")
    status, out, _ = told("run", "small.yaml", *words)
    (study,) = (tmp_path / "here" / "small").iterdir()
    assert (status, out) == (0, [str(study)])
    assert sorted(p.name for p in study.glob("*/seed-*")) == ["seed-002", "seed-003"]
    assert open_run(study).steps["step"].max() == 1
    assert not (tmp_path / "outputs").exists()


def test_a_seed_alone_is_one_run_of_each_arm(told, tmp_path):
    assert told("run", "small.yaml", "--seed", 7, "--arm", "base", "--quiet")[0] == 0
    assert [p.name for p in study_of(tmp_path).glob("*/seed-*")] == ["seed-007"]


def test_jobs_do_not_change_the_numbers(told, tmp_path):
    assert told("run", "small.yaml", "--seeds", 2, "--jobs", 2, "--out", "two", "--quiet")[0] == 0
    assert told("run", "small.yaml", "--seeds", 2, "--out", "one", "--quiet")[0] == 0
    one, two = (open_run(next((tmp_path / out / "small").iterdir())) for out in ("one", "two"))
    assert one.agents.equals(two.agents)


def test_the_scenario_in_a_run_folder_runs_to_the_same_numbers(told, tmp_path):
    told("run", "small.yaml", "--quiet")
    first = study_of(tmp_path) / "none" / "seed-000"
    assert told("run", first / "scenario.yaml", "--out", "again", "--quiet")[0] == 0
    (again,) = (tmp_path / "again" / "small").glob("*/base/seed-000")
    assert open_run(again).agents.equals(open_run(first).agents)


def test_compare_is_a_table_of_differences(told):
    status, out, _ = told("compare", "small.yaml", "--arms", "none,base", "--seeds", 3)
    rows = list(csv.DictReader(io.StringIO("\n".join(out))))
    assert status == 0
    assert [row["metric"] for row in rows] == ["within_diversity", "human_share_read"]
    assert float(rows[1]["high"]) < 0
    assert all(row["seeds"] == "3" for row in rows)


@pytest.mark.parametrize(
    "effect, outcome, status", [("> 0.1", "held", 0), ("< 0.1", "failed", 1), ("= 0.2 +- 1e-6", "undecided", 1)]
)
def test_check_answers_whether_the_claims_held(told, effect, outcome, status):
    found, out, _ = told("check", "small.yaml", "--set", f'claims.0.effect="{effect}"')
    assert found == status
    assert out[1].split() == [outcome, "Humans", "are", "read."]
    assert effect in out[2]


def test_check_of_a_scenario_without_claims_says_so(told):
    assert told("check", "small.yaml", "--set", "claims=[]")[:2] == (0, ["small: makes no claims"])


def test_check_wants_one_scenario_or_all(told):
    assert told("check") == (2, [], ["check: give one scenario or --all; got neither"])
    assert told("check", "small.yaml", "--all") == (2, [], ["check: give one scenario or --all; got both"])


def test_steps_that_end_before_a_claim_stop_a_check_but_no_run(told):
    assert told("run", "small.yaml", "--steps", 1, "--quiet")[0] == 0
    status, _, err = told("check", "small.yaml", "--steps", 1)
    assert status == 2
    assert err == ["small.yaml:13:60: claims.0.at: must be a step of the run, at most 1; got 3"]


def test_theory_prints_the_tables_of_a_run(told, tmp_path):
    told("run", "small.yaml", "--quiet")
    run = open_run(study_of(tmp_path) / "base" / "seed-000")
    for words, table in (((), run.steps), (("--agents",), run.agents), (("--pairs",), run.pairs)):
        status, out, _ = told("theory", "small.yaml", *words)
        rows = list(csv.reader(io.StringIO("\n".join(out))))
        assert status == 0
        assert rows[0] == list(table.columns)
        assert len(rows) == len(table) + 1


def test_theory_says_why_no_law_applies(told):
    status, out, err = told("theory", "small.yaml", "--set", "models.0.learner.temperature=0.5")
    assert (status, err) == (0, [])
    assert out[0].startswith("No law applies: ")
    assert "temperature" in out[0]


def test_report_writes_the_page_again(told, tmp_path):
    told("run", "small.yaml", "--quiet")
    page = study_of(tmp_path) / "report.html"
    page.unlink()
    assert told("report", study_of(tmp_path)) == (0, [str(page)], [])
    assert page.is_file()
    status, _, err = told("report", "nowhere")
    assert (status, len(err)) == (2, 1)


def own_learner(tmp_path, error):
    """small.yaml with a learner that raises in step 2."""
    name = f"breaks_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(OWN.format(error=error))
    return "--set", f"models.0.learner.kind={name}:Breaks"


def test_a_run_that_fails_leaves_a_folder_that_says_why_and_status_1(told, tmp_path):
    status, _, err = told("run", "small.yaml", *own_learner(tmp_path, "RuntimeError('out of ideas')"))
    assert status == 1
    assert len(err) == 2  # an arm each
    assert all("seed 0 failed: RuntimeError: out of ideas" in line for line in err)
    run = open_run(study_of(tmp_path) / "base" / "seed-000")
    assert run.status == "failed"
    assert list(run.steps["step"]) == [0, 1]


def test_an_interrupt_keeps_what_was_measured(told, tmp_path):
    status, _, err = told("run", "small.yaml", *own_learner(tmp_path, "KeyboardInterrupt"))
    study = study_of(tmp_path)
    assert (status, err) == (130, [f"Interrupted; go on with: ecosystem resume {study}."])
    run = open_run(study / "base" / "seed-000")
    assert run.status == "interrupted"
    assert list(run.steps["step"]) == [0, 1]


@pytest.mark.parametrize(
    "words, says",
    [
        (["run"], "ecosystem: Missing argument 'NAME|FILE'."),
        (["run", "small.yaml", "--sed", "3"], "ecosystem: No such option: --sed *"),
        (["run", "small.yaml", "--steps", "x"], "ecosystem: Invalid value for '--steps': *"),
        (["run", "small.yaml", "--jobs", "0"], "ecosystem: Invalid value for '--jobs': *"),
        (["run", "small.yaml", "--seed", "1", "--seeds", "2"], "--seed: goes without --seeds; *"),
        (["run", "small.yaml", "--device", "tpu"], "--device: must be cpu or cuda; got 'tpu'"),
        (["run", "small.yaml", "--threads", "0"], "ecosystem: Invalid value for '--threads': *"),
        (["run", "small.yaml", "--arm", "nnoe"], "Unknown arm 'nnoe' of small. Did you mean 'none'? *"),
        (["run", "smal"], "Unknown scenario 'smal'.*"),
        (["run", "small.yaml", "--set", "humans.0.rate=x"], "--set humans.0.rate=x: must be a whole number *; got 'x'"),
        (["compare", "small.yaml", "--arms", "base"], "--arms: must be two different arms, A,B; got 'base'"),
        (["theory", "small.yaml", "--agents", "--pairs"], "--agents: goes without --pairs; got both"),
        (["sweeps", "small.yaml"], "ecosystem: No such command 'sweeps'.*"),
    ],
)
def test_wrong_words_are_one_line_and_status_2_and_nothing_is_written(told, tmp_path, words, says):
    status, out, err = told(*words)
    assert (status, out, len(err)) == (2, [], 1)
    start, _, end = says.partition("*")
    assert err[0].startswith(start)
    assert err[0].endswith(end)
    assert not (tmp_path / "outputs").exists()


def test_check_all_judges_every_scenario_or_names_the_mistakes_of_all(told, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    for name in ("a", "b"):
        (tmp_path / "mine" / f"{name}.yaml").write_text(SMALL.replace("name: small", f"name: {name}"))
    monkeypatch.setattr(scenario_file, "SCENARIOS", tmp_path / "mine")
    status, out, _ = told("check", "--all", "--quiet")
    assert status == 0
    assert [line.split()[0] for line in out if not line.startswith(" " * 9)] == ["a:", "held", "b:", "held"]
    status, _, err = told("check", "--all", "--set", "steps=x")
    assert (status, len(err)) == (2, 2)


def test_progress_is_shown_where_somebody_watches(told, tmp_path):
    watched, terminal = pty.openpty()
    words = [sys.executable, "-m", "ecosystem", "run", "small.yaml", "--steps", "1"]
    with subprocess.Popen(words, stderr=terminal, stdout=subprocess.PIPE, cwd=tmp_path) as running:
        os.close(terminal)
        seen = b""
        with contextlib.suppress(OSError):  # raised on Linux when the other end is closed
            while chunk := os.read(watched, 4096):
                seen += chunk
        running.communicate()
    os.close(watched)
    assert running.returncode == 0
    assert b"steps" in seen
    assert b"documents/s" in seen
    assert b"left" in seen
