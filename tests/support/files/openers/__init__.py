"""Processes that take the opener's place: what a decoder does that an attacker took over."""
