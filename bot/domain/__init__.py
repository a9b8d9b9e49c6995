"""The rules: values in, decisions out. Nothing here reads a clock, a file or a network."""
