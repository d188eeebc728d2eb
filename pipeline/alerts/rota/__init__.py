"""Who is told, when, and who is told next: docs/rota.md."""
