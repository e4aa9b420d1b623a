"""The operator: OpJobs in, pods out. The core that runs them is the same as that of `kedge run`."""
