from vaefeat.comparison import Comparison


def row(extractor, n_labeled, accuracy, draw=0, classifier="lr"):
    return {
        "extractor": extractor,
        "classifier": classifier,
        "n_labeled": n_labeled,
        "draw": draw,
        "accuracy": accuracy,
        "fit_seconds": 1.0,
        "rows_per_second": 10.0,
    }


def test_a_table_has_a_line_per_extractor_and_a_column_per_number_of_labels():
    rows = [
        row("raw", "all", 0.9),
        *(row("raw", 10, 0.5 + i / 10, draw=i) for i in range(3)),
        row("vae", 10, 1.0),
    ]
    assert Comparison(rows).to_markdown().splitlines() == [
        "| features | 10 labels | all labels |",
        "| --- | --- | --- |",
        "| raw | 60.0 ± 10.0 | 90.0 |",
        "| vae | 100.0 |  |",
    ]


def test_lines_name_the_classifier_where_there_are_several():
    rows = [row("raw", 10, 0.5), row("raw", 10, 0.6, classifier="knn")]
    lines = Comparison(rows).to_markdown().splitlines()
    assert lines[2:] == ["| raw, lr | 50.0 |", "| raw, knn | 60.0 |"]
