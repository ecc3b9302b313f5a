# %% [markdown]
# # Fill in missing values
# Thirty percent of the pixels are missing, in training and in test images.

# %%
import numpy as np
from matplotlib import pyplot as plt
from sklearn.impute import KNNImputer, SimpleImputer

from vaefeat import AutoencoderImputer, AutoencoderTransformer, load_dataset
from vaefeat.plotting import ImageGridDisplay

digits = load_dataset("digits")
rng = np.random.default_rng(0)
X, X_test = (np.where(rng.uniform(size=part.shape) < 0.3, np.nan, part) for part in (digits.X, digits.X_test))

# %% [markdown]
# ## Compare
# The error on what is missing, as a root mean square.

# %%
autoencoder = AutoencoderTransformer(
    30, hidden_layer_sizes=(256,), learning_rate="cosine", max_iter=100, random_state=0
)
imputers = {
    "mean": SimpleImputer(keep_empty_features=True),
    "nearest neighbors": KNNImputer(keep_empty_features=True),
    "autoencoder": AutoencoderImputer(autoencoder),
}
missing = np.isnan(X_test)
filled = {}
for name, imputer in imputers.items():
    filled[name] = imputer.fit(X).transform(X_test)
    error = (filled[name] - digits.X_test)[missing]
    print(f"{name}: {np.sqrt(np.mean(error**2)):.3f}")

# %% [markdown]
# ## Look

# %%
images = {"complete": digits.X_test, "incomplete": np.nan_to_num(X_test), **filled}
grid = np.stack([part[:8] for part in images.values()])
ImageGridDisplay(grid, image_shape=(8, 8), rows=list(images)).plot()
plt.show()
