"""What the contract checks try components on: example documents, and what a component does with them.

Letters: n agents, b documents read, k written, M documents to score, x the trailing shape of a document.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecosystem.documents import DocumentShape
from ecosystem.grammar import NONE, Grammar
from ecosystem.interfaces import Component, Learner, Params
from ecosystem.streams import Draws, Streams
from ecosystem.text.codec import TextCodec
from ecosystem.text.tokens import SINGLE, Vocabulary
from ecosystem.travel import Translated, in_tokens

BYTES = TextCodec(Vocabulary(SINGLE))
FACTS = Grammar(  # two people and a place: a relation of people, their home, where it lies, where they are from
    np.array([0, 1, 0, 1, 2, 0, 1]), np.array([0, 0, 1, 1, 2, 3, 3]), np.array([5, 2, 3, 3]), np.array([8, 3, 5, 5]),
    np.array([[-1, -1], [-1, -1], [-1, -1], [1, 2]]), 2, tuple("abcdefgh"), tuple("rhlf"),
)  # fmt: skip
FEW_FACTS = Grammar(
    np.array([0, 1]), np.array([0, 0]), np.array([1]), np.array([3]), np.array([[-1, -1]]), 2, tuple("abc"), ("r",)
)
PLAIN = {
    "items": DocumentShape("items", 7),
    "vectors": DocumentShape("vectors", 2),
    "pairs": DocumentShape("pairs", 3),
    "tokens": DocumentShape("tokens", 5, 6),
    "text": DocumentShape("tokens", len(SINGLE), 12, BYTES),
    "claims": DocumentShape("tokens", FACTS.tokens, 6, grammar=FACTS),
}
SMALLEST = {
    "items": DocumentShape("items", 7),
    "vectors": DocumentShape("vectors", 1),
    "pairs": DocumentShape("pairs", 2),
    "tokens": DocumentShape("tokens", 3, 4),
    "text": DocumentShape("tokens", len(SINGLE), 4, BYTES),
    "claims": DocumentShape("tokens", FEW_FACTS.tokens, 6, grammar=FEW_FACTS),
}
LETTERS = "ab c"  # of example documents that are text
LONGEST_LISTED = 3  # letters of texts that are all scored
WRITTEN = 4000  # documents of each agent in comparisons of a sample with what is stated
ENUMERABLE = 100_000  # documents of a shape, at most, that are all scored


class CheckFailed(AssertionError):
    """A component breaks a rule of the contract; the message is one sentence that says which and how."""


def require(holds: bool | np.bool_, component: object, sentence: str) -> None:
    """Raises CheckFailed where a rule does not hold."""
    if not holds:
        raise CheckFailed(f"{type(component).__name__}: {sentence}")


def require_plain_parameters(component: Component) -> None:
    """Hyperparameters are hashable, and written out and read back they make an equal component."""
    try:
        held = {name: value for name, value in component if isinstance(value, Component)}  # written by their kind
        again = type(component).model_validate(component.model_dump(mode="json") | held)
        equal, hashes = again == component, hash(again) == hash(component)
    except (TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise CheckFailed(f"{type(component).__name__}: its fields must be plain, hashable values; {said}") from error
    require(equal, component, f"written out and read back it must be equal; got {again!r} from {component!r}")
    require(hashes, component, "equal ones must have equal hashes")


def documents(shape: DocumentShape, k: int, rng: Draws) -> np.ndarray:
    """(n, k, *x): valid documents of a shape, none of them special."""
    if shape.kind == "items":
        return (rng.uniform(k) ** 2 * shape.size).astype(np.int32)  # the first items more often
    if shape.grammar is not None:
        return _claims(shape.grammar, k, rng)
    if shape.codec is not None:
        return _texts(shape, k, rng)
    if shape.kind == "tokens":
        token = 1 + rng.integers(max(shape.size - 1, 1), k, shape.length)
        ended = np.arange(shape.length) > rng.integers(shape.length + 1, k, 1)
        return np.where(ended, 0, np.minimum(token, shape.size - 1)).astype(np.int32)
    vector = 0.5 + 1.5 * rng.normal(k, shape.size)
    if shape.kind == "pairs":
        vector[..., -1] += vector[..., :-1].sum(axis=-1)
    return vector


def _claims(grammar: Grammar, k: int, rng: Draws) -> np.ndarray:
    """(n, k, L): documents of none to C claims, about the first facts more often."""
    fact = (rng.uniform(k, grammar.claims) ** 2 * grammar.facts).astype(np.int64)
    slot = (rng.uniform(k, grammar.claims) * grammar.width_F[fact]).astype(np.int64)
    made = np.arange(grammar.claims) < rng.integers(grammar.claims + 1, k, 1)
    return grammar.write(np.where(made, fact, NONE), slot)


def _texts(shape: DocumentShape, k: int, rng: Draws) -> np.ndarray:
    """(n, k, L): short texts of a few letters, whole or cut."""
    letters_nkL = np.array(list(LETTERS))[rng.integers(len(LETTERS), k, shape.length)]
    letters_n = rng.integers(shape.length + 1, k)
    texts = np.empty((rng.n, k), object)
    for i, j in np.ndindex(texts.shape):
        texts[i, j] = "".join(letters_nkL[i, j, : letters_n[i, j]]) + "\0"
    assert shape.codec is not None
    return shape.codec.encode(texts, shape.length)


def why_not_documents(content: object, shape: DocumentShape, *leading: int) -> str | None:
    """What is wrong with content as documents (*leading, *x) of a shape; None if nothing is."""
    if not isinstance(content, np.ndarray):
        return f"must be an array, got {type(content).__name__}"
    wanted = (*leading, *shape.trailing)
    if content.shape != wanted:
        return f"must have shape {wanted}, got {content.shape}"
    if content.dtype != shape.dtype:
        return f"must be {shape.dtype}, got {content.dtype}"
    if shape.dtype.kind == "f":
        return None if np.isfinite(content).all() else "must be finite numbers"
    if content.size and not (content.min() >= 0 and content.max() < shape.size):
        return f"must hold numbers from 0 to {shape.size - 1}, got {content.min()} to {content.max()}"
    if shape.kind == "tokens" and ((content == 0).cumsum(axis=-1) - (content == 0) > 0)[content != 0].any():
        return "must hold nothing but 0 after the first end token (0)"
    return None


def all_documents(shape: DocumentShape) -> np.ndarray | None:
    """(M, *x): every document of a shape, once; None where they are too many or a continuum."""
    if shape.kind == "items" and shape.size <= ENUMERABLE:
        return np.arange(shape.size, dtype=np.int32)
    if shape.kind != "tokens" or shape.size**shape.length > ENUMERABLE:
        return None
    every = np.array(list(itertools.product(range(shape.size), repeat=shape.length)), np.int32)
    after_end = (every == 0).cumsum(axis=1) - (every == 0) > 0
    return every[~(after_end & (every != 0)).any(axis=1)]


def whole_texts(shape: DocumentShape) -> np.ndarray:
    """(M, L): all texts of a few letters that end before a document is full."""
    lengths = range(min(shape.length, LONGEST_LISTED + 1))
    texts = ["".join(letters) + "\0" for many in lengths for letters in itertools.product(LETTERS, repeat=many)]
    assert shape.codec is not None
    return shape.codec.encode(np.array(texts, object), shape.length)


@dataclass(frozen=True)
class Trial:
    """n agents of a learner, a diet for them, and what they do with it. Purposes of streams are the method's names."""

    learner: Learner
    shape: DocumentShape
    n: int = 3
    b: int = 40
    seed: int = 0

    def draws(self, purpose: str, n: int | None = None, seed: int | None = None) -> Draws:
        return Streams(self.seed if seed is None else seed).rows(f"check/{purpose}", 1, self.n if n is None else n)

    @property
    def fluent(self) -> Learner | Translated:
        """The learner as populations speak to it, in the world's documents."""
        return in_tokens(self.learner, self.shape)

    @cached_property
    def content(self) -> np.ndarray:
        """(n, b, *x)"""
        return documents(self.shape, self.b, self.draws("diet"))

    @cached_property
    def weight(self) -> np.ndarray:
        """(n, b): mostly 1, some 2, some 0, never all 0."""
        weight = np.ones((self.n, self.b))
        weight[:, 3::7] = 2
        weight[:, 5::6] = 0
        return weight

    @cached_property
    def fresh(self) -> Params:
        return self.fluent.init(self.n, self.shape, self.draws("init"))

    @cached_property
    def fitted(self) -> Params:
        return self.train(self.content)

    @cached_property
    def probe(self) -> np.ndarray:
        """(M, *x) to score: documents read and others."""
        other = documents(self.shape, 6, self.draws("probe", 1))[0]
        return np.concatenate([self.content[0, :3], self.content[-1, :2], other])

    @cached_property
    def prompts(self) -> np.ndarray:
        """(P, L): beginnings of documents, the last of no tokens."""
        prompt_PL = documents(self.shape, 4, self.draws("prompts", 1))[0]
        prompt_PL[:, self.shape.length // 2 :] = 0
        prompt_PL[-1] = 0
        return prompt_PL

    @cached_property
    def written(self) -> np.ndarray:
        """(n, k, *x): many documents, to be compared with what is stated of them."""
        return self.write(self.fitted, WRITTEN, self.draws("written"))

    def train(self, content: np.ndarray) -> Params:
        return self.fluent.train(self.fresh, content, self.weight, self.draws("train"))

    def write(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        """Documents written, without the columns that copying learners add."""
        written = self.fluent.sample(params, k, rng)
        return written[0] if isinstance(written, tuple) else written

    def behaviour(self, params: Params, rng: Draws) -> dict[str, np.ndarray]:
        """Everything a learner shows of its state, agent axis first."""
        shown = {"log_prob": self.fluent.log_prob(params, self.probe)}
        if self.shape.grammar is not None:
            fact_nQ = np.tile(np.arange(self.shape.grammar.facts), (rng.n, 1))
            shown["beliefs"] = self.fluent.beliefs(params, self.shape.grammar, fact_nQ, rng)
        written = self.fluent.sample(params, 16, rng)
        shown |= {"sample": written[0], "columns": written[1]} if isinstance(written, tuple) else {"sample": written}
        if self.learner.answers:
            shown["answer"] = self.fluent.answer(params, self.prompts, 4, rng)
        moments = self.fluent.moments(params)
        if moments is not None:
            shown |= {"mean": moments.mean_ND, "covariance": moments.covariance_NDD}
        atoms = self.fluent.atoms(params)
        if atoms is not None:
            shown["atoms"] = dense(atoms.item_NU, atoms.mass_NU, self.shape.size)
        return shown


def rows_of(params: Params, rows: np.ndarray | slice) -> Params:
    """The state of some agents."""
    return {name: array[rows] for name, array in params.items()}


def first_difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float = 0.0) -> str | None:
    """What differs between two behaviours, in words; None where nothing does (NaN equals NaN)."""
    for name, array in one.items():
        if array is None and other[name] is None:
            continue
        if name not in other or array.shape != other[name].shape:
            return f"{name} has another shape"
        if array.dtype.kind == "f":
            same = np.allclose(array, other[name], rtol=tolerance, atol=tolerance, equal_nan=True)
        else:
            same = np.array_equal(array, other[name])
        if not same:
            return f"{name} differs"
    return None


def dense(item_nu: np.ndarray, mass_nu: np.ndarray, size: int) -> np.ndarray:
    """(n, K) probabilities from sparse ones."""
    table = np.zeros((len(item_nu), size))
    np.add.at(table, (np.arange(len(item_nu))[:, None], item_nu), mass_nu)
    return table
