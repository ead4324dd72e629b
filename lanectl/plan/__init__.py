"""Out: recipe and items become requests, custom ids, batches under the limits, and an estimate; no I/O."""
