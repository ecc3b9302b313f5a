# %% [markdown]
# # Quick start
# A variational autoencoder in front of a classifier: train it without labels, look at it, and ship both as
# one ONNX file. The data are the digits of scikit-learn, 8 x 8 pixels.

# %%
import tempfile

from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from vaefeat import (
    LatentUnitsDisplay,
    LossCurveDisplay,
    OnnxModel,
    ReconstructionDisplay,
    VAEEncoderTransformer,
    export_onnx,
    load_dataset,
)

EPOCHS = 60
digits = load_dataset("digits")

# %% [markdown]
# ## Train
# All samples, no labels. In a notebook, the last line shows the loss, the units and some reconstructions.

# %%
vae = VAEEncoderTransformer(
    10, likelihood="bernoulli", image_shape=(8, 8), max_iter=EPOCHS, early_stopping=True, random_state=0
)
vae.fit(digits.X)

# %% [markdown]
# ## Look
# Do training and validation loss agree? Which units are active? What do the reconstructions lose?

# %%
_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
LossCurveDisplay.from_estimator(vae, ax=axes[0])
LatentUnitsDisplay.from_estimator(vae, ax=axes[1])
ReconstructionDisplay.from_estimator(vae, digits.X_test, digits.y_test)
plt.show()

# %% [markdown]
# ## Classify
# Latent means are features like any others.

# %%
pipe = make_pipeline(vae, LogisticRegression(max_iter=1_000))
pipe[-1].fit(vae.transform(digits.X), digits.y)
print(f"accuracy on the test images: {pipe.score(digits.X_test, digits.y_test):.3f}")

# %% [markdown]
# ## Ship
# One file holds encoder and classifier; running it needs neither TensorFlow nor scikit-learn.

# %%
with tempfile.TemporaryDirectory() as folder:
    model = OnnxModel.load(export_onnx(pipe, f"{folder}/digits.onnx", X=digits.X))
print("labels:", model.run(digits.X_test[:10])["label"])
