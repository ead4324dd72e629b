"""The verbs: each walks between the doors and the pure rooms, reports progress through one callable,
prints nothing."""
