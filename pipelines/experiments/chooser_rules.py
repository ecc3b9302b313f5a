"""Rules by which ``vaefeat fit`` might choose, and what each gives up on nine tables.

Five further rules were tried on the first rows and did worse: plain accuracy, balanced accuracy of one
repetition, plain log loss, the mean probability of the true class, and its sum with balanced accuracy.

The regret of a choice is what the best candidate has more, in points of balanced accuracy on the test rows. A
rule is chosen on half of the tables, and its regret reported on the others, both ways round; then the rule of
``fit`` is compared with the better one of logistic regression and the random forest on raw features, paired
over the draws.

Reads ``pipelines/results/chooser.jsonl`` and writes ``pipelines/results/chooser.md``.

    python -m pipelines.experiments.chooser_rules
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from pipelines.experiments.command import RESULTS
from vaefeat.comparison import Row, markdown_table, paired_interval, read_rows
from vaefeat.fitting import Score, choose_among

N_REPEATS = 3
SIMPLE = 2  # the first candidates: raw features with logistic regression, and with a random forest

Cell = tuple[str, int, int]  # table, labels, draw
Rule = Callable[[list[Score]], int]


def score_of(row: Row) -> Score:
    """Return the cross-validated score in a row."""
    bits = np.array(row["right"])
    right = np.stack([bits >> repeat & 1 for repeat in range(N_REPEATS)]) == 1
    y = np.array(row["classes"])
    return Score(y, right, np.array(row["p_true"]) / 1000, y)


def best(scores: list[Score]) -> int:
    """Return the position of the highest balanced accuracy."""
    return int(np.argmax([score.balanced_accuracy for score in scores]))


def simplest(scores: list[Score], n_errors: float, cap: float = np.inf) -> int:
    """Return the first within some standard errors of the best, paired by rows, and within a cap."""
    deficits = [scores[best(scores)].minus(score) for score in scores]
    return next(i for i, (gap, error) in enumerate(deficits) if gap <= min(n_errors * error, cap) + 1e-9)


RULES: dict[str, Rule] = {
    "simplest within one standard error": lambda scores: simplest(scores, 1.0),
    "simplest within half a standard error": lambda scores: simplest(scores, 0.5),
    "simplest within one standard error and one point": lambda scores: simplest(scores, 1.0, 0.01),
    "highest balanced accuracy": best,
    "lowest log loss": lambda scores: int(np.argmin([score.log_loss for score in scores])),
    "lowest log loss within one standard error": choose_among,
    "always logistic regression": lambda scores: 0,
    "always the random forest": lambda scores: 1,
}
CONTROLS = [name for name in RULES if name.startswith("always")]


def read_cells(rows: Iterable[Row]) -> dict[Cell, list[Row]]:
    """Return the rows of each cell that is complete, in the order of the candidates."""
    cells: dict[Cell, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        cells[row["table"], row["n_labeled"], row["draw"]][row["candidate"]] = row
    n_candidates = max(map(len, cells.values()))
    return {
        cell: [found[i] for i in range(n_candidates)]
        for cell, found in sorted(cells.items())
        if len(found) == n_candidates
    }


def regrets(cells: Mapping[Cell, list[Row]], rule: Rule) -> dict[Cell, float]:
    """Return what the best candidate of each cell has more than the one that a rule chooses, in points."""
    found = {}
    for cell, rows in cells.items():
        true = [row["balanced_accuracy"] for row in rows]
        found[cell] = 100 * (max(true) - true[rule([score_of(row) for row in rows])])
    return found


def mean_over(found: Mapping[Cell, float], tables: Collection[str]) -> float:
    """Return the mean over cells, each table counting alike."""
    by_table = [[value for cell, value in found.items() if cell[0] == table] for table in tables]
    means = [np.mean(values) for values in by_table if values]
    return float(np.mean(means)) if means else np.nan


def rules_table(all_regrets: Mapping[str, Mapping[Cell, float]], tables: list[str]) -> str:
    """Return the mean regret of each rule, in all and by number of labels."""
    lines = []
    for name, found in all_regrets.items():
        by_labels = [
            mean_over({cell: value for cell, value in found.items() if cell[1] == n}, tables)
            for n in (50, 100, 300)
        ]
        lines.append([name, *(f"{value:.2f}" for value in (mean_over(found, tables), *by_labels))])
    return markdown_table(["rule", "all", "50 labels", "100", "300"], lines)


def honest_lines(all_regrets: Mapping[str, Mapping[Cell, float]], tables: list[str]) -> list[str]:
    """Return the rule that each half of the tables would choose, and its regret on the other half."""
    lines = []
    for chosen_on, other in ((tables[::2], tables[1::2]), (tables[1::2], tables[::2])):
        names = [name for name in all_regrets if name not in CONTROLS]
        name = min(names, key=lambda name: mean_over(all_regrets[name], chosen_on))
        lines.append(
            f"- Chosen on {', '.join(chosen_on)}: {name}; regret on the others "
            f"{mean_over(all_regrets[name], other):.2f} points."
        )
    return lines


def against_simple(cells: Mapping[Cell, list[Row]], rule: Rule) -> str:
    """Return the paired gain of a rule over the better one of the two simple candidates, as a table."""
    groups: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for (table, n_labeled, _), rows in cells.items():
        chosen = rows[rule([score_of(row) for row in rows])]
        scores = [100 * row["balanced_accuracy"] for row in (chosen, *rows[:SIMPLE])]
        groups[table, n_labeled].append(scores)
    lines = []
    for (table, n_labeled), values in groups.items():
        chosen, *simple = np.transpose(values)
        rival = max(simple, key=np.mean)
        low, high = paired_interval(chosen - rival)
        means = (f"{np.mean(each):.1f}" for each in (chosen, *simple))
        gain = f"{np.mean(chosen - rival):+.1f} ({low:+.1f} to {high:+.1f})"
        lines.append([table, str(n_labeled), str(len(chosen)), *means, gain])
    columns = ["table", "labels", "draws", "chosen", "raw, logistic regression", "raw, random forest"]
    return markdown_table([*columns, "chosen less the better one"], lines)


def report(rows: Iterable[Row]) -> str:
    """Return what the rows say, as Markdown."""
    cells = read_cells(rows)
    tables = sorted({table for table, _, _ in cells})
    found = {name: regrets(cells, rule) for name, rule in RULES.items()}
    parts = [
        f"# What a rule of choice gives up\n\n{len(cells)} choices among four candidates. "
        "Mean regret against the best candidate of each draw, in points of balanced accuracy; "
        "tables count alike.",
        rules_table(found, tables),
        "\n".join(honest_lines(found, tables)),
        "## The rule of `vaefeat fit`, against the simple candidates\n\n"
        "Balanced accuracy in %; 95 % intervals, paired over the draws.",
        against_simple(cells, choose_among),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    text = report(read_rows(RESULTS / "chooser.jsonl").values())
    (RESULTS / "chooser.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
