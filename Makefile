# One command per intention. Each sets up what it needs: only Python >= 3.11.5, git and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help install compare test test-all base clients engines stubs lowest check format docs bench bench-large bench-serve bench-explore thesis results clean

help:            ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

install: $(INSTALLED)   ## make .venv and install vaefeat with all extras, at the pinned versions
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5) and f"The pinned versions need Python 3.11.5 or newer, got {sys.version.split()[0]}; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@

compare: install  ## compare features on the embedded digits, in 2 minutes; write plot, rows, encoder to comparison/
	$(BIN)/vaefeat compare --data digits --n-labeled 50 --n-labeled 100 --n-labeled 600 --n-draws 3 \
		--max-iter 120 --out comparison

test: install     ## run the tests, except the slow ones, and the examples in the docstrings
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow'  # TensorFlow leaves a core idle while it compiles

test-all: install ## run all tests, including those of browsers, clients, experiments and benchmarks
	$(BIN)/python -m pytest -n 2 --dist loadfile

base:             ## install without extras, then verify and run the exported models
	$(PYTHON) -m venv --clear $(VENV)-base
	$(VENV)-base/bin/python -m pip install --quiet --disable-pip-version-check . -c constraints.txt
	for model in exported/*/model.onnx; do $(VENV)-base/bin/vaefeat verify $$model || exit 1; done
	$(VENV)-base/bin/python exported/examples/python/classify.py \
		exported/mnist-100-labels-vae/model.onnx exported/examples/samples.json > $(VENV)-base/answers.jsonl
	@tail -1 $(VENV)-base/answers.jsonl
	@du -shc $(VENV)-base/lib | tail -1 | sed 's/total/installed to run models/'

clients:          ## make .venv-clients, in which Triton's and KServe's clients test the service
	$(PYTHON) -m venv $(VENV)-clients
	$(VENV)-clients/bin/python -m pip install --quiet --disable-pip-version-check \
		'tritonclient[http,grpc]' kserve schemathesis -c constraints-clients.txt

ENGINES := $(patsubst %,$(VENV)-%/installed,polars ray spark)
engines: $(ENGINES)  ## make .venv-polars, .venv-ray and .venv-spark, in which Polars, DuckDB, Ray and Spark encode in tests
$(VENV)-polars/installed: PACKAGES := polars duckdb
$(VENV)-ray/installed: PACKAGES := 'ray[data]'
$(VENV)-spark/installed: PACKAGES := 'pyspark[sql]'
$(ENGINES): $(VENV)-%/installed: pyproject.toml constraints-engines.txt
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --no-compile --disable-pip-version-check \
		-e '.[tables]' $(PACKAGES) -c constraints-engines.txt
	touch $@

stubs:            ## generate the messages of the gRPC service from its .proto
	$(PYTHON) -m venv $(VENV)-stubs
	$(VENV)-stubs/bin/python -m pip install --quiet --disable-pip-version-check 'grpcio-tools==1.71.*'
	$(VENV)-stubs/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. vaefeat/serving/grpc/inference.proto

lowest:           ## run all tests with the lowest versions allowed by pyproject.toml
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet -e '.[serve,train]' polars pytest httpx hypothesis \
		-c constraints-lowest.txt
	$(VENV)-lowest/bin/python -m pytest -W default  # old releases warn about newer ones

check: install    ## check style, formatting, types, spelling and the version
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python .ci/check_version.py

format: install   ## fix style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install    ## time training, transform and import, measure memory; write rows to pipelines/results
	$(BIN)/python -m pipelines.benchmarks.run

bench-serve: install  ## load the service, LitServe and MLServer; with soak=1, for another 20 minutes
	for name in litserve mlserver; do \
		test -d $(VENV)-$$name || { $(PYTHON) -m venv $(VENV)-$$name && \
		$(VENV)-$$name/bin/python -m pip install --quiet --disable-pip-version-check $$name onnxruntime; } || exit 1; \
	done
	$(BIN)/python -m pipelines.benchmarks.run --only serve --only limit --only workers --only fairness --only startup --only overload --only fuzz --only mutants \
		$(if $(soak),--only soak)

bench-large: install  ## measure training on large arrays and files, and encoding many files; needs 25 GB of disk
	for name in large limited sorted_rows streaming encode_threads encode_dask kills; do \
		$(BIN)/python -m pipelines.benchmarks.run --only $$name --out pipelines/results/large.json || exit 1; \
	done

bench-explore: install  ## time the explorer in a browser, from the move of a slider to the picture
	npm ci --no-progress --prefix exported/examples
	$(BIN)/python -m pipelines.benchmarks.run --only explorer

thesis: install   ## reproduce the 2018 thesis: losses, figures, interpolation; takes an hour, resumes where it stopped
	$(BIN)/python -m pipelines.experiments.thesis_2018
	$(BIN)/python -m pipelines.experiments.interpolation

results: install  ## generate the tables and plots of README and docs from pipelines/results
	$(BIN)/python -m pipelines.experiments.report

docs: install     ## build the documentation as a site in build/site, with the examples as pages and notebooks
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

clean:            ## remove what the commands above made
	rm -rf $(VENV) $(VENV)-base $(VENV)-clients $(VENV)-litserve $(VENV)-lowest $(VENV)-mlserver $(VENV)-polars $(VENV)-ray $(VENV)-spark \
		$(VENV)-stubs comparison build
