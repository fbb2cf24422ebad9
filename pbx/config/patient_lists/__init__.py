"""How other programs write lists of patients: encodings, columns, and numbers in cells."""
