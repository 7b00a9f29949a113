"""The causal_lm learner does with any language model what transformers does with it, and says clearly what it cannot.

Losses and scores are float32 sums of a few hundred terms; CLOSE (relative) is some hundred roundings.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2Model,
    T5Config,
    T5ForConditionalGeneration,
)

from agents.humans.text import Text
from agents.kernels.choice import Rules
from agents.learners.causal_lm import CausalLm
from agents.learners.ngram import Ngram
from agents.neural import pretrained_lm, text_model
from agents.neural.spelling import table
from ecosystem import machine
from ecosystem.checks import check_learner
from ecosystem.documents import DocumentShape
from ecosystem.errors import InputError
from ecosystem.machine import Machine
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Scenario
from ecosystem.streams import Streams
from ecosystem.text.codec import TextCodec
from ecosystem.text.tokens import SINGLE, Tokenizer, Vocabulary
from tests.pretrained_models import CONTEXT, PROSE, save, tokenizer

KINDS = ("gpt2", "llama", "neox")
CLOSE = 1e-5
SHAPE = DocumentShape("tokens", len(SINGLE), 40, TextCodec(Vocabulary(SINGLE)))
TEXTS = ["the cat sat\0", "a man\0", "the dog ran to", "\0", "a bad cab! A cab </s><|end|>\0"]
LONG = "the cat sat on the mat and a bad cab ran to the dog xyz xyz xyz\0"


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A folder of each kind of model."""
    return {kind: save(tmp_path_factory.mktemp("models") / kind, kind) for kind in KINDS}


def learner(folder, **keys):
    return CausalLm(model=str(folder), **({"learning_rate": 1e-2, "epochs": 2, "batch": 4} | keys))


def rows(purpose, n=2, seed=0):
    return Streams(seed).rows(purpose, 1, n)


def texts(*given):
    return np.array(given, object)


def diet(n=2, b=8):
    """(n, b): beginnings of PROSE, whole."""
    cut = rows("diet", n).integers(30, b)
    return texts(*[PROSE[i % 2][: 5 + c] + "\0" for i in range(n) for c in cut[i]]).reshape(n, b)


def theirs(folder):
    """The model and its tokenizer as transformers loads them, and the token before every document."""
    own = AutoTokenizer.from_pretrained(folder)
    begin = own.eos_token_id if own.bos_token_id is None else own.bos_token_id
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), own, begin


def spelt(own, text):
    tokens = own(text.removesuffix("\0"), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return tokens + ([own.eos_token_id] if text.endswith("\0") else [])


def their_loss(model, own, begin, many):
    """transformers' own loss of a batch, padded on the right."""
    tokens = [[begin, *spelt(own, text)] for text in many]
    wide = max(map(len, tokens))
    ids = torch.tensor([row + [0] * (wide - len(row)) for row in tokens])
    there = torch.tensor([[1] * len(row) + [0] * (wide - len(row)) for row in tokens])
    return model(input_ids=ids, attention_mask=there, labels=torch.where(there == 1, ids, -100)).loss


@pytest.mark.parametrize("kind, adapter", [("gpt2", "none"), ("llama", "lora")])
def test_it_keeps_the_rules_of_learners(folders, kind, adapter):
    pytest.importorskip("peft")
    check_learner(learner(folders[kind], adapter=adapter, batch=16))


@pytest.mark.slow
@pytest.mark.parametrize("kind, adapter", [("gpt2", "lora"), ("llama", "none"), ("neox", "none"), ("neox", "lora")])
def test_it_keeps_the_rules_with_other_models(folders, kind, adapter):
    pytest.importorskip("peft")
    check_learner(learner(folders[kind], adapter=adapter, batch=16))


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradient_are_those_of_transformers(folders, kind):
    model, own, begin = theirs(folders[kind])
    lm = pretrained_lm.pretrained_lm(str(folders[kind]), None)
    weights = torch.from_numpy(lm.first_weights(1, rows("init", 1))).requires_grad_()
    content = torch.from_numpy(table(lm.spelling.tokens(TEXTS), CONTEXT))[None]
    ours = text_model.loss(lm, weights, content, torch.ones(1, len(TEXTS)))
    loss = their_loss(model, own, begin, TEXTS)
    loss.backward()
    ours.sum().backward()
    torch.testing.assert_close(ours[0], loss, rtol=CLOSE, atol=0)
    named = {name: p.grad for name, p in model.named_parameters()}
    for name, gradient in lm.layout.views(weights.grad).items():
        torch.testing.assert_close(gradient[0], named[name], rtol=1e-4, atol=1e-6)


def test_documents_count_by_their_weight(folders):
    lm = pretrained_lm.pretrained_lm(str(folders["gpt2"]), None)
    weights = torch.from_numpy(lm.first_weights(1, rows("init", 1)))

    def loss(many, weight):
        content = torch.from_numpy(table(lm.spelling.tokens(many), CONTEXT))[None]
        return text_model.loss(lm, weights, content, torch.tensor([weight])).item()

    twice = loss([*TEXTS[:2], TEXTS[0]], [1.0, 1.0, 1.0])
    assert loss([*TEXTS[:2], LONG], [2.0, 1.0, 0.0]) == pytest.approx(twice, rel=CLOSE)
    assert loss(TEXTS[:2], [1.0, 1.0]) != pytest.approx(twice, rel=10 * CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_log_prob_is_nats_of_the_whole_document(folders, kind):
    model, own, begin = theirs(folders[kind])
    params = learner(folders[kind]).init(2, SHAPE, rows("init"))
    wanted = [-their_loss(model, own, begin, [text]).item() * len(spelt(own, text)) for text in TEXTS]
    got = learner(folders[kind]).log_prob(params, texts(*TEXTS))
    np.testing.assert_allclose(got, np.tile(wanted, (2, 1)), rtol=CLOSE)


def test_documents_longer_than_the_context_are_scored_whole(folders):
    """Every token by what stands before it in its window; windows overlap by half."""
    model, own, begin = theirs(folders["gpt2"])
    tokens = [begin, *spelt(own, LONG * 2)]
    assert len(tokens) > 2 * CONTEXT
    total, half = 0.0, CONTEXT // 2
    with torch.no_grad():
        for t in range(1, len(tokens)):
            first = 0 if t <= CONTEXT else ((t - 1 - CONTEXT) // half + 1) * half
            score = model(torch.tensor([tokens[first:t]])).logits[0, -1].log_softmax(-1)
            total += score[tokens[t]].item()
    params = learner(folders["gpt2"]).init(1, SHAPE, rows("init", 1))
    got = learner(folders["gpt2"]).log_prob(params, texts("a\0", LONG * 2))
    assert got[0, 1] == pytest.approx(total, rel=CLOSE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_greedy_writing_is_that_of_transformers(folders, kind, penalty):
    model, own, begin = theirs(folders[kind])
    lm = pretrained_lm.pretrained_lm(str(folders[kind]), None)
    prompt = np.array(spelt(own, "the c"), np.int32)
    weights = torch.from_numpy(lm.first_weights(1, rows("init", 1)))
    got = text_model.write(lm, weights, np.tile(prompt, (2, 1)), np.full((2, 9), 0.5), Rules(0.0, 0, 1.0, penalty))
    given = torch.tensor([[begin, *prompt.tolist()]])
    wanted = model.generate(
        given, attention_mask=torch.ones_like(given), do_sample=False, repetition_penalty=penalty, max_new_tokens=9,
        min_new_tokens=0, eos_token_id=lm.spelling.end, pad_token_id=lm.spelling.end,
    )[0, given.shape[1] :].tolist()  # fmt: skip
    wanted += [lm.spelling.end] * (9 - len(wanted))
    assert got.tolist() == [wanted, wanted]


def test_top_k_of_one_is_greedy_and_chance_is_not(folders):
    params = learner(folders["llama"]).init(2, SHAPE, rows("init"))

    def written(**keys):
        return learner(folders["llama"], **keys).sample(params, 5, rows("sample"))

    assert (written(top_k=1) == written(temperature=0.0)).all()
    assert len(set(written().ravel())) == 10


def test_without_a_cache_the_same_is_written(folders):
    """As models do that keep nothing between tokens."""
    lm = pretrained_lm.pretrained_lm(str(folders["neox"]), None)
    weights, u = torch.from_numpy(lm.first_weights(1, rows("init", 1))), rows("u", 1).uniform(6, 12)[0]
    kept = text_model.write(lm, weights, np.full((6, 1), 3), u, Rules())

    class Forgetful:
        spelling, context, vocabulary, kept_a_token = lm.spelling, lm.context, lm.vocabulary, 1

        def run(self, weights, use_cache, **given):
            return lm.run(weights, use_cache=False, **given)

    again = text_model.write(Forgetful(), weights, np.full((6, 1), 3), u, Rules())
    np.testing.assert_array_equal(kept, again)


def test_a_fit_lowers_the_loss_and_sets_how_long_it_writes(folders):
    taught, content = learner(folders["gpt2"], updates=30), diet()
    fresh = taught.init(2, SHAPE, rows("init"))
    fitted = taught.train(fresh, content, np.ones(content.shape), rows("train"))
    before, after = (taught.log_prob(params, content[0]).sum(axis=1) for params in (fresh, fitted))
    assert after[0] > 0.6 * before[0]
    own = theirs(folders["gpt2"])[1]
    assert fitted["length"].tolist() == [max(len(spelt(own, text)) for text in row) for row in content]
    written = taught.sample(fitted, 20, rows("sample"))
    assert all(len(spelt(own, text)) > 0 for text in written.ravel())
    assert any(text.endswith("\0") for text in written.ravel())


def test_scratch_is_the_pretrained_model(folders):
    model = theirs(folders["neox"])[0]
    lm = pretrained_lm.pretrained_lm(str(folders["neox"]), None)
    params = learner(folders["neox"]).init(3, SHAPE, rows("init", 3))
    named = dict(model.named_parameters())
    for name, array in lm.layout.views(params["weights"]).items():
        for own in array:
            np.testing.assert_array_equal(own, named[name].detach().numpy())


@pytest.mark.parametrize("kind", ["gpt2", "neox"])
def test_adapters_are_trained_and_the_shared_model_is_not(folders, kind):
    pytest.importorskip("peft")
    taught, plain = learner(folders[kind], adapter="lora", rank=3, updates=10), learner(folders[kind])
    lm, content = pretrained_lm.pretrained_lm(str(folders[kind]), 3), diet()
    frozen = {name: p for name, p in lm._model.named_parameters() if name not in lm.layout.shapes}
    before = {name: p.clone() for name, p in frozen.items()}
    fresh = taught.init(2, SHAPE, rows("init"))
    scores = taught.log_prob(fresh, texts(*TEXTS))
    np.testing.assert_allclose(scores, plain.log_prob(plain.init(2, SHAPE, rows("init")), texts(*TEXTS)), rtol=CLOSE)
    assert fresh["weights"].shape[1] == sum(
        3 * sum(p.shape) for name, p in theirs(folders[kind])[0].named_parameters()
        if p.dim() == 2 and any(word in name for word in ("attn", "attention", "mlp"))
    )  # fmt: skip
    assert not np.array_equal(fresh["weights"][0], fresh["weights"][1])
    fitted = taught.train(fresh, content, np.ones(content.shape), rows("train"))
    assert (taught.log_prob(fitted, content[0])[0] > taught.log_prob(fresh, content[0])[0]).mean() > 0.8
    assert len(frozen) > 10
    assert all(torch.equal(before[name], p) for name, p in frozen.items())
    np.testing.assert_array_equal(scores, taught.log_prob(fresh, texts(*TEXTS)))
    assert taught.memory(100, SHAPE, 10) < plain.memory(100, SHAPE, 10)


def test_threads_change_nothing(folders):
    content, taught = diet(3), learner(folders["gpt2"], updates=3)
    shown = []
    for threads in (1, 3):
        machine.use(Machine("cpu", threads))
        try:
            fresh = taught.init(3, SHAPE, rows("init", 3))
            fitted = taught.train(fresh, content, np.ones(content.shape), rows("train", 3))
            shown.append((fitted["weights"], taught.sample(fitted, 4, rows("sample", 3))))
        finally:
            machine.use(Machine())
    np.testing.assert_array_equal(shown[0][0], shown[1][0])
    np.testing.assert_array_equal(shown[0][1], shown[1][1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_another_device_gives_the_same_up_to_rounding(folders, adapter):
    pytest.importorskip("peft")
    content, taught, shown = diet(), learner(folders["gpt2"], updates=3, adapter=adapter), []
    for device in ("cpu", "cuda"):
        machine.use(Machine(device))
        try:
            fresh = taught.init(2, SHAPE, rows("init"))
            fitted = taught.train(fresh, content, np.ones(content.shape), rows("train"))
            shown.append(taught.log_prob(fitted, content[0]))
            assert taught.sample(fitted, 4, rows("sample")).shape == (2, 4)
        finally:
            machine.use(Machine())
    np.testing.assert_allclose(shown[0], shown[1], rtol=CausalLm.row_tolerance)


def test_answers_go_on_from_prompts(folders):
    """An answer is what the model writes after begin token and prompt, and never repeats it."""
    own, taught = theirs(folders["llama"])[1], learner(folders["llama"], temperature=0.0)
    params, lm = taught.init(2, SHAPE, rows("init")), pretrained_lm.pretrained_lm(str(folders["llama"]), None)
    params["length"][:] = [9, 7]
    prompts = ["the cat", "a", "", "b"]
    answers = taught.answer(params, texts(*prompts), 2, rows("answer"))
    assert answers.shape == (2, 4, 2)
    weights = torch.from_numpy(params["weights"][:1])
    for p, prompt in enumerate(prompts):
        tokens = np.array(spelt(own, prompt), np.int32)[None]
        u = np.zeros((1, 9 - tokens.shape[1]))
        (wanted,) = lm.spelling.texts(text_model.write(lm, weights, tokens, u, Rules(0.0)))
        assert answers[0, p].tolist() == [wanted, wanted]
        assert wanted.rstrip("\0").startswith(answers[1, p, 0].rstrip("\0\ufffd"))


def test_prompts_longer_than_the_context_are_cut_at_their_beginning(folders):
    taught = learner(folders["llama"], temperature=0.0)
    params = taught.init(1, SHAPE, rows("init", 1)) | {"length": np.array([5])}
    lm = pretrained_lm.pretrained_lm(str(folders["llama"]), None)
    (tokens,) = lm.spelling.tokens([LONG * 2])
    weights, u = torch.from_numpy(params["weights"]), np.zeros((1, 5))
    cut = tokens[None, -(CONTEXT - 5) :]
    np.testing.assert_array_equal(
        text_model.write(lm, weights, tokens[None], u, Rules(0.0)), text_model.write(lm, weights, cut, u, Rules(0.0))
    )


def test_special_tokens_in_a_text_are_only_text(folders):
    lm = pretrained_lm.pretrained_lm(str(folders["llama"]), None)
    (tokens,) = lm.spelling.tokens(["a</s><s>b"])
    assert lm.spelling.end not in tokens
    assert lm.spelling.texts(tokens[None]) == ["a</s><s>b"]
    assert lm.spelling.texts(np.array([[*tokens, lm.spelling.end, 7]])) == ["a</s><s>b\0"]


@pytest.fixture(scope="session")
def lines(tmp_path_factory):
    """Some 200 short human texts."""
    words = ["the", "cat", "dog", "man", "mat", "sat", "ran", "on", "to", "and", "a", "bad", "cab"]
    pick = rows("lines", 200).integers(len(words), 9)
    file = tmp_path_factory.mktemp("lines") / "lines.txt"
    file.write_text("\n\n".join(" ".join(words[w] for w in line) for line in pick))
    return file


def web(folders, lines, **keys):
    """n-grams beside language models of two other tokenizers."""
    models = [learner(folders["gpt2"], epochs=1), learner(folders["llama"], epochs=1)]
    groups = [
        Group(name=f"group{i}", count=2, publish=6, read=8, learner=each) for i, each in enumerate([Ngram(), *models])
    ]
    given = dict(
        world=Text(path=str(lines), tokenizer=Tokenizer(vocabulary=290), length=16), humans=(Community(rate=10),),
        models=tuple(groups), graph=Graph(kind="complete"), steps=2,
        metrics=("human_divergence", "type_coverage", "depth"),
    )  # fmt: skip
    return Scenario(**(given | keys))


def test_different_tokenizers_share_a_web(folders, lines):
    world = Ecosystem(web(folders, lines), rng=2)
    for _ in range(2):
        world.step()
    for name in ("human_divergence", "depth"):
        assert np.isfinite(world.frame.agents[name]).all(), name
    assert (world.frame.agents["depth"] > 0).all()
    published = world.corpus.documents(2)
    assert len(set(world.show(published.content[published.source >= 2]))) > 20


def test_other_groups_do_not_change_what_a_model_becomes(folders, lines):
    three = web(folders, lines).models
    worlds = [
        Ecosystem(web(folders, lines, models=models, graph=Graph(kind="isolated", self_loops=True)), rng=2)
        for models in (three[1:2], three)
    ]
    for world in worlds:
        world.step()
    one, other = (next(p for p in w.populations if p.group.name == "group1").params["weights"] for w in worlds)
    np.testing.assert_array_equal(one, other)


def complaint(folder, **keys):
    with pytest.raises(InputError) as caught:
        learner(folder, **keys).memory(1, SHAPE, 8)
    (line,) = caught.value.lines
    assert "\n" not in line
    return line


def test_a_missing_folder_names_the_nearest(folders):
    near = folders["llama"].parent / "lama"
    assert complaint(near) == f"{near}: no such folder (did you mean 'llama'?)."


@pytest.fixture
def copy(folders, tmp_path):
    """A copy of the GPT-2 that may be spoilt."""
    return shutil.copytree(folders["gpt2"], tmp_path / "copy")


def test_pickled_weights_are_refused(copy):
    (copy / "model.safetensors").unlink()
    assert "holds no weights" in complaint(copy)
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/x'\ntR.")
    said = complaint(copy)
    assert "weights are read from safetensors only" in said
    assert "got pytorch_model.bin" in said


def test_models_that_are_no_causal_language_models_are_refused(tmp_path):
    made = {
        "t5": T5ForConditionalGeneration(T5Config(vocab_size=280, d_model=8, d_kv=4, d_ff=8, num_layers=1)),
        "bert": BertForMaskedLM(
            BertConfig(vocab_size=280, num_attention_heads=2, hidden_size=8, num_hidden_layers=1, intermediate_size=8)
        ),
    }
    for name, model in made.items():
        model.save_pretrained(tmp_path / name)
        tokenizer(280, eos_token="</s>").save_pretrained(tmp_path / name)
    assert complaint(tmp_path / "t5").endswith("a causal language model; a 't5' is none that transformers knows.")
    assert complaint(tmp_path / "bert").endswith("a BertForMaskedLM looks at what comes later.")


def test_a_model_whose_body_alone_was_saved_is_one_where_its_head_is_the_embedding(tmp_path):
    for tied in (True, False):
        folder = tmp_path / str(tied)
        config = GPT2Config(vocab_size=280, n_positions=8, n_embd=8, n_layer=1, n_head=1, tie_word_embeddings=tied)
        GPT2Model(config).save_pretrained(folder)
        tokenizer(280, eos_token="</s>").save_pretrained(folder)
    assert learner(tmp_path / "True").memory(1, SHAPE, 8) > 0
    assert "must hold the weights of a GPT2LMHeadModel; lm_head.weight is missing" in complaint(tmp_path / "False")


def test_a_tokenizer_that_does_not_match_is_named(copy):
    tokenizer(283, eos_token="</s>").save_pretrained(copy)
    assert complaint(copy).endswith("tokenizer and model do not match: 283 tokens, the embedding has 280 rows.")
    tokenizer(280).save_pretrained(copy)
    assert "must have a token that begins or ends a text (bos or eos)" in complaint(copy)


def test_a_folder_without_a_tokenizer_is_named(copy):
    for file in copy.glob("tokenizer*"):
        file.unlink()
    assert "its tokenizer has no tokens" in complaint(copy)


def test_a_broken_configuration_is_one_line(copy):
    (copy / "config.json").write_text("{")
    assert "config.json: must be JSON" in complaint(copy)
    (copy / "config.json").write_text(json.dumps({"model_type": "strange", "auto_map": {"AutoConfig": "evil.Config"}}))
    (copy / "evil.py").write_text("raise SystemExit('code of the model was run')")
    assert "the model cannot be loaded" in complaint(copy)
    assert complaint(copy.parent).endswith(f"it holds no config.json (did you mean '{copy}'?).")


def test_a_changed_folder_is_loaded_again(copy, folders):
    before = learner(copy).init(1, SHAPE, rows("init", 1))["weights"]
    model = theirs(folders["gpt2"])[0]
    model.transformer.ln_f.bias.data.add_(1)
    model.save_pretrained(copy)
    os.utime(copy / "model.safetensors", ns=(1, 1))
    after = learner(copy).init(1, SHAPE, rows("init", 1))["weights"]
    assert (before != after).sum() == 16


def test_without_peft_adapters_say_what_to_install(copy, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    assert complaint(copy, adapter="lora") == "adapter: lora needs peft, which is not installed: pip install peft."


def test_a_local_folder_never_asks_the_network(copy, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert learner(copy).memory(1, SHAPE, 8) > 0


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_a_hub_id_without_a_network_is_one_clear_line(tmp_path, environment):
    """In a process of its own, since the hub's client reads the environment when it is imported."""
    (tmp_path / "someone" / "tiny-gpt").mkdir(parents=True)
    code = "from agents.learners.causal_lm import CausalLm; CausalLm(model='someone/tiny-gtp').memory(1, None, 1)"
    given = {**os.environ, "HF_HOME": str(tmp_path), "PYTHONPATH": os.getcwd(), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=given, capture_output=True, text=True, timeout=120
    )
    said = done.stderr.strip().splitlines()[-1]
    assert "ModelError: someone/tiny-gtp: no such folder (did you mean 'tiny-gpt'?), not in the cache of the" in said
    assert "and the hub does not give it: " in said
