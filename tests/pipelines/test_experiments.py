import json
import os
import sys
import warnings
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from matplotlib import image
from sklearn.exceptions import ConvergenceWarning

from pipelines.experiments import (
    chooser_rules,
    joint_m1_m2,
    one_label,
    photos,
    tables_gaps,
    tables_outliers,
    thesis_2019,
    thesis_2019_page,
)
from vaefeat import OnnxModel, mask_labels
from vaefeat.comparison import Comparison, read_rows

pytestmark = pytest.mark.slow


@pytest.fixture
def run_smoke(monkeypatch):
    """Run an experiment, without the seconds that a process of its own takes to import TensorFlow."""

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments), "--smoke"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # an epoch or two are not enough
            warnings.filterwarnings("ignore", ".* features are constant", UserWarning)  # of a few images
            import_module(f"pipelines.experiments.{module}").main()

    return run


def test_the_thesis_experiment_runs_on_a_few_images(mnist, tmp_path, run_smoke):
    out, exported = tmp_path / "mnist.jsonl", tmp_path / "encoder"
    run_smoke("thesis_mnist", "--out", out, "--exported", exported)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["extractor"] for row in rows} == {
        *("raw", "pca-10", "pca-50", "untrained-50"),
        *("vae-2", "vae-10", "vae-20", "vae-50", "supervised-50"),
    }
    assert OnnxModel.load(exported / "model.onnx").n_outputs["z_mean"] == 50


def test_the_experiment_on_few_labels_publishes_two_pipelines_and_the_samples(mnist, tmp_path, run_smoke):
    run_smoke("few_labels", "--exported", tmp_path)
    outputs = {
        name: OnnxModel.load(tmp_path / f"mnist-100-labels-{name}" / "model.onnx").output_names
        for name in ("raw", "vae")
    }
    assert outputs == {
        "raw": ["label", "probabilities"],
        "vae": ["label", "probabilities", "z_mean"],
    }
    samples = json.loads((tmp_path / "examples" / "samples.json").read_text())
    assert [sample["label"] for sample in samples] == [digit for digit in range(10) for _ in range(2)]


def test_the_experiment_on_features_resumes_where_it_was_interrupted(mnist, tmp_path, run_smoke):
    out = tmp_path / "mnist.jsonl"
    run_smoke("image_features", "mnist", "--out", out, "--exported", tmp_path, "--models", tmp_path)
    lines = out.read_text().splitlines()
    extractors = {json.loads(line)["extractor"] for line in lines}
    assert extractors == {
        *("raw", "pca-50", "rbm-50", "untrained-conv-50", "vae-50", "+ warps", "+ convolutions"),
        *("recipe, seed 0", "recipe, hidden layer, seed 0"),
        *("contrast alone", "contrast alone, hidden layer", "union", "longer", "longer, three"),
    }
    assert OnnxModel.load(tmp_path / "mnist-image-vae-50" / "model.onnx").n_outputs["hidden"] == 256
    out.write_text("\n".join(line for line in lines if "hidden layer" not in line) + "\n")
    run_smoke("image_features", "mnist", "--out", out, "--exported", tmp_path, "--models", tmp_path)
    accuracies = [
        {json.loads(line)["key"]: json.loads(line)["accuracy"] for line in text}
        for text in (lines, out.read_text().splitlines())
    ]
    assert accuracies[0] == accuracies[1]


def test_the_experiment_on_photographs_has_the_recipe_and_its_controls(load_or_skip, tmp_path, run_smoke):
    load_or_skip("olivetti")
    out = tmp_path / "photos.jsonl"
    run_smoke("photos", "--only", "olivetti", "--quick", "--out", out)
    assert {row["extractor"] for row in read_rows(out).values()} == {
        *("photo_encoder", "raw", "pca", "patches", "untrained"),
    }
    run_smoke("photos", "--only", "olivetti", "--out", out)
    rows = list(read_rows(out).values())
    assert {row["extractor"] for row in rows} == set(photos.NAMES)
    assert len(out.read_text().splitlines()) == len(rows) == 8
    text = photos.table(Comparison(rows), "olivetti")
    assert text.splitlines()[0].split() == ["|", "olivetti", "|", "40", "labels", "|"]
    assert text.count("photo_encoder") == 2


def test_outliers_and_gaps_in_a_table_are_measured_beside_the_usual_methods(tmp_path, run_smoke):
    run_smoke("tables_outliers", "--out", tmp_path / "outliers.jsonl")
    run_smoke("tables_gaps", "--out", tmp_path / "gaps.jsonl")
    (row,) = read_rows(tmp_path / "outliers.jsonl").values()
    assert row["roc_auc"].keys() == set(tables_outliers.METHODS)
    assert row["roc_auc"][tables_outliers.OURS] > 0.8
    assert tables_outliers.tables_of_docs(tmp_path)["outliers"].count("\n| wine") == 1
    assert tables_gaps.tables_of_docs(tmp_path)["gaps"].splitlines()[0].count("Imputer") == 3


def test_one_label_per_class_is_measured_in_every_way(tmp_path, run_smoke, monkeypatch):
    out = tmp_path / "rows.jsonl"
    run_smoke("one_label", "--only", "digits", "--out", out)
    rows = list(read_rows(out).values())
    ways = {(row["use"], row["method"], row["equal_shares"], row.get("features", "image")) for row in rows}
    assert ways == {
        ("inductive", "poisson", True, "image"),
        ("inductive", "poisson", True, "union"),
        ("inductive", "poisson", False, "union"),
        ("transductive", "poisson", True, "image"),
        ("inductive", "poisson", False, "image"),
        ("inductive", "spreading", True, "image"),
    }
    assert one_label.table(rows).count("digits") == 6
    monkeypatch.setattr(one_label, "image_encoder", partial(one_label.image_encoder, max_iter=1))
    run_smoke("one_label", "--only", "digits", "--cost", "--out", out)
    rows = {row["use"]: row for row in read_rows(out).values()}
    assert rows["parity"]["n_other_labels"] == 0
    assert rows["parity"]["largest_deviation"] < 1e-5
    assert rows["cost"]["shape"][1] == 256
    assert rows["large"]["shape"] == [17 * rows["whole"]["shape"][0], 50]
    assert all(rows[use]["cpu_seconds"] > 0 for use in ("cost", "large", "whole"))


def test_the_semi_supervised_experiment_has_all_models_and_alternatives(mnist, tmp_path, run_smoke):
    out = tmp_path / "rows.jsonl"
    run_smoke("semi_supervised", "--out", out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    features = {"raw", "vae-50", "image vae"}
    classifiers = {
        *("M2", "LogisticRegression", "MLPClassifier", "SelfTrainingClassifier", "LabelSpreading"),
    }
    assert {(row["extractor"], row["classifier"]) for row in rows} == {
        ("raw", "M2, warps"),
        *((extractor, classifier) for extractor in features for classifier in classifiers),
    }
    run_smoke("semi_supervised", "--out", out, "--only", "m1+m2")
    assert len(out.read_text().splitlines()) == len(rows)


def test_semi_supervised_curves_are_measured_once_and_drawn(mnist, tmp_path, run_smoke):
    out = tmp_path / "curves.jsonl"
    for _ in range(2):
        run_smoke("semi_supervised_curves", "--out", out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["model"], row["n_labeled"]) for row in rows] == [("M2", 100), ("M1+M2", 100)]
    assert all(len(row[name]) == 1 for row in rows for name in ("bound", "cross_entropy", "error"))
    assert out.with_suffix(".png").stat().st_size > 10_000


def test_the_2018_thesis_has_rows_figures_and_decoders_and_resumes(mnist, load_or_skip, tmp_path, run_smoke):
    load_or_skip("frey-face")
    folders = ("--out", tmp_path, "--models", tmp_path / "models", "--exported", tmp_path / "exported")
    run_smoke("thesis_2018", *folders, "--fit-only")
    rows = [json.loads(line) for line in (tmp_path / "thesis-2018.jsonl").read_text().splitlines()]
    assert {(row["dataset"], row["n_components"], row["thesis_loss"]) for row in rows} == {
        *(("mnist", 2, 135.98), ("mnist", 10, 97.53), ("mnist", 20, 95.79), ("mnist", 50, 97.21)),
        *(("frey-face", 2, 347.8), ("frey-face", 20, 346.75), ("frey-face", 2, None)),
    }
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()}
    run_smoke("thesis_2018", *folders)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()} == kept
    assert len((tmp_path / "thesis-2018.jsonl").read_text().splitlines()) == len(rows)
    figures = {path.name: image.imread(path) for path in (tmp_path / "thesis-2018").glob("*.png")}
    assert sorted(figures) == [f"figure-{number}.png" for number in (*range(21, 31), *range(33, 39))]
    assert min(len(np.unique(picture)) for picture in figures.values()) > 10
    page = (tmp_path / "thesis-2018" / "README.md").read_text()
    assert all(f"| {row['loss']:.2f} |" in page for row in rows)
    assert all(f"]({name})" in page for name in figures)
    for name in ("mnist-vae-2", "frey-face-vae-2", "frey-face-vae-20"):
        encoder, decoder = (
            OnnxModel.load(tmp_path / "exported" / name / f"{part}.onnx") for part in ("model", "decoder")
        )
        assert encoder.n_outputs["z_mean"] == decoder.n_features
        assert decoder.n_outputs["x_mean"] == encoder.n_features
        assert "at 0x" not in json.dumps(decoder.card)


def test_the_2019_thesis_has_rows_and_figures_and_resumes(mnist, tmp_path, run_smoke):
    out, models = tmp_path / "thesis-2019.jsonl", tmp_path / "models"
    for _ in range(2):
        run_smoke("thesis_2019", "--out", out, "--models", models, "--epochs", "M2=2", "M1+M2=3")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    errors = {row["model"]: row["error"] for row in rows if row["model"] != "M1"}
    assert errors.keys() == {
        *("M2", "M1+M2", "M1 + perceptron", "M1 + self-training", "M1 + label spreading"),
    }
    assert len(rows) == 1 + len(errors)  # nothing is measured twice
    n_epochs = {row["model"]: len(row["bound"]) for row in rows if "bound" in row}
    assert n_epochs == {"M2": 2, "M1+M2": 3}
    assert len(list(models.iterdir())) == 1
    figures = sorted((tmp_path / "thesis-2019").glob("*.png"))
    assert [path.stem for path in figures] == [f"figure-5.{number}" for number in (1, 2, 3, 4)]
    assert f"| M1+M2 | {errors['M1+M2']:.2f} |" in thesis_2019_page.table(rows)
    with pytest.raises(SystemExit):
        run_smoke("thesis_2019", "--out", out, "--models", models, "--epochs", "M3=2")


@pytest.mark.filterwarnings("ignore:The classifier .*it has not learned its classes")
def test_m1_and_m2_go_on_together_from_where_they_ended(mnist, tmp_path, run_smoke):
    out, models = tmp_path / "joint.jsonl", tmp_path / "models"
    paths = ("--out", out, "--models", models)
    run_smoke("thesis_2019", "--out", tmp_path / "thesis.jsonl", "--models", models, "--only", "M1+M2")
    for options in ((), ("--freeze-m1",), ()):
        run_smoke("joint_m1_m2", *paths, *options)
    assert len(list(models.iterdir())) == 1  # M1 is that of the thesis
    _, before = map(json.loads, (tmp_path / "thesis.jsonl").read_text().splitlines())
    joint, frozen = map(json.loads, out.read_text().splitlines())  # nothing is measured twice
    for row in (joint, frozen):
        assert row["error_before"] == before["error"]
        assert row["test_errors"] == [row["error_before"], row["error"]]
        np.testing.assert_allclose(row["loss"][0], row["bound"][0] + 50 * row["cross_entropy"][0], rtol=1e-5)
    assert joint["bound"] < frozen["bound"]
    thesis = thesis_2019.Thesis(mnist.head(500), models, dict.fromkeys(thesis_2019.MAX_ITER, 1))
    start = joint_m1_m2.start(thesis, mask_labels(thesis.dataset.y, 100, random_state=0))
    X, Z = thesis.dataset.X, thesis.m1.transform(thesis.dataset.X)
    np.testing.assert_allclose(start.m1.encoder(X)["z_mean"].numpy(), Z, atol=1e-5)


def test_interpolation_is_compared_with_a_plain_autoencoder(tmp_path, run_smoke, capsys):
    run_smoke("interpolation", "--out", tmp_path)
    lines = (tmp_path / "interpolation.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["name"], row["seed"]) for row in rows] == [
        (name, seed) for seed in (0, 1) for name in ("VAE", "plain autoencoder")
    ]
    assert all(0 <= row["confident_midpoints"] <= 1 and row["distance_midpoints"] > 0 for row in rows)
    assert (tmp_path / "interpolation.png").stat().st_size > 5_000
    assert "| plain autoencoder |" in capsys.readouterr().out


def test_the_pictures_of_m2_are_drawn(mnist, tmp_path, run_smoke):
    out = tmp_path / "digits.png"
    run_smoke("semi_supervised_pictures", "--out", out)
    assert out.stat().st_size > 10_000


def test_the_pictures_of_photographs_are_drawn(load_or_skip, tmp_path, run_smoke):
    load_or_skip("olivetti")
    run_smoke("photo_pictures", "--only", "olivetti", "--out", tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {"photos-olivetti.png", "photos.png"}


def test_uses_of_autoencoders_are_compared_with_the_usual_methods(load_or_skip, tmp_path, run_smoke):
    load_or_skip("satimage")
    out = tmp_path / "rows.jsonl"
    run_smoke("autoencoder_family", "--out", out, "--only", "imputation")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    methods = {"mean", "KNNImputer", "IterativeImputer", "autoencoder", "VAE"}
    assert {(row["dataset"], row["method"]) for row in rows} == {
        (name, method) for name in ("digits", "satimage") for method in methods
    }
    assert all(row["rmse"] > 0 for row in rows)


def test_defaults_are_compared_and_the_table_has_a_line_for_each(tmp_path, run_smoke, capsys):
    run_smoke("collapse", "--out", tmp_path)
    rows = list(read_rows(tmp_path / "collapse.jsonl").values())
    assert {row["active_units"] for row in rows} <= set(range(11))
    assert all(0.3 < row["accuracy_hidden_all"] <= 1 for row in rows)
    lines = capsys.readouterr().out.splitlines()
    assert {row["candidate"] for row in rows} <= {line.split("|")[1].strip() for line in lines if "|" in line}


def test_the_experiment_on_a_constant_column_has_a_line_for_each_estimator(tmp_path, run_smoke, capsys):
    run_smoke("constant_column", "--out", tmp_path)
    rows = list(read_rows(tmp_path / "constant-column.jsonl").values())
    assert len(rows) == 5
    printed = capsys.readouterr().out
    assert all(row["estimator"] in printed for row in rows)
    assert all(0 < row[entry] < 1 for row in rows for entry in ("accuracy_with", "accuracy_without"))


def test_the_experiment_on_tables_measures_each_predictor(tmp_path, run_smoke):
    run_smoke("table_features", "--out", tmp_path / "rows.jsonl")
    rows = list(read_rows(tmp_path / "rows.jsonl").values())
    models = {"logistic regression", "random forest", "extra trees", "alone", "beside", "average"}
    assert [row["draws"] for row in rows] == ["balanced", "as they come"]
    assert all(0.5 < row[model][0] <= 1 for row in rows for model in models)


def test_the_experiment_on_choices_measures_each_candidate(tmp_path, run_smoke):
    if not os.environ.get("VAEFEAT_DATA"):
        pytest.skip("the tables are not at hand")
    run_smoke("chooser", "--out", tmp_path / "rows.jsonl")
    rows = list(read_rows(tmp_path / "rows.jsonl").values())
    assert [(row["draw"], row["candidate"]) for row in rows] == [(d, c) for d in (0, 1) for c in range(4)]
    assert all(len(row["right"]) == len(row["p_true"]) == len(row["classes"]) for row in rows)
    assert "| vehicle | 50 | 2 |" in chooser_rules.report(rows)
