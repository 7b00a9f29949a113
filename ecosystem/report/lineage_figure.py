"""A claim on its way: who stated it when, each document joined to the one it was taken from.

travel(lineage(run, claim)).savefig("rumour.pdf")
"""

from __future__ import annotations

import networkx as nx
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ecosystem.report.style import INK, RAMP, look, panels, step_axis


@look()
def travel(tree: nx.DiGraph) -> Figure | None:
    """Documents of a claim (`ecosystem.runs.lineage`) by step and author, lightest those furthest from their root.

    Authors in the order in which they first state it, people's documents as squares; None where nobody does.
    """
    if not len(tree):
        return None
    step, depth = (np.array([data[key] for _, data in tree.nodes(data=True)]) for key in ("step", "depth"))
    author = [data["author"] for _, data in tree.nodes(data=True)]
    people = np.array([data["author_kind"] == "human" for _, data in tree.nodes(data=True)])
    line = {who: place for place, who in enumerate(dict.fromkeys(author))}
    where = {node: (t, line[who]) for node, t, who in zip(tree, step, author, strict=True)}
    row = np.array([line[who] for who in author])
    figure, axes = panels(1, 1, 6.2, min(1.5 + 0.13 * len(line), 8))
    ax = axes[0, 0]
    ax.add_collection(LineCollection([[where[a], where[b]] for a, b in tree.edges], colors=INK, lw=0.4, alpha=0.25))
    colours = Normalize(0, max(int(depth.max()), 1))
    for of_people, marker in ((True, "s"), (False, "o")):
        mine = people == of_people
        dots = ax.scatter(step[mine], row[mine], 16, depth[mine], marker=marker, cmap=RAMP, norm=colours, zorder=3)
    step_axis(ax, np.unique(step))
    ax.set_xlim(step.min() - 0.5, step.max() + 0.5)
    ax.set_ylim(len(line) - 0.3, -0.7)
    ax.set_ylabel("authors, earliest on top")
    ax.set_yticks([])
    bar = figure.colorbar(dots, ax=ax, pad=0.02, aspect=25, ticks=np.unique(np.linspace(0, depth.max(), 5).astype(int)))
    bar.set_label("generations of copies")
    bar.outline.set_visible(False)
    return figure
