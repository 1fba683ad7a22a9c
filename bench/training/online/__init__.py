"""The online phase: collect environment steps and learn from them."""
