"""Reports: compare figures from the log with what the office promises, and format them."""
