"""What each type of rule remembers of the documents, and when it speaks. docs/rules.md says what each does."""
