"""The rules that every learner keeps, one function each, named for its rule. `RULES` lists them in order.

Each takes a Trial (a learner, a document shape, example documents) and raises CheckFailed with one sentence.
"""

from __future__ import annotations

import copy

import numpy as np

from ecosystem import divergence
from ecosystem.checks.trial import (
    Trial,
    documents,
    first_difference,
    require,
    require_plain_parameters,
    rows_of,
    why_not_documents,
)
from ecosystem.population import Population
from ecosystem.scenario import Group
from ecosystem.streams import Streams


def parameters_survive_a_file(trial: Trial) -> None:
    """Hyperparameters are hashable, and written out and read back they make an equal learner."""
    require_plain_parameters(trial.learner)


def agent_axis_comes_first(trial: Trial) -> None:
    """State is arrays whose first axis is the agents, before and after reading, and after reading again."""
    longer = documents(trial.shape, trial.b + 5, trial.draws("longer"))
    again = trial.fluent.train(trial.fitted, longer, np.ones(longer.shape[:2]), trial.draws("again"))
    for when, params in (("init", trial.fresh), ("train", trial.fitted), ("train on standing params", again)):
        require(isinstance(params, dict) and bool(params), trial.learner, f"{when} must return a dict of arrays")
        for name, array in params.items():
            first = array.shape[0] if isinstance(array, np.ndarray) and array.ndim else None
            rule = f"{when} must give arrays with the agents ({trial.n}) on the first axis"
            require(first == trial.n, trial.learner, f"{rule}; '{name}' has shape {np.shape(array)}")


def documents_have_the_shape(trial: Trial) -> None:
    """What is written are valid documents (n, k, *x), also before anything was read, and for k = 0."""
    for when, params in (("before reading", trial.fresh), ("after reading", trial.fitted)):
        for k in (16, 1, 0):
            wrong = why_not_documents(trial.write(params, k, trial.draws("sample")), trial.shape, trial.n, k)
            require(wrong is None, trial.learner, f"{k} documents written {when} {wrong}")


def answers_go_behind_their_prompts(trial: Trial) -> None:
    """Where `answers`: valid documents (n, P, k, L) that leave room for their prompts, also for a prompt of no tokens.

    An answer to a prompt has as many tokens at most as the prompt leaves; agents draw numbers of their own.
    """
    learner = trial.learner
    if not learner.answers:
        return
    prompt_PL = trial.prompts
    room_P = trial.shape.length - (prompt_PL != 0).sum(axis=1)
    for k in (8, 1):
        found = trial.fluent.answer(trial.fitted, prompt_PL, k, trial.draws("answer"))
        wrong = why_not_documents(found, trial.shape, trial.n, len(prompt_PL), k)
        require(wrong is None, learner, f"{k} answers {wrong}")
        longer = (np.arange(trial.shape.length) >= room_P[:, None, None]) & (found != 0)
        require(not longer.any(), learner, f"prompt and answer must have {trial.shape.length} tokens together at most")
    alike = rows_of(trial.fitted, np.zeros(trial.n, np.int64))
    found = trial.fluent.answer(alike, prompt_PL, 32, trial.draws("answer"))
    require(not np.array_equal(found[0], found[1]), learner, "agents in the same state must not give the same answers")


def copies_name_their_document(trial: Trial) -> None:
    """`sample` of a learner with `copies` also gives the columns copied, (n, k) int64, of documents that were read."""
    written = trial.fluent.sample(trial.fitted, 32, trial.draws("sample"))
    if not trial.learner.copies:
        require(not isinstance(written, tuple), trial.learner, "sample must return one array where `copies` is False")
        return
    require(isinstance(written, tuple) and len(written) == 2, trial.learner, "sample must return (documents, columns)")
    content, column = written
    require(column.shape == (trial.n, 32), trial.learner, f"columns must have shape (n, k); got {column.shape}")
    require(column.dtype.kind == "i", trial.learner, f"columns must be whole numbers; got {column.dtype}")
    require(bool(((column >= 0) & (column < trial.b)).all()), trial.learner, "columns must be places in the diet")
    row = np.arange(trial.n)[:, None]
    require(bool((trial.weight[row, column] > 0).all()), trial.learner, "documents of weight 0 must not be copied")
    same = np.array_equal(content, trial.content[row, column])
    require(same, trial.learner, "what is written must equal the document that is said to be copied")


def arguments_stay_unchanged(trial: Trial) -> None:
    """No method changes its arguments or the learner."""
    content, weight, learner = trial.content.copy(), trial.weight.copy(), trial.learner
    before = learner.model_dump()
    fresh, fitted = copy.deepcopy(trial.fresh), copy.deepcopy(trial.fitted)
    trial.fluent.train(fresh, content, weight, trial.draws("train"))
    trial.fluent.train(fitted, content, weight, trial.draws("again"))
    trial.behaviour(fitted, trial.draws("sample"))
    for what, kept in (
        ("content", np.array_equal(content, trial.content)),
        ("weight", np.array_equal(weight, trial.weight)),
        ("params", first_difference(fresh, trial.fresh) is None and first_difference(fitted, trial.fitted) is None),
        ("the learner", learner.model_dump() == before),
    ):
        require(kept, learner, f"its methods must not change {what}")


def same_inputs_give_same_outputs(trial: Trial) -> None:
    """Nothing but the arguments matters: no global random numbers, no memory of earlier calls."""
    one = trial.behaviour(trial.train(trial.content), trial.draws("sample"))
    other = trial.behaviour(trial.train(trial.content), trial.draws("sample"))
    differs = first_difference(one, other)
    require(differs is None, trial.learner, f"the same inputs must give the same outputs; {differs}")


def another_seed_gives_another_sample(trial: Trial) -> None:
    """What is written comes from the generator that is passed."""
    one, other = (trial.write(trial.fitted, 64, trial.draws("sample", seed=seed)) for seed in (1, 2))
    require(not np.array_equal(one, other), trial.learner, "another seed must give another sample")


def agents_draw_numbers_of_their_own(trial: Trial) -> None:
    """Two agents in the same state do not write the same documents."""
    rows = np.zeros(trial.n, np.int64)
    written = trial.write(rows_of(trial.fitted, rows), 64, trial.draws("sample"))
    same = np.array_equal(written[0], written[1])
    require(not same, trial.learner, "agents in the same state must write by random numbers of their own, not alike")


def together_equals_alone(trial: Trial) -> None:
    """A subset of agents, trained and asked alone, does what it does in the group, bit for bit.

    A learner that works through batched matrix products may say how far rows may differ: `row_tolerance`, relative and
    absolute, a class attribute (default 0).
    """
    together = trial.behaviour(trial.fitted, trial.draws("sample"))
    for rows in (np.array([trial.n - 1]), np.array([0, trial.n - 1])):
        fresh = trial.fluent.init(len(rows), trial.shape, trial.draws("init").take(rows))
        alone = trial.fluent.train(fresh, trial.content[rows], trial.weight[rows], trial.draws("train").take(rows))
        shown = trial.behaviour(alone, trial.draws("sample").take(rows))
        differs = first_difference({k: v[rows] for k, v in together.items()}, shown, _tolerance(trial))
        require(
            differs is None, trial.learner, f"agents {rows.tolist()} must do alone what they do together; {differs}"
        )


def a_newcomer_changes_no_one(trial: Trial) -> None:
    """One agent more, with a diet of its own, and the others do what they did."""
    content = documents(trial.shape, trial.b, trial.draws("diet", trial.n + 1))
    content[: trial.n] = trial.content
    weight = np.concatenate([trial.weight, np.ones((1, trial.b))])
    fresh = trial.fluent.init(trial.n + 1, trial.shape, trial.draws("init", trial.n + 1))
    params = trial.fluent.train(fresh, content, weight, trial.draws("train", trial.n + 1))
    shown = trial.behaviour(params, trial.draws("sample", trial.n + 1))
    before = trial.behaviour(trial.fitted, trial.draws("sample"))
    differs = first_difference(before, {k: v[: trial.n] for k, v in shown.items()}, _tolerance(trial))
    require(differs is None, trial.learner, f"a newcomer must not change what the others do; {differs}")


def weight_zero_may_hold_anything(trial: Trial) -> None:
    """Documents of weight 0 do not matter, even where they are no documents at all (NaN, infinity, -1)."""
    expected = trial.behaviour(trial.fitted, trial.draws("sample"))
    for rubbish in (np.nan, np.inf) if trial.shape.dtype.kind == "f" else (-1,):
        content = trial.content.copy()
        content[trial.weight == 0] = rubbish
        shown = trial.behaviour(trial.train(content), trial.draws("sample"))
        differs = first_difference(expected, shown)
        require(
            differs is None, trial.learner, f"documents of weight 0 must not matter; with {rubbish} there {differs}"
        )


def nothing_read_nothing_learned(trial: Trial) -> None:
    """In a population, a model whose weights are all 0 stays as it is; those beside it learn as they would alone."""
    for start in ("scratch", "continue"):
        group = Group(name="check", count=trial.n, start=start, learner=trial.learner)
        idle, busy = (Population(group, 0, trial.shape, Streams(trial.seed)) for _ in range(2))
        content = documents(trial.shape, trial.b + 3, trial.draws("next"))
        weight = np.ones(content.shape[:2])
        for population in (idle, busy):
            population.pretrain(trial.content)
        before = trial.behaviour(idle.params, trial.draws("sample"))
        busy.train(content, weight, 1)
        weight[1] = 0
        idle.train(content, weight, 1)
        after, others = (trial.behaviour(p.params, trial.draws("sample")) for p in (idle, busy))
        differs = first_difference({k: v[1] for k, v in before.items()}, {k: v[1] for k, v in after.items()})
        require(differs is None, trial.learner, f"an agent that read nothing must stay as it is ({start}); {differs}")
        fed = [i for i in range(trial.n) if i != 1]
        differs = first_difference(
            {k: v[fed] for k, v in others.items()}, {k: v[fed] for k, v in after.items()}, _tolerance(trial)
        )
        require(differs is None, trial.learner, f"agents beside one that read nothing must learn ({start}); {differs}")


def what_breaks_one_breaks_no_other(trial: Trial) -> None:
    """In a population that goes on, a diet of no numbers changes nobody beside the model that reads it, by no bit.

    That model fails, and stays what it was; or it copes, and is numbers. Where documents are vectors or pairs.
    """
    if trial.shape.dtype.kind != "f":
        return
    group = Group(name="check", count=trial.n, learner=trial.learner)
    standing = Population(group, 0, trial.shape, Streams(trial.seed))
    standing.pretrain(trial.content)

    def after(content: np.ndarray) -> Population:
        made = Population(group, 0, trial.shape, Streams(trial.seed), on_divergence=divergence.FREEZE)
        made.params = standing.params
        with np.errstate(all="ignore"):
            made.train(content, np.ones(content.shape[:2]), 1)
        return made

    content, others = documents(trial.shape, trial.b, trial.draws("next")), np.arange(trial.n) != 1
    sound = rows_of(after(content).params, others)
    for rubbish in (np.nan, 1e300):  # whose squares no number holds
        content[1] = rubbish
        content[1, ::2] *= -1
        made = after(content).params
        differs = first_difference(sound, rows_of(made, others))
        require(differs is None, trial.learner, f"a model that reads {rubbish:g} must change no other; {differs}")
        whole = all(map(divergence.finite, made.values()))
        require(whole, trial.learner, f"a model that reads {rubbish:g} must fail by Diverged, or have finite state")


def log_probabilities_are_numbers(trial: Trial) -> None:
    """`log_prob` is (n, M) float, never NaN, never +infinity (-infinity where something is impossible)."""
    for params in (trial.fresh, trial.fitted):
        log_nm = trial.fluent.log_prob(params, trial.probe)
        wanted = (trial.n, len(trial.probe))
        require(np.shape(log_nm) == wanted, trial.learner, f"log_prob must be {wanted}; got {np.shape(log_nm)}")
        require(log_nm.dtype.kind == "f", trial.learner, f"log_prob must be floating; got {log_nm.dtype}")
        require(not np.isnan(log_nm).any(), trial.learner, "log_prob must not be NaN")
        require(not np.isposinf(log_nm).any(), trial.learner, "log_prob must not be +infinity")


def _tolerance(trial: Trial) -> float:
    return float(getattr(type(trial.learner), "row_tolerance", 0.0))


RULES = (
    parameters_survive_a_file,
    agent_axis_comes_first,
    documents_have_the_shape,
    answers_go_behind_their_prompts,
    copies_name_their_document,
    arguments_stay_unchanged,
    same_inputs_give_same_outputs,
    another_seed_gives_another_sample,
    agents_draw_numbers_of_their_own,
    together_equals_alone,
    a_newcomer_changes_no_one,
    weight_zero_may_hold_anything,
    nothing_read_nothing_learned,
    what_breaks_one_breaks_no_other,
    log_probabilities_are_numbers,
)
