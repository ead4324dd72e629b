"""Makes any text safe for where it goes: terminal, HTML, Markdown, CSV, JSON, file names, mail, desktop."""
