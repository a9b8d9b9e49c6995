"""`acuerpa init`: from a few questions to an installation that can start, and its first invitation.

Everything is asked and tried first; files are written at the end, all or none, and none over another.
"""
