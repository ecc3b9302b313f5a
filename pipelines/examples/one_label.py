# %% [markdown]
# # One label per class
# Ten labels for 1 347 images: with an encoder that suits the data, the other images do the rest. Labels
# spread over a graph of all images, and a network learns the classes that the images get.

# %%
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.pipeline import make_pipeline

from vaefeat import GraphClassifier, OnnxEncoderTransformer, load_dataset, mask_labels

digits = load_dataset("digits")
y = mask_labels(digits.y, 10, random_state=1)  # one of each class; the others are -1
labeled = y != -1

# %% [markdown]
# ## Three ways to use ten labels
# On pixels, on the features of an encoder that was trained without labels, and with the graph. All classes
# are about equally large, which the graph may know.

# %%
encoder = OnnxEncoderTransformer("exported/digits-image-vae/model.onnx", output="hidden")
logistic = LogisticRegression(max_iter=1_000)
models = {
    "logistic regression on pixels": logistic,
    "logistic regression on features": make_pipeline(encoder, logistic),
}
for name, model in models.items():
    model.fit(digits.X[labeled], y[labeled])
    print(f"{name}: {model.score(digits.X_test, digits.y_test):.3f}")

graph = make_pipeline(encoder, GraphClassifier(class_prior=[0.1] * 10, random_state=0)).fit(digits.X, y)
print(f"graph: {graph.score(digits.X_test, digits.y_test):.3f}")

# %% [markdown]
# ## Look at the errors

# %%
ConfusionMatrixDisplay.from_estimator(graph, digits.X_test, digits.y_test, colorbar=False)
plt.show()
