"""Pictures for a chat: drawn from values, in the reader's own words. Never without the same in words,
for who cannot see them or has the network for text alone."""
