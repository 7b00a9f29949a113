"""Weights go both ways: what is saved is transformers' own GPT-2, and what transformers saved starts a group.

Two programs sum the same few hundred products of size 1 in another order: errors of 2^-24 each add up as in a random
walk, to some 1e-6. CLOSE is ten times that; one wrong weight changes a logit by far more (the negative control).
"""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPT2Model

from agents.neural import gpt, world_tokenizer
from agents.neural.gpt import GptShape
from agents.neural.pretrained import load_pretrained, pretrained_shape, save_pretrained
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.streams import Streams
from ecosystem.text.codec import TextCodec
from ecosystem.text.tokens import Tokenizer

SHAPES = [GptShape(11, 8, 2, 12, 3), GptShape(40, 16, 1, 8, 1, tied=False)]
CLOSE = 1e-5
TEXTS = [
    "The cat sat on the mat, the cat's mat.\n\nAnd so — on: ünï côdé 日本語 日本 😀  twice",
    "The cat sat on the mat, the cat's mat.\n\nAnd so — on: ünï côdé 日本語 日本 😀  once",
]
PROBES = [*TEXTS, "", "\u200bnew ψ 🧬 words", "a" * 300 + " " + "é" * 200, "   lead", "trail  \n", "tab\tNUL\x00"]


def weights(shape: GptShape, seed: int = 0) -> np.ndarray:
    """Weights of one model, biases and scales at random, too."""
    return Streams(seed).rows("weights", 0, 1).normal(gpt.layout(shape).size)[0].astype(np.float32) / 4


def stacked_logits(shape: GptShape, weights_P: np.ndarray, tokens: torch.Tensor) -> torch.Tensor:
    w = gpt.layout(shape).views(torch.from_numpy(weights_P.copy())[None])
    return gpt.logits(shape, w, tokens[None])[0]


def some_tokens(shape: GptShape) -> torch.Tensor:
    u = Streams(1).rows("tokens", 0, 3).uniform(shape.context)
    return torch.from_numpy((u * shape.vocabulary).astype(np.int64))


def their_model(**config) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes = dict(vocab_size=11, n_positions=8, n_embd=12, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0)
    return GPT2LMHeadModel(GPT2Config(**(sizes | config))).eval()


@pytest.fixture
def folder(tmp_path):
    """A model saved by us, of 11 tokens and 8 positions."""
    return save_pretrained(weights(SHAPES[0]), SHAPES[0], tmp_path / "model")


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES, ids=["tied", "untied"])
def test_a_saved_model_has_equal_logits_in_transformers(tmp_path, shape):
    save_pretrained(weights(shape), shape, tmp_path)
    theirs, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert (theirs.config.bos_token_id, theirs.config.eos_token_id, theirs.config.pad_token_id) == (0, 0, 0)
    tokens = some_tokens(shape)
    ours = stacked_logits(shape, weights(shape), tokens)
    torch.testing.assert_close(theirs(tokens).logits, ours, atol=CLOSE, rtol=CLOSE)
    other = weights(shape)
    other[gpt.layout(shape).size // 2] += 1  # negative control: one weight
    assert (theirs(tokens).logits - stacked_logits(shape, other, tokens)).abs().max() > 100 * CLOSE


@torch.no_grad()
@pytest.mark.parametrize(
    "how, tied",
    [*itertools.product(["whole", "in parts", "half precision"], [True, False]), ("without its head", True)],
)
def test_a_model_of_transformers_starts_with_equal_logits(tmp_path, how, tied):
    theirs = their_model(tie_word_embeddings=tied)
    if how == "half precision":
        theirs = theirs.half()
    saved = theirs.transformer if how == "without its head" else theirs
    saved.save_pretrained(tmp_path, max_shard_size="2KB" if how == "in parts" else "1GB")
    assert (tmp_path / "model.safetensors.index.json").exists() == (how == "in parts")
    shape, weights_P = load_pretrained(str(tmp_path))
    assert shape == GptShape(11, 8, 2, 12, 3, tied)
    tokens = some_tokens(shape)
    found = stacked_logits(shape, weights_P, tokens)
    torch.testing.assert_close(found, theirs.float()(tokens).logits, atol=CLOSE, rtol=CLOSE)


def test_what_is_saved_comes_back_bit_for_bit(folder):
    shape, found = load_pretrained(str(folder))
    assert shape == SHAPES[0] == pretrained_shape(str(folder))
    assert np.array_equal(found, weights(SHAPES[0]))
    save_pretrained(weights(shape, seed=5), shape, folder)
    assert np.array_equal(load_pretrained(str(folder))[1], weights(shape, seed=5))  # not what was kept of it


def test_weights_of_another_size_are_not_saved(tmp_path):
    with pytest.raises(ValueError, match="weights_P must have shape"):
        save_pretrained(weights(SHAPES[0])[:-1], SHAPES[0], tmp_path)


@pytest.mark.parametrize("kind", ["byte", "character", "word", "bpe"])
def test_the_saved_tokenizer_gives_the_tokens_of_the_world(tmp_path, kind):
    vocabulary = Tokenizer(kind=kind, vocabulary=280).train(TEXTS)
    shape = GptShape(vocabulary.size, 512, 1, 4, 1)
    save_pretrained(weights(shape), shape, tmp_path, vocabulary)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for text, ours in zip(PROBES, vocabulary.encode(PROBES), strict=True):
        assert theirs.encode(text) == ours.tolist()
        assert theirs.decode(ours.tolist()) == text
    assert (len(theirs), theirs.eos_token_id, theirs.bos_token_id, theirs.pad_token_id) == (vocabulary.size, 0, 0, 0)
    pad = theirs(["The cat", "The"], padding=True, padding_side="right")["input_ids"]
    assert len(pad[0]) == len(pad[1])
    assert pad[1][-1] == 0


def test_the_end_word_is_the_only_text_that_is_read_otherwise(tmp_path):
    vocabulary = Tokenizer(kind="byte", vocabulary=257).train(TEXTS)
    shape = GptShape(vocabulary.size, 64, 1, 4, 1)
    save_pretrained(weights(shape), shape, tmp_path, vocabulary)
    theirs, text = AutoTokenizer.from_pretrained(tmp_path), world_tokenizer.END_WORD
    assert theirs.encode(text) == [0]
    assert theirs.encode(text, split_special_tokens=True) == vocabulary.encode([text])[0].tolist()


def test_a_model_of_this_world_starts_in_it_and_one_of_another_does_not(tmp_path):
    here, there = (Tokenizer(kind="bpe", vocabulary=270).train([t]) for t in TEXTS_APART)
    assert here.size == there.size
    shape = GptShape(here.size, 16, 1, 4, 1)
    folder = str(save_pretrained(weights(shape), shape, tmp_path, here))
    documents = DocumentShape("tokens", here.size, 16, TextCodec(here))
    assert load_pretrained(folder, documents)[0] == shape
    with pytest.raises(InputError, match=r"its tokenizer is not this world's: token \d+ is '.*' there and '.*' here"):
        load_pretrained(folder, DocumentShape("tokens", there.size, 16, TextCodec(there)))
    bytes_only = Tokenizer(kind="byte").train(TEXTS)
    shape = GptShape(bytes_only.size, 16, 1, 4, 1)
    folder = str(save_pretrained(weights(shape), shape, tmp_path / "bytes", bytes_only))
    (tmp_path / "bytes" / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer\.json cannot be read"):
        load_pretrained(folder, DocumentShape("tokens", bytes_only.size, 16, TextCodec(bytes_only)))


TEXTS_APART = ("the cat sat on the mat and the cat sat " * 3, "every good boy deserves food every good boy " * 3)


@pytest.mark.parametrize(
    "documents, says",
    [
        (DocumentShape("tokens", 12, 8), "has a vocabulary of 11 tokens; this world's has 12"),
        (DocumentShape("tokens", 11, 9), "has 8 positions; documents of this world have 9 tokens"),
    ],
)
def test_a_model_that_cannot_read_the_documents_is_refused(folder, documents, says):
    assert load_pretrained(str(folder), DocumentShape("tokens", 11, 8))
    with pytest.raises(InputError, match=says):
        load_pretrained(str(folder), documents)


def test_a_context_longer_than_the_models_is_refused(folder):
    assert pretrained_shape(str(folder), context=8) == SHAPES[0]
    with pytest.raises(InputError, match="has 8 positions; got context 9"):
        pretrained_shape(str(folder), context=9)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"model_type": "llama"}, "model_type must be gpt2 for a transformer; got llama. The causal_lm learner"),
        ({"model_type": None}, "model_type must be gpt2"),
        ({"activation_function": "relu"}, "activation_function must be gelu_new .* got relu"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon must be 1e-05 .* got 1e-06"),
        ({"scale_attn_weights": False}, "scale_attn_weights must be True"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx must be False"),
        ({"reorder_and_upcast_attn": True}, "reorder_and_upcast_attn must be False"),
        ({"add_cross_attention": True}, "add_cross_attention must be False"),
        ({"quantization_config": {}}, "quantization_config must be left out"),
        ({"n_inner": 13}, r"n_inner must be 4 n_embd \(48\) for a transformer; got 13"),
        ({"n_head": 5}, r"n_embd must be a multiple of n_head \(5\)"),
        ({"n_layer": "2"}, "n_layer must be a whole number from 1 for a transformer; got 2"),
        ({"n_layer": True}, "n_layer must be a whole number from 1"),
        ({"n_head": 0}, "n_head must be a whole number from 1"),
        ({"n_layer": 3}, r"transformer\.h\.2\.ln_1\.weight must have shape \(12,\); got nothing"),
        ({"n_layer": 1}, r"holds weights that GPT-2 has none of: h\.1\."),
        ({"vocab_size": 12}, r"transformer\.wte\.weight must have shape \(12, 12\); got \(11, 12\)"),
        ({"tie_word_embeddings": False}, r"lm_head\.weight must have shape \(11, 12\); got nothing"),
    ],
)
def test_another_architecture_is_refused(folder, change, says):
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(InputError, match=says) as caught:
        load_pretrained(str(folder))
    assert len(caught.value.lines) == 1
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_what_a_configuration_leaves_out_is_as_in_transformers(folder):
    config = folder / "config.json"
    bare = json.loads(config.read_text())
    for key in ("activation_function", "layer_norm_epsilon", "n_inner", "tie_word_embeddings", "scale_attn_weights"):
        del bare[key]
    config.write_text(json.dumps(bare))
    assert load_pretrained(str(folder))[0] == SHAPES[0]
    theirs = GPT2Config()
    config.write_text(json.dumps({"model_type": "gpt2"}))
    assert pretrained_shape(str(folder)) == GptShape(
        theirs.vocab_size, theirs.n_positions, theirs.n_layer, theirs.n_embd, theirs.n_head
    )


def test_an_end_token_other_than_the_worlds_is_refused(tmp_path):
    their_model(eos_token_id=4).save_pretrained(tmp_path)
    assert load_pretrained(str(tmp_path))
    with pytest.raises(InputError, match="eos_token_id must be 0, the end token of this world; got 4"):
        load_pretrained(str(tmp_path), DocumentShape("tokens", 11, 8))


def test_old_files_with_masks_among_their_weights_are_read(tmp_path):
    theirs = their_model()
    old = {name.removeprefix("transformer."): array for name, array in theirs.state_dict().items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 8, 8).tril()
    del old["lm_head.weight"]
    GPT2Model(theirs.config).save_pretrained(tmp_path)
    from safetensors.torch import save_file

    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    found = gpt.layout(SHAPES[0]).views(load_pretrained(str(tmp_path))[1][None])
    for name, array in theirs.state_dict().items():
        if name != "lm_head.weight":
            assert np.array_equal(found[name][0], array.numpy())


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


def test_pickled_weights_are_refused_and_not_opened(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    torch.save({"transformer.wte.weight": Trap(tmp_path / "sprung")}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"safetensors .* got pytorch_model\.bin"):
        load_pretrained(str(folder))
    assert not (tmp_path / "sprung").exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)  # the trap does spring for who opens it
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("damage", [b"", b"\x08\0\0\0\0\0\0\0{}", "half", "nan", "index"])
def test_damaged_weights_are_one_line(folder, damage):
    file = folder / "model.safetensors"
    if damage == "half":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "nan":
        bad = weights(SHAPES[0])
        bad[-1] = np.nan
        save_pretrained(bad, SHAPES[0], folder)
    elif damage == "index":
        (folder / "model.safetensors.index.json").write_text('{"weight_map": []}')
    else:
        file.write_bytes(damage)
    with pytest.raises(InputError, match=r"cannot be read|not finite") as caught:
        load_pretrained(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("config", ["", "[]", "{", "\xff"])
def test_a_damaged_configuration_is_one_line(folder, config):
    (folder / "config.json").write_bytes(config.encode("latin1"))
    with pytest.raises(InputError, match=r"config\.json: must") as caught:
        load_pretrained(str(folder))
    assert "\n" not in str(caught.value)


def test_a_missing_folder_names_the_nearest(folder):
    with pytest.raises(InputError, match=r"modle: no such folder \(did you mean 'model'\?\)"):
        load_pretrained(str(folder.parent / "modle"))


def test_a_hub_id_while_offline_is_one_line(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=r"some-one/some-model.*offline") as caught:
        load_pretrained("some-one/some-model")
    assert "\n" not in str(caught.value)
