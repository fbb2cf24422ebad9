"""A practice's first file, and changes of it: answers read, put into the text, and written down."""
