"""The rules that every verifier keeps, one function each, named for its rule. `RULES` and `PANEL_RULES` list them.

Each takes a Bench (a verifier and a small web before it) and raises CheckFailed with one sentence. A panel is tried by
how it counts votes; its members have trials of their own.

Letters: M documents, V members.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ecosystem.checks.metric import small_world
from ecosystem.checks.trial import CheckFailed, first_difference, require, require_plain_parameters
from ecosystem.documents import Answered
from ecosystem.grammar import NONE
from ecosystem.interfaces import Params
from ecosystem.model import Ecosystem
from ecosystem.verification.sight import WorldSight
from ecosystem.verifier import Submitted, Verifier

MANY = 10  # members of a panel up to which every way to vote is tried


@dataclass(frozen=True)
class Bench:
    """A verifier before what three models and some people wrote."""

    verifier: Verifier
    world: Ecosystem

    @property
    def sight(self) -> WorldSight:
        """A fresh one: nothing may be kept in it."""
        made = self.world.sight(self.verifier)
        made.step = self.world.t
        return made

    @cached_property
    def published(self) -> Submitted:
        """Everything on the web, for all readers."""
        found = self.world.corpus.at(np.arange(len(self.world.corpus)))
        everyone, human = np.full(len(found), -1), found.source >= self.world.n
        return Submitted(found.content, found.document, found.source, found.depth, everyone, human)

    @cached_property
    def submissions(self) -> dict[str, Submitted]:
        """What may be before a verifier, by where it stands."""
        m = len(self.published)
        writing = replace(self.published, document=np.full(m, -1)).take(~self.published.human)
        return {
            "documents": self.published,
            "readings": replace(self.published, reader=np.arange(m) % self.world.n),
            "unpublished documents": writing,
            "no documents": self.published.take(np.zeros(0, np.int64)),
        } | ({} if self.world.shape.grammar is None else {"answers": self.answers})

    @cached_property
    def answers(self) -> Submitted:
        """What models wrote, as if in answer to questions: with what was retrieved and cited, much of it in vain."""
        seen = self.published.take(~self.published.human)
        grammar, m = self.world.shape.grammar, len(seen)
        assert grammar is not None
        fact, slot = (column[:, 0] for column in grammar.read(seen.content))
        place, gone = np.arange(m), int(self.published.document.max()) + 1  # the number of no document
        retrieved = np.stack([np.where(place % 3, seen.document, NONE), np.roll(seen.document, 1)], axis=1)
        retrieved[::4] = NONE
        found = np.any(retrieved >= 0, axis=1)
        cited = np.stack([np.where(place % 5, seen.document, gone), np.where(place % 2, retrieved[:, 1], NONE)], axis=1)
        cited[::7] = NONE
        answered = Answered(
            seen.source.astype(np.int64), np.maximum(fact, 0), slot, np.full(m, 0.5), retrieved, cited,
            np.asarray(found), np.zeros(m, bool),
        )  # fmt: skip
        return replace(seen, document=np.full(m, -1), answered=answered)

    @cached_property
    def state(self) -> Params:
        return self.verifier.open(self.sight)

    def accepts(self, seen: Submitted, state: Params | None = None) -> np.ndarray:
        return self.verifier.accepts(self.state if state is None else state, seen, self.sight)


def check(verifier: Verifier, kinds: tuple[str, ...] | None) -> None:
    """Every rule, in a world of each of these kinds of documents (None: of all that fit the verifier)."""
    tried = 0
    for kind in kinds or verifier.reads:
        bench = Bench(verifier, small_world(kind))
        if what_does_not_fit_is_said(bench):
            continue
        for rule in PANEL_RULES if verifier.panel() else RULES:
            rule(bench)
        tried += 1
    require(tried > 0, verifier, f"must fit a world of one of {', '.join(kinds or verifier.reads)} at least")


def what_does_not_fit_is_said(bench: Bench) -> str | None:
    """`misfit` says in words what does not go with a world's documents, or None."""
    said = bench.verifier.misfit(bench.world.shape)
    words = said is None or (isinstance(said, str) and bool(said))
    require(words, bench.verifier, f"misfit must say words; got {said!r}")
    return said


def parameters_survive_a_file(bench: Bench) -> None:
    """Keys are hashable, and written out and read back they make an equal verifier."""
    require_plain_parameters(bench.verifier)


def what_it_knows_are_arrays(bench: Bench) -> None:
    """`open` and `remember` return what it knows as a dict of arrays, so that it can be kept and gone on with."""
    for method in ("open", "remember"):
        state = bench.verifier.open(bench.sight)
        if method == "remember":
            state = bench.verifier.remember(state, copy.deepcopy(bench.published), bench.sight)
        require(isinstance(state, dict), bench.verifier, f"{method} must return a dict; got {type(state).__name__}")
        for name, value in state.items():
            rule = f"{method} must give arrays; '{name}' is a {type(value).__name__}"
            require(isinstance(value, np.ndarray), bench.verifier, rule)


def nothing_is_changed(bench: Bench) -> None:
    """No method changes its arguments, the verifier, the models or the web."""
    verifier, state, seen = bench.verifier, copy.deepcopy(bench.state), copy.deepcopy(bench.published)
    before, web = verifier.model_dump(), copy.deepcopy(vars(bench.world.corpus.documents(bench.world.t)))
    models = [copy.deepcopy(p.params) for p in bench.world.populations]
    verifier.open(bench.sight)
    verifier.accepts(state, seen, bench.sight)
    verifier.amends(state, seen, bench.sight)
    verifier.remember(state, seen, bench.sight)
    for what, one, other in (
        ("what it knows", bench.state, state),
        ("the documents", vars(bench.published), vars(seen)),
        ("the web", web, vars(bench.world.corpus.documents(bench.world.t))),
        *(("the models", old, p.params) for old, p in zip(models, bench.world.populations, strict=True)),
    ):
        differs = first_difference(one, other) or first_difference(other, one)
        require(differs is None, verifier, f"its methods must not change {what}; {differs}")
    require(verifier.model_dump() == before, verifier, "its methods must not change its keys")


def acceptance_is_a_probability(bench: Bench) -> None:
    """`accepts` gives (M,) numbers from 0 to 1, at either gate, also of no documents."""
    for what, seen in bench.submissions.items():
        p_M = bench.accepts(seen)
        found = f"{p_M.shape} {p_M.dtype}" if isinstance(p_M, np.ndarray) else type(p_M).__name__
        fits = isinstance(p_M, np.ndarray) and p_M.shape == (len(seen),) and p_M.dtype.kind in "fiub"
        require(fits, bench.verifier, f"accepts must give a number for each of {len(seen)} {what}; got {found}")
        wrong = p_M[~((p_M >= 0) & (p_M <= 1))]
        require(not len(wrong), bench.verifier, f"accepts must give probabilities of {what}; got {wrong[:1].tolist()}")


def amendments_are_documents(bench: Bench) -> None:
    """`amends` gives None, or a document in place of each before it with the depth of whoever put it so (NaN: none)."""
    for what in ("unpublished documents", "no documents"):
        seen = bench.submissions[what]
        found, again = (bench.verifier.amends(bench.state, seen, bench.sight) for _ in range(2))
        if found is None:
            continue
        kind = type(bench.verifier).__name__
        try:
            bench.world.shape.check(found.content, (len(seen),), f"{kind}: amends")
        except ValueError as error:
            raise CheckFailed(str(error)) from error
        depth = np.asarray(found.depth)
        right = depth.shape == (len(seen),) and not (depth < 0).any()
        require(right, bench.verifier, f"amends must give depths of 0 and more, or NaN; got {depth[:3].tolist()}")
        same = again is not None and np.array_equal(found.content, again.content)
        require(same, bench.verifier, f"asked twice to amend {what} it must say the same")


def same_inputs_give_same_outputs(bench: Bench) -> None:
    """Nothing but arguments and sight matters: no global random numbers, no memory but what it knows."""
    differs = first_difference(bench.state, bench.verifier.open(bench.sight))
    require(differs is None, bench.verifier, f"opened twice it must know the same; {differs}")
    for what, seen in bench.submissions.items():
        same = np.array_equal(bench.accepts(seen), bench.accepts(seen))
        require(same, bench.verifier, f"asked twice about {what} it must say the same")


def each_document_is_judged_by_itself(bench: Bench) -> None:
    """Who else is before it, and in which order, does not matter, unless the verifier says that it `ranks`."""
    if bench.verifier.ranks:
        return
    for what, seen in bench.submissions.items():
        p_M, backwards = bench.accepts(seen), np.arange(len(seen))[::-1]
        for who, which in (("others", backwards[::3]), ("another order", backwards)):
            same = np.array_equal(p_M[which], bench.accepts(seen.take(which)))
            rule = f"it must think the same of {what} among {who}; if it compares them, say so: `ranks`"
            require(same, bench.verifier, rule)


def stated_rates_are_those_of_its_verdicts(bench: Bench) -> None:
    """`pass_rates`, where it states them, are what `accepts` gives for people and models; texts are not meant."""
    rates = bench.verifier.pass_rates()
    if rates is None or bench.world.shape.kind == "tokens":
        return
    pair = isinstance(rates, tuple) and len(rates) == 2 and all(0 <= rate <= 1 for rate in rates)
    require(pair, bench.verifier, f"pass_rates must be two probabilities, people's and models'; got {rates!r}")
    p_M, human = bench.accepts(bench.published), bench.published.human
    for who, rate, found in (("people", rates[0], p_M[human]), ("models", rates[1], p_M[~human])):
        rule = f"pass_rates must be its acceptance of {who}, {rate:g}; got {found.min():g} to {found.max():g}"
        require(np.allclose(found, rate, rtol=0, atol=1e-12), bench.verifier, rule)


def members_are_named(bench: Bench) -> None:
    """`panel` gives a tuple of different names."""
    names = bench.verifier.panel()
    plain = isinstance(names, tuple) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    require(plain, bench.verifier, f"panel must give a tuple of different names; got {names!r}")


def sharing_is_a_probability(bench: Bench) -> None:
    """`shared` is from 0 to 1."""
    share = bench.verifier.shared()
    require(0 <= share <= 1, bench.verifier, f"shared must be from 0 to 1; got {share!r}")


def votes_are_counted_one_document_at_a_time(bench: Bench) -> None:
    """`count` gives (M,) bool; what members think of other documents does not matter."""
    vote_VM = _ways_to_vote(bench.verifier)
    before = vote_VM.copy()
    found = _counted(bench, vote_VM)
    require(np.array_equal(before, vote_VM), bench.verifier, "count must not change the votes")
    alone = np.concatenate([_counted(bench, vote_VM[:, m : m + 1]) for m in range(vote_VM.shape[1])])
    require(np.array_equal(found, alone), bench.verifier, "count must not let other documents' votes matter")
    again = _counted(bench, vote_VM)
    require(np.array_equal(found, again), bench.verifier, "count must say the same when asked twice")


def unanimous_members_are_followed(bench: Bench) -> None:
    """What all accept is accepted, what all reject is rejected, and no vote for a document tells against it."""
    vote_VM = _ways_to_vote(bench.verifier)
    found = _counted(bench, vote_VM)
    require(bool(found[vote_VM.all(axis=0)].all()), bench.verifier, "what all members accept must be accepted")
    require(not found[~vote_VM.any(axis=0)].any(), bench.verifier, "what all members reject must be rejected")
    for member in range(len(vote_VM)):
        won = vote_VM.copy()
        won[member] = True
        lost = (found & ~_counted(bench, won)).any()
        rule = f"one more vote for a document must not tell against it; that of member {member} does"
        require(not lost, bench.verifier, rule)


def _counted(bench: Bench, vote_VM: np.ndarray) -> np.ndarray:
    found = bench.verifier.count(vote_VM)
    if not isinstance(found, np.ndarray) or found.shape != vote_VM.shape[1:] or found.dtype != bool:
        said = f"{found.shape} {found.dtype}" if isinstance(found, np.ndarray) else type(found).__name__
        wanted = vote_VM.shape[1]
        raise CheckFailed(f"{type(bench.verifier).__name__}: count must give {wanted} bool; got {said}")
    return found


def _ways_to_vote(panel: Verifier) -> np.ndarray:
    """(V, M) bool: every way, or of a large panel all and none, and all but one and none but one."""
    v = len(panel.panel())
    if v <= MANY:
        return np.array(list(itertools.product((False, True), repeat=v))).T
    one = np.eye(v, dtype=bool)
    return np.concatenate([one, ~one, np.zeros((v, 1), bool), np.ones((v, 1), bool)], axis=1)


RULES = (
    parameters_survive_a_file,
    what_it_knows_are_arrays,
    nothing_is_changed,
    acceptance_is_a_probability,
    amendments_are_documents,
    same_inputs_give_same_outputs,
    each_document_is_judged_by_itself,
    stated_rates_are_those_of_its_verdicts,
)
PANEL_RULES = (
    parameters_survive_a_file,
    members_are_named,
    sharing_is_a_probability,
    votes_are_counted_one_document_at_a_time,
    unanimous_members_are_followed,
)
