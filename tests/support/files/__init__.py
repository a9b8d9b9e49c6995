"""Files as people send them, full of what they do not know is in there."""
