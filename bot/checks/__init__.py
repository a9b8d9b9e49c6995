"""What `acuerpa check` looks at: a module for each thing, and `bot.checks.table` with all of them.

A check changes nothing, and may be made beside a bot that runs: it does not take the right to act,
fetches no messages, and leaves no device on Matrix.
"""
