"""What every engine needs besides the core: the records of a run read back from its store, and memoization."""
