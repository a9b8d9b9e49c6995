"""Images and documents without their metadata, opened in a process that can do nothing else.

`bot.files.values` says what goes in and comes out, `bot.files.cleaner` does it. Everything else here
runs in the other process and is imported by nobody.
"""
