"""Training of behaviour policies and collection of datasets with them."""
