"""A reader with Rust crypto, in Node, spoken to in lines of JSON."""

from tests.support.reader.rust_reader import RustReader, Verdict

__all__ = ["RustReader", "Verdict"]
