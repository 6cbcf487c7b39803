# make demo: install, start the app, which fetches the model behind the page. make test: install what tests need, run them.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
RAY := $(VENV)/ray
MODEL ?= qwen2.5-coder-0.5b-instruct

.PHONY: demo test test-fast test-ray check wheel precompute

FAST := not model and not browser and not gpu and not ray
RAY_TESTS := ray
# Neighbours stay in one worker, so that what they share is made once: see tests/conftest.py.
PARALLEL := -n auto --dist worksteal

demo: $(VENV)/.installed
	STEERING_MODEL=$${STEERING_MODEL:-$(MODEL)} $(RUN) app.py

test: $(VENV)/.installed-dev chromium
	$(RUN) -m pytest -m "$(FAST)" $(PARALLEL) --shapes
	$(RUN) -m pytest -m "not ray and not ($(FAST))" --shapes
	$(MAKE) --no-print-directory test-ray

# Workers and replicas as real processes of Ray. They bring their own load: one test at a time.
test-ray: $(RAY)/.installed chromium
	$(RAY)/bin/python -m pytest -m "$(RAY_TESTS)" --shapes

# No weights, no browser, no shapes checked, nothing slow: 60 s on two cores beside other work (measured).
test-fast: $(VENV)/.installed-dev
	$(RUN) -m pytest -m "$(FAST) and not slow" $(PARALLEL)

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check --no-cache .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	if [ -x $(VENV)/bin/hadolint ]; then $(VENV)/bin/hadolint Dockerfile; fi
	$(VENV)/bin/shellcheck container/*.sh .ci/run
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict -q -d .site
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-front; \
		else echo "node is missing: the scripts in assets/ are not checked"; fi

# eslint, the types in the comments (tsc), and the tests of what needs no browser.
.PHONY: check-front
check-front: node_modules/.installed
	npm run --silent check

node_modules/.installed: package-lock.json
	npm ci --silent
	touch $@

wheel: $(VENV)/.installed-dev
	$(RUN) -m build --wheel --no-isolation

precompute: $(VENV)/.installed
	$(RUN) -m steering precompute --model $(MODEL)

# Debian's browser, where it is missing and can be installed; elsewhere the browser tests skip.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } \
		|| echo "chromium is missing and could not be installed: the browser tests will skip"

$(VENV)/.installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

# On top of the environment of all other tests, not in it: with Ray come uvloop and httptools, on which
# every server that finds them runs, and the page would be tested on what few of its users have.
# Where there is no Ray for a Python or a system, nothing is added, and the tests skip.
$(RAY)/.installed: $(VENV)/.installed-dev requirements-ray.txt
	$(RUN) -m venv --without-pip $(RAY)
	$(RUN) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> "$$($(RAY)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dev.pth"
	$(RUN) -m pip --python $(RAY)/bin/python install --disable-pip-version-check -q -r requirements-ray.txt
	touch $@
