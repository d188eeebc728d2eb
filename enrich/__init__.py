"""What it means: language, places, themes, redaction, relations."""
