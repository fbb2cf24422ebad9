"""Commands for what is kept and what goes: audit, holds, retention, backup."""
