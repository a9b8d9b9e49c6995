"""Feeds of other organisations: fetched and read. Nothing of ours is sent there."""
