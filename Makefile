# Needs python3 (3.11 or newer) with venv; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
APP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
MODEL ?= vae
DATA ?= toons
MINUTES ?= 30
OUT ?= runs/$(MODEL)-$(notdir $(DATA:/=))
ARGS ?=

.PHONY: help install fetch run test bench train toons format lint

help:
	@echo "make run        install what is missing, then open the app on http://127.0.0.1:7860"
	@echo "make test       every test (Chromium tests are skipped where there is no Chromium)"
	@echo "make bench      measure the page against the stock wiring"
	@echo "make train MODEL=vae DATA=toons|portraits|FOLDER MINUTES=40 [OUT=runs/NAME] [ARGS=...]"
	@echo "make toons      render the toons (needs Node)"
	@echo "make install fetch format lint"

install: $(APP) fetch

# pip runs only when a requirements file is newer than its stamp, so that an installed machine needs no network
$(APP): requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11 or newer, or name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1): Python 3.11 or newer is needed. Name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(APP)
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@

# the pretrained language model is wanted, not needed: where it cannot be had, its tab says so and works with tiny
fetch: $(APP)
	@$(BIN)/python -m models.fetch
	@$(BIN)/python -m models.smollm2 || echo "the app works without it"

run: install
	$(BIN)/python app.py

test: install $(DEV)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

bench: install $(DEV)
	$(BIN)/python -m benchmarks.bench $(ARGS)

train: install $(DEV)
	$(BIN)/python -m models.training.$(MODEL) --data $(DATA) --minutes $(MINUTES) --out $(OUT) $(ARGS)

toons: install
	$(BIN)/python -m models.training.toons $(ARGS)

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
