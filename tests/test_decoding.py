"""Writing with stacked GPT-2s: the rules are transformers', and the compiled path writes what the plain one writes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numba import njit
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from agents.kernels import choice as compiled
from agents.kernels.choice import Rules
from agents.kernels.single import exponential, gelu
from agents.kernels.tiles import PANEL, add_product, pack, padded
from agents.neural.cached import Cached
from agents.neural.choice import allowed, choose
from agents.neural.decode_native import SLOTS, write_native
from agents.neural.decoding import write, write_stacked
from agents.neural.gpt import GptShape, first_weights, layout, logits
from ecosystem.machine import Machine, use
from ecosystem.streams import Streams

SHAPE = GptShape(vocabulary=61, context=40, layers=2, width=24, heads=3)  # nothing fits whole vectors
GREEDY = Rules(temperature=0.0)
ROUNDING = 1e-4  # float32 logits of two paths agree this well, so chances do too
SAMPLING = [
    Rules(),
    Rules(temperature=0.6),
    Rules(top_k=7),
    Rules(top_p=0.8),
    Rules(temperature=1.4, top_k=20, top_p=0.9, repetition_penalty=1.3),
    Rules(repetition_penalty=0.7),
]


def draws(n: int, purpose: str = "write", seed: int = 0):
    return Streams(seed).rows(purpose, 3, n)


def models(n: int, shape: GptShape = SHAPE, seed: int = 0, ends: float = 0.0) -> np.ndarray:
    """(n, P) weights large enough that what is written depends on what came before; `ends`: added to end logits."""
    weights = first_weights(shape, draws(n, "init", seed)) * 6
    named = {name: part.copy() for name, part in layout(shape).views(weights).items()}
    shift = named["transformer.ln_f.bias"]
    shift[:] = np.sign(shift + 0.5)
    named["transformer.wte.weight"][:, 0] = 0.0
    if ends:
        named["transformer.wte.weight"][:, 0] = shift * ends / shape.width
    return layout(shape).flat(named)


def library(shape: GptShape, weights: np.ndarray) -> GPT2LMHeadModel:
    """transformers' own model with these weights (P,)."""
    config = GPT2Config(
        vocab_size=shape.vocabulary, n_positions=shape.context, n_embd=shape.width, n_layer=shape.layers,
        n_head=shape.heads, bos_token_id=0, eos_token_id=0, pad_token_id=0, tie_word_embeddings=shape.tied,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    named = {name: torch.from_numpy(part[0].copy()) for name, part in layout(shape).views(weights[None]).items()}
    missing, unexpected = model.load_state_dict(named, strict=False)
    assert set(missing) <= {"lm_head.weight"}
    assert not unexpected
    model.tie_weights()
    return model


def generated(shape: GptShape, weights: np.ndarray, prompt: np.ndarray, length: int, **options) -> np.ndarray:
    """(n, k, L) what `generate` writes without sampling, model by model."""
    out = np.zeros((*prompt.shape[:2], length), np.int64)
    for i, own in enumerate(weights):
        start = F.pad(torch.from_numpy(prompt[i]).long(), (1, 0))
        new = length - prompt.shape[2]
        tokens = library(shape, own).generate(
            start, attention_mask=torch.ones_like(start), max_new_tokens=new, do_sample=False, **options
        )
        out[i, :, : tokens.shape[1] - 1] = tokens[:, 1:]
    return out


def prompts(n: int, k: int, given: int, seed: int = 0) -> np.ndarray:
    return (1 + draws(n, "prompt", seed).integers(SHAPE.vocabulary - 1, k, given)).astype(np.int32)


def none(n: int, k: int) -> np.ndarray:
    return np.zeros((n, k, 0), np.int32)


@pytest.fixture(params=[write_native, write_stacked], ids=["native", "stacked"])
def path(request):
    return request.param


# ----------------------------------------------------------------------------------------------------- the rules


def test_allowed_tokens_are_those_of_transformers():
    generator = torch.Generator().manual_seed(1)
    row = torch.randn(300, 61, generator=generator) * 4
    tokens = torch.randint(0, 61, (300, 9), generator=generator)
    for rules in SAMPLING:
        steps = LogitsProcessorList([TemperatureLogitsWarper(rules.temperature)])
        if rules.repetition_penalty != 1:
            steps.insert(0, RepetitionPenaltyLogitsProcessor(rules.repetition_penalty))
        if rules.top_k:
            steps.append(TopKLogitsWarper(rules.top_k))
        if rules.top_p < 1:
            steps.append(TopPLogitsWarper(rules.top_p))
        torch.testing.assert_close(allowed(row, rules, tokens), steps(tokens, row), rtol=1e-6, atol=0)


def test_as_likely_as_the_last_kept_is_kept():
    """Ties are kept together in both paths, so which tokens can be written does not depend on a sort."""
    row = torch.tensor([[[2.0, 1.0, 1.0, 0.0]]])
    for rules in (Rules(top_k=2), Rules(top_p=0.6)):
        assert torch.isfinite(allowed(row, rules, torch.zeros(1, 1, 1, dtype=torch.int64))).tolist() == [
            [[True, True, True, False]]
        ]
        assert [compiled_choice(row[0, 0].numpy(), rules, [], u) for u in (0.0, 0.6, 0.99)] == [0, 1, 2]


@njit
def _compiled(row, size, rules, seen, u):
    return compiled.choose(row, 0, size, rules, seen, 0, u, np.zeros(size), np.zeros(size, np.int32))


def compiled_choice(row: np.ndarray, rules: Rules, tokens, u: float) -> int:
    seen = np.zeros((1, len(row)), np.bool_)
    seen[0, list(tokens)] = True
    return _compiled(row[None].copy(), len(row), rules, seen, u)


@pytest.mark.parametrize("rules", SAMPLING)
def test_compiled_and_plain_choice_are_the_same(rules):
    generator = torch.Generator().manual_seed(2)
    row = torch.randn(1, 400, 150, generator=generator) * 3
    tokens = torch.randint(0, 150, (1, 400, 9), generator=generator)
    u = torch.rand(1, 400, dtype=torch.float64, generator=generator)
    plain = choose(row, rules, tokens, u)[0]
    native = [compiled_choice(row[0, j].numpy(), rules, tokens[0, j].tolist(), u[0, j].item()) for j in range(400)]
    assert native == plain.tolist()


def test_evenly_spaced_numbers_give_every_token_its_share():
    """With u = (i + 1/2) / M a token of chance p is picked M p times, give or take one: no luck is involved."""
    m, row = 4000, torch.randn(61, generator=torch.Generator().manual_seed(3)) * 2
    u = (torch.arange(m, dtype=torch.float64) + 0.5) / m
    nothing = torch.zeros(1, m, 1, dtype=torch.int64)
    for rules in (Rules(), Rules(temperature=0.5), Rules(top_p=0.7)):
        picked = choose(row.expand(1, m, 61), rules, nothing, u[None])[0].bincount(minlength=61)
        chance = allowed(row, rules, torch.zeros(1, dtype=torch.int64)).double().softmax(-1)
        assert (picked - m * chance).abs().max() <= 1
        other = allowed(row, Rules(temperature=1.05), torch.zeros(1, dtype=torch.int64)).double().softmax(-1)
        assert (picked - m * other).abs().max() > 1  # a temperature 5% off is noticed


def test_a_number_at_the_end_picks_a_possible_token():
    row = np.array([0.0, 1.0, -200.0, -np.inf], np.float32)
    highest = np.nextafter(1.0, 0.0)
    assert compiled_choice(row, Rules(top_k=2), [], highest) == 1
    nothing = torch.zeros(1, 1, 1, dtype=torch.int64)
    plain = choose(torch.from_numpy(row)[None, None], Rules(top_k=2), nothing, torch.tensor([[highest]]))
    assert plain.item() == 1


@pytest.mark.parametrize(
    "rules, words",
    [
        (Rules(temperature=-1.0), "'temperature' of decoding must be 0 (greedy) or above. Got -1.0 instead."),
        (Rules(top_k=-2), "'top_k'"),
        (Rules(top_p=0.0), "'top_p' of decoding must be above 0 and at most 1"),
        (Rules(repetition_penalty=0.0), "'repetition_penalty'"),
        (Rules(beams=0), "'beams'"),
        (Rules(beams=4, top_p=0.9), "leave out 'temperature', 'top_k' and 'top_p'"),
    ],
)
def test_bad_rules_are_named(rules, words):
    with pytest.raises(ValueError) as error:
        rules.check()
    assert words in str(error.value)
    Rules(beams=4, temperature=0.0).check()


# ------------------------------------------------------------------------------------- models, and who they equal


@pytest.mark.parametrize("tied", [True, False])
def test_reading_in_pieces_gives_the_logits_of_reading_at_once(tied):
    shape = GptShape(61, 40, 2, 24, 3, tied)
    w = layout(shape).views(torch.from_numpy(first_weights(shape, draws(3, "init")) * 6))
    tokens = torch.from_numpy(prompts(3, 5, 40)).long()
    whole = logits(shape, w, tokens)
    reader = Cached(shape, w, 5, 40)
    for first, last in ((0, 7), (7, 8), (8, 20), (20, 40)):
        torch.testing.assert_close(reader.read(tokens[:, :, first:last]), whole[:, :, last - 1], rtol=0, atol=ROUNDING)


def test_rows_taken_go_on_as_the_rows_they_were():
    w = layout(SHAPE).views(torch.from_numpy(models(2)))
    tokens = torch.from_numpy(prompts(2, 3, 12)).long()
    rows = torch.tensor([[2, 0, 2, 1], [1, 1, 0, 2]])
    reader = Cached(SHAPE, w, 3, 12)
    reader.read(tokens[:, :, :11])
    reader.take(rows)
    taken = tokens.gather(1, rows[..., None].expand(-1, -1, 12))
    torch.testing.assert_close(reader.read(taken[:, :, 11:]), logits(SHAPE, w, taken)[:, :, -1], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("penalty", [1.0, 1.4])
@pytest.mark.parametrize("given", [0, 6])
@pytest.mark.parametrize("tied", [True, False])
def test_greedy_documents_are_those_of_generate(path, penalty, given, tied):
    shape = GptShape(61, 40, 2, 24, 3, tied)
    weights = first_weights(shape, draws(3, "init")) * 6
    start = prompts(3, 4, given)
    written = path(shape, weights, start, 40, GREEDY._replace(repetition_penalty=penalty), draws(3))
    assert (written == generated(shape, weights, start, 40, repetition_penalty=penalty)).all()


@pytest.mark.parametrize("ends", [0.0, 8.0])
@pytest.mark.parametrize("beams, given, penalty", [(2, 0, 1.0), (5, 6, 1.0), (4, 3, 1.3)])
def test_beam_search_is_that_of_generate(ends, beams, given, penalty):
    weights, start = models(4, ends=ends), prompts(4, 3, given)
    rules = Rules(beams=beams, repetition_penalty=penalty)
    written = write(SHAPE, weights, start, 24, rules, draws(4))
    theirs = generated(SHAPE, weights, start, 24, num_beams=beams, repetition_penalty=penalty, length_penalty=1.0)
    assert (written == theirs).all()


def test_beams_matter_and_some_documents_end_before_the_limit():
    """So that the equalities above say something."""
    weights, start = models(4, ends=8.0), prompts(4, 3, 3)
    beams = write(SHAPE, weights, start, 24, Rules(beams=4), draws(4))
    greedy = write(SHAPE, weights, start, 24, GREEDY, draws(4))
    assert (beams != greedy).any()
    assert (beams == 0).any(2).any()
    assert not (beams == 0).any(2).all()


# ---------------------------------------------------------------------------------------- the compiled path's equality


def explained(weights: np.ndarray, rules: Rules, document: np.ndarray, t: int, u: float, token: int) -> bool:
    """Whether `token` at place t is the plain path's choice for a number, or a top-p, within rounding of its own."""
    w = layout(SHAPE).views(torch.from_numpy(weights[None].copy()))
    seen = F.pad(torch.from_numpy(document[:t]).long(), (1, 0))[None, None]
    row = logits(SHAPE, w, seen)[:, :, -1]
    near = [(rules.top_p + p, u + q) for p in (-ROUNDING, 0, ROUNDING) for q in (-ROUNDING, 0, ROUNDING)]
    return any(choose(row, rules._replace(top_p=p), seen, torch.tensor([[q]])).item() == token for p, q in near)


@pytest.mark.parametrize("rules", SAMPLING)
@pytest.mark.parametrize("given", [0, 5])
def test_native_and_stacked_write_the_same_tokens(rules, given):
    """Unless a number falls within rounding of a boundary between two tokens; such a document differs from there on.

    Logits differ by some 1e-6 and there are 60 boundaries: of 40 tokens one is so in 2 documents of 1,000 at most.
    """
    k, weights, start = SLOTS + 20, models(3, ends=5.0), prompts(3, SLOTS + 20, given)
    native = write_native(SHAPE, weights, start, 40, rules, draws(3))
    plain = write_stacked(SHAPE, weights, start, 40, rules, draws(3))
    ended = (plain == 0).any(2)
    assert ended.any()  # rows end and are taken over by other documents
    assert not ended.all()
    u = draws(3).uniform(k, 40)
    differ = np.argwhere((native != plain).any(2))
    for i, j in differ:
        t = int(np.argmax(native[i, j] != plain[i, j]))
        assert explained(weights[i], rules, plain[i, j], t, u[i, j, t], int(native[i, j, t]))
    assert len(differ) <= 0.02 * 3 * k


def test_other_numbers_write_other_documents(path):
    weights = models(1)
    one, two = (path(SHAPE, weights, none(1, 6), 20, Rules(), draws(1, seed=seed)) for seed in (0, 1))
    assert (one != two).any(2).all()


def test_natively_written_documents_do_not_depend_on_company():
    """To the last bit: agents alone, fewer documents, any number of threads."""
    weights, rules = models(5, ends=5.0), Rules(temperature=0.9)
    together = write_native(SHAPE, weights, none(5, 90), 40, rules, draws(5))
    for i in range(5):
        alone = write_native(SHAPE, weights[i : i + 1], none(1, 90), 40, rules, draws(5).take(np.array([i])))
        assert (alone[0] == together[i]).all()
    assert (write_native(SHAPE, weights, none(5, 7), 40, rules, draws(5)) == together[:, :7]).all()
    for threads in (2, 3):
        use(Machine(threads=threads))
        try:
            assert (write_native(SHAPE, weights, none(5, 90), 40, rules, draws(5)) == together).all()
            assert (write_native(SHAPE, weights[:1], none(1, 90), 40, rules, draws(1)) == together[:1]).all()
        finally:
            use(Machine())


def test_stacked_documents_do_not_depend_on_tiles_of_agents():
    weights = models(11)
    together = write_stacked(SHAPE, weights, none(11, 6), 24, GREEDY, draws(11))
    last = write_stacked(SHAPE, weights[9:], none(2, 6), 24, GREEDY, draws(11).take(np.array([9, 10])))
    assert (together[9:] == last).all()


@pytest.mark.parametrize("rules", [Rules(), GREEDY, Rules(beams=3)])
def test_a_document_that_has_ended_stays_ended_and_a_prompt_stays(rules):
    start = prompts(2, 8, 6)
    start[:, 0, 3] = 0  # complete, with something behind its end
    written = write(SHAPE, models(2, ends=25.0), start, 30, rules, draws(2))
    assert written.dtype == np.int32
    assert (written[:, 1:, :6] == start[:, 1:]).all()
    assert (written[:, 0, :3] == start[:, 0, :3]).all()
    assert (written[:, 0, 3:] == 0).all()
    after = np.cumsum(written == 0, axis=2) > 0
    assert (written[after] == 0).all()
    assert (write(SHAPE, models(2), start[:, 1:], 6, rules, draws(2)) == start[:, 1:]).all()


@pytest.mark.parametrize("rules", [Rules(), GREEDY, Rules(beams=3)])
def test_writing_takes_one_call_of_the_stream(rules):
    for given in (0, 4, 10):
        rng, other = draws(2), draws(2)
        write(SHAPE, models(2), prompts(2, 3, given), 10, rules, rng)
        other.next_call()
        assert (rng.uniform(5) == other.uniform(5)).all()


@pytest.mark.parametrize("rules", [GREEDY, Rules(beams=3)])
def test_without_chance_and_prompt_all_documents_are_one(rules):
    written = write(SHAPE, models(2), none(2, 4), 16, rules, draws(2))
    assert (written == written[:, :1]).all()
    assert (written == write_stacked(SHAPE, models(2), none(2, 4), 16, rules, draws(2))).all()


def test_nothing_asked_for_is_nothing_written(path):
    assert path(SHAPE, models(2), none(2, 0), 16, Rules(), draws(2)).shape == (2, 0, 16)
    assert path(SHAPE, models(2)[:0], none(0, 3), 16, Rules(), draws(0)).shape == (0, 3, 16)


def test_documents_beyond_the_context_are_refused():
    with pytest.raises(ValueError, match=r"Documents of 41 tokens need a context of at least 41. Got 40."):
        write(SHAPE, models(1), none(1, 1), 41, Rules(), draws(1))
    with pytest.raises(ValueError, match=r"must leave room in documents of 8 tokens. Got one of 9."):
        write(SHAPE, models(1), prompts(1, 1, 9), 8, Rules(), draws(1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("rules", [GREEDY, Rules(), Rules(beams=3)])
def test_a_gpu_writes_what_the_cpu_writes(rules):
    weights, start = models(3), prompts(3, 20, 4)
    here = write(SHAPE, weights, start, 40, rules, draws(3))
    use(Machine(device="cuda"))
    try:
        there = write(SHAPE, weights, start, 40, rules, draws(3))
    finally:
        use(Machine())
    assert (here != there).any(2).mean() <= 0.05  # a few, where a choice is within rounding


# ------------------------------------------------------------------------------------------------ products in tiles


def product(a: np.ndarray, b: np.ndarray, transposed: bool = False) -> np.ndarray:
    inner, columns = b.shape
    packed = np.zeros(inner * padded(columns, PANEL), np.float32)
    steps = (1, inner) if transposed else (columns, 1)
    pack(np.ascontiguousarray(b.T if transposed else b).ravel(), 0, inner, columns, *steps, packed, 0)
    out = np.zeros((len(a), padded(columns, PANEL)), np.float32)
    add_product(out, 0, a, 0, len(a), packed, 0, inner, columns)
    assert (out[:, columns:] == 0).all()
    return out[:, :columns]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("inner, columns", [(1, 1), (5, 64), (24, 61), (33, 130), (64, 192)])
def test_products_in_tiles_are_products(inner, columns, transposed):
    rng = np.random.default_rng(0)
    b = rng.normal(size=(inner, columns)).astype(np.float32)
    for rows in range(1, 12):
        a = rng.normal(size=(rows, inner)).astype(np.float32)
        bound = np.abs(a).astype(np.float64) @ np.abs(b) * inner * 2.0**-24  # Higham 2002, eq. 3.5: gamma_n |A| |B|
        assert (np.abs(product(a, b, transposed) - a.astype(np.float64) @ b) <= bound * 1.01).all()


def test_a_row_of_a_product_does_not_depend_on_the_others():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(9, 40)).astype(np.float32), rng.normal(size=(40, 70)).astype(np.float32)
    whole = product(a, b)
    for rows in range(1, 9):
        assert (product(a[:rows], b) == whole[:rows]).all()


@njit
def _exponentials(x, out):
    for j in range(x.size):
        out[j] = exponential(x[j])


def test_single_precision_exponentials_and_gelu():
    x = np.linspace(-87, 88, 200_001).astype(np.float32)
    out = np.empty_like(x)
    _exponentials(x, out)
    exact = np.exp(x.astype(np.float64))
    assert np.abs(out / exact - 1).max() <= 2 * 2.0**-23
    x = np.linspace(-30, 30, 20_001).astype(np.float32)
    out = x[None].copy()
    gelu(out, 1, x.size)
    exact = F.gelu(torch.from_numpy(x).double(), approximate="tanh").numpy()
    assert (np.abs(out[0] - exact) <= 8 * 2.0**-24 * np.maximum(np.abs(x), 1)).all()
