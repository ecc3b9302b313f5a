# %% [markdown]
# # Find outliers
# An autoencoder reconstructs what it knows. Here it knows all digits except the eight.

# %%
import numpy as np
from matplotlib import pyplot as plt
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from vaefeat import AutoencoderOutlierDetector, AutoencoderTransformer, load_dataset

digits = load_dataset("digits")
known = digits.X[digits.y != 8]
autoencoder = AutoencoderTransformer(10, hidden_layer_sizes=(128,), max_iter=60, random_state=0)
detector = AutoencoderOutlierDetector(autoencoder).fit(known)
forest = IsolationForest(random_state=0).fit(known)

# %% [markdown]
# ## Compare
# ROC-AUC on test images: 1 if all eights have lower scores than the others, 0.5 by chance.

# %%
is_eight = digits.y_test == 8
for name, model in {"autoencoder": detector, "isolation forest": forest}.items():
    print(f"{name}: {roc_auc_score(is_eight, -model.score_samples(digits.X_test)):.3f}")

# %% [markdown]
# ## Look at the scores

# %%
scores = detector.score_samples(digits.X_test)
_, ax = plt.subplots(layout="constrained")
bins = np.linspace(scores.min(), scores.max(), 40)
ax.hist([scores[~is_eight], scores[is_eight]], bins=bins, density=True, label=["others", "eights"])
ax.set(xlabel="score: the higher, the more usual", ylabel="density")
ax.legend()
plt.show()
