# %% [markdown]
# # Is it worth it?
# Features learned without labels pay off when labels are few. This example compares raw pixels, PCA and
# `image_encoder` over the number of labels, with several random draws of the labeled samples.

# %%

from matplotlib import pyplot as plt
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer

from vaefeat import LabelEfficiencyDisplay, compare, load_dataset
from vaefeat.recipes import image_encoder

digits = load_dataset("digits")

# %% [markdown]
# ## Compare
# The encoder is trained once, on all training samples. Each classifier is trained on the labeled ones only,
# and scored on the test samples.

# %%
comparison = compare(
    digits,
    extractors={
        "raw": FunctionTransformer(),
        "pca": PCA(10, random_state=0),
        "image vae": image_encoder((8, 8), n_steps=300, random_state=0),
    },
    n_labeled=[50, 100, 300],
    n_draws=3,
)
print(comparison.to_markdown())

# %% [markdown]
# ## Look
# The error bars are standard deviations over the draws.

# %%
LabelEfficiencyDisplay.from_comparison(comparison)
plt.show()
