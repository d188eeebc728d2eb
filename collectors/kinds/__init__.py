"""One module a kind of source: how it is asked, and how its answers are read. :mod:`collectors.registry` names them."""
