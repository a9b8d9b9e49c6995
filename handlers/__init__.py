"""One module per conversation, written once for every platform."""
