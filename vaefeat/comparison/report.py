"""What a comparison found, as a summary and as a table in Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sklearn.base import BaseEstimator

from vaefeat.comparison.grid import as_number
from vaefeat.comparison.metrics import metric_of
from vaefeat.comparison.rows import Row
from vaefeat.comparison.statistics import summarize
from vaefeat.comparison.verdict import verdict, winner


@dataclass
class Comparison:
    """The rows of a comparison, and what they say.

    Attributes
    ----------
    rows : list of dict
        One per extractor, classifier, number of labels and draw.
    extractors : dict of str to transformer
        The extractors that were fitted in this run without labels, by name.
    """

    rows: list[Row]
    extractors: dict[str, BaseEstimator] = field(default_factory=dict)

    def summary(self) -> list[Row]:
        """Return mean and standard deviation over the draws, and the paired gain over raw features.

        Returns
        -------
        list of dict
            ``extractor``, ``classifier``, ``n_labeled``, ``n_draws``, ``accuracy_mean``,
            ``accuracy_sd``, ``balanced_accuracy_mean``, ``fit_seconds`` (median),
            ``rows_per_second`` (median), and, where there are raw rows of the same draws, ``gain`` with
            ``gain_low`` and ``gain_high``: the mean difference from raw and its 95 % interval by
            Student's t over the draws. For quantities, ``r2`` and ``rmse`` take the place of accuracies.
        """
        return summarize(self.rows)

    def verdict(self) -> str:
        """Return in a sentence whether an encoder is worth it with the fewest labels, and by how much."""
        return verdict(self.summary())

    def winner(self) -> str | None:
        """Return the name of the encoder that gains most with the fewest labels, if one gains at all."""
        return winner(self.summary())

    def to_markdown(self) -> str:
        """Return the summary as a table: one line per extractor, one column per number of labels."""
        summary = self.summary()
        counts = sorted({row["n_labeled"] for row in summary}, key=as_number)
        cells = {(row["extractor"], row["classifier"], row["n_labeled"]): _cell(row) for row in summary}
        classifiers: dict[str, set[str]] = {}
        for row in summary:
            classifiers.setdefault(row["extractor"], set()).add(row["classifier"])
        lines = [
            (
                extractor if len(classifiers[extractor]) == 1 else f"{extractor}, {classifier}",
                *(cells.get((extractor, classifier, n), "") for n in counts),
            )
            for extractor, classifier in dict.fromkeys((extractor, which) for extractor, which, _ in cells)
        ]
        return markdown_table(["features", *(f"{n} labels" for n in counts)], lines)


def _cell(row: Row) -> str:
    metric = metric_of(row)
    mean = metric.text(row[f"{metric.name}_mean"])
    return mean if row["n_draws"] == 1 else f"{mean} ± {metric.text(row[f'{metric.name}_sd'])}"


def markdown_table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown.

    Examples
    --------
    >>> from vaefeat.comparison import markdown_table
    >>> print(markdown_table(["a", "b"], [("1", "2")]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ("---",) * len(columns), *lines))
