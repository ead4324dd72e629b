"""Back: what an answer must look like, and what a raw line of results becomes."""
