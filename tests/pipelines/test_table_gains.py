import pytest

from pipelines.experiments.table_gains import (
    FOREST,
    LOGISTIC,
    candidates,
    candidates_table,
    gains_table,
    sentence,
    winners,
)


def rows(scores, table="a", n_labeled=50):
    """Return a row for each draw; ``scores`` has the balanced accuracies of each model."""
    return [
        {"table": table, "n_labeled": n_labeled, "draw": draw}
        | {model: [score, score] for model, score in zip(scores, values, strict=True)}
        for draw, values in enumerate(zip(*scores.values(), strict=True))
    ]


def of_both(scores, other):
    return [
        row
        for n in (50, 100)
        for table, found in (("a", scores), ("b", other))
        for row in rows(found, table, n)
    ]


BETTER = {LOGISTIC: [0.5, 0.6], FOREST: [0.4, 0.5], "beside": [0.52, 0.62]}
WORSE = {LOGISTIC: [0.5, 0.6], FOREST: [0.6, 0.7], "beside": [0.49, 0.6]}  # significantly below the forest


def test_a_gain_is_paired_over_the_draws():
    gain = winners(rows(BETTER)).gain("beside", LOGISTIC, "a", 50)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((2, 2, 2))
    assert (gain.wins, gain.loses, str(gain)) == (True, False, "**+2.0**")
    uncertain = winners(rows(WORSE)).gain("beside", LOGISTIC, "a", 50)
    assert (uncertain.wins, uncertain.loses, str(uncertain)) == (False, False, "-0.5")


def test_the_rival_is_the_better_simple_model_of_each_table():
    results = winners(of_both(BETTER, WORSE))
    assert (results.better_simple("a", 50), results.better_simple("b", 50)) == (LOGISTIC, FOREST)
    table = gains_table(results, "beside").splitlines()
    assert table[2] == "| a | **+2.0** | **+2.0** |"
    assert table[4:] == ["| mean | -4.2 | -4.2 |", "| wins on | 1 | 1 |", "| loses on | 1 | 1 |"]


def test_the_sentence_says_what_to_expect():
    text = sentence(winners(of_both(BETTER, WORSE)))
    assert "On 2 tables" in text
    assert "+0.8 points of balanced accuracy, -0.5 to +2.0 by the table" in text
    assert text.endswith("better still in 2 of 4 cases.")


def test_a_candidate_is_chosen_for_each_table_on_the_others():
    found = [
        {"features": features, "table": table, "n_labeled": n, "draw": draw, **scores}
        for table, first, second in (("a", 0.7, 0.5), ("b", 0.5, 0.6))
        for n in (50, 100)
        for draw in range(2)
        for features, scores in (
            ("raw", {"alone": [0.5, 0.5], FOREST: [0.4, 0.4]}),
            ("good on a", {"beside": [first, first]}),
            ("good on b", {"beside": [second, second]}),
        )
    ]
    lines = candidates_table(candidates(found)).splitlines()
    assert lines[2] == "| for each table, what is best on the others | +0.0 | +0.0 | +0.0 |"
    assert lines[3] == "| good on a: logistic regression, beside raw | +10.0 | +10.0 | +0.0 |"
