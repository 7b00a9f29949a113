"""How unusual a document is among others that lie beside it."""

from __future__ import annotations

import numpy as np

from ecosystem.documents import DocumentShape


def surprise(content: np.ndarray, shape: DocumentShape) -> np.ndarray:
    """(M,) of documents (M, *x), by nothing but these documents: higher is rarer.

    Items: minus the log of an item's share; tokens: the mean of that over a text's tokens up to its end; vectors and
    pairs: Mahalanobis distance from the mean.
    """
    if shape.kind == "items":
        return -np.log(np.bincount(content, minlength=shape.size)[content] / len(content))
    if shape.kind == "tokens":
        share_K = np.bincount(content.ravel(), minlength=shape.size) / content.size
        words = content != 0
        nats = np.where(words, -np.log(share_K[content]), 0.0)
        return nats.sum(axis=1) / np.maximum(words.sum(axis=1), 1)
    apart = content - content.mean(axis=0)
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(content, rowvar=False))) if len(content) > 1 else np.eye(shape.size)
    return np.sqrt(np.maximum(np.einsum("mi,ij,mj->m", apart, inverse, apart), 0.0))
