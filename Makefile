# Needs Python 3.11 or newer, make and git. Everything else comes from PyPI at the versions in uv.lock.

# uv warns about another active environment at every command, and uses ours all the same.
unexport VIRTUAL_ENV
# Compiling every module anew at each start costs the demo two seconds and the tests a minute.
unexport PYTHONDONTWRITEBYTECODE

# A uv that is there but does not answer (a shim without a version behind it) counts as missing.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
# One minor series: before 1.0, uv changes behaviour between them.
UV_RANGE := uv>=0.13,<0.14
RUN := $(UV) run --frozen
# Tried in this order where uv has to be brought in; the first that fits is taken.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11

.DEFAULT_GOAL := help
.PHONY: help install demo test console trust soak bench check

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(UV) ## Install the project and its tools into .venv
	@$(UV) sync --frozen

demo: install ## Serve two demo shops on 127.0.0.1:8000 (ARGS="--port 9000 --fresh"); Ctrl-C stops it
	@$(RUN) account-credit demo $(ARGS)

test: install ## Run the whole test suite (ARGS="-k void" for a part of it)
	@$(RUN) pytest -n 3 $(ARGS)

console: install ## Try every page of the console in Chromium: axe, widths, keyboard, double clicks, settings (some minutes)
	@$(RUN) pytest -n 3 tests/console/thorough $(ARGS)

trust: install ## Try it under load and faults, one table at the end (some minutes; ARGS="--trust-scale 0.1" for a tenth)
	@$(RUN) pytest -v -n 2 --maxschedchunk 1 tests/trust $(ARGS)

soak: install ## The benchmark with 10,000 shops and 10,000,000 entries and an hour of load, then trust a hundred times (reckoned: ten hours)
	@$(RUN) python -m bench --large --soak
	@$(RUN) pytest -v tests/trust --trust-scale 100 $(ARGS)

bench: install ## Measure it against PostgreSQL itself, docs/benchmarks.md (20 minutes; ARGS=--quick for one or two, ARGS=--help)
	@$(RUN) python -m bench $(ARGS)

check: install ## Lint, format, types, architecture, migrations, known vulnerabilities
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	@# A database of its own: the check must not see, or touch, the demo's data.
	@echo "$(RUN) account-credit migrate --check"; \
	data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && $(RUN) account-credit migrate --check --data "$$data/check"
	$(RUN) python .ci/audit.py

.uv/bin/uv:
	@chosen= ; found= ; \
	for python in $(PYTHONS); do \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null) \
	        || { found=$${found:-$$version}; continue; }; \
	    found=$$version; \
	    if $$python -c 'import ensurepip, venv' 2>/dev/null; then chosen=$$python; break; fi; \
	    bare=$$python; \
	done; \
	if [ -z "$$chosen$$bare" ]; then \
	    echo "Account Credit needs Python 3.11 or newer, and this machine has $${found:+only Python }$${found:-no python3}." >&2; exit 1; \
	fi; \
	if [ -z "$$chosen" ]; then \
	    echo "$$bare (Python $$found) cannot make virtual environments: install its venv package (Debian and Ubuntu: apt install python3-venv), or uv." >&2; exit 1; \
	fi; \
	echo "Installing uv into .uv/ (once)"; \
	$$chosen -m venv --clear .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check '$(UV_RANGE)'
