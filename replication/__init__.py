"""The gateway and the replicator: laptops that work offline."""
