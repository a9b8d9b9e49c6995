"""The proofs of the promises: a short version in `make test`, the whole in `make proofs`."""
