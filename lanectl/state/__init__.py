"""The state file: what was paid for, and everything that must survive the process that knew it."""
