"""What is in the folder of an explorer, as arrays."""

import json

import numpy as np


def index_of(folder):
    return json.loads((folder / "explorer.json").read_text())


def model_of(folder, name):
    (model,) = [model for model in index_of(folder)["models"] if model["name"] == name]
    return model


def means_of(folder, name):
    means = np.fromfile(folder / "models" / name / "z_mean.f32", "<f4")
    return means.reshape(-1, model_of(folder, name)["n_components"])


def samples_of(folder, place):
    bytes_ = np.fromfile(folder / place, np.uint8)
    return bytes_.reshape(-1, index_of(folder)["data"][place]["n_features"])
