"""What every part of it uses: errors, files, paths, the clock, logs, phone numbers."""
