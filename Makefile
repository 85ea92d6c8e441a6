# make run [DATASET=cifar10 | DATASET=folder DATA_DIR=path] [RUN_DIR=runs/name] [PARAMETERS="-p NAME VALUE ..."]
DATASET ?= shapes
DATA_DIR ?= data
RUN_DIR ?= $(if $(filter shapes,$(DATASET)),runs/demo,runs/$(DATASET))
PYTHON ?= python3
ifneq (,$(findstring p,$(firstword -$(MAKEFLAGS))))
$(error -p is an option of make itself: give parameters as PARAMETERS="-p NAME VALUE")
endif
BIN = .venv/bin

run: .venv/installed
	$(BIN)/python -m utils.run "$(RUN_DIR)" -p dataset "$(DATASET)" -p data_dir "$(DATA_DIR)" $(PARAMETERS)

# many runs: make sweep GRID="seed=0..4" [OUT=runs/sweep] [DATASET=...] [PARAMETERS="-p NAME VALUE ..."] [WORKERS=n]
OUT ?= runs/sweep
GRID ?= seed=0..4

sweep: .venv/sweep
	$(BIN)/python -m utils.sweep "$(OUT)" --grid $(GRID) -p dataset "$(DATASET)" -p data_dir "$(DATA_DIR)" $(PARAMETERS) $(if $(WORKERS),--workers $(WORKERS))

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder tests
	rm -rf build/nbval && mkdir -p build/nbval && cp -r notebooks utils tests doc pyproject.toml build/nbval
	cd build/nbval && ../../$(BIN)/python -m pytest -p tests.outputs --nbval notebooks

# what reads the code without running it
check: .venv/tests
	$(BIN)/ruff check utils tests notebooks
	$(BIN)/ruff format --check utils tests notebooks
	$(BIN)/mypy
	$(BIN)/codespell

bench: .venv/tests
	$(BIN)/python -m tests.benchmarks.training
	$(BIN)/python -m tests.benchmarks.optimisers
	$(BIN)/python -m tests.benchmarks.augmentation
	$(BIN)/python -m tests.benchmarks.evaluation
	$(BIN)/python -m tests.benchmarks.explaining

# execute the notebooks again on their defaults, as they are committed
notebooks: .venv/tests
	cd notebooks && for name in 0*.ipynb; do \
	  ../$(BIN)/jupyter nbconvert --to notebook --execute --inplace --log-level=WARN \
	    --ExecutePreprocessor.record_timing=False $$name || exit 1; done

# write the numbers and tables of README and doc/ anew from kept files
docs: .venv/tests
	$(BIN)/python -m tests.docs

# write the public address of this repository into badges and set-up cells: make colab REPO=owner/name
colab:
	@echo "$(REPO)" | grep -Eq '^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$$' || { echo 'make colab: needs REPO=owner/name'; exit 2; }
	perl -pi -e 's{(colab\.research\.google\.com/github/|1\\", \\"https://github\.com/)[\w.-]+/[\w.-]+}{$${1}$(REPO)}g' README.md notebooks/0*.ipynb

lab: .venv/installed
	$(BIN)/jupyter lab notebooks $(ARGS)

.venv/installed: requirements.txt .ci/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=path")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -r requirements.txt -c .ci/constraints.txt
	touch $@

.venv/sweep: .venv/installed utils/runs/requirements.txt
	$(BIN)/pip install --disable-pip-version-check -r utils/runs/requirements.txt -c .ci/constraints.txt
	touch $@

.venv/tests: .venv/sweep tests/requirements.txt
	$(BIN)/pip install --disable-pip-version-check -r tests/requirements.txt -c .ci/constraints.txt
	touch $@

.PHONY: run sweep test check bench notebooks docs colab lab
