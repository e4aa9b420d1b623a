"""The engines for one machine: in this process, and across a pool of processes."""
