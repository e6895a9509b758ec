"""What tools/run_tests.py is made of: processes, jobs, results, the report."""
