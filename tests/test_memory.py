"""Memory is stated before a run starts, and what cannot fit is refused in one line."""

from __future__ import annotations

import sys

import pytest

from ecosystem import Ecosystem, machine, memory
from ecosystem.cli import main
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from ecosystem.memory import Need
from ecosystem.runs import preflight

GIB = 2**30
OWN = """
from pydantic import Field

from agents.learners.categorical import Categorical
from ecosystem.errors import InputError

class Heavy(Categorical):
    gib: float = Field(1.0, ge=0)

    def memory(self, n, shape, read):
        if self.gib == 13:
            raise InputError("no model of that size")
        return int(n * self.gib * 2**30)

    def train(self, *given):
        open("trained", "w").close()
        return super().train(*given)
"""
SCENARIO = """\
name: heavy
steps: 1
metrics: [within_diversity]
world: {kind: zipf, items: 8}
humans: [{rate: 4}]
models:
  - {name: small, count: 2, publish: 3, read: 4, learner: {kind: categorical}}
  - {name: large, count: 3, publish: 3, read: 4, learner: {kind: "own_heavy:Heavy"}}
arms:
  more: {models.large.count: 4}
  other: {models.large.learner.gib: 13}
"""


@pytest.fixture(autouse=True)
def as_it_was():
    before = machine.here()
    yield
    machine.use(before)


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Runs the base arm, or those given, on a machine of 8 GiB: (status, lines on standard error, was it fitted)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(machine, "memory", lambda device="cpu": 8 * GIB)
    (tmp_path / "own_heavy.py").write_text(OWN)
    (tmp_path / "heavy.yaml").write_text(SCENARIO)

    def run(*words):
        capsys.readouterr()
        status = main(["run", "heavy.yaml", *(words if "--arm" in words else ("--arm", "base", *words))])
        return status, capsys.readouterr().err.splitlines(), (tmp_path / "trained").exists()

    yield run
    sys.modules.pop("own_heavy", None)


def test_large_models_are_told_before_a_run(told):
    assert told() == (0, ["models.large: 3 models, 1.0 GiB each, 3.0 GiB in all"], True)


def test_quiet_runs_and_small_models_are_silent(told):
    assert told("--quiet") == (0, [], True)
    assert told("--set", "models.large.learner.gib=0.08") == (0, [], True)  # 246 MiB
    assert told("--set", "models.large.learner.gib=0.09")[1] == ["models.large: 3 models, 92 MiB each, 276 MiB in all"]


def test_what_does_not_fit_is_refused_before_anything_starts(told, tmp_path):
    says = (
        "models.large: 3 models, 3.0 GiB each, 9.0 GiB in all; a run needs at least 9.0 GiB and this machine has "
        "8.0 GiB; ask for fewer or smaller models"
    )
    assert told("--set", "models.large.learner.gib=3") == (2, [says], False)
    assert not (tmp_path / "outputs").exists()


def test_runs_at_the_same_time_share_the_memory(told, tmp_path):
    assert told("--seeds", "1", "--jobs", "4", "--steps", "0")[0] == 0  # one run, so one at a time
    (tmp_path / "trained").unlink()
    status, err, fitted = told("--seeds", "3", "--jobs", "3")
    assert (status, len(err), fitted) == (2, 1, False)
    assert "3 runs at the same time need at least 9.0 GiB and this machine has 8.0 GiB" in err[0]
    assert "--jobs" in err[0]


def test_every_arm_is_told_and_judged(told, tmp_path):
    status, err, _ = told("--arm", "base", "--arm", "more", "--steps", "0")
    assert status == 0
    assert err == [
        "models.large: 3 models, 1.0 GiB each, 3.0 GiB in all",
        "arms.more: models.large: 4 models, 1.0 GiB each, 4.0 GiB in all",
    ]
    (tmp_path / "trained").unlink()
    status, err, fitted = told("--arm", "base", "--arm", "other")
    assert (status, err, fitted) == (2, ["arms.other: models.large: no model of that size"], False)


def test_an_arm_that_is_slow_to_fit_is_not_tried_beforehand(told, tmp_path):
    spec = scenario_file.read("heavy.yaml")
    preflight.check(spec.with_({"arms": {"more": {"models.large.learner.gib": 2}}}), ["base", "more"])
    assert not (tmp_path / "trained").exists()


def test_without_learners_that_state_memory_no_world_is_opened(told, monkeypatch):
    from agents.humans.zipf import Zipf
    spec = scenario_file.read("heavy.yaml").with_({"models.large.learner": {"kind": "categorical"}, "arms": {}})
    monkeypatch.setattr(Zipf, "open", lambda *_: pytest.fail("opened"))
    assert preflight.large(spec, ["base"]) == []


@pytest.mark.parametrize(
    "needs, jobs, device, refused",
    [
        ([Need("a", 1, 5 * GIB, 0)], 1, "cpu", None),
        ([Need("a", 7, 9 * GIB, 0)], 1, "cpu", "models.a: 7 models with documents of 9.0 GiB; a run needs at least"),
        ([Need("a", 1, GIB, 4 * GIB), Need("b", 2, GIB, 3 * GIB)], 1, "cpu", "models.a: 1 model, 4.0 GiB in all; a"),
        ([Need("a", 1, 5 * GIB, 0)], 2, "cpu", "2 runs at the same time need at least 10.0 GiB and this machine"),
        ([Need("a", 2, GIB, 30 * GIB)], 1, "cuda", None),
        ([Need("a", 2, GIB, 30 * GIB)], 2, "cuda", "60.0 GiB and the cuda device has 40.0 GiB"),
        ([Need("a", 2, 9 * GIB, GIB)], 1, "cuda", "9.0 GiB and this machine has 8.0 GiB"),
        ([Need("a", 2, 0, 2000 * GIB)], 1, "cpu", "2 models, 1,000.0 GiB each, 2.0 TiB in all"),
    ],
)
def test_the_sum_of_all_groups_is_held_against_what_there_is(monkeypatch, needs, jobs, device, refused):
    machine.use(machine.Machine(device))
    monkeypatch.setattr(machine, "memory", lambda device="cpu": {"cpu": 8, "cuda": 40}[device] * GIB)
    if refused is None:
        memory.check(needs, jobs)
        return
    with pytest.raises(InputError) as caught:
        memory.check(needs, jobs)
    assert refused in str(caught.value)


def test_where_the_system_does_not_say_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda device="cpu": None)
    memory.check([Need("a", 1, 2**60, 2**60)])


def test_documents_count_by_their_size(small_world):
    (need,) = memory.needs(small_world(), DocumentShape("vectors", 10))
    read, document, published = 9, 80, 7  # bytes of ten float64, and of depth, parent and place beside
    assert need == Need("models", 5, 5 * (read * (document + 8) + published * (document + 12)), 0)


def test_memory_is_that_of_the_container_where_there_is_less(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "LIMITS", (str(limit), str(tmp_path / "none")))
    whole = machine.memory()
    limit.write_text("max\n")
    assert machine.memory() == whole
    limit.write_text("1048576\n")
    assert machine.memory() == 1048576


def test_people_who_write_more_than_fits_are_refused_before_anything_is_made(small_world, monkeypatch):
    monkeypatch.setattr("ecosystem.machine.memory", lambda device="cpu": 2**30)
    spec = small_world().with_({"humans.0.rate": [[0, 3], [5, 10**9]]})
    with pytest.raises(InputError, match=r"humans\.people: 1,000,000,000 documents a step take at least 14.9 GiB"):
        Ecosystem(spec)


@pytest.mark.parametrize(
    "key, change, each",
    [
        ("measure.documents", {"measure.documents": 10**5}, "100,000"),
        ("measure.prompts", {"measure.prompts": {"path": "asked.txt", "answers": 1000}}, "2,000"),
    ],
)
def test_what_is_written_for_measuring_is_refused_where_it_does_not_fit(tmp_path, monkeypatch, key, change, each):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.txt").write_text("Once upon a time\nIn the beginning\n")
    monkeypatch.setattr("ecosystem.machine.memory", lambda device="cpu": 2**20)
    metric = {"measure.documents": "distinct_2", "measure.prompts": "answer_repetition"}[key]
    spec = scenario_file.read({
        "world": {"kind": "text", "length": 48}, "humans": [{"rate": 20}], "metrics": [metric],
        "models": [{"name": "small", "count": 4, "publish": 8, "read": 30, "learner": {"kind": "ngram"}}],
        "measure": {"documents": 8, "prompts": {"path": "asked.txt"}},
    })  # fmt: skip
    Ecosystem(spec.with_({"metrics": ["distinct_2"], "measure.prompts": None}))
    with pytest.raises(InputError, match=rf"^{key}: {each} documents of 4 models each take at least .*; lower {key}$"):
        Ecosystem(spec.with_(change))


def test_questions_of_the_gap_are_refused_where_their_candidates_do_not_fit(monkeypatch):
    monkeypatch.setattr("ecosystem.machine.memory", lambda device="cpu": 2**30)
    says = r"^measure\.documents: 80,000,000 documents of 10 models each take at least .*; lower measure\.documents$"
    with pytest.raises(InputError, match=says):
        Ecosystem(scenario_file.read("gap").with_({"measure.documents": 10**7}))


def test_models_that_do_not_fit_are_refused_before_their_network_is_made(small_world, monkeypatch):
    monkeypatch.setattr("ecosystem.model.build", lambda *_: pytest.fail("the network was made"))
    with pytest.raises(InputError, match="ask for fewer or smaller models"):
        Ecosystem(small_world().with_({"models.0.count": 10**7, "models.0.read": 10**6}))
