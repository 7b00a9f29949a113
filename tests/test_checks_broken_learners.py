"""The contract checks reject learners that break a rule: each here is a good learner but for the rule it breaks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.learners.linear import Linear
from agents.learners.ngram import Ngram
from ecosystem.checks import CheckFailed, check_learner
from ecosystem.checks import learner as checks_learner
from ecosystem.checks.trial import PLAIN, Trial
from ecosystem.interfaces import Atoms, Learner, Moments
from ecosystem.streams import Streams


class HoldsAList(Gaussian):
    notes: list[str] = []


class NeverTheSame(Gaussian):
    def model_post_init(self, context):
        object.__setattr__(self, "ddof", 1 - self.ddof)


class AgentAxisLast(Gaussian):
    def train(self, params, content, weight, rng):
        return {k: v.T for k, v in super().train(params, content, weight, rng).items()}


class SinglePrecision(Gaussian):
    def sample(self, params, k, rng):
        return super().sample(params, k, rng).astype(np.float32)


class DocumentsFirst(Gaussian):
    def sample(self, params, k, rng):
        return super().sample(params, k, rng).swapaxes(0, 1)


class BeyondTheLastItem(Categorical):
    smoothing: float = 1.0

    def sample(self, params, k, rng):
        return super().sample(params, k, rng) + 1


class WrongColumn(Categorical):
    def sample(self, params, k, rng):
        content, column = super().sample(params, k, rng)
        return content, (column + 1) % params["item"].shape[1]


class NoColumn(Categorical):
    def sample(self, params, k, rng):
        return super().sample(params, k, rng)[0]


class CopiesWhatWasNotRead(Categorical):
    def train(self, params, content, weight, rng):
        return super().train(params, content, np.ones_like(weight), rng)


class WritesIntoItsDiet(Gaussian):
    def train(self, params, content, weight, rng):
        content -= 1
        return super().train(params, content, weight, rng)


class WritesIntoItsState(Gaussian):
    def train(self, params, content, weight, rng):
        params["mean"] += 1
        return super().train(params, content, weight, rng)


class GlobalNumbers(Gaussian):
    def sample(self, params, k, rng):
        return super().sample(params, k, rng) + np.random.rand()  # noqa: NPY002 - the mistake itself


class Remembers(Gaussian):
    calls: ClassVar[list[int]] = []

    def train(self, params, content, weight, rng):
        self.calls.append(1)
        return {k: v * len(self.calls) for k, v in super().train(params, content, weight, rng).items()}


class OneSeed(Gaussian):
    def sample(self, params, k, rng):
        return super().sample(params, k, Streams(0).rows("mine", 0, rng.n))


class OneRowForAll(Gaussian):
    def sample(self, params, k, rng):
        return super().sample(params, k, rng.take(np.zeros(rng.n, np.int64)))


class LooksAtTheOthers(Gaussian):
    def train(self, params, content, weight, rng):
        fitted = super().train(params, content, weight, rng)
        return {k: v + 0.01 * v.mean(axis=0) for k, v in fitted.items()}


class RowsByPlace(Gaussian):
    """Numbers by place in the call, not by agent: the second of two asked alone gets the second row of any."""

    def sample(self, params, k, rng):
        return super().sample(params, k, Streams(int(rng.key) >> 1).rows("mine", int(rng.step), rng.n))


class FromTheLastRow(Gaussian):
    """Numbers counted from the last agent: they move when one is added."""

    def sample(self, params, k, rng):
        return super().sample(params, k, rng.take(np.arange(rng.n)[::-1]))


class ForgetsWeights(Gaussian):
    def train(self, params, content, weight, rng):
        return super().train(params, content, np.ones_like(weight), rng)


class MultipliesByZero(Gaussian):
    """Weight 0 times NaN is NaN."""

    def train(self, params, content, weight, rng):
        mean = np.einsum("nb,nbd->nd", weight, content) / weight.sum(axis=1, keepdims=True)
        return super().train(params, content, weight, rng) | {"mean": mean}


class EveryPlaceIsADocument(Learner):
    """Picks among all places of its state, also those with which the world fills rows up."""

    reads: ClassVar[tuple[str, ...]] = ("vectors",)

    def init(self, n, shape, rng):
        return {"content": np.zeros((n, 1, shape.size))}

    def train(self, params, content, weight, rng):
        first = content[np.arange(len(content)), (weight > 0).argmax(axis=1)]
        return {"content": np.where(weight[..., None] > 0, content, first[:, None])}

    def sample(self, params, k, rng):
        place = rng.integers(params["content"].shape[1], k)
        return np.take_along_axis(params["content"], place[..., None], axis=1)

    def log_prob(self, params, content):
        return np.zeros((len(params["content"]), len(content)))


class FailsTogether(Gaussian):
    def train(self, params, content, weight, rng):
        made = super().train(params, content, weight, rng)
        return {name: array + 0 * array.sum(axis=0) for name, array in made.items()}


class NotANumber(Gaussian):
    def log_prob(self, params, content):
        return super().log_prob(params, content) * np.nan


class InfinitelyLikely(Gaussian):
    def log_prob(self, params, content):
        return super().log_prob(params, content) + np.inf


class OneScoreForAll(Gaussian):
    def log_prob(self, params, content):
        return super().log_prob(params, content)[:, 0]


class RepeatsItsPrompt(Ngram):
    def answer(self, params, prompt_PL, k, rng):
        answers = super().answer(params, prompt_PL, k, rng)
        answers[:] = np.where(prompt_PL[:, None, :1] > 0, prompt_PL[:, None, :1], answers)  # and goes on to the end
        return answers


class OneAnswerForAll(Ngram):
    def answer(self, params, prompt_PL, k, rng):
        return super().answer(params, prompt_PL, k, rng)[:1].repeat(rng.n, axis=0)


class AnswersOnce(Ngram):
    def answer(self, params, prompt_PL, k, rng):
        return super().answer(params, prompt_PL, 1, rng)


BROKEN = [
    (HoldsAList(), "parameters_survive_a_file"),
    (NeverTheSame(), "parameters_survive_a_file"),
    (AgentAxisLast(), "agent_axis_comes_first"),
    (SinglePrecision(), "documents_have_the_shape"),
    (DocumentsFirst(), "documents_have_the_shape"),
    (BeyondTheLastItem(), "documents_have_the_shape"),
    (RepeatsItsPrompt(), "answers_go_behind_their_prompts"),
    (OneAnswerForAll(), "answers_go_behind_their_prompts"),
    (AnswersOnce(), "answers_go_behind_their_prompts"),
    (WrongColumn(), "copies_name_their_document"),
    (NoColumn(), "copies_name_their_document"),
    (CopiesWhatWasNotRead(), "copies_name_their_document"),
    (WritesIntoItsDiet(), "arguments_stay_unchanged"),
    (WritesIntoItsState(), "arguments_stay_unchanged"),
    (GlobalNumbers(), "same_inputs_give_same_outputs"),
    (Remembers(), "same_inputs_give_same_outputs"),
    (OneSeed(), "another_seed_gives_another_sample"),
    (OneRowForAll(), "agents_draw_numbers_of_their_own"),
    (LooksAtTheOthers(), "together_equals_alone"),
    (RowsByPlace(), "together_equals_alone"),
    (LooksAtTheOthers(), "a_newcomer_changes_no_one"),
    (FromTheLastRow(), "a_newcomer_changes_no_one"),
    (ForgetsWeights(), "weight_zero_may_hold_anything"),
    (MultipliesByZero(), "weight_zero_may_hold_anything"),
    (EveryPlaceIsADocument(), "nothing_read_nothing_learned"),
    (FailsTogether(), "what_breaks_one_breaks_no_other"),
    (NotANumber(), "log_probabilities_are_numbers"),
    (InfinitelyLikely(), "log_probabilities_are_numbers"),
    (OneScoreForAll(), "log_probabilities_are_numbers"),
]


@pytest.mark.parametrize("learner, rule", BROKEN, ids=[f"{type(b).__name__}-{r}" for b, r in BROKEN])
def test_a_learner_that_breaks_a_rule_is_rejected_by_it(learner, rule):
    with pytest.raises(CheckFailed, match=type(learner).__name__):
        getattr(checks_learner, rule)(Trial(learner, PLAIN[learner.reads[0]]))


class RoundsTogether(Gaussian):
    """Differs in the last digits with who else is there, as batched matrix products may, and says how far."""

    row_tolerance: ClassVar[float] = 1e-9

    def train(self, params, content, weight, rng):
        fitted = super().train(params, content, weight, rng)
        return {k: v + 1e-12 * v.mean(axis=0) for k, v in fitted.items()}


class RoundsMoreThanItSays(RoundsTogether):
    row_tolerance: ClassVar[float] = 1e-15


def test_a_learner_may_say_how_far_rows_differ_together_and_alone():
    checks_learner.together_equals_alone(Trial(RoundsTogether(), PLAIN["vectors"]))
    with pytest.raises(CheckFailed, match="must do alone"):
        checks_learner.together_equals_alone(Trial(RoundsMoreThanItSays(), PLAIN["vectors"]))


def test_every_rule_for_learners_has_a_broken_learner():
    assert {rule.__name__ for rule in checks_learner.RULES} == {rule for _, rule in BROKEN}


# Components that keep every rule about arrays, and state wrong probabilities.


class TooLikely(Gaussian):
    def log_prob(self, params, content):
        return super().log_prob(params, content) + 0.1


class SharpensInSecret(Categorical):
    """Writes at a temperature that its probabilities know nothing of."""

    smoothing: float = 0.1

    def sample(self, params, k, rng):
        mass = params["mass"] ** 2
        return super().sample({"mass": mass / mass.sum(axis=1, keepdims=True)}, k, rng)


class NarrowInSecret(Gaussian):
    def sample(self, params, k, rng):
        return super().sample(params | {"covariance": 0.5 * params["covariance"]}, k, rng)

    def moments(self, params):
        return None


class SteeperInSecret(Linear):
    def sample(self, params, k, rng):
        return super().sample(params | {"coefficients": params["coefficients"] + 3}, k, rng)

    def moments(self, params):
        return None


class WrongMoments(Gaussian):
    def moments(self, params):
        return Moments(params["mean"], 1.2 * params["covariance"])


class WrongAtoms(Categorical):
    smoothing: float = 1.0

    def log_prob(self, params, content):
        return Categorical(smoothing=1.0).log_prob(params, content)

    def atoms(self, params):
        atoms = super().atoms(params)
        return Atoms(atoms.item_NU, atoms.mass_NU[:, ::-1])


@pytest.mark.parametrize(
    "learner, says",
    [
        (TooLikely(), "must add up to 1; got 1.105"),
        (SharpensInSecret(), "as often as log_prob says"),
        (NarrowInSecret(), "as often as log_prob says"),
        (SteeperInSecret(), "as often as log_prob says"),
        (WrongMoments(), "the covariance of its documents"),
        (WrongAtoms(), "atoms must be"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Learner) else "",
)
def test_a_learner_that_states_what_it_is_not_is_rejected(learner, says):
    with pytest.raises(CheckFailed, match=says):
        check_learner(learner)
