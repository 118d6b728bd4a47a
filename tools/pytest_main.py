"""Entry point of every pytest_test: the arguments are the test files. Honours Bazel's --test_filter and XML report."""

import os
import sys

import pytest

options = ["-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", os.getcwd(), "-ra"]
if "XML_OUTPUT_FILE" in os.environ:
    options.append("--junitxml=" + os.environ["XML_OUTPUT_FILE"])
if "TESTBRIDGE_TEST_ONLY" in os.environ:
    options += ["-k", os.environ["TESTBRIDGE_TEST_ONLY"]]
sys.exit(pytest.main(options + sys.argv[1:]))
