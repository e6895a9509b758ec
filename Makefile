# One command per job; `make help` lists them. Everything a target needs it installs itself (tools/setup.sh).
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help demo test test-fast bench release setup clean

PYTHON := .deps/venv/bin/python

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: release  ## ingest the digits, train data-parallel on two processes, print a summary
	@tools/demo.sh

release:  ## build the program: build/release/bin/ringfeed
	@tools/setup.sh demo
	@tools/build.sh release

test:  ## build everything and run all tests
	@tools/setup.sh test
	@tools/build.sh release
	@tools/build.sh dev
	@$(PYTHON) tools/run_tests.py --build build/dev --all

test-fast:  ## the tests of the core (no torch), for daily work
	@tools/setup.sh test
	@tools/build.sh fast
	@$(PYTHON) tools/run_tests.py --build build/fast

clean:  ## remove build/ (the wheels in .deps/ stay)
	rm -rf build
