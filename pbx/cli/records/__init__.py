"""Commands for records: audit, retention holds, retention and backup."""
