"""A small entailment model for tests: built here, and trained here on the claims of a small world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from ecosystem.grammar import Grammar
from tests.fact_worlds import facts

KEYS = {"places": 0}  # of the world whose claims it is trained on
SHOWN, BATCH, ROUNDS = 4_000, 50, 4
LABELS = {0: "Entailment", 1: "not_entailment"}


def grammar() -> Grammar:
    return facts(**KEYS).truth().grammar


def tokenizer() -> PreTrainedTokenizerFast:
    """A token for every entity and relation."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = [*special, *grammar().entity_names, *grammar().relation_names]
    model = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.Split(Regex(r" \| |; |\n"), "removed")
    model.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=model, model_max_length=40, **named)


def examples(count: int, seed: int) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Pairs of a premise, of one to four claims of a fact, and a claim of that fact; whether the premise states it."""
    told, rng = grammar(), np.random.default_rng(seed)
    pairs, stated_M = [], rng.random(count) < 0.5
    for stated in stated_M:
        fact, width = rng.integers(told.facts), int(told.width_F.min())
        slots = rng.integers(width, size=rng.integers(1, 5)) if stated else rng.integers(width - 1, size=3)
        said = rng.choice(slots) if stated else rng.choice(np.setdiff1d(np.arange(width), slots))
        slot = np.append(slots, said)
        *premise, claim = told.show(told.write(np.full((len(slot), 1), fact), (slot[:, None] + fact) % width))
        pairs.append(("\n".join(dict.fromkeys(premise)), claim))
    return pairs, stated_M


def model(labels: dict[int, str] | None = None) -> BertForSequenceClassification:
    """Untrained."""
    torch.manual_seed(0)
    more = {} if labels is None else {"id2label": labels}
    return BertForSequenceClassification(BertConfig(
        vocab_size=len(tokenizer()), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=40, initializer_range=0.15, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, **more,
    ))  # fmt: skip


def trained() -> BertForSequenceClassification:
    own, spelt = model(LABELS), tokenizer()
    pairs, stated_M = examples(SHOWN, seed=1)
    data = spelt(*map(list, zip(*pairs, strict=True)), padding=True, return_tensors="pt")
    label = torch.from_numpy((~stated_M).astype(np.int64))
    optimiser = torch.optim.AdamW(own.parameters(), lr=6e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=ROUNDS * SHOWN // BATCH)
    for _ in range(ROUNDS):
        for part in torch.randperm(SHOWN).split(BATCH):
            loss = own(**{name: rows[part] for name, rows in data.items()}, labels=label[part]).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return own


def save(folder: Path, own: torch.nn.Module) -> Path:
    own.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
