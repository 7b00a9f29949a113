"""The world's tokenizer as files that transformers' AutoTokenizer loads, with the world's tokens as ids.

The world's token i is id i - 1 of its `tokenizers` model, and token 0 ends a document. Here every id is moved up by one
and 0 becomes the special token "<|endoftext|>"; nothing else changes, since merges and longest words go by spelling and
not by id. Bytes and characters, which have no such model, are spelt as words of one character. So for every kind of
tokenizer the ids of a text are the world's, but for a text that holds "<|endoftext|>" itself: AutoTokenizer takes that
for the end (unless `split_special_tokens=True`), while in a world no text ends a document.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from ecosystem.text.tokens import Vocabulary, byte_of

END_WORD = "<|endoftext|>"
FILE = "tokenizer.json"


def save(vocabulary: Vocabulary, folder: Path, context: int) -> None:
    """Writes tokenizer.json and tokenizer_config.json."""
    made(vocabulary).save(str(folder / FILE))
    ends = dict.fromkeys(("bos_token", "eos_token", "pad_token"), END_WORD)
    rest = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    told = json.dumps(rest | ends | {"model_max_length": context}, indent=2)
    (folder / "tokenizer_config.json").write_text(told + "\n", encoding="utf-8")


def made(vocabulary: Vocabulary) -> Tokenizer:
    """The vocabulary as a `tokenizers` model whose ids are the world's tokens."""
    plain = json.loads((vocabulary.model or _of_characters(vocabulary)).to_str())
    moved = {piece: i + 1 for piece, i in plain["model"]["vocab"].items()}
    plain["model"]["vocab"] = {END_WORD: 0, **moved}
    tokenizer = Tokenizer.from_str(json.dumps(plain))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END_WORD])
    return tokenizer


def difference(vocabulary: Vocabulary, folder: Path) -> str | None:
    """Says in what a folder's tokenizer differs from the world's; None where it does not, or where there is none."""
    try:
        theirs = json.loads((folder / FILE).read_text("utf-8"))["model"]
    except OSError:
        return None
    except (ValueError, LookupError, TypeError):
        return f"{FILE} cannot be read"
    ours = json.loads(made(vocabulary).to_str())["model"]
    return _difference(ours, theirs)


def _difference(ours: dict[str, Any], theirs: dict[str, Any]) -> str | None:
    if theirs.get("type") != ours["type"]:
        return f"of type {theirs.get('type')}, not {ours['type']}"
    piece = {i: piece for piece, i in theirs["vocab"].items()}
    for word, i in sorted(ours["vocab"].items(), key=lambda entry: entry[1]):
        if piece.get(i) != word:
            return f"token {i} is {piece.get(i)!r} there and {word!r} here"
    return "it merges otherwise" if theirs.get("merges") != ours.get("merges") else None


def _of_characters(vocabulary: Vocabulary) -> Tokenizer:
    """Single bytes and whole characters: every character is a word, spelt by the longest pieces that it begins with.

    No character's bytes begin another's in UTF-8, so that is the character itself where it is a token, else its bytes.
    """
    letter = {byte: letter for letter, byte in byte_of().items()}
    pieces = {"".join(letter[b] for b in piece): i for i, piece in enumerate(vocabulary.pieces[1:])}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="", continuing_subword_prefix=""))
    each = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [each, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return tokenizer
