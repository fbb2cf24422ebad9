"""Read patient lists from other programs: encodings, columns, and phone numbers in cells."""
