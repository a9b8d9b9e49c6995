"""What `acuerpa …` can be told at a terminal: a module for each thing that an operator does."""
