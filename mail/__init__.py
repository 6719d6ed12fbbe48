"""Bulk mail, fax, reminders and escalations."""
