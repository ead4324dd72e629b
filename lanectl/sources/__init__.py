"""Where a recipe's items come from: one module a kind, all of them lazy."""
