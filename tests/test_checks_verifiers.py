"""The contract checks pass every verifier that comes with the package and reject those that break a rule."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from agents.learners.categorical import Categorical
from agents.learners.gaussian import Gaussian
from agents.verifiers.biased import Biased
from agents.verifiers.detector import Detector
from agents.verifiers.grounding import Grounding
from agents.verifiers.label import Label
from agents.verifiers.likelihood import Likelihood
from agents.verifiers.novelty import Novelty
from agents.verifiers.provenance import Provenance
from agents.verifiers.quorum import Quorum
from ecosystem import components
from ecosystem.checks import CheckFailed, check_verifier

GIVEN = {
    "biased": (
        Biased(centre=1, width=2),
        Biased(centre=(1, 2), width=0.5),
        Biased(probabilities=(1, 0.5, 0)),
    ),
    "detector": (
        Detector(false_positive_rate=0, false_negative_rate=1),
        Detector(correlated="author"),
        Detector(correlated="content"),
    ),
    "grounding": (Grounding(threshold=1, sensitivity=0.8, specificity=0.3),),
    "label": (Label(compliance=0, human_mistakes=0.1), Label(compliance=0.5, cheating=0.2)),
    "likelihood": (
        Likelihood(reference=Categorical(), documents=50),
        Likelihood(reference=Gaussian(), documents=50, by="weight", every=2),
    ),
    "novelty": (Novelty(gate="publish", apart=0.9, copies=2),),
    "provenance": (
        Provenance(max_depth=0.5, recorded=0.8),
        Provenance(max_depth=2),
        Provenance(min_human_share=0.4, recorded=0.5, unknown="reject"),
    ),
    "quorum": (
        Quorum(members=("a",)),
        Quorum(members=("a", "b"), shared_errors=0.3),
        Quorum(members=("a", "b", "c"), rule="unanimity"),
        Quorum(members=("a", "b", "c"), rule="weighted", weights=(3, 1, 0), threshold=0.2),
        Quorum(members=tuple("abcdefghijklm")),
    ),
}


@pytest.mark.parametrize("kind", components.complete("verifiers"))
def test_every_verifier_found_keeps_the_rules(kind):
    check_verifier(components.find("verifiers", kind)())


@pytest.mark.parametrize("verifier", [v for several in GIVEN.values() for v in several], ids=repr)
def test_verifiers_with_other_keys_keep_the_rules(verifier):
    check_verifier(verifier)


def test_verifiers_of_which_a_key_must_be_given_are_checked_here():
    """But for those that need the folder of a model: tests/test_entailment.py."""
    given = {*GIVEN, "entailment"}
    assert set(components.available("verifiers")) - set(components.complete("verifiers")) <= given


# Each of these is a good verifier but for the rule it breaks.


class HoldsAList(Detector):
    notes: list[str] = []


class Reads(Detector):
    reads: ClassVar[tuple[str, ...]] = ("items",)

    def misfit(self, shape):
        return "notes: never"


class MisfitsByNumber(Detector):
    def misfit(self, shape):
        return 3


class TooMany(Detector):
    def accepts(self, state, seen, sight):
        return np.append(super().accepts(state, seen, sight), 1.0)


class AListOfThem(Detector):
    def accepts(self, state, seen, sight):
        return super().accepts(state, seen, sight).tolist()


class MoreThanSure(Detector):
    def accepts(self, state, seen, sight):
        return 2 * super().accepts(state, seen, sight)


class NotANumber(Detector):
    def accepts(self, state, seen, sight):
        return np.where(seen.human, np.nan, super().accepts(state, seen, sight))


class OnlyAtTheReadingGate(Detector):
    def accepts(self, state, seen, sight):
        return np.where(seen.document < 0, -1.0, super().accepts(state, seen, sight))


class RemembersAList(Detector):
    def remember(self, state, seen, sight):
        return {"seen": list(seen.document)}


class KnowsAnything(Detector):
    def open(self, sight):
        return [np.zeros(3)]


class WritesIntoWhatItSees(Detector):
    def accepts(self, state, seen, sight):
        accepted = super().accepts(state, seen, sight)
        seen.depth[:] = 0
        return accepted


class WritesIntoWhatItKnows(Detector):
    def open(self, sight):
        return {"judged": np.zeros(1)}

    def remember(self, state, seen, sight):
        state["judged"] += len(seen)
        return state


class ChangesModels(Detector):
    def remember(self, state, seen, sight):
        params = sight.populations[0].params
        params["mass"] = params["mass"] * 0.5
        return state


class ByDice(Detector):
    def accepts(self, state, seen, sight):
        return np.random.rand(len(seen))  # noqa: NPY002 - the mistake itself


class OpensByDice(Detector):
    def open(self, sight):
        return {"taste": np.random.rand(3)}  # noqa: NPY002 - the mistake itself


class ByRank(Detector):
    def accepts(self, state, seen, sight):
        return (np.argsort(np.argsort(seen.document)) + 1) / max(len(seen), 1)


class SaysThatItRanks(ByRank):
    @property
    def ranks(self):
        return True

    def pass_rates(self):
        return None


class ByPlace(Detector):
    def accepts(self, state, seen, sight):
        return np.where(np.arange(len(seen)) == 0, 0.0, super().accepts(state, seen, sight))


class FlattersItself(Detector):
    def pass_rates(self):
        return 1.0, 0.0


class StatesThreeRates(Detector):
    def pass_rates(self):
        return 1.0, 0.2, 0.2


@pytest.mark.parametrize(
    "verifier, says",
    [
        (HoldsAList(), "plain, hashable values"),
        (Reads(), "must fit a world of one of items"),
        (MisfitsByNumber(), "misfit must say words; got 3"),
        (TooMany(), "a number for each of .* documents"),
        (AListOfThem(), "a number for each of .* documents; got list"),
        (MoreThanSure(), "must give probabilities of documents"),
        (NotANumber(), r"must give probabilities of documents; got \[nan\]"),
        (OnlyAtTheReadingGate(), r"must give probabilities of unpublished documents; got \[-1.0\]"),
        (RemembersAList(), "remember must give arrays; 'seen' is a list"),
        (KnowsAnything(), "open must return a dict; got list"),
        (WritesIntoWhatItSees(), "must not change the documents; depth differs"),
        (WritesIntoWhatItKnows(), "must not change what it knows; judged differs"),
        (ChangesModels(), "must not change the models"),
        (ByDice(), "asked twice about documents it must say the same"),
        (OpensByDice(), "opened twice it must know the same; taste differs"),
        (ByRank(), "the same of documents among others"),
        (ByPlace(), "the same of documents among others"),
        (FlattersItself(), "its acceptance of people, 1; got 0.95 to 0.95"),
        (StatesThreeRates(), "pass_rates must be two probabilities"),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, str) else "",
)
def test_a_verifier_that_breaks_a_rule_is_rejected(verifier, says):
    with pytest.raises(CheckFailed, match=says):
        check_verifier(verifier, kinds=("items",))


def test_a_verifier_that_says_that_it_ranks_may():
    check_verifier(SaysThatItRanks(), kinds=("items",))


# Broken panels.


class NamesAList(Quorum):
    def panel(self):
        return [*self.members, *self.members]


class SharesTwice(Quorum):
    def shared(self):
        return 2.0


class CountsVotes(Quorum):
    def count(self, vote_VM):
        return vote_VM.sum(axis=0)


class CountsByMajorityOfDocuments(Quorum):
    def count(self, vote_VM):
        return super().count(vote_VM) & (vote_VM.mean() > 0.9)


class TurnsVotesAround(Quorum):
    def count(self, vote_VM):
        accepted = super().count(vote_VM)
        vote_VM[:] = ~vote_VM
        return accepted


class Contrary(Quorum):
    def count(self, vote_VM):
        return ~super().count(vote_VM)


class RejectsNothing(Quorum):
    def count(self, vote_VM):
        return np.ones(vote_VM.shape[1], bool)


class Odd(Quorum):
    def count(self, vote_VM):
        return vote_VM.sum(axis=0) % 2 == 1


@pytest.mark.parametrize(
    "panel, says",
    [
        (NamesAList, "a tuple of different names"),
        (SharesTwice, "shared must be from 0 to 1"),
        (CountsVotes, "count must give 8 bool; got .* int64"),
        (CountsByMajorityOfDocuments, "must not let other documents' votes matter"),
        (TurnsVotesAround, "must not change the votes"),
        (Contrary, "what all members accept must be accepted"),
        (RejectsNothing, "what all members reject must be rejected"),
        (Odd, "one more vote for a document must not tell against it"),
    ],
)
def test_a_panel_that_breaks_a_rule_is_rejected(panel, says):
    with pytest.raises(CheckFailed, match=says):
        check_verifier(panel(members=("a", "b", "c")), kinds=("items",))
