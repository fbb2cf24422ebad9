"""Reports: figures of the log held against what an office promises, and how they look."""
