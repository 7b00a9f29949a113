"""Writing with GPT-2 on the CPU: agents, or parts of an agent's documents, dealt to threads of the compiled kernel."""

from __future__ import annotations

import numpy as np

from agents.kernels.choice import Favour, Rules
from agents.kernels.tiles import LANES, PANEL, padded
from agents.neural.decode_kernel import Room, Sizes, Stream, write_documents
from agents.neural.gpt import GptShape
from agents.neural.places import VECTORS, places
from ecosystem.machine import deal, go_on, here, tiles
from ecosystem.marks import Mark
from ecosystem.streams import Draws

SLOTS = 32  # documents at work at a time: the weights are read once for all of them
CACHE = 2**28  # bytes of keys and values of a thread, at most


def write_native(
    shape: GptShape, weights: np.ndarray, prompt: np.ndarray, length: int, rules: Rules, rng: Draws,
    mark: Mark | None = None,
) -> np.ndarray:  # fmt: skip
    """(n, k, L) tokens, as `decoding.write`; the same on any number of threads, and for an agent alone."""
    n, k, given = prompt.shape
    out = np.zeros((n, k, length), np.int32)
    call = rng.next_call()
    if given == length:
        return prompt.astype(np.int32)
    weights = np.require(weights, np.float32, ("C", "W"))  # one type of array: the kernel is compiled once
    prompt = np.require(prompt, np.int32, ("C", "W"))
    green = np.zeros((0, 0), np.bool_) if mark is None else np.require(mark.green_VV, np.bool_, ("C", "W"))
    bias_n = np.zeros(n) if mark is None else mark.bias_n
    rules = Rules(float(rules.temperature), int(rules.top_k), float(rules.top_p), float(rules.repetition_penalty))

    def work(part: tuple[slice, slice]) -> None:
        agents, documents = part
        sizes = _sizes(shape, documents.stop - documents.start, length)
        room = _room(sizes, length, rules.repetition_penalty != 1.0)
        for i in range(agents.start, agents.stop):
            go_on()
            stream = Stream(rng.key, call, rng.agents[i], rng.step)
            given, written, favour = prompt[i, documents], out[i, documents], Favour(green, float(bias_n[i]))
            write_documents(
                weights[i], sizes, places(shape), room, given, rules, favour, stream, documents.start, written
            )

    deal(work, _parts(n, k))
    return out


def _parts(n: int, k: int) -> list[tuple[slice, slice]]:
    """(agents, documents) of each part: agents together where there are many, else an agent's documents in pieces."""
    wanted = 1 if here().threads == 1 else 2 * here().threads  # enough that threads end at about the same time
    pieces = max(1, min(-(-wanted // max(n, 1)), k // (SLOTS // 2)))
    documents = tiles(k, -(-k // pieces)) if k else []
    return [(agents, some) for agents in tiles(n, max(1, n // wanted)) for some in documents]


def _sizes(shape: GptShape, k: int, length: int) -> Sizes:
    each = 8 * shape.layers * length * shape.width  # bytes of keys and values of a document
    return Sizes(shape.vocabulary, shape.layers, shape.width, shape.heads, max(1, min(SLOTS, k, CACHE // each)))


def _room(sizes: Sizes, length: int, penalty: bool) -> Room:
    """Arrays to work on, 0; used again for the next agent of a part."""
    rows, d, e, size = sizes.slots, sizes.width, sizes.width // sizes.heads, sizes.vocabulary
    wide, heads = padded(4 * d, PANEL), sizes.slots * sizes.layers * sizes.heads
    matrices = sizes.layers * d * (padded(3 * d, PANEL) + wide + 5 * padded(d, PANEL)) + d * padded(size, PANEL)
    return Room(
        packed=np.zeros(matrices, np.float32),
        at=np.zeros((sizes.layers + 1, 4), np.int64),
        vectors=np.zeros((VECTORS * sizes.layers + 2, wide), np.float32),
        x=np.zeros((rows, padded(d, PANEL)), np.float32),
        y=np.zeros((rows, padded(d, PANEL)), np.float32),
        wide=np.zeros((rows, wide), np.float32),
        scores=np.zeros((sizes.heads, padded(length, LANES)), np.float32),
        mixed=np.zeros(padded(e, LANES), np.float32),
        logits=np.zeros((rows, padded(size, PANEL)), np.float32),
        keys=np.zeros(heads * padded(length, LANES) * e, np.float32),
        values=np.zeros(heads * length * padded(e, LANES), np.float32),
        chance=np.zeros(size, np.float64),
        order=np.zeros(size, np.int32),
        seen=np.zeros((rows, size if penalty else 0), np.bool_),
        rows=np.zeros((5, rows), np.int64),
    )
