# The daily verbs in the order of the flow, as `make help` lists them; then what is for those who change the code.
MODEL    ?=
CONTEST  ?=
SOURCE   ?=
WEIGHTS  ?=
PRESET   ?=
SEED     ?=
MESSAGE  ?= make submit
SET      ?=
TRIALS   ?= 20
WORKSPACE ?= workspace
ONLY     ?=
LESSONS  ?=
PYTHON   ?= python3

# A machine with an NVIDIA GPU gets TensorFlow with CUDA; any other the CPU build.
DEVICE := $(shell nvidia-smi -L >/dev/null 2>&1 && echo cuda || echo cpu)
BIN := .venv/bin
HEMOBENCH = HEMOBENCH_WORKSPACE="$(WORKSPACE)" $(BIN)/hemobench
PIP = $(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes

.PHONY: help setup freeze verify train tune pack submit leaderboard report serve reproduce speedrun bench lessons site wheel leaderboard-readme test test-browser test-slow fuzz attacks lint format clean
.DEFAULT_GOAL := help

help:  ## print this list
	@awk -F ':.*## ' '/^# The code itself/ { code = 1 } !code && /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 } \
		code && /^[a-z-]+:.*(##|installed)/ { split($$0, word, ":"); names = names " " word[1] } \
		END { print "On the code itself:" names }' Makefile
	@echo 'Variables: MODEL CONTEST SOURCE WEIGHTS PRESET SEED SET TRIALS MESSAGE WORKSPACE'

setup: .venv/$(DEVICE).installed  ## install everything into .venv, from the lock

# The stamp carries the lock's content, so that a new lock installs anew and a second run starts at once.
.venv/$(DEVICE).installed: requirements/$(DEVICE).lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo 'No $(PYTHON) found. Install Python 3.11, 3.12 or 3.13, or type: make setup PYTHON=/path/to/python'; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Got Python {v[0]}.{v[1]}, expected 3.11 to 3.13. Type: make setup PYTHON=python3.12")'
	@echo 'Installing into .venv (about a minute, 1.5 GB) ...'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -r requirements/$(DEVICE).lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/tune.installed: .venv/$(DEVICE).installed requirements/tune.lock
	@$(PIP) -r requirements/tune.lock
	@touch $@

.venv/release.installed: .venv/$(DEVICE).installed requirements/release.lock
	@$(PIP) -r requirements/release.lock
	@touch $@

.venv/test.installed: .venv/$(DEVICE).installed requirements/test.lock
	@echo 'Installing the test tools ...'
	@$(PIP) -r requirements/test.lock
	@touch $@

.venv/docs.installed: .venv/$(DEVICE).installed requirements/docs.lock
	@$(PIP) -r requirements/docs.lock
	@touch $@

freeze: setup  ## freeze a contest: CONTEST=blood-cells-folder SOURCE=cells.zip
	@$(HEMOBENCH) freeze $(if $(CONTEST),--contest "$(CONTEST)") $(if $(SOURCE),--source "$(SOURCE)")

verify: setup  ## compare the frozen contest with its lock
	@$(HEMOBENCH) verify $(if $(CONTEST),--contest "$(CONTEST)")

train: setup need-model  ## train a baseline: MODEL=vgg16 PRESET=quick WEIGHTS=auto
	@$(HEMOBENCH) train "$(MODEL)" $(TRAINING) $(if $(CONTEST),--contest "$(CONTEST)")

tune: .venv/tune.installed need-model  ## search for a better recipe: MODEL=scratch-v2 TRIALS=20
	@$(HEMOBENCH) tune "$(MODEL)" --trials "$(TRIALS)" $(TRAINING) $(if $(CONTEST),--contest "$(CONTEST)")

pack: setup need-model  ## pack a folder of submissions/ beside itself: MODEL=myteam
	@$(HEMOBENCH) pack "submissions/$(MODEL)" -o "submissions/$(MODEL).zip"

TRAINING = $(if $(PRESET),--preset "$(PRESET)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(SEED),--seed "$(SEED)") \
	$(foreach setting,$(SET),--set "$(setting)")

submit: setup need-model  ## freeze if needed, train, pack, score, put on the board: MODEL=vgg16
	@$(HEMOBENCH) freeze --if-missing $(if $(CONTEST),--contest "$(CONTEST)") $(if $(SOURCE),--source "$(SOURCE)")
	@$(HEMOBENCH) submit "$(MODEL)" --message "$(MESSAGE)" $(TRAINING)
	@$(HEMOBENCH) leaderboard

leaderboard: setup  ## show who stands where
	@$(HEMOBENCH) leaderboard $(if $(CONTEST),--contest "$(CONTEST)")

report: setup  ## write the board and all its figures as workspace/report.html
	@$(HEMOBENCH) report -o "$(WORKSPACE)/report.html" $(if $(CONTEST),--contest "$(CONTEST)")

serve: setup  ## show that page live on 127.0.0.1
	@$(HEMOBENCH) serve $(if $(CONTEST),--contest "$(CONTEST)")

reproduce: setup  ## measure the report's table again: PRESET=quick WEIGHTS=folder; two hours on two cores
	@$(HEMOBENCH) freeze --if-missing $(if $(CONTEST),--contest "$(CONTEST)") $(if $(SOURCE),--source "$(SOURCE)")
	@$(if $(WEIGHTS),HEMOBENCH_WEIGHTS="$(WEIGHTS)") $(HEMOBENCH) reproduce $(if $(PRESET),--preset "$(PRESET)")

speedrun: setup  ## train the row speedrun from five seeds, and say how good in how many seconds
	@$(HEMOBENCH) freeze --if-missing $(if $(CONTEST),--contest "$(CONTEST)") $(if $(SOURCE),--source "$(SOURCE)")
	@HEMOBENCH_WORKSPACE="$(WORKSPACE)" $(BIN)/python -m tests.benchmarks.speedrun $(if $(CONTEST),--contest "$(CONTEST)")

# The code itself: for those who change it.
bench: .venv/test.installed  ## write docs/benchmarks.md, in about 12 minutes; a part: ONLY=startup,freeze
	@$(BIN)/python -m tests.benchmarks $(if $(ONLY),--only "$(ONLY)")

lessons: .venv/docs.installed  ## run all lessons as notebooks in build/lessons, in two minutes
	@$(BIN)/python -m tests.lessons.execute build/lessons

site: .venv/docs.installed  ## build the documentation into build/site, in under a minute; LESSONS=1 runs its lessons, too
	@$(BIN)/python -m docs.site $(if $(LESSONS),--lessons)

# The versions of the list of packages are those of the lock, and its date is none: the same files give the same bytes.
wheel: .venv/release.installed  ## write the wheel, its packages as CycloneDX and the hashes of both into dist/
	@rm -rf dist build/release && mkdir -p build/release
	@$(BIN)/python -P -m hatchling build -t wheel -d dist
	@sed "s/^dynamic = .*/version = \"$$($(BIN)/python -P -m hatchling version)\"/" pyproject.toml > build/release/pyproject.toml
	@$(BIN)/python -P -W ignore -m cyclonedx_py requirements requirements/base.lock --pyproject build/release/pyproject.toml \
		--output-reproducible --validate -o dist/hemobench.cdx.json
	@cd dist && sha256sum * > SHA256SUMS && cat SHA256SUMS

leaderboard-readme: setup  ## write the boards of the README anew from docs/boards
	@$(BIN)/python -m tests.readme_boards

# Types beside the tests, and twice as many tests as two cores can run: a third of the time some wait for a sandbox.
# What loads Keras, which takes long, has a process of its own, whose output comes last.
KERAS_TESTS = tests/baselines tests/benchmarks tests/test_benchmarks.py tests/test_docs.py
PYTEST = $(BIN)/python -m pytest --durations=15 -m 'not slow and not attacks and not browser'
test: .venv/test.installed  ## lint, types and tests, in about 10 minutes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; $(BIN)/mypy & types=$$!; \
	$(PYTEST) -n 0 baselines $(KERAS_TESTS) > "$$said" 2>&1 & keras=$$!; \
	$(PYTEST) -n 3 --dist worksteal tests harness $(KERAS_TESTS:%=--ignore=%); failed=$$?; \
	wait $$keras || failed=1; cat "$$said"; \
	wait $$types || { echo 'mypy found what it prints above.'; failed=1; }; exit $$failed

test-browser: .venv/test.installed .venv/docs.installed  ## the page and the site in Chromium (apt install chromium), in two minutes
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m browser tests/browser

test-slow: .venv/test.installed  ## the checks that take longer
	@$(BIN)/python -m pytest -m 'slow and not attacks' --durations=15

fuzz: .venv/test.installed  ## 10,000 property-based cases on what reads files of others, about 2 minutes
	@HEMOBENCH_FUZZ=10000 $(BIN)/python -m pytest -n 0 tests/fuzz

attacks: .venv/test.installed  ## hostile entries in the other isolation and in none, and their honest neighbours
	@$(BIN)/python -m pytest -n 2 --dist worksteal --durations=15 -m attacks

lint: .venv/test.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: .venv/test.installed  ## let ruff repair layout and imports
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove the virtual environment; the workspace stays
	rm -rf .venv

.PHONY: need-model
need-model:
	@test -n "$(MODEL)" || { echo 'MODEL is missing. Type for instance: make $(MAKECMDGOALS) MODEL=vgg16'; exit 2; }
