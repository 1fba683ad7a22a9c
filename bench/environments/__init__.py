"""The project's Gymnasium environments."""
