"""Small untrained models with tokenizers of their own, as transformers saves them."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

PROSE = ["the cat sat on the mat and the dog ran to the man", "a man sat, and the cat ran: a bad cab!"] * 5
CONTEXT = 24
SPECIAL = {"gpt2": {"eos_token": "<|end|>"}, "llama": {"bos_token": "<s>", "eos_token": "</s>"}}


def tokenizer(tokens: int = 280, **special: str) -> PreTrainedTokenizerFast:
    """Byte-pair encoding of PROSE, special tokens first."""
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=tokens,
        special_tokens=list(special.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(PROSE, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=model, **special)


def save(folder: Path, kind: str, tokens: int = 280) -> Path:
    """A model of two layers, width 16, context 24; `gpt2` has only an end token, the others one to begin with, too."""
    own = tokenizer(tokens, **SPECIAL.get(kind, SPECIAL["llama"]))
    sizes = {"vocab_size": len(own), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    more = {"intermediate_size": 32, "max_position_embeddings": CONTEXT}
    torch.manual_seed(0)
    if kind == "gpt2":
        config = GPT2Config(vocab_size=len(own), n_positions=CONTEXT, n_embd=16, n_layer=2, n_head=2)
        model = GPT2LMHeadModel(config)
    elif kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(**sizes, **more))
    else:
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**sizes, **more))
    for p in model.parameters():  # larger than usual, so that what is wrong with one shows
        p.data.mul_(3 if p.dim() > 1 else 1)
    model.save_pretrained(folder)
    own.save_pretrained(folder)
    return folder
