"""Metrics in words: what a page or a sentence calls them."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Title(NamedTuple):
    """title in words; unit; which direction is worse for the web (None: neither); range of an axis (None: open)."""

    title: str
    unit: str = ""
    worse: Literal["lower", "higher"] | None = None
    range: tuple[float | None, float | None] | None = None

    @property
    def label(self) -> str:
        """For an axis: the title and, where there is one, the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


SHARE = (0.0, 1.0)
TITLES = {
    "within_diversity": Title("diversity within models", "", "lower", (0.0, None)),
    "between_similarity": Title("similarity between models", "", "higher", None),
    "pooled_diversity": Title("diversity of the pooled web", "", "lower", (0.0, None)),
    "differentiation": Title("differentiation between models", "", "lower", (None, 1.0)),
    "tail_coverage": Title("coverage of rare items", "share", "lower", SHARE),
    "support": Title("support", "items", "lower", (0.0, None)),
    "entropy": Title("entropy", "nats", "lower", None),
    "human_divergence": Title("divergence from human writing", "nats", "higher", (0.0, None)),
    "human_share_read": Title("human share of what is read", "share", "lower", SHARE),
    "human_share_corpus": Title("human share of the web", "share", "lower", SHARE),
    "depth": Title("depth of what is read", "generations from human writing", "higher", (0.0, None)),
    "collapsed": Title("collapsed models", "share", "higher", SHARE),
    "mode_coverage": Title("coverage of modes", "share", "lower", SHARE),
    "hallucination_share": Title("share of hallucinations", "share", "higher", SHARE),
    "distinct_2": Title("distinct 2-grams", "share", "lower", SHARE),
    "distinct_3": Title("distinct 3-grams", "share", "lower", SHARE),
    "compression_ratio": Title("compression ratio", "original / compressed size", "higher", (0.0, None)),
    "reverse_cross_entropy": Title("cross-entropy of model text under humans", "nats per token", None, (0.0, None)),
    "type_coverage": Title("coverage of human types", "share", "lower", SHARE),
    "self_bleu": Title("self-BLEU", "", "higher", SHARE),
    "vendi_score": Title("Vendi score", "effective number of different documents", "lower", (1.0, None)),
    "answer_repetition": Title("likeness of a model's answers to one prompt", "cosine", "higher", (-1.0, 1.0)),
    "answer_similarity": Title("likeness of different models' answers", "cosine", "higher", (-1.0, 1.0)),
    "human_answer_similarity": Title("likeness of different people's answers", "cosine", None, (-1.0, 1.0)),
    "class_coverage": Title("coverage of classes", "share", "lower", SHARE),
    "rare_class_coverage": Title("coverage of rare classes", "share", "lower", SHARE),
    "class_divergence": Title("distance of class shares from human ones", "total variation", "higher", SHARE),
    "unrecognised_share": Title("documents of no class", "share", "higher", SHARE),
    "frechet_distance": Title("Fréchet distance from human documents", "", "higher", (0.0, None)),
    "human_frechet_distance": Title("Fréchet distance of human documents", "", None, (0.0, None)),
    "judge_accuracy": Title("accuracy of the judge of classes", "share", None, SHARE),
    "judged_documents": Title("documents judged", "a step"),
    "unjudged_documents": Title("documents beyond the verifiers' capacity", "a step", "higher"),
    "rejected_share": Title("rejected of what was judged", "share", None, SHARE),
    "verification_cost": Title("cost of verification", "a step", None, (0.0, None)),
    "policy_cost": Title("cost of policies", "a step", None, (0.0, None)),
    "total_cost": Title("cost of policies so far", "", None, (0.0, None)),
    "human_documents_bought": Title("human documents bought", "a step", None, (0.0, None)),
    "measured_false_positive_rate": Title("human (of claims: true) documents rejected", "share", "higher", SHARE),
    "measured_false_negative_rate": Title("models' (of claims: false) documents accepted", "share", "higher", SHARE),
    "verifier_precision": Title("models' (of claims: false) documents among the rejected", "share", "lower", SHARE),
    "verifier_recall": Title("models' (of claims: false) documents rejected", "share", "lower", SHARE),
    "error_correlation": Title("correlation of a panel's errors", "", "higher", (-1.0, 1.0)),
    "derivable_coverage": Title("derivable facts asked for that the web states", "share", "lower", SHARE),
    "model_documents": Title("documents by models on the web", "documents", None, (0.0, None)),
    "repeated_refusals": Title("refusals of what was refused before", "share", "higher", SHARE),
    "empty_retrieval_share": Title("questions for which nothing was retrieved", "share", "higher", SHARE),
    "unanswered_share": Title("questions left unanswered", "share", None, SHARE),
    "false_citation_share": Title("answers that cite what was not retrieved", "share", "higher", SHARE),
    "guarded": Title("guarded models", "share", None, SHARE),
    "starved": Title("models of whose draws nothing passed", "share", "higher", SHARE),
    "arrival": Title("arrival of collapse", "step"),
    "attack_rate": Title("models that ever collapsed", "share", "higher", SHARE),
    "attack_rate_guarded": Title("guarded models that ever collapsed", "share", "higher", SHARE),
    "attack_rate_unguarded": Title("unguarded models that ever collapsed", "share", "higher", SHARE),
    "exposure": Title("diet by collapsed authors before one's own collapse", "share", "higher", SHARE),
    "spread_order": Title("correlation of arrival with distance from the source", "", None, (-1.0, 1.0)),
    "reproduction_number": Title("effective reproduction number of collapse", "", "higher", (0.0, None)),
    "alike_with": Title("models in one's cluster of alike ones", "share", "higher", SHARE),
    "alike_clusters": Title("clusters of alike models", "", "lower", (1.0, None)),
    "largest_alike_share": Title("models in the largest cluster of alike ones", "share", "higher", SHARE),
    "alike_arrival": Title("arrival in a cluster of half of all models", "step"),
    "peer_over_trust": Title("over-trust by comparison over peers", "share", "higher", (-1.0, 1.0)),
    "peer_confidence_auroc": Title("AUROC of confidence by comparison over peers", "", "lower", SHARE),
    "agreement": Title("other models that give the same answer", "share", None, SHARE),
    "agreement_when_right": Title("others that give the same answer where it is right", "share", None, SHARE),
    "agreement_when_wrong": Title("others that give the same answer where it is wrong", "share", "higher", SHARE),
    "generation_verification_gap": Title("generation-verification gap", "share right, or nats", "lower"),
    "relative_gap": Title("generation-verification gap, of what is left to gain", "share", "lower", (None, 1.0)),
    "generation_accuracy": Title("right answers from memory to what people ask", "share", "lower", SHARE),
    "false_share": Title("false claims on the web", "share", "higher", SHARE),
    "false_share_read": Title("false claims in what is read", "share", "higher", SHARE),
    "false_share_written": Title("false claims in free writing", "share", "higher", SHARE),
    "fact_recall": Title("facts given correctly from memory", "share", "lower", SHARE),
    "tail_fact_recall": Title("facts asked for least, given correctly", "share", "lower", SHARE),
    "derivable_fact_recall": Title("facts that follow from others, given correctly", "share", "lower", SHARE),
    "web_coverage": Title("what is asked for stated correctly on the web", "share", "lower", SHARE),
    "over_trust": Title("confidence minus accuracy", "", "higher", (-1.0, 1.0)),
    "confidence_auroc": Title("AUROC of confidence", "", "lower", SHARE),
    "answer_accuracy": Title("answers that are right", "share", "lower", SHARE),
    "supported_share": Title("questions answered with support", "share", None, SHARE),
    "supported_accuracy": Title("supported answers that are right", "share", "lower", SHARE),
    "unsupported_accuracy": Title("answers without support that are right", "share", "lower", SHARE),
    "false_share_published": Title("false claims among those published in the step", "share", "higher", SHARE),
    "retrieval_precision": Title("retrieved documents that state what was looked up", "share", "lower", SHARE),
    "popularity_survival": Title("correlation of what is known with how often it is asked for", "", None, (-1.0, 1.0)),
    "rumour_reach": Title("models that believe the rumour", "share", "higher", SHARE),
    "rumour_authors": Title("models that have told the rumour", "share", "higher", SHARE),
    "rumour_share": Title("rumour among claims on its subject", "share", "higher", SHARE),
    "rumour_documents": Title("documents that state the rumour", "", "higher", (0.0, None)),
    "rumour_generations": Title("generations of the rumour on the web", "", "higher", (0.0, None)),
    "mean_error": Title("squared distance of the mean from the human mean", "", "higher", (0.0, None)),
}  # fmt: skip


def title(name: str) -> Title:
    """The title of a metric's column; `metric@community` names the community; unknown names are spelled out."""
    metric, _, community = name.rpartition(":")[2].partition("@")
    known = TITLES.get(metric) or Title(metric.replace("_", " "))
    return known._replace(title=f"{known.title}, {community}") if community else known
