"""Acuerpa: check-ins, escalation and public denunciations for solidarity networks."""
