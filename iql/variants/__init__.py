"""IQL as other repositories implement it: one difference per module, the rest from iql.iql."""
