.DEFAULT_GOAL := help
VENV := .venv/bin
UV_VERSION := 0.13.8

# One more than there are cores: many wait for what they have started.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
PYTEST := $(VENV)/pytest --numprocesses $(WORKERS) --maxprocesses 5 --dist loadfile --no-loadscope-reorder
STORES := all
# What ran, and what became of it: `make briefs` reads it.
REPORT = --junitxml .reports/$@.xml
RUNGS := cryptodudez_assets_tests/unit cryptodudez_assets_tests/property

timed = start=$$(date +%s); $(1) cryptodudez_assets_tests; \
	code=$$?; echo "tests took $$(( $$(date +%s) - start )) s"; exit $$code

.PHONY: help install demo up twin test test-long test-stores test-twin test-fast test-spark test-deploy test-images twin-pods install-engines install-deploy install-readers coverage mutants lint package bench briefs docs docs-site docs-serve

help:  ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: .venv/installed  ## Make .venv from the lock file

# The marker is newer than the lock file once everything is in place. Modules are compiled here, once: where Python may not write that
# down (PYTHONDONTWRITEBYTECODE, a folder of somebody else's), each process would compile thousands of them, for seconds.
.venv/installed: uv.lock pyproject.toml
	@test -x $(VENV)/python || python3 -m venv .venv
	@test -x $(VENV)/uv || $(VENV)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=.venv $(VENV)/uv sync --frozen --quiet --compile-bytecode --python $(VENV)/python
	@$(VENV)/python -m compileall -q cryptodudez_assets serving
	@touch $@

install-engines: .venv/with-engines  ## The same with Ray, and with Apache Spark, which needs Java 17 or newer

.venv/with-engines: .venv/installed
	@VIRTUAL_ENV=.venv $(VENV)/uv sync --frozen --quiet --inexact --extra spark --extra ray --python $(VENV)/python
	@touch $@

install-deploy: .venv/with-deploy  ## The same with Pulumi, and what its program is looked at with

.venv/with-deploy: .venv/installed
	@VIRTUAL_ENV=.venv $(VENV)/uv sync --frozen --quiet --inexact --compile-bytecode --extra deploy --extra k8s --group deploy-checks --python $(VENV)/python
	@touch $@

install-readers: .readers/installed  ## Spark's JVM, Daft, DuckDB and an older PyIceberg, which read our tables in tests

.readers/installed: cryptodudez_assets_tests/readers.txt .venv/installed
	@test -x .readers/bin/python || $(VENV)/python -m venv --without-pip .readers
	@$(VENV)/uv pip sync --quiet --python .readers/bin/python $<
	@touch $@

demo: install  ## Everything once on sample data, headless, with a summary; PLANTED=1: with a signal to be found
	@$(VENV)/cryptodudez demo $(if $(PLANTED),--planted)

up: install  ## Dagster UI with sensors on: http://127.0.0.1:3000
	@exec $(VENV)/cryptodudez up

twin: install  ## A twin of the cluster: bucket, its events, PostgreSQL and the platform on this machine; Ctrl-C stops it
	@exec $(VENV)/python -m cryptodudez_assets_tests.twin $(ARGS)

test: install  ## All tests but the long ones, a worker more than there are cores
	@$(call timed,$(PYTEST) $(REPORT) -m "not long and not spark and not deploy and not twin")

test-long: install  ## The long ones: whole commands, homes that are killed, buckets
	@$(call timed,$(PYTEST) $(REPORT) -m "long and not spark")

test-stores: install  ## Suites of lake, features, training and serving on each of five stores; leaves a report in .stores.xml
	@$(call timed,$(PYTEST) -m "every_store" --stores $(STORES) --junitxml .stores.xml)

test-twin: install  ## Kills on the twin of the cluster, one of each kind that is soon there again: ten minutes
	@$(VENV)/pytest -m twin cryptodudez_assets_tests/integration

test-fast: install  ## Unit and property tests without servers, real archives and slow ones
	@$(PYTEST) -m "not slow and not servers and not real" $(RUNGS)

test-spark: install-engines install-readers  ## Those on Apache Spark and Ray, and of readers outside; without Java Spark's are skipped, and say so
	@$(VENV)/pytest $(REPORT) -m spark cryptodudez_assets_tests/integration

test-deploy: install-deploy  ## Those of the program that `pulumi up` runs, and of what it makes
	@$(VENV)/pytest $(REPORT) -m "deploy and not images and not pods" cryptodudez_assets_tests/deploying

test-images: install-deploy  ## The images of deploy/, built by buildah and run by podman as its manifests say
	@$(VENV)/pytest -m images cryptodudez_assets_tests/deploying

# In a network of its own: the manifests' ports are free there, and nobody is asked who is not of the twin.
twin-pods: install-deploy  ## The stack's manifests, run by podman from the images beside stand-ins of a cloud
	@$(VENV)/python -m cryptodudez_assets_tests.images
	@unshare --net -- sh -c 'ip link set lo up && exec "$$@"' sh $(VENV)/pytest -m pods cryptodudez_assets_tests/deploying

coverage: install  ## All tests, and which lines and branches they run
	@$(PYTEST) --cov --cov-report=term cryptodudez_assets_tests

mutants: install  ## 400 small changes of the core, drawn by a seed: which of them no test notices
	@$(VENV)/python cryptodudez_assets_tests/mutants.py

lint: install  ## Style, types, definitions, generated docs
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check --quiet
	@$(VENV)/mypy
	@$(VENV)/python docs/generate.py --check
	@$(VENV)/dagster definitions validate -m cryptodudez_assets.definitions --log-level warning

package: install  ## The wheel in dist/, which needs no checkout
	@rm -f dist/cryptodudez-*.whl
	@$(VENV)/uv build --quiet --wheel --out-dir dist
	@ls dist/*.whl

bench: install  ## Benchmarks: ours beside a peer, in ratios
	@for script in benchmarks/*.py; do echo "== $$script"; $(VENV)/python $$script || exit 1; done

docs: install  ## Write the generated parts of the documentation
	@$(VENV)/python docs/generate.py

briefs: install  ## Of the tests that docs/briefs.md names, those that did not pass when test, test-long, test-spark and test-deploy ran last
	@$(VENV)/python docs/briefs_ran.py $(wildcard .reports/*.xml)

docs-site: install  ## The documentation as a site, in .site/html; a broken link fails it
	@$(VENV)/python docs/site_made.py
	@$(VENV)/zensical build --strict --clean

docs-serve: docs-site  ## The same at http://127.0.0.1:8080; Ctrl-C stops
	@cd .site/html && exec ../../$(VENV)/python -m http.server --bind 127.0.0.1 8080
