"""Benchmarks: each prints a table and writes JSON; ratios within one run, medians, percentiles."""
