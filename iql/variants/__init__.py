"""IQL as other repositories have it, one difference a module; all else is iql.iql's."""
