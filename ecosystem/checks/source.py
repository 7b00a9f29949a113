"""The rules that every world (human source) keeps, one function each, named for its rule; `RULES` lists them.

Each takes a source and its opened writer and raises CheckFailed with one sentence.
"""

from __future__ import annotations

import numpy as np

from ecosystem.checks.trial import require, require_plain_parameters, why_not_documents
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Writer
from ecosystem.streams import Draws, Streams


def draws(purpose: str, n: int = 1, seed: int = 0) -> Draws:
    return Streams(seed).rows(f"check/{purpose}", 1, n)


def parameters_survive_a_file(source: HumanSource, writer: Writer) -> None:
    """Keys are hashable, and written out and read back they make an equal source."""
    require_plain_parameters(source)


def one_writer_for_each_community(source: HumanSource, writer: Writer) -> None:
    """`open` returns as many writers as communities, all of one document shape."""
    writers = source.open([source, source])
    require(len(writers) == 2, source, f"open must return a writer for each of 2 communities; got {len(writers)}")
    for w in writers:
        require(isinstance(w, Writer), source, f"open must return Writers; got {type(w).__name__}")
        require(isinstance(w.shape, DocumentShape), source, "a writer must have a DocumentShape as its shape")
        require(w.shape == writer.shape, source, f"all writers must have one shape; got {w.shape} and {writer.shape}")


def documents_have_the_shape(source: HumanSource, writer: Writer) -> None:
    """What is written are valid documents (n, k, *x), also for k = 0; so are finite and held-out documents (M, *x)."""
    if writer.documents is None:
        for n, k in ((3, 16), (1, 1), (2, 0)):
            wrong = why_not_documents(writer.sample(k, draws("human", n)), writer.shape, n, k)
            require(wrong is None, source, f"sample of {k} documents for {n} rows {wrong}")
    for name in ("documents", "held_out"):
        content = getattr(writer, name)
        if content is not None:
            wrong = why_not_documents(content, writer.shape, len(content))
            require(wrong is None, source, f"{name} {wrong}")
    require(writer.documents is None or len(writer.documents) > 0, source, "documents must not be empty")


def opening_again_gives_the_same(source: HumanSource, writer: Writer) -> None:
    """Nothing but the keys and the generator matters."""
    other = source.open([source])[0]
    same = np.array_equal(_some(writer), _some(other))
    require(same, source, "opened again with the same keys and numbers it must write the same")


def another_seed_gives_another_sample(source: HumanSource, writer: Writer) -> None:
    """What an endless writer writes comes from the generator that is passed."""
    if writer.documents is None:
        one, other = (writer.sample(64, draws("human", seed=seed)) for seed in (1, 2))
        require(not np.array_equal(one, other), source, "another seed must give another sample")


def rows_do_not_touch_each_other(source: HumanSource, writer: Writer) -> None:
    """What is written for one row depends on its own numbers alone, bit for bit, and no two rows are alike."""
    if writer.documents is None:
        together, rows = writer.sample(64, draws("human", 4)), np.array([1, 3])
        alone = writer.sample(64, draws("human", 4).take(rows))
        require(np.array_equal(together[rows], alone), source, "a row must get alone what it gets among others")
        require(not np.array_equal(together[0], together[1]), source, "rows must get documents of their own, not alike")


def log_probabilities_are_numbers(source: HumanSource, writer: Writer) -> None:
    """`log_prob` is (M,) float, finite for what is written, or None where unknown."""
    content = _some(writer)
    log_m = writer.log_prob(content)
    if log_m is not None:
        require(np.shape(log_m) == (len(content),), source, f"log_prob must be (M,); got {np.shape(log_m)}")
        require(bool(np.isfinite(log_m).all()), source, "log_prob must be finite for documents that humans write")


def what_is_known_is_consistent(source: HumanSource, writer: Writer) -> None:
    """Probabilities (K,) and weights of modes sum to 1, moments have the shape of one distribution."""
    size = writer.shape.size
    if writer.probabilities is not None:
        p = writer.probabilities
        require(p.shape == (size,), source, f"probabilities must have shape {(size,)}; got {p.shape}")
        require(bool((p >= 0).all()) and abs(p.sum() - 1) < 1e-9, source, f"probabilities must sum to 1; got {p.sum()}")
    if writer.modes is not None:
        weight = writer.modes.weight_C
        require(abs(weight.sum() - 1) < 1e-9, source, f"weights of modes must sum to 1; got {weight.sum()}")
        wanted, got = (len(weight), size), writer.modes.centre_CD.shape
        require(got == wanted, source, f"centres of modes must have shape {wanted}; got {got}")
    if writer.moments is not None:
        got = (writer.moments.mean_ND.shape, writer.moments.covariance_NDD.shape)
        require(got == ((1, size), (1, size, size)), source, f"moments must be (1, d) and (1, d, d); got {got}")


def people_can_read_it(source: HumanSource, writer: Writer) -> None:
    """`show` and `texts` give a string for each document."""
    for name in ("show", "texts"):
        shown = getattr(writer, name)(_some(writer)[:3])
        holds = isinstance(shown, list) and len(shown) == 3 and all(isinstance(s, str) for s in shown)
        require(holds, source, f"{name} must return a list with a string for each document")


def _some(writer: Writer) -> np.ndarray:
    """(M, *x)"""
    if writer.documents is not None:
        return np.resize(writer.documents, (8, *writer.shape.trailing))
    return writer.sample(16, draws("human"))[0]


RULES = (
    parameters_survive_a_file,
    one_writer_for_each_community,
    documents_have_the_shape,
    opening_again_gives_the_same,
    another_seed_gives_another_sample,
    rows_do_not_touch_each_other,
    log_probabilities_are_numbers,
    what_is_known_is_consistent,
    people_can_read_it,
)
