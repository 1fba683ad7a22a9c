"""Record updates: trace them, prove that nothing of the method is frozen by it, and replay."""
