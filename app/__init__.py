"""Davenport."""
