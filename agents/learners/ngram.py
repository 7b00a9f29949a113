"""The n-gram learner: the next token from counts of what followed the last few."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Union

import numpy as np
from pydantic import Field

from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner, Params
from ecosystem.streams import Draws
from ecosystem.text.ngrams import Rule, answer, learn, write
from ecosystem.text.scores import score

BLOCK = 1 << 16  # tokens scored at a time, at least: bounds the memory of `log_prob`


class Ngram(Learner):
    """Counts which token followed which `order` - 1 tokens in what it reads, and writes token by token from the counts.

    p(w | h) = share(h) c(h w) / c(h) + (1 - share(h)) p(w | h without its oldest token), interpolated down to the
    frequencies of single tokens, and from there to the uniform distribution by `smoothing`; it sums to 1 in every
    context. A document begins after a context of its own and ends with the end token or at `length`. Weights of
    documents are weights of counts. A fit is anew from its diet: nothing of an earlier one is kept.

    With order 1, smoothing 0 and temperature 1 tokens are independent draws from the frequencies read: the categorical
    model, which drifts by the laws of `theory`. smoothing 0 makes unread tokens impossible (log-probability -inf); any
    smoothing lets a model write, rarely, a token it has never read: about one in (tokens read) / (smoothing x V).

    State, the agent axis first: text (n, b, order + L + 1) the documents read, with margins; weight (n, b); place
    (n, b (L + 1)) their places sorted by what comes before; used (n,) how many of these are in use; vocabulary (n,).
    Memory is 8 bytes a token read, whatever the order and the vocabulary; rows may be padded with zeros along their
    second axis. A fit takes time linear in tokens, and so does writing.

    Source: Witten & Bell 1991, doi:10.1109/18.87000; Jelinek & Mercer 1980; compared in Chen & Goodman 1999,
    doi:10.1006/csla.1999.0128. The sorted text is in `ecosystem/text/runs.py`, the odds in `ecosystem/text/ngrams.py`.
    """

    reads: ClassVar[tuple[str, ...]] = ("tokens",)
    answers: ClassVar[bool] = True

    order: int = Field(3, ge=1, le=8, description="Tokens of an n-gram; 1: single tokens, each drawn independently.")
    backoff: Union[Literal["witten_bell"], Annotated[float, Field(ge=0, lt=1)]] = Field(
        "witten_bell",
        description="Share of the shorter context where the longer one was read: witten_bell (kinds / (count + kinds)) "
        "or a constant; 0: only the longest context that was read counts.",
    )
    smoothing: float = Field(
        0.001, ge=0, le=1000, description="Pseudo-count of every token; 0: what was not read is impossible."
    )
    temperature: float = Field(1.0, ge=0.05, le=20, description="Below 1 sharpens what is written; above 1 flattens.")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        return {
            "text": np.empty((n, 0, self.order + shape.length + 1), np.int32),
            "weight": np.empty((n, 0)),
            "place": np.empty((n, 0), np.int32),
            "used": np.zeros(n, np.int64),
            "vocabulary": np.full(n, shape.size, np.int64),
        }

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        n, b, length = content.shape
        if b * (self.order + length + 1) >= 2**31:
            raise ValueError(f"An n-gram model reads at most 2^31 tokens with margins. Got {b} documents of {length}.")
        text = np.empty((n, b, self.order + length + 1), np.int32)
        place, used = np.empty((n, b * (length + 1)), np.int32), np.empty(n, np.int64)
        weight = np.array(weight, np.float64, order="C")
        vocabulary = params["vocabulary"].copy()
        learn(_plain(content), weight, vocabulary[0] if n else np.int64(1), text, place, used)
        return {"text": text, "weight": weight, "place": place, "used": used, "vocabulary": vocabulary}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        n, _, stride = params["text"].shape
        out = np.zeros((n, k, stride - self.order - 1), np.int32)
        call = rng.next_call()
        if n:
            text, weight, place, used = _read(params)
            write(text, weight, place, used, self._rule(params), rng.key, call, rng.agents, rng.step, out)
        return out

    def answer(self, params: Params, prompt_PL: np.ndarray, k: int, rng: Draws) -> np.ndarray:
        n, (many, length) = len(params["used"]), prompt_PL.shape
        out = np.zeros((n, many, k, length), np.int32)
        calls = [rng.next_call() for _ in range(many)]  # one a prompt, in a row: its answers are its own
        if n and many:
            text, weight, place, used = _read(params)
            prompts, rule = _plain(prompt_PL), self._rule(params)
            answer(text, weight, place, used, rule, prompts, rng.key, calls[0], rng.agents, rng.step, out)
        return out

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        n, m = len(params["used"]), len(content)
        out = np.empty((n, m))
        content = _plain(content)
        tokens = max(BLOCK, params["place"].shape[1])  # sorting the documents should not cost less than a model's text
        rows = max(1, tokens // content.shape[1])
        text, weight, place, used = _read(params)
        for first in range(0, m if n else 0, rows):
            part = np.empty((n, min(rows, m - first)))
            score(text, weight, place, used, self._rule(params), content[first : first + rows], part)
            out[:, first : first + rows] = part
        return out

    def _rule(self, params: Params) -> Rule:
        constant = -1.0 if self.backoff == "witten_bell" else float(self.backoff)
        return Rule(self.order, constant, float(self.smoothing), 1.0 / self.temperature, int(params["vocabulary"][0]))


def _read(params: Params) -> tuple[np.ndarray, ...]:
    """The state as the kernels take it."""
    return tuple(np.require(params[name], requirements=("C", "W")) for name in ("text", "weight", "place", "used"))


def _plain(content: np.ndarray) -> np.ndarray:
    """int32, in C order and writable: one type of array, so that kernels are compiled once."""
    return np.require(content, np.int32, ("C", "W"))
