"""One module a page: what is asked, what is shown, and how the one is made of the other. No HTML."""
