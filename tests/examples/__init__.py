"""The examples of the developers' pages. They are shown there as they stand here, and they run."""
