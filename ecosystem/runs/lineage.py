"""How a claim travelled: the tree of recorded documents that state it, each joined to the one it was taken from.

tree = lineage(open_run("outputs/rumour/.../seed-000"), "subject 5 | relation 0 | value 3")
travelled(tree)                     # how many documents, authors, generations, ...
networkx.write_graphml(tree, "rumour.graphml")

A run tells it that recorded all documents (`record.documents: all`). Edges follow the column `parent`: the document
that an answer was retrieved from, or, in an answer from memory, one of the author's last diet that states the claim. A
document that states the claim of itself (people's, hallucinations, compositions of two others) is a root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from ecosystem.errors import InputError
from ecosystem.runs.opened import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Travelled:
    """How far a claim got: documents that state it, and those among them that took it from nowhere (roots); depth:
    generations of copies below a root, at most; breadth: most documents of one generation; models that wrote it;
    first and last: steps.
    """

    documents: int
    roots: int
    depth: int
    breadth: int
    models: int
    first: int | None
    last: int | None


def lineage(run: Run, claim: str) -> nx.DiGraph:
    """The documents that state a claim as the table `documents` shows it; an edge runs from parent to copy.

    Node: document number; attributes author (number of its source), author_kind, step, depth (copies between it and
    its root, which has 0). A forest: every document states it once and has one parent at most.
    """
    if run.spec.record.documents != "all":
        raise InputError(f"record.documents: must be 'all' to follow a claim. Got {run.spec.record.documents!r}.")
    if "text" not in run.documents or "parent" not in run.documents:
        raise InputError(f"{run.folder}: documents of this run make no claims that could be followed.")
    return tree(run.documents[_states(run.documents["text"], claim)])


def tree(stating: pd.DataFrame) -> nx.DiGraph:
    """The same of rows of the table `documents`, those that state the claim."""
    grown, rows = nx.DiGraph(), stating.sort_values("document")  # parents come before
    columns = [rows[name].tolist() for name in ("document", "author", "author_kind", "step")]
    parents = rows["parent"].fillna(-1).astype(int).tolist()
    for document, author, kind, step, parent in zip(*columns, parents, strict=True):
        copied = parent in grown
        depth = grown.nodes[parent]["depth"] + 1 if copied else 0
        grown.add_node(document, author=author, author_kind=kind, step=step, depth=depth)
        if copied:
            grown.add_edge(parent, document)
    return grown


def travelled(tree: nx.DiGraph) -> Travelled:
    """What a tree comes to."""
    nodes = [data for _, data in tree.nodes(data=True)]
    depths = [data["depth"] for data in nodes]
    models = {data["author"] for data in nodes if data["author_kind"] == "model"}
    steps = [data["step"] for data in nodes]
    breadth = max((depths.count(depth) for depth in set(depths)), default=0)
    return Travelled(
        len(nodes), depths.count(0), max(depths, default=0), breadth, len(models), min(steps, default=None),
        max(steps, default=None),
    )  # fmt: skip


def told(run: Run, community: str) -> str:
    """The one claim of a community that makes no other, as the table `documents` shows it; InputError for others."""
    names = [c.name for c in run.spec.humans]
    if community not in names:
        raise InputError(f"humans: there is no community {community!r}. Those there are: {', '.join(names)}.")
    writer = run.spec.world.open(run.spec.human_sources)[names.index(community)]
    if writer.told is None or writer.shape.grammar is None:
        raise InputError(f"humans.{community}: must make one claim only to be followed by it.")
    fact, slot = np.array(writer.told)[:, None, None]
    return writer.show(writer.shape.grammar.write(fact, slot))[0]


def _states(text: pd.Series, claim: str) -> pd.Series:
    """Which documents state a claim, among others or alone."""
    return text.map(lambda document: f"; {claim}; " in f"; {document}; ").astype(bool)
