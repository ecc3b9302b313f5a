# One command per intention. Each sets up what it needs: only Python >= 3.11, git and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help install compare test base clients lowest check format bench bench-serve bench-explore thesis results clean

help:            ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

install: $(INSTALLED)   ## make .venv and install vaefeat with all extras, at the pinned versions
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vaefeat needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@

compare: install  ## the main job on the embedded digits: table, plot, rows, ONNX encoder in comparison/
	$(BIN)/vaefeat compare --data digits --out comparison

test: install     ## run all tests and the examples in the docstrings
	$(BIN)/python -m pytest -n 2 --dist loadfile  # TensorFlow leaves a core idle while it compiles

base:             ## install without extras, and verify and run the exported models there
	$(PYTHON) -m venv --clear $(VENV)-base
	$(VENV)-base/bin/python -m pip install --quiet --disable-pip-version-check . -c constraints.txt
	for model in exported/*/model.onnx; do $(VENV)-base/bin/vaefeat verify $$model || exit 1; done
	$(VENV)-base/bin/python exported/examples/python/classify.py \
		exported/mnist-100-labels-vae/model.onnx exported/examples/samples.json > $(VENV)-base/answers.jsonl
	@tail -1 $(VENV)-base/answers.jsonl
	@du -shc $(VENV)-base/lib | tail -1 | sed 's/total/installed to run models/'

clients:          ## make .venv-clients, where the service is tested through the clients that people have
	$(PYTHON) -m venv $(VENV)-clients
	$(VENV)-clients/bin/python -m pip install --quiet --disable-pip-version-check \
		'tritonclient[http]' kserve schemathesis -c constraints-clients.txt

lowest:           ## run all tests with the lowest versions that pyproject.toml allows
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet -e '.[serve,train]' polars pytest httpx hypothesis \
		-c constraints-lowest.txt
	$(VENV)-lowest/bin/python -m pytest -W default  # old releases warn of what is newer

check: install    ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install   ## apply the formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install    ## time training, transform, import and memory; rows to pipelines/results
	$(BIN)/python -m pipelines.benchmarks.run

bench-serve: install  ## load the service, beside LitServe and MLServer; for 20 minutes more, add: soak=1
	for name in litserve mlserver; do \
		test -d $(VENV)-$$name || { $(PYTHON) -m venv $(VENV)-$$name && \
		$(VENV)-$$name/bin/python -m pip install --quiet --disable-pip-version-check $$name onnxruntime; } || exit 1; \
	done
	$(BIN)/python -m pipelines.benchmarks.run --only serve --only startup --only overload --only fuzz \
		$(if $(soak),--only soak)

bench-explore: install  ## time the explorer in a browser: from moving a slider to the picture
	npm ci --no-progress --prefix exported/examples
	$(BIN)/python -m pipelines.benchmarks.run --only explorer

thesis: install   ## the 2018 thesis: losses, figures, interpolation; takes an hour, goes on where it stopped
	$(BIN)/python -m pipelines.experiments.thesis_2018
	$(BIN)/python -m pipelines.experiments.interpolation

results: install  ## write the tables and plots of the README and docs from pipelines/results
	$(BIN)/python -m pipelines.experiments.report

clean:
	rm -rf $(VENV) $(VENV)-base $(VENV)-clients $(VENV)-litserve $(VENV)-lowest $(VENV)-mlserver comparison
