# One command per job; `make help` lists them. Everything a target needs it installs itself (tools/setup.sh).
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help demo demo-images demo-cassandra test test-fast test-torch test-wheels test-cuda test-browser test-engines single soak bench pages page-pictures docs fuzz release cuda wheel clean cassandra-up cassandra-down cqlsh

PYTHON := .deps/venv/bin/python
BENCHMARKS := feed_local assemble start memory scaling train feed_python transform feed_cassandra rows_cassandra ingest_cassandra tune_cassandra feed_python_cassandra far_cassandra slow_cassandra tune

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: release  ## ingest the digits, train data-parallel on two processes, print a summary
	@tools/demo.sh

demo-images: release  ## a folder of pictures: ingest, decode and augment in the feed, train on two processes
	@tools/demo_images.sh

demo-cassandra: release  ## the original case on a real Cassandra node: create, ingest, train, read back
	@tools/setup.sh cassandra
	@$(PYTHON) tools/demo_cassandra.py

release:  ## build the program: build/release/bin/ringfeed
	@tools/setup.sh demo
	@tools/build.sh release

cuda:  ## build the program able to train on NVIDIA GPUs (3 GB more to install)
	@tools/setup.sh cuda
	@tools/build.sh release -DRINGFEED_CUDA=ON

wheel:  ## build the wheel of the Python package: build/wheel/dist/*.whl
	@tools/setup.sh wheel
	@tools/wheel.sh

test:  ## build everything and run all tests
	@tools/setup.sh test
	@tools/setup.sh cassandra
	@$(PYTHON) tools/run_tests.py --all --build dev --build 'asan room_tests' --build 'tsan base_test store_test store_cassandra_test order_test feed_test audit_test'

test-fast:  ## the tests of the core (no torch, no sanitizers), for daily work
	@tools/setup.sh fast
	@tools/build.sh fast
	@$(PYTHON) tools/run_tests.py build/fast

test-torch:  ## run the training tests with another version of torch (TORCH=2.11.0)
	@tools/setup.sh fast
	@tools/setup.sh driver
	@$(PYTHON) tools/test_torch.py $(TORCH)

test-wheels:  ## build the wheels for Python 3.11 and for 3.12 and later, and use them in each Python that is at hand
	@tools/setup.sh wheel
	@$(PYTHON) tools/test_wheels.py

test-cuda:  ## the tests that need CUDA devices (two or more)
	@tools/setup.sh test
	@tools/build.sh dev
	@RINGFEED_BUILD=build/dev $(PYTHON) -m pytest -q -m cuda tests

test-browser:  ## the tests of pages, in a headless Chromium (200 MB more to install)
	@tools/setup.sh demo
	@tools/setup.sh browser
	@tools/build.sh dev ringfeed_program
	@RINGFEED_BUILD=build/dev $(PYTHON) -m pytest -q -m browser tests/browser

test-engines:  ## what needs other servers, a browser or a large library: other versions of Cassandra (versions.env), servers with limits, the pages, MosaicML Streaming
	@tools/setup.sh test
	@tools/setup.sh engines
	@tools/setup.sh browser
	@tools/setup.sh streaming
	@tools/build.sh dev ringfeed_program ringfeed_python
	@$(PYTHON) tools/test_engines.py build/dev

single:  ## build each file by itself, and hold all of them against the one definition rule when they are linked
	@tools/setup.sh demo
	@tools/build.sh single

soak:  ## read from three Cassandra nodes with faults for half an hour: exact, and nothing grows (SECONDS=1800)
	@tools/setup.sh test
	@tools/setup.sh cassandra
	@tools/build.sh dev
	@$(PYTHON) tools/soak.py $(SECONDS)

bench:  ## run the benchmarks, and write their table in docs/benchmarks.md (NAME=feed_local, assemble, start, memory, scaling, train, feed_python, transform, mnist_ddp, since, causes, or feed_, rows_, ingest_, tune_, feed_python_, far_, slow_cassandra, tune for one)
	@tools/setup.sh test
	@tools/setup.sh cassandra
	@tools/setup.sh streaming
	@tools/build.sh bench
	@rm -f build/bench-results.jsonl
	@for name in $(or $(NAME),$(BENCHMARKS) $(if $(MNIST),mnist_ddp)); do $(PYTHON) bench/$$name.py || { failed=1; break; }; done; \
	  $(PYTHON) tools/benchmark_table.py build/bench-results.jsonl; exit $${failed:-0}

pages:  ## write the pages and pictures that are made from the code (docs/cli.md, docs/python-api.md, docs/cpp-api.md, docs/pictures), and wrap the others
	@tools/setup.sh test
	@tools/build.sh dev
	@RINGFEED_BUILD=build/dev $(PYTHON) tools/cli_page.py
	@PYTHONPATH=build/dev/python $(PYTHON) tools/python_api.py
	@$(PYTHON) tools/cpp_page.py
	@$(PYTHON) tools/pictures.py
	@$(PYTHON) tools/wrap_pages.py README.md ARCHITECTURE.md docs/*.md docs/notes/*.md

page-pictures:  ## draw the pictures of report.html and of view in docs/pictures, in a headless Chromium (200 MB more to install)
	@tools/setup.sh demo
	@tools/setup.sh browser
	@tools/build.sh dev ringfeed_program
	@$(PYTHON) tools/page_pictures.py build/dev/bin/ringfeed

docs:  ## build a site of the documents, and check its links: build/site/index.html (140 MB more to install)
	@tools/setup.sh docs
	@PYTHONPATH=.deps/docs $(PYTHON) tools/site_of_documents.py

fuzz:  ## run each libFuzzer target for FUZZ_SECONDS (default 60)
	@tools/setup.sh fuzz
	@tools/build.sh fuzz
	@for name in $(patsubst fuzz/%_fuzz.cpp,%,$(wildcard fuzz/*_fuzz.cpp)); do \
	  mkdir -p build/fuzz/corpus/$$name && build/fuzz/bin/fuzz_$$name -max_total_time=$(or $(FUZZ_SECONDS),60) -rss_limit_mb=512 \
	    -artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name fuzz/corpus/$$name || exit 1; done

cassandra-up:  ## start a real Cassandra on loopback addresses (NODES=1|2|3)
	@tools/setup.sh cassandra
	@$(PYTHON) tools/cassandra/cluster.py up --nodes $(or $(NODES),1)

cassandra-down:  ## stop it; its data stay in .cassandra/
	@if [ -x $(PYTHON) ]; then $(PYTHON) tools/cassandra/cluster.py down; fi

cqlsh:  ## a CQL shell on it
	@$(PYTHON) tools/cassandra/cluster.py cqlsh

clean:  ## remove build/ (the wheels in .deps/ stay)
	rm -rf build
