"""How fast, each time against a named peer in the same run: `make bench`, or `python -m bench NAME`."""
