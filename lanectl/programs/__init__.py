"""The door to other programs, the only place that starts a process: argument lists, no shell, limits."""
