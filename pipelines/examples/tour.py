# %% [markdown]
# # The tour: compare, fit, explore, serve
# From few labels to a service in about three minutes, on scikit-learn's digits. Each step names the command
# that does the same for your own files.

# %%
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from vaefeat import (
    LatentSpaceDisplay,
    ManifoldDisplay,
    VAEEncoderTransformer,
    compare,
    export_decoder,
    export_onnx,
    load_dataset,
    mask_labels,
)
from vaefeat.recipes import image_encoder

digits = load_dataset("digits")
models = Path(tempfile.mkdtemp())

# %% [markdown]
# ## 1. Compare: is it worth it?
# `vaefeat compare data.csv --target class`

# %%
extractors = {"raw": FunctionTransformer(), "image vae": image_encoder((8, 8), n_steps=300, random_state=0)}
comparison = compare(digits, extractors=extractors, n_labeled=[100], n_draws=5)
print(comparison.to_markdown())

# %% [markdown]
# ## 2. Fit: one file that ships
# `vaefeat fit data.csv --target class --out models/digits`
#
# The encoder has learned from all images; the classifier learns from 100 labels.

# %%
few = mask_labels(digits.y, 100, random_state=0) != -1
encoder = comparison.extractors["image vae"]
classifier = LogisticRegression(max_iter=1_000).fit(encoder.transform(digits.X[few]), digits.y[few])
pipe = make_pipeline(encoder, classifier)
file = export_onnx(pipe, models / "digits" / "model.onnx", X=digits.X)
print(f"{file.name}: {file.stat().st_size:,} bytes")
print(f"accuracy on the test images: {pipe.score(digits.X_test, digits.y_test):.3f}")

# %% [markdown]
# ## 3. Explore: look before you trust
# `vaefeat explore models/digits-2 --data digits` makes a page with sliders of an encoder and its decoder.
# Two units are easiest to look at.

# %%
vae = VAEEncoderTransformer(2, likelihood="bernoulli", max_iter=40, random_state=0).fit(digits.X)
export_onnx(vae, models / "digits-2" / "model.onnx", X=digits.X)
export_decoder(vae, models / "digits-2" / "decoder.onnx")

_, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
LatentSpaceDisplay.from_estimator(vae, digits.X_test, digits.y_test, ax=left)
ManifoldDisplay.from_estimator(vae, n_steps=12, ax=right)
plt.show()

# %% [markdown]
# ## 4. Serve
# `vaefeat serve models/`, which also shows a page to try them. Here the service runs for one request.

# %%
command = [sys.executable, "-m", "vaefeat", "serve", str(models), "--port", "0", "--json-logs"]
service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
messages = (json.loads(line)["message"] for line in service.stderr)
address = next(message for message in messages if "at http://" in message).split("at ")[-1].rstrip(".")

rows = np.asarray(digits.X_test[:5], np.float32)
tensor = {"name": "X", "shape": rows.shape, "datatype": "FP32", "data": rows.ravel().tolist()}
body = json.dumps({"inputs": [tensor], "outputs": [{"name": "label"}]}).encode()
with urllib.request.urlopen(f"{address}/v2/models/digits/infer", body) as response:
    print("labels:", json.load(response)["outputs"][0]["data"], "truth:", digits.y_test[:5].tolist())
service.terminate()
service.wait()
service.stderr.close()
