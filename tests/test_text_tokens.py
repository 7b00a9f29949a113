"""Tokenizers: text comes back byte for byte, training is repeatable, and the end token stays out of texts."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ecosystem.text.tokens import BYTES, END, Tokenizer, harmless

PROSE = [
    "The raven sat on the bust, and the bust sat on the door; the door was shut.",
    "«Déjà vu» – naïve café, 東京 tower, ☕️ and 🦜🦜.\n\tNo more!\r\n",
    "the the the raven raven door",
]
KINDS = [("byte", 257), ("character", 264), ("word", 280), ("bpe", 300), ("bpe", 257), ("word", 257)]
TRAINED = {given: Tokenizer(kind=given[0], vocabulary=given[1]).train(PROSE) for given in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(text=st.text(max_size=200) | st.sampled_from([*PROSE, "=" * 1000, "a b" * 99, "<end>", "\x00\ufeff", "[UNK]"]))
@settings(max_examples=60, deadline=None)
def test_text_comes_back_byte_for_byte(kind, text):
    vocabulary = TRAINED[kind]
    (tokens,) = vocabulary.encode([text])
    assert vocabulary.decode(tokens) == text.encode()
    assert tokens.dtype == np.int32
    assert ((tokens > END) & (tokens < vocabulary.size)).all()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_vocabulary_is_at_most_as_large_as_asked_for_and_holds_every_byte(kind):
    vocabulary = TRAINED[kind]
    assert BYTES + 1 <= vocabulary.size <= kind[1]
    assert set(vocabulary.pieces) >= {bytes([b]) for b in range(BYTES)}
    assert vocabulary.pieces[END] == b""
    assert len(set(vocabulary.pieces)) == vocabulary.size


def test_decoding_stops_at_the_first_end_token():
    vocabulary = TRAINED[("bpe", 300)]
    (tokens,) = vocabulary.encode(["the raven"])
    assert vocabulary.decode(np.concatenate([tokens, [END], tokens]).astype(np.int32)) == b"the raven"


def test_frequent_words_and_characters_become_tokens_of_their_own():
    assert b" raven" in TRAINED[("word", 280)].pieces
    assert "🦜".encode() in TRAINED[("character", 264)].pieces
    (words,) = TRAINED[("word", 280)].encode([" raven raven"])
    assert len(words) == 2


def test_training_twice_gives_the_same_vocabulary_also_in_another_process():
    texts = [" ".join(f"w{i * i % 97}" for i in range(seed, seed + 400)) for seed in range(5)]
    code = (
        "import sys; from ecosystem.text.tokens import Tokenizer\n"
        f"for kind in ('bpe', 'word', 'character'):\n"
        f"    print(Tokenizer(kind=kind, vocabulary=330).train({texts!r}).pieces)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    here = [Tokenizer(kind=kind, vocabulary=330).train(texts).pieces for kind in ("bpe", "word", "character")]
    assert other.splitlines() == [str(pieces) for pieces in here]


def test_a_vocabulary_without_room_for_the_bytes_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 257"):
        Tokenizer(vocabulary=256)


def test_what_is_shown_cannot_steer_a_terminal_or_hide():
    assert harmless("plain\ttext\nand é, 東京, ½") == "plain\ttext\nand é, 東京, ½"
    for hidden in ("\x1b[2J", "\x07", "\u202e", "\u200b", "\x9b", "\u2028", "\ue000", "\x00", "\xad"):
        shown = harmless(f"a{hidden}b")
        assert hidden not in shown
        assert shown.startswith("a\ufffd")
