"""Signatures of what is published, in a form that a tool which is not ours checks as well."""
