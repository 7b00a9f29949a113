# One command for everything; each sets up .venv first (once).
PYTHON ?= python3
JOBS := run view test proofs fuzz robustness lint benchmark
$(JOBS):
	@$(PYTHON) run.py $@
# WHY="what changes the recorded numbers, and why that is right"
regression:
	@$(PYTHON) run.py $@ "$(WHY)"
.PHONY: $(JOBS) regression
