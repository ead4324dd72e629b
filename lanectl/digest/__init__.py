"""Morning: the outcomes of one or many runs, ordered for a reader, and written in every form."""
