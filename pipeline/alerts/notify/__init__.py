"""Notifications: what is said, and the channels it is said by (docs/alerts.md)."""
