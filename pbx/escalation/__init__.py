"""The office and its own people on the telephone: urgent messages, shifts, calls to patients."""
