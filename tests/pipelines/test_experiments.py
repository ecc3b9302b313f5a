import json
import subprocess
import sys

from vaefeat import OnnxModel


def test_the_thesis_experiment_runs_on_a_few_images(mnist, tmp_path):
    out, exported = tmp_path / "mnist.jsonl", tmp_path / "encoder"
    command = [sys.executable, "-m", "pipelines.experiments.thesis_mnist", "--smoke"]
    subprocess.run([*command, "--out", out, "--exported", exported], check=True, capture_output=True)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["extractor"] for row in rows} == {
        *("raw", "pca-10", "pca-50", "untrained-50"),
        *("vae-2", "vae-10", "vae-20", "vae-50", "supervised-50"),
    }
    assert OnnxModel.load(exported / "model.onnx").n_outputs["z_mean"] == 50


def run_smoke(module, *arguments):
    command = [sys.executable, "-m", f"pipelines.experiments.{module}", *map(str, arguments), "--smoke"]
    subprocess.run(command, check=True, capture_output=True)


def test_the_experiment_on_few_labels_publishes_two_pipelines_and_the_samples(mnist, tmp_path):
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


def test_the_experiment_on_features_goes_on_where_it_was_interrupted(mnist, tmp_path):
    out = tmp_path / "mnist.jsonl"
    run_smoke("image_features", "mnist", "--out", out, "--exported", tmp_path)
    lines = out.read_text().splitlines()
    extractors = {json.loads(line)["extractor"] for line in lines}
    assert extractors == {
        *("raw", "pca-50", "rbm-50", "untrained-conv-50", "vae-50", "+ warps", "+ convolutions"),
        *("recipe, seed 0", "recipe, hidden layer, seed 0"),
    }
    assert OnnxModel.load(tmp_path / "mnist-image-vae-50" / "model.onnx").n_outputs["hidden"] == 256
    out.write_text("\n".join(line for line in lines if "hidden layer" not in line) + "\n")
    run_smoke("image_features", "mnist", "--out", out, "--exported", tmp_path)
    accuracies = [
        {json.loads(line)["key"]: json.loads(line)["accuracy"] for line in text}
        for text in (lines, out.read_text().splitlines())
    ]
    assert accuracies[0] == accuracies[1]


def test_the_experiment_on_semi_supervision_has_the_models_and_their_peers(mnist, tmp_path):
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


def test_the_curves_of_semi_supervision_are_computed_once_and_drawn(mnist, tmp_path):
    out = tmp_path / "curves.jsonl"
    for _ in range(2):
        run_smoke("semi_supervised_curves", "--out", out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["model"], row["n_labeled"]) for row in rows] == [("M2", 100), ("M1+M2", 100)]
    assert all(len(row[name]) == 1 for row in rows for name in ("bound", "cross_entropy", "error"))
    assert out.with_suffix(".png").stat().st_size > 10_000
