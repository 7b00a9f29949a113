"""The law behind verifiers: against exact sums over verdicts, and against the world itself.

Comparisons with the world are those of test_theory_simulation.py: z-scores of every step, model, pair and measure, with
a false-alarm rate of ALARM for each case. Laws of other rates, of no verifier and of unshared verdicts must be rejected
by the same test.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.zipf import Zipf
from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.verifiers.detector import Detector
from ecosystem.cli import main
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Scenario
from ecosystem.theory import NoLaw, conservation, human_share_behind_detector, law, web_of
from ecosystem.theory.diet import Batches, Rules, diet
from ecosystem.theory.guards import Guards
from ecosystem.theory.passing import let_pass, together
from ecosystem.theory.web import walk
from ecosystem.verifier import Placement, Verifier
from tests.test_theory_simulation import ITEMS, VECTORS, graph, keep, scenario, simulated, worst

READINGS = dict(judges="readings")
ONCE = dict(reading=Reading(replacement=False), read=(10, 12), publish=(25, 20))


def detector(name="first", people=0.3, models=0.5, listed=(0, 1, 3), **parts) -> Detector:
    """Rejects a share of human documents (false positives) and passes a share of models' (false negatives)."""
    place = parts.pop("placement", None) or Placement(rule="list", models=listed)
    return Detector(name=name, false_positive_rate=people, false_negative_rate=models, placement=place, **parts)


def behind(*verifiers, **parts) -> dict:
    return dict(verifiers=verifiers, **parts)


SECOND = dict(people=0.1, models=0.7, listed=(1, 2, 3))
CASES = {
    "documents": behind(detector()),
    "documents, two in sequence": behind(detector(), detector("second", **SECOND)),
    "readings": behind(detector(**READINGS)),
    "documents, then readings": behind(detector(), detector("second", **SECOND, **READINGS)),
    "documents, everybody, few": behind(detector(listed=range(6)), read=(60, 80), publish=(8, 6)),
    "documents once": behind(detector(), **ONCE),
    "readings once": behind(detector(**READINGS), **ONCE),
    "documents, all read": behind(detector(), read=("all", 20)),
    "readings, all read": behind(detector(**READINGS), detector("second", **SECOND), read=("all", 20)),
    "readings, no refill": behind(detector(refill=False, **READINGS)),
    "documents, no refill": behind(detector(refill=False), read=(40, 60), publish=(30, 20)),
    "documents by share": behind(detector(), reading=Reading(draw="share", human_share=0.3)),
    "readings by share": behind(detector(**READINGS), reading=Reading(draw="share", human_share=0.3)),
    "documents by sources": behind(detector(), reading=Reading(draw="sources")),
    "readings, window, archives": behind(detector(**READINGS), corpus=keep({"window": 2}), archive=True),
    "perfect": behind(detector(people=0.0, models=0.0), graph=Graph(kind="complete")),
    "before publishing": behind(detector(gate="publish"), detector("second", **SECOND)),
    "capacity for all": behind(detector(capacity=100)),
}  # fmt: skip
FAST = {
    "items": ("documents, two in sequence", "documents, everybody, few", "readings once", "documents by sources"),
    "vectors": ("documents once", "readings, all read", "before publishing"),
}
BASES = {"items": (ITEMS, Categorical()), "vectors": (VECTORS, Gaussian())}


def case(base: str, name: str, folder) -> Scenario:
    return scenario(*BASES[base], **({"graph": graph(folder)} | CASES[name]))


@pytest.mark.parametrize(("base", "name"), [(base, name) for base in FAST for name in FAST[base]])
def test_models_behind_detectors_obey_the_law(base, name, tmp_path):
    spec = case(base, name, tmp_path)
    assert worst(spec, simulated(spec, 250)) < 1


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", CASES)
def test_every_way_of_judging_obeys_the_law_with_more_runs(name, base, tmp_path):
    spec = case(base, name, tmp_path)
    assert worst(spec, simulated(spec, 2000)) < 1


WRONG = {
    "nobody guarded": lambda v: v.model_copy(update={"placement": Placement(rule="list", models=(2,))}),
    "rates exchanged": lambda v: detector(people=0.4, models=0.6, listed=range(6)),
    "a tenth more passes": lambda v: detector(people=0.6, models=0.44, listed=range(6)),
    "verdicts of each reader's own": lambda v: v.model_copy(update=READINGS),
}


def test_laws_of_other_verifiers_are_rejected(tmp_path):
    def spec(verifier):
        return scenario(*BASES["items"], graph=graph(tmp_path), verifiers=(verifier,), read=(60, 80), publish=(14, 15))

    true = detector(people=0.6, models=0.4, listed=range(6))
    runs = simulated(spec(true), 400)
    found = {name: worst(spec(wrong(true)), runs) for name, wrong in WRONG.items()}
    assert worst(spec(true), runs) < 1
    assert min(found.values()) > 1, found


def world(graph_kind: str, learner, placement: Placement, base: str, judges: str) -> Scenario:
    group = Group(name="readers", count=10, publish=20, read=30, learner=learner)
    parts = dict(world=Zipf(items=30)) if base == "items" else dict(world=GaussianWorld(dimensions=2, mean=1.0))
    return Scenario(
        steps=3, models=(group,), humans=(Community(rate=30),), graph=Graph(kind=graph_kind, self_loops=True),
        metrics=("within_diversity", "human_share_read", "depth"), record={"pairs": True},
        verifiers=(detector(placement=placement, judges=judges),), **parts,
    )  # fmt: skip


PLACES = [
    ("complete", Placement(rule="random", share=0.5), "items", "documents"),
    ("ring", Placement(rule="random", share=0.5), "vectors", "readings"),
    ("scale_free", Placement(rule="most_read", share=0.3), "items", "documents"),
    ("scale_free", Placement(rule="betweenness", share=0.4), "vectors", "documents"),
]


@pytest.mark.parametrize(("graph_kind", "placement", "base", "judges"), PLACES)
def test_the_law_holds_wherever_detectors_stand(graph_kind, placement, base, judges):
    """The graph and who is guarded are those of seed 0; runs of other seeds are given both."""
    spec = world(graph_kind, BASES[base][1], placement, base, judges)
    first = Ecosystem(spec, 0)
    listed = tuple(np.flatnonzero(first.gates.guarded_N).tolist())
    assert 0 < len(listed) < 10
    same = spec.model_copy(update={"verifiers": (detector(listed=listed, judges=judges),)})
    assert law(spec, 0).agents.equals(law(same, 0).agents)
    runs = simulated(same, 200, network=first.network)
    assert worst(spec, runs) < 1
    assert worst(spec.model_copy(update={"verifiers": ()}), runs) > 1.2


def exact_pair(people: int, models: int, rates: tuple[float, float], same: float, among: np.ndarray) -> np.ndarray:
    """E<m_i, m_k> of two readers of all that passes, from sums over how many people's and models' documents do.

    same: E|x|^2 of a document; among (2, 2): E<x, y> of two different ones by kind, people first.
    """
    h, m = np.meshgrid(np.arange(people + 1), np.arange(models + 1), indexing="ij")
    chance = np.outer(binom.pmf(h[:, 0], people, rates[0]), binom.pmf(m[0], models, rates[1]))
    k = np.maximum(h + m, 1)
    different = (among[0, 0] * h * (h - 1) + 2 * among[0, 1] * h * m + among[1, 1] * m * (m - 1)) / k**2
    return (chance * (different + same / k)).sum() / (1 - chance[0, 0])


@pytest.mark.parametrize("rates", [(0.7, 0.5), (0.3, 0.9), (1.0, 0.4)])
def test_the_error_for_shared_verdicts_is_of_second_order(rates):
    """Twice as many documents, a quarter of the error; what leaves out that verdicts are shared errs in the first."""
    among, same = np.array([[0.2, 0.15], [0.15, 0.4]]), 1.0

    def errors(times: int) -> np.ndarray:
        count = np.array([60.0, 40.0]) * times  # models first, as sources are numbered; people's the second
        batches = Batches(np.array([0, 2]), np.zeros(2, np.int64), count)
        rules = Rules(csr_array(np.ones((2, 3))), np.array([1e6, 1e6]))
        guards = Guards(np.ones((2, 1), bool), np.array(rates[::-1])[:, None], np.array([True]), np.ones(2, bool))
        overlap = among[::-1, ::-1] + np.diag((same - np.diag(among)[::-1]) / count)
        passed, luck = let_pass(guards, rules, diet(rules, batches, 0), batches, 0)
        share = passed.share_NB.toarray()
        added, twice = together(luck, share @ overlap, np.full(2, same))
        plain = (share @ overlap @ share.T)[0, 1]
        exact = exact_pair(int(count[1]), int(count[0]), rates, same, among)
        return np.abs([plain + added[0, 1] - exact, plain + twice[0] - exact, plain - exact])

    narrow, wide = errors(1), errors(2)
    assert (wide[:2] < 0.3 * narrow[:2]).all()
    assert (narrow[:2] < 2e-4).all()
    assert wide[2] > 0.45 * narrow[2] > 1e-3


def test_the_human_share_behind_a_detector_is_that_of_law_four():
    spec = scenario(*BASES["items"], graph=Graph(kind="complete"), humans=(Community(rate=20),), **CASES["readings"])
    told = law(spec, 0).agents.set_index(["step", "agent"])["human_share_read"][3]
    share = 20 / (20 + 15 * 2 + 9 * 3)  # model 0 reads two of the first group and three of the second
    np.testing.assert_allclose(told[0], human_share_behind_detector(share, 0.3, 0.5)[0])
    np.testing.assert_allclose(told[2], share)


@pytest.mark.parametrize("name", CASES)
def test_what_a_model_loses_inside_it_has_drifted_behind_verifiers_too(name, tmp_path):
    spec = scenario(VECTORS, Gaussian(), humans=(Community(rate=20),), **({"graph": graph(tmp_path)} | CASES[name]))
    web = web_of(spec, 3)
    for moments in walk(web):
        np.testing.assert_allclose(conservation(web, moments), 0, atol=1e-12)


def test_a_verifier_that_accepts_everything_changes_nothing(tmp_path):
    free = scenario(*BASES["items"], graph=graph(tmp_path))
    for judges in ("documents", "readings"):
        open_ = detector(people=0.0, models=1.0, judges=judges, listed=range(6))
        assert np.allclose(law(free.model_copy(update={"verifiers": (open_,)})).agents.iloc[:, 4:],
                           law(free).agents.iloc[:, 4:], rtol=1e-12)  # fmt: skip


def test_a_reader_of_whom_nothing_passes_stays_as_it_is(tmp_path):
    spec = scenario(*BASES["items"], graph=graph(tmp_path), verifiers=(detector(people=1.0, models=0.0, listed=(2,)),))
    told = law(spec, 0)
    of_two = told.agents.query("agent == 2")["within_diversity"]
    assert of_two.nunique() == 1
    assert told.agents.query("agent == 1")["within_diversity"].nunique() > 1
    assert "die" not in told.says


class Taste(Verifier):
    """Judges by what is said."""


REASONS = {
    "verifiers.taste: no closed form is known for what it accepts": behind(Taste(name="taste")),
    "verifiers.first: no closed form is known": behind(detector(correlated="author")),
    "its capacity of 50 judgements may run out: .* up to 90": behind(detector(capacity=50, listed=range(6))),
    "its capacity of 2,000 judgements may run out": behind(detector(capacity=2000, **READINGS)),
    "stand for as long as documents are kept": behind(detector(), corpus=keep({"window": 2})),
    "without replacement by sources": behind(
        detector(**READINGS), reading=Reading(draw="sources", replacement=False), read=(8, 5),
        humans=(Community(rate=9),),
    ),
    "sixteen times its budget may not fill it": behind(detector(people=0.95, models=0.05, **READINGS)),
    "next to nothing may pass": behind(detector(refill=False, people=0.9, models=0.1)),
    "less may pass than it reads": behind(detector(), reading=Reading(replacement=False), read=(20, 25)),
    "a number that varies": behind(detector(refill=False), **ONCE),
    "fewer than 10 documents": behind(
        detector(), graph=Graph(kind="ring"), publish=(6, 6), humans=(Community(rate=6),)
    ),
    "people do not write again": behind(
        detector(gate="publish", placement=Placement(rule="random", humans=True))
    ),
    "what models.a publish varies": behind(detector(gate="publish", refill=False)),
    "sixteen attempts may not": behind(detector(gate="publish", models=0.02)),
    "beyond its capacity is not published": behind(detector(gate="publish", capacity=999, overflow="reject")),
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_where_no_law_is_known_behind_a_verifier_the_reason_is_given(reason, tmp_path):
    spec = scenario(*BASES["items"], **({"graph": graph(tmp_path)} | REASONS[reason]))
    with pytest.raises(NoLaw, match=reason):
        law(spec, 0)


def test_the_words_say_what_is_exact(tmp_path):
    assert "first order" in law(case("items", "documents", tmp_path)).says
    assert law(case("items", "readings", tmp_path)).says.startswith("Exact")
    assert law(case("items", "perfect", tmp_path)).says.startswith("Exact")


def test_the_command_prints_the_table_or_the_reason(tmp_path, capsys):
    file = tmp_path / "guarded.yaml"
    file.write_text(
        "name: guarded\nsteps: 3\nmetrics: [within_diversity, human_share_read]\nworld: {kind: zipf, items: 20}\n"
        "humans: [{name: people, rate: 30}]\nmodels: [{name: readers, count: 5, publish: 20, read: 20, learner: "
        "{kind: categorical}}]\ngraph: {kind: complete}\nverifiers: [{name: guards, kind: detector}]\n"
    )
    assert main(["theory", str(file)]) == 0
    told = capsys.readouterr()
    assert "human_share_read" in told.out
    assert "first order" in told.err
    assert main(["theory", str(file), "--set", "verifiers.guards.capacity=10"]) == 0
    assert "No law applies: verifiers.guards: its capacity of 10" in capsys.readouterr().out


def test_padding_of_a_diet_is_not_looked_up_among_verdicts():
    """Readers of few have less than others' budget, when the web has forgotten its first documents."""
    spec = scenario(*BASES["items"], graph=Graph(kind="hub"), verifiers=(detector(listed=range(6)),), read=("all", 20))
    world = Ecosystem(spec, 0)
    for _ in range(4):
        world.step()
    assert world.frame.t == 4


def test_placement_is_that_of_the_seed():
    spec = world("complete", Categorical(), Placement(rule="random", share=0.5), "items", "documents")
    for seed in (0, 1):
        told = web_of(spec, seed).guards.guarded_N
        assert (told == Ecosystem(spec, seed).gates.guarded_N).all()
