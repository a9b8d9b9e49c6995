"""A SOCKS5 proxy in a process of its own, which alone knows where the names of a test lead.

`python -m tests.fakes.socks --log FILE [--port N] [--name USER --password WORDS] [--route …]`
prints its port. It logs each connection that is asked for and how that ended, and connects from
127.0.0.2, so that who is reached can tell it from everybody else. A name without a route is not found.

Sources: RFC 1928, RFC 1929.
"""

SOURCE = "127.0.0.2"
"""From where it connects."""
