"""Backups: one age file each, which holds a tar archive; made by a process of its own beside the bot.

`values` is what a backup is and how it is called, `stream` is the file, `work` what is done to make
one, `making` has it done; `restoring` puts one in the place of the database, and `rehearsing` shows
that it could. docs/en/backup.md says how to open one without any of this.
"""
