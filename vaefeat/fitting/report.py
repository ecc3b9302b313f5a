"""The report of a choice, for people: as Markdown and as a standalone page."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from vaefeat.comparison import markdown_table
from vaefeat.fitting.pictures import draw
from vaefeat.fitting.run import Choice
from vaefeat.fitting.scores import Score
from vaefeat.fitting.verdict import verdict

MAX_CLASSES = 30  # of a confusion matrix that can still be read
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{padding:.2em .7em;border-bottom:1px solid #ccc;text-align:left}img{max-width:100%}"
)

Table = tuple[str, list[str], list[Sequence[str]]]  # title, columns, lines


def write_report(choice: Choice, folder: Path) -> list[Path]:
    """Write ``report.md`` and ``report.html`` to a folder.

    Parameters
    ----------
    choice : Choice
    folder : Path
        Exists.

    Returns
    -------
    list of Path
    """
    tables, sentence = report_tables(choice), verdict(choice)
    parts = [f"# {choice.samples.name}", sentence]
    for title, columns, lines in tables:
        cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
        parts.append(f"## {title}\n\n{markdown_table(columns, cells)}")
    markdown, page = folder / "report.md", folder / "report.html"
    markdown.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    page.write_text(_page(choice.samples.name, sentence, tables, draw(choice)), encoding="utf-8")
    return [markdown, page]


def report_tables(choice: Choice) -> list[Table]:
    """Return what was found as tables: candidates, confusion, data, columns."""
    tables = [_candidates(choice), _data(choice)]
    score = choice.scores[choice.chosen]
    if isinstance(score, Score) and len(np.unique(score.y)) <= MAX_CLASSES:
        tables.insert(1, _confusion(score))
    if choice.samples.plan is not None and choice.samples.image_shape is None:
        tables.append(columns_table(choice))
    return tables


def _candidates(choice: Choice) -> Table:
    score = choice.scores[0]
    guess, cells = score.guess()
    lines = [(guess, *cells, "")]
    for i, (candidate, score) in enumerate(zip(choice.candidates, choice.scores, strict=True)):
        lines.append((candidate.name, *score.cells(), "chosen" if i == choice.chosen else ""))
    lines += [(name, *("" for _ in score.headings), "skipped") for name in choice.skipped]
    return "Candidates, by cross-validation", ["candidate", *score.headings, ""], list(lines)


def _confusion(score: Score) -> Table:
    classes = np.unique(score.y)
    counts = confusion_matrix(score.y, score.predicted, labels=classes)
    lines = [(str(label), *map(str, row)) for label, row in zip(classes, counts.tolist(), strict=True)]
    return "Classes (lines) and predictions (columns)", ["", *map(str, classes)], list(lines)


def _data(choice: Choice) -> Table:
    samples, labeled = choice.samples, int(choice.samples.is_labeled.sum())
    lines = [
        ("rows", f"{len(samples.X):,}"),
        ("labeled", f"{labeled:,}"),
        ("features", f"{samples.X.shape[1]:,}"),
        ("sha256", samples.sha256 or ""),
    ]
    for step in choice.pipeline.named_steps.values():
        if hasattr(step, "active_units_"):
            lines.append(("active latent units", f"{step.active_units_.sum()} of {len(step.active_units_)}"))
    return "Data", ["", ""], list(lines)


def columns_table(choice: Choice) -> Table:
    """Return the column plan as a table: what becomes of each column."""
    assert choice.samples.plan is not None
    lines = [(column.name, column.kind, column.describe()) for column in choice.samples.plan.columns]
    lines += [(name, "left out", reason) for name, reason in choice.samples.left_out]
    return "Columns", ["column", "kind", ""], list(lines)


def _page(name: str, sentence: str, tables: Sequence[Table], pictures: Mapping[str, bytes]) -> str:
    title = html.escape(name)
    parts = [f"<h1>{title}</h1>", f"<p><strong>{html.escape(sentence)}</strong></p>"]
    for alt, content in pictures.items():
        image = base64.b64encode(content).decode()
        parts.append(f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{image}">')
    for heading, columns, lines in tables:
        parts.append(f"<h2>{html.escape(heading)}</h2><table>{_row(columns, 'th')}")
        parts += [_row(line, "td") for line in lines]
        parts.append("</table>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style>{''.join(parts)}</html>\n"
    )


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
