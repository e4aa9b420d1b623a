"""One step in one process: ticket in, outcome out. The same code runs in process, in local processes and in pods."""
