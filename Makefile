# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# One line for each thing a person types; what it does stands in scripts/. `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help venv demo demo-down test unit units-219 unit-oldest units sanity lint importer molecule nfs dynamodb bench \
        bench-ledger bench-smoke chaos format clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## make .venv with everything that the collection and its tests need
	@scripts/venv main

demo: venv ## three templates, one lab: hosts in Docker, found by the EC2 inventory, researchers on all of them
	@tests/fleet/demo up

demo-down: venv ## take away everything that `make demo` made
	@tests/fleet/demo down

test: ## every check and every test
	@scripts/run_tests

unit: ## unit and property tests on the newest ansible-core
	@scripts/run_tests unit

units-219: ## those of them that need Ansible, on ansible-core 2.19 and Python 3.11
	@scripts/run_tests unit-core219

unit-oldest: ## the tests of what runs on a managed host, on the oldest Python that one may have
	@scripts/run_tests unit-oldest

units: ## the unit tests as ansible-test runs them
	@scripts/run_tests ansible-test-units

sanity: ## ansible-test sanity: all its tests, nothing ignored
	@scripts/run_tests sanity

lint: ## ruff, mypy, yamllint, ansible-lint, documentation, changelog, licences
	@scripts/run_tests lint

importer: ## build the collection and import it as Galaxy would
	@scripts/run_tests importer

molecule: ## the roles on real hosts in Docker; one scenario: scripts/run_tests molecule:NAME
	@scripts/run_tests molecule

nfs: venv ## homes on NFS: a file server and two instances with kernels of their own, and what they do when it dies
	@.venv/bin/python tests/nfs/nfs.py test

dynamodb: ## the ledger in a table, against three servers that speak the API of DynamoDB, through a bad network
	@scripts/run_tests ledger-dynamodb

bench: venv ## measure against what people write today; ARGS=--write puts it into docs/; wants an idle machine
	@.venv/bin/python tests/bench/bench.py $(ARGS)
	@.venv/bin/python tests/bench/ledger.py $(filter --write,$(ARGS))
	@.venv/bin/python tests/bench/migration.py $(filter --write,$(ARGS))
	@.venv/bin/python tests/bench/invitations.py $(filter --write,$(ARGS))

bench-ledger: venv ## the part of the benchmark that needs no hosts: numbers from a ledger, in a file and in a table
	@.venv/bin/python tests/bench/ledger.py $(ARGS)

bench-smoke: ## the smallest run of the benchmark, so that it cannot rot
	@scripts/run_tests bench-smoke

chaos: venv ## let controllers issue 10,000 numbers to a file and to tables while everything goes wrong
	@.venv/bin/python tests/chaos/chaos.py $(ARGS)

format: venv ## write the Python code as `make lint` wants it
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format --quiet .

clean: ## remove what was made in this checkout; environments and images stay in the cache
	@rm -rf .build .venv .venv-*
