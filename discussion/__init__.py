"""Discussion threads."""
