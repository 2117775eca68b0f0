# Haven's commands. They need git, make and a python3; everything else is fetched.
SHELL := /bin/sh
UV := .venv/uv/bin/uv
SWITCHBOARD := .venv/switchboard/bin/python
ASSISTANT := .venv/assistant/bin/python
export PYTHONPATH := $(CURDIR)
# Where it is set, every process reads all source anew at its start: seconds for each of the hundreds that tests begin.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run setup train test test-knowledge check audit bench bench-peer soak load faults power lock clean

help:
	@echo "make run    set up, train if needed, start everything"
	@echo "make test   set up and run every test"
	@echo "make check  style, types, layers, content"

run: setup
	@bin/haven run

setup: .venv/switchboard/.done .venv/assistant/.done

train: setup
	@bin/haven train

# On two cores: training beside the first part, in the second the journeys beside everything else. The browser has
# the machine to itself, and its loop and pytest-asyncio's do not share a process.
test: .venv/switchboard/.tests setup
	@$(MAKE) --no-print-directory -j2 --output-sync=target train test-knowledge
	@echo "2 of 3: haven, switchboard, command line and journeys on Python 3.13"
	@$(SWITCHBOARD) -m pytest tests/haven tests/switchboard tests/cli tests/bench tests/journeys tests/security tests/deploy \
	  tests/test_docs.py tests/test_layers.py \
	  -q -n 2 --dist loadgroup
	@echo "3 of 3: the widget in a browser"
	@$(SWITCHBOARD) -m pytest tests/widget -q

test-knowledge: .venv/switchboard/.tests
	@echo "1 of 3: haven, assistant and actions on Python 3.10"
	@SQLALCHEMY_SILENCE_UBER_WARNING=1 $(ASSISTANT) -m pytest tests/haven tests/assistant tests/actions -q \
	  -W ignore::DeprecationWarning

check: .venv/switchboard/.tests setup
	@$(SWITCHBOARD) -m ruff check .
	@$(SWITCHBOARD) -m mypy
	@.venv/switchboard/bin/lint-imports
	@bin/haven check

# Needs the network; says so where it has none. requirements/accepted.yml lists what is accepted, and why.
audit: .venv/switchboard/.tests
	@$(SWITCHBOARD) requirements/audit.py

# -- measurements: docs/performance.md ----------------------------------------------------------------
bench: .venv/switchboard/.tests setup train
	@$(SWITCHBOARD) -m bench

# The power goes at every commit of a switchboard, and while it is upgraded: minutes, so not a part of make test.
power: .venv/switchboard/.tests setup
	@$(SWITCHBOARD) -m pytest tests/power -q

# Real traffic while everything is broken in turn: docs/reliability.md. FAULTS="--messages 300 --faults 15" is a short one.
FAULTS ?= --messages 10000 --faults 200 --write
faults: .venv/switchboard/.tests setup train
	@$(SWITCHBOARD) -m faults $(FAULTS)

# Whether the memory of any process grows over an hour of messages on both channels.
MINUTES ?= 60
RATE ?= 5
soak: .venv/switchboard/.tests setup train
	@$(SWITCHBOARD) -m bench.soak --minutes $(MINUTES) --rate $(RATE)

# What visitors notice while somebody attacks the public doors: docs/load.md.
SECONDS ?= 20
load: .venv/switchboard/.tests setup train
	@$(SWITCHBOARD) -m bench.load --seconds $(SECONDS)

# Rasa's default pipeline on Haven's content, for comparison; EPOCHS=100 is its default and takes hours on two cores.
EPOCHS ?= 8
SETS ?= ../shared/evaluation
bench-peer: setup
	@$(ASSISTANT) bench/peer/train.py $(EPOCHS)
	@$(ASSISTANT) bench/peer/score.py $(SETS)

# -- environments ---------------------------------------------------------------------------------------
$(UV): requirements/uv.txt
	@echo "Fetching uv, which fetches the rest ..."
	@python3 -m venv .venv/uv || { echo "python3 cannot make environments; on Debian: apt install python3-venv"; exit 1; }
	@.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt \
	  || { echo "uv could not be fetched. Is there a network?"; rm -rf .venv/uv; exit 1; }
	@touch $(UV)

.venv/%/.done: requirements/%.txt $(UV)
	@echo "Setting up $(@D) (fetches a few hundred MB the first time) ..."
	@$(UV) venv --quiet --allow-existing --python $(if $(findstring assistant,$*),3.10,3.13) .venv/$* \
	  || { echo "Python for $* could not be found or fetched. Is there a network?"; exit 1; }
	@$(UV) pip install --quiet --python .venv/$* --require-hashes -r requirements/$*.txt \
	  || { echo "The packages of $* could not be fetched. Is there a network?"; exit 1; }
	@touch $@

# The switchboard's environment with what tests and checks need; "make run" never asks for it.
.venv/switchboard/.tests: requirements/test.txt requirements/assistant_test.txt .venv/switchboard/.done .venv/assistant/.done
	@echo "Adding what the tests need ..."
	@$(UV) pip install --quiet --python .venv/switchboard --require-hashes -r requirements/test.txt
	@$(UV) pip install --quiet --python .venv/assistant --require-hashes -r requirements/assistant_test.txt
	@touch $@

# -- upkeep ---------------------------------------------------------------------------------------------
COMPILE = $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header
lock: $(UV)
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/switchboard.in --python 3.13 -o requirements/switchboard.txt
	$(COMPILE) requirements/test.in --python 3.13 -o requirements/test.txt
	$(COMPILE) requirements/assistant.in --python 3.10 -o requirements/assistant.txt
	$(COMPILE) requirements/assistant_test.in --python 3.10 -o requirements/assistant_test.txt

clean:
	rm -rf .venv models/*.tar.gz models/haven.json
